"""Your assistant: this folder is yours to edit. `create` is called once, when a function starts.

`assistant.py` says which model answers and how. Everything else of this package serves what you write here.
"""

from functions.assistant.assistant import MyAssistant
from functions.engine.assistant import Assistant


def create() -> Assistant:
    """The assistant that answers."""
    return MyAssistant()

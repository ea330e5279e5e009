"""Your assistant: this folder is yours to edit. `create` is called once, when a function starts.

`assistant.py` says which model answers and how. Everything else of this package serves what you write here.
"""

from collections.abc import Mapping

from functions.assistant.assistant import MyAssistant
from functions.engine.assistant import Assistant


def create() -> Mapping[str, Assistant]:
    """The assistants by agent type: a page picks one by the header `X-Agent-Type`, and gets `default` without it."""
    return {"default": MyAssistant()}

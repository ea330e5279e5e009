"""Your assistant: this folder is yours to edit. `create` is called once, when a function starts.

- `assistant.py`: which model answers, and what it is told. Begin here.
- `tools.py`: what the model may do beside talking.
- `attachments.py`: which files users may send.
- `directory.py`: what users may tag with `@`: people, documents, whatever your world holds.
- `demo.py`, `demo_widgets.py`: an assistant without a model that shows everything that an assistant can do. It answers where
  there is no OpenAI key. Copy from it, or delete it.

Everything else of this package serves what you write here: `docs/assistant.md`.
"""

from collections.abc import Mapping

from functions.assistant.assistant import MyAssistant
from functions.assistant.attachments import ATTACHMENTS
from functions.assistant.demo import DemoAssistant
from functions.engine.assistant import Assistant

__all__ = ["ATTACHMENTS", "create"]


def create(*, has_model: bool) -> Mapping[str, Assistant]:
    """The assistants by agent type: a page picks one by the header `X-Agent-Type`, and gets `default` without it.

    `has_model` is False where there is no OpenAI key: on a laptop that runs the local stack.
    """
    demo = DemoAssistant()
    return {"default": MyAssistant() if has_model else demo, "demo": demo}

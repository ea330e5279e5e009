"""What the user picked in the composer: a model, a tool. Only what the assistant offers is taken. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.engine.tools import Toolbox
from functions.errors import InvalidRequest
from functions.model import kept
from functions.model.to_input import turns
from functions.protocol.items import (
    ClientToolCallItem,
    HiddenContextItem,
    StructuredInputItem,
    ThreadItem,
    UserMessageItem,
)
from functions.protocol.messages import InferenceOptions

FIELD = "params.input.inference_options"


def check(options: InferenceOptions, *, models: Mapping[str, str], toolbox: Toolbox) -> None:
    """Raises `InvalidRequest` for a model or a tool that is not offered."""
    if options.model is not None and options.model not in models:
        raise InvalidRequest(f"{FIELD}.model", "is no model that this assistant offers")
    if options.tool_choice is not None and options.tool_choice.id not in toolbox:
        raise InvalidRequest(f"{FIELD}.tool_choice.id", "is no tool that this assistant offers")


def picked_model(items: Sequence[ThreadItem], models: Mapping[str, str]) -> str | None:
    """The model that the newest user message asks for; None where it asks for none that is offered."""
    options = _newest(items)
    return models.get(options.model) if options is not None and options.model is not None else None


def picked_tool(items: Sequence[ThreadItem], toolbox: Toolbox) -> Mapping[str, Any] | None:
    """The `tool_choice` for the tool that the newest user message asks for; None once a tool was used for it.

    To demand it in each round would never let the model answer.
    """
    options = _newest(items)
    if options is None or options.tool_choice is None or any(map(_is_use, turns(items)[-1])):
        return None
    return toolbox.choice(options.tool_choice.id)


def _newest(items: Sequence[ThreadItem]) -> InferenceOptions | None:
    return next((item.inference_options for item in reversed(items) if isinstance(item, UserMessageItem)), None)


def _is_use(item: ThreadItem) -> bool:
    if isinstance(item, HiddenContextItem):
        return kept.kind_of(item.content) is not None
    return isinstance(item, ClientToolCallItem | StructuredInputItem)

"""Actions: what a widget or the page asks the assistant to do."""

from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, SerializerFunctionWrapHandler, model_serializer

from functions.protocol.base import WireModel
from functions.protocol.limits import ACTION_CHARACTERS, PAYLOAD_BYTES, free_json, short

Handler = Literal["client", "server"]
LoadingBehavior = Literal["auto", "none", "self", "container"]


class Action(WireModel):
    """An action as it arrives: its name, and whatever the author gave it to carry."""

    type: Annotated[str, short(ACTION_CHARACTERS)]
    payload: Annotated[Any, free_json(PAYLOAD_BYTES)] = None


class ActionConfig(WireModel):
    """An action as a widget declares it. Its JSON holds no null, nor does its payload, as with the official server."""

    model_config = ConfigDict(extra="forbid")

    type: str
    payload: Any = None
    handler: Handler = "server"
    loadingBehavior: LoadingBehavior = "auto"  # noqa: N815 - the wire's name
    streaming: bool = True
    """False sends `threads.sync_custom_action`: one updated item comes back instead of a stream."""

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_nulls(handler(self))


def without_nulls(value: Any) -> Any:
    """`value`, which is JSON, without its nulls: neither in objects nor in lists, at any depth."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: without_nulls(member) for name, member in members.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(element) for element in cast("list[Any]", value) if element is not None]
    return value

"""Actions: what a widget or the page asks the assistant to do."""

from typing import Any, Literal

from functions.protocol.base import WireModel

Handler = Literal["client", "server"]
LoadingBehavior = Literal["auto", "none", "self", "container"]


class Action(WireModel):
    """An action as it arrives: its name, and whatever the author gave it to carry."""

    type: str
    payload: Any = None


class ActionConfig(WireModel):
    """An action as a widget declares it."""

    type: str
    payload: Any = None
    handler: Handler = "server"
    loadingBehavior: LoadingBehavior = "auto"  # noqa: N815 - the wire's name
    streaming: bool = True
    """False sends `threads.sync_custom_action`: one updated item comes back instead of a stream."""

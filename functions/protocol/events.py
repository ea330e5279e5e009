"""Stream events: what a streaming request is answered with, one SSE frame each."""

from typing import Annotated, Any, Literal

from pydantic import Field

from functions.protocol.base import WireModel
from functions.protocol.icons import IconName
from functions.protocol.items import ThreadItem
from functions.protocol.threads import Thread
from functions.protocol.updates import ThreadItemUpdate


class ThreadCreatedEvent(WireModel):
    """A thread exists. Until this the client ignores everything except errors."""

    type: Literal["thread.created"] = "thread.created"
    thread: Thread


class ThreadUpdatedEvent(WireModel):
    """The thread itself has changed: its title, its status."""

    type: Literal["thread.updated"] = "thread.updated"
    thread: Thread


class ThreadItemAddedEvent(WireModel):
    """An item opens. It is not stored yet."""

    type: Literal["thread.item.added"] = "thread.item.added"
    item: ThreadItem


class ThreadItemUpdatedEvent(WireModel):
    """An open item changes."""

    type: Literal["thread.item.updated"] = "thread.item.updated"
    item_id: str
    update: ThreadItemUpdate


class ThreadItemDoneEvent(WireModel):
    """An item is complete, and stored."""

    type: Literal["thread.item.done"] = "thread.item.done"
    item: ThreadItem


class ThreadItemRemovedEvent(WireModel):
    """An item is gone."""

    type: Literal["thread.item.removed"] = "thread.item.removed"
    item_id: str


class ThreadItemReplacedEvent(WireModel):
    """A stored item has a new content."""

    type: Literal["thread.item.replaced"] = "thread.item.replaced"
    item: ThreadItem


class StreamOptions(WireModel):
    """How the client treats this stream."""

    allow_cancel: bool
    """Whether the client shows its stop button."""


class StreamOptionsEvent(WireModel):
    """How the client treats this stream, from here on."""

    type: Literal["stream_options"] = "stream_options"
    stream_options: StreamOptions


class ProgressUpdateEvent(WireModel):
    """A line that says what is going on. Not stored."""

    type: Literal["progress_update"] = "progress_update"
    icon: IconName | None = None
    text: str


class ClientEffectEvent(WireModel):
    """Something that the page does without an answer. Not stored."""

    type: Literal["client_effect"] = "client_effect"
    name: str
    data: dict[str, Any] = Field(default_factory=dict[str, Any])


class ErrorEvent(WireModel):
    """What went wrong, for the user. `custom` shows `message`; other codes show a text of the client's own."""

    type: Literal["error"] = "error"
    code: Literal["stream.error", "custom"] = "custom"
    message: str | None = None
    allow_retry: bool = False


class NoticeEvent(WireModel):
    """A notice to the user, in Markdown. Not stored."""

    type: Literal["notice"] = "notice"
    level: Literal["info", "warning", "danger"]
    message: str
    title: str | None = None


ThreadStreamEvent = Annotated[
    ThreadCreatedEvent
    | ThreadUpdatedEvent
    | ThreadItemDoneEvent
    | ThreadItemAddedEvent
    | ThreadItemUpdatedEvent
    | ThreadItemRemovedEvent
    | ThreadItemReplacedEvent
    | StreamOptionsEvent
    | ProgressUpdateEvent
    | ClientEffectEvent
    | ErrorEvent
    | NoticeEvent,
    Field(discriminator="type"),
]

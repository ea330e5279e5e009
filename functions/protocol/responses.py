"""What requests other than streams are answered with, where it is no thread, item or attachment."""

from functions.protocol.base import WireModel
from functions.protocol.items import ThreadItem


class SyncCustomActionResponse(WireModel):
    """The item that a synchronous action has changed, if any."""

    updated_item: ThreadItem | None = None


class TranscriptionResult(WireModel):
    """The text that was spoken."""

    text: str

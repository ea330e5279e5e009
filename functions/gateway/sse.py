"""Stream events as server-sent events: `data: <json>` and an empty line, no `event:`, no `id:`."""

from typing import TypeAlias

from functions.protocol.base import to_wire
from functions.protocol.events import ThreadStreamEvent

Frame: TypeAlias = bytes


def frame(event: ThreadStreamEvent) -> Frame:
    """One event's bytes. The JSON is one line whatever text it holds: a line feed is escaped in it."""
    return b"data: " + to_wire(event) + b"\n\n"

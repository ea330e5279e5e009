"""Assistant messages: text, refusals and what they rest on, streamed. The hot path: one delta is a few microseconds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from functions.ids import IdFactory
from functions.model.base import ResponseEvent
from functions.model.to_chatkit.citations import annotation, annotations
from functions.model.to_chatkit.texts import encodable, rejoined
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import AssistantMessageItem
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.updates import (
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
)

_TEXT_PARTS: Final[Mapping[str, str]] = {"output_text": "text", "refusal": "refusal"}
"""The content parts that a user reads, and where their text stands; `reasoning_text` parts are not shown."""


@dataclass(slots=True)
class _Open:
    item: AssistantMessageItem
    parts: dict[int, int] = field(default_factory=dict[int, int])
    """The model's content index → the client's, which leaves out the parts that are not shown."""
    halves: dict[int, str] = field(default_factory=dict[int, str])
    """The first half of a surrogate pair that a delta ended with, by the client's content index."""
    annotations: dict[int, int] = field(default_factory=dict[int, int])
    """How many annotations were shown, by the client's content index."""

    def part(self, content_index: int) -> int:
        return self.parts.setdefault(content_index, len(self.parts))


class Messages:
    """The messages of one response, by `output_index`. Raises `KeyError` for a part of a message that is not open."""

    def __init__(self, *, thread_id: str, ids: IdFactory, now: Callable[[], datetime]) -> None:
        self._thread_id = thread_id
        self._ids = ids
        self._now = now
        self._open: dict[int, _Open] = {}

    def text_delta(self, event: ResponseEvent) -> Sequence[ThreadStreamEvent]:
        """Text is appended."""
        message = self._open[event["output_index"]]
        index = message.part(event["content_index"])
        delta: str = event["delta"]
        if not delta.isascii():
            delta = rejoined(message.halves, index, delta)
        if not delta:
            return ()
        update = AssistantMessageContentPartTextDelta(content_index=index, delta=delta)
        return (ThreadItemUpdatedEvent(item_id=message.item.id, update=update),)

    def added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A message opens."""
        index = event["output_index"]
        if index not in self._open:
            self._open[index] = _Open(self._new_item())
            yield ThreadItemAddedEvent(item=self._open[index].item)

    def part_added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A part opens."""
        content = _content(event["part"])
        if content is not None:
            message = self._open[event["output_index"]]
            yield ThreadItemUpdatedEvent(
                item_id=message.item.id,
                update=AssistantMessageContentPartAdded(
                    content_index=message.part(event["content_index"]), content=content
                ),
            )

    def annotation_added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A source is tied to the text; numbered over those of its part that were shown."""
        found = annotation(event["annotation"])
        if found is not None:
            message = self._open[event["output_index"]]
            index = message.part(event["content_index"])
            number = message.annotations.get(index, 0)
            message.annotations[index] = number + 1
            yield ThreadItemUpdatedEvent(
                item_id=message.item.id,
                update=AssistantMessageContentPartAnnotationAdded(
                    content_index=index, annotation_index=number, annotation=found
                ),
            )

    def part_done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A part is complete."""
        content = _content(event["part"])
        if content is not None:
            message = self._open[event["output_index"]]
            yield ThreadItemUpdatedEvent(
                item_id=message.item.id,
                update=AssistantMessageContentPartDone(
                    content_index=message.part(event["content_index"]), content=content
                ),
            )

    def done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A message is complete; one that was never opened is shown whole."""
        message = self._open.pop(event["output_index"], None)
        item = self._new_item() if message is None else message.item
        content = [found for part in event["item"]["content"] if (found := _content(part)) is not None]
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": content}))

    def unfinished(self) -> list[int]:
        """The indexes of the messages that are still open."""
        return list(self._open)

    def _new_item(self) -> AssistantMessageItem:
        return AssistantMessageItem(
            id=self._ids.new("message"), thread_id=self._thread_id, created_at=self._now(), content=[]
        )


def _content(part: Mapping[str, Any]) -> AssistantMessageContent | None:
    key = _TEXT_PARTS.get(part["type"])
    if key is None:
        return None
    return AssistantMessageContent(text=encodable(part[key]), annotations=annotations(part.get("annotations") or ()))

"""A response's stream becomes ChatKit events. Pure: it is fed one event after the other, and does no I/O.

| Responses event | ChatKit |
| --- | --- |
| `output_item.added`, a message | `thread.item.added` |
| `content_part.added` | `assistant_message.content_part.added` |
| `output_text.delta`, `refusal.delta` | `assistant_message.content_part.text_delta` |
| `content_part.done` | `assistant_message.content_part.done` |
| `output_item.done`, a message | `thread.item.done`, with the whole content |
| `response.completed` | the end |
| `response.failed`, `response.incomplete`, `error`; or no terminal event | `ModelError`, once what came before was sent |

Several messages may be open at once: they are told apart by `output_index`, as ids have been seen to change between
`added` and `done` behind proxies. Events of other types, also unknown ones, are passed over.

Event types: https://platform.openai.com/docs/api-reference/responses-streaming
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from functions.errors import ModelError
from functions.ids import IdFactory
from functions.model.base import ResponseEvent
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
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
)
from functions.translations import Text

_TEXT_PARTS: Final[Mapping[str, str]] = {"output_text": "text", "refusal": "refusal"}
"""The content parts that a user reads, and where their text stands; `reasoning_text` parts are not shown."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class _OpenMessage:
    item: AssistantMessageItem
    parts: dict[int, int] = field(default_factory=dict[int, int])
    """The model's content index → the client's, which leaves out the parts that are not shown."""
    halves: dict[int, str] = field(default_factory=dict[int, str])
    """The first half of a surrogate pair that a delta ended with, by the client's content index."""

    def part(self, content_index: int) -> int:
        return self.parts.setdefault(content_index, len(self.parts))


class ResponseReader:
    """Reads one response."""

    def __init__(self, *, thread_id: str, ids: IdFactory, now: Callable[[], datetime]) -> None:
        self._thread_id = thread_id
        self._ids = ids
        self._now = now
        self._messages: dict[int, _OpenMessage] = {}
        self._completed = False
        self._readers: Final[Mapping[str, Callable[[ResponseEvent], Iterator[ThreadStreamEvent]]]] = {
            "response.output_text.delta": self._text_delta,
            "response.refusal.delta": self._text_delta,
            "response.output_item.added": self._item_added,
            "response.content_part.added": self._part_added,
            "response.content_part.done": self._part_done,
            "response.output_item.done": self._item_done,
            "response.completed": self._response_completed,
            "response.failed": self._response_failed,
            "response.incomplete": self._response_incomplete,
            "error": self._response_failed,
        }

    def feed(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """The ChatKit events of one stream event. Raises `ModelError` at a terminal event that is no success."""
        reader = self._readers.get(event.get("type", ""))
        return iter(()) if reader is None else reader(event)

    def end(self) -> None:
        """To be called when the stream has ended. Raises `ModelError` where it ended before its terminal event."""
        if not self._completed:
            raise ModelError(Text.MODEL_BROKE_OFF)

    def _text_delta(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        message = self._message(event)
        index = message.part(event["content_index"])
        delta: str = event["delta"]
        if not delta.isascii():
            delta = _rejoined(message.halves, index, delta)
        if delta:
            yield ThreadItemUpdatedEvent(
                item_id=message.item.id,
                update=AssistantMessageContentPartTextDelta(content_index=index, delta=delta),
            )

    def _item_added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        if event["item"]["type"] == "message":
            yield ThreadItemAddedEvent(item=self._open(event["output_index"]).item)

    def _part_added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        text = _text(event["part"])
        if text is not None:
            message = self._message(event)
            yield ThreadItemUpdatedEvent(
                item_id=message.item.id,
                update=AssistantMessageContentPartAdded(
                    content_index=message.part(event["content_index"]), content=AssistantMessageContent(text=text)
                ),
            )

    def _part_done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        text = _text(event["part"])
        if text is not None:
            message = self._message(event)
            yield ThreadItemUpdatedEvent(
                item_id=message.item.id,
                update=AssistantMessageContentPartDone(
                    content_index=message.part(event["content_index"]), content=AssistantMessageContent(text=text)
                ),
            )

    def _item_done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        if event["item"]["type"] != "message":
            return
        message = self._message(event)
        del self._messages[event["output_index"]]
        texts = [text for part in event["item"]["content"] if (text := _text(part)) is not None]
        content = [AssistantMessageContent(text=text) for text in texts]
        yield ThreadItemDoneEvent(item=message.item.model_copy(update={"content": content}))

    def _response_completed(self, _event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        self._completed = True
        return iter(())

    def _response_failed(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        raise ModelError(Text.MODEL_FAILED) from _Reported(_reason(event))

    def _response_incomplete(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        raise ModelError(Text.MODEL_INCOMPLETE) from _Reported(_reason(event))

    def _message(self, event: ResponseEvent) -> _OpenMessage:
        message = self._messages.get(event["output_index"])
        if message is None:
            raise ModelError(Text.MODEL_UNREADABLE) from _Reported("a part of no open message")
        return message

    def _open(self, output_index: int) -> _OpenMessage:
        item = AssistantMessageItem(
            id=self._ids.new("message"), thread_id=self._thread_id, created_at=self._now(), content=[]
        )
        return self._messages.setdefault(output_index, _OpenMessage(item))


class _Reported(Exception):
    """What the model's service reported: a code, never content."""


def _text(part: Mapping[str, Any]) -> str | None:
    key = _TEXT_PARTS.get(part["type"])
    return None if key is None else _encodable(part[key])


def _rejoined(halves: dict[int, str], index: int, delta: str) -> str:
    """The delta with the half that the one before it ended with; a half at its own end is held back.

    The API cuts its deltas anywhere, also between the two UTF-16 halves of one character, and JSON lets it.
    """
    delta = halves.pop(index, "") + delta
    if "\ud800" <= delta[-1] <= "\udbff":
        halves[index] = delta[-1]
        delta = delta[:-1]
    return _encodable(delta)


def _encodable(text: str) -> str:
    """The text with surrogate pairs as the characters that they are, and a lone half as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return _LONE_SURROGATE.sub("\ufffd", paired)
    return text


def _reason(event: ResponseEvent) -> str:
    """The code of a failure, wherever it stands: nested in `error` or `response` on the wire, flat in the docs."""
    response = cast("Mapping[str, Any]", event.get("response") or event)
    error = cast("Mapping[str, Any]", response.get("error") or response.get("incomplete_details") or response)
    return str(error.get("code") or error.get("reason") or "unknown")

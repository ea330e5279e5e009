"""The events, one function each. Pure. Their forms are schemas, one file each, in docs/events/: tests hold them together."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from functions.announcements.base import Event
from functions.errors import LimitReached

CONTENT_BYTES: Final = 28_000
"""The most of one text in an event, as JSON. Two texts and all else stay below the 64 KB that are billed as one event
(https://aws.amazon.com/eventbridge/pricing/), and far below what an event may have
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)."""

Json: TypeAlias = dict[str, Any]


def thread_created(owner: str, thread_id: str, *, time: datetime) -> Event:
    """A user has begun a thread, with a first message."""
    return Event("thread.created", thread_id, time, owner, {"thread_id": thread_id})


def turn_completed(
    owner: str,
    thread_id: str,
    turn_id: str,
    *,
    time: datetime,
    outcome: str,
    request_id: str,
    usage: Sequence[Json],
    timings: Json,
    content: Json | None = None,
) -> Event:
    """An answer has ended: `completed`, or `stopped` by the user. For the rest see `functions.engine.metering`."""
    fields = {"outcome": outcome, **_turn(thread_id, turn_id, request_id, usage, timings, content)}
    return Event("turn.completed", turn_id, time, owner, fields)


def turn_failed(
    owner: str,
    thread_id: str,
    turn_id: str,
    *,
    time: datetime,
    reason: str,
    request_id: str = "",
    usage: Sequence[Json] | None = None,
    timings: Json | None = None,
    content: Json | None = None,
) -> Event:
    """An answer has broken off. What is not known, as its function was killed, is None."""
    fields = {"reason": reason, **_turn(thread_id, turn_id, request_id, usage, timings, content)}
    return Event("turn.failed", turn_id, time, owner, fields)


def feedback_received(
    owner: str, thread_id: str, item_ids: Sequence[str], kind: str, *, event_id: str, time: datetime
) -> Event:
    """A user has said what they think of some items; or has thought better of it."""
    fields = {"thread_id": thread_id, "item_ids": list(item_ids), "kind": kind}
    return Event("feedback.received", event_id, time, owner, fields)


def attachment_uploaded(
    owner: str, attachment_id: str, *, time: datetime, mime_type: str, size: int, name: str | None = None
) -> Event:
    """A file was looked at and taken. Its `name` is what the user wrote: None leaves it out."""
    fields: Json = {"attachment_id": attachment_id, "mime_type": mime_type, "size": size}
    if name is not None:
        fields["content"] = {"name": cut(name)[0]}
    return Event("attachment.uploaded", attachment_id, time, owner, fields)


def quota_exceeded(owner: str, *, event_id: str, time: datetime, limit: str, of: str, retry_after: int | None) -> Event:
    """A request was refused as a limit is reached: whose (`user`, `tenant`), and in how many seconds time frees it."""
    fields = {"limit": limit, "of": of, "retry_after": retry_after}
    return Event("quota.exceeded", event_id, time, owner, fields)


def limit_reached(error: LimitReached, owner: str, *, event_id: str, time: datetime) -> Event:
    """The same, as the refusal itself says it."""
    return quota_exceeded(
        owner, event_id=event_id, time=time, limit=error.limit, of=error.of, retry_after=error.retry_after
    )


def turn_content(message: str | None, answer: str) -> Json:
    """What user and assistant have said in a turn, as an event holds it."""
    said, is_whole = (None, True) if message is None else cut(message)
    answered, is_whole_answer = cut(answer)
    return {"message": said, "answer": answered, "is_cut": not (is_whole and is_whole_answer)}


def cut(text: str, most: int = CONTENT_BYTES) -> tuple[str, bool]:
    """As much of a text as has `most` bytes as JSON, and whether that is all. What is no Unicode becomes `?`."""
    clean = text.encode(errors="replace").decode()
    start = clean[:most]  # no character has less than a byte
    characters = bisect_right(range(len(start) + 1), most, key=lambda count: _size(start[:count])) - 1
    return start[:characters], characters == len(clean)


def _size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


def _turn(
    thread_id: str,
    turn_id: str,
    request_id: str,
    usage: Sequence[Json] | None,
    timings: Json | None,
    content: Mapping[str, Any] | None,
) -> Json:
    fields: Json = {
        "thread_id": thread_id,
        "turn_id": turn_id,
        "request_id": request_id or None,
        "usage": None if usage is None else list(usage),
        "timings": timings,
    }
    return fields if content is None else {**fields, "content": content}

"""Events as EventBridge takes them, and in what portions. Pure.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from functions.announcements.base import VERSION, Event
from functions.identity.base import parted

SOURCE: Final = "chatkit-lambda"
"""What every event's `source` is, by which rules tell ours."""
MOST_ENTRIES: Final = 10
"""The most entries of one request (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html)."""
MOST_BYTES: Final = 256_000
"""The most bytes of one request: what a single entry could have before AWS raised that to 1 MB, and stand-ins still take."""

_TIME_BYTES: Final = 14
"""What `Time` counts for (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html)."""

Entry: TypeAlias = dict[str, Any]


def detail(event: Event, *, stage: str) -> dict[str, Any]:
    """What a rule's target finds in `detail`."""
    user, tenant = parted(event.owner)
    return {
        "version": VERSION,
        "id": event.id,
        "time": timestamp(event.time),
        "stage": stage,
        "tenant": tenant,
        "user": user,
        **event.fields,
    }


def timestamp(time: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds. Raises `ValueError` for a time that knows no zone."""
    if time.utcoffset() is None:
        raise ValueError("a time is aware of its zone")
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(event: Event, *, stage: str, bus: str) -> Entry:
    """The entry of an event on a bus, which is named by its name or ARN."""
    return {
        "EventBusName": bus,
        "Source": SOURCE,
        "DetailType": event.name,
        "Time": event.time,
        "Detail": json.dumps(detail(event, stage=stage), ensure_ascii=False, separators=(",", ":")),
    }


def size(one: Entry) -> int:
    """Bytes, as EventBridge counts them."""
    return _TIME_BYTES + sum(len(one[name].encode()) for name in ("Source", "DetailType", "Detail"))


def portions(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries in their order, as many in each request as it takes."""
    portion: list[Entry] = []
    held = 0
    for one in entries:
        its = size(one)
        if portion and (len(portion) == MOST_ENTRIES or held + its > MOST_BYTES):
            yield portion
            portion, held = [], 0
        portion.append(one)
        held += its
    if portion:
        yield portion

"""Who hears what happens, in tests; and the forms that events must have."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, get_args

from jsonschema import Draft202012Validator

from functions.announcements.base import Event, EventName, Found
from functions.announcements.entries import detail
from functions.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
FORMS = ROOT / "docs" / "events"
NAMES: tuple[EventName, ...] = get_args(EventName)


class Ear:
    """An `Announcer` that remembers."""

    def __init__(self, *, has_content: bool = False) -> None:
        self._has_content = has_content
        self._heard: list[Event | Found] = []

    @property
    def has_content(self) -> bool:
        return self._has_content

    def tell(self, event: Event) -> None:
        self._heard.append(event)

    def tell_what(self, found: Found) -> None:
        self._heard.append(found)

    async def heard(self) -> list[Event]:
        """What was told, each of its documented form."""
        events = [event for one in self._heard if (event := await _event(one)) is not None]
        for event in events:
            check(event.name, detail(event, stage="test"))
        return events

    async def names(self) -> list[str]:
        return [event.name for event in await self.heard()]


async def _event(one: Event | Found) -> Event | None:
    if isinstance(one, Event):
        return one
    with suppress(Unavailable):  # as `Outbox` has it: then there is nothing to tell
        return await one()
    return None


class MemoryBus:
    """A `Bus` that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.puts = 0

    async def put(self, events: Sequence[Event]) -> None:
        self.puts += 1
        self.events += events


def check(name: str, content: dict[str, Any]) -> None:
    """Whether an event's `detail` is of its form, and holds nothing else. Raises `jsonschema.ValidationError`."""
    _validator(name).validate(json.loads(json.dumps(content)))


def schema(name: str) -> dict[str, Any]:
    return json.loads((FORMS / f"{name}.schema.json").read_text(encoding="utf-8"))


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_closed(schema(name)))


def _closed(value: Any) -> Any:
    """A schema that lets nothing pass that it does not name: subscribers must, but what we send is known."""
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    closed = {name: _closed(each) for name, each in value.items()}
    return {**closed, "additionalProperties": False} if "properties" in closed else closed


def of(events: Iterable[Event], name: str) -> list[Event]:
    """Those of a name."""
    return [event for event in events if event.name == name]

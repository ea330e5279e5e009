"""The ports to whoever is told what has happened, and what they are told: pure values, cheap to import."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

EventName: TypeAlias = Literal[
    "thread.created",
    "turn.completed",
    "turn.failed",
    "feedback.received",
    "attachment.uploaded",
    "quota.exceeded",
]

VERSION: Final = 1
"""The version of every event's form: what may change within it is said in docs/events.md."""


class Event(NamedTuple):
    """Something that has happened."""

    name: EventName
    id: str
    """What it is known by: the same where the same thing is told again."""
    time: datetime
    """When it happened; aware."""
    owner: str
    """The user, with the tenant where there is one (`functions.identity.base.owner`)."""
    fields: Mapping[str, Any]
    """What the event says besides, as JSON: docs/events/ has a schema for each name."""


Found: TypeAlias = Callable[[], Awaitable[Event | None]]
"""Finds out what there is to tell, if anything. May raise."""


class Announcer(Protocol):
    """Takes down what is to be told once nobody waits for it any more. Nothing here waits, or raises."""

    @property
    def has_content(self) -> bool:
        """Whether events may hold what users and assistants wrote."""
        ...

    def tell(self, event: Event) -> None:
        """Tells of an event, later."""
        ...

    def tell_what(self, found: Found) -> None:
        """Later finds out whether there is an event, and tells of it."""
        ...


class Bus(Protocol):
    """Where events go. One contract suite runs on every adapter."""

    async def put(self, events: Sequence[Event]) -> None:
        """Hands over events, of any number. What is not taken is logged, without content, and lost.

        Raises `Unavailable` where the bus cannot be reached, `InternalError` where it refuses: then some were not taken.
        """
        ...

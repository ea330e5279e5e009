"""Events on an EventBridge bus (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html)."""

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from functions.announcements.base import Event
from functions.announcements.entries import Entry, entry, portions
from functions.aws_calls import call

ATTEMPTS: Final = 2
"""How often an entry that a request did not take is tried, where the bus could not take it just then."""
_MAY_FARE_BETTER: Final = frozenset({"InternalException", "InternalFailure", "ThrottlingException"})
"""Codes of entries that are worth a second attempt
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html)."""

_log: Final = logging.getLogger(__name__)


class PutsEvents(Protocol):
    """The one call of boto3's client for EventBridge."""

    def put_events(self, *, Entries: Sequence[Entry]) -> Any:  # noqa: N803 - its name
        """Takes some entries, or all, or none."""
        ...


class EventBridge:
    """Implements `functions.announcements.base.Bus`."""

    def __init__(self, *, client: PutsEvents, bus: str, stage: str) -> None:
        """`bus` is its name or ARN."""
        self._client = client
        self._bus = bus
        self._stage = stage

    async def put(self, events: Sequence[Event]) -> None:
        """See `Bus`. One request for each ten events, and a second one for those of them that were not taken."""
        named = [(event, entry(event, stage=self._stage, bus=self._bus)) for event in events]
        for portion in portions([one for _, one in named]):
            refused = await self._put(portion)
            for one, code in refused:
                event = next(event for event, its in named if its is one)
                _log.error("an event was not taken", extra={"event": event.name, "event_id": event.id, "code": code})

    async def _put(self, portion: Sequence[Entry]) -> list[tuple[Entry, str]]:
        """The entries that are not taken, each with the reason, after as many attempts as help."""
        refused: list[tuple[Entry, str]] = []
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1
            answer = await call(self._client.put_events, Entries=portion)
            codes = [str(result.get("ErrorCode") or "") for result in answer["Entries"]]
            failed = [(one, code) for one, code in zip(portion, codes, strict=True) if code]
            again = [] if is_last else [one for one, code in failed if code in _MAY_FARE_BETTER]
            refused += [(one, code) for one, code in failed if not any(one is each for each in again)]
            if not again:
                break
            portion = again
        return refused

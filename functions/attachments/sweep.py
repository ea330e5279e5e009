"""The sweep: attachments that no message holds a day after they were announced are deleted.

Each day has a list of what was announced on it. What is dealt with comes off the list, at the very end: so a sweep that
was cut off is finished by the next one. It also finds what a deletion has left that met an upload halfway.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Final

from functions.attachments.base import DeletesObjects
from functions.errors import InternalError, Unavailable
from functions.ids import milliseconds
from functions.store.attachments import AttachmentRecords, Place

EVERY: Final = timedelta(hours=1)
"""How often the sweep runs."""
UNUSED: Final = timedelta(days=1)
"""How old an attachment is when it is looked at."""
DAYS: Final = 7
"""How many days back: a sweep that has not run for a week leaves something behind."""
MOST: Final = 20_000
"""How many attachments one run looks at."""
MARGIN_SECONDS: Final = 10.0
"""How much of a function's time is left when it begins nothing new."""
_AT_ONCE: Final = 20

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Swept:
    """What a run has done."""

    deleted: int = 0
    kept: int = 0
    """How many are in a message."""
    failed: int = 0
    is_whole: bool = True
    """Whether it came to the end of the lists: otherwise the next run goes on."""

    @property
    def looked_at(self) -> int:
        """How many it has dealt with."""
        return self.deleted + self.kept + self.failed


class Sweep:
    """Looks through the lists of the last days."""

    def __init__(
        self, *, records: AttachmentRecords, objects: DeletesObjects, now: Callable[[], datetime], most: int = MOST
    ) -> None:
        """`now` gives aware times, UTC."""
        self._records = records
        self._objects = objects
        self._now = now
        self._most = most

    async def run(self, *, seconds_left: Callable[[], float]) -> Swept:
        """Deals with what is old enough, the oldest day first, as far as time and `most` allow.

        What fails stays on its list, and keeps nothing else back; in the end it raises `InternalError`.
        """
        swept = Swept()
        async with aclosing(self._due()) as due:
            async for day, places in due:
                if seconds_left() < MARGIN_SECONDS or swept.looked_at + len(places) > self._most:
                    swept.is_whole = False
                    break
                await self._sweep(day, places, swept)
        _log.info("unused attachments were swept", extra=asdict(swept))
        if swept.failed:
            raise InternalError(f"{swept.failed} attachments could not be swept")
        return swept

    async def _due(self) -> AsyncGenerator[tuple[date, list[Place]]]:
        """The attachments that are old enough, with their day, some at a time."""
        until = self._now() - UNUSED
        for days in range(DAYS):
            day = (until - timedelta(days=DAYS - 1 - days)).date()
            async for places in self._records.announced_on(day):
                due = [place for place in places if (milliseconds(place.id) or 0) <= until.timestamp() * 1000]
                for start in range(0, len(due), _AT_ONCE):
                    yield day, due[start : start + _AT_ONCE]

    async def _sweep(self, day: date, places: Sequence[Place], swept: Swept) -> None:
        outcomes = await asyncio.gather(*(self._sweep_one(place) for place in places), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                if not isinstance(outcome, Unavailable | InternalError):
                    raise outcome
                swept.failed += 1
            elif outcome:
                swept.deleted += 1
            else:
                swept.kept += 1
        done = [place for place, outcome in zip(places, outcomes, strict=True) if isinstance(outcome, bool)]
        await self._records.take_off(day, done)

    async def _sweep_one(self, place: Place) -> bool:
        """Returns whether the attachment is gone. The row first: from then on, nobody takes what still comes."""
        if not await self._records.drop_unused(place):
            return False
        await self._objects.delete(place)
        return True

"""What has happened in an invocation, kept until its answer has left, and then sent while nobody waits.

An event that is lost is lost: what it tells of is stored already, and is worth more than the telling. So sending has a time
in which it must be done, and whatever goes wrong with it is a line of the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from functions.announcements.base import Bus, Event, Found
from functions.runtime.failures import describe

SECONDS: Final = 2.0
"""How long sending may take. So long at most a process is not free for its next invocation."""
LOCAL_SECONDS: Final = 20.0
"""The same in the local stack, where bus and functions share a machine that may be busy, and nobody pays for the time."""
MOST: Final = 100
"""The most events that wait. One invocation has three or four."""

_log: Final = logging.getLogger(__name__)


class Outbox:
    """Implements `Announcer`; `send` empties it."""

    def __init__(
        self, *, bus: Callable[[], Awaitable[Bus]], has_content: bool = False, seconds: float = SECONDS
    ) -> None:
        """`bus` is made when something is sent for the first time. `seconds`: see `SECONDS`."""
        self._make_bus = bus
        self._bus: Bus | None = None
        self._has_content = has_content
        self._seconds = seconds
        self._waiting: list[Event | Found] = []
        self._dropped = 0

    @property
    def has_content(self) -> bool:
        """See `Announcer`."""
        return self._has_content

    def tell(self, event: Event) -> None:
        """See `Announcer`. Where too many wait, the newest are dropped, which `send` logs."""
        self._add(event)

    def tell_what(self, found: Found) -> None:
        """See `Announcer`."""
        self._add(found)

    async def send(self) -> None:
        """Sends what waits, within `seconds`. Raises nothing; what could not be sent is logged, and forgotten."""
        waiting, self._waiting = self._waiting, []
        dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.error("too many events at once: the last were dropped", extra={"dropped": dropped})
        if not waiting:
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(waiting)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody must suffer for it
            _log.error(
                "events were not sent",
                extra={
                    "events": [one.name for one in waiting if isinstance(one, Event)],
                    "error": type(error).__name__,
                    "trace": describe(error),
                },
            )

    def _add(self, one: Event | Found) -> None:
        if len(self._waiting) < MOST:
            self._waiting.append(one)
        else:
            self._dropped += 1

    async def _send(self, waiting: list[Event | Found]) -> None:
        told = [event for one in waiting if (event := await self._event(one)) is not None]
        if not told:
            return
        if self._bus is None:
            self._bus = await self._make_bus()
        await self._bus.put(told)

    async def _event(self, one: Event | Found) -> Event | None:
        if isinstance(one, Event):
            return one
        try:
            return await one()
        except Exception as error:  # noqa: BLE001 - the others can still be told
            trace = {"error": type(error).__name__, "trace": describe(error)}
            _log.error("whether there is an event could not be found out", extra=trace)
            return None

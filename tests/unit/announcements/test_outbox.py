"""Events on their way out, which nobody waits for, and which break nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from functions.announcements.base import Bus, Event
from functions.announcements.events import thread_created
from functions.announcements.outbox import MOST, SECONDS, Outbox
from functions.errors import InternalError, Unavailable
from tests.support import virtual_time
from tests.support.announced import MemoryBus

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SECRET = "a message"


def event(number: int = 0) -> Event:
    return thread_created("alice", f"thr_{number}", time=NOW)


def outbox_to(bus: Bus) -> Outbox:
    async def make() -> Bus:
        return bus

    return Outbox(bus=make)


class FaultyBus:
    """A `Bus` at which something happens in place of taking events."""

    def __init__(self, happens: Callable[[], Awaitable[None]]) -> None:
        self._happens = happens
        self.puts = 0

    async def put(self, events: Sequence[Event]) -> None:
        self.puts += 1
        await self._happens()


async def is_unavailable() -> None:
    raise Unavailable(SECRET)


async def refuses() -> None:
    raise InternalError(SECRET)


async def breaks() -> None:
    raise KeyError(SECRET)


async def hangs() -> None:
    await asyncio.sleep(3600)


FAULTS = {"unavailable": is_unavailable, "refuses": refuses, "breaks": breaks, "hangs": hangs}


def test_what_waits_is_sent_once_and_in_order() -> None:
    """In one call; a second `send` has nothing to do, and asks nobody."""
    bus = MemoryBus()

    async def scenario() -> None:
        outbox = outbox_to(bus)
        await outbox.send()
        outbox.tell(event(1))
        outbox.tell(event(2))
        assert bus.events == []
        await outbox.send()
        await outbox.send()

    virtual_time.run(scenario())
    assert bus.events == [event(1), event(2)]
    assert bus.puts == 1


def test_the_bus_is_made_for_the_first_event_and_only_once() -> None:
    """Who has nothing to tell pays for no client; it serves all further invocations."""
    made: list[MemoryBus] = []

    async def make() -> Bus:
        made.append(MemoryBus())
        return made[-1]

    async def scenario() -> None:
        outbox = Outbox(bus=make)
        await outbox.send()
        assert made == []
        for number in range(2):
            outbox.tell(event(number))
            assert len(made) == number
            await outbox.send()
            assert len(made) == 1

    virtual_time.run(scenario())
    assert made[0].events == [event(0), event(1)]


def test_what_is_found_out_later_keeps_its_place() -> None:
    """Or is nothing."""
    bus = MemoryBus()

    async def found() -> Event | None:
        return event(2)

    async def nothing() -> Event | None:
        return None

    async def scenario() -> None:
        outbox = outbox_to(bus)
        outbox.tell(event(1))
        outbox.tell_what(nothing)
        outbox.tell_what(found)
        outbox.tell(event(3))
        await outbox.send()
        outbox.tell_what(nothing)
        await outbox.send()

    virtual_time.run(scenario())
    assert bus.events == [event(1), event(2), event(3)]
    assert bus.puts == 1


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_a_line_of_the_log(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is raised, nothing takes longer than the limit, no text stands in the log, and later events are sent."""
    faulty, bus = FaultyBus(FAULTS[fault]), MemoryBus()

    async def scenario() -> None:
        outbox = outbox_to(faulty)
        outbox.tell(event(1))
        before = asyncio.get_running_loop().time()
        await outbox.send()
        assert asyncio.get_running_loop().time() - before <= SECONDS
        later = outbox_to(bus)
        later.tell(event(2))
        await later.send()
        await outbox.send()

    virtual_time.run(scenario())
    assert faulty.puts == 1, "what was lost is not sent again"
    assert bus.events == [event(2)]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.message == "events were not sent"
    assert vars(record)["events"] == ["thread.created"]
    assert SECRET not in str(vars(record))


def test_what_cannot_be_found_out_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """A database that fails then is logged, too."""
    bus = MemoryBus()

    async def fails() -> Event | None:
        raise Unavailable("the store")

    async def scenario() -> None:
        outbox = outbox_to(bus)
        outbox.tell(event(1))
        outbox.tell_what(fails)
        await outbox.send()

    virtual_time.run(scenario())
    assert bus.events == [event(1)]
    assert [vars(record)["error"] for record in caplog.records] == ["Unavailable"]


def test_no_more_wait_than_there_is_room_for(caplog: pytest.LogCaptureFixture) -> None:
    """A loop that tells without end costs some events, and no memory."""
    bus = MemoryBus()

    async def scenario() -> None:
        outbox = outbox_to(bus)
        for number in range(MOST + 3):
            outbox.tell(event(number))
        await outbox.send()
        outbox.tell(event(0))
        await outbox.send()

    virtual_time.run(scenario())
    assert len(bus.events) == MOST + 1
    assert [vars(record)["dropped"] for record in caplog.records] == [3]

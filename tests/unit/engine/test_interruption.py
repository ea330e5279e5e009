"""Breaking into a stream, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from functions.engine.closing import closing
from functions.engine.interruption import Interrupted, Interruption, Reason
from tests.support import virtual_time

Stream = AsyncIterator[int]


def now() -> float:
    return asyncio.get_running_loop().time()


class Reader:
    """Reads a stream to its end; takes `holds` seconds over each event."""

    def __init__(self, stream: Stream, *, holds: float = 0) -> None:
        self.interruption = Interruption()
        self.events: list[int] = []
        self.held: list[int] = []
        self.task = asyncio.ensure_future(self._read(stream, holds))

    async def _read(self, stream: Stream, holds: float) -> None:
        async with closing(stream), closing(self.interruption.watch(stream)) as events:
            async for event in events:
                self.events.append(event)
                await asyncio.sleep(holds)
                self.held.append(event)

    async def interrupted(self) -> Reason:
        """Why it was broken off; and nothing of it is left in the task."""
        with pytest.raises(Interrupted) as caught:
            await self.task
        assert self.task.cancelling() == 0
        return caught.value.reason


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    virtual_time.run(scenario())


async def every_ten_seconds() -> Stream:
    for number in range(3):
        yield number
        await asyncio.sleep(10)


def test_a_stream_that_nobody_breaks_into_goes_through_to_its_end() -> None:
    """What was asked for afterwards reaches nobody."""

    async def scenario() -> None:
        reader = Reader(every_ten_seconds())
        await reader.task
        reader.interruption.now(Reason.STOPPED)
        await asyncio.sleep(1)
        assert (reader.events, now()) == ([0, 1, 2], 31)

    play(scenario)


def test_it_breaks_into_a_silence_at_once() -> None:
    """The stream that is waited for is cancelled, where it stands."""
    cancelled: list[float] = []

    async def silent() -> Stream:
        yield 0
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.append(now())
            raise

    async def scenario() -> None:
        reader = Reader(silent())
        await asyncio.sleep(7)
        reader.interruption.now(Reason.DEADLINE)
        assert await reader.interrupted() is Reason.DEADLINE
        assert (reader.events, cancelled) == ([0], [7])

    play(scenario)


def test_what_the_reader_does_with_an_event_is_not_torn() -> None:
    """While it holds one, the interruption waits until it asks for the next."""

    async def scenario() -> None:
        reader = Reader(every_ten_seconds(), holds=5)
        await asyncio.sleep(2)
        reader.interruption.now(Reason.STOPPED)
        assert await reader.interrupted() is Reason.STOPPED
        assert (reader.held, now()) == ([0], 5)

    play(scenario)


def test_it_may_come_before_the_first_event() -> None:
    """The stream is not even begun."""
    begun: list[bool] = []

    async def stream() -> Stream:
        begun.append(True)
        yield 0

    async def scenario() -> None:
        reader = Reader(stream())
        reader.interruption.now(Reason.STOPPED)
        assert await reader.interrupted() is Reason.STOPPED
        assert not begun

    play(scenario)


def test_the_first_reason_counts() -> None:
    """A deadline does not overtake a stop."""

    async def scenario() -> None:
        reader = Reader(every_ten_seconds())
        await asyncio.sleep(1)
        reader.interruption.now(Reason.STOPPED)
        reader.interruption.now(Reason.DEADLINE)
        assert await reader.interrupted() is Reason.STOPPED

    play(scenario)


async def answers_all_the_same() -> Stream:
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        yield 1


async def ends_all_the_same() -> Stream:
    try:
        await asyncio.sleep(600)
        yield 1
    except asyncio.CancelledError:
        return


async def fails_at_it() -> Stream:
    try:
        await asyncio.sleep(600)
        yield 1
    except asyncio.CancelledError:
        raise RuntimeError("something else") from None


@pytest.mark.parametrize("stream", [answers_all_the_same, ends_all_the_same, fails_at_it])
def test_a_stream_that_swallows_the_cancellation_is_broken_off_all_the_same(stream: Callable[[], Stream]) -> None:
    """Whatever the author's code makes of it, what comes of it is not passed on."""

    async def scenario() -> None:
        reader = Reader(stream())
        await asyncio.sleep(1)
        reader.interruption.now(Reason.GONE)
        assert await reader.interrupted() is Reason.GONE
        assert (reader.events, now()) == ([], 1)

    play(scenario)


def test_after_it_the_task_works_on() -> None:
    """What it still has to do (closing, a last write) waits as it should."""

    async def scenario() -> None:
        interruption = Interruption()
        asyncio.get_running_loop().call_later(3, interruption.now, Reason.STOPPED)
        with pytest.raises(Interrupted):
            async for _ in interruption.watch(every_ten_seconds()):
                pass
        await asyncio.sleep(4)
        assert now() == 7

    play(scenario)


def test_a_failure_of_the_stream_is_raised_as_it_is() -> None:
    """Nobody broke in."""

    async def failing() -> Stream:
        yield 0
        raise RuntimeError("broken")

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match="broken"):
            await Reader(failing()).task

    play(scenario)


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_somebody_elses_cancellation_wins(is_interrupted: bool) -> None:
    """A task that is ended from outside ends, also where it was being broken off at that moment."""

    async def scenario() -> None:
        reader = Reader(every_ten_seconds())
        await asyncio.sleep(1)
        if is_interrupted:
            reader.interruption.now(Reason.STOPPED)
        reader.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader.task
        assert reader.task.cancelled()

    play(scenario)

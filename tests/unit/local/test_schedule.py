"""The local stack's clock."""

import asyncio

import pytest

from functions.local.invocation import FunctionError
from functions.local.schedule import Schedule

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._turn = asyncio.Semaphore(0)
        self._asleep = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._asleep.release()
        await self._turn.acquire()

    async def until_asleep(self) -> None:
        await self._asleep.acquire()

    def wake(self) -> None:
        self._turn.release()


async def test_it_calls_at_once_and_then_again_and_again() -> None:
    """Also after a call that failed, of which it says so; it ends while it waits."""
    clock, log, calls = Clock(), list[str](), 0

    async def invoke() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise FunctionError("Sandbox.Timedout")

    async with Schedule("sweep", invoke, seconds=3600, log=log.append, sleep=clock.sleep):
        for expected in (1, 2, 3):
            await clock.until_asleep()
            assert calls == expected
            clock.wake()
    assert set(clock.slept) == {3600}
    assert log == ["the sweep function failed (Sandbox.Timedout); its log says why"]


async def test_it_ends_amid_a_call() -> None:
    """Nobody waits for a call that takes its time: it is repeated at the next start."""
    begun = asyncio.Event()

    async def invoke() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with Schedule("sweep", invoke, seconds=1, log=lambda _: None):
        await begun.wait()

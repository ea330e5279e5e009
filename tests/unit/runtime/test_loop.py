"""The one event loop of a process."""

import asyncio
import contextvars
from collections.abc import Iterator

import pytest

from functions.runtime import loop

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Each test begins and ends without a loop."""
    loop.close()
    yield
    loop.close()


async def the_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_every_run_is_on_one_loop() -> None:
    """The loop stays the same, so that what is bound to it lives on."""
    assert loop.run(the_loop()) is loop.run(the_loop())


def test_what_a_run_returns_or_raises_comes_out() -> None:
    """Results and exceptions pass; an exception does not harm the loop."""

    async def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        loop.run(fail())
    assert isinstance(loop.run(the_loop()), asyncio.AbstractEventLoop)


def test_no_context_passes_from_one_run_to_the_next() -> None:
    """A context variable set in one invocation is not seen in the next."""

    async def look_and_set() -> str:
        before = VARIABLE.get()
        VARIABLE.set("alice")
        return before

    assert [loop.run(look_and_set()), loop.run(look_and_set())] == ["unset", "unset"]


def test_closing_ends_what_is_left() -> None:
    """`close` cancels tasks that outlived their run and closes async generators; the next run has a new loop."""
    ended: list[str] = []

    async def task() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def leave_behind() -> asyncio.Task[None]:
        left = asyncio.create_task(task())
        await asyncio.sleep(0)
        return left

    left = loop.run(leave_behind())
    first = loop.run(the_loop())
    assert ended == []
    loop.close()
    assert left.cancelled()
    assert ended == ["task"]
    assert first.is_closed()
    assert loop.run(the_loop()) is not first

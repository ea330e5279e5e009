"""From a streaming response to writes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime.drive import Write, close, drive
from functions.runtime.response import Filler, StreamingResponse
from tests.support import virtual_time


class Body:
    """An async generator's shell that remembers what was done to it."""

    def __init__(self, chunks: Callable[[], AsyncIterator[bytes]]) -> None:
        self._chunks = chunks()
        self.asked = 0
        self.closed = 0

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        self.asked += 1
        return await anext(self._chunks)

    async def aclose(self) -> None:
        self.closed += 1


def of(*chunks: bytes, error: BaseException | None = None) -> Body:
    async def make() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if error is not None:
            raise error

    return Body(make)


class Writes(list[bytes]):
    async def __call__(self, chunk: bytes) -> None:
        self.append(chunk)


def driven(body: Any, write: Write, filler: Filler | None = None) -> BaseException | None:
    return virtual_time.run(drive(StreamingResponse(body=body, filler=filler), write))


@given(st.lists(st.binary()), st.booleans())
def test_every_chunk_is_one_write(chunks: list[bytes], is_filled: bool) -> None:
    """Chunks are neither split nor joined, empty ones are left out, and a body without a byte is a newline."""
    body, writes = of(*chunks), Writes()
    assert driven(body, writes, Filler(b":", 10) if is_filled else None) is None
    assert writes == ([chunk for chunk in chunks if chunk] or [b"\n"])
    assert body.closed == 1


def test_an_iterator_is_a_body() -> None:
    """An ordinary generator is written in the same way, and closed."""
    closed: list[bool] = []

    def chunks() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
            raise KeyError
        finally:
            closed.append(True)

    writes = Writes()
    assert isinstance(driven(chunks(), writes), KeyError)
    assert writes == [b"a", b"b"]
    assert closed == [True]


@pytest.mark.parametrize("error", [KeyError("x"), asyncio.CancelledError()])
def test_what_the_body_raises_is_given_back(error: BaseException) -> None:
    """An exception of the body is returned, also a cancellation that it let slip; what came before it is written."""
    body, writes = of(b"a", error=error), Writes()
    failure = driven(body, writes)
    assert type(failure) is type(error)
    assert writes == [b"a"]
    assert body.closed == 1


def test_a_body_that_fails_at_once_still_has_a_byte() -> None:
    """An exception before the first chunk leaves the newline."""
    writes = Writes()
    assert isinstance(driven(of(error=KeyError()), writes), KeyError)
    assert writes == [b"\n"]


def test_a_body_that_fails_to_close_is_a_failure() -> None:
    """What a body raises when it is closed is returned, unless it failed before."""

    class Stuck(Body):
        async def aclose(self) -> None:
            raise OSError

    async def none() -> AsyncIterator[bytes]:
        return
        yield b""

    async def broken() -> AsyncIterator[bytes]:
        raise KeyError
        yield b""

    assert isinstance(driven(Stuck(none), Writes()), OSError)
    assert isinstance(driven(Stuck(broken), Writes()), KeyError)


@pytest.mark.parametrize("filler", [None, Filler(b":", 10)])
def test_a_reader_who_cannot_be_reached_ends_the_body(filler: Filler | None) -> None:
    """What `write` raises comes out, nothing more is asked of the body, and it is closed."""

    async def write(chunk: bytes) -> None:
        raise ConnectionResetError

    body = of(b"a", b"b")
    with pytest.raises(ConnectionResetError):
        driven(body, write, filler)
    assert body.asked == 1
    assert body.closed == 1


def test_the_next_chunk_is_made_when_there_is_room() -> None:
    """The body is not asked for a chunk before the last one was taken."""
    body = of(b"a", b"b")
    asked: list[int] = []

    async def write(chunk: bytes) -> None:
        await asyncio.sleep(1)
        asked.append(body.asked)

    driven(body, write)
    assert asked == [1, 2]


def test_cancelling_the_drive_closes_the_body() -> None:
    """A drive that is cancelled while the body is silent ends as cancelled and closes it."""

    async def silent() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    body = Body(silent)

    async def scenario() -> None:
        async with asyncio.timeout(5):
            await drive(StreamingResponse(body=body), Writes())

    with pytest.raises(TimeoutError):
        virtual_time.run(scenario())
    assert body.closed == 1


def test_a_response_that_is_not_driven_can_be_closed() -> None:
    """`close` closes either kind of body, and leaves one that cannot be closed alone."""
    body = of(b"a")
    virtual_time.run(close(StreamingResponse(body=body)))
    assert body.closed == 1
    generator = (chunk for chunk in [b"a"])
    virtual_time.run(close(StreamingResponse(body=generator)))
    assert next(generator, None) is None
    virtual_time.run(close(StreamingResponse(body=iter([b"a"]))))


class Timed:
    """Writes, each with the second at which it came."""

    def __init__(self, seconds_per_write: float = 0) -> None:
        self.seen: list[tuple[float, bytes]] = []
        self._seconds = seconds_per_write

    async def __call__(self, chunk: bytes) -> None:
        self.seen.append((round(asyncio.get_running_loop().time(), 3), chunk))
        await asyncio.sleep(self._seconds)


async def after(*seconds: float) -> AsyncIterator[bytes]:
    for number, pause in enumerate(seconds):
        await asyncio.sleep(pause)
        yield b"%d" % number


def test_a_silence_is_filled_again_and_again() -> None:
    """The filler comes after each whole stretch of silence, counted from the last byte sent."""
    writes = Timed()
    driven(after(3, 25, 4), writes, Filler(b":", 10))
    assert writes.seen == [(3, b"0"), (13, b":"), (23, b":"), (28, b"1"), (32, b"2")]


def test_the_silence_before_the_first_chunk_is_filled() -> None:
    """A body that takes its time to begin does not leave the reader without a byte; the filler is not its body."""
    writes = Timed()
    driven(after(12), writes, Filler(b":", 10))
    assert writes.seen == [(10, b":"), (12, b"0")]


def test_a_busy_body_is_never_filled() -> None:
    """Chunks that come more often than the filler's time leave no room for it."""
    writes = Timed()
    driven(after(*[9] * 10), writes, Filler(b":", 10))
    assert [chunk for _, chunk in writes.seen if chunk == b":"] == []


def test_a_slow_reader_is_not_a_silence() -> None:
    """While a chunk waits to be taken no filler is sent into it; the silence counts from when it was taken."""
    writes = Timed(seconds_per_write=30)
    driven(after(1, 5), writes, Filler(b":", 10))
    assert writes.seen == [(1, b"0"), (36, b"1")]


def test_a_filler_on_its_way_goes_first() -> None:
    """A chunk that is made while a filler is being taken waits for it: the two never mix."""
    inside: list[bytes] = []
    order: list[tuple[str, bytes]] = []

    async def write(chunk: bytes) -> None:
        assert inside == []
        inside.append(chunk)
        await asyncio.sleep(4)
        order.append(("taken", inside.pop()))

    driven(after(12), write, Filler(b":", 10))
    assert order == [("taken", b":"), ("taken", b"0")]


def test_a_filler_that_is_not_taken_is_not_repeated() -> None:
    """As long as one filler waits, no other is sent."""
    writes = Timed(seconds_per_write=100)
    driven(after(95), writes, Filler(b":", 10))
    assert writes.seen == [(10, b":"), (110, b"0")]


@pytest.mark.parametrize("pauses", [(100, 1), ()], ids=["a chunk follows", "the body ends"])
def test_a_filler_that_fails_is_a_reader_who_is_gone(pauses: tuple[float, ...]) -> None:
    """What `write` raises for a filler comes out at the next chunk, or at the body's end."""
    tried: list[bytes] = []

    async def write(chunk: bytes) -> None:
        tried.append(chunk)
        raise ConnectionResetError

    async def body() -> AsyncIterator[bytes]:
        async for chunk in after(*pauses):
            yield chunk
        await asyncio.sleep(50)

    with pytest.raises(ConnectionResetError):
        driven(body(), write, Filler(b":", 10))
    assert tried == [b":"]


def test_nothing_is_filled_after_the_end() -> None:
    """When the body has ended, or its reader has gone, no timer and no filler is left."""

    async def scenario() -> list[tuple[float, bytes]]:
        writes = Timed()
        await drive(StreamingResponse(body=after(1), filler=Filler(b":", 10)), writes)
        await asyncio.sleep(100)
        return writes.seen

    assert virtual_time.run(scenario()) == [(1, b"0")]


def test_cancelling_ends_a_filler_on_its_way() -> None:
    """A drive that is cancelled while a filler waits to be taken leaves no task behind."""

    async def scenario() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(15):
                await drive(StreamingResponse(body=after(100), filler=Filler(b":", 10)), Timed(seconds_per_write=50))
        return len(asyncio.all_tasks())

    assert virtual_time.run(scenario()) == 1

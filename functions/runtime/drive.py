"""Turns a streaming response into writes: every chunk at once, a filler in each silence, the body always closed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

from functions.runtime.response import Filler, StreamingResponse

Write: TypeAlias = Callable[[bytes], Coroutine[Any, Any, None]]
"""Takes one chunk and returns when there is room for the next one. Raises when the reader cannot be reached."""

_EMPTY_BODY: Final = b"\n"
"""A streamed response without a body byte hangs in several adapters."""


async def drive(response: StreamingResponse, write: Write) -> BaseException | None:
    """Writes the body of `response`; gives the exception by which the body ended, if it did not end by itself.

    `write` is called with whole chunks, one call after the other, never with empty ones and at least once. What
    `write` raises is raised. The body is closed in every case.
    """
    body = response.body if isinstance(response.body, AsyncIterator) else _Stepped(response.body)
    silence = _Silence(response.filler, write) if response.filler else None
    try:
        failure, empty = await _pour(body, write, silence)
        if silence is not None:
            await silence.end()
        if empty:
            await write(_EMPTY_BODY)
    except BaseException:
        if silence is not None:
            await silence.abandon()
        with suppress(Exception):
            await close(response)
        raise
    try:
        await close(response)
    except Exception as error:  # noqa: BLE001 - the body's own; it is the caller's to report
        return failure or error
    return failure


async def close(response: StreamingResponse) -> None:
    """Closes the body of a response, whether it was driven or not. Raises what the body raises when it is closed."""
    body = response.body
    if (aclose := getattr(body, "aclose", None)) is not None:
        await cast("Callable[[], Awaitable[None]]", aclose)()
    elif (finish := getattr(body, "close", None)) is not None:
        cast("Callable[[], None]", finish)()


async def _pour(
    body: AsyncIterator[bytes], write: Write, silence: "_Silence | None"
) -> tuple[BaseException | None, bool]:
    """Gives how the body failed, if it did, and whether it was empty."""
    empty = True
    while True:
        try:
            chunk = await anext(body)
        except StopAsyncIteration:
            return None, empty
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            return error, empty
        if not chunk:
            continue
        empty = False
        if silence is None:
            await write(chunk)
        else:
            await silence.broken_by(chunk)


def _is_cancelled() -> bool:
    """Whether this very task is told to end; else a `CancelledError` is one that the body let slip."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Stepped(AsyncIterator[bytes]):
    def __init__(self, body: Iterator[bytes]) -> None:
        self._body = body

    async def __anext__(self) -> bytes:
        try:
            return next(self._body)
        except StopIteration:
            raise StopAsyncIteration from None


class _Silence:
    """Sends the filler when nothing has been sent for a while, and only between chunks.

    A chunk costs one reading of the clock: the timer is not moved, but looks, when it is due, how long the silence has
    really lasted.
    """

    def __init__(self, filler: Filler, write: Write) -> None:
        self._filler = filler
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._is_writing = False
        self._filling: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(filler.after, self._look)

    async def broken_by(self, chunk: bytes) -> None:
        self._is_writing = True
        if self._filling is not None:
            await self._settle()
        await self._write(chunk)
        self._is_writing = False
        self._since = self._loop.time()

    async def end(self) -> None:
        """Sends no more filler. Raises what `write` raised for one that was still on its way."""
        self._timer.cancel()
        await self._settle()

    async def abandon(self) -> None:
        """Sends no more filler, nor the rest of one that was still on its way."""
        self._timer.cancel()
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.wait({self._filling})
            with suppress(asyncio.CancelledError):
                self._filling.exception()

    async def _settle(self) -> None:
        filling, self._filling = self._filling, None
        if filling is not None:
            await filling

    def _look(self) -> None:
        now = self._loop.time()
        if self._is_writing or (self._filling is not None and not self._filling.done()):
            self._since = now  # a slow reader, not a silent body
        elif now >= self._since + self._filler.after:
            if self._filling is not None and (self._filling.cancelled() or self._filling.exception() is not None):
                return  # the reader cannot be reached: the next chunk will raise it
            self._filling = self._loop.create_task(self._write(self._filler.chunk))
            self._since = now
        self._timer = self._loop.call_at(self._since + self._filler.after, self._look)

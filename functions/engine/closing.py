"""Streams within streams, closed from the outside in."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """Closes an async generator on leaving; any other iterator has nothing to close.

    `async for` leaves the generator that it reads open when it is left early: only the garbage collector closes it then,
    which on Lambda may be after the process was frozen.
    """
    try:
        yield stream
    finally:
        aclose = getattr(stream, "aclose", None)
        if aclose is not None:
            await aclose()

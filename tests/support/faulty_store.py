"""A store that fails at one of its calls, or from one call on, in the ways that a database over a network fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from functions.errors import InternalError, Unavailable
from functions.store.base import Store

Call: TypeAlias = Callable[[], Awaitable[Any]]
"""The call as it would have been."""
Fault: TypeAlias = Callable[[Call], Awaitable[Any]]
"""What happens in its place."""

TIME_OUT = 10.0
"""Seconds until a call that hangs is given up."""


class FaultyStore:
    """The given store, but for one call: the `at`-th of all, from 0. A `Store`, as far as its calls go."""

    def __init__(self, store: Store, fault: Fault | None = None, *, at: int = 0, lasting: bool = False) -> None:
        """`lasting`: every later call fails in the same way."""
        self._store = store
        self._fault = fault
        self._at = at
        self._is_lasting = lasting
        self.calls: list[str] = []
        """The names of all calls, in the order in which they were made."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            fails = number == self._at or (self._is_lasting and number > self._at)
            if self._fault is None or not fails:
                return await method(*args, **kwargs)
            return await self._fault(lambda: method(*args, **kwargs))

        return call


async def throttled(call: Call) -> Any:
    """The call is refused, and nothing done."""
    raise Unavailable("throttled")


async def answer_lost(call: Call) -> Any:
    """The call is done, and its answer lost."""
    await call()
    raise Unavailable("answer lost")


async def broken(call: Call) -> Any:
    """The call is refused for good."""
    raise InternalError("broken")


async def hung(call: Call) -> Any:
    """Nothing is done, and nothing heard until the time is out."""
    await asyncio.sleep(TIME_OUT)
    raise Unavailable("timed out")


async def done_late(call: Call) -> Any:
    """The call is done just before the time is out, and its answer lost."""
    await asyncio.sleep(TIME_OUT)
    await call()
    raise Unavailable("timed out")


async def slow(call: Call) -> Any:
    """The answer comes just in time."""
    await asyncio.sleep(TIME_OUT)
    return await call()


async def stale(call: Call) -> Any:
    """The call is done at once, and its answer comes just in time."""
    answer = await call()
    await asyncio.sleep(TIME_OUT)
    return answer

"""The process's one event loop.

It is the same in every invocation, so that what is bound to a loop (an HTTP client's connections) lives on from one
invocation to the next. Between two `run` calls it stands still, as the whole process does between two invocations.
"""

import asyncio
import atexit
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_loop: asyncio.AbstractEventLoop | None = None


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs `coroutine` to its end on the process's loop, in a copy of the current context, and gives what it returns.

    Raises what the coroutine raises, and `RuntimeError` when called from within a coroutine.
    """
    global _loop
    if _loop is None:
        _loop = asyncio.new_event_loop()
        atexit.register(close)
    return _loop.run_until_complete(coroutine)


def close() -> None:
    """Cancels what is left on the loop and closes it; does nothing when there is none. The next `run` makes a new one."""
    global _loop
    loop, _loop = _loop, None
    if loop is None:
        return
    atexit.unregister(close)
    try:
        loop.run_until_complete(_cancel_all(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _cancel_all(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

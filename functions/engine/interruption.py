"""Breaking into a stream that may be silent for minutes: a stop, a deadline, a turn that is gone.

The task that reads is cancelled, but only while it waits for the next event; then the cancellation is taken back, as
`asyncio.timeout` does. So what the reader does with an event (a write to the store) is never torn.
"""

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Reason(StrEnum):
    """Why a turn is broken off; the values are the outcomes in its metrics."""

    STOPPED = "stopped"
    """The user pressed Stop, or has sent a newer message."""
    DEADLINE = "deadline"
    """The function's time is almost up."""
    GONE = "gone"
    """The turn's row is not there any more: the thread was deleted, or somebody has closed the turn."""


class Interrupted(Exception):
    """The stream was broken off."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Interruption:
    """Hands on a stream's events until somebody calls `now`. For one reader."""

    def __init__(self) -> None:
        self._reason: Reason | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._has_cancelled = False

    def now(self, reason: Reason) -> None:
        """Breaks in: at once where the reader waits for an event, else when it asks for the next. The first call counts."""
        if self._reason is not None:
            return
        self._reason = reason
        if self._waiting is not None:
            self._has_cancelled = True
            self._waiting.cancel()

    async def watch(self, stream: AsyncIterator[T]) -> AsyncIterator[T]:
        """The stream's events. Raises `Interrupted` in place of the next one. To close `stream` is the caller's."""
        while True:
            if self._reason is not None:
                raise Interrupted(self._reason)
            self._waiting = asyncio.current_task()
            try:
                event = await anext(stream)
            except BaseException as error:
                self._settle(error)
                if isinstance(error, StopAsyncIteration):
                    return
                raise
            self._settle(None)
            yield event

    def _settle(self, error: BaseException | None) -> None:
        """Takes the cancellation back, whatever the stream has made of it; raises `Interrupted` where there was one."""
        task, self._waiting = self._waiting, None
        if not self._has_cancelled or task is None or self._reason is None:
            return
        self._has_cancelled = False
        if task.uncancel() == 0:  # else somebody else has cancelled the task, too: that is the stronger word
            raise Interrupted(self._reason) from error

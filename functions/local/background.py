"""Work that goes on beside the local stack, for as long as it is entered."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self


class Background(ABC):
    """Runs from the moment it is entered; on leaving, it is told that it ends, and cancelled some time after that."""

    last_seconds: ClassVar[float] = 0.0
    """How long it may go on when it is left."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """What is done; returns soon after `is_ending` has become true, or is cancelled."""

    @property
    def is_ending(self) -> bool:
        """Whether it is being left."""
        return self._ending.is_set()

    async def pause(self, seconds: float) -> None:
        """Waits, but no longer than until it is left."""
        waiting = asyncio.create_task(self._ending.wait())
        await asyncio.wait({waiting}, timeout=seconds)
        waiting.cancel()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ending.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self.last_seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

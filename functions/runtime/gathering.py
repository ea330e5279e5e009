"""Which chunks of a stream are written at once, and which together with those after them. Pure.

A write costs a system call and wakes somebody up on the other side: fifteen microseconds and more, as much as everything
that the engine does for a delta of the model's. A model's deltas come one by one, and none of them should wait; but what
has piled up comes in a burst, and is read by nobody one by one.
"""

from typing import Final

PAUSE: Final = 0.002
"""Seconds without a chunk that end a burst, and the longest that a chunk is kept from being written with the next one."""
PROMPT: Final = 8
"""How many chunks of a burst are written at once: what a turn begins with must not wait for what may block after it."""
MOST: Final = 64 * 1024
"""Bytes that are gathered before they are written."""


class Gathering:
    """The chunks of one stream. What is not written at once is to be taken as soon as the event loop turns."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._burst = 0
        """How many chunks the burst has had."""
        self._came = self._left = float("-inf")
        """When the last chunk came, and when something was last written."""

    def add(self, chunk: bytes, *, now: float) -> bytes:
        """What is to be written at once: everything gathered, with `chunk` as its end, or nothing. `now`: in seconds."""
        self._burst = self._burst + 1 if now - self._came < PAUSE else 1
        self._came = now
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._burst <= PROMPT or now - self._left >= PAUSE or self._size >= MOST:
            return self.take(now=now)
        return b""

    def take(self, *, now: float) -> bytes:
        """Everything gathered: it is written now."""
        gathered = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        self._left = now
        return gathered

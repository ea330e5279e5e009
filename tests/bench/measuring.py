"""What is read off a running server: when its answer began, what it cost, how large it grew."""

import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

_TEXT_DELTA: Final = "assistant_message.content_part.text_delta"


class BrokenSide(Exception):
    """A side did not stream the answer: its numbers would mean nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one side."""

    first_event: float
    """Seconds from the start of the process to the first server-sent event."""
    first_text: float
    """Seconds from the start of the process to the first text delta."""
    cpu_per_delta: float
    """Seconds of CPU, user and system, per text delta of a warm request, at full speed."""
    cpu_per_paced_delta: float
    """The same, at the pace of a model."""
    peak_memory: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Heard:
    """When an answer's parts were heard, by the clock that `listen` was given."""

    first_event: float
    first_text: float


async def listen(
    body: AsyncIterator[bytes], *, expected: Sequence[str], clock: Callable[[], float] = time.perf_counter
) -> Heard:
    """Reads a stream of ChatKit's server-sent events to its end.

    Raises `BrokenSide` unless its text deltas are exactly `expected`. Comments (keep-alives) are no events.
    """
    first_event: float | None = None
    first_text: float | None = None
    deltas: list[str] = []
    rest = b""
    async for chunk in body:
        now = clock()
        *frames, rest = (rest + chunk).split(b"\n\n")
        for event in _events(frames):
            first_event = now if first_event is None else first_event
            if (delta := _text_delta(event)) is not None:
                first_text = now if first_text is None else first_text
                deltas.append(delta)
    if first_event is None or first_text is None or deltas != list(expected):
        raise BrokenSide(f"{len(deltas)} text deltas came, {len(expected)} were expected")
    return Heard(first_event, first_text)


def _events(frames: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for frame in frames:
        if frame.startswith(b"data:"):
            event = json.loads(frame.removeprefix(b"data:"))
            if event["type"] == "error":
                raise BrokenSide(f"the answer was an error: {frame.decode()}")
            yield event


def _text_delta(event: dict[str, Any]) -> str | None:
    update = event.get("update") or {}
    return update["delta"] if update.get("type") == _TEXT_DELTA else None


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all its threads.

    Linux has a clock of nanoseconds for each process (`clock_getcpuclockid(3)`); elsewhere psutil's is taken.
    """
    if sys.platform == "linux":
        # The kernel's clock id of another process: https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
        return time.clock_gettime((~pid << 3) | 2)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def peak_memory(pid: int) -> int:
    """The most memory that a process has had resident, in bytes; where the system does not keep it, what it has now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return psutil.Process(pid).memory_info().rss

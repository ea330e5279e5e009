"""What the benchmark reads off a stream."""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator

import pytest

from tests.bench.measuring import BrokenSide, Heard, cpu_seconds, listen, peak_memory


def _frame(kind: str, delta: str | None = None) -> bytes:
    event: dict[str, object] = {"type": kind}
    if delta is not None:
        event["update"] = {"type": "assistant_message.content_part.text_delta", "delta": delta}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _listen(chunks: list[bytes], expected: list[str]) -> Heard:
    ticks = itertools.count()
    return asyncio.run(listen(_chunks(*chunks), expected=expected, clock=lambda: next(ticks)))


def test_the_first_event_and_the_first_text_are_timed() -> None:
    """A comment is no event; an event counts when its last byte is there; text counts from its first delta."""
    created, one, two = _frame("thread.created"), _frame("thread.item.updated", "a"), _frame("thread.item.updated", "b")
    heard = _listen([b": hello\n\n", created[:5], created[5:], one + two[:9], two[9:]], ["a", "b"])
    assert heard == Heard(first_event=2, first_text=3)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [_frame("thread.created")],
        [_frame("thread.item.updated", "b")],
        [_frame("thread.item.updated", "a"), _frame("thread.item.updated", "a")],
        [_frame("thread.item.updated", "a"), _frame("error")],
    ],
    ids=["nothing", "no text", "another text", "too much text", "an error"],
)
def test_another_answer_than_the_model_s_has_no_numbers(chunks: list[bytes]) -> None:
    """A side that does not stream exactly the model's deltas is broken, and is not measured."""
    with pytest.raises(BrokenSide):
        _listen(chunks, ["a"])


def test_a_process_s_cpu_time_and_memory_are_read() -> None:
    """CPU time of a process rises with its work, and its peak memory is what a Python process takes at least."""
    before = cpu_seconds(os.getpid())
    sum(range(3_000_000))
    assert cpu_seconds(os.getpid()) > before
    assert peak_memory(os.getpid()) > 10_000_000

"""What is gathered of a stream, for all bursts and pauses."""

from hypothesis import given
from hypothesis import strategies as st

from functions.runtime.gathering import MOST, PAUSE, PROMPT, Gathering

CHUNKS = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0, PAUSE / 4), st.floats(0, PAUSE * 3)),
        st.integers(1, 200) | st.sampled_from((MOST - 1, MOST, MOST + 1)),
    ),
    max_size=60,
)
"""Seconds since the chunk before, and size in bytes."""


def written(chunks: list[tuple[float, int]]) -> list[tuple[float, bytes, int]]:
    """What each chunk made be written, with the time and the number of chunks so far; the rest is taken at the end."""
    gathering = Gathering()
    now = 1_000.0
    writes: list[tuple[float, bytes, int]] = []
    for number, (pause, size) in enumerate(chunks, start=1):
        now += pause
        writes.append((now, gathering.add(bytes([number % 256]) * size, now=now), number))
    writes.append((now, gathering.take(now=now), len(chunks)))
    return writes


@given(CHUNKS)
def test_nothing_is_lost_and_nothing_changes_places(chunks: list[tuple[float, int]]) -> None:
    """What is written is what came, byte for byte, and each write ends with a whole chunk."""
    whole = b"".join(bytes([number % 256]) * size for number, (_, size) in enumerate(chunks, start=1))
    so_far = 0
    for _, due, number in written(chunks):
        if due:
            so_far += len(due)
            assert so_far == sum(size for _, size in chunks[:number])
    assert b"".join(due for _, due, _ in written(chunks)) == whole


@given(CHUNKS)
def test_a_chunk_after_a_pause_is_written_at_once(chunks: list[tuple[float, int]]) -> None:
    """So are the first chunks of a burst: what is gathered has company."""
    burst = 0
    now = float("-inf")
    for (time, due, _), _ in zip(written(chunks), chunks, strict=False):
        burst = burst + 1 if time - now < PAUSE else 1
        now = time
        assert due or burst > PROMPT


@given(CHUNKS)
def test_what_is_gathered_stays_small_and_young(chunks: list[tuple[float, int]]) -> None:
    """Within a burst, a chunk is written once there has been no write for the pause, or too much has come."""
    waiting, last = 0, float("-inf")
    for (time, due, _), (_, size) in zip(written(chunks), chunks, strict=False):
        if due:
            waiting, last = 0, time
        else:
            waiting += size
            assert waiting < MOST
            assert time - last < PAUSE


def test_a_burst_is_gathered() -> None:
    """A thousand chunks at once are written in nine parts."""
    writes = [due for _, due, _ in written([(0.0, 50)] * 1_000) if due]
    assert len(writes) == PROMPT + 1

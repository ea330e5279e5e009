"""Server-sent events and their JSON, for all streams and all cuts."""

import json
import re
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from functions.model.event_stream import EventDecoder, EventTooLarge, read_json

PIECES = st.sampled_from(
    (
        *(b"data", b"data:", b"data: ", b"event: x", b"id: 1", b"retry: 5", b": comment", b"datas: ", b"Data: "),
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b" ", b":", b"\0", b"\x0b", b"\x0c", b"\x1c"),
        *("é😀\u2028\u2029\x85".encode(), "\ufeff".encode(), b'{"type":"x"}', b"[DONE]"),
    )
)
STREAMS = st.lists(PIECES | st.binary(max_size=4), max_size=40).map(b"".join)
TEXTS = st.lists(PIECES.filter(lambda piece: piece != b"id: 1") | st.text(max_size=4).map(str.encode), max_size=40).map(
    b"".join
)
CUTS = st.lists(st.integers(0, 120), max_size=12)


def chunks_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream, cut at these places; two cuts at one place leave an empty chunk."""
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


def decoded(chunks: list[bytes], *, limit: int = 10_000) -> list[bytes]:
    decoder = EventDecoder(limit=limit)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def by_the_specification(stream: bytes) -> tuple[list[bytes], int]:
    """The data of every event, and the size of the largest one, its lines' ends left out: rule by rule, all at once."""
    *lines, unfinished = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))
    events: list[bytes] = []
    buffer, size, largest = b"", 0, 0
    for line in lines:
        if line == b"":
            if buffer != b"":
                events.append(buffer.removesuffix(b"\n"))
            buffer, size = b"", 0
            continue
        size += len(line)
        largest = max(largest, size)
        field, _, value = line.partition(b":")
        if field == b"data":
            buffer += value.removeprefix(b" ") + b"\n"
    return events, max(largest, size + len(unfinished))


@given(STREAMS, CUTS)
def test_every_stream_is_read_as_specified_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    """The events are those of the specification's rules, and none comes of what has not ended."""
    assert decoded(chunks_of(stream, cuts)) == by_the_specification(stream)[0]


@given(TEXTS, CUTS)
def test_the_client_of_openai_reads_the_same(stream: bytes, cuts: list[int]) -> None:
    """What the openai package would have read is what we read, but for events without data."""
    chunks = chunks_of(stream, cuts)
    theirs = [event.data.encode() for event in SSEDecoder().iter_bytes(iter(chunks)) if event.data]
    if not stream.startswith("\ufeff".encode()):  # which it does not know
        assert [event for event in decoded(chunks) if event] == theirs


@given(STREAMS, CUTS, st.integers(0, 60))
def test_the_limit_does_not_depend_on_the_cuts(stream: bytes, cuts: list[int], limit: int) -> None:
    """A stream is refused exactly when one of its events is too large."""
    stream = b"\n" + stream
    events, largest = by_the_specification(stream)
    try:
        assert decoded(chunks_of(stream, cuts), limit=limit) == events
        assert largest <= limit
    except EventTooLarge:
        assert largest > limit


ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)
SCRAPS = st.lists(
    st.sampled_from(
        (
            *(b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"\\u', b"\\ud83d", b"\\ude00", b"\\", b" ", b"\n"),
            *(
                b"1",
                b"0",
                b"-",
                b".",
                b"e",
                b"true",
                b"null",
                b"NaN",
                b"Infinity",
                "é😀".encode(),
                b"\xf0\x9f",
                b"\xff",
            ),
        )
    ),
    max_size=8,
).map(b"".join)


def read(reader: Any, data: bytes) -> str:
    try:
        return repr(reader(data))
    except ValueError:
        return "unreadable"


@given(JSON)
def test_json_is_read_whatever_it_holds(value: Any) -> None:
    """Also halves of characters, escaped, which are no text to stricter readers."""
    assert read_json(json.dumps(value).encode()) == value


@given(SCRAPS | JSON.map(lambda value: json.dumps(value).encode()))
def test_json_is_read_as_pythons_own_reader_reads_it(data: bytes) -> None:
    """The same values, and the same refusals."""
    assert read(read_json, data) == read(lambda data: json.loads(data.decode()), data)

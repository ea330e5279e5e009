"""Server-sent events, by the examples of their specification."""

import pytest

from functions.model.event_stream import EventDecoder, EventTooLarge


def decoded(*chunks: bytes, limit: int = 1000) -> list[bytes]:
    decoder = EventDecoder(limit=limit)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


# https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [b"first event", b"second event", b" third event"],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
    ],
    ids=["lines", "comment and ids", "empty data", "a space"],
)
def test_the_examples_of_the_specification(stream: bytes, events: list[bytes]) -> None:
    """The streams that the specification explains mean what it says."""
    assert decoded(stream) == events


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_given_as_soon_as_its_empty_line_has_ended(end: bytes) -> None:
    """Nothing that may still come is waited for, whichever of the three ends the lines have."""
    decoder = EventDecoder(limit=1000)
    assert decoder.feed(b"data: one" + end) == []
    assert decoder.feed(end[:1]) == [b"one"]
    assert decoder.feed(end[1:] + b"data: two" + end + end) == [b"two"]


def test_only_the_first_mark_of_the_byte_order_is_left_out() -> None:
    """A mark at the stream's very beginning is none of its bytes; a later one is part of a field's name."""
    mark = "\ufeff".encode()
    assert decoded(mark + b"data: one\n\n") == [b"one"]
    assert decoded(mark[:1], mark[1:] + b"data: one\n\n") == [b"one"]
    assert decoded(mark + mark + b"data: one\n\n") == []
    assert decoded(b"\n" + mark + b"data: one\n\n") == []


@pytest.mark.parametrize(
    "stream", ["data: a\x0bb\x0cc\n\n", "data: a\x1c\x1d\x1eb\n\n", "data: a\x85\u2028\u2029b\n\n"], ids=ascii
)
def test_what_ends_a_line_elsewhere_ends_none_here(stream: str) -> None:
    """Vertical tabs, separators and Unicode's line ends are text."""
    assert decoded(stream.encode()) == [stream[6:-2].encode()]


@pytest.mark.parametrize(
    "stream",
    [b"data: " + b"x" * 15 + b"\n\n", b"data:\n" * 5, b": " + b"x" * 19 + b"\n\n", b"event: abcd\ndata: 12345\n"],
    ids=["data", "lines", "a comment", "other fields"],
)
def test_an_event_has_a_limit(stream: bytes) -> None:
    """An event of more bytes than allowed is refused before it is complete, in whatever they consist."""
    allowed = len(stream.replace(b"\n", b""))
    assert decoded(stream * 3 if stream.endswith(b"\n\n") else stream, limit=allowed) is not None
    for chunks in ([stream], [stream[place : place + 1] for place in range(len(stream))]):
        with pytest.raises(EventTooLarge):
            decoded(*chunks, limit=allowed - 1)

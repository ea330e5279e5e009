"""What the stand-in model is told to do, as steps."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.support.model_answers import Cutter, Gate, HttpError, Move, Stream, frame
from tests.support.streams import own_streams, read_lines, text_stream

_SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=4)


def _body(stream: Stream) -> bytes:
    return b"".join(step for step in stream.steps() if isinstance(step, bytes))


def test_a_frame_is_a_typed_server_sent_event() -> None:
    """An event's frame names its type, carries its JSON on one line, and ends with an empty line."""
    assert frame({"type": "a.b", "delta": "é\n"}) == 'event: a.b\ndata: {"type":"a.b","delta":"é\\n"}\n\n'.encode()


def test_a_replay_is_verbatim() -> None:
    """A replayed file's lines are sent byte for byte, each in one frame."""
    for path in own_streams():
        lines = read_lines(path)
        frames = [f"event: {json.loads(line)['type']}\ndata: {line}\n\n".encode() for line in lines]
        assert list(Stream.replay(path).steps()) == [Move.HEAD, *frames, Move.END]


@given(data=st.lists(st.binary(max_size=60)), sizes=_SIZES)
def test_cutting_loses_nothing(data: list[bytes], sizes: list[int]) -> None:
    """However bytes are cut, they are the same bytes, and each piece but the last has the size that was asked for."""
    cutter = Cutter(sizes)
    pieces = [piece for part in data for piece in cutter.feed(part)]
    whole = [*pieces, *cutter.flush()]
    assert b"".join(whole) == b"".join(data)
    assert [len(piece) for piece in pieces] == [sizes[number % len(sizes)] for number in range(len(pieces))]


@given(cut=st.integers(0, 4000), sizes=_SIZES)
def test_a_reset_comes_after_exactly_so_many_bytes(cut: int, sizes: list[int]) -> None:
    """`reset_after` sends that many bytes of the body, chunked or not, and then breaks the connection."""
    stream = Stream.text("one", " two")
    broken = stream.in_chunks(*sizes).reset_after(cut)
    if cut <= len(_body(stream)):
        assert list(broken.steps())[-1] is Move.RESET
        assert _body(broken) == _body(stream)[:cut]


def test_the_end_and_the_silence_come_after_so_many_events() -> None:
    """`end_after` ends the response early by HTTP's rules; `hang_after` never ends it."""
    stream = Stream.text("one", " two")
    assert list(stream.end_after(3).steps()) == [Move.HEAD, *stream.frames[:3], Move.END]
    assert list(stream.hang_after(3).steps())[:5] == [Move.HEAD, *stream.frames[:3], Move.HANG]


def test_nothing_waits_behind_a_shut_gate() -> None:
    """Bytes that were due before a gate are sent before it, even where chunks are large; gate 0 stands before the head."""
    first, later = Gate(), Gate()
    stream = Stream.text("one", " two")
    steps = list(stream.gate(first).gate(later, before=5).in_chunks(100_000).steps())
    assert steps == [first, Move.HEAD, b"".join(stream.frames[:5]), later, b"".join(stream.frames[5:]), Move.END]


def test_pauses_lie_between_events() -> None:
    """`paced` waits before each event but the first."""
    stream = Stream.of(text_stream("one")[:3]).paced(0.5)
    one, two, three = stream.frames
    assert list(stream.steps()) == [Move.HEAD, one, Move.PAUSE, two, Move.PAUSE, three, Move.END]


def test_errors_are_in_the_api_s_words() -> None:
    """An error's body is an `error` object with message, type, param and code."""
    error = json.loads(HttpError.rate_limited().body)["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert set(error) == {"message", "type", "param", "code"}

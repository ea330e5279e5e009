"""The command-line client."""

import io
import json
from typing import Any

import pytest

from functions.local.talk import Talk, TalkFailed, events, request, show
from functions.protocol.requests import CHATKIT_REQ

ANSWER: list[dict[str, Any]] = [
    {"type": "thread.created", "thread": {"id": "thr_1"}},
    {"type": "thread.item.done", "item": {"type": "user_message"}},
    {"type": "thread.item.updated", "update": {"type": "assistant_message.content_part.added"}},
    {"type": "thread.item.updated", "update": {"type": "assistant_message.content_part.text_delta", "delta": "Gr"}},
    {"type": "thread.item.updated", "update": {"type": "assistant_message.content_part.text_delta", "delta": "üße"}},
    {"type": "thread.item.done", "item": {"type": "assistant_message"}},
]


@pytest.mark.parametrize("thread", [None, "thr_1"])
def test_a_message_is_a_valid_request(thread: str | None) -> None:
    """It opens a thread, or goes on with one, in the protocol's own words."""
    parsed = CHATKIT_REQ.validate_python(request("Hi", thread=thread))

    assert parsed.type == ("threads.create" if thread is None else "threads.add_user_message")


def test_comments_are_passed_over() -> None:
    """Of a stream's lines only those with data are events."""
    lines = [b": keep-alive\n", b"\n", b'data: {"type": "a"}\n', b"\n"]

    assert list(events(lines)) == [{"type": "a"}]


def test_the_text_is_printed_as_it_comes() -> None:
    """Text goes to the output, the thread's id beside it."""
    out, err = io.StringIO(), io.StringIO()

    show(ANSWER, raw=False, out=out, err=err)

    assert out.getvalue() == "Grüße\n"
    assert err.getvalue() == "thread thr_1\n"


def test_raw_prints_every_event() -> None:
    """One JSON object a line."""
    out = io.StringIO()

    show(ANSWER, raw=True, out=out, err=io.StringIO())

    assert [json.loads(line) for line in out.getvalue().splitlines()] == ANSWER


@pytest.mark.parametrize("raw", [True, False])
def test_an_answer_that_ends_in_an_error(raw: bool) -> None:
    """The error's message is why the command fails."""
    answer = [*ANSWER[:4], {"type": "error", "message": "The model is away.", "allow_retry": True}]

    with pytest.raises(TalkFailed, match="The model is away"):
        show(answer, raw=raw, out=io.StringIO(), err=io.StringIO())


@pytest.mark.parametrize("url", ["localhost:8787", "ftp://127.0.0.1", "http://"])
def test_what_is_no_address(url: str) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(TalkFailed, match="not an address"):
        next(Talk(url, "alice").send("Hi", thread=None))

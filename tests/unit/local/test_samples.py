"""Sample events: which function, and their placeholders."""

import json
from pathlib import Path

import pytest

from functions.gateway.request import from_event
from functions.local.samples import (
    HANDLERS,
    SampleError,
    filled,
    function_of,
    opened_thread,
    placeholders,
    thread_deletion,
    thread_key,
    thread_opening,
    token_of,
    token_request,
)


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_the_folder_names_the_function(name: str) -> None:
    """An event lies in its function's folder."""
    assert function_of(Path("events") / name / "anything.json") == name


def test_any_other_folder_is_an_error() -> None:
    """Elsewhere, the function has to be said."""
    with pytest.raises(SampleError, match="--function"):
        function_of(Path("/tmp/event.json"))


def test_placeholders_are_filled_in_wherever_they_are() -> None:
    """Also in a body, which is JSON in a string."""
    text = json.dumps({"a": "Bearer ${TOKEN}", "body": json.dumps({"id": "${THREAD}"})})

    assert placeholders(text) == {"TOKEN", "THREAD"}
    event = filled(text, {"TOKEN": "t", "THREAD": "thr_1"})
    assert event == {"a": "Bearer t", "body": '{"id": "thr_1"}'}


def test_a_value_may_hold_any_character() -> None:
    """A user's name is filled in as a JSON string holds it."""
    assert filled('{"pk": "U#${USER}"}', {"USER": 'a"b\\'}) == {"pk": 'U#a"b\\'}


def test_a_placeholder_that_is_not_known() -> None:
    """It is named."""
    with pytest.raises(SampleError, match=r"\$\{TOKN\}"):
        placeholders("${TOKN}")


@pytest.mark.parametrize("text", ["{", "[]", '"event"'])
def test_what_is_no_event(text: str) -> None:
    """Anything but a JSON object is refused."""
    with pytest.raises(SampleError, match="JSON"):
        filled(text, {})


def test_the_events_that_prepare_a_run() -> None:
    """The gateway reads the token's request and the thread's opening as what they are."""
    token = from_event(token_request("alice", now=0.0))
    opening = from_event(thread_opening("abc", now=0.0))

    assert (token.path, json.loads(token.body)) == ("/api/chatkit/start", {"user": "alice"})
    assert (opening.path, opening.bearer_token()) == ("/chatkit", "abc")
    assert json.loads(opening.body)["type"] == "threads.create"


def test_the_event_that_deletes_a_thread() -> None:
    """The gateway reads it as what it is; the thread's key is that of its row."""
    deletion = from_event(thread_deletion("abc", "thr_1", now=0.0))

    assert (deletion.path, deletion.bearer_token()) == ("/chatkit", "abc")
    assert json.loads(deletion.body) == {"type": "threads.delete", "params": {"thread_id": "thr_1"}}
    assert thread_key("alice", "thr_" + "0" * 26) == f"T#{'0' * 26}#thr"


def test_a_token_that_was_refused() -> None:
    """Why there is none is told."""
    assert token_of({"statusCode": 200, "body": '{"client_secret": "abc"}'}) == "abc"
    with pytest.raises(SampleError, match="too long"):
        token_of({"statusCode": 400, "body": "too long"})


def test_the_ids_of_the_thread_that_was_opened() -> None:
    """They are those of the stream's first events; a stream without them is an error."""
    frames = [
        {"type": "thread.created", "thread": {"id": "thr_1"}},
        {"type": "thread.item.done", "item": {"id": "msg_1"}},
        {"type": "thread.item.done", "item": {"id": "msg_2"}},
    ]
    stream = ": keep-alive\n\n" + "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames)

    assert opened_thread(stream.encode()) == {"THREAD": "thr_1", "ITEM": "msg_1"}
    with pytest.raises(SampleError):
        opened_thread(b'data: {"type": "error"}\n\n')

"""The model's adapter against a real HTTP server that answers, and misbehaves, as the Responses API may."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from functions.assistant import create
from functions.engine.closing import closing
from functions.model.openai_responses import OpenAIResponses
from functions.runtime.loop import run
from tests.support.chat import Chat, Json, message_input, texts, types
from tests.support.model_answers import INVALID_JSON, Answer, Body, Gate, Hang, HttpError, Stream
from tests.support.model_server import ModelServer, refused_url
from tests.support.streams import OWN_STREAMS, read_events, recording_cases, text_of

pytestmark = pytest.mark.integration

BEFORE = ["thread.created", "thread.item.done", "stream_options"]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@contextmanager
def chat_with(url: str, **limits: Any) -> Iterator[Chat]:
    """The project's own assistant with the real adapter, which is closed in the end."""
    limits = {"connect_seconds": 2.0, "silence_seconds": 5.0, "retries": 0, **limits}
    model = OpenAIResponses(**{"api_key": lambda: "sk-test-secret", "base_url": url, **limits})
    try:
        yield Chat(assistant=create(has_model=True)["default"], model=model)
    finally:
        run(model.close())


def converse(url: str, text: str = "Hi", **limits: Any) -> tuple[list[Json], list[Json]]:
    """One turn: its events, and the thread's items afterwards."""
    with chat_with(url, **limits) as chat:
        events = chat.stream("threads.create", {"input": message_input(text)})
        assert types(events)[:3] == BEFORE
        return events, chat.items(events[0]["thread"]["id"])


def streamed(events: list[Json]) -> str:
    return "".join(event["update"].get("delta", "") for event in events if event["type"] == "thread.item.updated")


@pytest.mark.parametrize("path", recording_cases())
def test_a_recording_replayed_over_http_arrives_character_by_character(server: ModelServer, path: Path) -> None:
    """The real API's text is the same in the deltas, in the done items and in the thread afterwards."""
    server.script(Stream.replay(path))
    events, items = converse(server.url)
    expected = text_of(read_events(path))
    assert streamed(events) == expected == "".join(texts(items)[1:])


@pytest.mark.parametrize("path", sorted(OWN_STREAMS.glob("*.jsonl")), ids=lambda path: path.stem)
@pytest.mark.parametrize("sizes", [(1,), (7, 1, 13), (4096,)], ids=str)
def test_any_chunking_of_the_bytes_gives_the_same_text(server: ModelServer, path: Path, sizes: tuple[int, ...]) -> None:
    """Frames and characters are cut anywhere on their way; also U+2028, U+2029 and U+0085 come through."""
    server.script(Stream.replay(path).in_chunks(*sizes))
    events, items = converse(server.url)
    expected = text_of(read_events(path))
    assert streamed(events) == expected
    if expected:
        assert "".join(texts(items)[1:]) == expected


def test_the_model_is_asked_for_a_stream_of_the_thread_as_it_stands(server: ModelServer) -> None:
    """The request is the Responses API's, with the key as a bearer token and nothing kept at OpenAI."""
    with chat_with(server.url) as chat:
        thread_id = chat.create("one")
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("two")})
    request = server.requests[1]
    assert request.path == "/v1/responses"
    assert request.headers["authorization"] == "Bearer sk-test-secret"
    assert request.body["stream"] is True
    assert request.body["store"] is False
    said = [(entry["role"], entry["content"][0]["text"]) for entry in request.body["input"]]
    assert said == [("user", "one"), ("assistant", "Hello from the stand-in."), ("user", "two")]


FAILURES: dict[str, tuple[Answer, str | None, str]] = {
    "429": (HttpError.rate_limited(), "", "The model is busy. Please try again in a moment."),
    "500": (HttpError.server_error(), "", "The model could not answer."),
    "401": (HttpError.unauthorized(), "", "The model could not answer."),
    "no event stream": (Body(), "", "The answer broke off."),
    "silence before the head": (Hang(), "", "The model could not be reached."),
    "silence in mid-stream": (Stream.text("Half ", "an ", "answer").hang_after(6), "Half an ", "The answer broke off."),
    "a clean end in mid-stream": (
        Stream.text("Half ", "an ", "answer").end_after(6),
        "Half an ",
        "The answer broke off.",
    ),
    "a broken connection": (Stream.text("Half ", "an ", "answer").reset_after(3300), None, "The answer broke off."),
    "a frame that is no JSON": (
        Stream.of([*Stream.text("Half ", "an ").frames[:6], INVALID_JSON]),
        "Half an ",
        "The model's answer could not be read.",
    ),
    "an error event": (
        Stream.replay(OWN_STREAMS / "error-nested.jsonl"),
        text_of(read_events(OWN_STREAMS / "error-nested.jsonl")),
        "The model could not finish its answer.",
    ),
    "response.failed": (
        Stream.replay(OWN_STREAMS / "failed.jsonl"),
        text_of(read_events(OWN_STREAMS / "failed.jsonl")),
        "The model could not finish its answer.",
    ),
    "response.incomplete": (
        Stream.replay(OWN_STREAMS / "incomplete-max-tokens.jsonl"),
        text_of(read_events(OWN_STREAMS / "incomplete-max-tokens.jsonl")),
        "The answer was cut short by the model's limits.",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_model_that_fails_costs_neither_the_message_nor_what_was_said(
    server: ModelServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The message and the partial answer are kept, the last event is an error that allows a retry, the log is discreet."""
    answer, kept, message = FAILURES[name]
    server.script(answer)
    with caplog.at_level(logging.WARNING):
        events, items = converse(server.url, "my secret message", silence_seconds=0.5)
    assert events[-1] == {"type": "error", "code": "custom", "message": message, "allow_retry": True}
    said = "".join(texts(items)[1:])
    assert texts(items)[0] == "my secret message"
    assert streamed(events) == said
    if kept is not None:
        assert said == kept
    assert caplog.records
    logged = json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert "sk-test-secret" not in logged
    assert "my secret message" not in logged


def test_a_model_that_cannot_be_reached_costs_nothing_but_the_answer() -> None:
    """The message is kept, and the user is told."""
    with refused_url() as url:
        events, items = converse(url)
    assert events[-1]["message"] == "The model could not be reached."
    assert events[-1]["allow_retry"] is True
    assert texts(items) == ["Hi"]


def test_the_connection_is_tried_again_before_the_first_event(server: ModelServer) -> None:
    """A failure of a moment is not shown to anybody."""
    server.script(HttpError.rate_limited(retry_after="0.01"), HttpError.server_error(), Stream.text("There."))
    events, items = converse(server.url, retries=2)
    assert events[-1]["type"] == "thread.item.done"
    assert texts(items) == ["Hi", "There."]
    assert len(server.requests) == 3


def test_the_users_message_is_shown_before_the_model_has_said_anything(server: ModelServer) -> None:
    """The first events do not wait for the model."""
    gate = Gate()
    server.script(Stream.text("late").gate(gate))

    async def watch(chat: Chat) -> list[str]:
        seen: list[str] = []
        async for event in await chat.events("threads.create", {"input": message_input()}):
            seen.append(event.type)
            if event.type == "stream_options":
                assert not gate.reached.is_set()
                gate.open()
        return seen

    with chat_with(server.url) as chat:
        assert run(watch(chat))[:4] == [*BEFORE, "thread.item.added"]


def test_a_rotated_key_is_used_for_the_next_response(server: ModelServer) -> None:
    """The key is asked for each time, not kept from the start."""
    keys = iter(["sk-first", "sk-second"])
    with chat_with(server.url, api_key=lambda: next(keys)) as chat:
        chat.create()
        chat.create()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer sk-first", "Bearer sk-second"]


def test_a_reader_that_leaves_closes_the_connection_to_the_model(server: ModelServer) -> None:
    """Nobody pays for an answer that nobody reads."""
    server.script(Stream.text("Half ", "an ", "answer").hang_after(5))

    async def leave(chat: Chat) -> None:
        async with closing(await chat.events("threads.create", {"input": message_input()})) as events:
            async for event in events:
                if event.type == "thread.item.updated" and getattr(event.update, "delta", ""):
                    break
        request = server.requests[0]
        assert await asyncio.to_thread(request.ended.wait, 10)
        assert request.closed_early

    with chat_with(server.url) as chat:
        run(leave(chat))

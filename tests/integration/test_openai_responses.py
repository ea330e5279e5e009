"""The model's adapter against a real HTTP server that answers, and misbehaves, as the Responses API may."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from functions.assistant import create
from functions.assistant.assistant import MODEL, TITLE_MODEL
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.metering import USAGE_KEY
from functions.metrics import Metrics
from functions.model import openai_responses
from functions.model.openai_client import OpenAIClient
from functions.model.openai_responses import EVENT_BYTES, OpenAIResponses
from functions.model.retries import Retries
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.translations import Text, catalogue
from tests.support.assistants import ScriptedAssistant
from tests.support.chat import Chat, Json, message_input, texts, types
from tests.support.model_answers import INVALID_JSON, Answer, Body, Gate, Hang, HttpError, RecordedRequest, Stream
from tests.support.model_server import ModelServer, full_url, refused_url
from tests.support.streams import OWN_STREAMS, read_events, recording_cases, text_of

pytestmark = pytest.mark.integration

BEFORE = ["thread.created", "thread.item.done", "stream_options"]

UNHURRIED = 60.0
"""A limit in seconds that no test means to reach, however busy the machine is."""
SHORT = 1.0
"""One that is to be reached; what comes before the silence needs far less."""


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


async def answer_only(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    """The model's answer, and no other request."""
    async for event in context.answer(model="gpt-5.2", instructions="Be brief."):
        yield event


@contextmanager
def chat_with(
    url: str,
    *,
    retries: int = 0,
    first_event_seconds: float = UNHURRIED,
    event_bytes: int = EVENT_BYTES,
    assistant: Assistant | None = None,
    **limits: Any,
) -> Iterator[Chat]:
    """An assistant with the real adapter, which is closed in the end."""
    limits = {"connect_seconds": UNHURRIED, "silence_seconds": UNHURRIED, **limits}
    client = OpenAIClient(
        **{
            "api_key": lambda: "sk-test-secret",
            "base_url": url,
            "retries": Retries(most=retries, first_pause=0.001),
            **limits,
        }
    )
    model = OpenAIResponses(client=client, first_event_seconds=first_event_seconds, event_bytes=event_bytes)
    try:
        yield Chat(assistant=assistant or ScriptedAssistant(answer_only), model=model)
    finally:
        run(client.close())


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


HALF: Final = Stream.text("Half ", "an ", "answer")
QUOTA: Final = HttpError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota.")
CONTENT_FILTER: Final = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}


def ending(event: Json) -> Stream:
    """Half an answer, then an event that ends it."""
    return Stream.of([*HALF.frames[:6], event])


def own(name: str) -> tuple[Stream, str]:
    """One of the project's own streams, and its text."""
    path = OWN_STREAMS / f"{name}.jsonl"
    return Stream.replay(path), text_of(read_events(path))


@dataclass(frozen=True)
class Failure:
    """How the model misbehaves, and what comes of it."""

    answer: Answer
    text: Text
    allow_retry: bool = True
    kept: str | None = ""
    """The text that the user keeps; None where it depends on how far the client had read."""
    level: int = logging.WARNING


FAILURES: dict[str, Failure] = {
    "429, busy": Failure(HttpError.rate_limited(), Text.MODEL_BUSY),
    "429, no quota": Failure(QUOTA, Text.MODEL_QUOTA, allow_retry=False, level=logging.ERROR),
    "401": Failure(HttpError.unauthorized(), Text.MODEL_UNAVAILABLE, allow_retry=False, level=logging.ERROR),
    "403": Failure(
        HttpError(403, "request_forbidden", "unsupported_country_region_territory", "Not here."),
        Text.MODEL_UNAVAILABLE,
        allow_retry=False,
        level=logging.ERROR,
    ),
    "404": Failure(
        HttpError(404, "invalid_request_error", "model_not_found", "There is no such model."),
        Text.MODEL_REFUSED,
        allow_retry=False,
        level=logging.ERROR,
    ),
    "400": Failure(
        HttpError(400, "invalid_request_error", "unknown_parameter", "Unknown parameter."),
        Text.MODEL_REFUSED,
        allow_retry=False,
        level=logging.ERROR,
    ),
    "400, content filter": Failure(
        HttpError(400, "invalid_request_error", "content_policy_violation", "No."),
        Text.MODEL_CONTENT_FILTER,
        allow_retry=False,
    ),
    "400, context": Failure(
        HttpError(400, "invalid_request_error", "context_length_exceeded", "Your input is too long."),
        Text.MODEL_CONTEXT_TOO_LONG,
        allow_retry=False,
    ),
    "500": Failure(HttpError.server_error(), Text.MODEL_FAILED),
    "502 of a gateway, in HTML": Failure(Body(b"<h1>Bad gateway</h1>", status=502), Text.MODEL_FAILED),
    "503": Failure(HttpError(503, "server_error", "slow_down", "Slow down."), Text.MODEL_BUSY),
    "200 with a page": Failure(Body(), Text.MODEL_UNREADABLE),
    "200 with JSON": Failure(Body(b'{"error": null}', "application/json"), Text.MODEL_UNREADABLE),
    "200 with nothing": Failure(Body(b"", "text/event-stream"), Text.MODEL_BROKE_OFF),
    "silence before the head": Failure(Hang(), Text.MODEL_TIMED_OUT),
    "silence after the head": Failure(HALF.hang_after(0), Text.MODEL_TIMED_OUT),
    "silence in mid-stream": Failure(HALF.hang_after(6), Text.MODEL_TIMED_OUT, kept="Half an "),
    "a clean end in mid-stream": Failure(HALF.end_after(6), Text.MODEL_BROKE_OFF, kept="Half an "),
    "a connection broken before the first event": Failure(HALF.reset_after(0), Text.MODEL_UNREACHABLE),
    "a connection broken in mid-stream": Failure(HALF.reset_after(3300), Text.MODEL_BROKE_OFF, kept=None),
    "a frame that is no JSON": Failure(
        Stream.of([*HALF.frames[:6], INVALID_JSON]), Text.MODEL_UNREADABLE, kept="Half an "
    ),
    "a first frame that is no JSON": Failure(Stream.of([INVALID_JSON]), Text.MODEL_UNREADABLE),
    "a frame that is no UTF-8": Failure(
        Stream.of([*HALF.frames[:6], b'data: {"type":"\xff"}\n\n']), Text.MODEL_UNREADABLE, kept="Half an "
    ),
    "a frame that is no event": Failure(
        Stream.of([*HALF.frames[:6], b"data: [1, 2]\n\n"]), Text.MODEL_UNREADABLE, kept="Half an "
    ),
    "a frame that is nested without end": Failure(
        Stream.of([*HALF.frames[:6], b"data: " + b"[" * 200_000 + b"\n\n"]), Text.MODEL_UNREADABLE, kept="Half an "
    ),
    "the older APIs' end in mid-stream": Failure(
        Stream.of([*HALF.frames[:6], b"data: [DONE]\n\n", *HALF.frames[6:]]), Text.MODEL_BROKE_OFF, kept="Half an "
    ),
    "a nested error event": Failure(own("error-nested")[0], Text.MODEL_FAILED, kept=own("error-nested")[1]),
    "a flat error event": Failure(
        ending({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down.", "param": None}),
        Text.MODEL_BUSY,
        kept="Half an ",
    ),
    "no quota, in the stream": Failure(
        ending(
            {"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "No."}}
        ),
        Text.MODEL_QUOTA,
        allow_retry=False,
        kept="Half an ",
        level=logging.ERROR,
    ),
    "context, in the stream": Failure(
        ending({"type": "error", "error": {"code": "context_length_exceeded", "message": "Your input is too long."}}),
        Text.MODEL_CONTEXT_TOO_LONG,
        allow_retry=False,
        kept="Half an ",
    ),
    "response.failed": Failure(own("failed")[0], Text.MODEL_FAILED, kept=own("failed")[1]),
    "max_output_tokens": Failure(
        own("incomplete-max-tokens")[0],
        Text.MODEL_INCOMPLETE,
        allow_retry=False,
        kept=own("incomplete-max-tokens")[1],
    ),
    "content filter, in the stream": Failure(
        ending({"type": "response.incomplete", "response": CONTENT_FILTER}),
        Text.MODEL_CONTENT_FILTER,
        allow_retry=False,
        kept="Half an ",
    ),
}


def patience(name: str) -> float:
    """How long the model may be silent in this case, in seconds."""
    return SHORT if name.startswith("silence") else UNHURRIED


def failures_of_the_model(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of each line that the model's adapter logged."""
    return [record.__dict__ for record in caplog.records if record.name == "functions.model.openai_client"]


@pytest.mark.parametrize("name", FAILURES)
def test_a_model_that_fails_costs_neither_the_message_nor_what_was_said(
    server: ModelServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Message and partial answer are kept, the last event is an error with its own words, and the log is discreet."""
    failure = FAILURES[name]
    server.script(failure.answer)
    with caplog.at_level(logging.WARNING):
        events, items = converse(server.url, "my secret message", silence_seconds=patience(name))
    message = catalogue("en")[failure.text]
    assert events[-1] == {"type": "error", "code": "custom", "message": message, "allow_retry": failure.allow_retry}
    assert types(events).count("error") == 1
    said = "".join(texts(items)[1:])
    assert texts(items)[0] == "my secret message"
    assert streamed(events) == said
    if failure.kept is not None:
        assert said == failure.kept
    (line,) = failures_of_the_model(caplog)
    assert (line["levelno"], line["reason"]) == (failure.level, failure.text)
    logged = json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert "sk-test-secret" not in logged
    assert "my secret message" not in logged


@pytest.mark.parametrize("name", [name for name, failure in FAILURES.items() if isinstance(failure.answer, HttpError)])
def test_a_refusal_is_logged_with_openais_request_id(
    server: ModelServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Status, code and request id say to an operator, and to OpenAI's support, what was refused."""
    answer = FAILURES[name].answer
    assert isinstance(answer, HttpError)
    server.script(answer)
    converse(server.url)
    (line,) = failures_of_the_model(caplog)
    assert line["openai_request_id"] == "req_stand_in"
    assert line["status"] == answer.status
    assert line["code"] == (answer.code or answer.kind)
    assert line["started"] is False


@pytest.mark.parametrize("name", ["silence in mid-stream", "a clean end in mid-stream", "max_output_tokens"])
def test_a_broken_stream_is_logged_with_both_ids(
    server: ModelServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A response that had begun is named by OpenAI's request id and by its own."""
    answer = FAILURES[name].answer
    assert isinstance(answer, Stream)
    server.script(answer)
    converse(server.url, silence_seconds=patience(name))
    (line,) = failures_of_the_model(caplog)
    created = json.loads(answer.frames[0].partition(b"data: ")[2])
    assert line["openai_request_id"] == "req_stand_in"
    assert line["response_id"] == created["response"]["id"]
    assert line["started"] is True


@pytest.mark.parametrize("language", ["de", "ja"])
def test_a_failure_is_told_in_the_users_language(server: ModelServer, language: str) -> None:
    """The words of an error come from the catalogue."""
    server.script(QUOTA)
    with chat_with(server.url) as chat:
        events = chat.stream("threads.create", {"input": message_input()}, locales=(language,))
    assert events[-1]["message"] == catalogue(language)[Text.MODEL_QUOTA]


def test_a_model_that_cannot_be_reached_costs_nothing_but_the_answer() -> None:
    """The message is kept, and the user is told."""
    with refused_url() as url:
        events, items = converse(url)
    assert events[-1]["message"] == "The model could not be reached."
    assert events[-1]["allow_retry"] is True
    assert texts(items) == ["Hi"]


def test_a_server_that_accepts_nobody_is_not_waited_for_long() -> None:
    """The time limit of the connection is its own, and much shorter than that of the answer."""
    with full_url() as url:
        events, _ = converse(url, connect_seconds=0.3)
    assert events[-1]["message"] == "The model could not be reached."


def test_the_first_event_has_its_own_limit(server: ModelServer) -> None:
    """A model that takes the request and never begins is given up, however long it may be silent later."""
    server.script(Stream.text("There."), Hang())
    with chat_with(server.url, first_event_seconds=SHORT) as chat:
        chat.create()  # what the first request of a process needs to import is imported
        events = chat.stream("threads.create", {"input": message_input()})
    assert events[-1]["message"] == "The model took too long to answer."
    request = server.wait_for_requests(2)[1]
    assert request.ended.wait(UNHURRIED)
    assert request.closed_early


PASSING: dict[str, Answer] = {
    "429": HttpError.rate_limited(retry_after="0.01"),
    "429 with a date": HttpError.rate_limited(retry_after="Thu, 01 Jan 1970 00:00:00 GMT"),
    "500": HttpError.server_error(),
    "503": HttpError(503, "server_error", None, "Busy."),
    "409": HttpError(409, "conflict", None, "Locked."),
    "broken before the first event": HALF.reset_after(0),
    "ended before the first event": HALF.end_after(0),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again_before_the_first_event(
    server: ModelServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure of a moment is not shown to anybody, twice in a row."""
    server.script(PASSING[name], PASSING[name], Stream.text("There."))
    events, items = converse(server.url, retries=2)
    assert events[-1]["type"] == "thread.item.done"
    assert texts(items) == ["Hi", "There."]
    assert len(server.requests) == 3
    assert failures_of_the_model(caplog) == []


def test_a_failure_that_lasts_is_told_once(server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    """After the last repetition there is one event and one line, which counts the attempts."""
    server.script(HttpError.server_error())
    events, _ = converse(server.url, retries=2)
    assert events[-1]["message"] == "The model could not finish its answer."
    assert len(server.requests) == 3
    (line,) = failures_of_the_model(caplog)
    assert line["attempts"] == 3


FINAL: dict[str, Answer] = {
    **{
        name: FAILURES[name].answer
        for name in FAILURES
        if not FAILURES[name].allow_retry or FAILURES[name].kept != "" or "no JSON" in name
    },
    "429 for longer than anybody waits": HttpError.rate_limited(retry_after="11"),
    "500 that says so": HttpError(500, "server_error", None, "Broken.", (("x-should-retry", "false"),)),
    "200 with a page": Body(),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_does_not_pass_or_has_begun_is_not_tried_again(server: ModelServer, name: str) -> None:
    """A request that is wrong, an account without quota, a wait that is too long, and every stream that has begun."""
    server.script(FINAL[name], Stream.text("There."))
    events, _ = converse(server.url, retries=2, silence_seconds=patience(name))
    assert events[-1]["type"] == "error"
    assert len(server.requests) == 1


@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
@pytest.mark.parametrize("sizes", [(1,), (4096,)], ids=str)
def test_a_stream_may_have_other_line_ends_and_comments(
    server: ModelServer, end: bytes, sizes: tuple[int, ...]
) -> None:
    """What a gateway on the way makes of a stream, as far as the format allows, changes nothing."""
    frames = [b": kept alive\n\n" + frame.replace(b"data: ", b"data:") for frame in HALF.frames]
    server.script(Stream(tuple(frame.replace(b"\n", end) for frame in frames)).in_chunks(*sizes))
    events, items = converse(server.url)
    assert events[-1]["type"] == "thread.item.done"
    assert texts(items) == ["Hi", "Half an answer"]


def test_an_event_that_is_too_large_is_not_kept_in_memory(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An event beyond its limit breaks the stream off before its end has come, and closes the connection."""
    frames = [*HALF.frames[:6], b"data: " + b"x" * 5_000]
    server.script(Stream(tuple(frames)).hang_after(len(frames)))
    events, items = converse(server.url, event_bytes=4_000)
    assert events[-1]["message"] == catalogue("en")[Text.MODEL_UNREADABLE]
    assert texts(items) == ["Hi", "Half an "]
    assert server.requests[0].ended.wait(UNHURRIED)
    assert server.requests[0].closed_early
    (line,) = failures_of_the_model(caplog)
    assert line["error"] == "EventTooLarge"


def test_a_connection_is_used_again(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that was read to its end leaves its connection to the next request; one that was given up does not."""
    monkeypatch.setattr(openai_responses, "DRAIN_SECONDS", UNHURRIED)
    server.script(
        Stream.text("one"), Stream.text("two"), HALF.end_after(6), Stream.of([INVALID_JSON]), Stream.text(".")
    )
    with chat_with(server.url) as chat:
        for _ in range(5):
            chat.stream("threads.create", {"input": message_input()})
    ports = [request.client_port for request in server.requests]
    assert ports[0] == ports[1] == ports[2] == ports[3] != ports[4]


def test_a_stream_that_lingers_after_its_end_does_not_hold_up_the_turn(server: ModelServer) -> None:
    """The terminal event ends the answer, whether the server closes the connection or not."""
    stream = Stream.text("There.")
    server.script(stream.hang_after(len(stream.frames)))
    events, items = converse(server.url)
    assert events[-1]["type"] == "thread.item.done"
    assert texts(items) == ["Hi", "There."]


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


def test_a_title_is_made_by_a_second_request_beside_the_answer(server: ModelServer) -> None:
    """The project's own assistant asks a small model for a title while the answer streams, once for a thread."""
    gate = Gate()
    made = Gate()

    def answer(request: RecordedRequest) -> Answer:
        if request.body["model"] == TITLE_MODEL:
            gate.open()
            return Stream.text("Boiling", " water").gate(made)
        return Stream.text("About ", "100 ", "degrees.").gate(gate, before=5)

    server.script(answer)
    made.open()
    with chat_with(server.url, assistant=create(has_model=True)["default"]) as chat:
        events = chat.stream("threads.create", {"input": message_input("How hot is boiling water?")})
        thread_id = events[0]["thread"]["id"]
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("Thanks")})
        assert chat.ask("threads.get_by_id", {"thread_id": thread_id})["title"] == "Boiling water"
    first, beside, second = (request.body["model"] for request in server.requests)
    assert ({first, beside}, second) == ({MODEL, TITLE_MODEL}, MODEL)
    assert types(events).count("thread.updated") == 1
    assert events[types(events).index("thread.updated")]["thread"]["title"] == "Boiling water"
    assert streamed(events) == "About 100 degrees."


def test_what_a_turn_costs_is_written_and_stored(server: ModelServer) -> None:
    """The tokens that the API reports reach the metrics, with the times, and the thread's metadata, which is not sent."""
    lines: list[str] = []
    metrics = Metrics(stage="test", write=lines.append)
    server.script(own("incomplete-max-tokens")[0])
    usage = read_events(OWN_STREAMS / "incomplete-max-tokens.jsonl")[-1]["response"]["usage"]
    with chat_with(server.url) as chat:
        chat.metrics = metrics
        events = chat.stream("threads.create", {"input": message_input("my secret message")}, user="alice")
        stored = run(chat.store.load_thread("alice", events[0]["thread"]["id"]))
    (line,) = map(json.loads, lines)
    assert (line["stage"], line["model"], line["outcome"]) == ("test", "gpt-5.2", "model_incomplete")
    assert line["InputTokens"] == usage["input_tokens"]
    assert line["OutputTokens"] == usage["output_tokens"]
    assert 0 < line["TimeToFirstEvent"] <= line["TimeToFirstText"] <= line["TurnDuration"]
    assert stored.metadata[USAGE_KEY]["gpt-5.2"]["input_tokens"] == usage["input_tokens"]
    assert USAGE_KEY not in json.dumps(events)
    assert "thread.updated" not in types(events)
    assert "alice" not in lines[0]
    assert "secret" not in lines[0]


def test_a_rotated_key_is_used_for_the_next_response(server: ModelServer) -> None:
    """The key is asked for each time, not kept from the start; a line break behind it does no harm."""
    keys = iter(["sk-first", "sk-second\n"])
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
        assert await asyncio.to_thread(request.ended.wait, UNHURRIED)
        assert request.closed_early

    with chat_with(server.url) as chat:
        run(leave(chat))


def test_a_stream_that_is_cut_at_any_byte_keeps_its_text_and_ends_with_one_error(server: ModelServer) -> None:
    """Wherever the connection breaks, what was streamed is stored, and exactly one error event is the last."""
    stream = Stream.text("Half ", "an ", "answer \u2028 é")
    size = sum(len(frame) for frame in stream.frames)
    begun = len(stream.frames[0])
    places = sorted({*range(begun + 1, size - 1, 97), begun, begun + 1, size - 2, size - 1})
    with chat_with(server.url) as chat:
        for place in places:
            server.script(stream.reset_after(place))
            events = chat.stream("threads.create", {"input": message_input("Hi")})
            assert types(events)[:3] == BEFORE
            is_whole = "response.completed" in frames_until(stream, place)
            assert types(events).count("error") == (0 if is_whole else 1), place
            assert is_whole or events[-1]["allow_retry"] is True
            assert "".join(texts(chat.items(events[0]["thread"]["id"]))[1:]) == streamed(events), place


def frames_until(stream: Stream, place: int) -> str:
    """The whole frames within the first `place` bytes."""
    sent = b"".join(stream.frames)[:place]
    return sent[: sent.rfind(b"\n\n") + 2].decode()


def test_two_megabytes_come_through_unchanged(server: ModelServer) -> None:
    """A very long answer is streamed, stored and read again as it was, odd characters and all."""
    words = [f"{number} \u2028\u0085😀 " + "x" * 900 + "\n" for number in range(2_200)]
    whole = "".join(words)
    assert len(whole.encode()) > 2_000_000
    server.script(Stream.text(*words))
    with chat_with(server.url) as chat:
        events = chat.stream("threads.create", {"input": message_input("Hi")})
        assert streamed(events) == whole == texts(chat.items(events[0]["thread"]["id"]))[1]

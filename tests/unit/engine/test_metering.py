"""What a turn costs, and how long its user waits."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.assistant import AssistantContext
from functions.engine.closing import closing
from functions.engine.metering import USAGE_KEY, Meter, MeteredModel, Usage
from functions.errors import CustomStreamError, Unavailable
from functions.metrics import Metrics
from functions.model.base import ResponseEvent
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.translations import Text
from tests.support.assistants import CannedModel, Respond, ScriptedAssistant, say
from tests.support.chat import Chat, Json, message_input, texts, types
from tests.support.memory_store import MemoryStore
from tests.support.streams import text_stream

Events = AsyncIterator[ThreadStreamEvent]

UNKNOWN = "thr_01KB0000000000000000000000"

USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 120,
}


def reported(kind: str = "response.completed", usage: Any = USAGE) -> list[ResponseEvent]:
    """An answer whose end reports its usage."""
    *events, last = text_stream("Hello", " there")
    response = {**last["response"], "usage": usage, "incomplete_details": {"reason": "max_output_tokens"}}
    return [*events, {**last, "type": kind, "response": response}]


async def answer(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
    async for event in context.answer(model="gpt-5.2", instructions="i"):
        yield event


def measured(respond: Respond, events: list[ResponseEvent] | None = None, **how: Any) -> tuple[list[Json], Chat, Json]:
    """The metrics of one turn, its chat, and its thread's metadata."""
    lines: list[str] = []
    chat = Chat(assistant=ScriptedAssistant(respond), model=CannedModel(events or reported()), **how)
    chat.metrics = Metrics(stage="test", write=lines.append)
    sent = chat.stream("threads.create", {"input": message_input("my secret message")})
    metadata = run(chat.store.load_thread("alice", sent[0]["thread"]["id"])).metadata
    assert "secret" not in "".join(lines)
    assert "alice" not in "".join(lines)
    assert USAGE_KEY not in json.dumps(sent)
    return [json.loads(line) for line in lines], chat, metadata


def test_a_turn_is_one_line() -> None:
    """Tokens and times, with stage, model and outcome."""
    (line,), _, metadata = measured(answer)
    assert {"stage": "test", "model": "gpt-5.2", "outcome": "completed", "request_id": "req-1"}.items() <= line.items()
    tokens = {
        "Responses": 1,
        "InputTokens": 100,
        "CachedTokens": 60,
        "OutputTokens": 20,
        "ReasoningTokens": 8,
    }
    assert tokens.items() <= line.items()
    assert 0 <= line["TimeToFirstEvent"] <= line["TimeToFirstText"] <= line["TurnDuration"]
    assert metadata == {
        USAGE_KEY: {
            "gpt-5.2": {
                "responses": 1,
                "input_tokens": 100,
                "cached_tokens": 60,
                "output_tokens": 20,
                "reasoning_tokens": 8,
            }
        }
    }


def test_responses_of_one_turn_add_up_by_model() -> None:
    """Two answers of one model are one line; another model has its own, without the turn's times."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        for _ in range(2):
            async for event in context.answer(model="gpt-5.2", instructions="i"):
                yield event
        await context.ask("x", model="small", instructions="i")

    lines, _, metadata = measured(respond)
    assert [(line["model"], line["Responses"], line["InputTokens"]) for line in lines] == [
        ("gpt-5.2", 2, 200),
        ("small", 1, 100),
    ]
    assert "TurnDuration" in lines[0]
    assert not {"TurnDuration", "TimeToFirstEvent", "TimeToFirstText"} & set(lines[1])
    assert set(metadata[USAGE_KEY]) == {"gpt-5.2", "small"}


def test_a_response_that_was_cut_short_has_cost_something_too() -> None:
    """Usage is also read from a failing end, and the outcome says what failed."""
    (line,), _, metadata = measured(answer, reported("response.incomplete"))
    assert (line["outcome"], line["InputTokens"]) == ("model_incomplete", 100)
    assert metadata[USAGE_KEY]["gpt-5.2"]["output_tokens"] == 20


async def no_model(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
    async for event in say(thread, context, "Hi"):
        yield event


async def fault(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
    yield context.progress("…")
    raise ZeroDivisionError


async def custom(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
    yield context.progress("…")
    raise CustomStreamError("Closed.")


@pytest.mark.parametrize(("respond", "outcome"), [(no_model, "completed"), (fault, "internal"), (custom, "custom")])
def test_a_turn_without_a_model_is_measured(respond: Respond, outcome: str) -> None:
    """Its duration and outcome are written, and nothing is stored."""
    (line,), _, metadata = measured(respond)
    assert (line["model"], line["outcome"]) == ("none", outcome)
    assert [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["TurnDuration"]
    assert metadata == {}


def test_a_turn_that_was_left_is_measured() -> None:
    """A reader who leaves early makes the outcome `stopped`."""
    lines: list[str] = []
    chat = Chat(assistant=ScriptedAssistant(answer), model=CannedModel(reported()))
    chat.metrics = Metrics(stage="test", write=lines.append)

    async def leave() -> None:
        async with closing(await chat.events("threads.create", {"input": message_input()})) as events:
            async for event in events:
                if event.type == "thread.item.updated":
                    break

    run(leave())
    (line,) = map(json.loads, lines)
    assert (line["outcome"], line["Responses"]) == ("stopped", 1)


def test_the_newest_turns_usage_replaces_the_one_before() -> None:
    """The metadata does not grow, and what the author keeps there stays."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        thread.metadata = {**thread.metadata, "step": thread.metadata.get("step", 0) + 1}
        async for event in context.answer(model="gpt-5.2", instructions="i"):
            yield event

    _, chat, metadata = measured(respond)
    assert (metadata["step"], metadata[USAGE_KEY]["gpt-5.2"]["responses"]) == (1, 1)
    (thread,) = run(chat.store.list_threads("alice", after=None, limit=10, order="asc")).data
    chat.stream("threads.add_user_message", {"thread_id": thread.id, "input": message_input("More")})
    metadata = run(chat.store.load_thread("alice", thread.id)).metadata
    assert (metadata["step"], metadata[USAGE_KEY]["gpt-5.2"]["responses"]) == (2, 1)


class ForgetfulStore(MemoryStore):
    """A store that cannot be reached when a thread shall be saved."""

    async def save_thread(self, *args: Any, **how: Any) -> None:
        raise Unavailable(Text.STORE_UNAVAILABLE)


def test_a_turn_does_not_fail_for_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    """Where the usage cannot be stored, the answer is whole all the same, and the log says so."""
    lines, chat, metadata = measured(answer, store=ForgetfulStore())
    assert lines[0]["outcome"] == "completed"
    assert metadata == {}
    (thread,) = run(chat.store.list_threads("alice", after=None, limit=10, order="asc")).data
    assert texts(chat.items(thread.id))[1] == "Hello there"
    assert [record.__dict__["error"] for record in caplog.records] == ["Unavailable"]


def test_usage_leaves_no_trace_in_the_stream() -> None:
    """Storing it is no change of the thread that a client would hear of."""
    _, chat, _ = measured(answer)
    events = chat.stream("threads.create", {"input": message_input()})
    assert "thread.updated" not in types(events)


def ticking(*moments: float) -> Callable[[], float]:
    ticks: Iterator[float] = iter(moments)
    return lambda: next(ticks)


def test_times_are_counted_from_the_turns_beginning() -> None:
    """In milliseconds, for the first event and the first text of the model that was asked first."""
    lines: list[str] = []
    meter = Meter(metrics=Metrics(stage="test", write=lines.append), clock=ticking(10.0, 10.05, 10.25, 11.5, 13.0))
    meter.answers()

    async def ask(name: str) -> None:
        async for _ in MeteredModel(CannedModel(reported()), meter).stream({"model": name}):
            pass

    run(ask("first"))
    run(ask("second"))
    meter.write("completed")
    line = json.loads(lines[0])
    assert (line["TimeToFirstEvent"], line["TimeToFirstText"], line["TurnDuration"]) == (250, 1500, 3000)
    assert line["TimeToFirstByte"] == 50


def views(line: Json) -> dict[tuple[str, ...], set[str]]:
    """The metrics of a line, by the dimensions that they are counted by."""
    definitions = line["_aws"]["CloudWatchMetrics"]
    return {
        tuple(names): {metric["Name"] for metric in definition["Metrics"]}
        for definition in definitions
        for names in definition["Dimensions"]
    }


def test_what_alarms_watch_is_counted_by_few_dimensions() -> None:
    """Times by the stage alone, turns by their outcome too; once for a turn, however many models it asks."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in answer(thread, message, context):
            yield event
        await context.ask("x", model="small", instructions="i")

    (first, second), _, _ = measured(respond)
    seen = views(first)
    assert seen["stage",] == {"Turns", "TimeToFirstByte", "TimeToFirstText"}
    assert seen["stage", "outcome"] == {"Turns"}
    assert not {"Turns", "TimeToFirstByte"} & seen["stage", "model", "outcome"]
    assert (first["Turns"], first["outcome"]) == (1, "completed")
    assert 0 <= first["TimeToFirstByte"] <= first["TurnDuration"]
    assert set(views(second)) == {("stage", "model", "outcome")}


class DeadStore(MemoryStore):
    """A store that cannot be reached when a turn shall begin."""

    async def create_thread(self, *args: Any, **how: Any) -> None:
        raise Unavailable(Text.STORE_UNAVAILABLE)


def test_a_request_whose_turn_could_not_begin_is_counted() -> None:
    """Its user has seen a failure; neither model nor time is told of it. A wrong request is nobody else's failure."""
    lines: list[str] = []
    chat = Chat(assistant=ScriptedAssistant(answer), model=CannedModel(reported()), store=DeadStore())
    chat.metrics = Metrics(stage="test", write=lines.append)
    wrong = chat.stream("threads.add_user_message", {"thread_id": UNKNOWN, "input": message_input("Hello")})
    assert (types(wrong), lines) == (["error"], [])
    assert types(chat.stream("threads.create", {"input": message_input("Hello")})) == ["error"]
    (line,) = map(json.loads, lines)
    assert views(line) == {("stage",): {"Turns"}, ("stage", "outcome"): {"Turns"}}
    assert (line["Turns"], line["outcome"]) == (1, "store_unavailable")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["input_tokens", "cached_tokens", "input_tokens_details"]), inner),
    max_leaves=5,
)


@given(json_values)
def test_any_report_is_counted_or_passed_over(usage: Any) -> None:
    """Other servers with the same API report less, or differently: no answer fails for that."""
    counted = Usage()
    if isinstance(usage, Mapping):
        counted.add(usage)
    assert all(isinstance(count, int) and count >= 0 for count in counted.as_dict().values())
    meter = Meter(metrics=None, clock=lambda: 0.0)

    async def read() -> int:
        stream = MeteredModel(CannedModel(reported(usage=usage)), meter).stream({"model": "m"})
        return len([event async for event in stream])

    assert run(read()) == len(reported())

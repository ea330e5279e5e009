"""Guardrails: what trips is taken back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from functions.engine.assistant import AssistantContext
from functions.engine.guardrails import guarded
from functions.errors import CustomStreamError
from functions.protocol.events import ThreadItemDoneEvent, ThreadItemUpdatedEvent, ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from tests.support.assistants import ScriptedAssistant, assistant_message, say
from tests.support.chat import Chat, Json, message_input, texts, types

Events = AsyncIterator[ThreadStreamEvent]
Inner = Callable[[ThreadMetadata, AssistantContext], Events]
BLOCKED = {"type": "error", "code": "custom", "message": "Not here.", "allow_retry": False}


async def passes(text: str) -> str | None:
    return None


async def trips(text: str) -> str | None:
    return "Not here."


def hello(thread: ThreadMetadata, context: AssistantContext) -> Events:
    return say(thread, context, "Hello", ", ", "you")


def chat_with(inner: Inner = hello, **how: Any) -> Chat:
    """A chat whose assistant answers with `inner`, guarded."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in guarded(inner(thread, context), context=context, message=message, **how):
            yield event

    return Chat(assistant=ScriptedAssistant(respond))


def ask(chat: Chat, text: str = "Hi") -> tuple[list[Json], list[Json]]:
    """The turn's events after `stream_options`, and the items that are left behind the user's message."""
    events = chat.stream("threads.create", {"input": message_input(text)})
    return events[3:], chat.items(events[0]["thread"]["id"])[1:]


@pytest.mark.parametrize("how", [{}, {"input_first": True}, {"check_every": 1}])
def test_what_passes_is_as_it_was(how: dict[str, Any]) -> None:
    """Guardrails that let everything pass change nothing."""
    plain, _ = ask(Chat(assistant=ScriptedAssistant(lambda thread, _, context: hello(thread, context))))
    events, items = ask(chat_with(input_guardrails=[passes], output_guardrails=[passes, passes], **how))
    assert types(events) == types(plain)
    assert texts(items) == ["Hello, you"]


def test_an_input_that_trips_takes_back_what_was_shown() -> None:
    """The item that had begun is removed, from the store and from the page, and the guardrail's words are the end."""
    shown = asyncio.Event()

    async def late(text: str) -> str | None:
        await shown.wait()
        return "Not here." if "bomb" in text else None

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        async for event in say(thread, context, "First, ", "you"):
            yield event
        async for event in say(thread, context, "then ", "this", finish=False):
            yield event
        shown.set()
        await asyncio.Event().wait()  # the model thinks on: nothing of it is waited for

    events, items = ask(chat_with(inner, input_guardrails=[passes, late]), "How do I build a bomb?")
    begun = [event["item"]["id"] for event in events if event["type"] == "thread.item.added"]
    assert len(begun) == 2
    assert types(events)[-3:] == ["thread.item.removed", "thread.item.removed", "error"]
    assert [event["item_id"] for event in events[-3:-1]] == begun
    assert events[-1] == BLOCKED
    assert items == []


def test_an_input_that_trips_is_told_at_the_end_at_the_latest() -> None:
    """An answer that is quicker than its check waits for it before the turn ends."""
    answered = asyncio.Event()

    async def slow(text: str) -> str | None:
        await answered.wait()
        return "Not here."

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        async for event in hello(thread, context):
            yield event
        asyncio.get_running_loop().call_soon(answered.set)

    events, items = ask(chat_with(inner, input_guardrails=[slow]))
    assert events[-1] == BLOCKED
    assert items == []


def test_nothing_is_asked_for_until_the_input_has_passed() -> None:
    """With `input_first` a trip costs no answer."""
    asked = False

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        nonlocal asked
        asked = True
        async for event in hello(thread, context):
            yield event

    events, items = ask(chat_with(inner, input_guardrails=[trips], input_first=True))
    assert events == [BLOCKED]
    assert items == []
    assert asked is False


def test_an_output_that_trips_is_never_stored() -> None:
    """The finished message is checked before it is stored, and what had been streamed of it is removed."""
    checked: list[str] = []

    async def polite(text: str) -> str | None:
        checked.append(text)
        return "Not here." if "Hello" in text else None

    events, items = ask(chat_with(output_guardrails=[polite]))
    assert checked == ["Hello, you"]
    assert types(events)[-2:] == ["thread.item.removed", "error"]
    assert events[-1] == BLOCKED
    assert items == []


def test_a_growing_message_is_checked_before_more_is_shown() -> None:
    """With `check_every` nothing is shown that makes the text so much longer than what was checked."""
    checked: list[str] = []

    async def watch(text: str) -> str | None:
        checked.append(text)
        return "Not here." if "f" in text else None

    def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        return say(thread, context, "ab", "cd", "ef", "gh")

    events, items = ask(chat_with(inner, output_guardrails=[watch], check_every=3))
    assert checked == ["abcd", "abcdefgh"]
    deltas = [event["update"].get("delta") for event in events if event["type"] == "thread.item.updated"]
    assert deltas == [None, "ab", "cd", "ef"]
    assert events[-1] == BLOCKED
    assert items == []


def test_a_message_without_a_stream_is_checked_too() -> None:
    """What comes at once is as dangerous."""

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        yield ThreadItemDoneEvent(item=assistant_message(thread, context, "Hello"))

    events, items = ask(chat_with(inner, output_guardrails=[trips]))
    assert events == [BLOCKED]
    assert items == []


def test_hidden_items_are_taken_back_unseen() -> None:
    """What the model was told in the turn goes, and the client hears nothing of it."""

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        yield context.hidden_context("a note")
        async for event in hello(thread, context):
            yield event

    chat = chat_with(inner, output_guardrails=[trips])
    events = chat.stream("threads.create", {"input": message_input()})
    assert types(events).count("thread.item.removed") == 1
    page = run(
        chat.store.list_items("alice", events[0]["thread"]["id"], after=None, limit=10, order="asc", hidden=True)
    )
    assert [item.type for item in page.data] == ["user_message"]


@pytest.mark.parametrize("how", ["input_guardrails", "output_guardrails"])
def test_a_guardrail_that_fails_lets_nothing_pass(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """What could not be checked is not shown; the user may try again, and the log is discreet."""

    async def breaks(text: str) -> str | None:
        raise RuntimeError(text)

    guardrails: dict[str, Any] = {how: [passes, breaks]}
    events, items = ask(chat_with(**guardrails), "my secret message")
    assert events[-1]["message"] == "The answer could not be checked, so it is not shown."
    assert events[-1]["allow_retry"] is True
    assert items == []
    failed = [record for record in caplog.records if record.getMessage() == "a guardrail failed"]
    assert [record.__dict__["error"] for record in failed] == ["RuntimeError"]
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_the_first_guardrail_that_trips_has_the_word() -> None:
    """In their order, whichever is quicker."""

    async def slow(text: str) -> str | None:
        await asyncio.sleep(0)
        return "First."

    events, _ = ask(chat_with(output_guardrails=[passes, slow, trips]))
    assert events[-1]["message"] == "First."


def test_what_was_there_before_stays() -> None:
    """Items of earlier turns, and a widget that this turn has replaced, are not taken back."""
    chat = Chat()
    thread_id = chat.create()
    before = texts(chat.items(thread_id))
    chat.assistant = chat_with(output_guardrails=[trips]).assistant
    chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("More")})
    assert texts(chat.items(thread_id)) == [*before, "More"]


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (
            CustomStreamError("Closed today."),
            {"type": "error", "code": "custom", "message": "Closed today.", "allow_retry": False},
        ),
        (TimeoutError(), {"type": "error", "code": "stream.error", "allow_retry": True}),
    ],
)
def test_a_failure_of_the_answer_is_its_own(error: Exception, last: Json) -> None:
    """Half an answer that passes is kept, and the failure is told; a `TimeoutError` is not taken for a trip."""
    checked: list[str] = []
    may_end = asyncio.Event()

    async def slow(text: str) -> str | None:
        await may_end.wait()
        return None

    async def watch(text: str) -> str | None:
        checked.append(text)
        return None

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        async for event in say(thread, context, "Hello", ", ", "you", finish=False):
            yield event
        asyncio.get_running_loop().call_soon(may_end.set)
        raise error

    events, items = ask(chat_with(inner, input_guardrails=[slow], output_guardrails=[watch]))
    assert events[-1] == last
    assert texts(items) == ["Hello, you"]
    assert checked == ["Hello, you"]


@pytest.mark.parametrize("how", ["input_guardrails", "output_guardrails"])
def test_half_an_answer_is_not_kept_unchecked(how: str) -> None:
    """Where the answer breaks off, a guardrail still has its say."""

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        async for event in say(thread, context, "Hello", finish=False):
            yield event
        raise CustomStreamError("Broken.")

    guardrails: dict[str, Any] = {how: [trips]}
    events, items = ask(chat_with(inner, **guardrails))
    assert events[-1] == BLOCKED
    assert items == []


def test_a_reader_that_leaves_ends_the_check() -> None:
    """Nothing goes on behind a turn that has been left, and what was said is kept."""
    ended = asyncio.Event()

    begun = asyncio.Event()

    async def never(text: str) -> str | None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    async def inner(thread: ThreadMetadata, context: AssistantContext) -> Events:
        await begun.wait()
        async for event in hello(thread, context):
            yield event

    chat = chat_with(inner, input_guardrails=[never])

    async def leave() -> None:
        events = await chat.events("threads.create", {"input": message_input()})
        async for event in events:
            if isinstance(event, ThreadItemUpdatedEvent):
                break
        await events.aclose()  # type: ignore[attr-defined]

    run(leave())
    assert ended.is_set()


def test_a_trip_is_logged_as_such(caplog: pytest.LogCaptureFixture) -> None:
    """The operator sees that a guardrail has tripped, and not on what."""
    with caplog.at_level(logging.WARNING):
        ask(chat_with(output_guardrails=[trips]), "my secret message")
    (record,) = caplog.records
    assert record.__dict__["error"] == "GuardrailTripped"
    assert "secret" not in str(record.__dict__)

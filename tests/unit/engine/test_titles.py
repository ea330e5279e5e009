"""A thread's title, made beside the first answer."""

import asyncio
import logging
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.assistant import AssistantContext
from functions.engine.titles import MESSAGE_CHARACTERS, TITLE_CHARACTERS, clean_title, titled
from functions.errors import ModelError
from functions.model.base import ResponseEvent
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.translations import Text
from tests.support.assistants import ScriptedAssistant, say
from tests.support.chat import Chat, Json, message_input, texts, types
from tests.support.streams import text_stream


class TitleModel:
    """A `Model` that says a title, once it is let."""

    def __init__(self, *words: str, error: Exception | None = None) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()
        self.bodies: list[Mapping[str, Any]] = []
        self._words = words
        self._error = error

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        self.bodies.append(body)
        self.asked.set()
        try:
            await self.may_answer.wait()
            if self._error is not None:
                raise self._error
            for event in text_stream(*self._words):
                yield event
        finally:
            self.ended.set()


def chat_with(model: TitleModel, *, before: Callable[[ThreadMetadata], None] | None = None, **options: Any) -> Chat:
    """A chat whose assistant says "Hello, you" in words between which other tasks get their turn."""

    async def words(thread: ThreadMetadata, context: AssistantContext) -> AsyncIterator[ThreadStreamEvent]:
        async for event in say(thread, context, "Hello", ", ", "you"):
            yield event
            for _ in range(20):
                await asyncio.sleep(0)

    async def respond(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        if before is not None:
            before(thread)
        async for event in titled(
            words(thread, context), thread=thread, message=message, context=context, model="small", **options
        ):
            yield event

    return Chat(assistant=ScriptedAssistant(respond), model=model)


def title_of(chat: Chat, events: list[Json]) -> str | None:
    return chat.ask("threads.get_by_id", {"thread_id": events[0]["thread"]["id"]}).get("title")


def test_a_title_comes_while_the_answer_streams() -> None:
    """The client is told as soon as it is there, and the store has it."""
    chat = chat_with(TitleModel("Tea", " time"))
    events = chat.stream("threads.create", {"input": message_input("When is tea?")})
    updated = types(events).index("thread.updated")
    assert events[updated]["thread"]["title"] == "Tea time"
    assert updated < types(events).index("thread.item.done", 2)
    assert title_of(chat, events) == "Tea time"
    assert types(events).count("thread.updated") == 1


def test_the_model_is_asked_for_the_users_language() -> None:
    """The request is small, is kept nowhere, and names the language for messages that have none of their own."""
    model = TitleModel("Tee")
    chat = chat_with(model, reasoning={"effort": "low"})
    chat.stream("threads.create", {"input": message_input("x" * 10_000)}, locales=("de-CH", "fr"))
    (body,) = model.bodies
    assert body["model"] == "small"
    assert body["store"] is False
    assert body["reasoning"] == {"effort": "low"}
    assert "de-CH" in body["instructions"]
    assert body["input"][0]["content"] == [{"type": "input_text", "text": "x" * MESSAGE_CHARACTERS}]


def test_the_answer_does_not_wait_for_its_title() -> None:
    """The whole answer is sent before a title that takes its time, and the title still comes."""
    model = TitleModel("Late")
    model.may_answer.clear()
    chat = chat_with(model, wait_seconds=30)

    async def watch() -> list[str]:
        seen: list[str] = []
        async for event in await chat.events("threads.create", {"input": message_input()}):
            seen.append(event.type)
            if seen.count("thread.item.done") == 2:
                model.may_answer.set()
        return seen

    assert run(watch())[-2:] == ["thread.item.done", "thread.updated"]


def test_a_title_that_never_comes_is_given_up() -> None:
    """The turn ends without it, its request is broken off, and nothing is shown."""
    model = TitleModel("Never")
    model.may_answer.clear()
    chat = chat_with(model, wait_seconds=0)
    events = chat.stream("threads.create", {"input": message_input()})
    assert events[-1]["type"] == "thread.item.done"
    assert model.ended.is_set()
    assert title_of(chat, events) is None


def test_a_thread_without_a_title_gets_another_chance() -> None:
    """Where the first turn had no luck, the next one asks again; then it is never asked again."""
    model = TitleModel("Tea")
    model.may_answer.clear()
    chat = chat_with(model, wait_seconds=0)
    thread_id = chat.create()
    model.may_answer.set()
    for _ in range(2):
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("More")})
    assert chat.ask("threads.get_by_id", {"thread_id": thread_id})["title"] == "Tea"
    assert len(model.bodies) == 2


@pytest.mark.parametrize("error", [ModelError(Text.MODEL_BUSY), RuntimeError("my secret message")])
def test_a_title_that_fails_is_logged_and_not_shown(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is whole, and the log names the kind of the failure alone."""
    chat = chat_with(TitleModel(error=error))
    events = chat.stream("threads.create", {"input": message_input("my secret message")})
    assert "error" not in types(events)
    assert texts(chat.items(events[0]["thread"]["id"]))[1] == "Hello, you"
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == "no title was made"
    assert "secret" not in str(record.__dict__)


def test_a_title_that_exists_stays() -> None:
    """A title that the author has set is not asked for, and not replaced."""

    def name(thread: ThreadMetadata) -> None:
        thread.title = "Mine"

    model = TitleModel("Other")
    chat = chat_with(model, before=name)
    events = chat.stream("threads.create", {"input": message_input()})
    assert title_of(chat, events) == "Mine"
    assert model.bodies == []


def test_a_title_that_the_user_gives_meanwhile_stays() -> None:
    """Who renames the thread while its first answer streams keeps that name."""
    model = TitleModel("Other")
    model.may_answer.clear()
    chat = chat_with(model, wait_seconds=30)

    async def rename() -> list[Json]:
        seen: list[Json] = []
        async for event in await chat.events("threads.create", {"input": message_input()}):
            seen.append(event.model_dump(mode="json"))
            if event.type == "thread.item.added":
                thread_id = seen[0]["thread"]["id"]
                await chat._process("threads.update", {"thread_id": thread_id, "title": "Mine"})
                model.may_answer.set()
        return seen

    events = run(rename())
    assert title_of(chat, events) == "Mine"
    assert [event["thread"]["title"] for event in events if event["type"] == "thread.updated"] == ["Mine"]


def test_a_reader_that_leaves_ends_the_title_too() -> None:
    """Nothing goes on behind a turn that has been left."""
    model = TitleModel("Never")
    model.may_answer.clear()
    chat = chat_with(model)

    async def leave() -> None:
        events = await chat.events("threads.create", {"input": message_input()})
        async for event in events:
            if event.type == "thread.item.updated":
                await model.asked.wait()
                break
        await events.aclose()  # type: ignore[attr-defined]

    run(leave())
    assert model.ended.is_set()


def test_a_message_without_a_word_gives_no_title() -> None:
    """There is nothing that a title could be about, and the model is not asked."""
    model = TitleModel("Nothing")
    chat = chat_with(model)
    chat.stream("threads.create", {"input": message_input("   ")})
    assert model.bodies == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Tea time", "Tea time"),
        ('"Tea time"', "Tea time"),
        ("„Teezeit“", "Teezeit"),
        ("« L'heure du thé »", "L'heure du thé"),
        ("「お茶の時間」", "お茶の時間"),
        ("'Tea time'", "Tea time"),
        ("# Tea time", "Tea time"),
        ("**Tea time.**\n\nIs there more?", "Tea time"),
        ("\n\n  Tea \t time\u2028more", "Tea time"),
        ("The word “tea” in Welsh", "The word tea in Welsh"),
        ("Don't panic", "Don't panic"),
        ("Learning C#", "Learning C#"),
        ("आपका स्वागत है", "आपका स्वागत है"),
        ("\U0001f469\u200d\U0001f4bb at work", "\U0001f469\u200d\U0001f4bb at work"),
        ("\u202eevil", "evil"),
        ("half \ud83d", "half"),
        ("", None),
        ('""\n**\n"', None),
    ],
)
def test_a_title_is_cleaned(said: str, expected: str | None) -> None:
    """One line, without quotes, Markdown, and what cannot be seen."""
    assert clean_title(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("one two three", "one two…"),
        ("one, two three", "one, two…"),
        ("oneandtwoandthree", "oneandtwo…"),
        ("一二三四五六七八九十一", "一二三四五六七八九…"),
    ],
)
def test_a_long_title_is_cut_between_words(said: str, expected: str) -> None:
    """A language without spaces is cut where it has to be."""
    assert clean_title(said, at_most=10) == expected


@given(st.text())
def test_any_words_give_a_title_that_can_be_shown(said: str) -> None:
    """A title is short, of one line, visible, and stays what it is when it is cleaned again."""
    title = clean_title(said)
    if title is not None:
        assert 1 <= len(title) <= TITLE_CHARACTERS
        assert title == " ".join(title.split())
        assert not [character for character in title if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}]
        assert not set(title) & set('"“”„«»「」')
        assert title.encode()
        assert clean_title(title) == title

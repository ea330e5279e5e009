"""One turn: what an assistant yields is kept and passed on."""

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from functions.engine.assistant import AssistantContext
from functions.engine.closing import closing
from functions.model.base import ResponseEvent
from functions.protocol.events import (
    ClientEffectEvent,
    NoticeEvent,
    ProgressUpdateEvent,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import AssistantMessageItem, GeneratedImageItem, UserMessageItem, WorkflowItem
from functions.protocol.tasks import CustomTask, Workflow
from functions.protocol.threads import LockedStatus, ThreadMetadata
from functions.protocol.updates import AssistantMessageContentPartTextDelta, WidgetStreamingTextValueDelta
from functions.protocol.widget_limits import MAX_WIDGET_BYTES
from functions.runtime.loop import run
from tests.support.assistants import CannedModel, Respond, ScriptedAssistant, assistant_message, say
from tests.support.chat import Chat, Json, message_input, texts, types

Events = AsyncIterator[ThreadStreamEvent]
BEFORE = ["thread.created", "thread.item.done", "stream_options"]


def turn(chat: Chat, respond: Respond) -> tuple[list[Json], list[Json]]:
    """A thread with one turn: the turn's events after `stream_options`, and the items that are left."""
    chat.assistant = ScriptedAssistant(respond)
    events = chat.stream("threads.create", {"input": message_input("Hi")})
    assert types(events)[:3] == BEFORE
    return events[3:], chat.items(events[0]["thread"]["id"])[1:]


def test_replaced_and_removed_items_are_stored_before_they_are_sent(chat: Chat) -> None:
    """The store holds what the client was told, at the moment when it was told."""
    stored: list[list[str]] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        first, second = (assistant_message(thread, context, text) for text in ("one", "two"))
        for event in (
            ThreadItemDoneEvent(item=first),
            ThreadItemDoneEvent(item=second),
            ThreadItemReplacedEvent(item=assistant_message(thread, context, "ONE").model_copy(update={"id": first.id})),
            ThreadItemRemovedEvent(item_id=second.id),
        ):
            yield event
            history = [item for item in await context.history() if isinstance(item, AssistantMessageItem)]
            stored.append(["".join(part.text for part in item.content) for item in history])

    events, items = turn(chat, respond)
    assert types(events) == ["thread.item.done", "thread.item.done", "thread.item.replaced", "thread.item.removed"]
    assert stored == [["one"], ["one", "two"], ["ONE", "two"], ["ONE"]]
    assert texts(items) == ["ONE"]


def test_passing_events_are_sent_and_not_stored(chat: Chat) -> None:
    """Progress, notices and effects leave no trace."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        yield ProgressUpdateEvent(text="Reading")
        yield NoticeEvent(level="info", message="Nearly there")
        yield ClientEffectEvent(name="confetti")

    events, items = turn(chat, respond)
    assert types(events) == ["progress_update", "notice", "client_effect"]
    assert items == []


def test_a_changed_thread_is_stored_and_the_client_is_told_at_once(chat: Chat) -> None:
    """The update follows the event after which the thread had changed; its metadata is stored and not sent."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in say(thread, context, "a", "b"):
            if isinstance(event, ThreadItemUpdatedEvent) and thread.title is None:
                thread.title = "Tea"
            yield event
        thread.metadata["topic"] = {"name": "tea"}
        yield ProgressUpdateEvent(text="x")
        thread.metadata["topic"]["name"] = "coffee"
        thread.status = LockedStatus(reason="done")

    events, _ = turn(chat, respond)
    updates = [event["thread"] for event in events if event["type"] == "thread.updated"]
    assert types(events)[1:3] == ["thread.item.updated", "thread.updated"]
    assert [update["title"] for update in updates] == ["Tea"] * 3
    assert updates[-1]["status"] == {"type": "locked", "reason": "done"}
    assert all(update["metadata"] == {} for update in updates)
    thread = run(chat.store.load_thread("alice", updates[-1]["id"]))
    assert thread.metadata == {"topic": {"name": "coffee"}}


def test_an_assistant_that_crashes_leaves_what_it_said_and_no_trace_of_its_error(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    """The user sees the client's own error text, the operator the place; neither sees what the exception says."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in say(thread, context, "Half", finish=False):
            yield event
        raise RuntimeError("the user's secret")

    with caplog.at_level(logging.WARNING):
        events, items = turn(chat, respond)
    assert events[-1] == {"type": "error", "code": "stream.error", "allow_retry": True}
    assert events[-2]["type"] == "thread.item.done"
    assert texts(items) == ["Half"]
    (record,) = caplog.records
    assert record.__dict__["error"] == "RuntimeError"
    assert "test_turn.py" in record.__dict__["place"]
    assert record.__dict__["request_id"] == "req-1"
    assert "secret" not in str(record.__dict__)


def test_open_items_that_hold_nothing_are_taken_back(chat: Chat) -> None:
    """An empty message, an image that never came and an empty workflow are not left on the page."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        place = {"thread_id": thread.id, "created_at": context.now()}
        yield ThreadItemAddedEvent(item=assistant_message(thread, context))
        yield ThreadItemAddedEvent(item=GeneratedImageItem(id=context.ids.new("image"), **place))
        empty = Workflow(type="custom", tasks=[])
        yield ThreadItemAddedEvent(item=WorkflowItem(id=context.ids.new("workflow"), workflow=empty, **place))
        raise ValueError

    events, items = turn(chat, respond)
    assert types(events) == [*["thread.item.added"] * 3, *["thread.item.removed"] * 3, "error"]
    assert [event["item_id"] for event in events[3:6]] == [event["item"]["id"] for event in events[:3]]
    assert items == []


def test_a_workflow_that_breaks_off_is_kept_and_shows_nothing_as_still_loading(chat: Chat) -> None:
    """A pending state is never shown for ever."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        tasks = [CustomTask(title="a", status_indicator="complete"), CustomTask(title="b", status_indicator="loading")]
        item = WorkflowItem(
            id=context.ids.new("workflow"),
            thread_id=thread.id,
            created_at=context.now(),
            workflow=Workflow(type="custom", tasks=list(tasks)),
        )
        yield ThreadItemAddedEvent(item=item)
        raise ValueError

    _, items = turn(chat, respond)
    assert [task["status_indicator"] for task in items[0]["workflow"]["tasks"]] == ["complete", "none"]


@pytest.mark.parametrize("fails", [False, True])
def test_an_update_of_a_stored_item_is_stored_at_the_end_of_the_turn(chat: Chat, fails: bool) -> None:
    """As a handler of an action may change its widget: what the client was shown is there after a reload."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in context.widget({"type": "Card", "children": [{"type": "Text", "id": "t", "value": "a"}]}):
            yield event
            assert event.type == "thread.item.done"
            for letter in "bc":
                delta = WidgetStreamingTextValueDelta(component_id="t", delta=letter, done=True)
                yield ThreadItemUpdatedEvent(item_id=event.item.id, update=delta)
        if fails:
            raise ValueError

    events, items = turn(chat, respond)
    expected = ["thread.item.done", "thread.item.updated", "thread.item.updated"]
    assert types(events) == [*expected, "error"] if fails else expected
    assert items[0]["widget"]["children"][0]["value"] == "abc"


def test_updates_of_a_stored_item_that_make_it_oversize_are_the_authors_fault(chat: Chat) -> None:
    """The item stays as it was."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in context.widget({"type": "Card", "children": [{"type": "Text", "id": "t", "value": "a"}]}):
            yield event
            assert event.type == "thread.item.done"
            delta = WidgetStreamingTextValueDelta(component_id="t", delta="x" * MAX_WIDGET_BYTES, done=True)
            yield ThreadItemUpdatedEvent(item_id=event.item.id, update=delta)

    events, items = turn(chat, respond)
    assert types(events) == ["thread.item.done", "thread.item.updated", "error"]
    assert items[0]["widget"]["children"][0]["value"] == "a"


def test_what_was_changed_in_the_thread_before_a_failure_is_stored(chat: Chat) -> None:
    """The client is told before the error, which is the last event."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        yield context.progress("x")
        thread.status = LockedStatus()
        raise ValueError

    events, _ = turn(chat, respond)
    assert types(events) == ["progress_update", "thread.updated", "error"]
    stored = chat.ask("threads.get_by_id", {"thread_id": events[1]["thread"]["id"]})
    assert stored["status"] == events[1]["thread"]["status"] == {"type": "locked"}


def test_a_reader_that_goes_away_loses_nothing_of_what_was_said(chat: Chat) -> None:
    """Closing the stream in the middle stores the text so far."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in say(thread, context, "Half", " an", " answer"):
            yield event

    chat.assistant = ScriptedAssistant(respond)

    async def leave_early() -> str:
        events = await chat.events("threads.create", {"input": message_input("Hi")})
        thread_id = ""
        async with closing(events) as stream:
            async for event in stream:
                if event.type == "thread.created":
                    thread_id = event.thread.id
                is_delta = isinstance(event, ThreadItemUpdatedEvent)
                if is_delta and event.update == AssistantMessageContentPartTextDelta(content_index=0, delta=" an"):
                    break
        return thread_id

    assert texts(chat.items(run(leave_early()))) == ["Hi", "Half an"]


def test_a_reader_that_goes_away_ends_the_models_stream(chat: Chat) -> None:
    """When the turn is closed, so is the model's connection, though the author's generator never heard of it."""
    ended: list[str] = []

    class Model(CannedModel):
        async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
            try:
                async for event in super().stream(body):
                    yield event
            finally:
                ended.append("model")

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        async for event in context.answer(model="m", instructions="i"):
            yield event

    chat.assistant = ScriptedAssistant(respond)
    chat.model = Model([{"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}}] * 2)

    async def leave_early() -> None:
        async with closing(await chat.events("threads.create", {"input": message_input("Hi")})) as stream:
            async for event in stream:
                if isinstance(event, ThreadItemAddedEvent):
                    break
        assert ended == ["model"]

    run(leave_early())


@pytest.mark.parametrize("fault", ["foreign id", "foreign thread", "update of nothing"])
def test_an_item_that_could_not_be_kept_in_its_place_is_the_authors_fault(chat: Chat, fault: str) -> None:
    """Nothing of it is stored or sent; the log says what the author did."""

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        item = assistant_message(thread, context, "x")
        match fault:
            case "foreign id":
                yield ThreadItemDoneEvent(item=item.model_copy(update={"id": "msg_abc"}))
            case "foreign thread":
                yield ThreadItemDoneEvent(item=item.model_copy(update={"thread_id": context.ids.new("thread")}))
            case _:
                delta = AssistantMessageContentPartTextDelta(content_index=0, delta="x")
                yield ThreadItemUpdatedEvent(item_id=item.id, update=delta)

    events, items = turn(chat, respond)
    assert events == [{"type": "error", "code": "stream.error", "allow_retry": True}]
    assert items == []

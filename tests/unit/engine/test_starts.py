"""How the streaming requests other than messages begin: tools, answers, retries, actions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.engine.assistant import Assistant, AssistantContext
from functions.errors import CustomStreamError, InvalidRequest, NotFound, ThreadUnavailable
from functions.protocol.actions import Action
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import ThreadItem, UserMessageItem, WidgetItem
from functions.protocol.structured_input import (
    StructuredInputFreeform,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
)
from functions.protocol.threads import ClosedStatus, LockedStatus, ThreadMetadata
from functions.runtime.loop import run
from tests.support.chat import Chat, Json, message_input, texts, types

Events = AsyncIterator[ThreadStreamEvent]
CARD = {"type": "Card", "children": [{"type": "Text", "id": "t", "value": "0"}]}


class Everything(Assistant):
    """Does what the last message says: calls a tool, asks, shows a widget, or tells what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str | None, list[ThreadItem]]] = []
        self.feedback: list[tuple[list[str], str]] = []

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> Events:
        said = "".join(part.text for part in message.content) if message else None
        self.seen.append((said, await context.history()))
        match said:
            case "tool":
                yield context.client_tool_call("get_cart", {"id": 1})
                yield context.hidden_context("the tool was asked")
            case "ask":
                options = [StructuredInputMultipleChoiceOption(value=value) for value in ("a", "b", "c")]
                yield context.structured_input(
                    StructuredInputMultipleChoice(id="one", question="One?", options=options),
                    StructuredInputMultipleChoice(id="many", question="Many?", options=options, multiple=True),
                    StructuredInputFreeform(id="free", question="Free?"),
                )
            case "widget":
                async for event in context.widget(CARD):
                    yield event
            case _:
                async for event in context.message("ok"):
                    yield event

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        if action.type == "refuse":
            raise CustomStreamError("Not today.", allow_retry=True)
        if sender is None:
            yield context.notice(f"{action.type}: {action.payload}")
        else:
            yield context.replaced_widget(sender, {**CARD, "key": action.payload})

    async def sync_action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> ThreadItem | None:
        thread.title = f"after {action.type}"
        return None if sender is None else sender.model_copy(update={"copy_text": str(action.payload)})

    async def add_feedback(self, thread_id: str, item_ids: Any, feedback: str, context: AssistantContext) -> None:
        self.feedback.append((list(item_ids), feedback))


@pytest.fixture
def assistant() -> Everything:
    return Everything()


@pytest.fixture
def chat(assistant: Everything) -> Chat:
    return Chat(assistant=assistant)


def say(chat: Chat, thread_id: str, text: str) -> list[Json]:
    return chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input(text)})


def error_message(events: list[Json]) -> str:
    """The message of a stream that is nothing but an error."""
    assert types(events) == ["error"], events
    return events[0]["message"]


# Client tools


def test_a_tools_output_completes_its_call_also_behind_hidden_items_and_the_assistant_goes_on(
    chat: Chat, assistant: Everything
) -> None:
    """The newest call that waits is found though it is not the last item."""
    thread_id = chat.create("tool")
    events = chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": {"items": 2}})
    assert types(events) == ["stream_options", "thread.item.done"]
    call = chat.items(thread_id)[1]
    assert (call["type"], call["status"], call["output"]) == ("client_tool_call", "completed", {"items": 2})
    said, history = assistant.seen[-1]
    assert said is None
    assert [item.type for item in history] == ["user_message", "client_tool_call", "hidden_context_item"]


def test_a_call_is_sent_once_as_done(chat: Chat) -> None:
    """The client runs the tool on `added` and on `done`: one of them only may be sent."""
    events = chat.stream("threads.create", {"input": message_input("tool")})
    calls = [event["type"] for event in events if event.get("item", {}).get("type") == "client_tool_call"]
    assert calls == ["thread.item.done"]


def test_a_call_that_nobody_answered_is_closed_by_the_next_message(chat: Chat, assistant: Everything) -> None:
    """After a reload the page neither shows nor runs it: the thread stays usable, and the model is told."""
    thread_id = chat.create("tool")
    events = say(chat, thread_id, "hello?")
    assert types(events) == ["thread.item.done", "stream_options", "thread.item.done"]
    call = chat.items(thread_id)[1]
    assert call["status"] == "completed"
    assert "error" in call["output"]
    late = chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": 1})
    assert error_message(late) == "Nothing in this thread waits for a result."


def test_an_output_with_nothing_pending_is_an_error_and_writes_nothing(chat: Chat) -> None:
    """The user sees what is wrong."""
    thread_id = chat.create()
    before = chat.items(thread_id)
    events = chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": None})
    assert error_message(events) == "Nothing in this thread waits for a result."
    assert chat.items(thread_id) == before


def test_an_error_result_reaches_the_model_as_the_calls_output(chat: Chat, assistant: Everything) -> None:
    """What the page's handler threw is not taken for a success."""
    thread_id = chat.create("tool")
    chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": {"error": "no cart"}})
    _, history = assistant.seen[-1]
    assert history[1].model_dump()["output"] == {"error": "no cart"}


# Structured input


def ask(chat: Chat) -> tuple[str, str]:
    events = chat.stream("threads.create", {"input": message_input("ask")})
    return events[0]["thread"]["id"], events[-1]["item"]["id"]


def submit(chat: Chat, thread_id: str, item_id: str, **submission: Any) -> list[Json]:
    params = {"thread_id": thread_id, "item_id": item_id, "input": submission}
    return chat.stream("threads.add_structured_input", params)


def test_answers_replace_the_item_and_the_assistant_goes_on(chat: Chat) -> None:
    """Single choices keep one value, unknown questions are passed over, missing answers are skipped."""
    thread_id, item_id = ask(chat)
    answers = {"one": {"values": ["a", "b"]}, "many": {"values": ["a", "b"]}, "unknown": {"values": ["x"]}}
    events = submit(chat, thread_id, item_id, answers=answers)
    assert types(events) == ["stream_options", "thread.item.replaced", "thread.item.done"]
    item = events[1]["item"]
    assert item["status"] == "answered"
    assert [question["answer"] for question in item["inputs"]] == [
        {"values": ["a"], "skipped": False},
        {"values": ["a", "b"], "skipped": False},
        {"values": [], "skipped": True},
    ]
    assert chat.items(thread_id)[1] == item


def test_skipping_skips_every_question(chat: Chat) -> None:
    """Answers that come along with a skip do not count."""
    thread_id, item_id = ask(chat)
    item = submit(chat, thread_id, item_id, status="skipped", answers={"one": {"values": ["a"]}})[1]["item"]
    assert item["status"] == "skipped"
    assert all(question["answer"]["skipped"] for question in item["inputs"])


def test_an_answered_item_cannot_be_answered_again(chat: Chat) -> None:
    """Only a pending item takes answers."""
    thread_id, item_id = ask(chat)
    submit(chat, thread_id, item_id, answers={})
    before = chat.items(thread_id)
    assert error_message(submit(chat, thread_id, item_id)) == "These questions have been answered already."
    assert chat.items(thread_id) == before


def test_an_answer_to_what_asked_nothing_is_an_error(chat: Chat) -> None:
    """A message is no structured input, and an unknown item is none either."""
    thread_id = chat.create()
    assert error_message(submit(chat, thread_id, chat.items(thread_id)[0]["id"])) == (
        "params.item_id: is no structured input"
    )
    assert error_message(submit(chat, thread_id, chat.ids.new("message"))) == "This item does not exist."


# Retry


def test_a_retry_removes_what_follows_and_answers_again(chat: Chat, assistant: Everything) -> None:
    """Also hidden items and later messages go."""
    thread_id = chat.create("one")
    say(chat, thread_id, "tool")
    say(chat, thread_id, "three")
    message = chat.items(thread_id)[2]
    assert texts([message]) == ["tool"]
    events = chat.stream("threads.retry_after_item", {"thread_id": thread_id, "item_id": message["id"]})
    assert types(events) == ["stream_options", "thread.item.done"]
    kinds = [item["type"] for item in chat.items(thread_id)]
    assert kinds == ["user_message", "assistant_message", "user_message", "client_tool_call"]
    said, history = assistant.seen[-1]
    assert said == "tool"
    assert [item.type for item in history] == ["user_message", "assistant_message", "user_message"]


def test_a_retry_over_more_than_a_page_removes_everything(chat: Chat) -> None:
    """A long thread is emptied behind the message, not just its next hundred items."""
    thread_id = chat.create("0")
    for number in range(1, 60):
        say(chat, thread_id, str(number))
    first = chat.items(thread_id)[0]
    chat.stream("threads.retry_after_item", {"thread_id": thread_id, "item_id": first["id"]})
    assert texts(chat.items(thread_id)) == ["0", "ok"]


def test_a_retry_of_an_unknown_item_or_of_no_user_message_says_so_and_removes_nothing(chat: Chat) -> None:
    """The official server yields nothing at all here."""
    thread_id = chat.create()
    before = chat.items(thread_id)
    for item_id, message in (
        (chat.ids.new("message"), "This item does not exist."),
        (before[1]["id"], "params.item_id: is no user message"),
    ):
        events = chat.stream("threads.retry_after_item", {"thread_id": thread_id, "item_id": item_id})
        assert error_message(events) == message
    assert chat.items(thread_id) == before


# Actions


def test_an_action_reaches_the_assistant_with_its_widget(chat: Chat) -> None:
    """The widget that the action came from is replaced, and stored."""
    thread_id = chat.create("widget")
    widget = chat.items(thread_id)[1]
    action = {"type": "set", "payload": "k"}
    events = chat.stream("threads.custom_action", {"thread_id": thread_id, "item_id": widget["id"], "action": action})
    assert types(events) == ["stream_options", "thread.item.replaced"]
    assert chat.items(thread_id)[1] == {**widget, "widget": {**CARD, "key": "k"}}


def test_an_action_may_come_without_a_widget(chat: Chat) -> None:
    """The page itself can send one."""
    thread_id = chat.create()
    events = chat.stream("threads.custom_action", {"thread_id": thread_id, "action": {"type": "wave"}})
    assert types(events) == ["stream_options", "notice"]


def test_an_action_on_what_is_no_widget_is_an_error(chat: Chat) -> None:
    """Both kinds of action refuse it, each in its way."""
    thread_id = chat.create()
    params = {"thread_id": thread_id, "item_id": chat.items(thread_id)[0]["id"], "action": {"type": "x"}}
    assert error_message(chat.stream("threads.custom_action", params)) == "params.item_id: is no widget"
    with pytest.raises(InvalidRequest, match="is no widget"):
        chat.ask("threads.sync_custom_action", params)


def test_an_authors_own_error_is_shown_as_it_is(chat: Chat) -> None:
    """CustomStreamError carries its message and its retry to the user."""
    thread_id = chat.create()
    events = chat.stream("threads.custom_action", {"thread_id": thread_id, "action": {"type": "refuse"}})
    assert events[-1] == {"type": "error", "code": "custom", "message": "Not today.", "allow_retry": True}


def test_a_sync_action_gives_back_the_changed_item_and_keeps_it(chat: Chat) -> None:
    """What the client is told is what is stored; a changed thread is stored too."""
    thread_id = chat.create("widget")
    widget = chat.items(thread_id)[1]
    action = {"type": "copy", "payload": "text"}
    params = {"thread_id": thread_id, "item_id": widget["id"], "action": action}
    answer = chat.ask("threads.sync_custom_action", params)
    assert answer == {"updated_item": {**widget, "copy_text": "text"}}
    assert chat.items(thread_id)[1] == answer["updated_item"]
    assert chat.ask("threads.get_by_id", {"thread_id": thread_id})["title"] == "after copy"


def test_a_sync_action_may_change_nothing(chat: Chat) -> None:
    """The official shape: an empty object."""
    thread_id = chat.create()
    assert chat.ask("threads.sync_custom_action", {"thread_id": thread_id, "action": {"type": "x"}}) == {}


# Every request


STREAMING = {
    "threads.add_user_message": {"input": message_input()},
    "threads.add_client_tool_output": {"result": 1},
    "threads.add_structured_input": {"item_id": "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "input": {}},
    "threads.retry_after_item": {"item_id": "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    "threads.custom_action": {"action": {"type": "x"}},
}


@pytest.mark.parametrize("kind", STREAMING)
@pytest.mark.parametrize("status", [LockedStatus(), ClosedStatus(reason="x")], ids=lambda status: status.type)
def test_every_turn_is_refused_on_a_thread_that_is_locked_or_closed(
    chat: Chat, kind: str, status: LockedStatus | ClosedStatus
) -> None:
    """The client only disables its composer."""
    thread_id = chat.create("tool")

    async def change() -> None:
        thread = await chat.store.load_thread("alice", thread_id)
        thread.status = status
        await chat.store.save_thread("alice", thread)

    run(change())
    before = chat.items(thread_id)
    params = {**STREAMING[kind], "thread_id": thread_id}
    if "item_id" in params:
        params["item_id"] = before[0]["id"]
    assert error_message(chat.stream(kind, params)) == f"This thread is {status.type}."
    assert chat.items(thread_id) == before
    with pytest.raises(ThreadUnavailable):
        chat.ask("threads.sync_custom_action", {"thread_id": thread_id, "action": {"type": "x"}})


@pytest.mark.parametrize("kind", STREAMING)
def test_every_turn_on_another_users_thread_is_refused_as_on_none(chat: Chat, kind: str) -> None:
    """Bob learns nothing, and changes nothing."""
    thread_id = chat.create("tool")
    before = chat.items(thread_id)
    for thread in (thread_id, chat.ids.new("thread")):
        params = {**STREAMING[kind], "thread_id": thread}
        if "item_id" in params:
            params["item_id"] = before[0]["id"]
        events = chat.stream(kind, params, user="bob")
        assert types(events) == ["error"]
        assert events[0]["message"] in {"This thread does not exist.", "This item does not exist."}
    assert chat.items(thread_id) == before


def test_feedback_is_stored_and_reaches_the_assistant(chat: Chat, assistant: Everything) -> None:
    """The last word counts."""
    thread_id = chat.create()
    item_id = chat.items(thread_id)[1]["id"]
    for kind in ("positive", "negative"):
        params = {"thread_id": thread_id, "item_ids": [item_id], "kind": kind}
        assert chat.ask("items.feedback", params) == {}
    assert run(chat.store.load_feedback("alice", thread_id)) == {item_id: "negative"}
    assert assistant.feedback == [([item_id], "positive"), ([item_id], "negative")]


def test_feedback_on_another_users_thread_is_refused(chat: Chat, assistant: Everything) -> None:
    """It reaches neither the store nor the assistant."""
    thread_id = chat.create()
    params = {"thread_id": thread_id, "item_ids": [chat.items(thread_id)[1]["id"]], "kind": "positive"}
    with pytest.raises(NotFound):
        chat.ask("items.feedback", params, user="bob")
    assert assistant.feedback == []


def test_too_many_items_in_one_feedback_are_refused_by_name(chat: Chat) -> None:
    """10,000 ids are no feedback."""
    thread_id = chat.create()
    params = {"thread_id": thread_id, "item_ids": ["msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"] * 10_000, "kind": "positive"}
    with pytest.raises(InvalidRequest) as refusal:
        chat.ask("items.feedback", params)
    assert refusal.value.field == "params.item_ids"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"audio_base64": "not base64!", "mime_type": "audio/webm"}, "params.audio_base64"),
        ({"audio_base64": "ä", "mime_type": "audio/webm"}, "params.audio_base64"),
        ({"audio_base64": "AAAA", "mime_type": "video/mp4"}, "params.mime_type"),
    ],
)
def test_audio_that_cannot_be_read_is_refused_by_name(chat: Chat, params: Json, field: str) -> None:
    """Wrong base64 and types that no client records."""
    with pytest.raises(InvalidRequest) as refusal:
        chat.ask("input.transcribe", params)
    assert refusal.value.field == field


@pytest.mark.parametrize("kind", ["attachments.create", "attachments.delete"])
def test_a_server_without_attachments_says_so(chat: Chat, kind: str) -> None:
    """The request is known, and refused by name."""
    params = {"name": "a.png", "size": 1, "mime_type": "image/png", "attachment_id": "atc_1"}
    with pytest.raises(InvalidRequest, match="takes no attachments"):
        chat.ask(kind, params)


def test_an_unknown_agent_type_is_an_error_that_names_the_header(chat: Chat) -> None:
    """Several assistants stand side by side; one that is not there does not answer as another."""
    events = chat.stream("threads.create", {"input": message_input()}, agent_type="sales")
    assert error_message(events) == "X-Agent-Type: names no assistant of this server"


def test_metadata_of_the_request_reaches_the_assistant() -> None:
    """What the page sends along is at hand in the context."""
    seen: list[Any] = []

    class Curious(Everything):
        async def respond(
            self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
        ) -> Events:
            seen.append((dict(context.metadata), context.user, context.locale))
            yield context.progress("x")

    Chat(assistant=Curious()).stream("threads.create", {"input": message_input()}, metadata={"page": "/cart"})
    assert seen == [({"page": "/cart"}, "alice", "en")]

"""Each request, from body to answer."""

from collections.abc import AsyncIterator

import pytest

from functions.engine.assistant import AssistantContext
from functions.errors import InvalidRequest, ModelError, NotFound, Unavailable
from functions.protocol.events import ThreadItemDoneEvent, ThreadStreamEvent
from functions.protocol.items import HiddenContextItem, UserMessageItem
from functions.protocol.threads import ClosedStatus, LockedStatus, ThreadMetadata
from functions.runtime.loop import run
from tests.support.assistants import CannedModel, ScriptedAssistant, assistant_message
from tests.support.chat import Chat, message_input, texts, types


def test_a_thread_is_created_with_its_message_before_the_assistant_speaks(chat: Chat) -> None:
    """The events come in the protocol's order, and the thread's metadata stays here."""
    events = chat.stream("threads.create", {"input": message_input("Hi")})
    assert types(events) == [
        "thread.created",
        "thread.item.done",
        "stream_options",
        "thread.item.added",
        *["thread.item.updated"] * 5,
        "thread.item.done",
    ]
    thread, message = events[0]["thread"], events[1]["item"]
    assert thread["items"] == {"data": [], "has_more": False}
    assert message["type"] == "user_message"
    assert message["thread_id"] == thread["id"]
    assert events[2] == {"type": "stream_options", "stream_options": {"allow_cancel": True}}


def test_a_conversation_is_there_when_it_is_read_again(chat: Chat) -> None:
    """What was streamed as done is what get_by_id and items.list give afterwards."""
    created = chat.stream("threads.create", {"input": message_input("one")})
    thread_id = created[0]["thread"]["id"]
    added = chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("two")})
    assert types(added)[:2] == ["thread.item.done", "stream_options"]
    done = [event["item"] for event in created + added if event["type"] == "thread.item.done"]
    thread = chat.ask("threads.get_by_id", {"thread_id": thread_id})
    assert thread["items"] == {"data": done, "has_more": False}
    assert chat.items(thread_id) == done
    assert texts(done) == ["one", "Hello, you", "two", "Hello, you"]


def test_get_by_id_gives_the_first_20_items_and_the_walk_goes_on_from_the_last(chat: Chat) -> None:
    """The real client's walk over 45 messages sees each exactly once, in order."""
    thread_id = chat.create("0")
    for number in range(1, 45):
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input(str(number))})
    page = chat.ask("threads.get_by_id", {"thread_id": thread_id})["items"]
    assert len(page["data"]) == 20
    seen = page["data"]
    while page["has_more"]:
        params = {"thread_id": thread_id, "limit": 9999, "order": "asc", "after": seen[-1]["id"]}
        page = chat.ask("items.list", params)
        seen += page["data"]
    assert [text for text in texts(seen) if text.isdigit()] == [str(number) for number in range(45)]
    assert len(seen) == 90 == len({item["id"] for item in seen})


def test_threads_are_listed_newest_first_without_items(chat: Chat) -> None:
    """A page of threads is what the history menu needs."""
    ids = [chat.create(str(number)) for number in range(3)]
    page = chat.ask("threads.list", {"limit": 9999, "order": "desc"})
    assert [thread["id"] for thread in page["data"]] == ids[::-1]
    assert all(thread["items"]["data"] == [] for thread in page["data"])
    second = chat.ask("threads.list", {"limit": 1, "order": "desc", "after": ids[2]})
    assert [thread["id"] for thread in second["data"]] == [ids[1]]
    assert second["has_more"] is True
    assert second["after"] == ids[1]


def test_a_limit_of_nothing_is_the_default_and_a_huge_one_is_capped(chat: Chat) -> None:
    """The client asks for 9999; a page holds 100 at most, 20 where nothing is asked."""
    thread_id = chat.create()
    for _ in range(60):
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
    for limit, length in ((None, 20), (0, 20), (1, 1), (9999, 100)):
        page = chat.ask("items.list", {"thread_id": thread_id, "limit": limit})
        assert (len(page["data"]), page["has_more"]) == (length, True)


def test_a_thread_is_renamed_and_deleted(chat: Chat) -> None:
    """The title is kept; a deleted thread is gone with its items."""
    thread_id = chat.create()
    assert chat.ask("threads.update", {"thread_id": thread_id, "title": "Tea"})["title"] == "Tea"
    assert chat.ask("threads.get_by_id", {"thread_id": thread_id})["title"] == "Tea"
    assert chat.ask("threads.delete", {"thread_id": thread_id}) == {}
    with pytest.raises(NotFound):
        chat.ask("threads.get_by_id", {"thread_id": thread_id})
    with pytest.raises(NotFound):
        chat.items(thread_id)


@pytest.mark.parametrize("kind", ["threads.get_by_id", "items.list", "threads.delete", "threads.update"])
def test_another_users_thread_does_not_exist(chat: Chat, kind: str) -> None:
    """Bob hears the same of Alice's thread as of one that never was, and it stays as it is."""
    thread_id = chat.create()
    for unknown in (thread_id, chat.ids.new("thread")):
        with pytest.raises(NotFound) as refusal:
            chat.ask(kind, {"thread_id": unknown, "title": "mine"}, user="bob")
        assert refusal.value.message == "This thread does not exist."
    assert chat.ask("threads.list", {}, user="bob") == {"data": [], "has_more": False}
    assert "title" not in chat.ask("threads.get_by_id", {"thread_id": thread_id})


@pytest.mark.parametrize("thread_id", ["thr_01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_a_message_to_an_unknown_thread_is_an_error_that_the_user_sees(chat: Chat, thread_id: str) -> None:
    """An HTTP error would show nothing and lose the message: so it is an event, and nothing is written."""
    events = chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
    assert events == [
        {"type": "error", "code": "custom", "message": "This thread does not exist.", "allow_retry": False}
    ]
    assert chat.ask("threads.list", {})["data"] == []


@pytest.mark.parametrize("status", [LockedStatus(reason="audit"), ClosedStatus()])
def test_a_thread_that_is_locked_or_closed_takes_no_message(chat: Chat, status: LockedStatus | ClosedStatus) -> None:
    """The client only disables its composer: the server refuses."""
    thread_id = chat.create()

    async def change() -> None:
        thread = await chat.store.load_thread("alice", thread_id)
        thread.status = status
        await chat.store.save_thread("alice", thread)

    run(change())
    before = chat.items(thread_id)
    events = chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
    assert types(events) == ["error"]
    assert events[0]["allow_retry"] is False
    assert chat.items(thread_id) == before


def test_an_attachment_that_is_not_there_is_an_error_and_nothing_is_written(chat: Chat) -> None:
    """A message is stored whole or not at all."""
    events = chat.stream("threads.create", {"input": message_input(attachments=["atc_01ARZ3NDEKTSV4RRFFQ69G5FAV"])})
    assert types(events) == ["error"]
    assert chat.ask("threads.list", {})["data"] == []


def test_an_invalid_streaming_request_is_an_error_event_that_names_the_field(chat: Chat) -> None:
    """A stream's request is answered with a stream, also when it is wrong."""
    events = chat.stream("threads.create", {"input": {**message_input(), "content": [{"type": "input_text"}]}})
    assert events == [
        {
            "type": "error",
            "code": "custom",
            "message": "params.input.content.0.text: is missing",
            "allow_retry": False,
        }
    ]


def test_an_after_that_is_no_id_names_its_field(chat: Chat) -> None:
    """A cursor of another server is refused, not taken for the beginning."""
    thread_id = chat.create()
    for kind, params in (("threads.list", {}), ("items.list", {"thread_id": thread_id})):
        with pytest.raises(InvalidRequest) as refusal:
            chat.ask(kind, {**params, "after": "b2Zmc2V0OjQw"})
        assert refusal.value.field == "params.after"


def test_hidden_items_are_stored_and_never_sent(chat: Chat) -> None:
    """Hidden context reaches the history of the next turn, and no client."""
    histories: list[list[str]] = []

    async def respond(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        histories.append([item.type for item in await context.history()])
        note = HiddenContextItem(
            id=context.ids.new("message"), thread_id=thread.id, created_at=context.now(), content="secret"
        )
        yield ThreadItemDoneEvent(item=note)
        yield ThreadItemDoneEvent(item=assistant_message(thread, context, "ok"))

    chat.assistant = ScriptedAssistant(respond)
    created = chat.stream("threads.create", {"input": message_input()})
    thread_id = created[0]["thread"]["id"]
    again = chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
    assert "secret" not in str([created, again, chat.items(thread_id)])
    assert histories[1] == ["user_message", "hidden_context_item", "assistant_message", "user_message"]


def test_history_holds_the_newest_items_oldest_first(chat: Chat) -> None:
    """A long thread is cut at its old end, over several pages of the store."""
    thread_id = chat.create("0")
    for number in range(1, 130):
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input(str(number))})
    seen: list[str] = []

    async def respond(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        messages = [item for item in await context.history(limit=201) if isinstance(item, UserMessageItem)]
        seen.extend("".join(part.text for part in item.content) for item in messages)
        yield ThreadItemDoneEvent(item=assistant_message(thread, context, "ok"))

    chat.assistant = ScriptedAssistant(respond)
    chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("last")})
    assert seen == [*(str(number) for number in range(30, 130)), "last"]


def test_a_store_that_fails_before_the_turn_is_an_error_that_allows_a_retry(chat: Chat) -> None:
    """Nothing was stored: the user is told, and may try again."""

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable("The conversation could not be reached. Please try again in a moment.")

    chat.store.create_thread = fail
    events = chat.stream("threads.create", {"input": message_input()})
    assert types(events) == ["error"]
    assert events[0]["allow_retry"] is True


def test_a_model_that_breaks_off_leaves_what_it_said(chat: Chat) -> None:
    """The partial answer is stored and shown as done, then the error comes, with a retry."""

    async def respond(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.answer(model="m", instructions="i"):
            yield event

    chat.assistant = ScriptedAssistant(respond)
    place = {"output_index": 0, "content_index": 0}
    model = CannedModel(
        [
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}},
            {"type": "response.content_part.added", **place, "part": {"type": "output_text", "text": ""}},
            {"type": "response.output_text.delta", **place, "delta": "Half an "},
            {"type": "response.output_text.delta", **place, "delta": "answ"},
        ]
    )
    chat.model = model
    events = chat.stream("threads.create", {"input": message_input("Hi")})
    assert types(events)[-2:] == ["thread.item.done", "error"]
    assert events[-1] == {
        "type": "error",
        "code": "custom",
        "message": "The answer broke off.",
        "allow_retry": True,
    }
    assert texts(chat.items(events[0]["thread"]["id"])) == ["Hi", "Half an answ"]
    assert model.bodies[0]["input"] == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    ]
    assert model.bodies[0]["store"] is False


def test_the_model_error_of_an_assistant_keeps_its_message(chat: Chat) -> None:
    """What an error says to the user reaches the user."""

    async def respond(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        raise ModelError("The model is busy. Try again in a moment.")
        yield

    chat.assistant = ScriptedAssistant(respond)
    events = chat.stream("threads.create", {"input": message_input()})
    assert types(events) == ["thread.created", "thread.item.done", "stream_options", "error"]
    assert events[-1]["message"] == "The model is busy. Try again in a moment."

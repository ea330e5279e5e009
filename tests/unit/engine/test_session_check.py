"""Requests of a session that was ended."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.engine.results import RequestContext
from functions.engine.session_check import SessionCheck
from functions.errors import Forbidden, InvalidRequest, NotFound, SessionEnded, Unavailable
from functions.protocol.requests import STREAMING_TYPES
from functions.runtime.loop import run
from tests.support.chat import Chat, message_input
from tests.support.memory_store import MemoryStore
from tests.support.request_bodies import REQUESTS, body_of, kind_of

NOON = datetime(2040, 1, 2, 12, tzinfo=UTC)
ENDED = {
    "type": "error",
    "code": "custom",
    "message": "You are signed out. Please sign in again.",
    "allow_retry": False,
}
KINDS = sorted(map(kind_of, REQUESTS))
BODIES = {kind_of(request): body_of(request) for request in REQUESTS}


class Counting(MemoryStore):
    """Counts what it is asked, and answers for sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def is_session_ended(self, user: str, session_id: str) -> bool:
        self.asked += 1
        return await super().is_session_ended(user, session_id)


@pytest.fixture
def chat() -> Chat:
    """A client whose session `gone` was ended."""
    chat = Chat(store=Counting())
    run(chat.store.end_session("alice", "gone", until=NOON))
    return chat


def everything(chat: Chat) -> Any:
    """All that the store holds, as text."""
    store: Any = chat.store
    return repr((store._threads, store._requests))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whose", ["own", "nobody's"])
def test_a_session_that_was_ended_gets_nothing(chat: Chat, kind: str, whose: str) -> None:
    """Every request is refused in the same words, about what exists and what does not; nothing is written."""
    thread_id = chat.create()
    params = {**BODIES[kind].get("params", {})}
    if "thread_id" in params:
        params["thread_id"] = thread_id if whose == "own" else chat.ids.new("thread")
    before = everything(chat)
    if kind in STREAMING_TYPES:
        assert chat.stream(kind, params, session="gone", frame_id="frame") == [ENDED]
    else:
        with pytest.raises(SessionEnded) as caught:
            chat.ask(kind, params, session="gone")
        assert caught.value.status == 401
    assert everything(chat) == before


def test_a_repeat_is_not_told_to_who_has_signed_out(chat: Chat) -> None:
    """The answer that a request has begun before is its user's, while they are there."""
    params = {"input": message_input("Hi")}
    events = chat.stream("threads.create", params, session="one", frame_id="frame")
    run(chat.store.end_session("alice", "one", until=NOON))
    assert events[-1]["type"] == "thread.item.done"
    assert chat.stream("threads.create", params, session="one", frame_id="frame") == [ENDED]


def test_a_message_asks_for_no_session_of_its_own(chat: Chat) -> None:
    """What begins a turn is checked by the write with which it begins."""
    store = chat.store
    assert isinstance(store, Counting)
    events = chat.stream("threads.create", {"input": message_input()}, session="here")
    thread_id = events[0]["thread"]["id"]
    chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()}, session="here")
    assert store.asked == 0
    chat.ask("threads.list", {}, session="here")
    assert store.asked == 1
    assert len(chat.items(thread_id)) == 4


def test_failures_are_told_to_who_is_there(chat: Chat) -> None:
    """The check hides nothing from a session that goes on."""
    unknown = chat.ids.new("thread")
    with pytest.raises(NotFound):
        chat.ask("threads.get_by_id", {"thread_id": unknown}, session="here")
    with pytest.raises(NotFound):
        chat.ask("threads.delete", {"thread_id": unknown}, session="here")
    (event,) = chat.stream("threads.add_user_message", {"thread_id": unknown, "input": message_input()}, session="here")
    assert event["message"] == "This thread does not exist."


def test_what_cannot_be_checked_is_not_told() -> None:
    """Where the store does not answer for the session, the reading's own answer or failure stays here."""

    class Silent(MemoryStore):
        async def is_session_ended(self, user: str, session_id: str) -> bool:
            raise Unavailable("throttled")

    async def reading(error: Exception | None) -> str:
        if error:
            raise error
        return "secret"

    check = SessionCheck(Silent(), RequestContext(user="alice", session="one"))
    for error in (None, NotFound("secret")):
        with pytest.raises(Unavailable, match="throttled"):
            run(check.beside(reading(error)))


def test_only_a_token_for_uploads_brings_files_in(chat: Chat) -> None:
    """`attachments.create` needs the scope; without it nothing is looked at."""
    params = {"name": "a.txt", "size": 5, "mime_type": "text/plain"}
    with pytest.raises(Forbidden):
        chat.ask("attachments.create", params, scopes=("chat",))
    with pytest.raises(InvalidRequest):
        chat.ask("attachments.create", params, scopes=("chat", "upload"))

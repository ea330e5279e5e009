"""Whose an item is, for all histories of several users and tenants."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from functions.engine.assistant import AssistantContext
from functions.errors import NotFound
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from tests.support.assistants import ScriptedAssistant, say
from tests.support.chat import Chat, message_input

Json = dict[str, Any]

OWNERS: Final = (("alice", None), ("bob", None), ("alice", "acme"), ("acme", None), ("bob", "acme"))
"""Users with their tenants: the same names in several places."""

owners = st.sampled_from(OWNERS)
places = st.integers(0, 30)


def mark(owner: tuple[str, str | None]) -> str:
    """Stands in every text that an owner has written or received, and in no other's."""
    return f"<{owner[1]}/{owner[0]}>"


class Histories(RuleBasedStateMachine):
    """Users who write, answer, rename, delete and read, each with any id that anybody was ever given."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = Chat(assistant=ScriptedAssistant(self._answer))
        self.threads: list[str] = []
        self.items: list[str] = []
        self.owner_of: dict[str, tuple[str, str | None]] = {}

    async def _answer(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """What the model would read is a reading, too."""
        owner = (context.request.user, context.request.tenant)
        self._check(owner, [item.model_dump(mode="json") for item in await context.history()])
        async for event in say(thread, context, f"an answer to {mark(owner)}"):
            yield event

    @rule(owner=owners)
    def begins(self, owner: tuple[str, str | None]) -> None:
        """A thread of the owner's own."""
        events = self._stream(owner, "threads.create", input=message_input(mark(owner)))
        assert events[0]["type"] == "thread.created"
        self.owner_of[events[0]["thread"]["id"]] = owner
        self.threads.append(events[0]["thread"]["id"])

    @rule(owner=owners, place=places)
    def writes(self, owner: tuple[str, str | None], place: int) -> None:
        """A message to anybody's thread."""
        self._stream(owner, "threads.add_user_message", thread_id=self._thread(place), input=message_input(mark(owner)))

    @rule(owner=owners, place=places, item=places)
    def retries(self, owner: tuple[str, str | None], place: int, item: int) -> None:
        """Any item, in any thread."""
        self._stream(owner, "threads.retry_after_item", thread_id=self._thread(place), item_id=self._item(item))

    @rule(owner=owners, place=places)
    def renames(self, owner: tuple[str, str | None], place: int) -> None:
        """A title is read, too."""
        self._ask(owner, "threads.update", thread_id=self._thread(place), title=mark(owner))

    @rule(owner=owners, place=places)
    def deletes(self, owner: tuple[str, str | None], place: int) -> None:
        """Anybody's thread."""
        self._ask(owner, "threads.delete", thread_id=self._thread(place))

    @rule(owner=owners, place=places, after=places, order=st.sampled_from(["asc", "desc"]), limit=st.integers(1, 3))
    def reads(self, owner: tuple[str, str | None], place: int, after: int, order: str, limit: int) -> None:
        """Every way to read, with any id."""
        page = {"order": order, "limit": limit}
        for position in ({}, {"after": self._item(after)}, {"after": self._thread(after)}):
            self._ask(owner, "threads.list", **page, **position)
            self._ask(owner, "items.list", thread_id=self._thread(place), **page, **position)
        found = self._ask(owner, "threads.get_by_id", thread_id=self._thread(place))
        assert found is None or self.owner_of[found["id"]] == owner

    def _thread(self, place: int) -> str:
        return self.threads[place % len(self.threads)] if self.threads else "thr_00000000000000000000000000"

    def _item(self, place: int) -> str:
        return self.items[place % len(self.items)] if self.items else "msg_00000000000000000000000000"

    def _ask(self, owner: tuple[str, str | None], kind: str, **params: Any) -> Json | None:
        user, tenant = owner
        try:
            told = self.chat.ask(kind, params, user=user, tenant=tenant)
        except NotFound:
            assert (
                kind == "threads.list"
                or self.owner_of.get(params["thread_id"]) != owner
                or self._is_gone(owner, params)
            )
            return None
        self._check(owner, told)
        return told

    def _is_gone(self, owner: tuple[str, str | None], params: Json) -> bool:
        user, tenant = owner
        listed = self.chat.ask("threads.list", {"limit": 100}, user=user, tenant=tenant)
        return params["thread_id"] not in {thread["id"] for thread in listed["data"]}

    def _stream(self, owner: tuple[str, str | None], kind: str, **params: Any) -> list[Json]:
        user, tenant = owner
        events = self.chat.stream(kind, params, user=user, tenant=tenant)
        self._check(owner, events)
        self.items += [event["item"]["id"] for event in events if event["type"] == "thread.item.done"]
        return events

    def _check(self, owner: tuple[str, str | None], told: Any) -> None:
        text = json.dumps(told)
        assert [other for other in OWNERS if other != owner and mark(other) in text] == []


Histories.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestHistories = Histories.TestCase

"""Stores under random histories: every adapter answers as the reference, and the client's walk misses nothing."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.errors import ChatKitLambdaError
from functions.protocol.base import Page, WireModel
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ActiveStatus, ClosedStatus
from functions.store.base import MAX_ITEMS, MAX_PAGE, Store
from tests.contracts.conftest import Adapter
from tests.support.memory_store import MemoryStore
from tests.support.threads import NEW_IDS, hidden_context, new_thread, new_user, user_message

pytestmark = pytest.mark.anyio

FIRST_PAGE = 20
"""What `threads.get_by_id` gives the client before it walks on."""

in_memory = pytest.mark.parametrize("adapter", ["memory"], indirect=True)
on_dynamodb = pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)
many = settings(max_examples=150, deadline=None)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# One change between two pages: ("add" | "add_hidden" | "hide" | "delete", which item).
changes = st.lists(
    st.tuples(st.sampled_from(["add", "add", "add_hidden", "hide", "delete"]), st.integers(0, 200)), max_size=6
)
starts = st.lists(st.booleans(), max_size=60)
"""The items that are there at the start: hidden or not."""


@in_memory
@many
@given(start=starts, between=st.lists(changes, max_size=4), limit=st.integers(1, 9999))
async def test_the_clients_walk_in_memory(
    adapter: Adapter, start: list[bool], between: list[list[tuple[str, int]]], limit: int
) -> None:
    """Walking as the client does, in memory, gives each item that stayed visible once, in order."""
    await _Walk(adapter.store).check(start, between, limit)


@on_dynamodb
@few
@given(start=starts, between=st.lists(changes, max_size=4), limit=st.integers(1, 30) | st.just(9999))
async def test_the_clients_walk_on_dynamodb(
    adapter: Adapter, start: list[bool], between: list[list[tuple[str, int]]], limit: int
) -> None:
    """Walking as the client does, on DynamoDB, gives each item that stayed visible once, in order."""
    await _Walk(adapter.store).check(start, between, limit)


@dataclass
class _Walk:
    store: Store
    user: str = field(default_factory=new_user)
    visible: dict[str, bool] = field(default_factory=dict)
    """Each item that was ever stored, and whether it is visible now."""
    ever: set[str] = field(default_factory=set)
    """The items that were visible at some time."""
    thread_id: str = ""

    async def check(self, start: list[bool], between: list[list[tuple[str, int]]], limit: int) -> None:
        thread = new_thread()
        self.thread_id = thread.id
        await self.store.create_thread(self.user, thread, [])
        items = [self._new(hidden=hidden) for hidden in start]
        for first in range(0, len(items), MAX_ITEMS):
            await self.store.save_items(self.user, self.thread_id, items[first : first + MAX_ITEMS])
        steady = {item_id for item_id, visible in self.visible.items() if visible}

        seen: list[str] = []
        page = await self._page(seen, FIRST_PAGE)
        for turn in [*between, *([[]] * (len(start) + 100))]:
            if not page.has_more:
                break
            for what, number in turn:
                await self._change(what, number)
            steady = {item_id for item_id in steady if self.visible.get(item_id)}
            page = await self._page(seen, min(limit, MAX_PAGE))
        assert not page.has_more
        assert seen == sorted(set(seen))
        assert steady <= set(seen) <= self.ever

    async def _page(self, seen: list[str], limit: int) -> Page[ThreadItem]:
        page = await self.store.list_items(
            self.user, self.thread_id, after=seen[-1] if seen else None, limit=limit, order="asc"
        )
        assert len(page.data) == limit or not page.has_more
        seen += [item.id for item in page.data]
        return page

    def _new(self, *, hidden: bool) -> ThreadItem:
        # All ids bear one prefix here, so that they sort as strings as they do as positions.
        item = hidden_context(self.thread_id) if hidden else user_message(self.thread_id)
        item.id = NEW_IDS.new("message")
        self.visible[item.id] = not hidden
        if not hidden:
            self.ever.add(item.id)
        return item

    async def _change(self, what: str, number: int) -> None:
        if what in {"add", "add_hidden"}:
            await self.store.save_items(self.user, self.thread_id, [self._new(hidden=what == "add_hidden")])
        elif self.visible:
            item_id = list(self.visible)[number % len(self.visible)]
            self.visible[item_id] = False
            if what == "delete":
                await self.store.delete_items(self.user, self.thread_id, [item_id])
            else:
                hidden = hidden_context(self.thread_id).model_copy(update={"id": item_id})
                await self.store.save_items(self.user, self.thread_id, [hidden])


USERS, THREADS, ITEMS = 3, 2, 4

user = st.integers(0, USERS - 1)
thread = st.integers(0, THREADS - 1)
item = st.integers(0, ITEMS - 1)
version = st.integers(0, 3)
"""An item's version is its text; odd ones are hidden."""
versions = st.dictionaries(item, version, max_size=ITEMS)
order = st.sampled_from(["asc", "desc"])
limit = st.integers(1, 5)
feedback = st.sampled_from(["positive", "negative"])
calls = st.one_of(
    st.tuples(st.just("create_thread"), user, thread, st.booleans(), versions),
    st.tuples(st.just("add_items"), user, thread, versions),
    st.tuples(st.just("save_items"), user, thread, versions.filter(bool)),
    st.tuples(st.just("save_thread"), user, thread, st.booleans()),
    st.tuples(st.just("load_thread"), user, thread),
    st.tuples(st.just("save_feedback"), user, thread, st.lists(item, max_size=ITEMS), feedback),
    st.tuples(st.just("load_feedback"), user, thread),
    st.tuples(st.just("load_item"), user, thread, item),
    st.tuples(st.just("delete_items"), user, thread, st.lists(item, max_size=ITEMS)),
    st.tuples(st.just("delete_thread"), user, thread),
    st.tuples(st.just("delete_contents"), user, thread),
    st.tuples(st.just("list_items"), user, thread, st.none() | item, limit, order, st.booleans()),
    st.tuples(st.just("list_threads"), user, st.none() | thread, limit, order),
)


@on_dynamodb
@few
@given(history=st.lists(calls, max_size=30))
async def test_dynamodb_answers_as_the_reference(adapter: Adapter, history: list[tuple]) -> None:
    """Three users whose ids are made to collide work on threads with the same ids: each sees its own, as in memory."""
    cast, reference = _Cast(), MemoryStore()
    for call in history:
        assert await cast.play(adapter.store, call) == await cast.play(reference, call)
    for number in range(USERS):
        for finally_asked in (("list_threads", number, None, 5, "asc"), *_all_items(number)):
            assert await cast.play(adapter.store, finally_asked) == await cast.play(reference, finally_asked)


def _all_items(number: int) -> list[tuple]:
    return [("list_items", number, which, None, MAX_PAGE, "asc", True) for which in range(THREADS)]


class _Cast:
    """The users, threads and items of one history."""

    def __init__(self) -> None:
        self.threads = [new_thread() for _ in range(THREADS)]
        self.items = [user_message(self.threads[0].id) for _ in range(ITEMS)]
        base = new_user()
        self.users = [base, f"{base}#{self.threads[0].id}", f"T#{self.threads[0].id}#{base}"]

    async def play(self, store: Store, call: tuple) -> Any:
        """What the store answers: JSON, or the kind of error."""
        try:
            return _plain(await self._call(store, *call))
        except ChatKitLambdaError as error:
            return type(error)

    def _call(self, store: Store, name: str, who: int, *rest: Any) -> Awaitable[Any]:
        user = self.users[who]
        match name, rest:
            case "list_threads", (after, limit, order):
                place = None if after is None else self.threads[after].id
                return store.list_threads(user, after=place, limit=limit, order=order)
            case "create_thread" | "save_thread", (which, closed, *stored):
                thread = self.threads[which].model_copy(update={"status": ClosedStatus() if closed else ActiveStatus()})
                if name == "save_thread":
                    return store.save_thread(user, thread)
                return store.create_thread(user, thread, self._stored(*stored))
            case "add_items" | "save_items", (which, stored):
                return getattr(store, name)(user, self.threads[which].id, self._stored(stored))
            case "save_feedback", (which, items, kind):
                return store.save_feedback(user, self.threads[which].id, [self.items[item].id for item in items], kind)
            case "load_thread" | "load_feedback" | "delete_thread" | "delete_contents", (which,):
                return getattr(store, name)(user, self.threads[which].id)
            case "load_item", (which, item):
                return store.load_item(user, self.threads[which].id, self.items[item].id)
            case "delete_items", (which, items):
                return store.delete_items(user, self.threads[which].id, [self.items[item].id for item in items])
            case "list_items", (which, after, limit, order, hidden):
                place = None if after is None else self.items[after].id
                return store.list_items(
                    user, self.threads[which].id, after=place, limit=limit, order=order, hidden=hidden
                )
        raise AssertionError(name)

    def _stored(self, stored: dict[int, int]) -> list[ThreadItem]:
        made: list[ThreadItem] = []
        for which, version in stored.items():
            new = hidden_context("", str(version)) if version % 2 else user_message("", str(version))
            known = self.items[which]
            made.append(new.model_copy(update={"id": known.id, "created_at": known.created_at}))
        return made


def _plain(answer: Any) -> Any:
    return answer.model_dump() if isinstance(answer, WireModel) else answer

"""Closing turns that nobody works on any more, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from functions.engine.turn_keeper import LEASE
from functions.engine.turns import Turns
from functions.protocol.items import ThreadItem
from functions.store.base import Store, Turn
from tests.support import virtual_time
from tests.support.memory_store import MemoryStore
from tests.support.mortal_store import MortalStore
from tests.support.threads import NEW_IDS, assistant_message, new_thread
from tests.support.turn_world import now

USER = "alice"


class Thread:
    """A thread with a turn, whose owner has kept the beginning of an answer."""

    def __init__(self) -> None:
        self.memory = MemoryStore(now=now)
        self.store = MortalStore(self.memory)
        self.id = new_thread().id
        self.turn = Turn(id=NEW_IDS.new("turn"), lease_until=now() + LEASE, request_key="a request")
        self.turns = Turns(store=cast("Store", self.store), ids=NEW_IDS, now=now)
        self.answer = assistant_message(self.id, "so far")
        self.whole = self.answer.model_copy(update={"content": assistant_message(self.id, "so far, so good").content})

    async def begin(self) -> None:
        thread = new_thread().model_copy(update={"id": self.id})
        await self.memory.create_thread(USER, thread, [], turn=self.turn)
        await self.checkpoint([self.answer])

    async def checkpoint(self, items: list[ThreadItem]) -> None:
        await self.memory.checkpoint(USER, self.id, self.turn.id, lease_until=now() + LEASE, items=items)

    async def live(self) -> Turn | None:
        return await self.turns.live(USER, self.id)

    async def items(self) -> list[ThreadItem]:
        return (await self.memory.list_items(USER, self.id, after=None, limit=100, order="asc")).data


def play(scenario: Callable[[Thread], Awaitable[None]]) -> None:
    async def main() -> None:
        thread = Thread()
        await thread.begin()
        await scenario(thread)

    virtual_time.run(main())


def test_a_turn_that_is_at_work_is_shown_and_left_alone() -> None:
    """Nothing is written by who reads."""

    async def scenario(thread: Thread) -> None:
        turn = await thread.live()
        assert turn
        assert turn.items == (thread.answer,)
        assert thread.store.calls == ["load_turn"]

    play(scenario)


def test_a_turn_that_has_lapsed_is_closed_with_what_it_kept() -> None:
    """Its request is remembered from then on as closed."""

    async def scenario(thread: Thread) -> None:
        await asyncio.sleep(LEASE.total_seconds())
        assert await thread.live() is None
        assert await thread.items() == [thread.answer]
        started = await thread.memory.find_request(USER, "a request")
        assert started
        assert started.closed_at == now()

    play(scenario)


@pytest.mark.parametrize("is_finished", [False, True])
def test_an_owner_that_writes_in_the_last_moment_keeps_its_turn(is_finished: bool) -> None:
    """What was read before is older than what it has written: it is not put over it."""

    async def scenario(thread: Thread) -> None:
        async def write() -> None:
            if is_finished:
                await thread.memory.save_items(USER, thread.id, [thread.whole], turn_id=thread.turn.id, unfinished=[])
            await thread.checkpoint([] if is_finished else [thread.whole])

        await asyncio.sleep(LEASE.total_seconds())
        seen = await thread.memory.load_turn(USER, thread.id)
        assert seen
        await write()
        turn = await thread.turns.close(USER, thread.id, seen)
        assert turn == await thread.memory.load_turn(USER, thread.id)
        assert turn
        assert turn.items == (() if is_finished else (thread.whole,))
        assert await thread.items() == ([thread.whole] if is_finished else [])

    play(scenario)


def test_two_that_close_at_once_close_once() -> None:
    """The later one finds it done."""

    async def scenario(thread: Thread) -> None:
        await asyncio.sleep(LEASE.total_seconds())
        seen = await thread.memory.load_turn(USER, thread.id)
        assert seen
        assert [await thread.turns.close(USER, thread.id, seen) for _ in range(2)] == [None, None]
        assert await thread.items() == [thread.answer]

    play(scenario)

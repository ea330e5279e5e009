"""A store that fails, at each of a request's calls in turn, in each way that there is: what the user sees, and what is left.

Each scenario is played once as it should go, which tells its calls; then once for each call and each fault.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from typing import Any

import pytest

from functions.attachments.images import Picture
from functions.engine.assistant import AssistantContext
from functions.engine.turns import Turns
from functions.errors import InternalError, Unavailable
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.threads import ThreadMetadata
from tests.support import faulty_store as faults
from tests.support import virtual_time
from tests.support.assistants import ScriptedAssistant
from tests.support.chat import texts, types
from tests.support.faulty_store import Call, Fault, FaultyStore
from tests.support.memory_images import MemoryImages
from tests.support.mortal_store import Killed, MortalStore
from tests.support.turn_aftermath import check_what_is_left, left_open, said_twice
from tests.support.turn_scenarios import (
    SCENARIOS,
    Play,
    Scenario,
    repeat_after_a_crash,
    stop,
    write_again,
)
from tests.support.turn_world import Client, Slow, World, now, send

Events = AsyncIterator[ThreadStreamEvent]


def given_up(world: World) -> Fault:
    """Before the call somebody takes every turn for dead, and closes it."""

    async def fault(call: Call) -> Any:
        turns = Turns(store=world.memory, ids=world.ids, now=now)
        for thread_id in await world.thread_ids():
            turn = await world.memory.load_turn("alice", thread_id)
            if turn is not None:
                await turns.close("alice", thread_id, turn)
        return await call()

    return fault


def deleted(world: World) -> Fault:
    """Before the call the user deletes every thread."""

    async def fault(call: Call) -> Any:
        for thread_id in await world.thread_ids():
            await world.memory.delete_thread("alice", thread_id)
        return await call()

    return fault


async def killed_after(call: Call) -> Any:
    """The process ends once the call is done."""
    await call()
    raise Killed


async def dead(call: Call) -> Any:
    """The process has ended."""
    raise Killed


def one_after_the_other(*some: Fault) -> Fault:
    """Each call has a fault of its own; the last one stays."""
    rest = list(some)

    async def fault(call: Call) -> Any:
        return await (rest.pop(0) if len(rest) > 1 else rest[0])(call)

    return fault


async def none(call: Call) -> Any:
    """The call is as it should be."""
    return await call()


FAULTS: dict[str, tuple[Callable[[World], Fault], bool]] = {
    "throttled": (lambda _: faults.throttled, False),
    "answer lost": (lambda _: faults.answer_lost, False),
    "broken": (lambda _: faults.broken, False),
    "hung": (lambda _: faults.hung, False),
    "done late": (lambda _: faults.done_late, False),
    "slow": (lambda _: faults.slow, False),
    "stale": (lambda _: faults.stale, False),
    "given up": (given_up, False),
    "deleted": (deleted, False),
    "throttled from then on": (lambda _: faults.throttled, True),
    "hung from then on": (lambda _: faults.hung, True),
    "killed": (lambda _: one_after_the_other(killed_after, dead), True),
    "throttled, then given up": (lambda world: one_after_the_other(faults.throttled, given_up(world), none), True),
    "throttled, then deleted": (lambda world: one_after_the_other(faults.throttled, deleted(world), none), True),
}
"""What happens to a call; and whether it happens to all that come after it."""


def shape(client: Client, *, texts_count: bool) -> list[Any]:
    """What a client was told, but for ids and times, and for what is on its way only."""
    told: list[Any] = []
    for event in client.events:
        if event["type"] in {"thread.item.added", "thread.item.updated"}:
            continue
        item = event.get("item", {})
        said = texts([item]) if texts_count else []
        told.append((event["type"], item.get("type"), said))
    return told


def check_answers(scenario: Scenario, play: Play, expected: Sequence[Client]) -> None:
    """Each stream is as it should be, or its last event is an error, and its only one."""
    texts_count = scenario not in {stop, write_again}
    for client, right in zip(play.clients, expected, strict=False):
        told = types(client.events)
        assert told[-1:] == ["error"] or not left_open(client)
        if told[-1:] == ["error"]:
            assert told.count("error") == 1
        elif scenario is repeat_after_a_crash:
            assert told[-1] == "thread.item.done"  # what there was to repeat is gone: it is a new request
        else:
            assert shape(client, texts_count=texts_count) == shape(right, texts_count=texts_count)


def play_once(scenario: Scenario, fault: Callable[[World], Fault], at: int, *, lasting: bool) -> Play:
    """Plays a scenario to its end, and whatever comes of it."""

    async def main() -> Play:
        world = World(Slow())
        play = Play(world, FaultyStore(world.memory, fault(world), at=at, lasting=lasting))
        await scenario(play)
        await asyncio.gather(*(client.task for client in play.clients))
        assert await said_twice(world) == []
        await check_what_is_left(world, play.assistant, [*play.clients, *play.others])
        return play

    return virtual_time.run(main())


@cache
def as_it_should(scenario: Scenario) -> Play:
    """A scenario without a fault."""
    return play_once(scenario, lambda _: none, 0, lasting=False)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_fault_at_any_call_costs_no_more_than_it_must(scenario: Scenario, name: str) -> None:
    """The user has the right stream or an error; what was seen as done is there, once; and the thread goes on."""
    fault, lasting = FAULTS[name]
    right = as_it_should(scenario)
    for at, call in enumerate(right.store.calls):
        try:
            play = play_once(scenario, fault, at, lasting=lasting)
            if name != "killed":
                check_answers(scenario, play, right.clients)
        except BaseException as error:
            error.add_note(f"{name}: call {at}, {call}, of {right.store.calls}")
            raise


def test_a_message_is_told_though_what_came_before_it_cannot_be_read() -> None:
    """The turn has begun with it, so the turn fails and ends at once: it is not left for others to close."""

    async def main() -> None:
        world = World(Slow())
        first = await world.open()
        await first.task
        store = MortalStore(world.memory)

        def fail(name: str) -> None:
            if name == "list_items":
                raise InternalError("unreadable")

        store.before = fail
        client = send(world.invocation(store), first.thread_id, "More")
        await client.task
        assert types(client.events) == ["thread.item.done", "stream_options", "error"]
        assert await world.memory.load_turn("alice", first.thread_id) is None

    virtual_time.run(main())


class FullGallery(MemoryImages):
    """Takes no picture."""

    async def put(self, user: str, thread_id: str, picture: Picture) -> str:
        raise Unavailable("no place")


async def paint(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async def states() -> AsyncIterator[tuple[str, float]]:
        for progress in range(10):
            yield "data:image/png;base64,iVBORw0KGgo=", progress / 10
            await asyncio.sleep(1)

    async for event in context.images(states()):
        yield event


def test_a_stop_that_leaves_a_picture_behind_is_told() -> None:
    """What could not be kept is not told as done; and the stream does not just end."""

    async def main() -> None:
        world = World(Slow())
        chat = world.invocation(assistant=ScriptedAssistant(lambda thread, _, context: paint(thread, context)))
        chat.images = FullGallery()
        client = send(chat, None, "A frog")
        await asyncio.sleep(2.5)
        await world.stop(client.thread_id)
        await client.task
        assert types(client.events)[-1] == "error"
        assert [item["type"] for item in client.done()] == ["user_message"]
        assert await world.memory.load_turn("alice", client.thread_id) is None

    virtual_time.run(main())

"""What is told of a user's requests: once, whatever happens to a turn. In virtual time, on a store in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

import pytest

from functions.announcements.base import Event
from functions.engine.assistant import AssistantContext
from functions.engine.telling import Telling
from functions.engine.turn_keeper import LEASE
from functions.engine.turns import Turns
from functions.errors import CustomStreamError, GuardrailTripped, LimitReached, NotFound
from functions.limits import Counter, Limits
from functions.model.base import ResponseEvent
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.store.base import Store
from tests.support import virtual_time
from tests.support.announced import Ear, of
from tests.support.assistants import CannedModel, ScriptedAssistant, say
from tests.support.chat import Chat, Json, message_input, types
from tests.support.faulty_store import FaultyStore, throttled
from tests.support.memory_store import MemoryStore
from tests.support.mortal_store import MortalStore
from tests.support.streams import text_stream
from tests.support.turn_world import Client, Slow, World, now, send

FRAME = "5b8e6a52-3f4e-4f6c-9d8e-2f4f4d9e0c11"
CREATED_AND_COMPLETED = ["thread.created", "turn.completed"]
CREATED_AND_FAILED = ["thread.created", "turn.failed"]


def play(scenario: Callable[[World, Ear], Awaitable[None]], slow: Slow | None = None) -> None:
    """Runs a scenario in which one ear hears all invocations."""

    async def main() -> None:
        world, ear = World(slow or Slow()), Ear()
        world.announcer = ear
        await scenario(world, ear)

    virtual_time.run(main())


def talk(respond: Any = None, *, ear: Ear, **how: Any) -> Chat:
    """A chat that an ear hears."""
    chat = Chat(assistant=ScriptedAssistant(respond) if respond else None, **how)
    chat.announcer = ear
    return chat


def create(chat: Chat, text: str = "Hi", **how: Any) -> list[Json]:
    return chat.stream("threads.create", {"input": message_input(text)}, **how)


def heard(ear: Ear) -> list[Event]:
    return run(ear.heard())


async def fails(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    async for event in say(thread, context, "Well", finish=False):
        yield event
    raise CustomStreamError("No.")


async def is_guarded(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    async for event in say(thread, context, "Forbidden words"):
        yield event
    raise GuardrailTripped("No.")


async def answers(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    async for event in context.answer(model="gpt-5.2", instructions="i"):
        yield event


def test_a_thread_and_its_turn_are_told_with_what_they_cost() -> None:
    """With ids, usage and times, and not a word of what was said."""
    *events, last = text_stream("Hello", " there")
    usage = {"input_tokens": 100, "output_tokens": 20}
    model = CannedModel([*events, {**last, "response": {**last["response"], "usage": usage}}])
    ear = Ear()
    sent = create(talk(answers, ear=ear, model=model), "my secret", tenant="acme")
    created, completed = heard(ear)
    thread_id = sent[0]["thread"]["id"]
    assert (created.name, created.id, created.fields) == ("thread.created", thread_id, {"thread_id": thread_id})
    assert created.owner == completed.owner == "acme\x1falice"
    assert completed.id == completed.fields["turn_id"] != thread_id
    assert completed.fields["outcome"] == "completed"
    assert completed.fields["request_id"] == "req-1"
    assert completed.fields["usage"] == [
        {
            "model": "gpt-5.2",
            "responses": 1,
            "input_tokens": 100,
            "cached_tokens": 0,
            "output_tokens": 20,
            "reasoning_tokens": 0,
        }
    ]
    times = completed.fields["timings"]
    assert 0 <= times["first_byte_ms"] <= times["first_event_ms"] <= times["first_text_ms"] <= times["duration_ms"]
    assert "content" not in completed.fields
    told = json.dumps([created.fields, completed.fields])
    assert "secret" not in told
    assert "Hello" not in told


def test_a_further_message_is_a_turn_and_no_thread() -> None:
    """Each of a thread's turns is told under an id of its own."""
    ear = Ear()
    chat = talk(ear=ear)
    thread_id = chat.create()
    chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
    names = [event.name for event in heard(ear)]
    assert names == [*CREATED_AND_COMPLETED, "turn.completed"]
    assert len({event.id for event in heard(ear)}) == 3


def test_a_failure_is_told_with_its_reason() -> None:
    """As the metrics have it; the user's text and the assistant's are not in it."""
    ear = Ear()
    create(talk(fails, ear=ear))
    assert [event.name for event in heard(ear)] == CREATED_AND_FAILED
    failed = heard(ear)[-1]
    assert failed.fields["reason"] == "custom"
    assert failed.fields["timings"]["duration_ms"] >= 0


def test_content_is_told_where_that_is_wanted() -> None:
    """The user's message and the answer's; what a guardrail takes back is nothing that was said."""
    ear = Ear(has_content=True)
    create(talk(ear=ear), "Who is there?")
    create(talk(fails, ear=ear), "Well?")
    create(talk(is_guarded, ear=ear), "Please")
    contents = [event.fields["content"] for event in heard(ear) if event.name.startswith("turn.")]
    assert contents == [
        {"message": "Who is there?", "answer": "Hello, you", "is_cut": False},
        {"message": "Well?", "answer": "Well", "is_cut": False},
        {"message": "Please", "answer": "", "is_cut": False},
    ]


@pytest.mark.parametrize("has_content", [False, True])
def test_the_stream_is_what_it_is_without(has_content: bool) -> None:
    """Being heard changes no event of the stream, and nothing that is stored."""

    def said(ear: Ear | None, respond: Any) -> tuple[list[str], list[str]]:
        chat = Chat(assistant=ScriptedAssistant(respond))
        chat.announcer = ear
        sent = create(chat)
        return types(sent), [item["type"] for item in chat.items(sent[0]["thread"]["id"])]

    for respond in (fails, is_guarded):
        assert said(Ear(has_content=has_content), respond) == said(None, respond)


def test_a_stop_is_a_turn_that_was_stopped() -> None:
    """It is told once, however often the button is pressed, and whoever reads meanwhile and later."""

    async def scenario(world: World, ear: Ear) -> None:
        client = await world.open()
        await asyncio.sleep(2.5)
        await world.read(client.thread_id)
        await world.stop(client.thread_id)
        await world.stop(client.thread_id)
        await client.task
        await world.read(client.thread_id)
        assert await ear.names() == CREATED_AND_COMPLETED
        (completed,) = of(await ear.heard(), "turn.completed")
        assert completed.fields["outcome"] == "stopped"

    play(scenario)


def test_a_second_message_stops_the_first_turn() -> None:
    """Each is told once, in the order of their ends."""

    async def scenario(world: World, ear: Ear) -> None:
        first = await world.open()
        await asyncio.sleep(2.5)
        second = await world.open(first.thread_id)
        await asyncio.gather(first.task, second.task)
        outcomes = [event.fields["outcome"] for event in of(await ear.heard(), "turn.completed")]
        assert outcomes == ["stopped", "completed"]
        assert len(await ear.names()) == 3

    play(scenario)


def test_a_repeat_tells_nothing_of_its_own() -> None:
    """Five repeats of a POST while its turn runs: one thread, one turn."""

    async def scenario(world: World, ear: Ear) -> None:
        client = send(world.invocation(), None, "Hi", frame_id=FRAME)
        await client.first.wait()
        await asyncio.sleep(3)
        again = [send(world.invocation(), None, "Hi", frame_id=FRAME) for _ in range(5)]
        await asyncio.gather(*(one.task for one in again), client.task)
        assert await ear.names() == CREATED_AND_COMPLETED

    play(scenario)


async def killed(world: World) -> Client:
    """A page whose function is killed after three seconds: what that would have told is lost with it."""
    ear, world.announcer = world.announcer, Ear()
    store = MortalStore(world.memory)
    client = send(world.invocation(store), None, "Hi", frame_id=FRAME)
    await client.first.wait()
    await asyncio.sleep(3)
    store.kill()
    await client.task
    world.announcer = ear
    return client


def test_repeats_of_a_request_whose_function_was_killed_tell_that_it_has_failed() -> None:
    """Once, by the one that closes it."""

    async def scenario(world: World, ear: Ear) -> None:
        await killed(world)
        again = [send(world.invocation(), None, "Hi", frame_id=FRAME) for _ in range(5)]
        await asyncio.gather(*(one.task for one in again))
        assert await ear.names() == ["turn.failed"]

    play(scenario)


def test_a_killed_turn_is_told_by_who_closes_it() -> None:
    """By one of those who read at the same time; with a reason, and nothing that nobody knows."""

    async def scenario(world: World, ear: Ear) -> None:
        client = await killed(world)
        await world.read(client.thread_id)
        assert await ear.names() == []
        await asyncio.sleep(LEASE.total_seconds() + 1)
        await asyncio.gather(*(world.read(client.thread_id) for _ in range(5)))
        await world.read(client.thread_id)
        assert await ear.names() == ["turn.failed"]
        (failed,) = of(await ear.heard(), "turn.failed")
        assert failed.fields["reason"] == "abandoned"
        assert (failed.fields["usage"], failed.fields["timings"], failed.fields["request_id"]) == (None, None, None)
        assert failed.owner == "alice"

    play(scenario)


def test_a_deadline_is_a_failure() -> None:
    """The turn is told when it is closed, not when its function ends."""

    async def scenario(world: World, ear: Ear) -> None:
        client = send(world.invocation(), None, "Hi", deadline=asyncio.get_running_loop().time() + 5)
        await client.task
        await world.read(client.thread_id)
        assert await ear.names() == CREATED_AND_FAILED
        (failed,) = of(await ear.heard(), "turn.failed")
        assert failed.fields["reason"] == "turn_deadline"

    play(scenario)


def test_a_turn_whose_thread_is_deleted_is_told_by_its_owner() -> None:
    """With what it has cost until then: else, whoever deletes threads would cost nothing."""

    async def scenario(world: World, ear: Ear) -> None:
        client = await world.open()
        await asyncio.sleep(2.5)
        await world.invocation().aask("threads.delete", {"thread_id": client.thread_id})
        await client.task
        assert await ear.names() == CREATED_AND_FAILED
        (failed,) = of(await ear.heard(), "turn.failed")
        assert failed.fields["reason"] == "thread_deleted"
        assert failed.fields["timings"]["duration_ms"] >= 0

    play(scenario)


def test_an_owner_that_was_taken_for_dead_tells_nothing() -> None:
    """Somebody has closed its turn, and told so."""

    async def scenario(world: World, ear: Ear) -> None:
        client = await world.open()
        await asyncio.sleep(2.5)
        turn = await world.memory.load_turn("alice", client.thread_id)
        assert turn is not None
        closed = Telling(ear, store=world.memory, ids=world.ids, now=now).closed
        await Turns(store=world.memory, ids=world.ids, now=now, closed=closed).close("alice", client.thread_id, turn)
        await client.task
        assert await ear.names() == CREATED_AND_FAILED
        (failed,) = of(await ear.heard(), "turn.failed")
        assert failed.fields["reason"] == "abandoned"

    play(scenario)


def test_a_turn_whose_end_is_not_stored_is_told_by_who_closes_it() -> None:
    """Else it would have been told as completed first, and then as abandoned."""

    async def scenario(world: World, ear: Ear) -> None:
        counting = FaultyStore(cast("Store", world.memory))
        await send(world.invocation(counting), None, "Hi").task
        ends = counting.calls.index("end_turn")
        assert await ear.names() == CREATED_AND_COMPLETED

        second = Ear()
        world.announcer = second
        faulty = FaultyStore(cast("Store", world.memory), throttled, at=ends, lasting=True)
        client = send(world.invocation(faulty), None, "Hi")
        await client.task
        await asyncio.sleep(LEASE.total_seconds() + 1)
        await world.read(client.thread_id)
        assert await second.names() == CREATED_AND_FAILED

    play(scenario)


def test_a_turn_whose_answer_cannot_be_closed_is_told_all_the_same() -> None:
    """An author has left an answer open, and its model fails when it is ended: the turn is over, and its user is content."""

    class Clinging(CannedModel):
        async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
            try:
                for event in self.events:
                    yield event
            finally:
                raise RuntimeError("the connection is gone")

    left_open: list[AsyncIterator[ThreadStreamEvent]] = []

    async def glances(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        left_open.append(context.answer(model="gpt-5.2", instructions="i"))
        await anext(left_open[0])
        async for event in say(thread, context, "Enough"):
            yield event

    ear = Ear()
    sent = create(talk(glances, ear=ear, model=Clinging(text_stream("Hello"))))
    assert "error" not in types(sent)
    assert [event.name for event in heard(ear)] == CREATED_AND_COMPLETED


def test_a_request_that_begins_nothing_tells_nothing() -> None:
    """No such thread, or a session that was ended."""
    ear = Ear()
    chat = talk(ear=ear)
    chat.stream("threads.add_user_message", {"thread_id": "thr_01ARZ3NDEKTSV4RRFFQ69G5FAV", "input": message_input()})
    run(chat.store.end_session("alice", "s1", until=chat.now()))
    chat.stream("threads.create", {"input": message_input()}, session="s1")
    assert heard(ear) == []


def test_feedback_is_told_when_it_is_stored() -> None:
    """Each time anew, with the items; feedback on what is not there is not stored."""
    ear = Ear()
    chat = talk(ear=ear)
    thread_id = chat.create()
    item_id = chat.items(thread_id)[-1]["id"]
    params = {"thread_id": thread_id, "item_ids": [item_id], "kind": "positive"}
    chat.ask("items.feedback", params)
    chat.ask("items.feedback", {**params, "kind": "negative"})
    with pytest.raises(NotFound):
        chat.ask("items.feedback", params, user="bob")
    found = of(heard(ear), "feedback.received")
    assert [event.fields for event in found] == [params, {**params, "kind": "negative"}]
    assert len({event.id for event in found}) == 2


def limited(ear: Ear, limits: Limits) -> Chat:
    store = MemoryStore(count_threads=limits.count_threads)
    chat = Chat(store=store)
    chat.announcer, chat.counters, chat.limits = ear, store.counters, limits
    return chat


def test_a_limit_is_told_of_whoever_has_it() -> None:
    """With when it is free again, where time frees it."""
    ear = Ear()
    chat = limited(ear, Limits(user={Counter.MESSAGES_PER_DAY: 1}, tenant={Counter.THREADS: 1}))
    create(chat, tenant="acme")
    with pytest.raises(LimitReached):
        create(chat, tenant="acme")
    with pytest.raises(LimitReached):
        create(chat, tenant="acme", user="bob")
    of_user, of_tenant = of(heard(ear), "quota.exceeded")
    assert of_user.owner == "acme\x1falice"
    assert (of_user.fields["limit"], of_user.fields["of"]) == ("messages_per_day", "user")
    assert 1 <= of_user.fields["retry_after"] <= 86_400
    assert of_tenant.owner == "acme\x1fbob"
    assert of_tenant.fields == {"limit": "threads", "of": "tenant", "retry_after": None}


def test_a_repeat_beyond_a_limit_is_not_refused() -> None:
    """It follows its turn: nothing is told."""

    async def scenario(world: World, ear: Ear) -> None:
        chat = world.invocation()
        chat.counters = world.memory.counters
        chat.limits = Limits(user={Counter.MESSAGES_PER_DAY: 1}, anonymous={}, tenant={})
        first = send(chat, None, "Hi", frame_id=FRAME)
        await first.first.wait()
        await send(chat, None, "Hi", frame_id=FRAME).task
        await first.task
        assert await ear.names() == CREATED_AND_COMPLETED

    play(scenario)

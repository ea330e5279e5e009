"""Turns that survive: stop, reload, crash, repeat, deadline. In virtual time: a minute of silence passes at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.engine.assistant import AssistantContext
from functions.engine.turn import STOP_NOTE
from functions.engine.turn_keeper import BEAT, LEASE, RENEWAL
from functions.engine.turns import REMEMBERED
from functions.errors import NotFound, Unavailable
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from tests.support.assistants import say
from tests.support.chat import texts, types
from tests.support.mortal_store import MortalStore
from tests.support.turn_world import Slow, World, play, send

FRAME = "5b8e6a52-3f4e-4f6c-9d8e-2f4f4d9e0c11"


def hidden(world: World, thread_id: str) -> Any:
    return world.memory.list_items("alice", thread_id, after=None, limit=100, order="asc", hidden=True)


def test_a_stop_ends_the_answer_within_two_beats_and_keeps_its_text() -> None:
    """The model is let go, the partial message is a message, the model will read that it was stopped; no error is shown."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await asyncio.sleep(3.5)
        before = asyncio.get_running_loop().time()
        assert await world.stop(client.thread_id) == {}
        await client.task
        assert asyncio.get_running_loop().time() - before <= 2 * BEAT
        assert types(client.events)[-1] == "thread.item.done"
        assert world.slow.ended == 1
        items, is_running = await world.read(client.thread_id)
        assert not is_running
        assert items == client.done()
        assert texts(items)[1].startswith("w0 w1 w2 ")
        stored = (await hidden(world, client.thread_id)).data
        assert [item.type for item in stored] == ["user_message", "assistant_message", "sdk_hidden_context"]
        assert stored[-1].content == STOP_NOTE
        assert await world.memory.load_turn("alice", client.thread_id) is None

    play(scenario)


def test_a_stop_breaks_into_a_silence() -> None:
    """A model that thinks for ten minutes is let go as fast as one that talks."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await asyncio.sleep(5)
        await world.stop(client.thread_id)
        await client.task
        assert asyncio.get_running_loop().time() < 5 + 2 * BEAT
        assert types(client.events) == ["thread.created", "thread.item.done", "stream_options"]

    play(scenario, Slow(silence=600))


def test_a_stop_before_the_first_event_of_the_answer_holds() -> None:
    """The turn has begun when the page learns its thread: from then on a stop is heard."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await world.stop(client.thread_id)
        await client.task
        assert types(client.events)[:3] == ["thread.created", "thread.item.done", "stream_options"]
        assert (await world.read(client.thread_id))[1] is False

    play(scenario, Slow(silence=600))


def test_a_stop_twice_or_after_the_end_does_nothing() -> None:
    """Both are answered as the first was; the next answer is not stopped by them."""

    async def scenario(world: World) -> None:
        client = await world.open()
        assert await world.stop(client.thread_id) == {}
        assert await world.stop(client.thread_id) == {}
        await client.task
        assert await world.stop(client.thread_id) == {}
        second = await world.open(client.thread_id)
        await second.task
        assert texts(second.done())[-1] == "".join(f"w{number} " for number in range(10))

    play(scenario)


def test_a_stop_of_an_unknown_or_another_users_thread_is_not_found() -> None:
    """It says no more than that there is no such thread."""

    async def scenario(world: World) -> None:
        client = await world.open()
        with pytest.raises(NotFound):
            await world.invocation().aask("threads.stop", {"thread_id": client.thread_id}, user="bob")
        with pytest.raises(NotFound):
            await world.stop("thr_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        await client.task
        assert types(client.events)[-1] == "thread.item.done"

    play(scenario)


def test_a_reload_shows_the_text_as_it_grows_to_its_end() -> None:
    """Each reading has at least the text of a second ago, under the id that the item keeps, and says when it is the last."""

    async def scenario(world: World) -> None:
        client = await world.open()
        client.task.add_done_callback(lambda _: None)
        lengths: list[int] = []
        ids: set[str] = set()
        while True:
            await asyncio.sleep(1)
            items, is_running = await world.read(client.thread_id)
            if len(items) > 1:
                lengths.append(len(texts(items)[1]))
                ids.add(items[1]["id"])
            if not is_running:
                break
        whole = "".join(f"w{number} " for number in range(20))
        assert lengths == sorted(lengths)
        assert len(set(lengths)) > 8
        assert texts(items)[1] == whole
        assert len(ids) == 1

    play(scenario, Slow(words=20))


def test_the_items_list_shows_the_unfinished_message_in_its_place() -> None:
    """Also as a page of its own behind the last visible id, in both orders."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await asyncio.sleep(4)
        chat = world.invocation()
        params = {"thread_id": client.thread_id, "limit": 1, "order": "asc"}
        first = await chat.answer("items.list", params)
        page = json.loads(first.json)
        assert (len(page["data"]), page["has_more"], first.turn_is_running) == (1, True, True)
        second = await chat.aask("items.list", {**params, "after": page["after"]})
        assert texts(second["data"])[0].startswith("w0 ")
        newest = await chat.aask("items.list", {**params, "order": "desc"})
        assert newest["data"] == second["data"]
        await client.task

    play(scenario)


def test_a_killed_turn_is_closed_by_who_reads_next() -> None:
    """Its checkpoint becomes an item, nothing is left pending, and what the client saw as done is there once."""

    async def scenario(world: World) -> None:
        store = MortalStore(world.memory)
        client = send(world.invocation(store), None, "Hi")
        await asyncio.sleep(6.5)
        store.kill()
        await asyncio.sleep(2)
        await client.task
        items, is_running = await world.read(client.thread_id)
        assert is_running, "nobody knows yet"
        await asyncio.sleep(LEASE.total_seconds())
        items, is_running = await world.read(client.thread_id)
        assert not is_running
        assert items[0] == client.done()[0]
        assert len(items) == 2
        said = "".join(event["update"]["delta"] for event in client.events if "delta" in event.get("update", {}))
        kept = texts(items)[1]
        assert said.startswith(kept)
        assert len(said) - len(kept) <= (RENEWAL + BEAT) * len("w0 ")
        assert await world.memory.load_turn("alice", client.thread_id) is None
        second = await world.open(client.thread_id, "And now?")
        await second.task
        assert types(second.events)[-1] == "thread.item.done"

    play(scenario)


def test_a_message_to_a_thread_whose_owner_was_killed_waits_for_no_lease() -> None:
    """An owner that does not write though it is asked to stop is taken for dead."""

    async def scenario(world: World) -> None:
        store = MortalStore(world.memory)
        client = send(world.invocation(store), None, "Hi")
        await asyncio.sleep(3.5)
        store.kill()
        before = asyncio.get_running_loop().time()
        second = await world.open(client.thread_id, "Hello?")
        assert asyncio.get_running_loop().time() - before < 5
        await second.task
        await client.task
        items, _ = await world.read(client.thread_id)
        assert [item["type"] for item in items] == ["user_message", "assistant_message"] * 2
        assert texts(items)[1].startswith("w0 w1 ")

    play(scenario)


def test_the_newest_message_wins() -> None:
    """The answer that was running is stopped and kept, in front of the new message, and the new one is answered whole."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await asyncio.sleep(3.5)
        second = await world.open(client.thread_id, "No: this!")
        await second.task
        await client.task
        items, _ = await world.read(client.thread_id)
        assert texts(items)[0::2] == ["Hi", "No: this!"]
        assert texts(items)[1].startswith("w0 w1 w2 ")
        assert texts(items)[3] == "".join(f"w{number} " for number in range(10))
        stored = (await hidden(world, client.thread_id)).data
        assert [item.type for item in stored][2] == "sdk_hidden_context"

    play(scenario)


class Deaf(Slow):
    """Never ends, whatever it is told."""

    async def __call__(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        self.asked += 1
        async for event in say(thread, context, "w", finish=False):
            yield event
        for _ in range(100):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue


def test_an_owner_that_cannot_end_is_taken_for_dead_and_writes_nothing_more() -> None:
    """The new message is answered; the old turn's last words are refused by the store, and told to nobody as stored."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await asyncio.sleep(2.5)
        world.slow = Slow()
        second = await world.open(client.thread_id, "Now?")
        await second.task
        items, _ = await world.read(client.thread_id)
        assert texts(items)[2:] == ["Now?", "".join(f"w{number} " for number in range(10))]
        await client.task
        assert (await world.read(client.thread_id))[0] == items

    play(scenario, Deaf())


def test_a_deleted_thread_ends_the_turn_that_runs_on_it() -> None:
    """The model is let go within two beats, and nothing is written."""

    async def scenario(world: World) -> None:
        client = await world.open()
        await asyncio.sleep(2.5)
        await world.invocation().aask("threads.delete", {"thread_id": client.thread_id})
        await client.task
        assert asyncio.get_running_loop().time() < 2.5 + 2 * BEAT
        assert client.events[-1] == {"type": "error", "code": "stream.error", "allow_retry": False}
        with pytest.raises(NotFound):
            await world.read(client.thread_id)

    play(scenario)


def test_a_deadline_ends_the_turn_with_its_text_stored_and_a_retry() -> None:
    """The function is never cut off in the middle of an answer: the user is told, in the user's language."""

    async def scenario(world: World) -> None:
        client = await world.open(deadline=4.5, locales=("de",))
        await client.task
        assert asyncio.get_running_loop().time() == 4.5
        assert client.events[-1]["type"] == "error"
        assert client.events[-1]["allow_retry"] is True
        assert client.events[-1]["message"].startswith("Die Antwort hat zu lange gedauert")
        items, is_running = await world.read(client.thread_id)
        assert not is_running
        assert items == client.done()
        assert texts(items)[1].startswith("w0 w1 w2 w3 ")

    play(scenario)


@pytest.mark.parametrize("delay", [0, 0.5, 3, 9])
def test_a_repeat_follows_the_first_to_its_end(delay: float) -> None:
    """One thread, one message, one model call; and the repeat's stream folds into the same items."""

    async def scenario(world: World) -> None:
        first = send(world.invocation(), None, "Hi", frame_id=FRAME)
        await asyncio.sleep(delay)
        repeats = [send(world.invocation(), None, "Hi", frame_id=FRAME) for _ in range(5)]
        await asyncio.gather(first.task, *(repeat.task for repeat in repeats))
        assert world.slow.asked == 1
        for repeat in repeats:
            assert repeat.thread_id == first.thread_id
            assert types(repeat.events)[:3] == ["thread.created", "thread.item.done", "stream_options"]
            assert repeat.done() == first.done()
            assert "error" not in types(repeat.events)
        items, _ = await world.read(first.thread_id)
        assert items == first.done()
        page = await world.invocation().aask("threads.list", {"limit": 9999})
        assert len(page["data"]) == 1

    play(scenario)


def test_a_repeat_of_a_killed_request_tells_what_there_is_and_offers_a_retry() -> None:
    """One after the other: none of them writes anything, until the request is forgotten."""

    async def scenario(world: World) -> None:
        store = MortalStore(world.memory)
        first = send(world.invocation(store), None, "Hi", frame_id=FRAME)
        await asyncio.sleep(3.5)
        store.kill()
        for _ in range(5):
            repeat = await world.open(frame_id=FRAME)
            await repeat.task
            assert repeat.thread_id == first.thread_id
            assert repeat.done()[0] == first.done()[0]
            assert texts(repeat.done())[1].startswith("w0 ")
            assert types(repeat.events)[-1] == "error"
            assert repeat.events[-1]["allow_retry"] is True
        assert world.slow.asked == 1
        await asyncio.sleep(REMEMBERED.total_seconds())
        again = await world.open(frame_id=FRAME)
        await again.task
        assert again.thread_id != first.thread_id
        assert types(again.events)[-1] == "thread.item.done"
        await first.task

    play(scenario)


class Failing(Slow):
    """Fails after two seconds."""

    async def __call__(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        self.asked += 1
        async for event in say(thread, context, "half", finish=False):
            yield event
            await asyncio.sleep(1)
        raise Unavailable("busy")


def test_a_repeat_of_a_request_that_fails_hears_of_it() -> None:
    """Also where the first failed in order; and the same words afterwards are a new message."""

    async def scenario(world: World) -> None:
        clients = [send(world.invocation(), None, "Hi", frame_id=FRAME) for _ in range(3)]
        await asyncio.gather(*(client.task for client in clients))
        assert world.slow.asked == 1
        for client in clients:
            assert client.thread_id == clients[0].thread_id
            assert client.done() == clients[0].done()
            assert types(client.events)[-1] == "error"
            assert client.events[-1]["allow_retry"] is True
        again = await world.open(frame_id=FRAME)
        await again.task
        assert again.thread_id != clients[0].thread_id

    play(scenario, Failing())


def test_the_same_words_after_a_success_are_a_new_message() -> None:
    """Somebody may well say yes twice."""

    async def scenario(world: World) -> None:
        first = await world.open(frame_id=FRAME)
        await first.task
        for _ in range(2):
            more = await world.open(first.thread_id, "yes", frame_id=FRAME)
            await more.task
        items, _ = await world.read(first.thread_id)
        assert texts(items)[0::2] == ["Hi", "yes", "yes"]

    play(scenario, Slow(words=2))


def test_the_same_words_from_another_frame_are_another_message() -> None:
    """Two tabs are two; so are two pages that name no frame."""

    async def scenario(world: World) -> None:
        clients = [send(world.invocation(), None, "Hi", frame_id=frame) for frame in ("a", "b", "", "")]
        await asyncio.gather(*(client.task for client in clients))
        assert len({client.thread_id for client in clients}) == 4

    play(scenario, Slow(words=2))


def test_a_store_that_fails_at_a_checkpoint_costs_no_answer() -> None:
    """The next beat is near, and the answer is not the checkpoint's."""

    async def scenario(world: World) -> None:
        store = MortalStore(world.memory)

        def fail(name: str) -> None:
            if name == "checkpoint":
                raise Unavailable("try again")

        store.before = fail
        client = send(world.invocation(store), None, "Hi")
        await client.task
        assert texts(client.done())[1] == "".join(f"w{number} " for number in range(10))
        assert "error" not in types(client.events)

    play(scenario)


def test_a_long_text_is_written_a_bounded_number_of_times() -> None:
    """By size and by time: a thousand words in a minute take far fewer than a thousand writes."""

    async def scenario(world: World) -> None:
        store = MortalStore(world.memory)
        client = send(world.invocation(store), None, "Hi")
        await client.task
        writes = store.calls.count("checkpoint")
        assert 5 <= writes <= 60 / RENEWAL + 25
        assert store.calls.count("is_stop_requested") <= 61

    class Fast(Slow):
        async def __call__(
            self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
        ) -> AsyncIterator[ThreadStreamEvent]:
            async for event in say(thread, context, *["word "] * 1000):
                yield event
                await asyncio.sleep(0.06)

    play(scenario, Fast())

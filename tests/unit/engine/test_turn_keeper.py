"""What the owner of a turn writes to its row, and when; in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import cast

import pytest

from functions.engine.folding import OpenItems
from functions.engine.interruption import Interrupted, Interruption, Reason
from functions.engine.results import RequestContext
from functions.engine.turn_keeper import BEAT, GROWTH, LEASE, RENEWAL, TurnKeeper
from functions.engine.turn_states import TurnState, state_of
from functions.errors import InternalError, Unavailable
from functions.protocol.items import AssistantMessageItem, GeneratedImage, GeneratedImageItem, ThreadItem
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.updates import AssistantMessageContentPartTextDelta
from functions.store.base import MAX_ITEMS, Store, Turn, TurnGone
from tests.support import virtual_time
from tests.support.memory_store import MemoryStore
from tests.support.mortal_store import MortalStore
from tests.support.threads import NEW_IDS, assistant_message, new_thread
from tests.support.turn_world import now

USER = "alice"


class Owner:
    """A turn that has begun on a new thread, with its keeper."""

    def __init__(self, *, age: float = 0) -> None:
        """`age`: seconds since the turn began."""
        self.memory = MemoryStore(now=now)
        self.store = MortalStore(self.memory)
        self.thread = new_thread()
        self.turn = Turn(
            id=NEW_IDS.new("turn"), lease_until=now() + LEASE - timedelta(seconds=age), request_key="a request"
        )
        self.open = OpenItems()
        self.interruption = Interruption()
        self.keeper = TurnKeeper(
            store=cast("Store", self.store),
            request=RequestContext(user=USER),
            thread_id=self.thread.id,
            turn=self.turn,
            open_items=self.open,
            interruption=self.interruption,
            now=now,
        )

    def message(self, text: str = "") -> AssistantMessageItem:
        item = assistant_message(self.thread.id, text)
        return item if text else item.model_copy(update={"content": []})

    def open_message(self) -> AssistantMessageItem:
        item = self.message()
        self.open.add(item)
        return item

    def say(self, item: AssistantMessageItem, text: str) -> None:
        self.open.update(item.id, AssistantMessageContentPartTextDelta(content_index=0, delta=text))

    async def row(self) -> Turn | None:
        return await self.memory.load_turn(USER, self.thread.id)

    async def unfinished(self) -> tuple[ThreadItem, ...]:
        row = await self.row()
        assert row
        return row.items

    async def stored(self) -> list[ThreadItem]:
        page = await self.memory.list_items(USER, self.thread.id, after=None, limit=100, order="asc")
        return page.data

    async def calls_within(self, seconds: float) -> list[str]:
        """What was called on the store in these seconds."""
        before = len(self.store.calls)
        await asyncio.sleep(seconds)
        return self.store.calls[before:]

    async def reason(self) -> Reason:
        """Why whoever reads the answer is interrupted now."""

        async def silence():
            await asyncio.sleep(600)
            yield

        with pytest.raises(Interrupted) as caught:
            async for _ in self.interruption.watch(silence()):
                pass
        return caught.value.reason


def play(scenario: Callable[[Owner], Awaitable[None]], *, age: float = 0) -> None:
    """Runs a scenario while the turn's heart beats."""

    async def main() -> None:
        owner = Owner(age=age)
        await owner.memory.create_thread(USER, owner.thread, [], turn=owner.turn)
        async with owner.keeper.beating():
            await scenario(owner)
        calls = len(owner.store.calls)
        await asyncio.sleep(60)
        assert len(owner.store.calls) == calls, "the heart stands still"

    virtual_time.run(main())


def spoken(*texts: str) -> list[AssistantMessageContent]:
    return [AssistantMessageContent(text="".join(texts))]


def test_a_silent_turn_looks_every_beat_and_writes_every_renewal() -> None:
    """A look costs a read, a renewal a write."""

    async def scenario(owner: Owner) -> None:
        beats = int(RENEWAL / BEAT)
        await asyncio.sleep(BEAT / 2)
        for _ in range(3):
            assert await owner.calls_within(RENEWAL) == ["is_stop_requested"] * (beats - 1) + ["checkpoint"]

    play(scenario)


def test_a_beginning_and_every_eighth_of_growth_are_written_at_the_next_beat() -> None:
    """What is less waits for the renewal."""

    async def scenario(owner: Owner) -> None:
        await asyncio.sleep(BEAT / 2)
        item = owner.open_message()
        owner.say(item, "x" * 800)
        assert await owner.calls_within(BEAT) == ["checkpoint"]
        assert await owner.unfinished() == (item.model_copy(update={"content": spoken("x" * 800)}),)
        enough = int(800 * GROWTH) + 1
        owner.say(item, "y" * (enough - 1))
        assert await owner.calls_within(BEAT) == ["is_stop_requested"]
        owner.say(item, "y")
        assert await owner.calls_within(BEAT) == ["checkpoint"]
        assert await owner.unfinished() == (item.model_copy(update={"content": spoken("x" * 800, "y" * enough)}),)

    play(scenario)


def test_a_little_text_is_written_at_the_renewal() -> None:
    """So no more text is lost than that of a renewal and a beat."""

    async def scenario(owner: Owner) -> None:
        item = owner.open_message()
        owner.say(item, "x" * 800)
        await asyncio.sleep(BEAT * 1.5)
        owner.say(item, "y")
        await asyncio.sleep(RENEWAL)
        assert await owner.unfinished() == (item.model_copy(update={"content": spoken("x" * 800, "y")}),)

    play(scenario)


def test_what_is_no_text_is_written_at_the_next_beat() -> None:
    """An item that comes, and one that goes."""

    async def scenario(owner: Owner) -> None:
        await asyncio.sleep(BEAT / 2)
        item = owner.open_message()
        assert await owner.calls_within(BEAT) == ["checkpoint"]
        assert await owner.calls_within(BEAT) == ["is_stop_requested"]
        owner.open.close(item.id)
        assert await owner.calls_within(BEAT) == ["checkpoint"]
        assert await owner.unfinished() == ()

    play(scenario)


def test_an_item_that_came_and_went_between_two_beats_costs_nothing() -> None:
    """There is nothing in the row that would have to go."""

    async def scenario(owner: Owner) -> None:
        await asyncio.sleep(BEAT / 2)
        item = owner.open_message()
        await owner.keeper.save(item)
        assert await owner.calls_within(BEAT) == ["is_stop_requested"]

    play(scenario)


def test_the_lease_never_runs_out_while_the_owner_lives() -> None:
    """Also where every second checkpoint fails."""

    async def scenario(owner: Owner) -> None:
        failing = iter([False, True] * 100)

        def fail(name: str) -> None:
            if name == "checkpoint" and next(failing):
                raise Unavailable("throttled")

        owner.store.before = fail
        for _ in range(200):
            assert state_of(await owner.row(), now()) is TurnState.RUNNING
            await asyncio.sleep(0.3)

    play(scenario)


def test_a_turn_whose_beginning_took_long_is_renewed_the_sooner() -> None:
    """Its lease has run since the write that began it was first made."""

    async def scenario(owner: Owner) -> None:
        for _ in range(100):
            assert state_of(await owner.row(), now()) is TurnState.RUNNING
            await asyncio.sleep(0.3)

    play(scenario, age=LEASE.total_seconds() - 1.5 * BEAT)


def test_finishing_an_item_takes_it_out_of_the_checkpoint_in_the_same_write() -> None:
    """At no moment is it in both, or in neither; what else is open stays."""

    async def scenario(owner: Owner) -> None:
        first, second = owner.open_message(), owner.open_message()
        owner.say(first, "one")
        owner.say(second, "two")
        await asyncio.sleep(BEAT * 1.5)
        whole = first.model_copy(update={"content": spoken("one and all")})
        before = len(owner.store.calls)
        await owner.keeper.save(whole)
        assert owner.store.calls[before:] == ["save_items"]
        assert await owner.stored() == [whole]
        assert await owner.unfinished() == (second.model_copy(update={"content": spoken("two")}),)
        assert first.id not in owner.open
        assert await owner.calls_within(BEAT) == ["is_stop_requested"], "nothing has changed since"

    play(scenario)


def test_an_item_that_could_not_be_finished_is_still_open_and_in_the_checkpoint() -> None:
    """What failed is as if it had not been tried."""

    async def scenario(owner: Owner) -> None:
        item = owner.open_message()
        owner.say(item, "one")
        await asyncio.sleep(BEAT * 1.5)

        def fail(name: str) -> None:
            if name == "save_items":
                raise Unavailable("throttled")

        owner.store.before = fail
        with pytest.raises(Unavailable):
            await owner.keeper.save(item)
        assert item.id in owner.open
        assert [kept.id for kept in await owner.unfinished()] == [item.id]

    play(scenario)


def test_deleting_an_item_takes_it_out_of_the_checkpoint_first() -> None:
    """Who closes the turn between the two writes does not bring it back."""

    async def scenario(owner: Owner) -> None:
        item = owner.open_message()
        owner.say(item, "one")
        await asyncio.sleep(BEAT * 1.5)
        before = len(owner.store.calls)
        await owner.keeper.delete([item.id])
        assert owner.store.calls[before:] == ["checkpoint", "delete_items"]
        assert await owner.unfinished() == ()
        assert item.id not in owner.open

    play(scenario)


def test_deleting_what_is_not_in_the_checkpoint_is_one_write() -> None:
    """There is nothing to take out."""

    async def scenario(owner: Owner) -> None:
        item = owner.message("whole")
        await owner.keeper.save(item)
        before = len(owner.store.calls)
        await owner.keeper.delete([item.id])
        assert owner.store.calls[before:] == ["delete_items"]
        assert await owner.stored() == []

    play(scenario)


def test_no_bytes_of_pictures_are_in_a_checkpoint() -> None:
    """A picture in the making is sent to the page, and not to the database."""

    async def scenario(owner: Owner) -> None:
        item = GeneratedImageItem(id=NEW_IDS.new("image"), thread_id=owner.thread.id, created_at=now())
        picture = GeneratedImage(id="img", url="data:image/png;base64,AAAA")
        owner.open.add(item.model_copy(update={"image": picture}))
        await asyncio.sleep(BEAT * 1.5)
        assert await owner.unfinished() == (item,)

    play(scenario)


@pytest.mark.parametrize("words", [0, 1])
def test_a_stop_is_heard_by_a_look_as_by_a_write(words: int) -> None:
    """Within a beat."""

    async def scenario(owner: Owner) -> None:
        item = owner.open_message()
        owner.say(item, "one")
        await asyncio.sleep(BEAT * 1.5)
        await owner.memory.request_stop(USER, owner.thread.id)
        owner.say(item, "two" * words)
        assert await owner.calls_within(BEAT) == ["checkpoint" if words else "is_stop_requested"]
        assert await owner.reason() is Reason.STOPPED

    play(scenario)


@pytest.mark.parametrize("words", [0, 1])
def test_a_turn_that_is_gone_is_noticed_by_a_look_as_by_a_write(words: int) -> None:
    """Then nothing more is asked or written."""

    async def scenario(owner: Owner) -> None:
        item = owner.open_message()
        owner.say(item, "one")
        await asyncio.sleep(BEAT * 1.5)
        await owner.memory.delete_thread(USER, owner.thread.id)
        owner.say(item, "two" * words)
        await asyncio.sleep(BEAT)
        assert await owner.reason() is Reason.GONE
        assert await owner.calls_within(60) == []

    play(scenario)


def test_a_heart_that_fails_beats_on() -> None:
    """Whatever the store says of one look, the next one is near."""

    async def scenario(owner: Owner) -> None:
        failures = iter([Unavailable("throttled"), InternalError("damaged"), KeyError("a fault of ours")])

        def fail(name: str) -> None:
            if error := next(failures, None):
                raise error

        owner.store.before = fail
        await asyncio.sleep(BEAT * 3.5)
        await owner.memory.request_stop(USER, owner.thread.id)
        await asyncio.sleep(BEAT)
        assert await owner.reason() is Reason.STOPPED

    play(scenario)


def test_the_end_stores_the_last_items_and_removes_the_row() -> None:
    """Any number of them; and the request is forgotten."""

    async def scenario(owner: Owner) -> None:
        items = [owner.message(str(number)) for number in range(MAX_ITEMS * 2 + 3)]
        await owner.keeper.end(items)
        assert await owner.stored() == items
        assert await owner.row() is None
        assert await owner.memory.find_request(USER, owner.turn.request_key) is None

    play(scenario)


@pytest.mark.parametrize("is_done", [False, True])
def test_an_end_whose_answer_is_lost_is_tried_again(is_done: bool) -> None:
    """Whether the first attempt was done or not, the items are there, and it has succeeded."""

    async def scenario(owner: Owner) -> None:
        failures = iter([Unavailable("lost")])

        def fail(name: str) -> None:
            if name == "end_turn" and (error := next(failures, None)):
                raise error

        if is_done:
            owner.store.after = fail
        else:
            owner.store.before = fail
        item = owner.message("last")
        await owner.keeper.end([item])
        assert await owner.stored() == [item]
        assert await owner.row() is None

    play(scenario)


def lose_an_end(owner: Owner, *, is_done: bool) -> None:
    """The first call that ends the turn fails: behind what it does, or before."""
    failures = iter([Unavailable("lost")])

    def fail(name: str) -> None:
        if name == "end_turn" and (error := next(failures, None)):
            raise error

    if is_done:
        owner.store.after = fail
    else:
        owner.store.before = fail


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("is_done", [False, True])
def test_an_end_without_items_whose_answer_is_lost_has_succeeded(is_done: bool, failed: bool) -> None:
    """As most ends are: all items were stored before."""

    async def scenario(owner: Owner) -> None:
        lose_an_end(owner, is_done=is_done)
        await owner.keeper.end(failed=failed)
        assert await owner.row() is None

    play(scenario)


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("by", ["another request", "a deletion"])
def test_an_end_without_items_that_somebody_else_made_is_not_taken_for_ones_own(by: str, failed: bool) -> None:
    """The request is remembered then. Else the turn's end would be told twice, each time as another one."""

    async def scenario(owner: Owner) -> None:
        lose_an_end(owner, is_done=False)
        ending = owner.keeper.end(failed=failed)
        if by == "a deletion":
            await owner.memory.delete_thread(USER, owner.thread.id)
        else:
            await owner.memory.end_turn(
                USER, owner.thread.id, owner.turn.id, request_key=owner.turn.request_key, closed_at=now()
            )
        with pytest.raises(TurnGone):
            await ending

    play(scenario)


def test_an_end_that_somebody_else_made_meanwhile_is_not_taken_for_ones_own() -> None:
    """The turn was closed with what its checkpoint held: what was to be stored last is not stored."""

    async def scenario(owner: Owner) -> None:
        item = owner.message("last")
        failures = iter([Unavailable("throttled")])

        def fail(name: str) -> None:
            if name == "end_turn" and (error := next(failures, None)):
                raise error

        owner.store.before = fail
        ending = owner.keeper.end([item])
        older = item.model_copy(update={"content": spoken("la")})
        await owner.memory.end_turn(USER, owner.thread.id, owner.turn.id, items=[older])
        with pytest.raises(TurnGone):
            await ending
        assert await owner.stored() == [older]

    play(scenario)

"""What every store promises of turns: `functions.store.base.Store`."""

import asyncio
import base64
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from functions.errors import InternalError, NotFound, ThreadUnavailable
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ActiveStatus, ClosedStatus, LockedStatus, ThreadMetadata
from functions.store.base import MAX_ITEMS, MAX_PAGE, MAX_REQUEST_KEY, Store, Turn, TurnGone, TurnRunning
from tests.support.threads import (
    NEW_IDS,
    assistant_message,
    hidden_context,
    new_thread,
    new_turn,
    new_user,
    user_message,
)

pytestmark = pytest.mark.anyio

LATER = datetime(2040, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
INCOMPRESSIBLE = base64.b64encode(random.Random(4).randbytes(750_000)).decode()


async def _items(store: Store, user: str, thread_id: str) -> list[ThreadItem]:
    page = await store.list_items(user, thread_id, after=None, limit=MAX_PAGE, order="asc", hidden=True)
    assert not page.has_more
    return page.data


async def _with_turn(store: Store, turn: Turn) -> tuple[str, ThreadMetadata]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [], turn=turn)
    return user, thread


async def _begin(store: Store, way: str, user: str, thread: ThreadMetadata, items: list, turn: Turn) -> ThreadMetadata:
    if way == "create_thread":
        await store.create_thread(user, thread, items, turn=turn)
        return thread
    if way == "add_items":
        return await store.add_items(user, thread.id, items, turn=turn)
    return await store.begin_turn(user, thread.id, turn, items=items)


on_a_thread = pytest.mark.parametrize("way", ["add_items", "begin_turn"])
each_way = pytest.mark.parametrize("way", ["create_thread", "add_items", "begin_turn"])


@each_way
@pytest.mark.parametrize("request_key", ["", "k" * MAX_REQUEST_KEY])
async def test_a_turn_begins_with_its_items(store: Store, way: str, request_key: str) -> None:
    """A turn is read back as it began, the items that came with it are stored, and the thread is returned."""
    user, thread = new_user(), new_thread(title="A title")
    turn = new_turn(assistant_message(thread.id, "par\x00tial ☃"), hidden_context(thread.id), request_key=request_key)
    message = user_message(thread.id)
    if way != "create_thread":
        await store.create_thread(user, thread, [])
        assert await store.load_turn(user, thread.id) is None
    assert await _begin(store, way, user, thread, [message], turn) == thread
    assert await store.load_turn(user, thread.id) == turn
    assert await _items(store, user, thread.id) == [message]


@on_a_thread
@pytest.mark.parametrize("lease", [timedelta(seconds=60), timedelta(days=-400)], ids=["alive", "expired"])
async def test_a_thread_has_one_turn(store: Store, way: str, lease: timedelta) -> None:
    """While a turn's row is there, its lease run out or not, another is refused with that row, and writes nothing."""
    turn = new_turn(request_key="first", lease=lease)
    user, thread = await _with_turn(store, turn)
    answer = assistant_message(thread.id)
    await store.checkpoint(user, thread.id, turn.id, lease_until=turn.lease_until, items=[answer])
    await store.request_stop(user, thread.id)
    with pytest.raises(TurnRunning) as caught:
        await _begin(store, way, user, thread, [user_message(thread.id)], new_turn())
    assert caught.value.turn == replace(turn, items=(answer,), stop_requested=True, version=1)
    assert caught.value.turn == await store.load_turn(user, thread.id)
    assert await _items(store, user, thread.id) == []


@on_a_thread
async def test_of_turns_that_begin_at_once_one_wins(store: Store, way: str) -> None:
    """Many turns that really begin at once: exactly one does, the others are told of it, and only its item is stored."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    for _ in range(3):
        turns = {new_turn(): user_message(thread.id) for _ in range(5)}
        before = await _items(store, user, thread.id)
        outcomes = await asyncio.gather(
            *(_begin(store, way, user, thread, [message], turn) for turn, message in turns.items()),
            return_exceptions=True,
        )
        [winner] = [turn for turn, outcome in zip(turns, outcomes, strict=True) if outcome == thread]
        lost = [outcome for outcome in outcomes if isinstance(outcome, TurnRunning)]
        assert [outcome.turn for outcome in lost] == [winner] * 4
        assert await store.load_turn(user, thread.id) == winner
        assert await _items(store, user, thread.id) == [*before, turns[winner]]
        await store.end_turn(user, thread.id, winner.id)


async def test_items_without_a_turn_are_added_beside_one(store: Store) -> None:
    """`add_items` without a turn neither minds nor changes the one that runs."""
    turn = new_turn()
    user, thread = await _with_turn(store, turn)
    message = user_message(thread.id)
    assert await store.add_items(user, thread.id, [message]) == thread
    assert await _items(store, user, thread.id) == [message]
    assert await store.load_turn(user, thread.id) == turn


@on_a_thread
@pytest.mark.parametrize("status", [LockedStatus(), ClosedStatus()])
async def test_no_turn_begins_where_the_thread_takes_none(
    store: Store, way: str, status: LockedStatus | ClosedStatus
) -> None:
    """A thread that is gone, locked or closed refuses a turn, whether or not another runs, and nothing is written."""
    turn = new_turn()
    user, thread = await _with_turn(store, turn)
    await store.save_thread(user, thread.model_copy(update={"status": status}))
    for running in (turn, None):
        with pytest.raises(ThreadUnavailable, match=status.type):
            await _begin(store, way, user, thread, [user_message(thread.id)], new_turn())
        assert await store.load_turn(user, thread.id) == running
        if running:
            await store.end_turn(user, thread.id, turn.id)
    await store.delete_thread(user, thread.id)
    for missing in (thread, new_thread(), thread.model_copy(update={"id": "thr_1"})):
        with pytest.raises(NotFound):
            await _begin(store, way, user, missing, [], new_turn())
        assert await store.load_turn(user, missing.id) is None
    assert await _items(store, user, thread.id) == []


@each_way
async def test_the_same_turn_begins_once(store: Store, way: str) -> None:
    """The same call again, as after a lost answer, succeeds and changes nothing: not even what the turn did meanwhile."""
    user, thread, turn = new_user(), new_thread(), new_turn(request_key="key")
    message, answer = user_message(thread.id), assistant_message(thread.id)
    if way != "create_thread":
        await store.create_thread(user, thread, [])
    for _ in range(2):
        assert await _begin(store, way, user, thread, [message], turn) == thread
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[answer])
    closed = thread.model_copy(update={"status": ClosedStatus()})
    await store.save_thread(user, closed)
    again = await _begin(store, way, user, thread, [message], turn)
    assert again == (thread if way == "create_thread" else closed)
    running = replace(turn, lease_until=LATER, items=(answer,), version=1)
    assert await store.load_turn(user, thread.id) == running
    assert await _items(store, user, thread.id) == [message]
    assert await store.load_thread(user, thread.id) == closed


async def test_the_same_turn_with_other_new_items_is_a_fault(store: Store) -> None:
    """A turn that runs cannot begin once more with items that it did not begin with."""
    user, thread, turn = new_user(), new_thread(), new_turn()
    message = user_message(thread.id)
    await store.create_thread(user, thread, [message], turn=turn)
    with pytest.raises(InternalError):
        await store.add_items(user, thread.id, [message, user_message(thread.id)], turn=turn)
    with pytest.raises(InternalError):
        await store.create_thread(user, thread, [message], turn=new_turn())
    assert await _items(store, user, thread.id) == [message]
    assert await store.load_turn(user, thread.id) == turn


async def test_a_turn_begins_by_replacing_items(store: Store) -> None:
    """`begin_turn` replaces an item, as the output of a tool does; `add_items` refuses that, and begins no turn."""
    user, thread = new_user(), new_thread()
    old = assistant_message(thread.id, "old")
    await store.create_thread(user, thread, [old])
    new = old.model_copy(update={"content": assistant_message(thread.id, "new").content})
    with pytest.raises(InternalError):
        await store.add_items(user, thread.id, [new], turn=new_turn())
    assert await store.load_turn(user, thread.id) is None
    await store.begin_turn(user, thread.id, new_turn(), items=[new])
    assert await _items(store, user, thread.id) == [new]


@pytest.mark.parametrize("text", ["", "é" * 1_000, "\n" * 1_000_000, INCOMPRESSIBLE], ids=["0", "2 KB", "1 MB", "S3"])
async def test_a_checkpoint_is_read_back(store: Store, text: str) -> None:
    """Unfinished items of any size come back as they were, also where others were there before, larger or smaller."""
    user, thread = await _with_turn(store, turn := new_turn(request_key="key"))
    small = assistant_message(thread.id, "small")
    last = (small, hidden_context(thread.id, text))
    for number, items in enumerate(((assistant_message(thread.id, text),), (small,), last)):
        lease = LATER + timedelta(seconds=number)
        assert await store.checkpoint(user, thread.id, turn.id, lease_until=lease, items=items) is False
        now = replace(turn, lease_until=lease, items=items, version=number + 1)
        assert await store.load_turn(user, thread.id) == now
        with pytest.raises(TurnRunning) as caught:
            await store.begin_turn(user, thread.id, new_turn())
        assert caught.value.turn == now
    assert await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=None) is False
    assert await store.load_turn(user, thread.id) == replace(turn, lease_until=LATER, items=last, version=4)
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[])
    assert await store.load_turn(user, thread.id) == replace(turn, lease_until=LATER, version=5)
    assert await _items(store, user, thread.id) == []


async def test_a_turn_may_begin_with_what_is_large(store: Store) -> None:
    """A turn begins with large unfinished items beside large new ones, and a lease is the same instant in any zone."""
    user, thread = new_user(), new_thread()
    source = random.Random(5)
    items = [user_message(thread.id, source.randbytes(140_000).hex()) for _ in range(MAX_ITEMS)]
    lease = datetime(2040, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    unfinished = assistant_message(thread.id, source.randbytes(300_000).hex())
    turn = replace(new_turn(unfinished), lease_until=lease)
    await store.create_thread(user, thread, items, turn=turn)
    read = await store.load_turn(user, thread.id)
    assert read
    assert read == turn
    assert read.lease_until.utcoffset() == timedelta(0)
    last = await store.list_items(user, thread.id, after=None, limit=1, order="desc")
    assert last.data == items[-1:]


async def test_a_stop_is_heard_by_the_next_checkpoints(store: Store) -> None:
    """After `request_stop`, once or twice, every checkpoint says so, and every look; the next turn knows nothing."""
    user, thread = await _with_turn(store, turn := new_turn())
    assert await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[]) is False
    assert await store.is_stop_requested(user, thread.id, turn.id) is False
    assert await store.request_stop(user, thread.id) is True
    assert await store.request_stop(user, thread.id) is True
    assert await store.is_stop_requested(user, thread.id, turn.id) is True
    assert await store.load_turn(user, thread.id) == replace(turn, lease_until=LATER, stop_requested=True, version=1)
    for items in (None, [assistant_message(thread.id)]):
        assert await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=items) is True
    await store.end_turn(user, thread.id, turn.id)
    assert await store.request_stop(user, thread.id) is False
    await store.begin_turn(user, thread.id, new := new_turn())
    assert await store.checkpoint(user, thread.id, new.id, lease_until=LATER, items=None) is False


async def test_a_stop_needs_a_turn_and_a_thread(store: Store) -> None:
    """Without a turn there is nothing to stop; a thread that is gone, or another user's, is not found."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    assert await store.request_stop(user, thread.id) is False
    await store.begin_turn(user, thread.id, new_turn())
    await store.delete_thread(user, thread.id)
    for who, where in ((user, thread.id), (new_user(), thread.id), (user, NEW_IDS.new("thread")), (user, "thr_1")):
        with pytest.raises(NotFound):
            await store.request_stop(who, where)


@pytest.mark.parametrize("why", ["end", "takeover", "delete", "never", "another user"])
async def test_who_has_lost_its_turn_writes_nothing(store: Store, why: str) -> None:
    """Once a turn has ended, whatever is still written or asked under its id is refused, and changes nothing."""
    zombie = new_turn()
    user, thread = await _with_turn(store, zombie)
    kept = user_message(thread.id)
    await store.add_items(user, thread.id, [kept])
    writer, successor = user, None
    if why in {"end", "takeover"}:
        await store.end_turn(user, thread.id, zombie.id)
    if why == "takeover":
        await store.begin_turn(user, thread.id, successor := new_turn())
    if why == "delete":
        await store.delete_thread(user, thread.id)
    if why == "never":
        zombie, successor = new_turn(), zombie
    if why == "another user":
        writer, successor = new_user(), zombie
    answer = assistant_message(thread.id, INCOMPRESSIBLE)
    renamed = thread.model_copy(update={"title": "Brains"})
    for attempt in (
        store.checkpoint(writer, thread.id, zombie.id, lease_until=LATER, items=[answer]),
        store.checkpoint(writer, thread.id, zombie.id, lease_until=LATER, items=None),
        store.save_items(writer, thread.id, [answer], turn_id=zombie.id),
        store.save_items(writer, thread.id, [answer], turn_id=zombie.id, unfinished=[answer]),
        store.save_thread(writer, renamed, turn_id=zombie.id),
        store.delete_items(writer, thread.id, [kept.id], turn_id=zombie.id),
        store.delete_items(writer, thread.id, [], turn_id=zombie.id),
        store.end_turn(writer, thread.id, zombie.id, items=[answer]),
        store.end_turn(writer, thread.id, zombie.id, version=0),
        store.end_turn(writer, thread.id, zombie.id, version=0, request_key="key", closed_at=LATER),
        store.is_stop_requested(writer, thread.id, zombie.id),
    ):
        with pytest.raises(TurnGone):
            await attempt
    assert await store.load_turn(user, thread.id) == successor
    assert await _items(store, user, thread.id) == [kept]
    if why != "delete":
        assert await store.load_thread(user, thread.id) == thread
    if writer != user:
        assert await store.load_turn(writer, thread.id) is None


async def test_a_turn_writes_under_its_id(store: Store) -> None:
    """Who owns the turn stores and deletes items and renames the thread; each such write counts, and the rest stays."""
    turn = new_turn(assistant_message("", "unfinished"))
    user, thread = await _with_turn(store, turn)
    first, second = assistant_message(thread.id, "1"), assistant_message(thread.id, "2")
    await store.save_items(user, thread.id, [first, second], turn_id=turn.id)
    await store.save_feedback(user, thread.id, [first.id], "positive")
    await store.delete_items(user, thread.id, [first.id, NEW_IDS.new("message")], turn_id=turn.id)
    renamed = thread.model_copy(update={"title": "A title", "status": ClosedStatus()})
    await store.save_thread(user, renamed, turn_id=turn.id)
    assert await _items(store, user, thread.id) == [second]
    assert await store.load_feedback(user, thread.id) == {}
    assert await store.load_thread(user, thread.id) == renamed
    assert await store.load_turn(user, thread.id) == replace(turn, version=3)


# moto copies the whole table for each action of a transaction.
@pytest.mark.parametrize("adapter", ["memory", "ministack"], indirect=True)
async def test_many_items_are_deleted_under_a_turn(store: Store) -> None:
    """More items than a transaction takes are deleted under a turn's id."""
    user, thread = await _with_turn(store, turn := new_turn())
    items = [user_message(thread.id, str(number)) for number in range(125)]
    for start in range(0, 125, MAX_ITEMS):
        await store.save_items(user, thread.id, items[start : start + MAX_ITEMS], turn_id=turn.id)
    await store.delete_items(user, thread.id, [item.id for item in items[:-1]], turn_id=turn.id)
    assert await _items(store, user, thread.id) == items[-1:]


@pytest.mark.parametrize("text", ["short", INCOMPRESSIBLE], ids=["short", "S3"])
async def test_a_finished_item_leaves_the_checkpoint_as_it_is_stored(store: Store, text: str) -> None:
    """`save_items` replaces the checkpoint with what is still unfinished, and leaves lease and stop as they are."""
    turn = new_turn()
    user, thread = await _with_turn(store, turn)
    first, second = assistant_message(thread.id, f"1{text}"), assistant_message(thread.id, f"2{text}")
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[first, second])
    await store.request_stop(user, thread.id)
    for number, (done, left) in enumerate(((first, (second,)), (second, ()))):
        await store.save_items(user, thread.id, [done], turn_id=turn.id, unfinished=left)
        assert await store.load_turn(user, thread.id) == replace(
            turn, lease_until=LATER, items=left, stop_requested=True, version=number + 2
        )
    assert await _items(store, user, thread.id) == [first, second]


async def test_a_turn_ends_with_its_last_items(store: Store) -> None:
    """`end_turn` stores or replaces the last items and takes the row away; then it has ended, and another may begin."""
    user, thread = await _with_turn(store, turn := new_turn())
    answer, note = assistant_message(thread.id, "par"), hidden_context(thread.id)
    await store.save_items(user, thread.id, [answer], turn_id=turn.id)
    whole = answer.model_copy(update={"content": assistant_message("", "partly").content})
    await store.end_turn(user, thread.id, turn.id, items=[whole, note])
    assert await store.load_turn(user, thread.id) is None
    assert await _items(store, user, thread.id) == [whole, note]
    with pytest.raises(TurnGone):
        await store.end_turn(user, thread.id, turn.id, items=[answer])
    message, new = user_message(thread.id), new_turn()
    await store.add_items(user, thread.id, [message], turn=new)
    assert await store.load_turn(user, thread.id) == new
    assert await _items(store, user, thread.id) == [whole, note, message]


async def test_a_turn_ends_on_a_thread_that_was_closed(store: Store) -> None:
    """A turn that runs while its thread is being closed can still store what it has."""
    user, thread = await _with_turn(store, turn := new_turn())
    await store.save_thread(user, thread.model_copy(update={"status": ClosedStatus()}))
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[])
    await store.end_turn(user, thread.id, turn.id, items=[answer := assistant_message(thread.id)])
    assert await _items(store, user, thread.id) == [answer]
    await store.save_thread(user, thread.model_copy(update={"status": ActiveStatus()}))
    await store.begin_turn(user, thread.id, new_turn())


@pytest.mark.parametrize("sign_of_life", ["checkpoint", "save_items", "delete_items", "save_thread"])
async def test_a_turn_that_still_writes_is_not_ended_by_another(store: Store, sign_of_life: str) -> None:
    """Who closes an expired turn as it read it changes nothing where the owner has written since, and is told so."""
    turn = new_turn(lease=timedelta(days=-1))
    user, thread = await _with_turn(store, turn)
    partial = assistant_message(thread.id, "par")
    await store.checkpoint(user, thread.id, turn.id, lease_until=turn.lease_until, items=[partial])
    read = await store.load_turn(user, thread.id)
    assert read
    whole = partial.model_copy(update={"content": assistant_message("", "partly").content})
    if sign_of_life == "checkpoint":
        await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[whole])
    elif sign_of_life == "save_items":
        await store.save_items(user, thread.id, [whole], turn_id=turn.id)
    elif sign_of_life == "delete_items":
        await store.delete_items(user, thread.id, [partial.id], turn_id=turn.id)
    else:
        await store.save_thread(user, thread, turn_id=turn.id)
    before = await _items(store, user, thread.id)
    with pytest.raises(TurnRunning) as caught:
        await store.end_turn(user, thread.id, read.id, items=read.items, version=read.version)
    assert caught.value.turn == await store.load_turn(user, thread.id)
    assert await _items(store, user, thread.id) == before
    await store.end_turn(user, thread.id, read.id, version=caught.value.turn.version)
    assert await store.load_turn(user, thread.id) is None


async def test_a_stop_does_not_keep_an_expired_turn_from_being_closed(store: Store) -> None:
    """A stop that comes between the reading of a turn and its end is no write of its owner."""
    user, thread = await _with_turn(store, turn := new_turn())
    await store.request_stop(user, thread.id)
    await store.end_turn(user, thread.id, turn.id, version=turn.version)
    assert await store.load_turn(user, thread.id) is None


async def test_of_those_who_end_a_turn_at_once_one_wins(store: Store) -> None:
    """Readers that really close the same expired turn at once: one does, the others are told that it is gone."""
    user, thread = await _with_turn(store, turn := new_turn())
    items = [assistant_message(thread.id, str(number)) for number in range(5)]
    outcomes = await asyncio.gather(
        *(store.end_turn(user, thread.id, turn.id, items=[item], version=0) for item in items), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", *["TurnGone"] * 4]
    assert await _items(store, user, thread.id) == [items[outcomes.index(None)]]


async def test_a_checkpoint_meets_its_own_turns_writes(store: Store) -> None:
    """Checkpoints, guarded writes, stops and refused rivals that really come at once disturb one another in nothing."""
    user, thread = await _with_turn(store, turn := new_turn())
    answers = [assistant_message(thread.id, str(number)) for number in range(3)]
    outcomes = await asyncio.gather(
        *(store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[answer]) for answer in answers),
        *(store.save_items(user, thread.id, [answer], turn_id=turn.id) for answer in answers),
        store.request_stop(user, thread.id),
        store.begin_turn(user, thread.id, new_turn()),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes[:-1]} <= {bool, type(None)}
    assert isinstance(outcomes[-1], TurnRunning)
    running = await store.load_turn(user, thread.id)
    assert running
    assert (running.stop_requested, running.version) == (True, 6)
    assert await _items(store, user, thread.id) == answers


async def test_a_deleted_thread_has_no_turn(store: Store) -> None:
    """The turn goes with its thread: who runs it hears of it at the next checkpoint, and nothing comes back."""
    turn = new_turn()
    user, thread = await _with_turn(store, turn)
    await store.delete_thread(user, thread.id)
    assert await store.load_turn(user, thread.id) is None
    with pytest.raises(TurnGone):
        await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[assistant_message(thread.id)])
    with pytest.raises(NotFound):
        await store.delete_thread(user, thread.id)


async def test_a_turn_is_no_item(store: Store) -> None:
    """A running turn is in no list of items, and does not make a page longer."""
    message = user_message("")
    user, thread = await _with_turn(store, new_turn(assistant_message("")))
    await store.add_items(user, thread.id, [message])
    for order in ("asc", "desc"):
        page = await store.list_items(user, thread.id, after=None, limit=1, order=order, hidden=True)
        assert (page.data, page.has_more) == ([message], False)


async def test_bounds_of_a_turn(store: Store) -> None:
    """A turn keeps up to `MAX_ITEMS` items; naive times, twins and foreign ids are refused, and change nothing."""
    user, thread = await _with_turn(store, turn := new_turn())
    most = [assistant_message(thread.id) for _ in range(MAX_ITEMS)]
    many = [*most, assistant_message(thread.id)]
    twins = [most[0], most[0]]
    with pytest.raises(ValueError, match="items"):
        new_turn(*many)
    with pytest.raises(ValueError, match="items"):
        await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=many)
    with pytest.raises(ValueError, match="items"):
        await store.end_turn(user, thread.id, turn.id, items=many)
    with pytest.raises(ValueError, match="items"):
        await store.save_items(user, thread.id, most, turn_id=turn.id, unfinished=many)
    with pytest.raises(ValueError, match="turn"):
        await store.save_items(user, thread.id, most, unfinished=[])
    with pytest.raises(ValueError, match="characters"):
        new_turn(request_key="k" * (MAX_REQUEST_KEY + 1))
    with pytest.raises(ValueError, match="id"):
        replace(turn, id="turn_1")
    naive = LATER.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time"):
        replace(turn, lease_until=naive)
    with pytest.raises(ValueError, match="time"):
        await store.checkpoint(user, thread.id, turn.id, lease_until=naive, items=[])
    for wrong in (twins, [most[0].model_copy(update={"id": "msg_1"})]):
        with pytest.raises(InternalError):
            await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=wrong)
        with pytest.raises(InternalError):
            await store.end_turn(user, thread.id, turn.id, items=wrong)
    assert await store.load_turn(user, thread.id) == turn
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=most)
    assert await store.load_turn(user, thread.id) == replace(turn, lease_until=LATER, items=tuple(most), version=1)


async def test_a_thread_id_that_is_none_of_ours_has_no_turn(store: Store) -> None:
    """Such a thread is not found by any write of a turn, and no turn runs on it."""
    user, turn = new_user(), new_turn()
    answer = assistant_message("")
    assert await store.load_turn(user, "thr_1") is None
    for attempt in (
        store.checkpoint(user, "thr_1", turn.id, lease_until=LATER, items=[]),
        store.end_turn(user, "thr_1", turn.id),
        store.is_stop_requested(user, "thr_1", turn.id),
        store.save_items(user, "thr_1", [answer], turn_id=turn.id),
        store.delete_items(user, "thr_1", [answer.id], turn_id=turn.id),
    ):
        with pytest.raises(NotFound):
            await attempt

"""What every store promises of threads that are kept for a time: `functions.store.base.Store`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.errors import NotFound
from functions.protocol.threads import ThreadMetadata
from functions.store import keys, rows, table
from functions.store.base import Order, Store, TurnGone
from tests.contracts.conftest import TABLE, Adapter, rows_of
from tests.support.threads import assistant_message, new_thread, new_turn, new_user, user_message

pytestmark = pytest.mark.anyio

TIME = timedelta(days=30)
SECOND = timedelta(seconds=1)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Stands at a moment of its own: later than this machine's, so that nothing is dropped by who reads that one."""
    return Clock(datetime.now(UTC).replace(microsecond=250_000) + timedelta(days=1))


@pytest.fixture
def kept(adapter: Adapter, store: Store, clock: Clock) -> Store:
    """A store that keeps a thread for `TIME` behind its last use."""
    return adapter.keeping(TIME, clock)


async def _with_thread(store: Store) -> tuple[str, ThreadMetadata]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [user_message(thread.id)])
    return user, thread


async def _exists(store: Store, user: str, thread: ThreadMetadata) -> bool:
    listed = await store.list_threads(user, after=None, limit=10, order="asc")
    try:
        loaded = await store.load_thread(user, thread.id)
    except NotFound:
        assert listed.data == []
        return False
    assert listed.data == [loaded]
    return True


async def test_a_thread_has_its_time(kept: Store, clock: Clock) -> None:
    """A thread is there until its time is over, and then neither found nor listed."""
    user, thread = await _with_thread(kept)
    clock.now += TIME - SECOND
    assert await _exists(kept, user, thread)
    clock.now += 2 * SECOND
    assert not await _exists(kept, user, thread)


Use = Callable[[Store, str, ThreadMetadata], Awaitable[Any]]
USES: dict[str, Use] = {
    "save_thread": lambda store, user, thread: store.save_thread(user, thread),
    "add_items": lambda store, user, thread: store.add_items(user, thread.id, [user_message(thread.id)]),
    "add_items, turn": lambda store, user, thread: store.add_items(user, thread.id, [], turn=new_turn()),
    "begin_turn": lambda store, user, thread: store.begin_turn(user, thread.id, new_turn()),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_a_use_begins_the_time_anew(kept: Store, clock: Clock, use: Use) -> None:
    """A thread that is renamed, or takes a message or a turn, is kept for its whole time from then on."""
    user, thread = await _with_thread(kept)
    clock.now += TIME - SECOND
    await use(kept, user, thread)
    clock.now += TIME - SECOND
    assert await _exists(kept, user, thread)
    clock.now += 2 * SECOND
    assert not await _exists(kept, user, thread)


async def test_a_thread_past_its_time_is_not_found(kept: Store, clock: Clock) -> None:
    """No call finds it, none brings it back, and what it has left can be deleted."""
    user, thread = await _with_thread(kept)
    item = assistant_message(thread.id)
    clock.now += TIME + SECOND
    for attempt in (
        kept.save_thread(user, thread),
        kept.add_items(user, thread.id, [item]),
        kept.add_items(user, thread.id, [item], turn=new_turn()),
        kept.begin_turn(user, thread.id, new_turn()),
        kept.save_items(user, thread.id, [item]),
        kept.save_feedback(user, thread.id, [item.id], "positive"),
        kept.load_feedback(user, thread.id),
        kept.request_stop(user, thread.id),
        kept.delete_thread(user, thread.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert not await _exists(kept, user, thread)
    assert await kept.load_turn(user, thread.id) is None
    assert await kept.delete_contents(user, thread.id)
    assert (await kept.list_items(user, thread.id, after=None, limit=5, order="asc")).data == []


async def test_a_turn_ends_with_its_threads_time(kept: Store, clock: Clock) -> None:
    """A turn that outlives its thread's time stores nothing more."""
    user, thread = await _with_thread(kept)
    turn, item = new_turn(), assistant_message(thread.id)
    await kept.begin_turn(user, thread.id, turn)
    await kept.save_items(user, thread.id, [item], turn_id=turn.id)
    clock.now += TIME + SECOND
    for attempt in (
        kept.save_items(user, thread.id, [item], turn_id=turn.id),
        kept.save_thread(user, thread, turn_id=turn.id),
        kept.end_turn(user, thread.id, turn.id, items=[item]),
    ):
        with pytest.raises(TurnGone):
            await attempt


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_pages_are_filled_over_threads_past_their_time(
    kept: Store, clock: Clock, order: Order, limit: int
) -> None:
    """A run of threads past their time shortens no page, and `has_more` stays exact."""
    user = new_user()
    threads = [new_thread(title=str(number)) for number in range(15)]
    for thread in threads:
        await kept.create_thread(user, thread, [])
    clock.now += TIME - SECOND
    used = [threads[place] for place in (0, 11, 12)]
    for thread in used:
        await kept.save_thread(user, thread)
    clock.now += timedelta(minutes=1)
    expected = used[:: 1 if order == "asc" else -1]
    page = await kept.list_threads(user, after=None, limit=limit, order=order)
    assert (page.data, page.has_more) == (expected[:limit], limit < 3)
    rest = await kept.list_threads(user, after=page.data[-1].id, limit=3, order=order)
    assert (rest.data, rest.has_more) == (expected[limit:], False)


async def test_without_a_time_threads_are_kept(adapter: Adapter, store: Store, clock: Clock) -> None:
    """A store without a time keeps its threads for ever."""
    forever = adapter.keeping(None, clock)
    user, thread = await _with_thread(forever)
    clock.now += timedelta(days=100_000)
    assert await _exists(forever, user, thread)


on_dynamodb = pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)


@on_dynamodb
async def test_the_time_is_what_dynamodb_looks_at(adapter: Adapter, kept: Store, clock: Clock) -> None:
    """The thread's row, and no item's, has the attribute of the table's time to live, in whole seconds."""
    user, thread = await _with_thread(kept)
    assert _expiry(adapter, user, thread) == int((clock.now + TIME).timestamp()) + 1
    clock.now += SECOND
    await kept.begin_turn(user, thread.id, new_turn())
    assert _expiry(adapter, user, thread) == int((clock.now + TIME).timestamp()) + 1
    assert adapter.aws
    assert len(rows_of(adapter.aws, user, thread.id)) == 2
    partition = keys.items_partition(user, thread.id)
    items = adapter.aws.dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression=f"{table.PARTITION_KEY} = :partition AND begins_with({table.SORT_KEY}, :items)",
        ExpressionAttributeValues={":partition": {"S": str(partition)}, ":items": {"S": f"{keys.ITEMS}#"}},
    )["Items"]
    assert [table.TTL_ATTRIBUTE in item for item in items] == [False]


@on_dynamodb
@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_a_time_that_is_given_up_is_over_with_the_next_use(
    adapter: Adapter, kept: Store, clock: Clock, use: Use
) -> None:
    """Where a retention is taken back, a thread that had a time is kept for ever from its next use on."""
    forever = adapter.keeping(None, clock)
    user, thread = await _with_thread(kept)
    assert _expiry(adapter, user, thread)
    await use(forever, user, thread)
    assert _expiry(adapter, user, thread) is None
    clock.now += 2 * TIME
    assert await _exists(forever, user, thread)


def _expiry(adapter: Adapter, user: str, thread: ThreadMetadata) -> int | None:
    assert adapter.aws
    key = rows.key_row(keys.thread(user, thread.id))
    row = adapter.aws.dynamodb.get_item(TableName=TABLE, Key=key).get("Item", {})
    return int(row[table.TTL_ATTRIBUTE].get("N", "")) if table.TTL_ATTRIBUTE in row else None

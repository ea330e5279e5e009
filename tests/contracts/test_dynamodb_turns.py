"""What the DynamoDB store promises of turns beyond the port: what they cost, and what survives races and lost answers."""

import asyncio
import base64
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.errors import Unavailable
from functions.store import keys, rows, table
from functions.store.base import RequestRepeated, StartedRequest, Store, Turn, TurnGone, TurnRunning
from functions.store.large_items import item_prefix, thread_prefix
from tests.contracts.conftest import TABLE, Aws, on, rows_of
from tests.support.threads import assistant_message, new_thread, new_turn, new_user, user_message

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)]

LATER = datetime(2040, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
INCOMPRESSIBLE = base64.b64encode(random.Random(4).randbytes(480_000)).decode()


async def _with_turn(aws: Aws, store: Store, turn: Turn) -> tuple[str, str]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [], turn=turn)
    aws.operations.clear()
    return user, thread.id


def _row(aws: Aws, user: str, thread_id: str) -> dict[str, Any]:
    where = rows.key_row(keys.turn(user, thread_id))
    return aws.dynamodb.get_item(TableName=TABLE, Key=where).get("Item", {})


def _objects(aws: Aws, user: str, thread_id: str) -> list[str]:
    return [name for name in aws.objects() if name.startswith(thread_prefix(user, thread_id))]


def _written(client: Any, operation: str) -> Any:
    """Loses the answer of each call of `operation`: it is done, and the caller never hears of it."""

    def lose(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    client.meta.events.register(f"after-call.dynamodb.{operation}", lose, unique_id="lose")
    return lambda: client.meta.events.unregister(f"after-call.dynamodb.{operation}", unique_id="lose")


async def test_a_turn_costs_what_it_must(aws: Aws, store: Store) -> None:
    """A new thread with a turn, a checkpoint, a guarded write and the end are one request each."""
    user, thread, turn = new_user(), new_thread(), new_turn()
    answer = assistant_message(thread.id)
    aws.operations.clear()
    await store.create_thread(user, thread, [user_message(thread.id)], turn=turn)
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=[answer])
    await store.checkpoint(user, thread.id, turn.id, lease_until=LATER, items=None)
    await store.request_stop(user, thread.id)
    await store.save_items(user, thread.id, [answer], turn_id=turn.id, unfinished=[])
    await store.load_turn(user, thread.id)
    await store.end_turn(user, thread.id, turn.id, items=[answer])
    updates = ["UpdateItem"] * 3
    assert aws.operations == ["TransactWriteItems", *updates, "TransactWriteItems", "GetItem", "TransactWriteItems"]


@pytest.mark.parametrize("way", ["add_items", "begin_turn"])
async def test_a_turn_begins_in_one_round_trip(aws: Aws, store: Store, way: str) -> None:
    """The transaction and the read of the thread are under way at the same time: each waits for the other to begin."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    aws.operations.clear()
    both = threading.Barrier(2, timeout=120)
    with on(aws.dynamodb, "before-call.dynamodb", both.wait):
        if way == "add_items":
            await store.add_items(user, thread.id, [user_message(thread.id)], turn=new_turn())
        else:
            await store.begin_turn(user, thread.id, new_turn(), items=[user_message(thread.id)])
    assert sorted(aws.operations) == ["GetItem", "TransactWriteItems"]


async def test_a_turns_row_outlives_its_lease_by_a_day(aws: Aws, store: Store) -> None:
    """DynamoDB may drop the row of a turn that nobody closes, a day after its lease and not before."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    for lease in (turn.lease_until, LATER):
        await store.checkpoint(user, thread_id, turn.id, lease_until=lease, items=None)
        expires = int(_row(aws, user, thread_id)[table.TTL_ATTRIBUTE]["N"])
        assert timedelta(0) <= datetime.fromtimestamp(expires, UTC) - lease - timedelta(days=1) < timedelta(seconds=1)


async def test_a_checkpoint_of_text_is_small(aws: Aws, store: Store) -> None:
    """50 KB of text take a row of less than half of that, as each kilobyte of each checkpoint is paid."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    words = "".join(random.Random(6).choices(["the ", "and ", "lamb", "da", "stream", "ing ", "er", ". "], k=14_000))
    answer = assistant_message(thread_id, words)
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer])
    row = _row(aws, user, thread_id)
    assert len(words) > 45_000
    assert sum(len(next(iter(value.values()))) for value in row.values() if not value.keys() & {"BOOL", "N"}) < 20_000


async def test_checkpoints_in_s3_leave_nothing_behind(aws: Aws, store: Store) -> None:
    """Of checkpoints that are too large for a row only the last lies in S3; the turn's end takes away what is left."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    answer = assistant_message(thread_id, INCOMPRESSIBLE)
    other = assistant_message(thread_id, INCOMPRESSIBLE[::-1])
    for _ in range(3):
        await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer])
        [name] = _objects(aws, user, thread_id)
        assert name.startswith(item_prefix(user, thread_id, turn.id))
        assert user not in name
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[])
    assert _objects(aws, user, thread_id) == []
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer, other])
    await store.save_items(user, thread_id, [other], turn_id=turn.id, unfinished=[])
    aws.operations.clear()
    await store.end_turn(user, thread_id, turn.id, items=[answer], version=6)
    assert aws.operations.count("TransactWriteItems") == 2
    assert not [name for name in _objects(aws, user, thread_id) if turn.id in name]
    page = await store.list_items(user, thread_id, after=None, limit=5, order="asc")
    assert page.data == [answer, other]


async def test_a_refused_checkpoint_leaves_nothing_in_s3(aws: Aws, store: Store) -> None:
    """Where the turn has gone, what a checkpoint has put into S3 is taken away again; the successor's object stays."""
    user, thread_id = await _with_turn(aws, store, zombie := new_turn())
    await store.end_turn(user, thread_id, zombie.id)
    answer = assistant_message(thread_id, INCOMPRESSIBLE)
    await store.begin_turn(user, thread_id, successor := new_turn(answer))
    before = _objects(aws, user, thread_id)
    assert len(before) == 1
    for attempt in (
        store.checkpoint(user, thread_id, zombie.id, lease_until=LATER, items=[answer]),
        store.save_items(user, thread_id, [answer], turn_id=zombie.id, unfinished=[answer]),
        store.end_turn(user, thread_id, zombie.id, items=[answer]),
        store.begin_turn(user, thread_id, new_turn(answer)),
    ):
        with pytest.raises((TurnGone, TurnRunning)):
            await attempt
    assert _objects(aws, user, thread_id) == before
    assert await store.load_turn(user, thread_id) == successor


async def test_a_deletion_takes_the_turn_at_once(aws: Aws, store: Store) -> None:
    """Once a thread is deleted, its turn's writes are refused, also amid the sweep, and leave nothing."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    answer = assistant_message(thread_id, INCOMPRESSIBLE)
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer])
    refused: list[type] = []

    def write() -> None:
        for attempt in (
            store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer]),
            store.save_items(user, thread_id, [answer], turn_id=turn.id),
            store.end_turn(user, thread_id, turn.id, items=[answer]),
        ):
            try:
                asyncio.run(attempt)
            except TurnGone as error:
                refused.append(type(error))

    await store.delete_thread(user, thread_id)
    with on(aws.dynamodb, "before-call.dynamodb.Query", write):
        assert await store.delete_contents(user, thread_id)
    assert refused == [TurnGone] * 3
    assert rows_of(aws, user, thread_id) == []
    assert _objects(aws, user, thread_id) == []


async def test_a_thread_deleted_amid_checkpoints_leaves_nothing(aws: Aws, store: Store) -> None:
    """A turn and a deletion that really run at once: each write is done or refused, and in the end nothing remains."""
    for _ in range(3):
        user, thread_id = await _with_turn(aws, store, turn := new_turn())
        answer = assistant_message(thread_id, INCOMPRESSIBLE)
        writes: list[Any] = [
            store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer]) for _ in range(4)
        ]
        writes += [store.delete_thread(user, thread_id), store.end_turn(user, thread_id, turn.id, items=[answer])]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {bool, type(None), TurnGone}
        assert outcomes[4] is None
        assert await store.load_turn(user, thread_id) is None
        assert await store.delete_contents(user, thread_id)
        assert rows_of(aws, user, thread_id) == []
        assert _objects(aws, user, thread_id) == []


async def test_a_checkpoint_replaced_while_it_is_read(aws: Aws, store: Store) -> None:
    """Where the object of a checkpoint goes between the reading of its row and its own, the newer one is read."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    first, second = (assistant_message(thread_id, text) for text in (INCOMPRESSIBLE, INCOMPRESSIBLE[::-1]))
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[first])
    left = iter([[second], []])

    def replace_it() -> None:
        if (items := next(left, None)) is not None:
            asyncio.run(store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=items))

    with on(aws.s3, "before-call.s3.GetObject", replace_it):
        read = await store.load_turn(user, thread_id)
        assert read
        assert (read.items, read.version) == ((), 3)
        await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[first])
    left = iter([[second]])
    with on(aws.s3, "before-call.s3.GetObject", replace_it), pytest.raises(TurnRunning) as caught:
        await store.begin_turn(user, thread_id, new_turn())
    assert caught.value.turn.items == (second,)


async def test_a_turn_that_ended_while_it_was_met(aws: Aws, store: Store) -> None:
    """Where the turn that refuses another ends before its large checkpoint is read, the refusal names it, without items."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn(request_key="key"))
    answer = assistant_message(thread_id, INCOMPRESSIBLE)
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer])
    ended: list[None] = []

    def end() -> None:
        if not ended:
            ended.append(asyncio.run(store.end_turn(user, thread_id, turn.id)))

    with on(aws.s3, "before-call.s3.GetObject", end), pytest.raises(TurnRunning) as caught:
        await store.begin_turn(user, thread_id, new_turn())
    assert (caught.value.turn.id, caught.value.turn.request_key, caught.value.turn.items) == (turn.id, "key", ())
    assert await store.load_turn(user, thread_id) is None


@pytest.mark.parametrize("way", ["create_thread", "add_items", "begin_turn"])
async def test_a_turn_whose_beginning_was_not_heard_of(aws: Aws, store: Store, way: str) -> None:
    """Where the answer to the first write is lost, the same call begins no second turn, and loses no large item."""
    user, thread, turn = new_user(), new_thread(), new_turn(request_key="key")
    message = user_message(thread.id, INCOMPRESSIBLE)
    if way != "create_thread":
        await store.create_thread(user, thread, [])

    async def begin(turn: Turn) -> None:
        if way == "create_thread":
            await store.create_thread(user, thread, [message], turn=turn)
        elif way == "add_items":
            await store.add_items(user, thread.id, [message], turn=turn)
        else:
            await store.begin_turn(user, thread.id, turn, items=[message])

    heard = _written(aws.dynamodb, "TransactWriteItems")
    with pytest.raises(Unavailable):
        await begin(turn)
    heard()
    await begin(turn)
    assert await store.load_turn(user, thread.id) == turn
    assert await store.load_item(user, thread.id, message.id) == message
    if way != "create_thread":
        with pytest.raises(TurnRunning) as caught:
            await begin(new_turn(request_key="another"))
        assert caught.value.turn.request_key == turn.request_key
    with pytest.raises(RequestRepeated) as repeated:
        await begin(new_turn(request_key="key"))
    assert repeated.value.started == StartedRequest(thread_id=thread.id, turn_id=turn.id)
    assert rows_of(aws, user, thread.id)[-1] == keys.TURN


async def test_writes_of_a_turn_that_were_not_heard_of(aws: Aws, store: Store) -> None:
    """A checkpoint that was done, but not heard of, is overwritten by the next; an end then finds the turn gone."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    answer = assistant_message(thread_id, INCOMPRESSIBLE)
    heard = _written(aws.dynamodb, "UpdateItem")
    with pytest.raises(Unavailable):
        await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer])
    heard()
    read = await store.load_turn(user, thread_id)
    assert read
    assert read.items == (answer,)
    await store.checkpoint(user, thread_id, turn.id, lease_until=LATER, items=[answer])
    assert len(_objects(aws, user, thread_id)) == 1


async def test_an_end_that_was_not_heard_of(aws: Aws, store: Store) -> None:
    """A guarded write that was done, but not heard of, is repeated; after such an end the turn is gone, not its items."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    answer, last = assistant_message(thread_id, INCOMPRESSIBLE), assistant_message(thread_id, INCOMPRESSIBLE[::-1])
    heard = _written(aws.dynamodb, "TransactWriteItems")
    with pytest.raises(Unavailable):
        await store.save_items(user, thread_id, [answer], turn_id=turn.id)
    heard()
    await store.save_items(user, thread_id, [answer], turn_id=turn.id)
    heard = _written(aws.dynamodb, "TransactWriteItems")
    with pytest.raises(Unavailable):
        await store.end_turn(user, thread_id, turn.id, items=[last])
    heard()
    assert await store.load_turn(user, thread_id) is None
    with pytest.raises(TurnGone):
        await store.end_turn(user, thread_id, turn.id, items=[last])
    page = await store.list_items(user, thread_id, after=None, limit=5, order="asc")
    assert page.data == [answer, last]

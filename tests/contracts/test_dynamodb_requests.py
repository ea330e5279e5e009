"""What the DynamoDB store promises of repeated requests beyond the port: what they cost, and what survives lost answers."""

import base64
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.errors import InternalError, Unavailable
from functions.store import keys, rows, table
from functions.store.base import RequestRepeated, StartedRequest, Store, Turn, TurnGone
from functions.store.large_items import thread_prefix
from tests.contracts.conftest import TABLE, Aws
from tests.support.threads import assistant_message, new_thread, new_turn, new_user, user_message

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)]

NOON = datetime(2040, 1, 2, 12, 0, 0, 678901, tzinfo=UTC)
INCOMPRESSIBLE = base64.b64encode(random.Random(7).randbytes(480_000)).decode()


def _keyed() -> Turn:
    return new_turn(request_key="key")


async def _with_turn(aws: Aws, store: Store, turn: Turn) -> tuple[str, str]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [], turn=turn)
    aws.operations.clear()
    return user, thread.id


def _where(user: str) -> Any:
    where = keys.request(user, "key")
    assert where
    return rows.key_row(where)


def _row(aws: Aws, user: str) -> dict[str, Any]:
    return aws.dynamodb.get_item(TableName=TABLE, Key=_where(user)).get("Item", {})


@contextmanager
def _unheard(aws: Aws) -> Iterator[None]:
    """Each transaction is done, and the caller, which is told `Unavailable`, never hears of it."""

    def lose(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    event = "after-call.dynamodb.TransactWriteItems"
    aws.dynamodb.meta.events.register(event, lose)
    try:
        with pytest.raises(Unavailable):
            yield
    finally:
        aws.dynamodb.meta.events.unregister(event, lose)


async def test_a_key_costs_no_request(aws: Aws, store: Store) -> None:
    """With a request key, too, a turn's begin and its end are one request each, and so is whatever is asked between."""
    user, thread, turn = new_user(), new_thread(), _keyed()
    aws.operations.clear()
    await store.create_thread(user, thread, [user_message(thread.id)], turn=turn)
    with pytest.raises(RequestRepeated):
        await store.create_thread(user, new_thread(), [], turn=_keyed())
    await store.find_request(user, "key")
    await store.is_stop_requested(user, thread.id, turn.id)
    await store.end_turn(user, thread.id, turn.id, items=[assistant_message(thread.id)], request_key="key")
    await store.forget_request(user, "key", turn.id)
    ends = ["TransactWriteItems"] * 2
    assert aws.operations == ["TransactWriteItems", "TransactWriteItems", "GetItem", "GetItem", *ends]
    aws.operations.clear()
    await store.begin_turn(user, thread.id, turn := _keyed())
    await store.end_turn(user, thread.id, turn.id, version=0, request_key="key", closed_at=NOON)
    assert sorted(aws.operations) == ["GetItem", *ends]


async def test_looking_for_a_stop_reads_no_items(aws: Aws, store: Store) -> None:
    """However much a turn has unfinished, in its row or in S3, the look takes none of it along."""
    user, thread_id = await _with_turn(aws, store, turn := new_turn())
    answers: list[dict[str, Any]] = []
    aws.dynamodb.meta.events.register(
        "after-call.dynamodb.GetItem", lambda parsed, **_: answers.append(parsed["Item"]), unique_id="look"
    )
    for text in ("short", INCOMPRESSIBLE):
        answer = assistant_message(thread_id, text)
        await store.checkpoint(user, thread_id, turn.id, lease_until=NOON, items=[answer])
        aws.operations.clear()
        assert await store.is_stop_requested(user, thread_id, turn.id) is False
        assert aws.operations == ["GetItem"]
    aws.dynamodb.meta.events.unregister("after-call.dynamodb.GetItem", unique_id="look")
    assert answers == [{"turn": {"S": turn.id}, "stop": {"BOOL": False}}] * 2


async def test_a_request_is_kept_a_day_behind_its_turns_first_lease(aws: Aws, store: Store) -> None:
    """DynamoDB may drop what nobody forgets a day after the lease that its turn began with, closed or not."""
    user, thread_id = await _with_turn(aws, store, turn := _keyed())
    await store.checkpoint(user, thread_id, turn.id, lease_until=NOON, items=None)
    open_row = _row(aws, user)
    expires = datetime.fromtimestamp(int(open_row[table.TTL_ATTRIBUTE]["N"]), UTC)
    assert timedelta(0) <= expires - turn.lease_until - timedelta(days=1) < timedelta(seconds=1)
    await store.end_turn(user, thread_id, turn.id, request_key="key", closed_at=NOON)
    assert _row(aws, user) == {**open_row, "closed": {"S": NOON.isoformat()}}


async def test_a_refused_repeat_leaves_nothing_in_s3(aws: Aws, store: Store) -> None:
    """What a repeat has put into S3 is taken away again."""
    user, thread_id = await _with_turn(aws, store, _keyed())
    for attempt in (
        store.add_items(user, thread_id, [user_message(thread_id, INCOMPRESSIBLE)], turn=_keyed()),
        store.begin_turn(user, thread_id, _keyed(), items=[user_message(thread_id, INCOMPRESSIBLE)]),
        store.begin_turn(user, thread_id, new_turn(assistant_message(thread_id, INCOMPRESSIBLE), request_key="key")),
    ):
        with pytest.raises(RequestRepeated):
            await attempt
    assert not [name for name in aws.objects() if name.startswith(thread_prefix(user, thread_id))]


@pytest.mark.parametrize("closed_at", [None, NOON], ids=["own end", "closed"])
async def test_an_end_that_was_not_heard_of_has_ended_its_request(
    aws: Aws, store: Store, closed_at: datetime | None
) -> None:
    """Where an end was done, and its answer lost, the request is as the end said; the same end then finds no turn."""
    user, thread_id = await _with_turn(aws, store, turn := _keyed())
    with _unheard(aws):
        await store.end_turn(user, thread_id, turn.id, request_key="key", closed_at=closed_at)
    expected = StartedRequest(thread_id=thread_id, turn_id=turn.id, closed_at=closed_at) if closed_at else None
    assert await store.find_request(user, "key") == expected
    with pytest.raises(TurnGone):
        await store.end_turn(user, thread_id, turn.id, request_key="key", closed_at=closed_at)
    assert await store.find_request(user, "key") == expected


async def test_a_request_that_was_forgotten_unheard_of_begins_anew(aws: Aws, store: Store) -> None:
    """Where the answer to `forget_request` is lost, calling it again does nothing to the request's next turn."""
    user, thread_id = await _with_turn(aws, store, turn := _keyed())
    await store.end_turn(user, thread_id, turn.id)
    with _unheard(aws):
        await store.forget_request(user, "key", turn.id)
    await store.begin_turn(user, thread_id, successor := _keyed())
    await store.forget_request(user, "key", turn.id)
    assert await store.find_request(user, "key") == StartedRequest(thread_id=thread_id, turn_id=successor.id)


async def test_a_turn_that_was_closed_before_its_beginning_was_heard_of(aws: Aws, store: Store) -> None:
    """A turn that began unheard of, and was closed by another, does not begin once more: its request was done."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    message, turn = user_message(thread.id), _keyed()
    with _unheard(aws):
        await store.add_items(user, thread.id, [message], turn=turn)
    await store.end_turn(user, thread.id, turn.id, version=0, request_key="key", closed_at=NOON)
    closed = StartedRequest(thread_id=thread.id, turn_id=turn.id, closed_at=NOON)
    for begin in (
        store.add_items(user, thread.id, [message], turn=turn),
        store.begin_turn(user, thread.id, turn, items=[message]),
        store.add_items(user, thread.id, [user_message(thread.id)], turn=_keyed()),
    ):
        with pytest.raises(RequestRepeated) as caught:
            await begin
        assert caught.value.started == closed
    assert await store.load_turn(user, thread.id) is None
    assert await store.find_request(user, "key") == closed
    page = await store.list_items(user, thread.id, after=None, limit=5, order="asc")
    assert page.data == [message]


@pytest.mark.parametrize("closed_at", [None, NOON], ids=["own end", "closed"])
async def test_an_end_that_meets_anothers_request_and_what_lies_in_s3(
    aws: Aws, store: Store, closed_at: datetime | None
) -> None:
    """A turn that has checkpoints in S3, and whose request was dropped, ends after all, and leaves nothing there."""
    user, thread_id = await _with_turn(aws, store, turn := _keyed())
    answer = assistant_message(thread_id, INCOMPRESSIBLE)
    await store.checkpoint(user, thread_id, turn.id, lease_until=NOON, items=[answer])
    await store.forget_request(user, "key", turn.id)
    other = new_thread()
    await store.create_thread(user, other, [], turn=(running := _keyed()))
    aws.operations.clear()
    await store.end_turn(user, thread_id, turn.id, items=[answer], request_key="key", closed_at=closed_at)
    assert aws.operations.count("TransactWriteItems") == 3
    assert await store.find_request(user, "key") == StartedRequest(thread_id=other.id, turn_id=running.id)
    assert await store.load_turn(user, thread_id) is None
    assert await store.load_item(user, thread_id, answer.id) == answer
    [name] = [name for name in aws.objects() if name.startswith(thread_prefix(user, thread_id))]
    assert answer.id in name


async def test_a_damaged_request_is_a_fault(aws: Aws, store: Store) -> None:
    """A row that is none of ours is an error for the operator, both where it is read and where it refuses a turn."""
    user, thread_id = await _with_turn(aws, store, turn := _keyed())
    await store.end_turn(user, thread_id, turn.id)
    aws.dynamodb.put_item(TableName=TABLE, Item={**_where(user), "turn": {"S": "other"}})
    with pytest.raises(InternalError, match="damaged"):
        await store.find_request(user, "key")
    with pytest.raises(InternalError, match="damaged"):
        await store.begin_turn(user, thread_id, _keyed())

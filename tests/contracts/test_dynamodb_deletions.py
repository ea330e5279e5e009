"""Deletions on DynamoDB: what they cost, what they leave for later, and what survives races and broken calls."""

import asyncio
import base64
import random
from typing import Any

import pytest

from functions.errors import NotFound
from functions.protocol.items import ThreadItem
from functions.store import keys, table
from functions.store.base import MAX_ITEMS, Store
from functions.store.large_items import thread_prefix
from tests.contracts.conftest import TABLE, Aws, on, rows_of
from tests.support.threads import assistant_message, new_thread, new_user, user_message

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)]

INCOMPRESSIBLE = base64.b64encode(random.Random(3).randbytes(680_000)).decode()


def _objects(aws: Aws, user: str, thread_id: str) -> list[str]:
    return [name for name in aws.objects() if name.startswith(thread_prefix(user, thread_id))]


async def _with_items(store: Store, items: list[ThreadItem]) -> tuple[str, str]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    for start in range(0, len(items), MAX_ITEMS):
        await store.save_items(user, thread.id, items[start : start + MAX_ITEMS])
    return user, thread.id


async def test_a_deletion_is_one_request(aws: Aws, store: Store) -> None:
    """However much is in a thread, deleting it is one transaction; the rest stays for whoever comes later."""
    user, thread_id = await _with_items(store, [user_message("", str(number)) for number in range(30)])
    aws.operations.clear()
    await store.delete_thread(user, thread_id)
    assert aws.operations == ["TransactWriteItems"]
    assert len(rows_of(aws, user, thread_id)) == 30


async def test_what_is_left_goes_in_batches(aws: Aws, store: Store) -> None:
    """Two reads of the thread, one list of the bucket, then one request for 25 rows; none once nothing is left."""
    user, thread_id = await _with_items(store, [user_message("", str(number)) for number in range(60)])
    await store.delete_thread(user, thread_id)
    aws.operations.clear()
    assert await store.delete_contents(user, thread_id)
    assert aws.operations == ["GetItem", "GetItem", "ListObjectsV2", "Query", *["BatchWriteItem"] * 3]
    assert rows_of(aws, user, thread_id) == []
    aws.operations.clear()
    assert await store.delete_contents(user, thread_id)
    assert aws.operations == ["GetItem", "GetItem", "ListObjectsV2", "Query"]


async def test_more_than_one_answer_holds_is_deleted(aws: Aws, store: Store) -> None:
    """Rows of several megabytes, which DynamoDB lists in several answers, all go."""
    user, thread_id = await _with_items(store, [user_message("", "x" * 290_000) for _ in range(9)])
    await store.delete_thread(user, thread_id)
    aws.operations.clear()
    assert await store.delete_contents(user, thread_id)
    assert aws.operations.count("Query") > 1
    assert rows_of(aws, user, thread_id) == []


async def test_whatever_lies_in_a_thread_goes_with_it(aws: Aws, store: Store) -> None:
    """Feedback, a turn, each version of an item in S3: all of a thread goes, and nothing of another's or of a user's."""
    user, thread, other = new_user(), new_thread(), new_thread()
    kept, large = user_message(other.id, INCOMPRESSIBLE), user_message(thread.id, INCOMPRESSIBLE)
    await store.create_thread(user, other, [kept])
    await store.create_thread(user, thread, [large])
    await store.save_items(user, thread.id, [large.model_copy(update={"quoted_text": "a second version"})])
    await store.save_feedback(user, thread.id, [large.id], "positive")
    turn = keys.turn(user, thread.id)
    key: Any = {table.PARTITION_KEY: {"S": turn.partition}, table.SORT_KEY: {"S": turn.sort}}
    await store.delete_thread(user, thread.id)
    aws.dynamodb.put_item(TableName=TABLE, Item=key)
    assert (len(rows_of(aws, user, thread.id)), len(_objects(aws, user, thread.id))) == (3, 2)
    assert await store.delete_contents(user, thread.id)
    assert (rows_of(aws, user, thread.id), _objects(aws, user, thread.id)) == ([], [])
    assert await store.load_item(user, other.id, kept.id) == kept


async def test_a_thread_that_is_there_keeps_what_it_has(aws: Aws, store: Store) -> None:
    """`delete_contents` of a thread that exists does nothing, and says so; nor is another user's touched by it."""
    user, thread_id = await _with_items(store, [large := user_message("", INCOMPRESSIBLE)])
    before = rows_of(aws, user, thread_id), _objects(aws, user, thread_id)
    assert not await store.delete_contents(user, thread_id)
    assert await store.delete_contents(new_user(), thread_id)
    assert (rows_of(aws, user, thread_id), _objects(aws, user, thread_id)) == before
    assert await store.load_item(user, thread_id, large.id) == large


@pytest.mark.parametrize("at", ["dynamodb.Query", "dynamodb.BatchWriteItem", "s3.ListObjectsV2", "s3.DeleteObjects"])
async def test_a_deletion_that_broke_off_is_finished_by_the_next(aws: Aws, store: Store, at: str) -> None:
    """Wherever it is broken off, the thread stays gone and the next call deletes what is left, in S3 too."""
    items: list[ThreadItem] = [user_message("", str(number)) for number in range(30)]
    user, thread_id = await _with_items(store, [user_message("", INCOMPRESSIBLE), *items])
    await store.delete_thread(user, thread_id)
    calls = 0

    def break_off() -> None:
        nonlocal calls
        calls += 1
        # Of the two batches the second breaks off.
        if calls == (2 if at == "dynamodb.BatchWriteItem" else 1):
            raise InterruptedError

    client = aws.s3 if at.startswith("s3") else aws.dynamodb
    with on(client, f"before-call.{at}", break_off), pytest.raises(InterruptedError):
        await store.delete_contents(user, thread_id)
    with pytest.raises(NotFound):
        await store.load_thread(user, thread_id)
    assert rows_of(aws, user, thread_id)
    assert await store.delete_contents(user, thread_id)
    assert (rows_of(aws, user, thread_id), _objects(aws, user, thread_id)) == ([], [])


async def test_nothing_comes_into_a_thread_that_is_being_deleted(aws: Aws, store: Store) -> None:
    """Once a thread is deleted, every write to it is refused, also amid the sweep, and nothing of it remains."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [user_message(thread.id)])
    refused: list[type] = []

    def write() -> None:
        for attempt in (
            store.save_items(user, thread.id, [assistant_message(thread.id)]),
            store.add_items(user, thread.id, [user_message(thread.id)]),
            store.save_thread(user, thread),
        ):
            try:
                asyncio.run(attempt)
            except NotFound as error:
                refused.append(type(error))

    await store.delete_thread(user, thread.id)
    with on(aws.dynamodb, "before-call.dynamodb.Query", write):
        assert await store.delete_contents(user, thread.id)
    assert refused == [NotFound] * 3
    assert rows_of(aws, user, thread.id) == []


async def test_a_thread_deleted_amid_writes_never_comes_back(aws: Aws, store: Store) -> None:
    """Writers and a deletion that really run at once: each write is done or refused, and in the end nothing remains."""
    user = new_user()
    for _ in range(5):
        thread = new_thread()
        await store.create_thread(user, thread, [])
        writes = [store.save_items(user, thread.id, [assistant_message(thread.id)]) for _ in range(6)]
        writes.insert(3, store.delete_thread(user, thread.id))
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), NotFound}
        assert outcomes[3] is None
        assert await store.delete_contents(user, thread.id)
        assert rows_of(aws, user, thread.id) == []
    assert (await store.list_threads(user, after=None, limit=5, order="asc")).data == []

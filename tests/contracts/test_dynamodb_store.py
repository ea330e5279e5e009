"""What the DynamoDB store promises beyond the port: what it costs, and what survives races and broken calls."""

import asyncio
import base64
import random
import threading

import pytest

from functions.errors import InternalError, NotFound, ThreadUnavailable
from functions.protocol.threads import ClosedStatus
from functions.store.base import MAX_ITEMS, MAX_PAGE, PAGE_BYTES, Store
from functions.store.large_items import PREFIX, thread_prefix
from tests.contracts.conftest import BUCKET, Aws, on
from tests.support.threads import hidden_context, new_thread, new_user, user_message

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)]

INCOMPRESSIBLE = base64.b64encode(random.Random(3).randbytes(680_000)).decode()


async def test_a_thread_is_created_by_one_request(aws: Aws, store: Store) -> None:
    """A thread with its first message is one transaction and nothing else."""
    thread = new_thread()
    await store.create_thread(new_user(), thread, [user_message(thread.id)])
    assert aws.operations == ["TransactWriteItems"]


async def test_adding_items_takes_one_round_trip(aws: Aws, store: Store) -> None:
    """The transaction and the read of the thread are under way at the same time: each waits for the other to begin."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    aws.operations.clear()
    both = threading.Barrier(2, timeout=120)
    with on(aws.dynamodb, "before-call.dynamodb", both.wait):
        await store.add_items(user, thread.id, [user_message(thread.id)])
    assert sorted(aws.operations) == ["GetItem", "TransactWriteItems"]


async def test_a_list_of_threads_is_one_request(aws: Aws, store: Store) -> None:
    """20 of many threads are one query that reads 21 rows: what it costs does not depend on how many there are."""
    user = new_user()
    for _ in range(25):
        await store.create_thread(user, new_thread(), [])
    aws.operations.clear()
    read: list[int] = []
    aws.dynamodb.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["ScannedCount"]), unique_id="count"
    )
    page = await store.list_threads(user, after=None, limit=20, order="desc")
    aws.dynamodb.meta.events.unregister("after-call.dynamodb.Query", unique_id="count")
    assert (len(page.data), page.has_more) == (20, True)
    assert (aws.operations, read) == (["Query"], [21])


async def test_a_list_of_items_is_one_request(aws: Aws, store: Store) -> None:
    """20 of many items are one query, also with a hidden one among them."""
    user, thread = new_user(), new_thread()
    items = [user_message(thread.id) for _ in range(24)]
    await store.create_thread(user, thread, [*items, hidden_context(thread.id)])
    aws.operations.clear()
    page = await store.list_items(user, thread.id, after=None, limit=20, order="desc")
    assert (len(page.data), page.has_more) == (20, True)
    assert aws.operations == ["Query"]


async def test_a_long_run_of_hidden_items_costs_few_requests(aws: Aws, store: Store) -> None:
    """Behind 150 hidden items the next visible one is found by few queries, as each reads more than the one before."""
    user, thread = new_user(), new_thread()
    last = user_message(thread.id)
    await store.create_thread(user, thread, [last])
    for _ in range(6):
        await store.save_items(user, thread.id, [hidden_context(thread.id) for _ in range(MAX_ITEMS)])
    aws.operations.clear()
    page = await store.list_items(user, thread.id, after=None, limit=1, order="desc")
    assert (page.data, page.has_more) == ([last], False)
    assert len(aws.operations) <= 5


async def test_a_page_of_large_items_ends_at_its_bytes(store: Store) -> None:
    """A page does not grow far beyond `PAGE_BYTES`, says that there is more, and is never empty then."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    items = [user_message(thread.id, "x" * 900_000) for _ in range(6)]
    await store.save_items(user, thread.id, items)
    page = await store.list_items(user, thread.id, after=None, limit=MAX_PAGE, order="asc")
    assert (page.data, page.has_more) == (items[: PAGE_BYTES // 900_000 + 1], True)
    rest = await store.list_items(user, thread.id, after=page.after, limit=MAX_PAGE, order="asc")
    assert (page.data + rest.data, rest.has_more) == (items, False)


async def test_what_is_too_large_for_a_row_lies_in_s3(aws: Aws, store: Store) -> None:
    """An incompressible message of 900 KB lies in S3 under its thread's prefix; a compressible one does not."""
    user, thread = new_user(), new_thread()
    large = user_message(thread.id, INCOMPRESSIBLE)
    await store.create_thread(user, thread, [large, user_message(thread.id, "a" * 900_000)])
    [name] = [name for name in aws.objects() if name.startswith(thread_prefix(user, thread.id))]
    assert name.startswith(PREFIX)
    assert user not in name
    assert await store.load_item(user, thread.id, large.id) == large


async def test_s3_objects_go_with_their_items(aws: Aws, store: Store) -> None:
    """Deleting an item deletes every version of it in S3, and no other item's."""
    user, thread = new_user(), new_thread()
    kept, large = (user_message(thread.id, INCOMPRESSIBLE) for _ in range(2))
    await store.create_thread(user, thread, [kept, large])
    await store.save_items(user, thread.id, [large.model_copy(update={"quoted_text": "a second version"})])
    assert len([name for name in aws.objects() if large.id in name]) == 2
    await store.delete_items(user, thread.id, [large.id])
    assert not [name for name in aws.objects() if large.id in name]
    assert await store.load_item(user, thread.id, kept.id) == kept


async def test_a_refused_write_leaves_nothing_in_s3(aws: Aws, store: Store) -> None:
    """Where a transaction is refused, the large items that were stored for it are taken away again."""
    user, closed = new_user(), new_thread(status=ClosedStatus())
    await store.create_thread(user, closed, [])
    before = aws.objects()
    with pytest.raises(ThreadUnavailable):
        await store.add_items(user, closed.id, [user_message(closed.id, INCOMPRESSIBLE)])
    gone = new_thread()
    with pytest.raises(NotFound):
        await store.save_items(user, gone.id, [user_message(gone.id, INCOMPRESSIBLE)])
    assert aws.objects() == before


async def test_a_changed_object_is_not_believed(aws: Aws, store: Store) -> None:
    """An S3 object that is not the one that was stored is an error for the operator, not a message."""
    user, thread = new_user(), new_thread()
    large = user_message(thread.id, INCOMPRESSIBLE)
    await store.create_thread(user, thread, [large])
    [name] = [name for name in aws.objects() if large.id in name]
    whole = aws.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
    aws.s3.put_object(Bucket=BUCKET, Key=name, Body=whole[:-1])
    with pytest.raises(InternalError, match="damaged"):
        await store.load_item(user, thread.id, large.id)
    aws.s3.delete_object(Bucket=BUCKET, Key=name)
    with pytest.raises(InternalError, match="not there"):
        await store.load_item(user, thread.id, large.id)


async def test_an_item_deleted_while_it_is_read_is_not_found(aws: Aws, store: Store) -> None:
    """Where an item goes between the reading of its row and of its object, it is not found, and a list leaves it out."""
    user, thread = new_user(), new_thread()
    large, small = user_message(thread.id, INCOMPRESSIBLE), user_message(thread.id)
    await store.create_thread(user, thread, [large, small])

    def delete() -> None:
        asyncio.run(store.delete_items(user, thread.id, [large.id]))

    with on(aws.s3, "before-call.s3.GetObject", delete):
        page = await store.list_items(user, thread.id, after=None, limit=5, order="asc")
    assert (page.data, page.has_more) == ([small], False)

    await store.save_items(user, thread.id, [large])
    with on(aws.s3, "before-call.s3.GetObject", delete), pytest.raises(NotFound):
        await store.load_item(user, thread.id, large.id)

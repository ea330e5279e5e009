"""The store on DynamoDB: one table, no scan, no index; large items in S3.

Every read is consistent. What depends on the thread is written in a transaction with a condition on the thread's row:
as `delete_thread` takes that row away first, nothing can come into a thread that is being deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from functions.aws_calls import call
from functions.errors import InternalError, NotFound, ThreadUnavailable, Unavailable
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store import batches, keys, rows, table
from functions.store import transactions as tx
from functions.store.base import MAX_ITEMS, MAX_PAGE, PAGE_BYTES, Order
from functions.store.large_items import LargeItems, ObjectGone, item_prefix, new_key, thread_prefix
from functions.store.rows import PackedItem, Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef, TransactWriteItemTypeDef

R = TypeVar("R")


class DynamoDBStore:
    """Implements `functions.store.base.Store`."""

    def __init__(self, *, client: "DynamoDBClient", table: str, large_items: LargeItems) -> None:
        """`client`: a boto3 client, with the caller's choice of timeouts and retries; `table`: the table's name."""
        self._client = client
        self._table = table
        self._large_items = large_items

    async def create_thread(self, user: str, thread: ThreadMetadata, items: Sequence[ThreadItem]) -> None:
        """See `Store`. One round trip."""
        row = rows.thread_row(user, thread)
        packed = self._pack(user, thread.id, items)
        actions = [tx.put_new(self._table, each) for each in (row, *(item.row for item in packed))]
        try:
            await self._commit(actions, packed)
        except tx.ConditionsFailed:
            raise InternalError(f"{thread.id}, or an item of it, exists already") from None

    async def add_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> ThreadMetadata:
        """See `Store`. The transaction and the read of the thread run at the same time."""
        where = keys.thread(user, thread_id)
        packed = self._pack(user, thread_id, items)
        actions = [
            tx.thread_active(self._table, where),
            *(tx.put_new(self._table, item.row) for item in packed),
        ]
        written, thread = await asyncio.gather(
            self._commit(actions, packed), self.load_thread(user, thread_id), return_exceptions=True
        )
        # The transaction's word comes first: the read may lie before or behind another's write.
        if isinstance(written, tx.ConditionsFailed):
            raise _refusal(written, thread_id)
        if isinstance(written, BaseException):
            raise written
        if isinstance(thread, BaseException):
            raise thread
        return thread

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        """See `Store`."""
        row = await self._get(keys.thread(user, thread_id))
        if row is None:
            raise keys.thread_not_found()
        return rows.read_thread(row)

    async def save_thread(self, user: str, thread: ThreadMetadata) -> None:
        """See `Store`. One action, but as a transaction: so it waits for a rival one instead of failing."""
        row = rows.thread_row(user, thread)
        try:
            await tx.commit(self._client, [tx.put_existing(self._table, row)])
        except tx.ConditionsFailed:
            raise keys.thread_not_found() from None

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """See `Store`. A deletion that was cut short is finished by the next call."""
        where = keys.thread(user, thread_id)
        existed = True
        try:
            await tx.commit(self._client, [tx.delete_existing(self._table, where)])
        except tx.ConditionsFailed:
            existed = False
        partition = keys.items_partition(user, thread_id)
        left = await self._all(partition, keys.EVERYTHING, projection=rows.KEY_ATTRIBUTES) if partition else []
        if not (existed or left):
            raise keys.thread_not_found()
        # The objects go before the rows: as long as a row is left, a repeated call comes here again.
        await self._large_items.delete_below(thread_prefix(user, thread_id))
        await batches.delete(self._client, self._table, left)

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        """See `Store`. One request, unless the threads hold megabytes of metadata."""
        span = keys.span(keys.THREADS, after=after, order=order)
        found, has_more = await self._page(
            keys.threads_partition(user), span, limit=limit, order=order, with_hidden=True
        )
        threads = [rows.read_thread(row) for row in found]
        return Page[ThreadMetadata](data=threads, has_more=has_more, after=threads[-1].id if has_more else None)

    async def list_items(
        self, user: str, thread_id: str, *, after: str | None, limit: int, order: Order, hidden: bool = False
    ) -> Page[ThreadItem]:
        """See `Store`. One request, unless many items are hidden or large."""
        span = keys.span(keys.ITEMS, after=after, order=order)
        partition = keys.items_partition(user, thread_id)
        if partition is None:
            return Page[ThreadItem]()

        async def read() -> Page[ThreadItem]:
            found, has_more = await self._page(partition, span, limit=limit, order=order, with_hidden=hidden)
            items = await asyncio.gather(*map(self._item, found))
            return Page[ThreadItem](data=items, has_more=has_more, after=items[-1].id if has_more else None)

        return await _twice(read)

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        """See `Store`."""
        where = keys.item(user, thread_id, item_id)

        async def read() -> ThreadItem:
            row = await self._get(where)
            if row is None:
                raise keys.item_not_found()
            return await self._item(row)

        return await _twice(read)

    async def save_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> None:
        """See `Store`. One round trip."""
        if not items:
            raise ValueError("no items")
        where = keys.thread(user, thread_id)
        packed = self._pack(user, thread_id, items)
        actions = [tx.thread_exists(self._table, where), *(tx.put(self._table, item.row) for item in packed)]
        try:
            await self._commit(actions, packed)
        except tx.ConditionsFailed:
            raise keys.thread_not_found() from None

    async def save_feedback(self, user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> None:
        """See `Store`. Each transaction of 99 items is done or not done as a whole, one after the other."""
        check = tx.thread_exists(self._table, keys.thread(user, thread_id))
        puts = [tx.put(self._table, row) for row in rows.feedback_rows(user, thread_id, item_ids, kind)]
        most = tx.MAX_ACTIONS - 1
        try:
            for start in range(0, len(puts) or 1, most):
                await tx.commit(self._client, [check, *puts[start : start + most]])
        except tx.ConditionsFailed:
            raise keys.thread_not_found() from None

    async def load_feedback(self, user: str, thread_id: str) -> dict[str, FeedbackKind]:
        """See `Store`. The thread's row and its feedback are read at the same time."""
        partition = keys.items_partition(user, thread_id)
        if partition is None:
            raise keys.thread_not_found()
        everything = keys.span(keys.FEEDBACK, after=None, order="asc")
        _, found = await asyncio.gather(self.load_thread(user, thread_id), self._all(partition, everything))
        return dict(map(rows.read_feedback, found))

    async def delete_items(self, user: str, thread_id: str, item_ids: Sequence[str]) -> None:
        """See `Store`. A read, to learn what is there and what lies in S3, then the deletions, 25 rows each."""
        partition = keys.items_partition(user, thread_id)
        sorts = {
            sort: item_id
            for item_id in item_ids
            for kind in (keys.ITEMS, keys.FEEDBACK)
            if (sort := keys.sort_key(kind, item_id))
        }
        if partition is None or not sorts:
            return
        wanted = [rows.key_row(keys.Key(partition, sort)) for sort in sorts]
        found = await batches.get(self._client, self._table, wanted, projection=rows.POINTER_ATTRIBUTES)
        await batches.delete(self._client, self._table, [rows.key(row) for row in found])
        for row in found:
            if rows.pointer(row):
                await self._large_items.delete_below(item_prefix(user, thread_id, sorts[rows.sort_key(row)]))

    def _pack(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> list[PackedItem]:
        if len(items) > MAX_ITEMS:
            raise ValueError(f"more than {MAX_ITEMS} items")
        return rows.pack_items(user, thread_id, items, object_key=partial(new_key, user, thread_id))

    async def _commit(self, actions: "Sequence[TransactWriteItemTypeDef]", packed: Sequence[PackedItem]) -> None:
        await self._large_items.put(packed)
        try:
            await tx.commit(self._client, actions)
        except (tx.ConditionsFailed, InternalError):
            # Nothing was written, so nothing points at these objects. After `Unavailable` that is not known: they stay.
            with suppress(Unavailable, InternalError):
                await self._large_items.delete([item.pointer.key for item in packed if item.pointer])
            raise

    async def _get(self, where: keys.Key) -> "Row | None":
        answer = await call(self._client.get_item, TableName=self._table, Key=rows.key_row(where), ConsistentRead=True)
        return answer.get("Item")

    async def _item(self, row: Row) -> ThreadItem:
        pointer = rows.pointer(row)
        return rows.read_item(row, await self._large_items.get(pointer) if pointer else None)

    async def _page(
        self, partition: str, span: keys.Span, *, limit: int, order: Order, with_hidden: bool
    ) -> tuple[list[Row], bool]:
        """At most `limit` rows, at most about `PAGE_BYTES`, at least one if there is one; and whether there are more."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"a page has 1 to {MAX_PAGE} objects")
        query = self._query(partition, span)
        query["ScanIndexForward"] = order == "asc"
        if not with_hidden:
            query["FilterExpression"] = f"attribute_not_exists({rows.HIDDEN})"
        taken: list[Row] = []
        size = 0
        # One more than wanted shows whether there are more. `Limit` counts before the filter: so a few to spare, and
        # from request to request more, as a run of hidden items may be long.
        spare = 0 if with_hidden else limit // 4 + 4
        while True:
            query["Limit"] = limit + 1 - len(taken) + spare
            spare *= 4
            answer = await call(self._client.query, **query)
            for row in answer["Items"]:
                if len(taken) == limit or size >= PAGE_BYTES:
                    return taken, True
                taken.append(row)
                size += rows.size(row)
            if not (last := answer.get("LastEvaluatedKey")):
                return taken, False
            query["ExclusiveStartKey"] = last

    async def _all(self, partition: str, span: keys.Span, *, projection: str | None = None) -> list[Row]:
        query = self._query(partition, span)
        if projection:
            query["ProjectionExpression"] = projection
        found: list[Row] = []
        while True:
            answer = await call(self._client.query, **query)
            found += answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return found
            query["ExclusiveStartKey"] = last

    def _query(self, partition: str, span: keys.Span) -> "QueryInputTypeDef":
        return {
            "TableName": self._table,
            "KeyConditionExpression": f"{table.PARTITION_KEY} = :partition AND {table.SORT_KEY} BETWEEN :low AND :high",
            "ExpressionAttributeValues": {
                ":partition": {"S": partition},
                ":low": {"S": span.low},
                ":high": {"S": span.high},
            },
            "ConsistentRead": True,
        }


async def _twice(read: Callable[[], Awaitable[R]]) -> R:
    """Reads again where an object vanished between the row's reading and its own: then the row has vanished too."""
    with suppress(ObjectGone):
        return await read()
    try:
        return await read()
    except ObjectGone:
        raise InternalError("a row points at an S3 object that is not there") from None


def _refusal(failure: tx.ConditionsFailed, thread_id: str) -> NotFound | ThreadUnavailable | InternalError:
    """Why `add_items` wrote nothing; its first action is the check of the thread."""
    if 0 not in failure.failed:
        return InternalError(f"an item of {thread_id} exists already")
    row = failure.failed[0]
    if row is None:
        return keys.thread_not_found()
    return ThreadUnavailable.of(rows.status(row))

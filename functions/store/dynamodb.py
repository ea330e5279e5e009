"""The store on DynamoDB: one table, no scan, no index; large items in S3.

Every read is consistent. What depends on the thread is written in a transaction with a condition on the thread's row:
as `delete_thread` takes that row away, nothing can come into a thread that was deleted, and what it has left can be
deleted later. What a turn writes comes with a condition on the turn's row, which goes with the thread's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from functions.errors import InternalError
from functions.limits import Counter
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store import batches, counter_rows, keys, rows, turn_actions
from functions.store import transactions as tx
from functions.store.base import Order, StartedRequest, Turn, TurnGone
from functions.store.beginnings import Beginnings
from functions.store.large_items import LargeItems, ObjectGone, item_prefix, thread_prefix
from functions.store.reader import Filter, Reader
from functions.store.requests import Requests
from functions.store.rows import Packed, Row
from functions.store.sessions import EndedSessions
from functions.store.thread_actions import LIVES, ThreadActions
from functions.store.turns import Turns
from functions.store.writer import Writer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_VISIBLE: Final = f"attribute_not_exists({rows.HIDDEN})"

R = TypeVar("R")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DynamoDBStore:
    """Implements `functions.store.base.Store`."""

    def __init__(
        self,
        *,
        client: "DynamoDBClient",
        table: str,
        large_items: LargeItems,
        retention: timedelta | None = None,
        count_threads: bool = False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`client`: a boto3 client, with the caller's choice of timeouts and retries; `table`: the table's name.

        `retention`: how long a thread is kept behind its last use; None keeps it for ever. `count_threads`: whether whoever
        creates threads counts them (`functions.store.counters`). `now` gives aware times.
        """
        self._client = client
        self._table = table
        self._large_items = large_items
        self._reader = Reader(client=client, table=table)
        self._writer = Writer(client=client, large_items=large_items)
        self._threads = ThreadActions(table, retention=retention, now=now)
        self._turns = Turns(
            client=client,
            table=table,
            large_items=large_items,
            reader=self._reader,
            writer=self._writer,
            threads=self._threads,
        )
        self._beginnings = Beginnings(
            table=table,
            reader=self._reader,
            writer=self._writer,
            threads=self._threads,
            turns=self._turns,
            count_threads=count_threads,
        )
        self._requests = Requests(client=client, table=table, reader=self._reader)
        self._sessions = EndedSessions(client=client, table=table)

    async def create_thread(
        self,
        user: str,
        thread: ThreadMetadata,
        items: Sequence[ThreadItem],
        *,
        turn: Turn | None = None,
        attachments: Sequence[str] = (),
    ) -> None:
        """See `Store` and `Beginnings`."""
        await self._beginnings.create(user, thread, items, turn, attachments)

    async def add_items(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        *,
        turn: Turn | None = None,
        attachments: Sequence[str] = (),
    ) -> ThreadMetadata:
        """See `Store` and `Beginnings`. The transaction and the read of the thread run at the same time."""
        return await self._beginnings.add(user, thread_id, items, turn, put=tx.put_new, attachments=attachments)

    async def begin_turn(
        self, user: str, thread_id: str, turn: Turn, *, items: Sequence[ThreadItem] = ()
    ) -> ThreadMetadata:
        """See `Store` and `Beginnings`. The transaction and the read of the thread run at the same time."""
        return await self._beginnings.add(user, thread_id, items, turn, put=tx.put)

    async def checkpoint(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        lease_until: datetime,
        items: Sequence[ThreadItem] | None,
    ) -> bool:
        """See `Store` and `Turns`."""
        return await self._turns.checkpoint(user, thread_id, turn_id, lease_until=lease_until, items=items)

    async def end_turn(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        items: Sequence[ThreadItem] = (),
        version: int | None = None,
        request_key: str = "",
        closed_at: datetime | None = None,
    ) -> None:
        """See `Store` and `Turns`."""
        await self._turns.end(
            user, thread_id, turn_id, items=items, version=version, request_key=request_key, closed_at=closed_at
        )

    async def is_stop_requested(self, user: str, thread_id: str, turn_id: str) -> bool:
        """See `Store` and `Turns`."""
        return await self._turns.is_stop_requested(user, thread_id, turn_id)

    async def find_request(self, user: str, request_key: str) -> StartedRequest | None:
        """See `Store` and `Requests`."""
        return await self._requests.find(user, request_key)

    async def forget_request(self, user: str, request_key: str, turn_id: str) -> None:
        """See `Store` and `Requests`."""
        await self._requests.forget(user, request_key, turn_id)

    async def request_stop(self, user: str, thread_id: str) -> bool:
        """See `Store` and `Turns`."""
        return await self._turns.request_stop(user, thread_id)

    async def load_turn(self, user: str, thread_id: str) -> Turn | None:
        """See `Store` and `Turns`."""
        return await self._turns.load(user, thread_id)

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        """See `Store`."""
        row = await self._reader.get(keys.thread(user, thread_id))
        if not self._threads.lives(row):
            raise keys.thread_not_found()
        return rows.read_thread(row)

    async def save_thread(self, user: str, thread: ThreadMetadata, *, turn_id: str | None = None) -> None:
        """See `Store`. One action, but as a transaction: so it waits for a rival one instead of failing."""
        actions = [self._threads.replace(user, thread)]
        await self._commit(user, thread.id, actions, turn_id=turn_id)

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """See `Store`. One request. What the thread leaves is for whoever follows the table's stream."""
        actions = [
            self._threads.delete(keys.thread(user, thread_id)),
            # At once, too: whoever runs the turn writes nothing more.
            tx.delete(self._table, rows.key_row(keys.turn(user, thread_id))),
        ]
        try:
            await tx.commit(self._client, actions)
        except tx.ConditionsFailed:
            raise keys.thread_not_found() from None

    async def delete_contents(self, user: str, thread_id: str) -> bool:
        """See `Store`. Two reads, then the objects, then the rows: a request for each 25 of them."""
        thread, counted = await asyncio.gather(
            self._reader.get(keys.thread(user, thread_id)), self._reader.get(keys.counted(user, thread_id))
        )
        if self._threads.lives(thread):
            return False
        if counted:
            await self._count_no_more(user, thread_id)
        await self._large_items.delete_below(thread_prefix(user, thread_id))
        partition = keys.turn(user, thread_id).partition
        async for left in self._reader.pages(partition, keys.EVERYTHING, projection=rows.KEY_ATTRIBUTES):
            await batches.delete(self._client, self._table, left)
        return True

    async def _count_no_more(self, user: str, thread_id: str) -> None:
        """Takes a thread from those of its user and their tenant, once: with the row that says that it is counted."""
        counted: tx.Action = {
            "Delete": {
                "TableName": self._table,
                "Key": rows.key_row(keys.counted(user, thread_id)),
                "ConditionExpression": tx.EXISTS,
            }
        }
        less = [counter_rows.kept(self._table, holder, Counter.THREADS, -1) for holder in keys.holders(user)]
        with suppress(tx.ConditionsFailed):
            await tx.commit(self._client, [counted, *less])

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        """See `Store`. One request, unless the threads hold megabytes of metadata."""
        span = keys.span(keys.THREADS, after=after, order=order)
        # Threads past their time are few, as DynamoDB drops them within days: none is read in advance for them.
        living = Filter(LIVES, self._threads.time, spare=0)
        found, has_more = await self._reader.page(
            keys.threads_partition(user), span, limit=limit, order=order, only=living
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

        visible = None if hidden else Filter(_VISIBLE, {}, spare=limit // 4 + 4)

        async def read() -> Page[ThreadItem]:
            found, has_more = await self._reader.page(partition, span, limit=limit, order=order, only=visible)
            items = await asyncio.gather(*map(self._item, found))
            return Page[ThreadItem](data=items, has_more=has_more, after=items[-1].id if has_more else None)

        return await _twice(read)

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        """See `Store`."""
        where = keys.item(user, thread_id, item_id)

        async def read() -> ThreadItem:
            row = await self._reader.get(where)
            if row is None:
                raise keys.item_not_found()
            return await self._item(row)

        return await _twice(read)

    async def save_items(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        *,
        turn_id: str | None = None,
        unfinished: Sequence[ThreadItem] | None = None,
    ) -> None:
        """See `Store`. One round trip."""
        if not items:
            raise ValueError("no items")
        checkpoint: Packed | None = None
        if unfinished is not None:
            if turn_id is None:
                raise ValueError("unfinished items of no turn")
            checkpoint = self._writer.unfinished(user, thread_id, turn_id, unfinished)
        packed = self._writer.items(user, thread_id, items, beside=checkpoint)
        actions = [
            self._threads.exists(keys.thread(user, thread_id)),
            *(tx.put(self._table, item.row) for item in packed),
        ]
        await self._commit(user, thread_id, actions, packed, turn_id=turn_id, checkpoint=checkpoint)

    async def save_feedback(self, user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> None:
        """See `Store`. Each transaction of 99 items is done or not done as a whole, one after the other."""
        check = self._threads.exists(keys.thread(user, thread_id))
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
        _, found = await asyncio.gather(self.load_thread(user, thread_id), self._reader.all(partition, everything))
        return dict(map(rows.read_feedback, found))

    async def delete_items(
        self, user: str, thread_id: str, item_ids: Sequence[str], *, turn_id: str | None = None
    ) -> None:
        """See `Store`. A read, to learn what is there and what lies in S3, then the deletions, 25 rows each.

        With `turn_id` they are transactions of 99 rows each.
        """
        wanted = {
            sort: item_id
            for item_id in item_ids
            for kind in (keys.ITEMS, keys.FEEDBACK)
            if (sort := keys.sort_key(kind, item_id))
        }
        found = await self._pointers(user, thread_id, wanted)
        if turn_id is None:
            await batches.delete(self._client, self._table, [rows.key(row) for row in found])
        else:
            most = tx.MAX_ACTIONS - 1
            for start in range(0, len(found) or 1, most):
                actions = [tx.delete(self._table, rows.key(row)) for row in found[start : start + most]]
                await self._commit(user, thread_id, actions, turn_id=turn_id)
        for row in found:
            if rows.pointer(row):
                await self._large_items.delete_below(item_prefix(user, thread_id, wanted[rows.sort_key(row)]))

    async def end_session(self, user: str, session_id: str, *, until: datetime) -> None:
        """See `Store` and `EndedSessions`."""
        await self._sessions.end_session(user, session_id, until=until)

    async def is_session_ended(self, user: str, session_id: str) -> bool:
        """See `Store` and `EndedSessions`."""
        return await self._sessions.is_session_ended(user, session_id)

    async def _pointers(self, user: str, thread_id: str, sorts: Iterable[str]) -> list[Row]:
        """Those of a thread's rows that exist, as far as `rows.pointer` needs them."""
        partition = keys.items_partition(user, thread_id)
        if partition is None:
            return []
        wanted = [rows.key_row(keys.Key(partition, sort)) for sort in sorts]
        return await batches.get(self._client, self._table, wanted, projection=rows.POINTER_ATTRIBUTES)

    async def _commit(
        self,
        user: str,
        thread_id: str,
        actions: "Sequence[tx.Action]",
        packed: Sequence[Packed] = (),
        *,
        turn_id: str | None,
        checkpoint: Packed | None = None,
    ) -> None:
        """Performs actions that need the thread or, where it is given, the turn."""
        try:
            if turn_id is None:
                await self._writer.commit(actions, packed)
            else:
                where = keys.turn(user, thread_id)
                write = turn_actions.write(self._table, where, turn_id, unfinished=checkpoint)
                await self._writer.commit([*actions, {"Update": write}], packed, checkpoint)
        except tx.ConditionsFailed:
            raise keys.thread_not_found() if turn_id is None else TurnGone from None

    async def _item(self, row: Row) -> ThreadItem:
        pointer = rows.pointer(row)
        return rows.read_item(row, await self._large_items.get(pointer) if pointer else None)


async def _twice(read: Callable[[], Awaitable[R]]) -> R:
    """Reads again where an object vanished between the row's reading and its own: then the row has vanished too."""
    with suppress(ObjectGone):
        return await read()
    try:
        return await read()
    except ObjectGone:
        raise InternalError("a row points at an S3 object that is not there") from None

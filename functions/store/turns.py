"""A thread's running turn on DynamoDB: its row from the first checkpoint to its end."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError, Unavailable
from functions.protocol.items import ThreadItem
from functions.store import keys, request_rows, rows, turn_actions, turn_rows
from functions.store import transactions as tx
from functions.store.base import Turn, TurnGone, TurnRunning
from functions.store.large_items import LargeItems, ObjectGone, item_prefix
from functions.store.reader import Reader
from functions.store.rows import Row
from functions.store.thread_actions import ThreadActions
from functions.store.writer import Writer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS: Final = 3
"""How often a row is read whose S3 object is replaced each time before it is read."""
_ENDS: Final = 3
"""How often a turn's end is tried: as if nothing lay in S3, with what lies there, without the request."""

_THREAD: Final = 0
_TURN: Final = 1
_REQUEST: Final = 2
"""Where in the transaction of a turn's end the actions on the rows of the thread, the turn and its request are."""


class Turns:
    """What `functions.store.base.Store` promises of turns that have begun."""

    def __init__(
        self,
        *,
        client: "DynamoDBClient",
        table: str,
        large_items: LargeItems,
        reader: Reader,
        writer: Writer,
        threads: ThreadActions,
    ) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._large_items = large_items
        self._reader = reader
        self._writer = writer
        self._threads = threads

    async def checkpoint(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        lease_until: datetime,
        items: Sequence[ThreadItem] | None,
    ) -> bool:
        """See `Store`. One request; where the items lie in S3, also one before it, and one after it where others did."""
        unfinished = None if items is None else self._writer.unfinished(user, thread_id, turn_id, items)
        change = turn_actions.write(
            self._table, keys.turn(user, thread_id), turn_id, lease_until=lease_until, unfinished=unfinished
        )
        try:
            before = await self._writer.update(change, unfinished)
        except tx.ConditionsFailed:
            raise TurnGone from None
        former = rows.pointer(before)
        # They are the same where botocore has sent the update twice, as the first answer was lost.
        if unfinished and former and former != unfinished.pointer:
            with suppress(Unavailable, InternalError):
                await self._large_items.delete([former.key])
        return turn_rows.stop_requested(before)

    async def end(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        items: Sequence[ThreadItem],
        version: int | None,
        request_key: str,
        closed_at: datetime | None,
    ) -> None:
        """See `Store`. One request; where checkpoints lay in S3, a second one, and then their deletion.

        One more where the request is not remembered as this turn's: then it is left out.
        """
        where = keys.turn(user, thread_id)
        packed = self._writer.items(user, thread_id, items)
        exists = self._threads.exists(keys.thread(user, thread_id))
        puts = [tx.put(self._table, item.row) for item in packed]
        remembered: Sequence[tx.Action] = self._end_request(user, request_key, turn_id, closed_at)
        in_s3 = False
        for _ in range(_ENDS):
            ended = turn_actions.end(self._table, where, turn_id, version=version, in_s3=in_s3)
            try:
                await self._writer.commit([exists, ended, *remembered, *puts], packed)
            except tx.ConditionsFailed as failure:
                if set(failure.failed) == {_REQUEST}:
                    remembered = []
                    continue
                there = failure.failed.get(_TURN)
                if _THREAD in failure.failed or there is None or turn_rows.turn_id(there) != turn_id:
                    raise TurnGone from None
                if version is not None and turn_rows.version(there) != version:
                    raise TurnRunning(await self.met(user, thread_id, there)) from None
                in_s3 = True
            else:
                if in_s3:
                    with suppress(Unavailable, InternalError):
                        await self._large_items.delete_below(item_prefix(user, thread_id, turn_id))
                return
        raise InternalError(f"the row of {turn_id} changes without end")

    async def is_stop_requested(self, user: str, thread_id: str, turn_id: str) -> bool:
        """See `Store`. One request."""
        row = await self._reader.get(keys.turn(user, thread_id), only=(turn_rows.TURN, turn_rows.STOP))
        if row is None or turn_rows.turn_id(row) != turn_id:
            raise TurnGone
        return turn_rows.stop_requested(row)

    async def request_stop(self, user: str, thread_id: str) -> bool:
        """See `Store`. One request; two where no turn runs."""
        where = keys.turn(user, thread_id)
        try:
            await tx.update(self._client, turn_actions.ask_to_stop(self._table, where))
        except tx.ConditionsFailed:
            if not self._threads.lives(await self._reader.get(keys.thread(user, thread_id))):
                raise keys.thread_not_found() from None
            return False
        return True

    async def load(self, user: str, thread_id: str) -> Turn | None:
        """See `Store`. One request; another where the items lie in S3."""
        if keys.items_partition(user, thread_id) is None:
            return None
        for _ in range(_READS):
            row = await self._reader.get(keys.turn(user, thread_id))
            if row is None:
                return None
            with suppress(ObjectGone):
                return await self._read(row)
        raise InternalError("a turn's row points at an S3 object that is not there")

    async def met(self, user: str, thread_id: str, row: Row) -> Turn:
        """The turn of a row that a condition met. Where its items have left S3 since, the turn as it is now."""
        with suppress(ObjectGone):
            return await self._read(row)
        return await self.load(user, thread_id) or turn_rows.read_without_items(row)

    def _end_request(
        self, user: str, request_key: str, turn_id: str, closed_at: datetime | None
    ) -> "Sequence[tx.Action]":
        where = keys.request(user, request_key)
        if where is None:
            return []
        if closed_at is None:
            return [request_rows.forget(self._table, where, turn_id)]
        return [request_rows.close(self._table, where, turn_id, closed_at)]

    async def _read(self, row: Row) -> Turn:
        pointer = rows.pointer(row)
        return turn_rows.read(row, await self._large_items.get(pointer) if pointer else None)

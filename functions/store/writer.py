"""Writes whose documents may be too large for their rows: first the S3 objects, then the rows that point at them."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from functions.errors import InternalError, Unavailable
from functions.protocol.items import ThreadItem
from functions.store import keys, rows, turn_rows
from functions.store import transactions as tx
from functions.store.base import MAX_ITEMS, Turn
from functions.store.large_items import LargeItems, new_key
from functions.store.rows import Packed, Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef


class Writer:
    """Packs items and turns, and commits what refers to them."""

    def __init__(self, *, client: "DynamoDBClient", large_items: LargeItems) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._large_items = large_items

    def items(
        self, user: str, thread_id: str, items: Sequence[ThreadItem], *, beside: Packed | None = None
    ) -> list[Packed]:
        """As `rows.pack_items`, for a transaction that holds `beside` too. Raises `ValueError` beyond `MAX_ITEMS`."""
        if len(items) > MAX_ITEMS:
            raise ValueError(f"more than {MAX_ITEMS} items")
        return rows.pack_items(
            user,
            thread_id,
            items,
            object_key=partial(new_key, user, thread_id),
            beside=beside.bytes_inside if beside else 0,
        )

    def turn(self, user: str, thread_id: str, turn: Turn) -> Packed:
        """As `turn_rows.pack`. Raises `NotFound` for a thread id that is none of ours."""
        return turn_rows.pack(keys.turn(user, thread_id), turn, object_key=partial(new_key, user, thread_id))

    def unfinished(self, user: str, thread_id: str, turn_id: str, items: Sequence[ThreadItem]) -> Packed:
        """As `turn_rows.pack_unfinished`."""
        return turn_rows.pack_unfinished(turn_id, items, object_key=partial(new_key, user, thread_id))

    async def commit(
        self, actions: "Sequence[tx.Action]", packed: Sequence[Packed], beside: Packed | None = None
    ) -> None:
        """Performs the actions, in which the rows of `packed` and `beside` are. Raises as `transactions.commit`."""
        stored = [*packed, beside] if beside else packed
        await self._large_items.put(stored)
        try:
            await tx.commit(self._client, actions)
        except (tx.ConditionsFailed, InternalError):
            await self._take_back(stored)
            raise

    async def update(self, change: "UpdateTypeDef", packed: Packed | None) -> Row:
        """Performs the update, in which the row of `packed` is. Raises and returns as `transactions.update`."""
        stored = [packed] if packed else []
        await self._large_items.put(stored)
        try:
            return await tx.update(self._client, change)
        except (tx.ConditionsFailed, InternalError):
            await self._take_back(stored)
            raise

    async def _take_back(self, stored: Sequence[Packed]) -> None:
        # Nothing was written, so nothing points at these objects. After `Unavailable` that is not known: they stay.
        with suppress(Unavailable, InternalError):
            await self._large_items.delete([each.pointer.key for each in stored if each.pointer])

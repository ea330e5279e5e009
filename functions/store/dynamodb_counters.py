"""The counters on DynamoDB: each call is one update, and one more where holds that have run out stand in the way.

What a window has left in a row goes when a hold is given up. Where a count has none, it goes at once, by an update of its
own: the first in each window.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError, Unavailable
from functions.limits import Amounts, Counter, Holder
from functions.store import counter_rows, keys
from functions.store import transactions as tx
from functions.store.counters import Counted, Hold, Reached
from functions.store.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS: Final = 5
"""How often holds that have run out are cleared away, each time up to `counter_rows.MAX_CLEARED` of them."""


class DynamoDBCounters:
    """Implements `functions.store.counters.Counters`."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = Reader(client=client, table=table)

    async def count(
        self, holder: Holder, amounts: Amounts, limits: Mapping[Counter, int], *, at: datetime, hold: Hold | None = None
    ) -> Counted:
        """See `Counters`."""
        change = counter_rows.count(self._table, holder, amounts, limits, at=at, hold=hold)
        for _ in range(_ATTEMPTS):
            try:
                before = await tx.update(self._client, change)
            except tx.ConditionsFailed as failure:
                there = failure.failed[0] or {}
            else:
                stale = counter_rows.stale(before, at=at)
                if stale and hold is None:
                    await self._forget(holder, stale)
                    stale = ()
                return Counted(holder=holder, amounts=amounts, at=at, hold=hold, stale=stale)
            if counter_rows.is_held(there, hold):
                return Counted(holder=holder, amounts=amounts, at=at, hold=hold)
            reached = counter_rows.reached(there, amounts, limits, at=at, hold=hold)
            cleared = counter_rows.clear(self._table, holder, there, at=at)
            if reached != [Counter.RUNNING_TURNS] or cleared is None:
                # Which limit it was, the row that the condition met says.
                raise _refusal(holder, reached[0], at)
            with suppress(tx.ConditionsFailed):  # somebody else has cleared some of them
                await tx.update(self._client, cleared)
        raise _refusal(holder, Counter.RUNNING_TURNS, at)

    async def _forget(self, holder: Holder, windows: tuple[str, ...]) -> None:
        # It was counted, which is what was asked for: a failure is in the log, and the next window's first count goes on.
        with suppress(tx.ConditionsFailed, Unavailable, InternalError):
            await tx.update(self._client, counter_rows.forget(self._table, holder, windows))

    async def take_back(self, counted: Counted) -> None:
        """See `Counters`."""
        with suppress(tx.ConditionsFailed):
            await tx.update(self._client, counter_rows.take_back(self._table, counted))

    async def renew(self, counted: Counted, until: datetime) -> None:
        """See `Counters`."""
        if counted.hold is None:
            return
        with suppress(tx.ConditionsFailed):
            await tx.update(self._client, counter_rows.renew(self._table, counted, Hold(counted.hold.id, until)))

    async def end(self, counted: Counted, amounts: Amounts, *, at: datetime) -> None:
        """See `Counters`. A second update where the hold is gone, as it was taken for a killed function's."""
        try:
            await tx.update(self._client, counter_rows.end(self._table, counted, amounts, at=at))
        except tx.ConditionsFailed:
            if amounts:
                await self.add(counted.holder, amounts, at=at)

    async def add(self, holder: Holder, amounts: Amounts, *, at: datetime) -> None:
        """See `Counters`."""
        await tx.update(self._client, counter_rows.add(self._table, holder, amounts, at=at))

    async def read(self, holder: Holder, *, at: datetime) -> Amounts:
        """See `Counters`. Two reads."""
        counts: dict[Counter, int] = {}
        for windowed in (True, False):
            row = await self._reader.get(keys.counters(holder, windowed=windowed))
            counts |= counter_rows.read(row or {}, at=at, windowed=windowed)
        return counts


def _refusal(holder: Holder, counter: Counter, at: datetime) -> Reached:
    return Reached(holder, counter, counter_rows.free_at(counter, at))

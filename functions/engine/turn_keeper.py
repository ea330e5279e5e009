"""The owner's side of a turn's row: what is written while the turn runs, and what is heard from it.

Once a second (`BEAT`) the owner looks at the row, and writes it

- when something else than text has changed, or the unfinished text has grown by an eighth: so a text that is n characters
  long costs some multiple of n, not n squared;
- when `RENEWAL` has passed: so the lease never runs out while the owner lives, and a killed function loses no more text
  than that of these seconds.

Each write, and each look where nothing is to be written, says whether a stop was asked for, and whether the turn is still
there. All of the owner's writes carry the turn's id: once somebody has closed the turn, or deleted the thread, none is done.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from functions.engine.failures import log_failure
from functions.engine.folding import OpenItems
from functions.engine.interruption import Interruption, Reason
from functions.engine.results import RequestContext
from functions.engine.unfinished import for_checkpoint
from functions.errors import NotFound, Unavailable
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ThreadMetadata
from functions.store.base import MAX_ITEMS, Store, Turn, TurnGone

BEAT: Final = 1.0
"""Seconds between two looks at the row: a stop is heard within them."""
RENEWAL: Final = 5.0
"""Seconds after which the row is written though little is new."""
LEASE: Final = timedelta(seconds=15)
"""Three renewals: one may fail, and one be slow."""
GROWTH: Final = 1 / 8
"""By how much unfinished text grows until it is written before its time."""
REMEMBERED: Final = timedelta(seconds=60)
"""How long a request whose turn somebody else has closed is taken for a repeat: ChatKit.js sends a request that failed six
times within some 30 s. After that, the same words are a new message."""


class TurnKeeper:
    """Writes for one turn. What is closed in `open_items`, it closes there itself.

    Every call raises `TurnGone` where the turn has ended, and what the store raises.
    """

    def __init__(
        self,
        *,
        store: Store,
        request: RequestContext,
        thread_id: str,
        turn: Turn,
        open_items: OpenItems,
        interruption: Interruption,
        now: Callable[[], datetime],
    ) -> None:
        """`turn` as it began; `interruption` hears of a stop, and of a turn that is gone."""
        self._store = store
        self._request = request
        self._user = request.owner
        self._thread_id = thread_id
        self._turn = turn
        self._open = open_items
        self._interruption = interruption
        self._now = now
        self._writing = asyncio.Lock()
        """The row is written by one at a time: a checkpoint must not bring back what was finished meanwhile."""
        self._kept_ids: frozenset[str] = frozenset()
        """The items in the last checkpoint."""
        self._kept_characters = 0
        self._kept_changes = 0
        self._renewed = 0.0

    @asynccontextmanager
    async def beating(self) -> AsyncGenerator[None]:
        """Looks at the row, and writes it, until it is left."""
        # The turn may have begun a while ago: with a write whose answer was lost, and that was done again.
        age = self._now() - (self._turn.lease_until - LEASE)
        self._renewed = asyncio.get_running_loop().time() - age.total_seconds()
        heart = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            async with self._writing:  # a write that is cut off may still be done, later than what comes next
                heart.cancel()
            await asyncio.wait({heart})

    async def save(self, item: ThreadItem) -> None:
        """Stores a finished item; where it was open, it is closed, here and in the checkpoint at once."""
        async with self._writing:
            rest = self._unfinished(but={item.id}) if self._kept_ids else None
            await self._store.save_items(self._user, self._thread_id, [item], turn_id=self._turn.id, unfinished=rest)
            self._open.close(item.id)
            if rest is not None:
                self._note(rest, self._open.characters, self._open.changes)

    async def delete(self, item_ids: Sequence[str]) -> None:
        """Deletes items, stored or open; from the checkpoint first, so that nobody brings them back from there."""
        async with self._writing:
            if not self._kept_ids.isdisjoint(item_ids):
                await self._checkpoint(self._unfinished(but=set(item_ids)))
            await self._store.delete_items(self._user, self._thread_id, item_ids, turn_id=self._turn.id)
            for item_id in item_ids:
                self._open.close(item_id)

    async def save_thread(self, thread: ThreadMetadata) -> None:
        """Replaces the thread's metadata."""
        await self._store.save_thread(self._user, thread, turn_id=self._turn.id)

    async def end(self, items: Sequence[ThreadItem] = (), *, failed: bool = False) -> None:
        """Stores the turn's last items and ends it. Tries twice where the store cannot be reached.

        The request of a turn that has failed stays remembered, as one that is past being repeated: by that a repeat that
        follows the turn knows that it failed, and the same words sent again are a new message.
        """
        async with self._writing:
            for first in range(0, len(items) - MAX_ITEMS, MAX_ITEMS):
                some = items[first : first + MAX_ITEMS]
                await self._store.save_items(self._user, self._thread_id, some, turn_id=self._turn.id)
            last = items[-(len(items) % MAX_ITEMS or MAX_ITEMS) :]
            closed_at = self._now() - REMEMBERED if failed else None
            try:
                await self._end(last, closed_at)
            except Unavailable:
                try:
                    await self._end(last, closed_at)
                except TurnGone:
                    if not await self._has_ended(last, closed_at):
                        raise

    async def _end(self, items: Sequence[ThreadItem], closed_at: datetime | None) -> None:
        await self._store.end_turn(
            self._user,
            self._thread_id,
            self._turn.id,
            items=items,
            request_key=self._turn.request_key,
            closed_at=closed_at,
        )

    async def _has_ended(self, items: Sequence[ThreadItem], closed_at: datetime | None) -> bool:
        """Whether the turn was ended so, by a call whose answer was lost; or by nobody, or somebody else.

        Its items say so. Without any, the request does: one that somebody else has closed, or whose thread was deleted, is
        remembered, and otherwise than it would be by this call. Where no request is known, nobody else is.
        """
        if not items:
            key = self._turn.request_key
            started = await self._store.find_request(self._user, key) if key else None
            if started is None or started.turn_id != self._turn.id:
                return True
            return closed_at is not None and started.closed_at == closed_at
        try:
            stored = [await self._store.load_item(self._user, self._thread_id, item.id) for item in items]
        except NotFound:
            return False
        return stored == list(items)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                async with self._writing:
                    stop = await self._look()
            except TurnGone:
                self._interruption.now(Reason.GONE)
                return
            except Exception as error:  # noqa: BLE001 - a turn whose heart has stopped hears nothing: the next beat is near
                log_failure(error, self._request)
            else:
                if stop:
                    self._interruption.now(Reason.STOPPED)

    async def _look(self) -> bool:
        """Writes the row if it is time; returns whether a stop was asked for."""
        grown = self._open.characters - self._kept_characters
        changed = self._open.changes != self._kept_changes and bool(self._kept_ids or len(self._open))
        if changed or grown > self._kept_characters * GROWTH:
            return await self._checkpoint(self._unfinished())
        if asyncio.get_running_loop().time() - self._renewed >= RENEWAL:
            return await self._checkpoint(self._unfinished() if grown else None)
        return await self._store.is_stop_requested(self._user, self._thread_id, self._turn.id)

    async def _checkpoint(self, items: Sequence[ThreadItem] | None) -> bool:
        began = asyncio.get_running_loop().time()
        characters, changes = self._open.characters, self._open.changes
        stop = await self._store.checkpoint(
            self._user, self._thread_id, self._turn.id, lease_until=self._now() + LEASE, items=items
        )
        self._renewed = began
        if items is not None:
            self._note(items, characters, changes)
        return stop

    def _unfinished(self, *, but: Collection[str] = ()) -> list[ThreadItem]:
        return for_checkpoint(item for item in self._open if item.id not in but)

    def _note(self, items: Sequence[ThreadItem], characters: int, changes: int) -> None:
        self._kept_ids = frozenset(item.id for item in items)
        self._kept_characters, self._kept_changes = characters, changes

"""One turn per thread: beginning one where another may run, and closing those that nobody works on any more.

The newest message wins. A request that meets another's turn asks it to stop, waits until it has ended, and goes on. An owner
hears that within a second and ends; one that writes nothing for `UNRESPONSIVE` seconds is taken for dead, whatever its
lease says: its turn is closed with what its last checkpoint holds, and should it live after all, its writes are refused.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from functions.engine.turn_keeper import LEASE, REMEMBERED
from functions.engine.turn_states import TurnSignal, has_lapsed, is_alive, state_of, takes
from functions.engine.unfinished import all_closed
from functions.errors import TurnStillRunning, Unavailable
from functions.ids import IdFactory
from functions.store.base import RequestRepeated, StartedRequest, Store, Turn, TurnGone, TurnRunning

PATIENCE: Final = 8.0
"""Seconds that a request waits for another's turn to end."""
UNRESPONSIVE: Final = 3.0
"""Seconds without a write, though a stop was asked for, after which an owner is taken for dead."""
POLL: Final = 0.25
"""Seconds between two looks at another's turn."""

Closed: TypeAlias = Callable[[str, str, Turn], None]
"""Is told a user's turn on a thread that somebody else than its owner has ended: in the store, by this very call."""

T = TypeVar("T")


class Turns:
    """Begins and closes turns. Every call may raise what the store raises."""

    def __init__(
        self,
        *,
        store: Store,
        ids: IdFactory,
        now: Callable[[], datetime],
        session: str = "",
        closed: Closed | None = None,
    ) -> None:
        """`session`: the one whose turns it begins. `closed` hears of each turn that is closed."""
        self._store = store
        self._ids = ids
        self._now = now
        self._session = session
        self._closed = closed

    def within(self, session: str) -> "Turns":
        """The same, for a session's requests."""
        return Turns(store=self._store, ids=self._ids, now=self._now, session=session, closed=self._closed)

    async def begin(
        self, user: str, thread_id: str, request_key: str, write: Callable[[Turn], Callable[[], Awaitable[T]]]
    ) -> tuple[Turn, T]:
        """A turn that has begun, and what the write that began it has returned.

        `write(turn)` makes the write: new items get their ids then, behind those of the turn that had to end before. It is
        done twice where the store cannot be reached, and made anew where another turn was met. Raises `RequestRepeated`,
        `TurnStillRunning` where the other turn does not end, `SessionEnded` where that is so; then nothing was written.
        """
        give_up = asyncio.get_running_loop().time() + PATIENCE
        while True:
            turn = Turn(
                id=self._ids.new("turn"),
                lease_until=self._now() + LEASE,
                request_key=request_key,
                session=self._session,
            )
            try:
                return turn, await _twice(write(turn))
            except TurnRunning as met:
                await self._make_room(user, thread_id, met.turn, give_up)
            except RequestRepeated as repeated:
                if await self._is_repeat(user, request_key, repeated.started):
                    raise
                await self._store.forget_request(user, request_key, repeated.started.turn_id)

    async def find_repeated(self, user: str, request_key: str) -> StartedRequest | None:
        """What the same request has begun before, if this one is to be taken for its repeat."""
        started = await self._store.find_request(user, request_key) if request_key else None
        return started if started is not None and await self._is_repeat(user, request_key, started) else None

    async def _is_repeat(self, user: str, request_key: str, started: StartedRequest) -> bool:
        """Whether the turn that was begun runs, has just ended, or was closed by somebody else a moment ago.

        Not so where it was closed long ago, or left no more than its memory behind: with a thread that was deleted.
        """
        if started.closed_at is not None:
            return self._now() < started.closed_at + REMEMBERED
        turn = await self._store.load_turn(user, started.thread_id)
        if turn is not None and turn.id == started.turn_id:
            return True
        return await self._store.find_request(user, request_key) != started

    async def live(self, user: str, thread_id: str) -> Turn | None:
        """The turn that runs on a thread; one whose lease has run out is closed, and there is none."""
        turn = await self._store.load_turn(user, thread_id)
        state = state_of(turn, self._now())
        if turn is not None and has_lapsed(state):
            turn = await self.close(user, thread_id, turn)
            state = state_of(turn, self._now())
        return turn if is_alive(state) else None

    async def close(self, user: str, thread_id: str, turn: Turn) -> Turn | None:
        """Ends another's turn, and keeps its partial items. Returns the turn instead where its owner has written since."""
        try:
            await self._store.end_turn(
                user,
                thread_id,
                turn.id,
                items=all_closed(turn.items),
                version=turn.version,
                request_key=turn.request_key,
                closed_at=self._now(),
            )
        except TurnGone:
            return None
        except TurnRunning as running:
            return running.turn
        if self._closed is not None:
            self._closed(user, thread_id, turn)
        return None

    async def _make_room(self, user: str, thread_id: str, met: Turn, give_up: float) -> None:
        """Returns when the turn that was met has ended. Raises `TurnStillRunning`."""
        loop = asyncio.get_running_loop()
        turn: Turn | None = met
        version, since = met.version, loop.time()
        while turn is not None and turn.id == met.id:
            if turn.version != version:
                version, since = turn.version, loop.time()
            state = state_of(turn, self._now())
            is_dead = has_lapsed(state) or loop.time() - since >= UNRESPONSIVE
            if is_dead and takes(state, TurnSignal.CLOSE):
                turn = await self.close(user, thread_id, turn)
                continue
            if loop.time() >= give_up:
                raise TurnStillRunning
            if not turn.stop_requested:
                await self._store.request_stop(user, thread_id)
            await asyncio.sleep(POLL)
            turn = await self._store.load_turn(user, thread_id)


async def _twice(write: Callable[[], Awaitable[T]]) -> T:
    """A write that begins a turn may be done again: where its answer was lost, it is known by the turn's id."""
    try:
        return await write()
    except Unavailable:
        return await write()

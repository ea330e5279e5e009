"""A store in memory: the port's promises in the plainest way, for the engine's tests and as the contracts' reference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from functions import ids
from functions.errors import InternalError, InvalidRequest, NotFound, SessionEnded, ThreadUnavailable
from functions.limits import Counter
from functions.protocol.base import Page
from functions.protocol.items import THREAD_ITEM, ThreadItem, is_hidden
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store import keys
from functions.store.base import (
    MAX_ITEMS,
    MAX_PAGE,
    Order,
    RequestRepeated,
    StartedRequest,
    Turn,
    TurnGone,
    TurnRunning,
)
from functions.translations import Text
from tests.support.memory_attachments import MemoryAttachments
from tests.support.memory_counters import MemoryCounters


@dataclass
class _Stored:
    thread: str | None
    """None where the thread is gone and has left the rest."""
    until: datetime | None = None
    """When its time is over."""
    is_counted: bool = False
    items: dict[str, str] = field(default_factory=dict)
    feedback: dict[str, FeedbackKind] = field(default_factory=dict)
    turn: Turn | None = None
    """Without its items."""
    unfinished: list[str] = field(default_factory=list)


class MemoryStore:
    """Implements `functions.store.base.Store`. Holds JSON, as a database does: nothing that is handed out is shared."""

    def __init__(
        self,
        *,
        retention: timedelta | None = None,
        count_threads: bool = False,
        counters: MemoryCounters | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`retention`: how long a thread is kept behind its last use; `now` gives aware times.

        `count_threads`: whether threads are counted, in `counters`, as files' bytes are.
        """
        self.counters = counters or MemoryCounters()
        self.attachments = MemoryAttachments(self.counters)
        self._count_threads = count_threads
        self._threads: dict[tuple[str, str], _Stored] = {}
        self._requests: dict[tuple[str, str], StartedRequest] = {}
        self._ended: set[tuple[str, str]] = set()
        self.begun: list[tuple[str, str, datetime]] = []
        """The sessions that were begun: user, id, end."""
        self._retention = retention
        self._now = now

    async def create_thread(
        self,
        user: str,
        thread: ThreadMetadata,
        items: Sequence[ThreadItem],
        *,
        turn: Turn | None = None,
        attachments: Sequence[str] = (),
    ) -> None:
        _check_user(user)
        if ids.position(thread.id) is None:
            raise InternalError("an id that is none of ours")
        _check_items(items)
        _check_items(turn.items if turn else ())
        self._refuse_repeat(user, turn)
        stored = self._threads.setdefault((user, thread.id), _Stored(None))
        if stored.thread is not None and _is_begun(stored, turn, new=items):
            return
        if stored.thread is not None or any(item.id in stored.items for item in items):
            raise InternalError(f"{thread.id}, or an item of it, exists already")
        self.attachments.check_use(user, thread.id, attachments)
        self.attachments.use(user, thread.id, attachments)
        stored.thread = _thread_json(thread)
        stored.is_counted = self._count_threads
        stored.items |= {item.id: _item_json(item) for item in items}
        self._begin(user, thread.id, stored, turn)
        self._use(stored)

    async def add_items(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        *,
        turn: Turn | None = None,
        attachments: Sequence[str] = (),
    ) -> ThreadMetadata:
        return self._add(user, thread_id, items, turn, new=items, attachments=attachments)

    async def begin_turn(
        self, user: str, thread_id: str, turn: Turn, *, items: Sequence[ThreadItem] = ()
    ) -> ThreadMetadata:
        return self._add(user, thread_id, items, turn, new=[])

    async def checkpoint(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        lease_until: datetime,
        items: Sequence[ThreadItem] | None,
    ) -> bool:
        if lease_until.utcoffset() is None:
            raise ValueError("a naive time")
        _check_items(items or ())
        stored, turn = self._own(user, thread_id, turn_id)
        stored.turn = replace(turn, lease_until=lease_until.astimezone(UTC), version=turn.version + 1)
        if items is not None:
            stored.unfinished = [_item_json(item) for item in items]
        return turn.stop_requested

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
        if closed_at and closed_at.utcoffset() is None:
            raise ValueError("a naive time")
        _check_items(items)
        stored, turn = self._own(user, thread_id, turn_id)
        if version is not None and version != turn.version:
            raise TurnRunning(_turn(stored, turn))
        if not self._lives(stored):
            raise TurnGone
        stored.items |= {item.id: _item_json(item) for item in items}
        stored.turn = None
        if closed_at is None:
            await self.forget_request(user, request_key, turn_id)
        elif self._began(user, request_key, turn_id):
            closed = replace(self._requests[user, request_key], closed_at=closed_at.astimezone(UTC))
            self._requests[user, request_key] = closed

    async def is_stop_requested(self, user: str, thread_id: str, turn_id: str) -> bool:
        _, turn = self._own(user, thread_id, turn_id)
        return turn.stop_requested

    async def find_request(self, user: str, request_key: str) -> StartedRequest | None:
        _check_user(user)
        return self._requests.get((user, request_key))

    async def forget_request(self, user: str, request_key: str, turn_id: str) -> None:
        _check_user(user)
        if self._began(user, request_key, turn_id):
            del self._requests[user, request_key]

    async def request_stop(self, user: str, thread_id: str) -> bool:
        stored = self._find(user, thread_id)
        if stored.turn is None:
            return False
        stored.turn = replace(stored.turn, stop_requested=True)
        return True

    async def load_turn(self, user: str, thread_id: str) -> Turn | None:
        _check_user(user)
        stored = self._threads.get((user, thread_id), _Stored(None))
        return _turn(stored, stored.turn) if stored.turn else None

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        return _thread(self._find(user, thread_id))

    async def save_thread(self, user: str, thread: ThreadMetadata, *, turn_id: str | None = None) -> None:
        stored = self._find_to_write(user, thread.id, turn_id)
        stored.thread = _thread_json(thread)
        self._use(stored)

    async def delete_thread(self, user: str, thread_id: str) -> None:
        stored = self._find(user, thread_id)
        stored.thread = stored.turn = None

    async def delete_contents(self, user: str, thread_id: str) -> bool:
        _check_user(user)
        if ids.position(thread_id) is None:
            raise NotFound(Text.THREAD_NOT_FOUND)
        if self._lives(self._threads.get((user, thread_id), _Stored(None))):
            return False
        stored = self._threads.pop((user, thread_id), None)
        if stored and stored.is_counted:
            for holder in keys.holders(user):
                await self.counters.add(holder, {Counter.THREADS: -1}, at=self._now())
        self.attachments.forget_thread(user, thread_id)
        return True

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        _check_user(user)
        threads = [
            _thread(stored) for (owner, _), stored in self._threads.items() if owner == user and self._lives(stored)
        ]
        data, has_more = _page(threads, after=after, limit=limit, order=order)
        return Page[ThreadMetadata](data=data, has_more=has_more, after=data[-1].id if has_more else None)

    async def list_items(
        self, user: str, thread_id: str, *, after: str | None, limit: int, order: Order, hidden: bool = False
    ) -> Page[ThreadItem]:
        _check_user(user)
        stored = self._threads.get((user, thread_id), _Stored(None))
        items = [THREAD_ITEM.validate_json(text) for text in stored.items.values()]
        visible = [item for item in items if hidden or not is_hidden(item)]
        data, has_more = _page(visible, after=after, limit=limit, order=order)
        return Page[ThreadItem](data=data, has_more=has_more, after=data[-1].id if has_more else None)

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        _check_user(user)
        stored = self._threads.get((user, thread_id), _Stored(None))
        if item_id not in stored.items:
            raise NotFound(Text.ITEM_NOT_FOUND)
        return THREAD_ITEM.validate_json(stored.items[item_id])

    async def save_items(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        *,
        turn_id: str | None = None,
        unfinished: Sequence[ThreadItem] | None = None,
    ) -> None:
        if not items:
            raise ValueError("no items")
        if unfinished is not None and turn_id is None:
            raise ValueError("unfinished items of no turn")
        _check_items(items)
        _check_items(unfinished or ())
        stored = self._find_to_write(user, thread_id, turn_id)
        stored.items |= {item.id: _item_json(item) for item in items}
        if unfinished is not None:
            stored.unfinished = [_item_json(item) for item in unfinished]

    async def save_feedback(self, user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> None:
        stored = self._find(user, thread_id)
        for number, item_id in enumerate(item_ids):
            if ids.position(item_id) is None:
                raise InvalidRequest(f"params.item_ids.{number}", "is no id that this backend has given")
        stored.feedback |= dict.fromkeys(item_ids, kind)

    async def load_feedback(self, user: str, thread_id: str) -> dict[str, FeedbackKind]:
        return dict(self._find(user, thread_id).feedback)

    async def delete_items(
        self, user: str, thread_id: str, item_ids: Sequence[str], *, turn_id: str | None = None
    ) -> None:
        _check_user(user)
        if turn_id is not None:
            self._find_to_write(user, thread_id, turn_id)
        if (user, thread_id) in self._threads:
            for item_id in item_ids:
                self._threads[user, thread_id].items.pop(item_id, None)
                self._threads[user, thread_id].feedback.pop(item_id, None)

    async def begin_session(self, user: str, session_id: str, *, until: datetime) -> None:
        _check_user(user)
        self.begun.append((user, session_id, until))

    async def end_session(self, user: str, session_id: str, *, until: datetime) -> None:
        if until.utcoffset() is None:
            raise ValueError("a naive time")
        _check_user(user)
        self._ended.add((user, session_id))

    async def is_session_ended(self, user: str, session_id: str) -> bool:
        _check_user(user)
        return (user, session_id) in self._ended

    def _add(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        turn: Turn | None,
        *,
        new: Sequence[ThreadItem],
        attachments: Sequence[str] = (),
    ) -> ThreadMetadata:
        """`new`: those of the items that must not be there yet."""
        _check_user(user)
        if ids.position(thread_id) is None:
            raise NotFound(Text.THREAD_NOT_FOUND)
        _check_items(items)
        _check_items(turn.items if turn else ())
        self._refuse_repeat(user, turn)
        stored = self._find(user, thread_id)
        thread = _thread(stored)
        if _is_begun(stored, turn, new=new):
            return thread
        if thread.status.type != "active":
            raise ThreadUnavailable.of(thread.status.type)
        if turn and stored.turn and stored.turn.id != turn.id:
            raise TurnRunning(_turn(stored, stored.turn))
        if any(item.id in stored.items for item in new) or (turn and stored.turn):
            raise InternalError(f"an item of {thread_id} exists already")
        self.attachments.check_use(user, thread_id, attachments)
        self.attachments.use(user, thread_id, attachments)
        stored.items |= {item.id: _item_json(item) for item in items}
        self._begin(user, thread_id, stored, turn)
        self._use(stored)
        return thread

    def _refuse_repeat(self, user: str, turn: Turn | None) -> None:
        if turn and (user, turn.session) in self._ended:
            raise SessionEnded
        started = self._requests.get((user, turn.request_key)) if turn else None
        if turn and started and (started.turn_id != turn.id or started.closed_at):
            raise RequestRepeated(started)

    def _begin(self, user: str, thread_id: str, stored: _Stored, turn: Turn | None) -> None:
        if turn is None:
            return
        stored.turn = replace(turn, items=(), session="", lease_until=turn.lease_until.astimezone(UTC))
        stored.unfinished = [_item_json(item) for item in turn.items]
        if turn.request_key:
            self._requests[user, turn.request_key] = StartedRequest(thread_id=thread_id, turn_id=turn.id)

    def _began(self, user: str, request_key: str, turn_id: str) -> bool:
        started = self._requests.get((user, request_key))
        return started is not None and started.turn_id == turn_id

    def _find_to_write(self, user: str, thread_id: str, turn_id: str | None) -> _Stored:
        """A thread that someone writes to, under a turn if one is given, which counts the write."""
        if turn_id is None:
            return self._find(user, thread_id)
        stored, turn = self._own(user, thread_id, turn_id)
        if not self._lives(stored):
            raise TurnGone
        stored.turn = replace(turn, version=turn.version + 1)
        return stored

    def _own(self, user: str, thread_id: str, turn_id: str) -> tuple[_Stored, Turn]:
        _check_user(user)
        if ids.position(thread_id) is None:
            raise NotFound(Text.THREAD_NOT_FOUND)
        stored = self._threads.get((user, thread_id), _Stored(None))
        if stored.turn is None or stored.turn.id != turn_id:
            raise TurnGone
        return stored, stored.turn

    def _find(self, user: str, thread_id: str) -> _Stored:
        _check_user(user)
        stored = self._threads.get((user, thread_id), _Stored(None))
        if not self._lives(stored):
            raise NotFound(Text.THREAD_NOT_FOUND)
        return stored

    def _lives(self, stored: _Stored) -> bool:
        return stored.thread is not None and (stored.until is None or self._now() < stored.until)

    def _use(self, stored: _Stored) -> None:
        stored.until = None if self._retention is None else self._now() + self._retention


def _thread(stored: _Stored) -> ThreadMetadata:
    return ThreadMetadata.model_validate_json(stored.thread or "")


def _is_begun(stored: _Stored, turn: Turn | None, *, new: Sequence[ThreadItem]) -> bool:
    """Whether this very turn was begun before, with these new items."""
    same = turn is not None and stored.turn is not None and turn.id == stored.turn.id
    return same and all(item.id in stored.items for item in new)


def _turn(stored: _Stored, turn: Turn) -> Turn:
    return replace(turn, items=tuple(THREAD_ITEM.validate_json(text) for text in stored.unfinished))


def _page(objects: list, *, after: str | None, limit: int, order: Order) -> tuple[list, bool]:
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} objects")
    if after is not None and ids.position(after) is None:
        raise InvalidRequest("params.after", "is no id that this backend has given")
    behind = sorted(objects, key=lambda one: _place(one.id), reverse=order == "desc")
    if after is not None and order == "asc":
        behind = [one for one in behind if _place(one.id) > _place(after)]
    elif after is not None:
        behind = [one for one in behind if _place(one.id) < _place(after)]
    return behind[:limit], len(behind) > limit


def _place(object_id: str) -> tuple[str, str]:
    return ids.position(object_id) or "", object_id


def _thread_json(thread: ThreadMetadata) -> str:
    in_utc = thread.model_copy(update={"created_at": thread.created_at.astimezone(UTC)})
    return in_utc.model_dump_json(exclude={"items"})


def _item_json(item: ThreadItem) -> str:
    return item.model_copy(update={"created_at": item.created_at.astimezone(UTC)}).model_dump_json()


def _check_user(user: str) -> None:
    if not 1 <= len(user) <= 385:
        raise InvalidRequest("user", "must have 1 to 385 characters")


def _check_items(items: Sequence[ThreadItem]) -> None:
    if len(items) > MAX_ITEMS:
        raise ValueError("too many items")
    item_ids = [item.id for item in items]
    if not all(map(ids.position, item_ids)):
        raise InternalError("an id that is none of ours")
    if len(set(item_ids)) < len(item_ids):
        raise InternalError("the same id twice")

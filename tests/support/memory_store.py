"""A store in memory: the port's promises in the plainest way, for the engine's tests and as the contracts' reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC

from functions import ids
from functions.errors import InternalError, InvalidRequest, NotFound, ThreadUnavailable
from functions.protocol.base import Page
from functions.protocol.items import THREAD_ITEM, ThreadItem, is_hidden
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store.base import MAX_ITEMS, MAX_PAGE, Order
from functions.translations import Text


@dataclass
class _Stored:
    thread: str
    items: dict[str, str] = field(default_factory=dict)
    feedback: dict[str, FeedbackKind] = field(default_factory=dict)


class MemoryStore:
    """Implements `functions.store.base.Store`. Holds JSON, as a database does: nothing that is handed out is shared."""

    def __init__(self) -> None:
        self._threads: dict[tuple[str, str], _Stored] = {}

    async def create_thread(self, user: str, thread: ThreadMetadata, items: Sequence[ThreadItem]) -> None:
        _check_user(user)
        _check_new(thread_id=thread.id, items=items)
        if (user, thread.id) in self._threads:
            raise InternalError(f"{thread.id} exists already")
        self._threads[user, thread.id] = _Stored(_thread_json(thread), {item.id: _item_json(item) for item in items})

    async def add_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> ThreadMetadata:
        stored = self._find(user, thread_id)
        _check_new(thread_id=thread_id, items=items)
        thread = ThreadMetadata.model_validate_json(stored.thread)
        if thread.status.type != "active":
            raise ThreadUnavailable.of(thread.status.type)
        if any(item.id in stored.items for item in items):
            raise InternalError(f"an item of {thread_id} exists already")
        stored.items |= {item.id: _item_json(item) for item in items}
        return thread

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        return ThreadMetadata.model_validate_json(self._find(user, thread_id).thread)

    async def save_thread(self, user: str, thread: ThreadMetadata) -> None:
        self._find(user, thread.id).thread = _thread_json(thread)

    async def delete_thread(self, user: str, thread_id: str) -> None:
        self._find(user, thread_id)
        del self._threads[user, thread_id]

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        _check_user(user)
        threads = [
            ThreadMetadata.model_validate_json(stored.thread)
            for (owner, _), stored in self._threads.items()
            if owner == user
        ]
        data, has_more = _page(threads, after=after, limit=limit, order=order)
        return Page[ThreadMetadata](data=data, has_more=has_more, after=data[-1].id if has_more else None)

    async def list_items(
        self, user: str, thread_id: str, *, after: str | None, limit: int, order: Order, hidden: bool = False
    ) -> Page[ThreadItem]:
        _check_user(user)
        stored = self._threads.get((user, thread_id), _Stored(""))
        items = [THREAD_ITEM.validate_json(text) for text in stored.items.values()]
        visible = [item for item in items if hidden or not is_hidden(item)]
        data, has_more = _page(visible, after=after, limit=limit, order=order)
        return Page[ThreadItem](data=data, has_more=has_more, after=data[-1].id if has_more else None)

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        _check_user(user)
        stored = self._threads.get((user, thread_id), _Stored(""))
        if item_id not in stored.items:
            raise NotFound(Text.ITEM_NOT_FOUND)
        return THREAD_ITEM.validate_json(stored.items[item_id])

    async def save_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> None:
        if not items:
            raise ValueError("no items")
        stored = self._find(user, thread_id)
        _check_new(thread_id=thread_id, items=items)
        stored.items |= {item.id: _item_json(item) for item in items}

    async def save_feedback(self, user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> None:
        stored = self._find(user, thread_id)
        for number, item_id in enumerate(item_ids):
            if ids.position(item_id) is None:
                raise InvalidRequest(f"params.item_ids.{number}", "is no id that this backend has given")
        stored.feedback |= dict.fromkeys(item_ids, kind)

    async def load_feedback(self, user: str, thread_id: str) -> dict[str, FeedbackKind]:
        return dict(self._find(user, thread_id).feedback)

    async def delete_items(self, user: str, thread_id: str, item_ids: Sequence[str]) -> None:
        _check_user(user)
        if (user, thread_id) in self._threads:
            for item_id in item_ids:
                self._threads[user, thread_id].items.pop(item_id, None)
                self._threads[user, thread_id].feedback.pop(item_id, None)

    def _find(self, user: str, thread_id: str) -> _Stored:
        _check_user(user)
        if (user, thread_id) not in self._threads:
            raise NotFound(Text.THREAD_NOT_FOUND)
        return self._threads[user, thread_id]


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
    if not 1 <= len(user) <= 256:
        raise InvalidRequest("user", "must have 1 to 256 characters")


def _check_new(*, thread_id: str, items: Sequence[ThreadItem]) -> None:
    if len(items) > MAX_ITEMS:
        raise ValueError("too many items")
    item_ids = [item.id for item in items]
    if not all(map(ids.position, [thread_id, *item_ids])):
        raise InternalError("an id that is none of ours")
    if len(set(item_ids)) < len(item_ids):
        raise InternalError("the same id twice")

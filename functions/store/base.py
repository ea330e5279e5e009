"""The port to where threads live. One contract suite (`tests/contracts`) runs on every adapter.

The user is an argument of each call and part of each key: what belongs to another user is not found. Positions
(`after`) are ids, also those of hidden or deleted objects, and of objects that never were: the next page is whatever
lies behind that place.
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata

MAX_PAGE: Final = 100
"""The most objects in one page, whatever the client asks for (it asks for 9999)."""

PAGE_BYTES: Final = 4_000_000
"""About how many bytes of documents make a page full before it has `limit` objects."""
MAX_ITEMS: Final = 25
"""The most items in one call that stores them."""

Order = Literal["asc", "desc"]


class Store(Protocol):
    """Threads and their items.

    Every call raises `Unavailable` where the database cannot be reached or is overloaded (whether a write was done is
    then unknown), `InternalError` where it refuses the call or what it holds is damaged, and `InvalidRequest` for a user
    id that is empty or over 256 characters. A thread or item whose id is none of ours is not found. Times are read back
    in UTC. A list of items or a `limit` beyond its bounds is a `ValueError`.
    """

    async def create_thread(self, user: str, thread: ThreadMetadata, items: Sequence[ThreadItem]) -> None:
        """Stores a new thread and its first items (0 to `MAX_ITEMS`), all or nothing, in one transaction.

        Raises `InternalError` where the thread exists already: ids are made by us, and never twice.
        """
        ...

    async def add_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> ThreadMetadata:
        """Stores new items (0 to `MAX_ITEMS`), all or nothing, if the thread exists and is active; returns the thread.

        Takes the time of one round trip. Raises `NotFound`, `ThreadUnavailable` for a locked or closed thread, or
        `InternalError` where one of the items exists already; then nothing is written.
        """
        ...

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        """The thread. Raises `NotFound`."""
        ...

    async def save_thread(self, user: str, thread: ThreadMetadata) -> None:
        """Replaces a thread's metadata. Raises `NotFound` where it is gone: a deleted thread never comes back."""
        ...

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """Deletes a thread with everything in it. Raises `NotFound`.

        From the start on the thread is gone for good. A deletion that broke off is finished by calling again.
        """
        ...

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        """A page of at most `limit` (1 to `MAX_PAGE`) threads in the order of their creation.

        `has_more` is exact. Raises `InvalidRequest` where `after` is no id of ours.
        """
        ...

    async def list_items(
        self, user: str, thread_id: str, *, after: str | None, limit: int, order: Order, hidden: bool = False
    ) -> Page[ThreadItem]:
        """A page of at most `limit` (1 to `MAX_PAGE`) items; hidden ones are left out unless `hidden`.

        The page is filled over hidden items: it is shorter than `limit` only where there is no more, or where its items
        have passed `PAGE_BYTES` together; it is empty only where there is none. `has_more` is exact. Items of a thread
        that does not exist are an empty page: whether it exists, `load_thread` says. Raises `InvalidRequest` where
        `after` is no id of ours.
        """
        ...

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        """One item. Raises `NotFound`."""
        ...

    async def save_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> None:
        """Stores or replaces items (1 to `MAX_ITEMS`), all or nothing. Raises `NotFound` where the thread is gone."""
        ...

    async def save_feedback(self, user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> None:
        """Remembers what the user thinks of some items (any number); the last word counts.

        Raises `NotFound` where the thread is gone, `InvalidRequest` for an item id that is none of ours.
        """
        ...

    async def load_feedback(self, user: str, thread_id: str) -> dict[str, FeedbackKind]:
        """What the user thinks of a thread's items, by item id. Raises `NotFound` where the thread is gone."""
        ...

    async def delete_items(self, user: str, thread_id: str, item_ids: Sequence[str]) -> None:
        """Deletes items with the feedback on them; those that are gone already are passed over."""
        ...

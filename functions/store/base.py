"""The port to where threads live. One contract suite (`tests/contracts`) runs on every adapter.

The user is an argument of each call and part of each key: what belongs to another user is not found. Positions
(`after`) are ids, also those of hidden or deleted objects, and of objects that never were: the next page is whatever
lies behind that place.
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ThreadMetadata

MAX_PAGE: Final = 100
"""The most objects in one page, whatever the client asks for (it asks for 9999)."""

Order = Literal["asc", "desc"]


class Store(Protocol):
    """Threads and their items. Every call raises `Unavailable` where the database cannot be reached or refuses."""

    async def create_thread(self, user: str, thread: ThreadMetadata, items: Sequence[ThreadItem]) -> None:
        """Stores a new thread and its first items, all or nothing, in one transaction."""
        ...

    async def add_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> ThreadMetadata:
        """Stores items of a new turn, all or nothing, if the thread exists and is active; returns the thread.

        Takes the time of one round trip. Raises `NotFound`, or `ThreadUnavailable` for a locked or closed thread; then
        nothing is written.
        """
        ...

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        """The thread. Raises `NotFound`."""
        ...

    async def save_thread(self, user: str, thread: ThreadMetadata) -> None:
        """Replaces a thread's metadata. Raises `NotFound` where it is gone: a deleted thread never comes back."""
        ...

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """Deletes a thread with everything in it. Raises `NotFound`."""
        ...

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        """A page of at most `limit` (1 to `MAX_PAGE`) threads in the order of their creation."""
        ...

    async def list_items(
        self, user: str, thread_id: str, *, after: str | None, limit: int, order: Order, hidden: bool = False
    ) -> Page[ThreadItem]:
        """A page of at most `limit` (1 to `MAX_PAGE`) items; hidden ones are left out unless `hidden`.

        The page is filled over hidden items: it is shorter than `limit` only where there is no more. Items of a thread
        that does not exist are an empty page.
        """
        ...

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        """One item. Raises `NotFound`."""
        ...

    async def save_items(self, user: str, thread_id: str, items: Sequence[ThreadItem]) -> None:
        """Stores or replaces items (1 to 25), all or nothing. Raises `NotFound` where the thread is gone."""
        ...

    async def delete_items(self, user: str, thread_id: str, item_ids: Sequence[str]) -> None:
        """Deletes items; those that are gone already are passed over."""
        ...

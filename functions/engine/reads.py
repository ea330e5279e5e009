"""The requests that read or change what is stored, and are answered with JSON."""

from typing import Final

from functions.engine.files import Files
from functions.engine.together import together
from functions.engine.turns import Turns
from functions.engine.unfinished import overlaid
from functions.errors import InvalidRequest
from functions.ids import position
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.requests import ItemsListParams, ThreadListParams, ThreadUpdateParams
from functions.protocol.threads import Thread, to_client
from functions.store.base import MAX_PAGE, Order, Store, Turn

DEFAULT_PAGE: Final = 20
"""Objects in a page where the client names no limit; `threads.get_by_id` gives as many (the official server's number)."""


class Reads:
    """Reads what one user has stored; a turn that nobody works on any more is closed on the way."""

    def __init__(self, *, store: Store, turns: Turns, files: Files, user: str) -> None:
        self._store = store
        self._turns = turns
        self._files = files
        self._user = user

    async def thread(self, thread_id: str) -> tuple[Thread, bool]:
        """A thread with its first items, oldest first, and whether it is being answered. Raises `NotFound`."""
        thread, turn = await together(
            self._store.load_thread(self._user, thread_id), self._turns.live(self._user, thread_id)
        )
        page = await self._page(thread_id, turn, after=None, limit=DEFAULT_PAGE, order="asc")
        return to_client(thread, page), turn is not None

    async def items(self, params: ItemsListParams) -> tuple[Page[ThreadItem], bool]:
        """A page of a thread's visible items, and whether the thread is being answered. Raises `NotFound`."""
        after = _after(params.after)
        _, turn = await together(
            self._store.load_thread(self._user, params.thread_id), self._turns.live(self._user, params.thread_id)
        )
        page = await self._page(params.thread_id, turn, after=after, limit=_limit(params.limit), order=params.order)
        return page, turn is not None

    async def _page(
        self, thread_id: str, turn: Turn | None, *, after: str | None, limit: int, order: Order
    ) -> Page[ThreadItem]:
        """Finished items with the turn's unfinished ones in their places; URLs of pictures are signed just now.

        The turn was read before: what it finishes meanwhile is in both, and what it ends with is not missed.
        """
        page = await self._store.list_items(self._user, thread_id, after=after, limit=limit, order=order)
        if turn is not None:
            page = overlaid(page, turn.items, after=after, limit=limit, order=order)
        return await self._files.shown_page(page)


async def list_threads(store: Store, user: str, params: ThreadListParams) -> Page[Thread]:
    """A page of the user's threads, without items."""
    page = await store.list_threads(user, after=_after(params.after), limit=_limit(params.limit), order=params.order)
    return Page[Thread](data=[to_client(thread) for thread in page.data], has_more=page.has_more, after=page.after)


async def rename_thread(store: Store, user: str, params: ThreadUpdateParams) -> Thread:
    """Gives a thread its title. Raises `NotFound`."""
    thread = await store.load_thread(user, params.thread_id)
    thread.title = params.title
    await store.save_thread(user, thread)
    return to_client(thread)


def _limit(limit: int | None) -> int:
    return min(limit or DEFAULT_PAGE, MAX_PAGE)


def _after(after: str | None) -> str | None:
    if after is not None and position(after) is None:
        raise InvalidRequest("params.after", "is no id of this server")
    return after

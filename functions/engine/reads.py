"""The requests that read or change what is stored, and are answered with JSON."""

import asyncio
from typing import Final

from functions.engine.images import Images
from functions.errors import InvalidRequest
from functions.ids import position
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.requests import ItemsListParams, ThreadListParams, ThreadUpdateParams
from functions.protocol.threads import Thread, to_client
from functions.store.base import MAX_PAGE, Store

DEFAULT_PAGE: Final = 20
"""Objects in a page where the client names no limit; `threads.get_by_id` gives as many (the official server's number)."""


async def get_thread(store: Store, images: Images, user: str, thread_id: str) -> Thread:
    """A thread with its first items, oldest first, and URLs of pictures signed just now. Raises `NotFound`."""
    thread, items = await asyncio.gather(
        store.load_thread(user, thread_id),
        store.list_items(user, thread_id, after=None, limit=DEFAULT_PAGE, order="asc"),
    )
    return to_client(thread, await images.shown_page(items))


async def list_threads(store: Store, user: str, params: ThreadListParams) -> Page[Thread]:
    """A page of the user's threads, without items."""
    page = await store.list_threads(user, after=_after(params.after), limit=_limit(params.limit), order=params.order)
    return Page[Thread](data=[to_client(thread) for thread in page.data], has_more=page.has_more, after=page.after)


async def list_items(store: Store, images: Images, user: str, params: ItemsListParams) -> Page[ThreadItem]:
    """A page of a thread's visible items, with URLs of pictures signed just now. Raises `NotFound`."""
    after = _after(params.after)
    _, page = await asyncio.gather(
        store.load_thread(user, params.thread_id),
        store.list_items(
            user,
            params.thread_id,
            after=after,
            limit=_limit(params.limit),
            order=params.order,
        ),
    )
    return await images.shown_page(page)


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

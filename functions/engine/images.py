"""Pictures kept out of the items, and shown again.

What a model or an author makes arrives as a data URL. Before its item is stored, the bytes go to the `ImageStore`, and the
item holds a reference; before an item leaves for a client, the reference becomes a URL that was signed just then. So the
store never holds a URL that expires, and no history grows by megabytes.
"""

from collections.abc import Sequence
from typing import Final

from functions.attachments.base import ImageStore
from functions.attachments.images import from_data_url, name_of
from functions.protocol.base import Page
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import GeneratedImageItem, ThreadItem


class Images:
    """The pictures of one user. Every call may raise what the `ImageStore` raises."""

    def __init__(self, store: ImageStore | None, user: str) -> None:
        """Without a store, data URLs stay in the items."""
        self._store: Final = store
        self._user: Final = user

    async def kept(self, item: ThreadItem) -> ThreadItem:
        """The item as it is to be stored. Raises `InternalError` for a data URL that holds no base64."""
        if self._store is None or not isinstance(item, GeneratedImageItem) or item.image is None:
            return item
        picture = from_data_url(item.image.url)
        if picture is None:
            return item
        return _with_url(item, await self._store.put(self._user, item.thread_id, picture))

    async def shown(self, item: ThreadItem) -> ThreadItem:
        """The item as a client may see it."""
        if self._store is None or not isinstance(item, GeneratedImageItem) or item.image is None:
            return item
        url = await self._store.url(self._user, item.thread_id, item.image.url)
        return item if url is None else _with_url(item, url)

    async def shown_event(self, event: ThreadStreamEvent) -> ThreadStreamEvent:
        """The event as a client may see it."""
        if isinstance(event, ThreadItemUpdatedEvent):  # runs for every delta: pydantic's classes are slow to say no
            return event
        match event:
            case ThreadItemAddedEvent() | ThreadItemDoneEvent() | ThreadItemReplacedEvent():
                item = await self.shown(event.item)
                return event if item is event.item else event.model_copy(update={"item": item})
            case _:
                return event

    async def shown_page(self, page: Page[ThreadItem]) -> Page[ThreadItem]:
        """The page as a client may see it."""
        return page.model_copy(update={"data": [await self.shown(item) for item in page.data]})

    async def for_model(self, items: Sequence[ThreadItem]) -> dict[str, str]:
        """Item id → where the model finds its picture: for those of `items` that have one, and have not lost it."""
        urls: dict[str, str] = {}
        for item in items:
            if isinstance(item, GeneratedImageItem) and item.image is not None:
                url: str | None = item.image.url
                if self._store is not None and name_of(url) is not None:
                    url = await self._store.model_url(self._user, item.thread_id, url)
                if url is not None:
                    urls[item.id] = url
        return urls


def _with_url(item: GeneratedImageItem, url: str) -> GeneratedImageItem:
    image = item.image.model_copy(update={"url": url}) if item.image is not None else None
    return item.model_copy(update={"image": image})

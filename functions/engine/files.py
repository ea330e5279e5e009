"""What of an item lies elsewhere: pictures that models make, and attachments. Kept apart, and shown where it is read.

What a model or an author makes arrives as a data URL. Before its item is stored, the bytes go to the `ImageStore`, and the
item holds a reference; before an item leaves for a client, the reference becomes a URL that was signed just then, and so do
the previews of a message's attachments. So the store never holds a URL that expires, and no history grows by megabytes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from functions.attachments.base import AttachmentStore, ImageStore
from functions.attachments.images import from_data_url, name_of
from functions.model.to_input import InputPart, picture_part
from functions.protocol.base import Page
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import GeneratedImageItem, ThreadItem, UserMessageItem


class Files:
    """The pictures and attachments of one owner. Every call may raise what the two stores raise."""

    def __init__(
        self, owner: str, *, images: ImageStore | None = None, attachments: AttachmentStore | None = None
    ) -> None:
        """Without `images`, data URLs stay in the items; without `attachments`, the model reads their names."""
        self._owner: Final = owner
        self._images: Final = images
        self._attachments: Final = attachments

    async def kept(self, item: ThreadItem) -> ThreadItem:
        """The item as it is to be stored. Raises `InternalError` for a data URL that holds no base64."""
        if self._images is None or not isinstance(item, GeneratedImageItem) or item.image is None:
            return item
        picture = from_data_url(item.image.url)
        if picture is None:
            return item
        return _with_url(item, await self._images.put(self._owner, item.thread_id, picture))

    async def shown(self, item: ThreadItem) -> ThreadItem:
        """The item as a client may see it."""
        if isinstance(item, UserMessageItem):
            return self._shown_message(item)
        if self._images is None or not isinstance(item, GeneratedImageItem) or item.image is None:
            return item
        url = await self._images.url(self._owner, item.thread_id, item.image.url)
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

    async def for_model(self, items: Sequence[ThreadItem]) -> Mapping[str, InputPart]:
        """What the model reads in place of pictures and attachments, by their ids: of those that have not been lost."""
        parts: dict[str, InputPart] = {}
        for item in items:
            if isinstance(item, GeneratedImageItem) and (url := await self._model_url(item)) is not None:
                part = picture_part(url)
                parts |= {} if part is None else {item.id: part}
        attached = [one for item in items if isinstance(item, UserMessageItem) for one in item.attachments]
        if attached and self._attachments is not None:
            parts |= await self._attachments.for_model(self._owner, attached)
        return parts

    async def _model_url(self, item: GeneratedImageItem) -> str | None:
        if item.image is None or self._images is None or name_of(item.image.url) is None:
            return item.image and item.image.url
        return await self._images.model_url(self._owner, item.thread_id, item.image.url)

    def _shown_message(self, item: UserMessageItem) -> UserMessageItem:
        if not item.attachments or self._attachments is None:
            return item
        shown = [self._attachments.shown(self._owner, one) for one in item.attachments]
        return item.model_copy(update={"attachments": shown})


def _with_url(item: GeneratedImageItem, url: str) -> GeneratedImageItem:
    image = item.image.model_copy(update={"url": url}) if item.image is not None else None
    return item.model_copy(update={"image": image})

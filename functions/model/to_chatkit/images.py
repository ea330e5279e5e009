"""Pictures that the model makes: the place where one will be, its rough states, and the picture itself.

All of them are data URLs here. Whoever stores the finished item puts the picture's bytes elsewhere: see
`functions.engine.files`.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from functions.ids import IdFactory
from functions.model.base import ResponseEvent
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import GeneratedImage, GeneratedImageItem
from functions.protocol.updates import GeneratedImageUpdated

IMAGE_BYTES: Final = 32 * 1024 * 1024
"""The largest picture."""
_MEDIA_TYPES: Final[Mapping[str, str]] = {name: f"image/{name}" for name in ("png", "jpeg", "webp", "gif")} | {
    "svg": "image/svg+xml"
}
"""`output_format` → media type; PNG is the API's default
(https://platform.openai.com/docs/api-reference/responses/create)."""


class Images:
    """The pictures of one response, by `output_index`."""

    def __init__(
        self, *, thread_id: str, ids: IdFactory, now: Callable[[], datetime], partial_images: int | None
    ) -> None:
        """`partial_images`: how many rough states of each were asked for; without, their progress is not known."""
        self._thread_id = thread_id
        self._ids = ids
        self._now = now
        self._expected = partial_images
        self._open: dict[int, GeneratedImageItem] = {}

    def added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A picture is begun."""
        index = event["output_index"]
        if index not in self._open:
            self._open[index] = self._new_item()
            yield ThreadItemAddedEvent(item=self._open[index])

    def partial(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A rough state of a picture, unchecked but for its letters. Raises `ValueError` for what is no base64."""
        item = self._open.get(event["output_index"])
        if item is not None:
            data: str = event["partial_image_b64"]
            if not data.isascii():
                raise ValueError("a picture that is no base64")
            url = _data_url(event, data)
            progress = min(1.0, event["partial_image_index"] / self._expected) if self._expected else 0.0
            update = GeneratedImageUpdated(image=GeneratedImage(id=item.id, url=url), progress=progress)
            yield ThreadItemUpdatedEvent(item_id=item.id, update=update)

    def done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A picture is complete. The place of one that failed is taken away. Raises `ValueError` for what is no base64."""
        item = self._open.pop(event["output_index"], None)
        result = event["item"].get("result")
        if not result:
            if item is not None:
                yield ThreadItemRemovedEvent(item_id=item.id)
            return
        if len(base64.b64decode(result, validate=True)) > IMAGE_BYTES:
            raise ValueError("a picture over the limit")
        item = item or self._new_item()
        image = GeneratedImage(id=item.id, url=_data_url(event["item"], result))
        yield ThreadItemDoneEvent(item=item.model_copy(update={"image": image}))

    def unfinished(self) -> list[int]:
        """The indexes of the pictures that are still awaited."""
        return list(self._open)

    def _new_item(self) -> GeneratedImageItem:
        return GeneratedImageItem(id=self._ids.new("image"), thread_id=self._thread_id, created_at=self._now())


def partial_images(tools: Iterable[Mapping[str, Any]]) -> int | None:
    """How many rough states of a picture a request's `tools` ask for; None without an image generation tool."""
    return next((tool.get("partial_images") for tool in tools if tool.get("type") == "image_generation"), None)


def _data_url(holder: Mapping[str, Any], data: str) -> str:
    media_type = _MEDIA_TYPES.get(holder.get("output_format") or "png", "image/png")
    return f"data:{media_type};base64,{data}"

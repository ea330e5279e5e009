"""Attachments from their announcement to the model: the rules, over the ports to rows, objects and the model's files."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import AnyUrl

from functions.attachments.base import Counting, InputPart, ModelFiles, Objects
from functions.attachments.limits import DIRECT_BYTES, UPLOAD_SECONDS, AttachmentLimits, clean_name, media_type
from functions.attachments.objects import INLINE_TYPES
from functions.errors import AttachmentRefused, ModelError, NotFound
from functions.ids import IdFactory
from functions.protocol.attachments import (
    Attachment,
    AttachmentUploadDescriptor,
    FileAttachment,
    ImageAttachment,
)
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import AttachmentRecords, Place, StoredAttachment
from functions.translations import Text

WAIT_SECONDS: Final = 10.0
"""How long a file that was just uploaded is waited for: S3's word, and a look at the bytes, take a second or two."""
_LOOKS: Final = (0.1, 0.2, 0.3, 0.5)
"""Seconds between two looks at a row; the last goes on."""
MODEL_FILE_BYTES: Final = 8_000_000
"""Where the model cannot fetch a file by a URL, its requests hold it in base64, up to this; beyond, the Files API does."""

_AT_ONCE: Final = 100
"""How many of a deleted thread's attachments are read with one request."""

_log: Final = logging.getLogger(__name__)


class Uploads:
    """Implements `functions.attachments.base.AttachmentStore`."""

    def __init__(
        self,
        *,
        records: AttachmentRecords,
        objects: Objects,
        limits: AttachmentLimits,
        ids: IdFactory,
        now: Callable[[], datetime],
        files: Callable[[], ModelFiles | None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`files` gives the Files API when it is needed; None where there is none. `now` gives aware times."""
        self._records = records
        self._objects = objects
        self._limits = limits
        self._ids = ids
        self._now = now
        self._files = files
        self._sleep = sleep

    async def create(self, owner: str, params: AttachmentCreateParams, counting: Counting) -> Attachment:
        """See `AttachmentStore`. One round trip, and one more where bytes are counted."""
        stored = await self._announced(owner, params, counting)
        target = self._objects.upload_target(
            stored.place, size=stored.size, mime_type=stored.mime_type, seconds=UPLOAD_SECONDS
        )
        descriptor = AttachmentUploadDescriptor(url=AnyUrl(target.url), method="PUT", headers=dict(target.headers))
        return _attachment(stored).model_copy(update={"upload_descriptor": descriptor})

    async def upload(self, owner: str, name: str, mime_type: str, data: bytes, counting: Counting) -> Attachment:
        """See `AttachmentStore`."""
        if len(data) > DIRECT_BYTES:
            raise AttachmentRefused(Text.ATTACHMENT_TOO_LARGE, "file", limit=DIRECT_BYTES)
        params = AttachmentCreateParams(name=name, size=len(data), mime_type=mime_type)
        stored = await self._announced(owner, params, counting)
        await self._objects.put_upload(stored.place, data, mime_type=stored.mime_type)
        return _attachment(stored)

    async def delete(self, owner: str, attachment_id: str) -> None:
        """See `AttachmentStore`. Objects first: what is left of a deletion that broke off can be deleted again."""
        await self._delete(await self._found(owner, attachment_id))

    async def ready(self, owner: str, attachment_ids: Sequence[str], thread_id: str) -> list[Attachment]:
        """See `AttachmentStore`. One round trip, where all are there."""
        wanted = list(dict.fromkeys(attachment_ids))
        self._limits.check_count(len(wanted))
        settled = {stored.id: stored for stored in await self._settled([Place.of(owner, one) for one in wanted])}
        attachments: list[Attachment] = []
        for number, one in enumerate(wanted):
            stored, field = settled.get(one), f"params.input.attachments.{number}"
            if stored is None or stored.thread_id not in {None, thread_id}:
                raise NotFound(Text.ATTACHMENT_NOT_FOUND)
            attachments.append(_uploaded(stored, field).model_copy(update={"thread_id": thread_id}))
        return attachments

    async def preview(self, owner: str, attachment_id: str) -> Attachment:
        """See `AttachmentStore`."""
        stored = next(iter(await self._settled([Place.of(owner, attachment_id)])), None)
        if stored is None:
            raise NotFound(Text.ATTACHMENT_NOT_FOUND)
        return self.shown(owner, _uploaded(stored, "params.attachment_id"))

    async def download_url(self, owner: str, attachment_id: str) -> str:
        """See `AttachmentStore`."""
        stored = await self._found(owner, attachment_id)
        if stored.state != "uploaded":
            raise NotFound(Text.ATTACHMENT_NOT_FOUND)
        return self._objects.download_url(stored.place, name=stored.name, mime_type=stored.mime_type)

    def shown(self, owner: str, attachment: Attachment) -> Attachment:
        """See `AttachmentStore`. Costs 0.4 ms of CPU for a picture."""
        if not isinstance(attachment, ImageAttachment) or attachment.upload_descriptor is not None:
            return attachment
        url = AnyUrl(self._objects.preview_url(Place.of(owner, attachment.id)))
        return attachment.model_copy(update={"preview_url": url})

    async def for_model(self, owner: str, attachments: Sequence[Attachment]) -> Mapping[str, InputPart]:
        """See `AttachmentStore`."""
        places = {one.id: Place.of(owner, one.id) for one in attachments}
        parts = await asyncio.gather(*(self._part(one, places[one.id]) for one in attachments))
        return {one.id: part for one, part in zip(attachments, parts, strict=True) if part is not None}

    async def delete_thread(self, owner: str, thread_id: str) -> None:
        """See `AttachmentStore`. It may be called again, also after it broke off, until `Store.delete_contents` was."""
        found = await self._records.of_thread(owner, thread_id)
        for start in range(0, len(found), _AT_ONCE):
            places = [Place.of(owner, one) for one in found[start : start + _AT_ONCE]]
            for stored in await self._records.load(places):
                await self._delete(stored)

    async def _announced(self, owner: str, params: AttachmentCreateParams, counting: Counting) -> StoredAttachment:
        self._limits.check(params)
        stored = StoredAttachment(
            id=self._ids.new("attachment"),
            owner=owner,
            name=clean_name(params.name),
            mime_type=media_type(params.mime_type),
            size=params.size,
            created_at=self._now(),
        )
        async with counting(stored.size) as room:
            await self._records.announce(stored, room=room)
        return stored

    async def _found(self, owner: str, attachment_id: str) -> StoredAttachment:
        found = await self._records.load([Place.of(owner, attachment_id)])
        if not found:
            raise NotFound(Text.ATTACHMENT_NOT_FOUND)
        return found[0]

    async def _settled(self, places: Sequence[Place]) -> list[StoredAttachment]:
        """What there is, once none of it waits for its bytes any more, or the time is up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        look = 0
        while True:
            found = await self._records.load(places)
            if all(stored.state != "announced" for stored in found) or loop.time() >= until:
                return found
            await self._sleep(_LOOKS[min(look, len(_LOOKS) - 1)])
            look += 1

    async def _delete(self, stored: StoredAttachment) -> None:
        await self._objects.delete(stored.place)
        if stored.file_id is not None and (files := self._files()) is not None:
            try:
                await files.delete(stored.file_id)
            except ModelError:
                _log.warning("a file was not deleted at OpenAI", extra={"file_id": stored.file_id})
        await self._records.delete(stored.place)

    async def _part(self, attachment: Attachment, place: Place) -> InputPart | None:
        url = self._objects.model_url(place)
        if attachment.mime_type in INLINE_TYPES:
            source = url or await self._data_url(place, attachment.mime_type)
            return None if source is None else {"type": "input_image", "image_url": source, "detail": "auto"}
        if url is not None:
            return {"type": "input_file", "file_url": url}
        return await self._file_part(attachment, place)

    async def _file_part(self, attachment: Attachment, place: Place) -> InputPart | None:
        """A file that the model cannot fetch: its copy at OpenAI, or its bytes."""
        stored = next(iter(await self._records.load([place])), None)
        if stored is None:
            return None
        if stored.file_id is not None:
            return {"type": "input_file", "file_id": stored.file_id}
        data = await self._objects.read(place)
        if data is None:
            return None
        files = self._files() if len(data) > MODEL_FILE_BYTES else None
        if files is not None:
            file_id = await files.upload(attachment.name, data, attachment.mime_type)
            await self._records.remember_file(place, file_id)
            return {"type": "input_file", "file_id": file_id}
        encoded = f"data:{attachment.mime_type};base64,{base64.b64encode(data).decode()}"
        return {"type": "input_file", "filename": attachment.name, "file_data": encoded}

    async def _data_url(self, place: Place, mime_type: str) -> str | None:
        data = await self._objects.read(place)
        return None if data is None else f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def _uploaded(stored: StoredAttachment, field: str) -> Attachment:
    """An attachment whose bytes have come and are good. Raises `AttachmentRefused` for any other, which `field` names."""
    if stored.state == "refused":
        raise AttachmentRefused(Text.ATTACHMENT_REFUSED, field)
    if stored.state == "announced":
        raise AttachmentRefused(Text.ATTACHMENT_NOT_READY, field, allow_retry=True)
    return _attachment(stored)


def _attachment(stored: StoredAttachment) -> Attachment:
    """As ChatKit has it. What shows a picture is asked for, or signed, later."""
    if stored.mime_type.startswith("image/"):
        return ImageAttachment(
            id=stored.id, name=stored.name, mime_type=stored.mime_type, preview_url="lazy", thread_id=stored.thread_id
        )
    return FileAttachment(id=stored.id, name=stored.name, mime_type=stored.mime_type, thread_id=stored.thread_id)

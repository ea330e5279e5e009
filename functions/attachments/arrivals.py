"""What happens when S3 has taken a file.

A page writes to `uploads/`, for as long as its URL is good, and again if it likes. What it has written is looked at:

1. The attachment's row says what was announced. Without a row (it was deleted meanwhile, or there never was one) everything
   under its name is deleted.
2. Where the row is settled already, what has come again is deleted, and that is all.
3. The bytes are held against what was announced. If they are that, these very bytes are put to `files/`, where a page cannot
   write, unless something is there; and a picture's preview to `previews/`. (A copy of the upload might be one of other
   bytes, which were uploaded since; and S3 lets a copy be bound to its source, but only some stand-ins to there being none.)
4. The row is settled, once: uploaded or refused. Whoever comes second follows what it says then.
5. What is in the way of that is deleted: the upload, or everything.

So a file that is accepted never changes, in whatever order S3's events come, how often, and how many at the same time.
Each step may be the last of a function that is killed: the event's repeat goes through all of them again.
"""

import logging
import tempfile
from collections.abc import Callable
from typing import IO, Final, Literal, Protocol

from functions.attachments.base import DeletesObjects
from functions.attachments.inspection import Verdict, inspect
from functions.attachments.objects import UPLOADS_PREFIX, place_of
from functions.errors import InternalError
from functions.store.attachments import AttachmentRecords, Place, Settled, StoredAttachment

Outcome = Literal["uploaded", "refused", "gone", "nothing", "ignored"]
"""What an event has led to: the attachment is uploaded, or refused, also by an earlier event; there is no such attachment;
nothing is there to be looked at; the object is none of an upload."""

_ATTEMPTS: Final = 3
_log: Final = logging.getLogger(__name__)


def _inspected(file: IO[bytes], stored: StoredAttachment) -> Verdict:
    return inspect(file, mime_type=stored.mime_type, size=stored.size)


class ArrivedObjects(Protocol):
    """The objects of attachments as the attachment function needs them, beside `Objects`. Raises as that."""

    async def read_upload(self, place: Place, into: IO[bytes], *, most: int) -> int | None:
        """Appends what a page has uploaded to a file, unless that is more than `most` bytes.

        Returns how many bytes it has; None where nothing is there.
        """
        ...

    async def read_file(self, place: Place, into: IO[bytes]) -> bool:
        """Appends the accepted file to a file. Returns whether there is one."""
        ...

    async def put_file(self, place: Place, data: IO[bytes], *, mime_type: str) -> bool:
        """Puts a file where none is. Returns False, and changes nothing, where one is."""
        ...

    async def put_preview(self, place: Place, data: bytes) -> None:
        """Puts a picture's preview (`PREVIEW_TYPE`)."""
        ...

    async def delete_upload(self, key: str) -> None:
        """Deletes what was uploaded under a name; there may be nothing."""
        ...


class Arrivals:
    """Takes, or refuses, what pages have uploaded."""

    def __init__(
        self,
        *,
        records: AttachmentRecords,
        arrived: ArrivedObjects,
        objects: DeletesObjects,
        inspect: Callable[[IO[bytes], StoredAttachment], Verdict] = _inspected,
        new_file: Callable[[], IO[bytes]] = tempfile.TemporaryFile,
        uploaded: Callable[[StoredAttachment], None] | None = None,
    ) -> None:
        """`new_file` makes the files that uploads are looked at in: a function has more disk than memory.

        `uploaded` hears of each attachment that is taken; and again, where S3's event comes again.
        """
        self._records = records
        self._arrived = arrived
        self._objects = objects
        self._inspect = inspect
        self._new_file = new_file
        self._uploaded = uploaded

    async def handle(self, key: str) -> Outcome:
        """An object of this name was created, perhaps long ago. Raises as `AttachmentRecords` and `Objects` do."""
        if not key.startswith(UPLOADS_PREFIX):
            return "ignored"
        place = place_of(key)
        if place is None:
            await self._arrived.delete_upload(key)
            return "gone"
        stored = next(iter(await self._records.load([place])), None)
        if stored is not None and stored.state == "announced":
            judged = await self._judged(stored)
            if judged is None:
                return "nothing"
            stored = await self._records.settle(place, judged)
        if stored is not None and stored.state == "uploaded":
            if self._uploaded is not None:
                self._uploaded(stored)
            await self._arrived.delete_upload(key)
            return "uploaded"
        await self._objects.delete(place)
        return "gone" if stored is None else "refused"

    async def _judged(self, stored: StoredAttachment) -> Settled | None:
        """What becomes of an announced attachment, whose file and preview are there if it is taken; None without bytes."""
        for _ in range(_ATTEMPTS):
            with self._new_file() as file:
                size = await self._arrived.read_upload(stored.place, file, most=stored.size)
                if size is None:
                    return None
                verdict = self._inspect(file, stored) if size <= stored.size else Verdict(problem="size")
                if verdict.problem is not None:
                    _log.warning(
                        "an upload is not what it was announced as",
                        extra={"attachment_id": stored.id, "problem": verdict.problem},
                    )
                    return "refused"
                file.seek(0)
                if not await self._arrived.put_file(stored.place, file, mime_type=stored.mime_type):
                    # Accepted by another run, which may have broken off; it may have been another upload, too.
                    file.seek(0)
                    file.truncate()
                    if not await self._arrived.read_file(stored.place, file):
                        continue
                    verdict = self._inspect(file, stored)
                if verdict.preview is not None:
                    await self._arrived.put_preview(stored.place, verdict.preview)
                return "uploaded"
        raise InternalError(f"the file of {stored.id} comes and goes")

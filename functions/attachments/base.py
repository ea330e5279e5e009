"""The ports to attachments and to the pictures that models make."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from functions.attachments.images import Picture
from functions.protocol.attachments import Attachment
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import Place, Room

InputPart: TypeAlias = dict[str, Any]
"""A part of a message's content for the model: `input_image` or `input_file`."""


Counting: TypeAlias = Callable[[int], AbstractAsyncContextManager[Room]]
"""Counts a file of so many bytes, which is announced within, for whoever has a limit; gives the room that there is for it.

`functions.engine.quotas.Quotas.announcing`, which says what is raised.
"""


class AttachmentStore(Protocol):
    """Attachments of users. What belongs to another user is not found. `owner` is the user, with the tenant.

    Every call but `shown` raises `Unavailable` where storage cannot be reached, and `InternalError` where it refuses.
    """

    async def create(self, owner: str, params: AttachmentCreateParams, counting: Counting) -> Attachment:
        """Announces an upload, and says where its bytes go.

        Raises `AttachmentRefused` for a file that is not taken, which is not counted, and as `counting`; then nothing is
        stored.
        """
        ...

    async def upload(self, owner: str, name: str, mime_type: str, data: bytes, counting: Counting) -> Attachment:
        """Announces an attachment whose bytes are here, and uploads them. Raises as `create`."""
        ...

    async def delete(self, owner: str, attachment_id: str) -> None:
        """Deletes an attachment with its bytes. Raises `NotFound`."""
        ...

    async def ready(self, owner: str, attachment_ids: Sequence[str], thread_id: str) -> list[Attachment]:
        """The attachments of a message, in the order given; those that are not uploaded yet are waited for, briefly.

        Each is the owner's own, uploaded, and in no message of another thread. The message's own write makes them the
        thread's. Raises `NotFound` for any that is gone, and `AttachmentRefused` for one that may not be in a message.
        """
        ...

    async def preview(self, owner: str, attachment_id: str) -> Attachment:
        """An attachment with what shows it, once its bytes have come. Raises `NotFound`."""
        ...

    async def download_url(self, owner: str, attachment_id: str) -> str:
        """Where a browser gets the file, for some minutes. Raises `NotFound` where it is not there, or not yet."""
        ...

    def shown(self, owner: str, attachment: Attachment) -> Attachment:
        """A stored message's attachment as a client may see it: with a URL that was signed just now. Costs no request."""
        ...

    async def for_model(self, owner: str, attachments: Sequence[Attachment]) -> Mapping[str, InputPart]:
        """Attachments as the model reads them, by id; those that are gone are missing."""
        ...

    async def delete_thread(self, owner: str, thread_id: str) -> None:
        """Deletes the attachments in the messages of a thread that is gone."""
        ...


class ModelFiles(Protocol):
    """Copies of files at the model's provider."""

    async def upload(self, name: str, data: bytes, mime_type: str) -> str:
        """Uploads a file, and returns its id. Raises `ModelError`."""
        ...

    async def delete(self, file_id: str) -> None:
        """Deletes a file; one that is gone is passed over. Raises `ModelError`."""
        ...


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where a page sends a file."""

    url: str
    headers: Mapping[str, str]
    """What the page must send with it."""


class DeletesObjects(Protocol):
    """What deletes attachments' objects: an `Objects`, or less."""

    async def delete(self, place: Place) -> None:
        """Deletes everything of an attachment; there may be nothing."""
        ...


class Objects(DeletesObjects, Protocol):
    """The objects of attachments (`functions.attachments.objects`). URLs cost no request."""

    def upload_target(self, place: Place, *, size: int, mime_type: str, seconds: int) -> UploadTarget:
        """Where exactly these bytes may be PUT, for `seconds`."""
        ...

    def preview_url(self, place: Place) -> str:
        """Where a browser finds a picture's preview, for an hour."""
        ...

    def download_url(self, place: Place, *, name: str, mime_type: str) -> str:
        """Where a browser gets the file, to be saved under `name`, for some minutes."""
        ...

    def model_url(self, place: Place) -> str | None:
        """Where the model's provider finds the file, for an hour; None where it cannot reach this storage."""
        ...

    async def put_upload(self, place: Place, data: bytes, *, mime_type: str) -> None:
        """Does what a page does with an `upload_target`."""
        ...

    async def read(self, place: Place) -> bytes | None:
        """The attachment's bytes; None where they are gone."""
        ...


class ImageStore(Protocol):
    """Pictures of threads. Each call names user and thread: a reference alone leads to nothing of anybody else's.

    Every call raises `Unavailable` where the storage cannot be reached, and `InternalError` where it refuses.
    """

    async def put(self, user: str, thread_id: str, picture: Picture) -> str:
        """Keeps a picture, and returns the reference to it that items hold (see `functions.attachments.images`)."""
        ...

    async def url(self, user: str, thread_id: str, reference: str) -> str | None:
        """Where a browser finds the picture for the next hour; None where `reference` is none of this store's.

        Costs no request, and so does not tell whether the picture is still there.
        """
        ...

    async def model_url(self, user: str, thread_id: str, reference: str) -> str | None:
        """Where the model's provider finds the picture: the same, or a data URL where it could not reach the storage.

        None also where the picture is seen to be gone.
        """
        ...

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """Deletes all pictures of a thread; there may be none."""
        ...

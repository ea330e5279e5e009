"""The ports to attachments and to the pictures that models make."""

from typing import Protocol

from functions.attachments.images import Picture
from functions.protocol.attachments import Attachment
from functions.protocol.requests import AttachmentCreateParams


class AttachmentStore(Protocol):
    """Attachments of users. What belongs to another user is not found."""

    async def create(self, user: str, params: AttachmentCreateParams) -> Attachment:
        """Announces an upload, and says where its bytes go. Raises `InvalidRequest` beyond the limits."""
        ...

    async def delete(self, user: str, attachment_id: str) -> None:
        """Deletes an attachment with its bytes. Raises `NotFound`."""
        ...

    async def attach(self, user: str, attachment_ids: list[str], thread_id: str) -> list[Attachment]:
        """The attachments of a message, which from now on belong to its thread. Raises `NotFound` for any that is gone."""
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

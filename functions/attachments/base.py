"""The port to attachments."""

from typing import Protocol

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

"""Attachments: files and images that a user adds to a message."""

from typing import Annotated, Any, Literal

from pydantic import AnyUrl, Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from functions.protocol.base import WireModel


class AttachmentUploadDescriptor(WireModel):
    """Where and how the client uploads the bytes of a two-phase attachment."""

    url: AnyUrl
    method: Literal["POST", "PUT"]
    headers: dict[str, str] = Field(default_factory=dict[str, str])


class AttachmentBase(WireModel):
    """What files and images share."""

    id: str
    name: str
    mime_type: str
    upload_descriptor: AttachmentUploadDescriptor | None = None
    """For the upload only: None once the bytes are there."""
    thread_id: str | None = None
    """Set when a message that holds the attachment is stored."""
    metadata: dict[str, Any] | None = None
    """The integrator's own; stored, and never sent to a client."""

    @model_serializer(mode="wrap")
    def _without_metadata(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        if info.context and info.context.get("exclude_metadata"):
            data.pop("metadata", None)
        return data


class FileAttachment(AttachmentBase):
    """A file of any kind."""

    type: Literal["file"] = "file"


class ImageAttachment(AttachmentBase):
    """A picture; the client shows `preview_url`, or asks for one where it is the string `lazy`."""

    type: Literal["image"] = "image"
    preview_url: AnyUrl | Literal["lazy"]


Attachment = Annotated[FileAttachment | ImageAttachment, Field(discriminator="type")]

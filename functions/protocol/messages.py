"""What users and assistants say."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from functions.protocol.base import WireModel
from functions.protocol.sources import Annotation

CONTENT_PARTS: Final = 1_000
"""The most parts that one message may have."""
ATTACHMENTS: Final = 100
"""The most attachments that one message may have."""


class UserMessageTextContent(WireModel):
    """Text that the user wrote."""

    type: Literal["input_text"] = "input_text"
    text: str


class UserMessageTagContent(WireModel):
    """An entity that the user picked while writing (`@name`)."""

    type: Literal["input_tag"] = "input_tag"
    id: str
    text: str
    data: dict[str, Any]
    group: str | None = None
    interactive: bool = False


UserMessageContent = Annotated[UserMessageTextContent | UserMessageTagContent, Field(discriminator="type")]


class ToolChoice(WireModel):
    """The tool that the user picked in the composer."""

    id: str


class InferenceOptions(WireModel):
    """What the user picked in the composer for this message."""

    tool_choice: ToolChoice | None = None
    model: str | None = None


class UserMessageInput(WireModel):
    """A message as the client sends it."""

    content: Annotated[list[UserMessageContent], Field(max_length=CONTENT_PARTS)]
    attachments: Annotated[list[str], Field(max_length=ATTACHMENTS)]
    """Attachment ids."""
    quoted_text: str | None = None
    inference_options: InferenceOptions


class AssistantMessageContent(WireModel):
    """A part of an assistant's answer: Markdown, and the sources tied to it."""

    annotations: list[Annotation] = Field(default_factory=list[Annotation])
    text: str
    type: Literal["output_text"] = "output_text"

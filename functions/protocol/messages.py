"""What users and assistants say.

A stored message has the same parts as one that comes in; what ends at a limit is the latter alone, `UserMessageInput`.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from functions.protocol.base import WireModel
from functions.protocol.limits import (
    ID_CHARACTERS,
    MESSAGE_CHARACTERS,
    QUOTE_CHARACTERS,
    TAG_CHARACTERS,
    TAG_DATA_BYTES,
    TAGS,
    check_json,
    short,
    text_too_long,
    user_text,
)
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


def _checked_content(parts: list[UserMessageContent]) -> list[UserMessageContent]:
    for place, error in _excesses(parts):
        # Raised within a validator, its place is put behind that of the list.
        raise ValidationError.from_exception_data("content", [InitErrorDetails(type=error, loc=place, input=None)])
    return parts


def _checked_options(options: InferenceOptions) -> InferenceOptions:
    choice = options.tool_choice.id if options.tool_choice else ""
    for place, text in ((("tool_choice", "id"), choice), (("model",), options.model or "")):
        if len(text) > ID_CHARACTERS:
            raise ValidationError.from_exception_data(
                "inference_options", [InitErrorDetails(type=_too_long(ID_CHARACTERS), loc=place, input=None)]
            )
    return options


def _excesses(parts: Sequence[UserMessageContent]) -> Iterator[tuple[tuple[int | str, ...], PydanticCustomError]]:
    """What of a message's parts is beyond its limit, and where: as a path from the list of parts on."""
    if sum(len(part.text) for part in parts) > MESSAGE_CHARACTERS:
        yield (), text_too_long(MESSAGE_CHARACTERS)
    tags = [(index, part) for index, part in enumerate(parts) if isinstance(part, UserMessageTagContent)]
    if len(tags) > TAGS:
        yield (), PydanticCustomError("too_long", "must have at most {limit} tags", {"limit": TAGS})
    for index, tag in tags:
        for name, text in (("id", tag.id), ("text", tag.text), ("group", tag.group or "")):
            if len(text) > TAG_CHARACTERS:
                yield (index, name), _too_long(TAG_CHARACTERS)
        try:
            check_json(tag.data, TAG_DATA_BYTES)
        except PydanticCustomError as error:
            yield (index, "data"), error


def _too_long(most: int) -> PydanticCustomError:
    return PydanticCustomError("string_too_long", "must have at most {limit} characters", {"limit": most})


class UserMessageInput(WireModel):
    """A message as the client sends it."""

    content: Annotated[list[UserMessageContent], Field(max_length=CONTENT_PARTS), AfterValidator(_checked_content)]
    attachments: Annotated[list[Annotated[str, short(ID_CHARACTERS)]], Field(max_length=ATTACHMENTS)]
    """Attachment ids."""
    quoted_text: Annotated[str, user_text(QUOTE_CHARACTERS)] | None = None
    inference_options: Annotated[InferenceOptions, AfterValidator(_checked_options)]


class AssistantMessageContent(WireModel):
    """A part of an assistant's answer: Markdown, and the sources tied to it."""

    annotations: list[Annotation] = Field(default_factory=list[Annotation])
    text: str
    type: Literal["output_text"] = "output_text"

"""Sources, and the annotations that tie them to a place in an answer."""

from typing import Annotated, Any, Literal

from pydantic import Field

from functions.protocol.base import WireModel
from functions.protocol.icons import IconName


class SourceBase(WireModel):
    """What every source shows."""

    title: str
    description: str | None = None
    timestamp: str | None = None
    group: str | None = None


class FileSource(SourceBase):
    """A file that an answer rests on."""

    type: Literal["file"] = "file"
    filename: str


class URLSource(SourceBase):
    """A web page that an answer rests on."""

    type: Literal["url"] = "url"
    url: str
    attribution: str | None = None


class EntitySource(SourceBase):
    """A thing of the author's own world: a person, a document, an order."""

    type: Literal["entity"] = "entity"
    id: str
    icon: IconName | None = None
    label: str | None = None
    inline_label: str | None = None
    interactive: bool = False
    """True gives this entity the page's click and preview callbacks."""
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Handed to those callbacks."""
    preview: Literal["lazy"] | None = None
    """Ignored by the client since `entities.onRequestPreview`; kept, as older stored items hold it."""


Source = Annotated[URLSource | FileSource | EntitySource, Field(discriminator="type")]


class Annotation(WireModel):
    """A source, tied to the character `index` of its text."""

    type: Literal["annotation"] = "annotation"
    source: Source
    index: int | None = None

"""Components that show something."""
# ruff: noqa: N815 - the wire's names

from typing import Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from functions.protocol.widgets.base import (
    STRICT,
    CaptionSize,
    Color,
    Component,
    IconSize,
    RadiusValue,
    Spacing,
    TextAlign,
    TextSize,
    TextWeight,
    TitleSize,
    WidgetIcon,
    component,
)


@component
class Markdown(Component):
    """Markdown. With an `id`, text that is appended streams; `streaming` smooths its appearance."""

    type: Literal["Markdown"] = "Markdown"
    value: str
    streaming: bool | None = None


@with_config(STRICT)
class EditableProps(TypedDict):
    """How a text is edited in place; `name` is its field's name in the form."""

    name: str
    autoFocus: NotRequired[bool]
    autoSelect: NotRequired[bool]
    autoComplete: NotRequired[str]
    allowAutofillExtensions: NotRequired[bool]
    pattern: NotRequired[str]
    """A regular expression that the text has to match."""
    placeholder: NotRequired[str]
    required: NotRequired[bool]


class TextBase(Component):
    """What plain texts share."""

    value: str
    color: Color | None = None
    weight: TextWeight | None = None
    textAlign: TextAlign | None = None
    truncate: bool | None = None
    """Ends a text that is too long with an ellipsis."""
    maxLines: int | None = None


@component
class Text(TextBase):
    """Plain text. With an `id`, text that is appended streams; `streaming` smooths its appearance."""

    type: Literal["Text"] = "Text"
    streaming: bool | None = None
    italic: bool | None = None
    lineThrough: bool | None = None
    width: float | str | None = None
    size: TextSize | None = None
    minLines: int | None = None
    """Room that is kept free, in lines."""
    editable: Literal[False] | EditableProps | None = None


@component
class Title(TextBase):
    """A heading."""

    type: Literal["Title"] = "Title"
    size: TitleSize | None = None


@component
class Caption(TextBase):
    """Small print."""

    type: Literal["Caption"] = "Caption"
    size: CaptionSize | None = None


@component
class Badge(Component):
    """A short label that marks a state or a kind."""

    type: Literal["Badge"] = "Badge"
    label: str
    color: Literal["secondary", "success", "danger", "warning", "info", "discovery"] | None = None
    variant: Literal["solid", "soft", "outline"] | None = None
    size: Literal["sm", "md", "lg"] | None = None
    pill: bool | None = None


@component
class Icon(Component):
    """One of the client's icons."""

    type: Literal["Icon"] = "Icon"
    name: WidgetIcon
    color: Color | None = None
    size: IconSize | None = None


@component
class Image(Component):
    """A picture. Its host has to be among the thread's `allowed_image_domains`, where the thread has any."""

    type: Literal["Image"] = "Image"
    src: str
    alt: str | None = None
    fit: Literal["cover", "contain", "fill", "scale-down", "none"] | None = None
    position: (
        Literal["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"]
        | None
    ) = None
    """What part stays in view where the picture is cut."""
    radius: RadiusValue | None = None
    frame: bool | None = None
    flush: bool | None = None
    """From edge to edge, over the container's padding."""
    height: int | str | None = None
    width: int | str | None = None
    size: int | str | None = None
    minHeight: int | str | None = None
    minWidth: int | str | None = None
    minSize: int | str | None = None
    maxHeight: int | str | None = None
    maxWidth: int | str | None = None
    maxSize: int | str | None = None
    margin: int | str | Spacing | None = None
    background: Color | None = None
    aspectRatio: float | str | None = None
    flex: int | str | None = None

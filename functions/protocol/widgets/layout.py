"""Components that arrange others."""
# ruff: noqa: N815 - the wire's names

from typing import Literal

from functions.protocol.actions import ActionConfig
from functions.protocol.widgets.base import (
    Alignment,
    Border,
    Borders,
    Color,
    Component,
    Direction,
    Justification,
    RadiusValue,
    Spacing,
    WidgetComponent,
    component,
)


class BoxBase(Component):
    """What the flex containers share."""

    children: list[WidgetComponent] | None = None
    align: Alignment | None = None
    """Across the direction of the children."""
    justify: Justification | None = None
    """Along the direction of the children."""
    wrap: Literal["nowrap", "wrap", "wrap-reverse"] | None = None
    flex: int | str | None = None
    """The container's own share of the room that its parent has left."""
    gap: int | str | None = None
    height: float | str | None = None
    width: float | str | None = None
    size: float | str | None = None
    """Height and width at once; `minSize` and `maxSize` likewise."""
    minHeight: int | str | None = None
    minWidth: int | str | None = None
    minSize: int | str | None = None
    maxHeight: int | str | None = None
    maxWidth: int | str | None = None
    maxSize: int | str | None = None
    padding: float | str | Spacing | None = None
    margin: float | str | Spacing | None = None
    border: int | Border | Borders | None = None
    radius: RadiusValue | None = None
    background: Color | None = None
    aspectRatio: float | str | None = None


@component
class Box(BoxBase):
    """A container in either direction."""

    type: Literal["Box"] = "Box"
    direction: Direction | None = None


@component
class Row(BoxBase):
    """A container from side to side."""

    type: Literal["Row"] = "Row"


@component
class Col(BoxBase):
    """A container from top to bottom."""

    type: Literal["Col"] = "Col"


@component
class Form(BoxBase):
    """A container whose fields go, by their names, into the payload of each action inside it.

    A field named `todo.title` arrives as `payload["todo"]["title"]`.
    """

    type: Literal["Form"] = "Form"
    onSubmitAction: ActionConfig | None = None
    direction: Direction | None = None


@component
class ListViewItem(Component):
    """A row of a `ListView`."""

    type: Literal["ListViewItem"] = "ListViewItem"
    children: list[WidgetComponent]
    onClickAction: ActionConfig | None = None
    gap: int | str | None = None
    align: Alignment | None = None


@component
class Divider(Component):
    """A line between sections; `size` is its thickness, `flush` draws it from edge to edge."""

    type: Literal["Divider"] = "Divider"
    color: Color | None = None
    size: int | str | None = None
    spacing: int | str | None = None
    flush: bool | None = None


@component
class Spacer(Component):
    """Room that grows and pushes its siblings apart."""

    type: Literal["Spacer"] = "Spacer"
    minSize: int | str | None = None


@component
class Transition(Component):
    """Animates its child when that appears, changes or goes."""

    type: Literal["Transition"] = "Transition"
    children: WidgetComponent | None = None

"""Components that a user operates. `name` is the field's name in the form, and in the payload of the form's actions."""
# ruff: noqa: N815 - the wire's names

from datetime import datetime
from typing import Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from functions.protocol.actions import ActionConfig
from functions.protocol.widgets.base import (
    STRICT,
    Color,
    Component,
    ControlSize,
    ControlVariant,
    Direction,
    GutterSize,
    TextAlign,
    TextSize,
    TextWeight,
    WidgetIcon,
    component,
)


@component
class Button(Component):
    """A button. It runs `onClickAction`; with `submit` it sends the form that it stands in."""

    type: Literal["Button"] = "Button"
    submit: bool | None = None
    label: str | None = None
    onClickAction: ActionConfig | None = None
    iconStart: WidgetIcon | None = None
    iconEnd: WidgetIcon | None = None
    style: Literal["primary", "secondary"] | None = None
    """A ready-made choice of colour and variant."""
    iconSize: Literal["sm", "md", "lg", "xl", "2xl"] | None = None
    color: Literal["primary", "secondary", "info", "discovery", "success", "caution", "warning", "danger"] | None = None
    variant: ControlVariant | None = None
    size: ControlSize | None = None
    pill: bool | None = None
    uniform: bool | None = None
    """As wide as high."""
    block: bool | None = None
    """As wide as its container."""
    disabled: bool | None = None


@component
class Checkbox(Component):
    """A box to tick."""

    type: Literal["Checkbox"] = "Checkbox"
    name: str
    label: str | None = None
    defaultChecked: bool | None = None
    onChangeAction: ActionConfig | None = None
    disabled: bool | None = None
    required: bool | None = None


@with_config(STRICT)
class SelectOption(TypedDict):
    """A choice of a `Select`; `value` is what the form sends."""

    value: str
    label: str
    disabled: NotRequired[bool]
    description: NotRequired[str]


@component
class Select(Component):
    """A drop-down list."""

    type: Literal["Select"] = "Select"
    name: str
    options: list[SelectOption]
    onChangeAction: ActionConfig | None = None
    placeholder: str | None = None
    defaultValue: str | None = None
    variant: ControlVariant | None = None
    size: ControlSize | None = None
    pill: bool | None = None
    block: bool | None = None
    clearable: bool | None = None
    disabled: bool | None = None
    searchable: bool | None = None
    """Unset, the client offers a search once there are more than 15 options."""


@component
class DatePicker(Component):
    """A calendar. Days before `min` and after `max` cannot be chosen."""

    type: Literal["DatePicker"] = "DatePicker"
    name: str
    onChangeAction: ActionConfig | None = None
    placeholder: str | None = None
    defaultValue: datetime | None = None
    min: datetime | None = None
    max: datetime | None = None
    variant: ControlVariant | None = None
    size: ControlSize | None = None
    side: Literal["top", "bottom", "left", "right"] | None = None
    """Where the calendar opens, if there is room; `align` is its place along that side."""
    align: Literal["start", "center", "end"] | None = None
    pill: bool | None = None
    block: bool | None = None
    clearable: bool | None = None
    disabled: bool | None = None


class TextFieldBase(Component):
    """What the fields for text share; `pattern` is a regular expression that the text has to match."""

    name: str
    defaultValue: str | None = None
    required: bool | None = None
    pattern: str | None = None
    placeholder: str | None = None
    allowAutofillExtensions: bool | None = None
    autoSelect: bool | None = None
    autoFocus: bool | None = None
    disabled: bool | None = None
    variant: Literal["soft", "outline"] | None = None
    size: ControlSize | None = None
    gutterSize: GutterSize | None = None


@component
class Input(TextFieldBase):
    """A field for one line."""

    type: Literal["Input"] = "Input"
    inputType: Literal["number", "email", "text", "password", "tel", "url"] | None = None
    pill: bool | None = None


@component
class Textarea(TextFieldBase):
    """A field for several lines: `rows` at first, with `autoResize` as many as it takes, up to `maxRows`."""

    type: Literal["Textarea"] = "Textarea"
    rows: int | None = None
    autoResize: bool | None = None
    maxRows: int | None = None


@component
class Label(Component):
    """The label of the field that is called `fieldName`."""

    type: Literal["Label"] = "Label"
    value: str
    fieldName: str
    size: TextSize | None = None
    weight: TextWeight | None = None
    textAlign: TextAlign | None = None
    color: Color | None = None


@with_config(STRICT)
class RadioOption(TypedDict):
    """A choice of a `RadioGroup`; `value` is what the form sends."""

    label: str
    value: str
    disabled: NotRequired[bool]


@component
class RadioGroup(Component):
    """Choices of which one holds. Read aloud as `ariaLabel`, or else as its name."""

    type: Literal["RadioGroup"] = "RadioGroup"
    name: str
    options: list[RadioOption] | None = None
    ariaLabel: str | None = None
    onChangeAction: ActionConfig | None = None
    defaultValue: str | None = None
    direction: Direction | None = None
    disabled: bool | None = None
    required: bool | None = None

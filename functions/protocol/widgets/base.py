"""What all components share: their base, how a child is read, and the vocabulary of their properties.

Numbers that are lengths are px; in `gap`, `padding`, `margin` and `spacing` they are steps of the client's scale. A string
is a CSS value. A colour is a token (`primary`, `danger`), a step of a palette (`blue-500`), a CSS colour, or one of these
for each theme.
"""

from typing import Annotated, Any, Final, Literal, NotRequired, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    with_config,
)
from typing_extensions import TypedDict

from functions.protocol.icons import IconName

STRICT: Final = ConfigDict(extra="forbid", allow_inf_nan=False, validate_assignment=True, defer_build=True)
"""A property that does not exist is an error that names it; a schema is built when its class is first used."""


class Part(BaseModel):
    """A piece of a widget. Its JSON holds no null, however it is dumped."""

    model_config = STRICT

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class Component(Part):
    """What every component has."""

    key: str | None = None
    """Tells siblings apart when a list is reordered."""
    id: str | None = None
    """Makes the component one that updates can name. Unique within its widget, and kept while the widget streams."""

    def as_json(self) -> dict[str, Any]:
        """The component as the client is sent it. Raises pydantic's serialisation error where a payload is not JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class RootComponent(Component):
    """A component that stands at the top of a widget, and nowhere below."""


_Class = TypeVar("_Class", bound=type[Component])
_CLASSES: Final[dict[str, type[Component]]] = {}


def component(cls: _Class) -> _Class:
    """Decorates a class that JSON is read as wherever its `type` appears."""
    _CLASSES[cls.model_fields["type"].default] = cls
    return cls


def component_classes() -> dict[str, type[Component]]:
    """The class of each `type`, roots included."""
    return dict(_CLASSES)


def read_component(value: Any) -> Any:
    """A component from its JSON; a value that is no JSON object is returned as it is.

    Raises ValueError for an unknown type, and pydantic's ValidationError, with the path, for a wrong property.
    """
    if not isinstance(value, dict):
        return value
    name = cast("dict[str, Any]", value).get("type")
    if not isinstance(name, str) or name not in _CLASSES:
        problem = "a component needs a `type`" if name is None else f"there is no component of type {name!r}"
        raise ValueError(f"{problem}; one that is not known here is given as a DynamicWidgetComponent")
    return _CLASSES[name].model_validate(value)


def _read_child(value: Any) -> Any:
    child = read_component(value)
    if isinstance(child, RootComponent):
        raise ValueError(f"{type(child).__name__} is the root of a widget: it cannot stand inside one")  # noqa: TRY004
    return child


AnyComponent = Annotated[SerializeAsAny[Component], BeforeValidator(read_component)]
"""A component or a root, as an object or as JSON."""

WidgetComponent = Annotated[SerializeAsAny[Component], BeforeValidator(_read_child)]
"""Any component that is no root, as an object or as JSON."""

WidgetIcon = IconName
"""An icon's name."""


@with_config(STRICT)
class ThemeColor(TypedDict):
    """A colour for each theme."""

    dark: str
    light: str


Color = str | ThemeColor


@with_config(STRICT)
class Spacing(TypedDict):
    """Space by edge; `x` and `y` stand for two edges each."""

    top: NotRequired[float | str]
    right: NotRequired[float | str]
    bottom: NotRequired[float | str]
    left: NotRequired[float | str]
    x: NotRequired[float | str]
    y: NotRequired[float | str]


@with_config(STRICT)
class Border(TypedDict):
    """One edge's line; `size` in px."""

    size: int
    color: NotRequired[Color]
    style: NotRequired[Literal["solid", "dashed", "dotted", "double", "groove", "ridge", "inset", "outset"]]


@with_config(STRICT)
class Borders(TypedDict):
    """Lines by edge, each a width in px or a `Border`."""

    top: NotRequired[int | Border]
    right: NotRequired[int | Border]
    bottom: NotRequired[int | Border]
    left: NotRequired[int | Border]
    x: NotRequired[int | Border]
    y: NotRequired[int | Border]


RadiusValue = Literal["2xs", "xs", "sm", "md", "lg", "xl", "2xl", "3xl", "4xl", "full", "100%", "none"]
TextAlign = Literal["start", "center", "end"]
TextSize = Literal["xs", "sm", "md", "lg", "xl"]
TextWeight = Literal["normal", "medium", "semibold", "bold"]
TitleSize = Literal["sm", "md", "lg", "xl", "2xl", "3xl", "4xl", "5xl"]
CaptionSize = Literal["sm", "md", "lg"]
IconSize = Literal["xs", "sm", "md", "lg", "xl", "2xl", "3xl"]
Alignment = Literal["start", "center", "end", "baseline", "stretch"]
Justification = Literal["start", "center", "end", "between", "around", "evenly", "stretch"]
Direction = Literal["row", "col"]
Theme = Literal["light", "dark"]
ControlVariant = Literal["solid", "soft", "outline", "ghost"]
ControlSize = Literal["3xs", "2xs", "xs", "sm", "md", "lg", "xl", "2xl", "3xl"]
GutterSize = Literal["2xs", "xs", "sm", "md", "lg", "xl"]

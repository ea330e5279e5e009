"""Roots of widgets, and components that this package does not know."""
# ruff: noqa: N815 - the wire's names

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import (
    BeforeValidator,
    ConfigDict,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    with_config,
)
from typing_extensions import TypedDict

from functions.errors import InternalError
from functions.protocol.actions import ActionConfig, without_nulls
from functions.protocol.widgets.base import (
    STRICT,
    Alignment,
    AnyComponent,
    Color,
    Component,
    Direction,
    Justification,
    RootComponent,
    Spacing,
    Theme,
    WidgetComponent,
    WidgetIcon,
    component,
)
from functions.protocol.widgets.layout import ListViewItem


@with_config(STRICT)
class WidgetStatusWithFavicon(TypedDict):
    """A line above the content, with the icon of a site; `favicon` is a URL."""

    text: str
    favicon: NotRequired[str]
    frame: NotRequired[bool]


@with_config(STRICT)
class WidgetStatusWithIcon(TypedDict):
    """A line above the content, with one of the client's icons."""

    text: str
    icon: NotRequired[WidgetIcon]


WidgetStatus = WidgetStatusWithFavicon | WidgetStatusWithIcon


@with_config(STRICT)
class CardAction(TypedDict):
    """A button in a card's footer."""

    label: str
    action: ActionConfig


@component
class Card(RootComponent):
    """The root of a widget that is one thing: a summary, a question, a form."""

    type: Literal["Card"] = "Card"
    asForm: bool | None = None
    """The card is a form: `confirm` sends its fields, once they are valid."""
    children: list[WidgetComponent]
    background: Color | None = None
    size: Literal["sm", "md", "lg", "full"] | None = None
    padding: float | str | Spacing | None = None
    status: WidgetStatus | None = None
    collapsed: bool | None = None
    """Folds the body away once the main action is done."""
    confirm: CardAction | None = None
    cancel: CardAction | None = None
    theme: Theme | None = None


@component
class ListView(RootComponent):
    """The root of a widget that is a list; `limit` rows are shown before the rest is asked for."""

    type: Literal["ListView"] = "ListView"
    children: list[ListViewItem]
    limit: int | Literal["auto"] | None = None
    status: WidgetStatus | None = None
    theme: Theme | None = None


@component
class BasicRoot(RootComponent):
    """The root of an entity's preview: no frame of its own. It alone may hold other roots."""

    type: Literal["Basic"] = "Basic"
    children: AnyComponent | list[AnyComponent] | None = None
    gap: int | str | None = None
    padding: float | str | Spacing | None = None
    align: Alignment | None = None
    justify: Justification | None = None
    direction: Direction | None = None
    theme: Theme | None = None


def _as_dynamic(value: Any) -> Any:
    return DynamicWidgetComponent.model_validate(value) if isinstance(value, dict) else value


_DynamicChild = Annotated[SerializeAsAny[Component], BeforeValidator(_as_dynamic)]


class _Dynamic(Component):
    model_config = ConfigDict(extra="allow")

    children: _DynamicChild | list[_DynamicChild] | None = None

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_nulls(handler(self))


class DynamicWidgetComponent(_Dynamic):
    """A component with any properties, unchecked: one that the client draws and this package does not know yet."""

    type: str


class DynamicWidgetRoot(_Dynamic, RootComponent):
    """A root with any properties, and any below it, such as a template yields: its type alone is checked."""

    model_config = ConfigDict(extra="allow")

    type: Literal["Card", "ListView", "Basic"]


WidgetRoot = Card | ListView | BasicRoot | DynamicWidgetRoot

_ROOTS: Final[dict[str, type[Card | ListView | BasicRoot]]] = {"Card": Card, "ListView": ListView, "Basic": BasicRoot}


def parse_widget(widget: Mapping[str, Any]) -> Card | ListView | BasicRoot:
    """The components that a widget's JSON describes, each property checked.

    Raises InternalError with the path of everything that is wrong: an unknown component or property, a wrong value.
    """
    root = _ROOTS.get(str(widget.get("type")))
    if root is None:
        raise InternalError(f"widget.type: a widget is one of {', '.join(_ROOTS)}, not {widget.get('type')!r:.80}")
    try:
        return root.model_validate(dict(widget))
    except ValidationError as error:
        raise InternalError("; ".join(_problems(error))) from error


def _problems(error: ValidationError) -> list[str]:
    """A line for each problem: its path and what is wrong, cut where pydantic lists a whole vocabulary."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{'.'.join(f'{part:.40}' for part in ('widget', *map(str, one['loc'])))}: {one['msg']:.160}" for one in found
    ]

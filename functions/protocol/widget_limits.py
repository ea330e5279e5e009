"""What a widget may be at most, and whether it is JSON at all. Knows nothing of the components' classes."""

import json
from collections.abc import Iterable
from typing import Any, Final, TypeAlias, cast

from functions.errors import InternalError

MAX_WIDGET_BYTES: Final = 256 * 1024
"""Of a widget's JSON, in UTF-8. It is sent whole at least once, and kept with its thread."""

MAX_WIDGET_DEPTH: Final = 32
"""Components within components, the root included."""

MAX_WIDGET_COMPONENTS: Final = 10_000

MAX_JSON_DEPTH: Final = 128
"""Objects and lists within each other, such as a payload brings along. pydantic and the parsers give up at about 200."""

WIDGET_ROOTS: Final = ("Card", "ListView", "Basic")

_CONTAINERS: Final = (dict, list)
_SCALARS: Final = (str, int, float)

_Place: TypeAlias = tuple["_Place | None", str | int]
"""Where a value stands: its parent's place, and its own name or index. Put into words when something is wrong there."""

_ROOT: Final[_Place] = (None, "widget")


def check_widget(widget: dict[str, Any]) -> None:
    """Passes a widget that the client can draw and the store can keep.

    Raises InternalError, naming the place, where the widget is not JSON, has no root that the client knows, holds something
    else than components as `children`, or exceeds a limit: only the assistant's author can mend that.
    """
    if widget.get("type") not in WIDGET_ROOTS:
        raise InternalError(
            f"widget.type: a widget is one of {', '.join(WIDGET_ROOTS)}, not {widget.get('type')!r:.80}"
        )
    _check_components(widget)
    _check_json(widget)
    _check_bytes(widget)


def _check_components(widget: dict[str, Any]) -> None:
    count = 0
    pending: list[tuple[Any, _Place, int]] = [(widget, _ROOT, 1)]
    while pending:
        component, place, depth = pending.pop()
        count += 1
        if not isinstance(component, dict):
            raise _fault(place, f"a {_kind(component)} where a component belongs, as a JSON object")
        properties = cast("dict[str, Any]", component)
        if not isinstance(properties.get("type"), str):
            raise _fault(place, "a component needs a `type`")
        if depth > MAX_WIDGET_DEPTH:
            raise _fault(place, f"a widget nests at most {MAX_WIDGET_DEPTH} components")
        if count > MAX_WIDGET_COMPONENTS:
            raise _fault(place, f"a widget has at most {MAX_WIDGET_COMPONENTS:,} components")
        children = properties.get("children")
        if isinstance(children, list):
            inner: _Place = (place, "children")
            elements = enumerate(cast("list[Any]", children))
            pending.extend((child, (inner, index), depth + 1) for index, child in elements)
        elif children is not None:
            pending.append((children, (place, "children"), depth + 1))


def _check_json(widget: dict[str, Any]) -> None:
    containers = 0
    pending: list[tuple[Any, _Place, int]] = [(widget, _ROOT, 1)]
    while pending:
        container, place, depth = pending.pop()
        containers += 1
        if depth > MAX_JSON_DEPTH:
            raise _fault(place, f"a widget's JSON nests at most {MAX_JSON_DEPTH} objects and lists")
        if containers * len("[]") > MAX_WIDGET_BYTES:
            raise _fault(_ROOT, f"a widget has at most {MAX_WIDGET_BYTES:,} bytes of JSON")
        for name, value in _members(container, place):
            if isinstance(value, _CONTAINERS):
                pending.append((cast("Any", value), (place, name), depth + 1))
            elif value is not None and not isinstance(value, _SCALARS):
                raise _fault((place, name), f"a {_kind(value)} is not JSON")


def _members(container: Any, place: _Place) -> Iterable[tuple[str | int, Any]]:
    if isinstance(container, list):
        return enumerate(cast("list[Any]", container))
    members = cast("dict[Any, Any]", container)
    for name in members:
        if not isinstance(name, str):
            raise _fault(place, f"the name of a property is a {_kind(name)}, not a string")
    return members.items()


def _check_bytes(widget: dict[str, Any]) -> None:
    try:
        size = len(json.dumps(widget, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except ValueError as error:
        raise _fault(_ROOT, "NaN, infinite numbers and halves of surrogate pairs are not JSON") from error
    if size > MAX_WIDGET_BYTES:
        raise _fault(_ROOT, f"{size:,} bytes of JSON; a widget has at most {MAX_WIDGET_BYTES:,}")


def _fault(place: _Place, problem: str) -> InternalError:
    parts: list[str] = []
    at: _Place | None = place
    while at is not None:
        parts.append(str(at[1]))
        at = at[0]
    return InternalError(f"{'.'.join(reversed(parts)):.200}: {problem}")


def _kind(value: Any) -> str:
    return type(value).__name__

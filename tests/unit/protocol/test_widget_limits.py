"""What a widget may be at most."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from functions.errors import InternalError
from functions.protocol.widget_limits import (
    MAX_JSON_DEPTH,
    MAX_WIDGET_BYTES,
    MAX_WIDGET_COMPONENTS,
    MAX_WIDGET_DEPTH,
    check_widget,
)
from functions.protocol.widgets import Text
from tests.support.widgets import UNHURRIED, WIDGETS, Json


def card(*children: Any, **properties: Any) -> Json:
    return {"type": "Card", "children": list(children), **properties}


def nested_components(depth: int) -> Json:
    widget: Json = {"type": "Row"}
    for _ in range(depth - 2):
        widget = {"type": "Row", "children": [widget]}
    return card(widget)


def nested_lists(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@UNHURRIED
@given(WIDGETS)
def test_widgets_pass(widget: Json) -> None:
    """Ordinary widgets are within the limits."""
    check_widget(widget)


def test_limits_are_inclusive() -> None:
    """A widget that has just as much as is allowed passes."""
    check_widget(nested_components(MAX_WIDGET_DEPTH))
    check_widget(card(*[{"type": "X"}] * (MAX_WIDGET_COMPONENTS - 1)))
    check_widget(card(payload=nested_lists(MAX_JSON_DEPTH - 1)))
    check_widget(card(text="é" * ((MAX_WIDGET_BYTES - len('{"type":"Card","children":[],"text":""}')) // 2)))


@pytest.mark.parametrize(
    ("widget", "problem"),
    [
        pytest.param({}, "widget.type: .* not None", id="no-type"),
        pytest.param({"type": "Text", "value": "x"}, "widget.type: a widget is one of Card", id="no-root"),
        pytest.param(card(None), "widget.children.0: a NoneType where a component belongs", id="null-child"),
        pytest.param(card(Text(value="x")), "widget.children.0: a Text where a component", id="object-child"),
        pytest.param(card({"value": "x"}), "widget.children.0: a component needs a `type`", id="untyped-child"),
        pytest.param(
            card({"type": "Transition", "children": "x"}), "widget.children.0.children: a str", id="single-child"
        ),
        pytest.param(
            card({"type": "DatePicker", "min": datetime.now(UTC)}), "widget.children.0.min: a datetime", id="date"
        ),
        pytest.param(card(payload=[{"a": {1, 2}}]), "widget.payload.0.a: a set is not JSON", id="set"),
        pytest.param(card(payload={1: 2}), "widget.payload: the name of a property is a int", id="name"),
        pytest.param(card(width=float("nan")), "not JSON", id="nan"),
        pytest.param(card(text="\ud800"), "not JSON", id="surrogate"),
        pytest.param(nested_components(MAX_WIDGET_DEPTH + 1), "nests at most 32 components", id="deep-components"),
        pytest.param(card(payload=nested_lists(MAX_JSON_DEPTH)), "nests at most 128 objects and lists", id="deep-json"),
        pytest.param(card(payload=nested_lists(100_000)), "nests at most 128", id="very-deep-json"),
        pytest.param(card(*[{"type": "X"}] * MAX_WIDGET_COMPONENTS), "at most 10,000 components", id="many-components"),
        pytest.param(card(text="x" * MAX_WIDGET_BYTES), "262,183 bytes of JSON; .* at most 262,144", id="large"),
        pytest.param(card(text="é" * (MAX_WIDGET_BYTES // 2)), "bytes of JSON", id="large-in-utf-8"),
    ],
)
def test_what_exceeds_a_limit_is_refused(widget: Json, problem: str) -> None:
    """The error says where and why: the author has to mend it."""
    with pytest.raises(InternalError, match=problem):
        check_widget(widget)


def test_a_widget_that_holds_itself_is_refused() -> None:
    """Neither a loop nor an object that is shared a million times keeps the check busy."""
    loop = card()
    loop["payload"] = loop
    shared: Any = []
    for _ in range(100):
        shared = [shared, shared]
    for widget in (loop, card(payload=shared)):
        with pytest.raises(InternalError):
            check_widget(widget)

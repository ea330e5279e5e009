"""The updates between two states of a widget."""

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.widget_deltas import apply_widget_update, widget_deltas
from functions.errors import InternalError
from functions.protocol.updates import WidgetComponentUpdated, WidgetRootUpdated, WidgetStreamingTextValueDelta
from tests.support.widgets import PAIRS, UNHURRIED, UNRELATED, WIDGETS, Json


def card(*children: Json, **properties: Any) -> Json:
    return {"type": "Card", "children": list(children), **properties}


def text(value: str, name: str | None = None, **properties: Any) -> Json:
    return {"type": "Text", "value": value, **({"id": name} if name else {}), **properties}


def row(*children: Json, name: str | None = None, **properties: Any) -> Json:
    return {"type": "Row", "children": list(children), **({"id": name} if name else {}), **properties}


def folded(before: Json, after: Json) -> Json:
    widget = before
    for update in widget_deltas(before, after):
        widget = apply_widget_update(widget, update)
    return widget


@UNHURRIED
@given(PAIRS | UNRELATED)
def test_folding_the_updates_gives_the_next_state(pair: tuple[Json, Json]) -> None:
    """Whatever follows a widget, its updates lead there."""
    before, after = pair
    assert folded(before, after) == after


@UNHURRIED
@given(PAIRS | UNRELATED)
def test_nothing_is_changed_in_place(pair: tuple[Json, Json]) -> None:
    """Comparing and folding leave both states as they are."""
    before, after = copy.deepcopy(pair)
    folded(before, after)
    assert (before, after) == pair


@UNHURRIED
@given(WIDGETS)
def test_equal_widgets_need_no_update(widget: Json) -> None:
    """A state that is repeated sends nothing."""
    assert widget_deltas(widget, copy.deepcopy(widget)) == []


@UNHURRIED
@given(st.lists(st.text(max_size=5), max_size=6))
def test_a_text_that_grows_sends_only_what_is_new(pieces: list[str]) -> None:
    """The deltas of a growing text, put together, are the text."""
    states = [card(text("".join(pieces[:count]), "t", streaming=True)) for count in range(len(pieces) + 1)]
    updates = [update for pair in pairwise(states) for update in widget_deltas(*pair)]
    assert all(isinstance(update, WidgetStreamingTextValueDelta) and not update.done for update in updates)
    assert [getattr(update, "delta", None) for update in updates] == [piece for piece in pieces if piece]


@pytest.mark.parametrize(
    ("properties", "done"), [({}, True), ({"streaming": False}, True), ({"streaming": True}, False)]
)
def test_done_says_that_a_text_is_not_streaming(properties: Json, done: bool) -> None:
    """`done` is what the component's `streaming` says."""
    assert widget_deltas(card(text("a", "t", **properties)), card(text("ab", "t", **properties))) == [
        WidgetStreamingTextValueDelta(component_id="t", delta="b", done=done)
    ]


@pytest.mark.parametrize(
    "after",
    [
        text("Hellish", "t", streaming=True),
        text("Hello, world", "t", streaming=False),
        text("Hello, world", "t", streaming=True, italic=True),
        text("Hell", "t", streaming=True),
    ],
)
def test_a_text_that_changes_otherwise_is_replaced_alone(after: Json) -> None:
    """A text is replaced where it did not grow, or another property changed as well."""
    assert widget_deltas(card(text("x"), text("Hello", "t", streaming=True)), card(text("x"), after)) == [
        WidgetComponentUpdated(component_id="t", component=after)
    ]


@pytest.mark.parametrize(
    ("before", "after", "replaced"),
    [
        pytest.param(row(text("a"), name="r"), row(text("b"), name="r"), "r", id="text-without-id"),
        pytest.param(row(text("a"), name="r"), row(text("ab"), name="r"), "r", id="text-without-id-grows"),
        pytest.param(row(name="r"), row(text("a"), name="r"), "r", id="child-comes"),
        pytest.param(row(text("a", "t"), name="r"), row(text("a", "u"), name="r"), "r", id="child-is-another"),
        pytest.param(row(row(text("a")), name="r"), row(row(text("b")), name="r"), "r", id="deep"),
        pytest.param(
            row(row(text("a"), name="s"), name="r"), row(row(text("b"), name="s"), name="r"), "s", id="smallest"
        ),
        pytest.param(row(name="r", key="1"), row(name="r", key="2"), None, id="another-key"),
        pytest.param(row(text("a")), row(text("b")), None, id="no-id"),
        pytest.param(row(text("a", "t"), text("x", "t")), row(text("ab", "t"), text("x", "t")), None, id="id-twice"),
        pytest.param(row(text("a", "t")), row(text("ab", "t"), text("a", "t")), None, id="id-twice-later"),
    ],
)
def test_the_smallest_component_with_an_id_is_replaced(before: Json, after: Json, replaced: str | None) -> None:
    """A change is carried by the nearest component around it that can be named, else by the root."""
    (update,) = widget_deltas(card(before), card(after))
    assert getattr(update, "component_id", None) == replaced


def test_the_child_of_a_transition_is_not_named() -> None:
    """What stands in a transition is replaced together with it: no client is known to look there."""
    before = {"type": "Transition", "id": "move", "children": text("a", "t")}
    after = before | {"children": text("ab", "t")}
    assert widget_deltas(card(before), card(after)) == [WidgetComponentUpdated(component_id="move", component=after)]


@pytest.mark.parametrize("change", [{"size": "lg"}, {"id": "other"}, {"key": "other"}, {"type": "Basic"}])
def test_a_root_that_changes_is_replaced(change: Json) -> None:
    """The root's own properties are sent by sending it whole, even where it has an id."""
    before = card(text("a", "t"), id="root")
    assert widget_deltas(before, before | change) == [WidgetRootUpdated(widget=before | change)]


def test_several_changes_are_sent_in_the_order_of_the_widget() -> None:
    """Each changed component has its own update."""
    before = card(text("a", "1"), row(text("b", "2"), text("c", "3")), text("d", "4"))
    after = card(text("a!", "1"), row(text("b", "2"), text("C", "3")), text("d!", "4"))
    assert [getattr(update, "component_id", None) for update in widget_deltas(before, after)] == ["1", "3", "4"]


def test_a_component_in_a_transition_can_be_updated_by_hand() -> None:
    """An update that an assistant writes itself reaches a component wherever it stands."""
    widget = card({"type": "Transition", "children": text("a", "t")})
    update = WidgetStreamingTextValueDelta(component_id="t", delta="b", done=True)
    assert apply_widget_update(widget, update) == card({"type": "Transition", "children": text("ab", "t")})


@pytest.mark.parametrize(
    ("widget", "problem"),
    [
        (card(text("a", "u")), "'t', of which the widget has 0"),
        (card(text("a", "t"), text("b", "t")), "'t', of which the widget has 2"),
        (card(row(name="t")), "not to a 'Row'"),
        (card({"type": "Text", "id": "t"}), "not to a 'Text'"),
    ],
)
def test_an_update_that_does_not_fit_is_refused(widget: Json, problem: str) -> None:
    """An update by hand that the widget cannot take is the author's fault, and says why."""
    with pytest.raises(InternalError, match=problem):
        apply_widget_update(widget, WidgetStreamingTextValueDelta(component_id="t", delta="x", done=False))


def test_what_does_not_change_is_shared() -> None:
    """Folding copies the way to the changed component and nothing else."""
    widget = card(row(text("a", "t")), row(text("b")))
    after = apply_widget_update(widget, WidgetStreamingTextValueDelta(component_id="t", delta="x", done=False))
    assert after["children"][1] is widget["children"][1]

"""Widgets for property tests: JSON of random ones, and of what an assistant might make of one next."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Json = dict[str, Any]

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests over widgets: a busy machine is no failure."""

IDS = st.sampled_from([None, None, "a", "b", "c", "d", "e"])
WORDS = st.text("xyz ", max_size=4)


def _component(properties: Json, name: str | None, key: str | None) -> Json:
    marks = {"id": name, "key": key}
    return properties | {mark: value for mark, value in marks.items() if value is not None}


def _marked(properties: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(_component, properties, IDS, st.sampled_from([None, None, None, "k"]))


def _texts() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(["Text", "Markdown"]), "value": WORDS}, optional={"streaming": st.booleans()}
    )


def _containers(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    lists = st.lists(children, max_size=3)
    boxes = st.fixed_dictionaries(
        {"type": st.sampled_from(["Row", "Col"]), "children": lists}, optional={"gap": st.integers(0, 2)}
    )
    transitions = st.fixed_dictionaries({"type": st.just("Transition"), "children": children})
    return st.one_of(_marked(boxes), _marked(boxes), _marked(transitions))


_BUTTONS = st.fixed_dictionaries({"type": st.just("Button"), "label": WORDS}, optional={"disabled": st.booleans()})

COMPONENTS = st.recursive(_marked(_texts()) | _marked(_BUTTONS), _containers, max_leaves=6)

WIDGETS = _marked(
    st.fixed_dictionaries(
        {"type": st.just("Card"), "children": st.lists(COMPONENTS, max_size=4)},
        optional={"size": st.sampled_from(["sm", "md"])},
    )
)
"""Small cards, so that ids are shared and repeated often."""


_TEXT = {"value": WORDS, "streaming": st.booleans()}
_BOX = {"gap": st.integers(0, 2)}
_CHANGES = {
    "Text": _TEXT,
    "Markdown": _TEXT,
    "Button": {"label": WORDS, "disabled": st.booleans()},
    "Row": _BOX,
    "Col": _BOX,
    "Card": {"size": st.sampled_from(["sm", "md"])},
}


@st.composite
def next_states(draw: st.DrawFn, component: Json, *, root: bool = True) -> Json:
    """What may follow in a stream: mostly the same, with text appended or a property changed here and there."""
    change = draw(st.sampled_from(["none", "none", "append", "append", "property", "children", "replace"]))
    if change == "replace":
        return draw(WIDGETS if root else COMPONENTS)
    after = dict(component)
    if change == "append" and "value" in after:
        after["value"] += draw(WORDS)
    if change == "property":
        properties = {"id": st.sampled_from("abc")} | _CHANGES.get(after["type"], {})
        name = draw(st.sampled_from(sorted(properties)))
        after[name] = draw(properties[name])
    children = after.get("children")
    if isinstance(children, dict):
        after["children"] = draw(next_states(children, root=False))
    elif children is not None:
        after["children"] = [draw(next_states(child, root=False)) for child in children]
        if change == "children":
            after["children"] = draw(st.permutations(after["children"])) + draw(st.lists(COMPONENTS, max_size=1))
    return after


PAIRS = WIDGETS.flatmap(lambda before: st.tuples(st.just(before), next_states(before)))
"""A widget and a state that may follow it."""

UNRELATED = st.tuples(WIDGETS, WIDGETS)
"""Two widgets that have nothing to do with each other, but for what chance gives them."""

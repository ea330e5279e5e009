"""The widgets' components and deltas against the official package's."""

import json
import types
import warnings
from datetime import UTC
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import typing_extensions
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, StringConstraints, TypeAdapter

from functions.engine.widget_deltas import WidgetUpdate, apply_widget_update, widget_deltas
from functions.errors import InternalError
from functions.protocol import widgets as ours
from functions.protocol.items import WidgetJson
from functions.protocol.updates import WidgetRootUpdated
from functions.protocol.widget_limits import check_widget
from functions.protocol.widgets.base import Part, component_classes
from tests.support.widgets import PAIRS, UNHURRIED, UNRELATED, Json

with warnings.catch_warnings():
    # The official package marks its classes as deprecated in favour of templates, and warns of them when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chatkit import server as official_server
    from chatkit import widgets as official

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DYNAMIC = {"DynamicWidgetComponent", "DynamicWidgetRoot"}
BASIC_PROPERTIES = ("align", "direction", "gap", "justify", "padding", "theme")

DIFFERENCES = {
    **{
        f"{name}: may be left out": "a null is not sent, so that its own JSON could not be read again"
        for name in ("Transition.children", "AreaSeries.label", "BarSeries.label", "LineSeries.label")
    },
    **{
        f"BasicRoot.{name}: ours alone": "ChatKit.js draws it; the official class takes any property and names none"
        for name in BASIC_PROPERTIES
    },
}
"""Where our components' properties are others than the official ones, and why."""

OFFICIAL_ROOT = TypeAdapter(official.WidgetRoot)
OFFICIAL_WIDGET = TypeAdapter(official.WidgetRoot | official.WidgetComponent)
THEIRS: Any = official
OURS: Any = ours
WIDGET_JSON = TypeAdapter(WidgetJson)
WIDGET_UPDATE = TypeAdapter(WidgetUpdate)


# --- the classes ---


def classes_in(annotation: Any) -> set[type]:
    """The classes that a union names, through aliases and annotations."""
    if isinstance(annotation, type):
        return {annotation}
    return set().union(*(classes_in(part) for part in get_args(annotation) if not isinstance(part, str)))


def subclasses(cls: type) -> set[type]:
    return {cls}.union(*(subclasses(sub) for sub in cls.__subclasses__()))


OFFICIAL = {
    cls.__name__: cls
    for cls in classes_in(official.WidgetRoot) | classes_in(official.WidgetComponent) | classes_in(official.Series)
    if issubclass(cls, BaseModel)
}
NAMES = sorted(OFFICIAL)
STRICT_NAMES = [name for name in NAMES if name not in DYNAMIC]


def test_every_official_component_is_here() -> None:
    """No component of the official package is missing, and none is ours alone."""
    by_subclass = {
        cls.__name__ for cls in subclasses(official.WidgetComponentBase) if cls.__module__ == official.__name__
    }
    assert set(OFFICIAL) == by_subclass - {"WidgetComponentBase"} | {"AreaSeries", "BarSeries", "LineSeries"}
    mine = {cls.__name__ for cls in subclasses(Part) if cls.__name__ in ours.__all__}
    assert mine - {"Component"} == set(OFFICIAL)


def test_every_official_property_type_is_here() -> None:
    """Each dictionary type that a component's property takes has its namesake."""
    names = {
        name
        for name, value in vars(official).items()
        if typing_extensions.is_typeddict(value) and value.__module__ == official.__name__
    }
    assert names - {"MinMax"} <= set(ours.__all__), "MinMax is declared by the official package and used by nothing"


def test_every_component_is_read_by_its_type() -> None:
    """JSON is read as the class that its `type` names."""
    types_of = {cls.model_fields["type"].default: name for name, cls in OFFICIAL.items() if name not in DYNAMIC}
    components = {kind: name for kind, name in types_of.items() if not name.endswith("Series")}
    assert {kind: cls.__name__ for kind, cls in component_classes().items()} == components


# --- their properties ---


def property_schemas(cls: type[BaseModel]) -> dict[str, Any]:
    """What each property takes, as a JSON schema without names and prose; children are compared by value, below."""
    schema = cls.model_json_schema()
    definitions = schema.get("$defs", {})
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return {
        name: plain(value, definitions)
        for name, value in schema["properties"].items()
        if name not in {"children", "series"}
    }


def plain(schema: Any, definitions: Json) -> Any:
    if isinstance(schema, list):
        return sorted((plain(part, definitions) for part in schema), key=lambda part: json.dumps(part, sort_keys=True))
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return plain(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if isinstance(schema.get("properties"), dict):
        properties = {name: plain(value, definitions) for name, value in schema["properties"].items()}
        return {"properties": properties, "required": sorted(schema.get("required", []))}
    noise = {"title", "description", "additionalProperties", "deprecated"}
    parts = {name: plain(value, definitions) for name, value in schema.items() if name not in noise}
    if nested := [part for part in parts.get("anyOf", []) if set(part) == {"anyOf"}]:
        rest = [part for part in parts["anyOf"] if part not in nested]
        parts["anyOf"] = plain(rest + [inner for part in nested for inner in part["anyOf"]], definitions)
    return parts


def differences(name: str) -> set[str]:
    theirs, mine = OFFICIAL[name], getattr(ours, name)
    found = {f"{name}.{field}: missing" for field in set(theirs.model_fields) - set(mine.model_fields)}
    found |= {f"{name}.{field}: ours alone" for field in set(mine.model_fields) - set(theirs.model_fields)}
    their_schemas, my_schemas = property_schemas(theirs), property_schemas(mine)
    for field in set(theirs.model_fields) & set(mine.model_fields):
        required = theirs.model_fields[field].is_required(), mine.model_fields[field].is_required()
        if required[0] != required[1]:
            found.add(f"{name}.{field}: {'may be left out' if required[0] else 'is required'}")
        their_schema, my_schema = (dict(s.get(field, {})) for s in (their_schemas, my_schemas))
        for schema in (their_schema, my_schema):
            schema.pop("default", None) if required[0] != required[1] else None
        if their_schema != my_schema:
            found.add(f"{name}.{field}: takes other values")
    return found


def test_every_property_is_here_with_the_same_values() -> None:
    """Each component has the official properties, as required and taking the same values, but for what is listed."""
    assert set().union(*map(differences, NAMES)) == set(DIFFERENCES)


# --- their JSON ---


def json_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
    members = st.text("abc", min_size=1, max_size=3)
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(members, inner, max_size=2)
    )


SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    str: st.text(max_size=6),
    bool: st.booleans(),
    int: st.integers(-1000, 1000),
    float: st.floats(-1e6, 1e6),
    Any: json_values(),
}


@cache
def values(kind: Any, classes: Any) -> st.SearchStrategy[Any]:
    """Whatever a property of this type takes, as plain data. Components come from the module `classes`."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if origin is Annotated:
        patterns = [mark.pattern for mark in parts[1:] if isinstance(mark, StringConstraints) and mark.pattern]
        return st.from_regex(patterns[0]) if patterns else values(parts[0], classes)
    if origin is Literal:
        return st.sampled_from([part for outer in parts for part in (get_args(outer) or [outer])])
    if origin in {Union, types.UnionType}:
        return st.one_of([values(part, classes) for part in parts])
    if origin is list:
        return st.lists(values(parts[0], classes), max_size=2)
    if origin is dict:
        return st.dictionaries(values(parts[0], classes), values(parts[1], classes), max_size=2)
    if typing_extensions.is_typeddict(kind):
        return typed_dicts(kind, classes)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return models(kind, classes, depth=0)
    return st.datetimes(timezones=st.just(UTC) | st.none())


@cache
def typed_dicts(kind: Any, classes: Any) -> st.SearchStrategy[Json]:
    hints = typing_extensions.get_type_hints(kind, include_extras=True)
    optional = {name for name, hint in hints.items() if get_origin(hint) is typing_extensions.NotRequired}
    fields = {
        name: values(get_args(hint)[0] if name in optional else hint, classes).filter(lambda value: value is not None)
        for name, hint in hints.items()
    }
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name not in optional},
        optional={name: field for name, field in fields.items() if name in optional},
    )


@cache
def models(cls: type[BaseModel], classes: Any, *, depth: int = 2) -> st.SearchStrategy[Json]:
    """The data of any instance of a component or of what it holds, built from its fields."""
    hints = typing_extensions.get_type_hints(cls, include_extras=True)
    fields = {name: values(hints[name], classes) for name in cls.model_fields if name not in {"children", "type"}}
    if "children" in cls.model_fields:
        fields["children"] = children(cls, classes, depth)
    if cls.__name__ == "BasicRoot":
        hints = typing_extensions.get_type_hints(ours.BasicRoot, include_extras=True)
        fields |= {name: values(hints[name], classes) for name in BASIC_PROPERTIES}
    if cls.__name__ in DYNAMIC:
        fields["anything"] = SCALARS[Any]
    required = {name for name, field in cls.model_fields.items() if field.is_required()}
    return st.fixed_dictionaries(
        {"type": kinds(cls)} | {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def kinds(cls: type[BaseModel]) -> st.SearchStrategy[str]:
    if cls.__name__ == "DynamicWidgetComponent":
        return st.sampled_from(["Text", "Zork"])
    if cls.__name__ == "DynamicWidgetRoot":
        return st.sampled_from(["Card", "ListView", "Basic"])
    field = cls.model_fields["type"]
    return SCALARS[str] if field.is_required() else st.just(field.default)


def children(cls: type[BaseModel], classes: Any, depth: int) -> st.SearchStrategy[Any]:
    if cls.__name__ in DYNAMIC:
        if depth <= 0:
            return st.none() | st.just([])
        member = models(classes.DynamicWidgetComponent, classes, depth=depth - 1)
        return st.none() | member | st.lists(member, max_size=2)
    if cls.__name__ == "ListView":
        return st.lists(models(classes.ListViewItem, classes, depth=depth - 1), max_size=2)
    member = components(classes, depth - 1)
    if cls.__name__ == "BasicRoot":
        # The official class leaves its children as they are, without an action's defaults.
        member = (member | models(classes.Card, classes, depth=0)).map(
            lambda data: wire(OFFICIAL_WIDGET.validate_python(data))
        )
        return st.none() | member | st.lists(member, max_size=2)
    if cls.__name__ == "Transition":
        return st.none() | member
    members = st.lists(member, max_size=2)
    return members if cls.model_fields["children"].is_required() else members | st.none()


LEAVES = ("Text", "Markdown", "Icon", "Button", "DatePicker", "Chart", "Select", "Divider")
NODES = ("Row", "Form", "Transition", "ListViewItem")


@cache
def components(classes: Any, depth: int) -> st.SearchStrategy[Json]:
    """Any component that no root is; below the first level from a few kinds, as each is a test's root by itself."""
    names = [*LEAVES, *(NODES if depth > 0 else ())]
    return st.sampled_from(names).flatmap(lambda name: models(getattr(classes, name), classes, depth=depth))


def wire(model: BaseModel) -> Any:
    return json.loads(model.model_dump_json(by_alias=True, exclude_none=True))


QUICK = settings(UNHURRIED, max_examples=20)


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_what_the_official_class_writes_is_read_and_written_alike(name: str, data: st.DataObject) -> None:
    """Each official component's JSON is read by ours, which writes the same."""
    theirs = OFFICIAL[name].model_validate(data.draw(models(OFFICIAL[name], THEIRS)))
    mine = getattr(ours, name).model_validate(wire(theirs))
    assert wire(mine) == wire(theirs)
    assert json.loads(mine.model_dump_json()) == wire(theirs), "nulls are left out however it is dumped"


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("Series")])
@QUICK
@given(data=st.data())
def test_what_ours_writes_is_read_and_written_alike(name: str, data: st.DataObject) -> None:
    """Each component's JSON is read by the official types, which write the same; it is a widget's or a component's."""
    mine = getattr(ours, name).model_validate(data.draw(models(getattr(ours, name), OURS)))
    theirs = (TypeAdapter(OFFICIAL[name]) if name in DYNAMIC else OFFICIAL_WIDGET).validate_python(wire(mine))
    assert wire(theirs) == wire(mine)
    assert WIDGET_JSON.validate_python(mine) == wire(mine)


@QUICK
@given(data=st.data())
def test_a_widget_is_parsed_from_what_it_wrote(data: st.DataObject) -> None:
    """`parse_widget` and `check_widget` take the JSON of each root that the official classes write."""
    name = data.draw(st.sampled_from(["Card", "ListView", "BasicRoot"]))
    widget = wire(OFFICIAL[name].model_validate(data.draw(models(OFFICIAL[name], THEIRS))))
    check_widget(widget)
    assert wire(ours.parse_widget(widget)) == widget


# --- deltas ---


@settings(UNHURRIED, max_examples=200)
@given(PAIRS | UNRELATED)
def test_deltas_are_the_official_ones(pair: tuple[Json, Json]) -> None:
    """Where the official deltas lead to the next state without replacing the root, ours are the same."""
    before, after = pair
    deltas = official_deltas(before, after)
    assume(deltas is not None)
    mine = [wire(update) for update in widget_deltas(before, after)]
    if not any(delta["type"] == "widget.root.updated" for delta in deltas or []):
        assert mine == deltas


@settings(UNHURRIED, max_examples=200)
@given(PAIRS | UNRELATED)
def test_the_root_is_replaced_only_where_the_official_server_does(pair: tuple[Json, Json]) -> None:
    """A root that we send whole is one that the official server sends whole as well, or fails to update."""
    before, after = pair
    deltas = official_deltas(before, after)
    if deltas is not None and any(isinstance(update, WidgetRootUpdated) for update in widget_deltas(before, after)):
        assert [delta["type"] for delta in deltas] == ["widget.root.updated"]


def official_deltas(before: Json, after: Json) -> list[Json] | None:
    """The official server's deltas, or None where it raises, or loses a change."""
    old, new = (OFFICIAL_ROOT.validate_python(widget) for widget in (before, after))
    try:
        deltas = official_server.diff_widget(old, new)
        widget = before
        for delta in deltas:
            widget = apply_widget_update(widget, WIDGET_UPDATE.validate_python(wire(delta)))
    except (ValueError, InternalError):
        return None
    return [wire(delta) for delta in deltas] if widget == after else None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([{"value": "a"}], [{"value": "ab"}], id="text-without-id"),
        pytest.param([{"value": "a", "id": "t"}, {"value": "b", "id": "t"}], None, id="id-twice"),
    ],
)
def test_changes_that_the_official_server_loses(before: list[Json], after: list[Json] | None) -> None:
    """The official server sends nothing where a text without an id of its own grows; here the widget arrives."""
    after = after or [before[0] | {"value": "ax"}, *before[1:]]
    states = [{"type": "Card", "children": [{"type": "Text", **text} for text in texts]} for texts in (before, after)]
    assert official_server.diff_widget(*map(OFFICIAL_ROOT.validate_python, states)) == []
    assert widget_deltas(*states) == [WidgetRootUpdated(widget=states[1])]


# --- templates ---


TEMPLATE = {
    "version": "1.0",
    "name": "Lines",
    "template": """{"type": "ListView", "children": [{%- for line in lines -%}
        {"type": "ListViewItem", "key": {{ line.id | tojson }}, "children": [
            {"type": "Text", "value": {{ (line.label) | tojson }}, "size": "sm"}]}{{ "," if not loop.last }}
    {%- endfor -%}]}""",
}


@UNHURRIED
@given(st.lists(st.fixed_dictionaries({"id": st.text(max_size=5), "label": st.text(max_size=20)}), max_size=4))
def test_templates_build_the_same_widget(lines: list[Json]) -> None:
    """A `.widget` file yields the JSON that the official class makes of it, whatever the data holds."""
    data = {"lines": lines}
    theirs = official.WidgetTemplate(TEMPLATE).build(data)
    assert wire(ours.WidgetTemplate(TEMPLATE).build(data)) == wire(theirs)

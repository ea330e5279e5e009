"""Building widgets, and what is refused."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from functions.errors import InternalError
from functions.protocol.items import WidgetItem
from functions.protocol.widgets import (
    ActionConfig,
    BasicRoot,
    Box,
    Button,
    Card,
    Chart,
    DatePicker,
    DynamicWidgetComponent,
    DynamicWidgetRoot,
    LineSeries,
    ListView,
    ListViewItem,
    Markdown,
    Row,
    Text,
    Title,
    Transition,
    WidgetTemplate,
    parse_widget,
)


def dumped(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_a_widget_is_json_without_what_was_not_set() -> None:
    """Only the properties that were given are sent, and an action's three defaults, as the official server does."""
    widget = Card(children=[Title(value="Hi"), Button(label="Go", onClickAction=ActionConfig(type="go"))])
    action = {"type": "go", "handler": "server", "loadingBehavior": "auto", "streaming": True}
    assert (
        widget.as_json()
        == dumped(widget)
        == {
            "type": "Card",
            "children": [
                {"type": "Title", "value": "Hi"},
                {"type": "Button", "label": "Go", "onClickAction": action},
            ],
        }
    )


def test_an_item_takes_components() -> None:
    """A widget of components becomes JSON when it becomes an item."""
    item = WidgetItem.model_validate(
        {"id": "i", "thread_id": "t", "created_at": "2026-01-01T00:00:00Z", "widget": Card(children=[Text(value="x")])}
    )
    assert item.widget == {"type": "Card", "children": [{"type": "Text", "value": "x"}]}


def test_no_null_is_sent_from_a_payload() -> None:
    """A payload's nulls are left out at any depth, as the official server leaves them out."""
    action = ActionConfig(type="go", payload={"a": None, "b": [1, None, {"c": None, "d": 0}]})
    assert dumped(action)["payload"] == {"b": [1, {"d": 0}]}


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Text.model_validate({"type": "Text", "value": "x", "colour": "red"}), "colour"),
        (
            lambda: Card.model_validate({"type": "Card", "children": [{"type": "Text", "valeu": "x"}]}),
            r"children\.0\.valeu",
        ),
        (lambda: Card.model_validate({"type": "Card", "children": [], "confirm": {"lable": "x"}}), r"confirm\.lable"),
        (lambda: Box.model_validate({"type": "Box", "padding": {"letf": 1}}), "letf"),
        (
            lambda: Button(label="x", onClickAction=ActionConfig.model_validate({"type": "x", "stream": False})),
            "stream",
        ),
        (lambda: Box(width=float("nan")), "width"),
        (lambda: setattr(Text(value="x"), "size", "huge"), "size"),
        (lambda: setattr(Text(value="x"), "sise", "md"), "sise"),
    ],
)
def test_a_wrong_property_is_named(build: Any, named: str) -> None:
    """A property that does not exist, or has a wrong value, raises an error that says which, when it is built or set."""
    with pytest.raises(ValueError, match=named):
        build()


@pytest.mark.parametrize(
    ("child", "problem"),
    [
        (Card(children=[]), "Card is the root of a widget"),
        ({"type": "ListView", "children": []}, "ListView is the root of a widget"),
        ({"type": "Map"}, "no component of type 'Map'"),
        ({"value": "x"}, "needs a `type`"),
        ("x", "instance of Component"),
    ],
)
def test_what_is_no_component_is_refused_as_a_child(child: Any, problem: str) -> None:
    """A container holds components: no roots, no unknown types, no bare values."""
    with pytest.raises(ValidationError, match=problem):
        Row(children=[child])


def test_a_basic_root_holds_roots() -> None:
    """An entity's preview may be made of cards."""
    assert dumped(BasicRoot(children=Card(children=[])))["children"] == {"type": "Card", "children": []}


def test_an_unknown_component_can_be_given_on_purpose() -> None:
    """A component of a newer client goes through with all its properties, as do those inside it."""
    new = DynamicWidgetComponent.model_validate(
        {"type": "Map", "zoom": 3, "note": None, "children": [{"type": "Pin", "at": [1, 2]}]}
    )
    assert dumped(Card(children=[new]))["children"] == [
        {"type": "Map", "zoom": 3, "children": [{"type": "Pin", "at": [1, 2]}]}
    ]


def test_a_dynamic_root_is_of_a_known_type() -> None:
    """The client draws three kinds of roots."""
    with pytest.raises(ValidationError, match="Card"):
        DynamicWidgetRoot.model_validate({"type": "Text", "value": "x"})


@pytest.mark.parametrize(
    "widget",
    [
        Card(children=[Row(children=[Text(value="x", id="t", streaming=True)]), Markdown(value="*x*")], size="md"),
        Card(
            children=[
                Transition(children=None),
                DatePicker(name="day", defaultValue=datetime.fromisoformat("2026-01-02")),
            ]
        ),
        Card(children=[Chart(data=[{"x": "a", "y": 1.5}], series=[LineSeries(dataKey="y")], xAxis={"dataKey": "x"})]),
        ListView(children=[ListViewItem(children=[Text(value="x")])], status={"text": "Done", "icon": "check"}),
        BasicRoot(children=[Text(value="x")], gap=2),
    ],
)
def test_a_widget_is_parsed_from_its_own_json(widget: Card | ListView | BasicRoot) -> None:
    """`parse_widget` reads what a widget writes."""
    parsed = parse_widget(dumped(widget))
    assert type(parsed) is type(widget)
    assert dumped(parsed) == dumped(widget)


@pytest.mark.parametrize(
    ("widget", "problem"),
    [
        ({"type": "Text", "value": "x"}, "widget.type: a widget is one of Card, ListView, Basic, not 'Text'"),
        ({}, "not None"),
        ({"type": "Card"}, "widget.children: Field required"),
        (
            {"type": "Card", "children": [{"type": "Text", "value": 1}]},
            r"widget.children.0.value: Input should be a valid",
        ),
        (
            {"type": "Card", "children": [{"type": "Row", "children": [{"type": "Zork"}]}]},
            r"widget.children.0.children.0: ",
        ),
        ({"type": "ListView", "children": [{"type": "Text", "value": "x"}]}, r"widget.children.0.type: "),
    ],
)
def test_parsing_says_where_a_widget_is_wrong(widget: dict[str, Any], problem: str) -> None:
    """JSON that is no widget is the author's fault, and the error names the place."""
    with pytest.raises(InternalError, match=problem):
        parse_widget(widget)


def test_the_error_about_an_icon_is_short() -> None:
    """A value outside a long vocabulary is not answered with the vocabulary."""
    with pytest.raises(InternalError) as raised:
        parse_widget({"type": "Card", "children": [{"type": "Icon", "name": "nope"}]})
    assert len(str(raised.value)) < 800


def test_the_components_are_loaded_only_by_those_who_build_widgets() -> None:
    """Reading and writing items, updates and events, and checking widgets, costs none of the components' classes."""
    code = (
        "import sys, functions.protocol.events, functions.protocol.requests, functions.protocol.widget_limits;"
        "import functions.engine.widget_deltas;"
        "sys.exit('functions.protocol.widgets' in sys.modules or 'jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- templates ---

GREETING = {
    "version": "1.0",
    "name": "Greeting",
    "template": '{"type": "Card", "children": [{"type": "Text", "value": {{ (user.name) | tojson }}}]}',
    "jsonSchema": {"type": "object"},
}


class Data(BaseModel):
    user: dict[str, str]


@pytest.mark.parametrize("data", [{"user": {"name": 'Zoë "Z"\n'}}, Data(user={"name": 'Zoë "Z"\n'})])
def test_a_template_is_built_with_data(data: Any) -> None:
    """Data goes into a template's places as JSON, whatever characters it has."""
    widget = WidgetTemplate(GREETING).build(data)
    assert dumped(widget) == {"type": "Card", "children": [{"type": "Text", "value": 'Zoë "Z"\n'}]}


def test_a_template_is_read_from_a_file(tmp_path: Path) -> None:
    """A `.widget` file is JSON in UTF-8."""
    file = tmp_path / "greeting.widget"
    file.write_text(
        '{"version": "1.0", "name": "é", "template": "{\\"type\\": \\"Card\\", \\"children\\": []}"}', "utf-8"
    )
    template = WidgetTemplate.from_file(file)
    assert template.name == "é"
    assert dumped(template.build()) == {"type": "Card", "children": []}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": "2.0"}, "version 1.0, not '2.0'"),
        ({"template": "{{ nothing"}, "cannot be read"),
        ({"template": "{{ user.nme | tojson }}"}, "'Greeting' cannot be built.*nme"),
        ({"template": '{"type": "Text"}'}, "'Greeting' cannot be built.*type"),
        ({"template": "no JSON"}, "'Greeting' cannot be built.*JSON"),
    ],
)
def test_a_template_that_cannot_be_built_says_why(change: dict[str, str], problem: str) -> None:
    """What is wrong with a template, or missing from its data, is named."""
    with pytest.raises(InternalError, match=f"(?s){problem}"):
        WidgetTemplate(GREETING | change).build({"user": {"name": "x"}})


def test_a_template_without_jinja_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jinja is the assistant's own dependency, and its absence is explained."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InternalError, match="add it to your dependencies"):
        WidgetTemplate(GREETING)

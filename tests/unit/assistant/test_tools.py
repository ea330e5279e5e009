"""The example's tools."""

import json

from functions.assistant import create
from tests.support.chat import Chat, message_input, types
from tests.support.tool_answers import RoundsModel, answer, call, output


def chat_with(model: RoundsModel) -> Chat:
    return Chat(assistant=create(has_model=True)["default"], model=model)


def test_the_example_has_a_tool_of_each_kind() -> None:
    """The request offers them all, the functions with strict schemas."""
    model = RoundsModel(answer("Hello."), answer("A title"))
    chat_with(model).create()
    offered = [(one["type"], one.get("name"), one.get("strict")) for one in model.bodies[0]["tools"]]
    assert offered == [
        ("function", "days_between", True),
        ("function", "show_checklist", True),
        ("function", "get_page_title", True),
        ("web_search", None, None),
    ]


def test_it_counts_days() -> None:
    """A plain tool gives back what it returns."""
    asked = call("days_between", "call_1", start="2026-11-22", end="2026-12-24")
    model = RoundsModel(answer(asked), answer("32 days."), answer("A title"))
    chat_with(model).create()
    assert output("call_1", "32") in [entry for body in model.bodies for entry in body["input"]]


def test_it_shows_a_checklist() -> None:
    """A tool that is a generator shows a widget that grows, and gives back how much the user sees."""
    asked = call("show_checklist", "call_1", title="Tea", steps=["Boil water", "Wait"])
    model = RoundsModel(answer(asked), answer("There."), answer("A title"))
    chat = chat_with(model)
    events = chat.stream("threads.create", {"input": message_input()})
    assert "progress_update" in types(events)
    (widget,) = [item for item in chat.items(events[0]["thread"]["id"]) if item["type"] == "widget"]
    assert [part["value"] for part in widget["widget"]["children"]] == ["Tea", "☐ Boil water", "☐ Wait"]
    outputs = [entry["output"] for body in model.bodies for entry in body["input"] if "output" in entry]
    assert json.loads(outputs[0]) == {"shown_steps": 2}

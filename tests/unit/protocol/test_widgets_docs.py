"""The page about widgets: its examples run, and its tables hold."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from functions.engine.widget_deltas import widget_deltas
from functions.protocol import widget_limits
from functions.protocol.actions import Action, ActionConfig
from functions.protocol.items import WidgetItem
from functions.protocol.widgets import component_classes

PAGE = (Path(__file__).parents[3] / "docs" / "widgets.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's examples define, run from top to bottom; each JSON is what the widget before it writes."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for language, code in BLOCKS:
        if language == "python":
            exec(compile(code, "docs/widgets.md", "exec"), names)
        else:
            assert names["widget"].as_json() == json.loads(code)
        if "widget" in names:
            widget_limits.check_widget(names["widget"].as_json())
    return names


async def pieces() -> AsyncIterator[str]:
    for piece in ("Dear ", "Ada", ","):
        yield piece


async def collected(stream: AsyncIterator[Any]) -> list[Any]:
    return [element async for element in stream]


def test_the_examples_run(example: dict[str, Any]) -> None:
    """The page has examples, and every one of them runs."""
    assert {"order", "draft", "action", "template"} <= set(example)
    assert {language for language, _ in BLOCKS} == {"python", "json"}


def test_the_streamed_example_sends_its_text_piece_by_piece(example: dict[str, Any]) -> None:
    """The draft grows by text deltas, and is replaced alone once it no longer streams."""
    states = [state.as_json() for state in asyncio.run(collected(example["draft"](pieces())))]
    updates = [update for pair in pairwise(states) for update in widget_deltas(*pair)]
    assert [update.type for update in updates] == ["widget.streaming_text.value_delta"] * 2 + [
        "widget.component.updated"
    ]


def test_the_action_of_the_example_updates_its_widget(example: dict[str, Any]) -> None:
    """A click on Pay replaces the item by a paid order."""
    item = {"id": "i", "thread_id": "t", "created_at": "2026-01-01T00:00:00Z", "widget": example["order"]("A-17")}
    pay = Action(type="order.pay", payload={"number": "A-17"})
    (event,) = asyncio.run(collected(example["action"](pay, WidgetItem.model_validate(item))))
    assert event.item.widget == example["order"]("A-17", paid=True).as_json()


def test_the_tables_hold() -> None:
    """Every component and every property of an action is in a table, and the limits are the code's."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    named = set(re.findall(r"`(\w+)`", "\n".join(rows)))
    assert {cls.__name__ for cls in component_classes().values()} <= named
    assert set(ActionConfig.model_fields) <= named
    limits = {
        "JSON of a widget, in UTF-8": f"{widget_limits.MAX_WIDGET_BYTES:,} bytes",
        "components within components": f"{widget_limits.MAX_WIDGET_DEPTH}",
        "components": f"{widget_limits.MAX_WIDGET_COMPONENTS:,}",
        "objects and lists within each other, payloads included": f"{widget_limits.MAX_JSON_DEPTH}",
    }
    assert {f"| {what} | {limit} |" for what, limit in limits.items()} <= set(rows)

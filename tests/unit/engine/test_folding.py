"""How updates fold into items."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from functions.engine.folding import OpenItems
from functions.errors import InternalError
from functions.protocol.items import THREAD_ITEM, AssistantMessageItem, ThreadItem
from functions.protocol.updates import AssistantMessageContentPartTextDelta, ThreadItemUpdate

UPDATE: TypeAdapter[ThreadItemUpdate] = TypeAdapter(ThreadItemUpdate)
NOW = datetime(2026, 11, 22, tzinfo=UTC).isoformat()
SOURCE = {"type": "annotation", "source": {"type": "url", "title": "t", "url": "https://example.com"}, "index": 1}

ITEMS: dict[str, dict[str, Any]] = {
    "assistant_message": {"content": []},
    "widget": {"widget": {"type": "Card", "children": [{"type": "Text", "id": "t", "value": "a"}]}},
    "workflow": {"workflow": {"type": "custom", "tasks": [{"type": "custom", "title": "a"}]}},
    "generated_image": {},
    "end_of_turn": {},
}
UPDATES: dict[str, list[dict[str, Any]]] = {
    "assistant_message": [
        {"type": "assistant_message.content_part.added", "content_index": 0, "content": {"text": "a"}},
        {"type": "assistant_message.content_part.text_delta", "content_index": 0, "delta": "b"},
        {
            "type": "assistant_message.content_part.annotation_added",
            "content_index": 0,
            "annotation_index": 0,
            "annotation": SOURCE,
        },
        {"type": "assistant_message.content_part.done", "content_index": 0, "content": {"text": "abc"}},
    ],
    "widget": [
        {"type": "widget.streaming_text.value_delta", "component_id": "t", "delta": "b", "done": False},
        {
            "type": "widget.component.updated",
            "component_id": "t",
            "component": {"type": "Text", "id": "t", "value": "z"},
        },
        {"type": "widget.root.updated", "widget": {"type": "Card", "children": []}},
    ],
    "workflow": [
        {"type": "workflow.task.added", "task_index": 1, "task": {"type": "custom", "title": "b"}},
        {"type": "workflow.task.updated", "task_index": 0, "task": {"type": "custom", "title": "A"}},
    ],
    "generated_image": [
        {"type": "generated_image.updated", "image": {"id": "img", "url": "https://example.com/i"}, "progress": 0.5}
    ],
}


def item(kind: str, item_id: str = "msg_1") -> ThreadItem:
    fields = {"type": kind, "id": item_id, "thread_id": "thr_1", "created_at": NOW, **ITEMS[kind]}
    return THREAD_ITEM.validate_python(fields)


def fold(kind: str, *updates: dict[str, Any]) -> dict[str, Any]:
    """The item after these updates, as JSON."""
    items = OpenItems()
    items.add(item(kind))
    for update in updates:
        items.update("msg_1", UPDATE.validate_python(update))
    (folded,) = items
    return folded.model_dump(mode="json", exclude_none=True)


def test_a_message_grows_as_its_parts_do() -> None:
    """Parts are added, appended to, annotated and at last replaced by their final content."""
    added, delta, annotated, done = UPDATES["assistant_message"]
    assert fold("assistant_message", added, delta, delta)["content"] == [
        {"type": "output_text", "text": "abb", "annotations": []}
    ]
    assert fold("assistant_message", added, delta, annotated)["content"][0]["annotations"] == [SOURCE]
    assert fold("assistant_message", added, delta, annotated, done)["content"] == [
        {"type": "output_text", "text": "abc", "annotations": []}
    ]


def test_a_part_that_begins_behind_the_end_leaves_empty_parts_before_it() -> None:
    """Indexes are the client's: a delta for part 2 makes parts 0 and 1."""
    delta = {"type": "assistant_message.content_part.text_delta", "content_index": 2, "delta": "x"}
    assert [part["text"] for part in fold("assistant_message", delta)["content"]] == ["", "", "x"]


def test_a_workflows_tasks_are_inserted_and_replaced() -> None:
    """Tasks stand where their index says."""
    added, updated = UPDATES["workflow"]
    tasks = fold("workflow", added, updated, {**added, "task_index": 0})["workflow"]["tasks"]
    assert [task["title"] for task in tasks] == ["b", "A", "b"]


def test_a_widgets_text_grows_its_components_and_its_root_are_replaced() -> None:
    """Each of the three widget updates changes what it names."""
    grown, replaced, root = UPDATES["widget"]
    assert fold("widget", grown)["widget"]["children"][0]["value"] == "ab"
    assert fold("widget", grown, replaced)["widget"]["children"][0]["value"] == "z"
    assert fold("widget", root)["widget"] == {"type": "Card", "children": []}


def test_an_image_in_the_making_shows_its_newest_picture() -> None:
    """The item holds the last picture that was sent."""
    image = fold("generated_image", *UPDATES["generated_image"])["image"]
    assert image == {"id": "img", "url": "https://example.com/i"}


@pytest.mark.parametrize("kind", sorted(ITEMS))
def test_an_update_that_does_not_fit_its_item_is_a_fault_and_changes_nothing(kind: str) -> None:
    """Each update type belongs to one item type."""
    before = fold(kind)
    for owner, updates in UPDATES.items():
        if owner == kind:
            continue
        for update in updates:
            items = OpenItems()
            items.add(item(kind))
            with pytest.raises(InternalError, match=kind):
                items.update("msg_1", UPDATE.validate_python(update))
            (left,) = items
            assert left.model_dump(mode="json", exclude_none=True) == before


@pytest.mark.parametrize("updates", UPDATES.values(), ids=UPDATES)
def test_an_update_of_an_item_that_is_not_open_is_a_fault(updates: list[dict[str, Any]]) -> None:
    """Updates belong between added and done."""
    items = OpenItems()
    for update in updates:
        with pytest.raises(InternalError, match="not open"):
            items.update("msg_1", UPDATE.validate_python(update))


def test_a_closed_items_text_does_not_leak_into_a_new_one() -> None:
    """An item that starts anew starts empty."""
    items = OpenItems()
    delta = AssistantMessageContentPartTextDelta(content_index=0, delta="old")
    for _ in range(2):
        items.add(item("assistant_message"))
        items.update("msg_1", delta)
    items.add(item("assistant_message"))
    (left,) = items
    assert isinstance(left, AssistantMessageItem)
    assert left.content == []


def test_what_is_looked_at_stays_as_it_was() -> None:
    """A snapshot is a copy: later updates, and changes to what was added, do not reach it."""
    items = OpenItems()
    given_item = item("assistant_message")
    items.add(given_item)
    items.update("msg_1", AssistantMessageContentPartTextDelta(content_index=0, delta="a"))
    (first,) = items
    items.update("msg_1", AssistantMessageContentPartTextDelta(content_index=0, delta="b"))
    (second,) = items
    assert isinstance(first, AssistantMessageItem)
    assert isinstance(second, AssistantMessageItem)
    assert (first.content[0].text, second.content[0].text) == ("a", "ab")
    assert isinstance(given_item, AssistantMessageItem)
    assert given_item.content == []


def with_deltas(deltas: list[tuple[str, int, str]], *, look_every: int) -> OpenItems:
    """Two messages and the text that was appended to them; somebody looks at them in between."""
    items = OpenItems()
    for item_id in ("msg_1", "msg_2"):
        items.add(item("assistant_message", item_id))
    for index, (item_id, part, delta) in enumerate(deltas):
        items.update(item_id, AssistantMessageContentPartTextDelta(content_index=part, delta=delta))
        if index % look_every == 0:
            list(items)
    return items


@given(deltas=st.lists(st.tuples(st.sampled_from(["msg_1", "msg_2"]), st.integers(0, 2), st.text()), max_size=60))
def test_interleaved_deltas_fold_to_the_same_texts_as_joining_them(deltas: list[tuple[str, int, str]]) -> None:
    """Each part's text is the concatenation of its own deltas, whenever somebody looked in between."""
    items = with_deltas(deltas, look_every=7)
    for folded in items:
        assert isinstance(folded, AssistantMessageItem)
        for number, part in enumerate(folded.content):
            assert part.text == "".join(delta for owner, n, delta in deltas if (owner, n) == (folded.id, number))


TEXTS = [UPDATES["assistant_message"][1], UPDATES["widget"][0]]
"""The updates that do no more than append text."""


@pytest.mark.parametrize("kind", ["assistant_message", "widget", "workflow", "generated_image"])
def test_text_is_counted_as_characters_and_anything_else_as_a_change(kind: str) -> None:
    """By these a turn decides what is worth a write: much text, or something else than text."""
    items = OpenItems()
    items.add(item(kind))
    for update in UPDATES[kind]:
        characters, changes = items.characters, items.changes
        items.update("msg_1", UPDATE.validate_python(update))
        grown = (items.characters - characters, items.changes - changes)
        assert grown == ((1, 0) if update in TEXTS else (0, 1)), update


def test_coming_and_going_are_changes_and_take_their_text_along() -> None:
    """What is closed counts no longer; to close what is not open changes nothing."""
    items = OpenItems()
    delta = AssistantMessageContentPartTextDelta(content_index=0, delta="abc")
    for item_id in ("msg_1", "msg_2"):
        items.add(item("assistant_message", item_id))
        items.update(item_id, delta)
    assert (items.changes, items.characters, len(items)) == (2, 6, 2)
    items.close("msg_1")
    items.close("msg_1")
    assert (items.changes, items.characters, len(items)) == (3, 3, 1)
    assert ("msg_1" in items, "msg_2" in items) == (False, True)


def test_an_item_that_starts_anew_counts_anew() -> None:
    """Its text is gone, and that is a change; whether it was stored is said by who adds it."""
    items = OpenItems()
    items.add(item("assistant_message"), stored=True)
    items.update("msg_1", AssistantMessageContentPartTextDelta(content_index=0, delta="abc"))
    assert items.is_stored("msg_1")
    items.add(item("assistant_message"))
    assert (items.characters, len(items), items.is_stored("msg_1")) == (0, 1, False)


@given(deltas=st.lists(st.tuples(st.sampled_from(["msg_1", "msg_2"]), st.integers(0, 2), st.text()), max_size=40))
def test_characters_are_those_that_were_appended(deltas: list[tuple[str, int, str]]) -> None:
    """To whichever part, and whenever somebody looked in between."""
    items = with_deltas(deltas, look_every=5)
    assert items.characters == sum(len(delta) for _, _, delta in deltas)
    assert items.changes == 2

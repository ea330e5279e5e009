"""Items that are not finished: closed, kept, shown among the finished ones."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.unfinished import all_closed, closed, for_checkpoint, overlaid
from functions.ids import IdFactory
from functions.protocol.base import Page
from functions.protocol.items import THREAD_ITEM, ThreadItem, WorkflowItem, is_hidden
from functions.store.base import MAX_ITEMS, Order

NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
PICTURE = {"id": "img", "url": "https://example.com/i.png"}
DATA = {"id": "img", "url": "data:image/png;base64,AAAA"}


def item(kind: str, *, at: int = 1, **fields: Any) -> ThreadItem:
    """An item whose place is its millisecond, `at`."""
    item_id = IdFactory(clock=lambda: at / 1000, random_bits=lambda _: 0).new("message")
    return THREAD_ITEM.validate_python({"id": item_id, "thread_id": "thr_1", "created_at": NOW, "type": kind, **fields})


def message(*parts: str, at: int = 1) -> ThreadItem:
    return item("assistant_message", at=at, content=[{"text": text} for text in parts])


def workflow(*states: str) -> ThreadItem:
    tasks = [{"type": "custom", "title": "t", "status_indicator": state} for state in states]
    return item("workflow", workflow={"type": "custom", "tasks": tasks})


EMPTY = [message(), message(""), message(" \n", ""), item("generated_image"), workflow()]
FULL = [
    message("", "a"),
    item("generated_image", image=PICTURE),
    workflow("complete", "none"),
    item("widget", widget={"type": "Card", "children": []}),
    item("task", task={"type": "custom", "title": "t"}),
    item("client_tool_call", call_id="c", name="n", arguments={}),
    item("end_of_turn"),
]


@pytest.mark.parametrize("empty", EMPTY, ids=lambda one: one.type)
def test_what_holds_nothing_yet_is_not_kept(empty: ThreadItem) -> None:
    """An answer without a word, a picture that was not made, work that had not begun."""
    assert closed(empty) is None


@pytest.mark.parametrize("full", FULL, ids=lambda one: one.type)
def test_what_holds_something_is_kept_as_it_stands(full: ThreadItem) -> None:
    """Under its own id, in its own place."""
    assert closed(full.model_copy(deep=True)) == full


def test_nothing_in_a_closed_workflow_is_at_work() -> None:
    """What was complete stays so; what was loading never ends, and so is no longer shown as loading."""
    kept = closed(workflow("complete", "loading", "none"))
    assert isinstance(kept, WorkflowItem)
    assert [task.status_indicator for task in kept.workflow.tasks] == ["complete", "none", "none"]


def test_all_that_hold_something_are_kept_in_their_order() -> None:
    """The others are left out."""
    assert all_closed([EMPTY[0], FULL[0], EMPTY[3], FULL[1]]) == [FULL[0], FULL[1]]


def test_a_checkpoint_has_no_bytes_of_pictures() -> None:
    """A picture in the making is a place; one with an address is there; and the item itself is left alone."""
    making, made = item("generated_image", image=DATA), item("generated_image", image=PICTURE)
    before = making.model_copy(deep=True)
    assert for_checkpoint([making, made, FULL[0]]) == [item("generated_image"), made, FULL[0]]
    assert making == before


def test_a_checkpoint_has_as_many_items_as_fit() -> None:
    """The first ones: they are the oldest, and the store takes no more."""
    many = [message("a", at=place) for place in range(1, MAX_ITEMS + 10)]
    assert for_checkpoint(many) == many[:MAX_ITEMS]


PLACES = st.dictionaries(
    st.integers(1, 30),
    st.tuples(st.sampled_from(["stored", "open", "both"]), st.sampled_from(["shown", "shown", "hidden"])),
    max_size=14,
)


def made(place: int, state: str, visible: str) -> ThreadItem:
    if visible == "hidden":
        return item("hidden_context_item", at=place, content=state)
    return message(state, at=place)


def page_of(items: list[ThreadItem], *, after: str | None, limit: int, order: Order) -> Page[ThreadItem]:
    """What a store would give that holds these items and no others."""
    ordered = sorted((one for one in items if not is_hidden(one)), key=lambda one: one.id, reverse=order == "desc")
    if after is not None:
        ordered = [one for one in ordered if (one.id > after if order == "asc" else one.id < after)]
    data, has_more = ordered[:limit], len(ordered) > limit
    return Page[ThreadItem](data=data, has_more=has_more, after=data[-1].id if has_more else None)


@given(
    places=PLACES,
    after=st.none() | st.integers(1, 30),
    limit=st.integers(1, 16),
    order=st.sampled_from(["asc", "desc"]),
)
def test_a_page_is_as_if_what_is_unfinished_were_stored(
    places: dict[int, tuple[str, str]], after: int | None, limit: int, order: Order
) -> None:
    """At any place, of any length, in both orders; and what is finished already is shown as finished."""
    stored = [made(place, "stored", show) for place, (state, show) in places.items() if state != "open"]
    unfinished = [made(place, "open", show) for place, (state, show) in places.items() if state != "stored"]
    start = None if after is None else message(at=after).id
    given_page = page_of(stored, after=start, limit=limit, order=order)
    finished = {one.id for one in stored}
    everything = [*stored, *(one for one in unfinished if one.id not in finished)]
    assert overlaid(given_page, unfinished, after=start, limit=limit, order=order) == page_of(
        everything, after=start, limit=limit, order=order
    )

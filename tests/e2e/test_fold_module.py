"""`web/fold.js` in the browser."""

from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.e2e.support.wire import (
    Json,
    added,
    assistant_message,
    created,
    delta,
    done,
    error,
    item,
    opening,
    stream_options,
    text_part,
    thread,
    user_message,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

FOLD: Final = """async (events) => {
  const { EMPTY, fold, started } = await import("/web/fold.js");
  const before = JSON.stringify(EMPTY);
  const state = events.reduce(fold, started(EMPTY, { text: "hi", attachments: [] }));
  if (JSON.stringify(EMPTY) !== before) throw new Error("the empty state was changed");
  return state;
}"""

APPLY: Final = """async ([item, updates]) => {
  const { applyUpdate } = await import("/web/fold.js");
  const before = JSON.stringify(item);
  const after = updates.reduce(applyUpdate, item);
  if (JSON.stringify(item) !== before) throw new Error("the item was changed in place");
  return after;
}"""


def fold(page: Page, *events: Json) -> Any:
    return page.evaluate(FOLD, list(events))


def apply(page: Page, item_: Json, *updates: Json) -> Any:
    return page.evaluate(APPLY, [item_, list(updates)])


def test_an_answer_is_its_deltas(modules: Page) -> None:
    """Deltas are appended to the open item, and the done item takes its place."""
    streamed = [
        *opening("hi"),
        added(item("msg_2", "assistant_message", content=[])),
        delta("msg_2", "Good "),
        delta("msg_2", "day"),
    ]
    state = fold(modules, *streamed)
    assert [held["id"] for held in state["items"]] == ["msg_1", "msg_2"]
    assert state["items"][1]["content"][0]["text"] == "Good day"

    complete = assistant_message("msg_2", "Good day!")
    assert fold(modules, *streamed, done(complete))["items"][1] == complete


def test_before_the_thread_exists_only_errors_count(modules: Page) -> None:
    """Events before `thread.created` are ignored, as ChatKit ignores them; an error is shown."""
    state = fold(
        modules, done(user_message("msg_1", "hi")), stream_options(allow_cancel=True), error("no", allow_retry=True)
    )
    assert state["items"] == []
    assert state["allowCancel"] is False
    assert state["failure"] == {"message": "no", "allowRetry": True}


def test_the_users_message_confirms_what_was_sent(modules: Page) -> None:
    """The message that was shown while it was sent gives way to the stored one."""
    assert fold(modules, created())["pending"] == {"text": "hi", "attachments": []}
    assert fold(modules, *opening("hi"))["pending"] is None


def test_items_are_removed_and_replaced_by_their_ids(modules: Page) -> None:
    """A removed item is gone, and a replaced one keeps its place."""
    events = [*opening("hi"), done(assistant_message("msg_2", "a")), done(assistant_message("msg_3", "b"))]
    replaced = {"type": "thread.item.replaced", "item": assistant_message("msg_2", "c")}
    removed = {"type": "thread.item.removed", "item_id": "msg_3"}
    items = fold(modules, *events, replaced, removed)["items"]
    assert [held["id"] for held in items] == ["msg_1", "msg_2"]
    assert items[1]["content"] == [text_part("c")]


def test_a_code_that_is_not_custom_has_no_text_for_the_user(modules: Page) -> None:
    """Only a `custom` error shows the backend's own words."""
    hidden = {"type": "error", "code": "stream.error", "message": "internal detail", "allow_retry": False}
    message = fold(modules, created(), hidden)["failure"]["message"]
    assert "internal detail" not in message
    assert message != ""


def test_progress_lasts_until_the_next_item(modules: Page) -> None:
    """A progress line shows until an item of the answer opens."""
    progress = {"type": "progress_update", "text": "Looking it up"}
    assert fold(modules, *opening("hi"), progress)["progress"]["text"] == "Looking it up"
    assert fold(modules, *opening("hi"), progress, added(item("i", "task", task={})))["progress"] is None


def test_what_is_not_known_changes_nothing(modules: Page) -> None:
    """An unknown event, an unknown update and an update of an unknown item leave the state as it is."""
    state = fold(modules, *opening("hi"))
    unknown = [
        {"type": "thread.sparkled"},
        {"type": "client_effect", "name": "x", "data": {}},
        {"type": "thread.item.updated", "item_id": "msg_1", "update": {"type": "new.kind"}},
        delta("msg_404", "text"),
    ]
    assert fold(modules, *opening("hi"), *unknown) == state


def test_a_changed_thread_is_taken_over(modules: Page) -> None:
    """`thread.updated` brings the new title and status."""
    locked = thread(title="Named", status={"type": "locked", "reason": "later"})
    state = fold(modules, *opening("hi"), {"type": "thread.updated", "thread": locked})
    assert state["thread"]["title"] == "Named"
    assert state["thread"]["status"]["reason"] == "later"


def test_sources_are_tied_to_their_part(modules: Page) -> None:
    """Annotations are added to a part by their index, and the done part replaces it."""
    annotation = {
        "type": "annotation",
        "source": {"type": "url", "title": "t", "url": "https://example.com"},
        "index": 1,
    }
    update = {
        "type": "assistant_message.content_part.annotation_added",
        "content_index": 0,
        "annotation_index": 0,
        "annotation": annotation,
    }
    start = item("m", "assistant_message", content=[text_part("x")])
    assert apply(modules, start, update)["content"][0]["annotations"] == [annotation]
    part_done = {"type": "assistant_message.content_part.done", "content_index": 0, "content": text_part("y")}
    assert apply(modules, start, update, part_done)["content"] == [text_part("y")]


def test_widget_text_streams_into_its_component(modules: Page) -> None:
    """A widget's component is found by its id at any depth: text is appended, the component or the whole replaced."""
    widget = {"type": "Card", "children": [{"type": "Col", "children": [{"type": "Text", "id": "t", "value": "a"}]}]}
    start = item("w", "widget", widget=widget)
    text = {"type": "widget.streaming_text.value_delta", "component_id": "t", "delta": "b", "done": False}
    assert apply(modules, start, text)["widget"]["children"][0]["children"][0]["value"] == "ab"
    component = {"type": "widget.component.updated", "component_id": "t", "component": {"type": "Title", "value": "c"}}
    assert apply(modules, start, component)["widget"]["children"][0]["children"] == [{"type": "Title", "value": "c"}]
    root = {"type": "widget.root.updated", "widget": {"type": "ListView", "children": []}}
    assert apply(modules, start, text, root)["widget"] == {"type": "ListView", "children": []}


def test_tasks_are_added_and_replaced_by_their_index(modules: Page) -> None:
    """A workflow's tasks are appended, then replaced where they stand."""
    start = item("w", "workflow", workflow={"type": "custom", "tasks": []})
    first = {"type": "workflow.task.added", "task_index": 0, "task": {"type": "custom", "title": "one"}}
    second = {"type": "workflow.task.added", "task_index": 1, "task": {"type": "custom", "title": "two"}}
    changed = {"type": "workflow.task.updated", "task_index": 0, "task": {"type": "custom", "title": "uno"}}
    tasks = apply(modules, start, first, second, changed)["workflow"]["tasks"]
    assert [task["title"] for task in tasks] == ["uno", "two"]


def test_a_picture_comes_with_its_progress(modules: Page) -> None:
    """A generated image is replaced as it grows, and says how far it is."""
    image = {"id": "img", "url": "https://example.com/1.png"}
    update = {"type": "generated_image.updated", "image": image, "progress": 0.5}
    after = apply(modules, item("g", "generated_image"), update)
    assert after["image"] == image
    assert after["progress"] == 0.5


def test_a_retry_drops_what_followed(modules: Page) -> None:
    """When a message is answered again, the items after it are gone, as the backend removes them."""
    kept = modules.evaluate(
        """async (items) => {
          const { droppedAfter, opened } = await import("/web/fold.js");
          return droppedAfter(opened({ id: "thr_1" }, items), "msg_1").items;
        }""",
        [user_message("msg_1", "hi"), assistant_message("msg_2", "a"), user_message("msg_3", "b")],
    )
    assert kept == [user_message("msg_1", "hi")]


def test_a_picture_that_was_signed_anew_is_the_same(modules: Page) -> None:
    """A thread that is read again keeps an item whose preview alone has another address, and takes any other change."""
    picture = {"id": "atc_1", "type": "image", "name": "a.png", "mime_type": "image/png", "preview_url": "https://a/?1"}
    held = [user_message("msg_1", "hi") | {"attachments": [picture]}, assistant_message("msg_2", "a")]
    again = [held[0] | {"attachments": [picture | {"preview_url": "https://a/?2"}]}, assistant_message("msg_2", "b")]
    kept = modules.evaluate(
        """async ([held, again]) => {
          const { opened, refreshed } = await import("/web/fold.js");
          const { items } = refreshed(opened({ id: "thr_1" }, held), { id: "thr_1" }, again);
          return items.map((item, index) => [item === held[index], item === again[index]]);
        }""",
        [held, again],
    )
    assert kept == [[True, False], [False, True]]

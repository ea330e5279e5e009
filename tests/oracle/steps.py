"""Requests and scripts, as short as they can be said: what the conversations are made of."""

import base64
from typing import Any, Final

from tests.oracle.script import Ask, CallTool, Emit, Fail, Json, Op, Say, ShowWidget
from tests.oracle.side import Step

UNKNOWN_PICK: Final = "not-offered"
"""A model or tool that no assistant declares."""

# --- requests, as short as they can be said ---


def said(text: str = "Hi", **more: Any) -> Json:
    """A user message as the client sends it."""
    return {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}, **more}


def create(*script: Op, message: Json | None = None, **how: Any) -> Step:
    """Begins a thread: `$t1`, with the message `$u1`."""
    return Step("threads.create", {"input": message or said()}, script, **how)


def add(*script: Op, thread: str = "$t1", message: Json | None = None, **how: Any) -> Step:
    """The next message."""
    return Step("threads.add_user_message", {"thread_id": thread, "input": message or said()}, script, **how)


def output(result: Any, *script: Op, thread: str = "$t1", **how: Any) -> Step:
    """A client tool's output."""
    return Step("threads.add_client_tool_output", {"thread_id": thread, "result": result}, script, **how)


def answer(*script: Op, item: str = "$q", thread: str = "$t1", **submission: Any) -> Step:
    """Answers to a structured input."""
    params = {"thread_id": thread, "item_id": item, "input": submission}
    return Step("threads.add_structured_input", params, script)


def retry(item: str, *script: Op, thread: str = "$t1") -> Step:
    """Answer this message again."""
    return Step("threads.retry_after_item", {"thread_id": thread, "item_id": item}, script)


def act(
    *script: Op, item: str | None = "$w", thread: str = "$t1", sync: bool = False, payload: Any = None, **how: Any
) -> Step:
    """An action, of a widget or of the page."""
    params = {"thread_id": thread, "item_id": item, "action": {"type": "press", "payload": payload}}
    return Step("threads.sync_custom_action" if sync else "threads.custom_action", params, script, **how)


def read(thread: str = "$t1", **how: Any) -> Step:
    """A thread with its first items."""
    return Step("threads.get_by_id", {"thread_id": thread}, **how)


def items(thread: str = "$t1", **params: Any) -> Step:
    """A page of a thread."""
    return Step("items.list", {"thread_id": thread, **params})


def threads(user: str = "alice", **params: Any) -> Step:
    """A page of threads."""
    return Step("threads.list", params, user=user)


def rename(title: Any, thread: str = "$t1", **how: Any) -> Step:
    """A thread's new title."""
    return Step("threads.update", {"thread_id": thread, "title": title}, **how)


def delete(thread: str = "$t1", **how: Any) -> Step:
    """Deletes a thread."""
    return Step("threads.delete", {"thread_id": thread}, **how)


def feedback(*item_ids: str, thread: str = "$t1", kind: str = "positive", **how: Any) -> Step:
    """Thumbs up or down."""
    return Step("items.feedback", {"thread_id": thread, "item_ids": list(item_ids), "kind": kind}, **how)


def upload(name: str = "a.txt", mime_type: str = "text/plain", size: int = 5) -> Step:
    """Announces an upload: `$a1`."""
    return Step("attachments.create", {"name": name, "size": size, "mime_type": mime_type})


def dictate(
    audio: str = base64.b64encode(b"sound").decode(), mime_type: str = "audio/webm;codecs=opus", **how: Any
) -> Step:
    """Speech."""
    return Step("input.transcribe", {"audio_base64": audio, "mime_type": mime_type}, **how)


# --- what the assistant shows ---


def card(text: str = "0", **more: Any) -> Json:
    """A widget with a text and a button."""
    # Written out in full: the official classes add what is left out, while ours take a widget's JSON as it is.
    how = {"handler": "server", "loadingBehavior": "auto", "streaming": True}
    button = {"type": "Button", "label": "More", "onClickAction": {"type": "press", "payload": {"n": 1}, **how}}
    return {"type": "Card", "children": [{"type": "Text", "id": "t", "value": text}, button], **more}


def badges(*labels: str) -> Json:
    """A widget whose parts have ids, and are no text."""
    return {
        "type": "Card",
        "children": [{"type": "Badge", "id": f"b{n}", "label": one} for n, one in enumerate(labels)],
    }


OK: Final = Say("ok")
SOURCES: Final = (
    {"type": "annotation", "index": 2, "source": {"type": "url", "title": "A page", "url": "https://example.com/a"}},
    {
        "type": "annotation",
        "source": {"type": "file", "title": "A file", "filename": "a.pdf", "timestamp": "2026-01-01"},
    },
    {
        "type": "annotation",
        "index": 4,
        "source": {"type": "entity", "title": "A person", "id": "p1", "interactive": True, "data": {"n": 1}},
    },
)
TASKS: Final = (
    {"type": "custom", "title": "Look", "icon": "search", "content": "*soon*", "status_indicator": "loading"},
    {
        "type": "web_search",
        "title_query": "cats",
        "queries": ["cats"],
        "sources": [{"type": "url", "title": "Cats", "url": "https://example.com/cats"}],
    },
    {"type": "thought", "title": "Hm", "content": "So it is."},
    {"type": "file", "sources": [{"type": "file", "title": "Cats", "filename": "cats.pdf"}]},
    {"type": "image", "title": "A cat", "status_indicator": "complete"},
)
CHOICES: Final = [{"value": "a"}, {"value": "b"}, {"value": "c"}]
QUESTIONS: Final = Ask(
    (
        {"type": "multiple_choice", "id": "one", "question": "One?", "options": CHOICES},
        {"type": "multiple_choice", "id": "many", "question": "Many?", "options": CHOICES, "multiple": True},
        {"type": "freeform", "id": "free", "question": "Why?", "description": "In your words."},
    )
)
CALL: Final = CallTool("get_cart", {"id": 1, "deep": {"none": None}})
WIDGET: Final = ShowWidget((card(),))
FAULT: Final = Fail("fault", "not for users")
HALF: Final = Emit(
    {
        "type": "thread.item.added",
        "item": {"type": "assistant_message", "content": [{"type": "output_text", "text": "Half"}]},
    }
)
OPEN_WORK: Final = Emit(
    {
        "type": "thread.item.added",
        "item": {"type": "workflow", "workflow": {"type": "custom", "tasks": [TASKS[0]]}},
    },
    name="y",
)
OPEN_WIDGET: Final = Emit({"type": "thread.item.added", "item": {"type": "widget", "widget": card()}}, name="z")


def updated(item: str, kind: str, **update: Any) -> Emit:
    """An update, written by hand."""
    return Emit({"type": "thread.item.updated", "item_id": item, "update": {"type": kind, **update}})


def message(text: str, **more: Any) -> Json:
    """An assistant message as JSON."""
    return {"type": "assistant_message", "content": [{"type": "output_text", "text": text}], **more}

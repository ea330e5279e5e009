"""What a backend sends, as the browser tests write it: threads, items, events."""

from typing import Any, Final

Json = dict[str, Any]

WHEN: Final = "2026-01-02T03:04:05Z"
THREAD_ID: Final = "thr_1"


def thread(
    thread_id: str = THREAD_ID, *, title: str | None = None, items: list[Json] | None = None, **more: Any
) -> Json:
    """A thread with a page of its items."""
    page = {"data": items or [], "has_more": False}
    named = {} if title is None else {"title": title}
    return {"id": thread_id, "created_at": WHEN, "status": {"type": "active"}, "items": page, **named, **more}


def item(item_id: str, kind: str, **fields: Any) -> Json:
    """An item of any type."""
    return {"id": item_id, "type": kind, "thread_id": THREAD_ID, "created_at": WHEN, **fields}


def user_message(item_id: str, text: str) -> Json:
    """What a user wrote."""
    content = [{"type": "input_text", "text": text}]
    return item(item_id, "user_message", content=content, attachments=[], inference_options={})


def text_part(text: str) -> Json:
    """A part of an answer."""
    return {"type": "output_text", "text": text, "annotations": []}


def assistant_message(item_id: str, text: str) -> Json:
    """A complete answer."""
    return item(item_id, "assistant_message", content=[text_part(text)])


def done(item_: Json) -> Json:
    """The event that an item is complete."""
    return {"type": "thread.item.done", "item": item_}


def added(item_: Json) -> Json:
    """The event that an item opens."""
    return {"type": "thread.item.added", "item": item_}


def delta(item_id: str, text: str) -> Json:
    """The event that text is appended to an answer's first part."""
    update = {"type": "assistant_message.content_part.text_delta", "content_index": 0, "delta": text}
    return {"type": "thread.item.updated", "item_id": item_id, "update": update}


def created(thread_: Json | None = None) -> Json:
    """The event that a thread exists."""
    return {"type": "thread.created", "thread": thread_ or thread()}


def titled(thread_: Json) -> Json:
    """The event that a thread has a title, or another one."""
    return {"type": "thread.updated", "thread": thread_}


def stream_options(*, allow_cancel: bool = False) -> Json:
    """The event that tells the client how to treat the stream."""
    return {"type": "stream_options", "stream_options": {"allow_cancel": allow_cancel}}


def error(message: str, *, allow_retry: bool = False) -> Json:
    """An error for the user."""
    return {"type": "error", "code": "custom", "message": message, "allow_retry": allow_retry}


def opening(text: str, *, allow_cancel: bool = False) -> list[Json]:
    """How every answer to `threads.create` begins."""
    return [created(), done(user_message("msg_1", text)), stream_options(allow_cancel=allow_cancel)]


def answer(item_id: str, text: str) -> list[Json]:
    """An answer that comes in one piece."""
    return [added(item(item_id, "assistant_message", content=[])), done(assistant_message(item_id, text))]

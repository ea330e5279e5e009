"""Strangers who know the ids of another user's threads, items, calls and attachments."""

from collections.abc import Callable
from typing import Any, Final

from tests.support.attack import STRANGERS, Attack
from tests.support.attack_target import Sent, Target, asked, bearer, message


def _foreign(
    name: str, kind: str, params: Callable[[Target], dict[str, Any]], *, is_answered: bool = False
) -> list[Attack]:
    return [
        Attack(
            f"{kind}, {name}, by {stranger}",
            lambda target: asked(kind, target.token, **params(target)),
            stranger=stranger,
            is_answered=is_answered,
        )
        for stranger in STRANGERS
    ]


_ACTION: Final = {"type": "counter.add", "payload": {"count": 1}}
_FORM: Final = {"answers": {"why": {"values": ["stolen"]}}}

THREADS: Final = (
    *_foreign("thread", "threads.get_by_id", lambda at: {"thread_id": at.ids.thread}),
    *_foreign("thread", "items.list", lambda at: {"thread_id": at.ids.thread}),
    *_foreign("thread and position", "items.list", lambda at: {"thread_id": at.ids.thread, "after": at.ids.message}),
    *_foreign("thread", "threads.update", lambda at: {"thread_id": at.ids.thread, "title": "stolen"}),
    *_foreign("thread", "threads.delete", lambda at: {"thread_id": at.ids.thread}),
    *_foreign("thread", "threads.stop", lambda at: {"thread_id": at.ids.thread}),
    *_foreign("thread", "threads.add_user_message", lambda at: {"thread_id": at.ids.thread, "input": message()}),
    *_foreign(
        "thread with a call",
        "threads.add_user_message",
        lambda at: {"thread_id": at.ids.tool_thread, "input": message("go on")},
    ),
    *_foreign("thread", "threads.custom_action", lambda at: {"thread_id": at.ids.thread, "action": _ACTION}),
    *_foreign("thread", "threads.sync_custom_action", lambda at: {"thread_id": at.ids.thread, "action": _ACTION}),
    *_foreign("position", "threads.list", lambda at: {"after": at.ids.thread}, is_answered=True),
    *_foreign(
        "position, upwards", "threads.list", lambda at: {"after": at.ids.thread, "order": "asc"}, is_answered=True
    ),
)

ITEMS: Final = (
    *_foreign("both", "threads.retry_after_item", lambda at: {"thread_id": at.ids.thread, "item_id": at.ids.message}),
    *_foreign("item", "threads.retry_after_item", lambda at: {"thread_id": at.own.thread, "item_id": at.ids.message}),
    *_foreign("thread", "threads.retry_after_item", lambda at: {"thread_id": at.ids.thread, "item_id": at.own.message}),
    *_foreign(
        "both",
        "items.feedback",
        lambda at: {"thread_id": at.ids.thread, "item_ids": [at.ids.answer], "kind": "negative"},
    ),
    *_foreign(
        "thread",
        "items.feedback",
        lambda at: {"thread_id": at.ids.thread, "item_ids": [at.own.answer], "kind": "negative"},
    ),
    *_foreign(
        "item",
        "items.feedback",
        lambda at: {"thread_id": at.own.thread, "item_ids": [at.ids.answer], "kind": "negative"},
        is_answered=True,
    ),
    *_foreign(
        "item as a position",
        "items.list",
        lambda at: {"thread_id": at.own.thread, "after": at.ids.answer},
        is_answered=True,
    ),
    *_foreign(
        "both",
        "threads.custom_action",
        lambda at: {"thread_id": at.ids.widget_thread, "item_id": at.ids.widget, "action": _ACTION},
    ),
    *_foreign(
        "item",
        "threads.custom_action",
        lambda at: {"thread_id": at.own.widget_thread, "item_id": at.ids.widget, "action": _ACTION},
    ),
    *_foreign(
        "thread",
        "threads.custom_action",
        lambda at: {"thread_id": at.ids.widget_thread, "item_id": at.own.widget, "action": _ACTION},
    ),
    *_foreign(
        "both",
        "threads.sync_custom_action",
        lambda at: {
            "thread_id": at.ids.widget_thread,
            "item_id": at.ids.widget,
            "action": {"type": "counter.reset", "payload": {"count": 1}},
        },
    ),
    *_foreign(
        "item",
        "threads.sync_custom_action",
        lambda at: {
            "thread_id": at.own.widget_thread,
            "item_id": at.ids.widget,
            "action": {"type": "counter.reset", "payload": {"count": 1}},
        },
    ),
    *_foreign(
        "thread as an item",
        "threads.retry_after_item",
        lambda at: {"thread_id": at.own.thread, "item_id": at.ids.thread},
    ),
)

CALLS: Final = (
    *_foreign(
        "thread",
        "threads.add_client_tool_output",
        lambda at: {"thread_id": at.ids.tool_thread, "result": {"stolen": True}},
    ),
    *_foreign(
        "thread without a call",
        "threads.add_client_tool_output",
        lambda at: {"thread_id": at.ids.thread, "result": None},
    ),
    *_foreign(
        "call as an item",
        "threads.retry_after_item",
        lambda at: {"thread_id": at.ids.tool_thread, "item_id": at.ids.tool_call},
    ),
    *_foreign(
        "both",
        "threads.add_structured_input",
        lambda at: {"thread_id": at.ids.form_thread, "item_id": at.ids.form, "input": _FORM},
    ),
    *_foreign(
        "item",
        "threads.add_structured_input",
        lambda at: {"thread_id": at.own.form_thread, "item_id": at.ids.form, "input": _FORM},
    ),
    *_foreign(
        "thread",
        "threads.add_structured_input",
        lambda at: {"thread_id": at.ids.form_thread, "item_id": at.own.form, "input": _FORM},
    ),
    *_foreign(
        "call as a form",
        "threads.add_structured_input",
        lambda at: {"thread_id": at.ids.tool_thread, "item_id": at.ids.tool_call, "input": _FORM},
    ),
)


def _download(attachment_id: str, *headers: tuple[str, str]) -> Sent:
    return Sent("GET", f"/api/chatkit/attachments/{attachment_id}", headers)


def _downloads(name: str, attachment: Callable[[Target], str]) -> list[Attack]:
    return [
        Attack(
            f"GET attachments, {name}, by {stranger}",
            lambda target: _download(attachment(target), bearer(target.token)),
            stranger=stranger,
            statuses=frozenset({404}),
        )
        for stranger in STRANGERS
    ]


ATTACHMENTS: Final = (
    *_foreign("announced", "attachments.delete", lambda at: {"attachment_id": at.ids.attachment}),
    *_foreign("sent", "attachments.delete", lambda at: {"attachment_id": at.ids.sent_attachment}),
    *_foreign("announced", "attachments.get_preview", lambda at: {"attachment_id": at.ids.attachment}),
    *_foreign("sent", "attachments.get_preview", lambda at: {"attachment_id": at.ids.sent_attachment}),
    *_foreign("announced", "threads.create", lambda at: {"input": message(attachments=[at.ids.attachment])}),
    *_foreign("sent", "threads.create", lambda at: {"input": message(attachments=[at.ids.sent_attachment])}),
    *_foreign(
        "sent",
        "threads.add_user_message",
        lambda at: {"thread_id": at.own.thread, "input": message(attachments=[at.ids.sent_attachment])},
    ),
    *_foreign(
        "sent, beside one's own",
        "threads.create",
        lambda at: {"input": message(attachments=[at.own.sent_attachment, at.ids.sent_attachment])},
    ),
    *_downloads("announced", lambda at: at.ids.attachment),
    *_downloads("sent", lambda at: at.ids.sent_attachment),
)

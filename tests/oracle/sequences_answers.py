"""Conversations about what an assistant can show, and how it can fail."""

from typing import Final

from functions.protocol.widget_limits import MAX_WIDGET_BYTES
from tests.oracle.script import (
    Change,
    Effect,
    Emit,
    EndTurn,
    Fail,
    Hide,
    Notify,
    Progress,
    ReplaceWidget,
    Say,
    ShowImage,
    ShowTask,
    ShowWidget,
    Work,
)
from tests.oracle.side import UNKNOWN_ID, Conversation
from tests.oracle.steps import (
    CALL,
    FAULT,
    HALF,
    OK,
    OPEN_WIDGET,
    OPEN_WORK,
    QUESTIONS,
    SOURCES,
    TASKS,
    WIDGET,
    act,
    add,
    answer,
    badges,
    card,
    create,
    dictate,
    feedback,
    items,
    message,
    output,
    read,
    retry,
    threads,
    updated,
)

ANSWERS: Final = (
    Conversation("nothing is answered", (create(), read(), add(), items(order="asc"))),
    Conversation("a message at once", (create(Say("Hello")), read(), add(Say("Again", SOURCES)), items())),
    Conversation(
        "streamed messages",
        (
            create(Say(("Hel", "lo", " Wörld 🦆\n")), Say((), name="n"), Say(("x",), SOURCES)),
            read(),
            items(order="asc"),
        ),
    ),
    Conversation(
        "every kind of item",
        (
            create(
                WIDGET,
                ShowTask(TASKS[0]),
                *(ShowTask(task) for task in TASKS),
                ShowImage("https://example.com/cat.png"),
                ShowImage(states=(("data:image/png;base64,AA", 0.25), ("https://example.com/cat.png", 1.0))),
                QUESTIONS,
                Hide({"secret": [1, None, "x"]}),
                EndTurn(),
                CALL,
            ),
            items(order="asc", limit=50),
        ),
    ),
    Conversation(
        "workflows",
        (
            create(
                Work(tuple(("add", n, task) for n, task in enumerate(TASKS)), title="Work"),
                Work(
                    (("add", 0, TASKS[2]), ("update", 0, TASKS[2] | {"content": "More."}), ("add", 1, TASKS[1])),
                    kind="reasoning",
                    end_summary={"duration": 3},
                    expanded=True,
                ),
                Work((), end_summary={"title": "Done", "icon": "check"}),
            ),
            read(),
        ),
    ),
    Conversation(
        "what is not stored",
        (
            create(
                Progress("Looking"),
                Progress("Still", icon="search"),
                Notify("**No**", level="danger", title="Oh"),
                Notify("Yes"),
                Effect("confetti"),
                Effect("go", {"to": "/", "deep": {"n": None}}),
                Emit({"type": "stream_options", "stream_options": {"allow_cancel": False}}),
                Emit({"type": "error", "code": "custom", "message": "Half of it failed.", "allow_retry": True}),
                OK,
            ),
            read(),
        ),
    ),
    Conversation("a stream that cannot be stopped", (create(OK, allow_cancel=False), add(OK, allow_cancel=True))),
    Conversation(
        "widgets as they are",
        (create(ShowWidget((card(size="sm"),), "copied"), ShowWidget((badges("a", "b"),), name="b")), read()),
    ),
    Conversation(
        "a widget whose text grows",
        (create(ShowWidget((card(""), card("Hel"), card("Hel"), card("Hello")), "copied")), items()),
    ),
    Conversation("a widget whose text changes", (create(ShowWidget((card("a"), card("b", key="k")))), items())),
    Conversation("a widget whose part changes", (create(ShowWidget((badges("a", "b"), badges("a", "c")))), items())),
    Conversation(
        "a widget's updates by hand",
        (
            create(
                OPEN_WIDGET,
                updated("$z", "widget.streaming_text.value_delta", component_id="t", delta="1", done=False),
                updated("$z", "widget.component.updated", component_id="t", component={"type": "Text", "value": "x"}),
                updated("$z", "widget.root.updated", widget=card("2")),
                Emit({"type": "thread.item.done", "item": {"type": "widget", "id": "$z", "widget": card("2")}}),
            ),
            items(),
        ),
    ),
    Conversation(
        "replaced and removed",
        (
            create(Say("one", name="a"), Say("two", name="b")),
            add(
                Emit({"type": "thread.item.replaced", "item": message("ONE", id="$a")}),
                Emit({"type": "thread.item.removed", "item_id": "$b"}),
                Emit({"type": "thread.item.replaced", "item": message("never seen before")}),
            ),
            items(order="asc"),
        ),
    ),
    Conversation(
        "an open item is removed or replaced",
        (
            create(
                HALF,
                Emit({"type": "thread.item.removed", "item_id": "$x"}),
                HALF,
                Emit({"type": "thread.item.replaced", "item": message("Whole", id="$x")}),
            ),
            items(),
        ),
    ),
    Conversation("an item that stays open", (create(HALF, OPEN_WORK, OK), items())),
    Conversation(
        "a thread's title", (create(Change({"title": "Cats"}), OK), add(OK, Change({"title": "Dogs"})), read())
    ),
    Conversation(
        "a thread changes between two events",
        (
            create(
                Say("a"),
                Change({"title": "Mid", "allowed_image_domains": ["example.com"]}),
                Say(("b", "c")),
                Change({"metadata": {"topic": {"n": 1}}}),
            ),
            add(Change({"title": "Mid"}), Change({"allowed_image_domains": None}), OK),
            threads(),
        ),
    ),
    Conversation(
        "an update of a stored item",
        (
            create(WIDGET),
            act(updated("$w", "widget.root.updated", widget=card("7"))),
        ),
    ),
)

FAILURES: Final = (
    *(
        Conversation(f"an assistant that fails {place}", (create(*script, failure), add(OK), items()))
        for failure in (
            Fail("custom", "Not today."),
            Fail("custom", "Try again.", allow_retry=True),
            Fail("coded"),
            Fail("coded", allow_retry=True),
            FAULT,
        )
        for place, script in (
            (f"at once ({failure.kind}, {failure.allow_retry})", ()),
            (f"after an item ({failure.kind}, {failure.allow_retry})", (Say(("a", "b")), WIDGET)),
        )
    ),
    Conversation("an assistant that fails within a message", (create(HALF, FAULT),)),
    Conversation(
        "an assistant that fails after it has changed a stored item",
        (create(WIDGET), act(updated("$w", "widget.root.updated", widget=card("7")), FAULT)),
    ),
    Conversation(
        "an assistant that fails within everything",
        (create(Say("a"), HALF, OPEN_WORK, OPEN_WIDGET, Fail("custom", "Broken.", allow_retry=True)),),
    ),
    Conversation(
        "an assistant that fails with nothing said yet",
        (create(Emit({"type": "thread.item.added", "item": {"type": "assistant_message", "content": []}}), FAULT),),
    ),
    Conversation("an assistant that fails after a change", (create(OK, Change({"title": "Late"}), FAULT), read())),
    Conversation(
        "an assistant that locks the thread and fails",
        (create(Change({"status": {"type": "locked"}}), Fail("custom", "No.")), read()),
    ),
    Conversation("an action that fails", (create(WIDGET), act(ReplaceWidget(card("1")), FAULT), items())),
    Conversation("a tool's output and a fault", (create(CALL), output({"n": 1}, FAULT), items())),
    Conversation("answers and a fault", (create(QUESTIONS), answer(FAULT, answers={}), items())),
    Conversation("a retry and a fault", (create(OK), retry("$u1", FAULT), items())),
    Conversation("a cancelled turn", (create(Say("a"), HALF, Fail("cancelled")),)),
    Conversation("a cancelled turn of everything", (create(OPEN_WORK, OPEN_WIDGET, HALF, Fail("cancelled")),)),
    Conversation("a cancelled turn with nothing said yet", (create(Fail("cancelled")),)),
    Conversation(
        "an item with a foreign id", (create(OK, Emit({"type": "thread.item.done", "item": message("x", id="msg_1")})),)
    ),
    Conversation(
        "an item of another thread",
        (create(OK), create(Emit({"type": "thread.item.done", "item": message("x", thread_id="$t1")}))),
    ),
    Conversation(
        "an update of nothing",
        (create(updated(UNKNOWN_ID, "widget.root.updated", widget=card())),),
    ),
    Conversation("an oversize widget", (create(ShowWidget((card("x" * MAX_WIDGET_BYTES),))),)),
    Conversation("an assistant without actions", (create(WIDGET), act(bare=True), act(bare=True, sync=True), read())),
    Conversation("an assistant without ears", (dictate(bare=True),)),
    Conversation("an assistant without feedback", (create(OK), feedback("$m", bare=True))),
)

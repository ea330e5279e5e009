"""Conversations about turns that go on: tools, answers, retries, actions, feedback, dictation."""

import json
from typing import Final

from tests.oracle.script import CallTool, Change, Hide, Notify, ReplaceWidget, Say
from tests.oracle.side import Conversation, Step
from tests.oracle.steps import (
    CALL,
    OK,
    QUESTIONS,
    WIDGET,
    act,
    add,
    answer,
    card,
    create,
    delete,
    dictate,
    feedback,
    items,
    output,
    read,
    rename,
    retry,
    threads,
)


def locked(status: str) -> tuple[Step, ...]:
    """A thread with something of everything, locked or closed in its last turn."""
    return (create(WIDGET), add(QUESTIONS), add(Change({"status": {"type": status, "reason": "audit"}}), CALL))


LOCKED_TURNS: Final = {
    "a message": add(OK),
    "a tool's output": output(1, OK),
    "answers": answer(OK),
    "a retry": retry("$u1", OK),
    "an action": act(OK),
    "a synchronous action": act(ReplaceWidget(card("1")), sync=True),
}


TURNS: Final = (
    Conversation(
        "a tool and its output",
        (create(Say("Wait"), CALL), read(), output({"items": [1, None], "none": None}, OK), items(), add(OK), items()),
    ),
    *(
        Conversation(f"a tool's output that is {json.dumps(result)}", (create(CALL), output(result, OK), items()))
        for result in (None, 0, "", "text", [], {"error": "no cart"})
    ),
    Conversation("a tool after a tool", (create(CALL), output(1, CALL), output(2, OK), items(order="asc"))),
    Conversation("an output with nothing pending", (create(OK), output(1, OK), items())),
    Conversation("an output that comes twice", (create(CALL), output(1, OK), output(2, OK), items())),
    Conversation("a tool behind hidden context", (create(CALL, Hide("asked")), output(1, OK))),
    Conversation("a tool behind a message", (create(CALL, OK), output(1, OK))),
    Conversation(
        "a tool that nobody answers",
        (create(CALL), add(OK), read(), output(1, OK), add(CALL), items(order="asc"), add(OK), items(limit=2)),
    ),
    Conversation("two tools at once", (create(CALL, CallTool("b", {}, name="d")), output(1, OK))),
    Conversation(
        "answers",
        (
            create(QUESTIONS),
            read(),
            answer(
                OK, answers={"one": {"values": ["a", "b"]}, "many": {"values": ["a", "b"]}, "free": {"values": ["x"]}}
            ),
            items(),
            answer(OK, answers={}),
            items(),
        ),
    ),
    Conversation(
        "answers to some questions",
        (
            create(QUESTIONS),
            answer(
                OK,
                answers={
                    "one": {"values": [], "skipped": True},
                    "many": {"values": ["a"], "skipped": True},
                    "x": {"values": ["y"]},
                },
            ),
            items(),
        ),
    ),
    Conversation("answers of one's own", (create(QUESTIONS), answer(answers={"one": {"values": ["other"]}}), items())),
    Conversation("no answers", (create(QUESTIONS), answer(OK), items())),
    Conversation(
        "skipped questions",
        (create(QUESTIONS), answer(OK, status="skipped", answers={"one": {"values": ["a"]}}), items()),
    ),
    Conversation(
        "skipped twice", (create(QUESTIONS), answer(OK, status="skipped"), answer(OK, status="skipped"), items())
    ),
    Conversation("answers to no questions", (create(OK), answer(OK, item="$m"), answer(OK, item="$u1"), items())),
    Conversation("questions after questions", (create(QUESTIONS), answer(QUESTIONS), answer(OK), items(order="asc"))),
    Conversation(
        "retries",
        (
            create(Say("one")),
            add(WIDGET, Hide("x"), QUESTIONS),
            add(Say(("th", "ree"))),
            retry("$u3", Say("THREE")),
            items(order="asc"),
            retry("$u2", Say("TWO"), Change({"title": "Again"})),
            items(order="asc"),
            retry("$u3", OK),
            retry("$u1", CALL),
            items(order="asc"),
            output(1, OK),
            retry("$u1"),
            read(),
        ),
    ),
    Conversation(
        "a retry over several pages",
        (create(*(Say(str(number)) for number in range(130))), retry("$u1", OK), items(order="asc")),
    ),
    Conversation("a retry of what is no message", (create(OK), retry("$m", OK), retry("nonsense", OK), items())),
    Conversation(
        "actions",
        (
            create(WIDGET),
            act(ReplaceWidget(card("1")), payload={"n": [1, None]}),
            items(),
            act(Say("done"), ReplaceWidget(card("2")), Change({"title": "Two"}), payload="x"),
            items(),
            act(Notify("waved"), item=None),
            Step("threads.custom_action", {"thread_id": "$t1", "action": {"type": "press"}}, (OK, CALL)),
            output("out", OK),
            act(),
        ),
    ),
    Conversation(
        "an action on what is no widget", (create(OK), act(OK, item="$m"), act(OK, item="$m", sync=True), items())
    ),
    Conversation(
        "a synchronous action that changes nothing",
        (create(WIDGET), act(sync=True, payload=1), act(sync=True, item=None)),
    ),
    Conversation("a synchronous action on a widget", (create(WIDGET), act(ReplaceWidget(card("1")), sync=True))),
    Conversation("a synchronous action on the thread", (create(WIDGET), act(Change({"title": "New"}), sync=True))),
    *(
        Conversation(f"{name} on a {status} thread", (*locked(status), read(), step))
        for status in ("locked", "closed")
        for name, step in LOCKED_TURNS.items()
    ),
    Conversation(
        "what a locked thread still does",
        (*locked("locked"), rename("Old"), items(), feedback("$w"), threads(), delete()),
    ),
    Conversation(
        "feedback",
        (create(OK, WIDGET), feedback("$m"), feedback("$m", "$w", kind="negative"), feedback(), items()),
    ),
    Conversation(
        "feedback on what is not there", (create(OK), feedback("$m", thread="$t2"), feedback("nonsense"), read())
    ),
    Conversation("feedback on another user's items", (create(OK), feedback("$m", user="bob"), read())),
    Conversation(
        "dictation",
        (
            dictate(),
            dictate("", "audio/mp4"),
            dictate(mime_type="audio/ogg"),
            dictate("not base64!"),
            dictate("AAA"),
            dictate(mime_type="video/mp4"),
        ),
    ),
)

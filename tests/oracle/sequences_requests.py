"""Conversations about requests: reading, renaming, deleting, attachments, and what is wrong in each way."""

import json
from typing import Final

from functions.protocol import messages, requests, structured_input
from tests.oracle.script import Emit, Hide, Say
from tests.oracle.side import Conversation, Step
from tests.oracle.steps import (
    CALL,
    OK,
    QUESTIONS,
    UNKNOWN_PICK,
    WIDGET,
    act,
    add,
    answer,
    create,
    delete,
    feedback,
    items,
    output,
    read,
    rename,
    retry,
    said,
    threads,
    upload,
)

REQUESTS: Final = (
    Conversation(
        "a message with all that it can carry",
        (
            upload("cat.png", "image/png"),
            upload(),
            create(
                OK,
                message=said(
                    quoted_text="Quoted",
                    attachments=["$a1", "$a2"],
                    inference_options={"model": "gpt-5", "tool_choice": {"id": "web_search"}},
                    content=[
                        {"type": "input_text", "text": "Ask "},
                        {
                            "type": "input_tag",
                            "id": "p1",
                            "text": "Ann",
                            "data": {"n": 1, "none": None},
                            "group": "People",
                            "interactive": True,
                        },
                        {"type": "input_tag", "id": "p2", "text": "Bob", "data": {}},
                    ],
                ),
            ),
            read(),
            add(OK, message=said(attachments=["$a2"], inference_options={"tool_choice": None, "model": None})),
            Step("attachments.delete", {"attachment_id": "$a1"}),
            items(),
        ),
    ),
    *(
        Conversation(f"a pick that is not offered, {name}", (create(OK, message=said(inference_options=pick)),))
        for name, pick in (
            ("model", {"model": UNKNOWN_PICK}),
            ("tool", {"tool_choice": {"id": UNKNOWN_PICK}}),
        )
    ),
    Conversation(
        "a message with nothing in it",
        (create(OK, message={"content": [], "attachments": [], "inference_options": {}}), read()),
    ),
    Conversation(
        "metadata and fields of a newer client",
        (
            Step(
                "",
                body=json.dumps(
                    {
                        "type": "threads.create",
                        "params": {"input": said(mood="good"), "later": 1},
                        "metadata": {"page": "/cart", "deep": [1, {"a": None}]},
                        "trace": "x",
                    }
                ).encode(),
                script=(OK,),
            ),
            threads(),
        ),
    ),
    Conversation("a missing attachment", (create(OK, message=said(attachments=["$a1"])),)),
    Conversation("a missing attachment, later", (create(OK), add(OK, message=said(attachments=["$a1"])), read())),
    Conversation(
        "attachments",
        (
            upload(),
            Step("attachments.delete", {"attachment_id": "$a1"}),
            Step("attachments.delete", {"attachment_id": "$a1"}),
            Step("attachments.delete", {"attachment_id": "nonsense"}),
            upload("b.jpg", "image/jpeg", 0),
        ),
    ),
    Conversation("no attachments", (upload(), Step("attachments.delete", {"attachment_id": "$a1"})), attachments=False),
    Conversation(
        "threads come and go",
        (
            create(OK),
            create(OK),
            rename("Cats"),
            read(),
            threads(),
            rename("", "$t2"),
            delete(),
            read(),
            delete(),
            rename("x"),
            add(OK),
            items(),
            threads(),
        ),
    ),
    Conversation(
        "pages of threads",
        (
            *(create(OK) for _ in range(5)),
            threads(limit=2),
            threads(limit=2, after="$t4"),
            threads(limit=2, after="$t2"),
            threads(limit=2, order="asc"),
            threads(limit=2, order="asc", after="$t2"),
            threads(limit=2, order="asc", after="$t5"),
            threads(limit=5),
            threads(limit=0),
            threads(limit=None, after=None),
            delete("$t3"),
            threads(limit=1, after="$t3"),
            threads(limit=1, order="asc", after="$t3"),
            threads(after="b2Zmc2V0OjQw"),
            threads(user="bob"),
        ),
    ),
    Conversation(
        "pages of items",
        (
            create(*(Say(str(number), name=f"m{number}") for number in range(24))),
            read(),
            items(),
            items(after="$m5"),
            items(order="asc"),
            items(order="asc", after="$m18"),
            items(order="asc", after="$m23"),
            items(limit=3, order="asc", after="$u1"),
            items(limit=3, order="desc", after="$m3"),
            items(limit=25),
            items(limit=0),
            items("$t2"),
            items(after="nonsense"),
            retry("$u1", OK),
            items(after="$m5"),
            items(order="asc", after="$m5"),
        ),
    ),
    Conversation(
        "more than a page",
        (
            create(*(Say(str(number), name=f"m{number}") for number in range(104))),
            items(limit=9999),
            items(limit=9999, after="$m3"),
        ),
    ),
    Conversation(
        "hidden items in the middle",
        (
            create(
                Hide(0), Say("a", name="a"), *(Hide(number) for number in range(24)), Say("b", name="b"), Hide(9), OK
            ),
            read(),
            items(limit=2, order="asc"),
            items(limit=1, order="asc", after="$a"),
            items(limit=9, order="asc", after="$a"),
            items(limit=2),
            items(limit=1, after="$b"),
            add(OK),
            items(limit=9999, order="asc"),
        ),
    ),
    Conversation(
        "hidden items are never shown",
        (
            create(
                Emit({"type": "thread.item.added", "item": {"type": "hidden_context_item", "content": 1}}),
                Emit({"type": "thread.item.done", "item": {"type": "hidden_context_item", "id": "$x", "content": 2}}),
                Emit(
                    {"type": "thread.item.replaced", "item": {"type": "hidden_context_item", "id": "$x", "content": 3}}
                ),
                Emit({"type": "thread.item.done", "item": {"type": "sdk_hidden_context", "content": "x"}}),
            ),
            add(OK),
            items(),
        ),
    ),
    Conversation(
        "another user's things",
        (
            create(OK, WIDGET, QUESTIONS, CALL),
            *(
                Step(step.kind, step.params, (OK,), user="bob")
                for step in (
                    read(),
                    items(),
                    rename("mine"),
                    delete(),
                    add(),
                    output(1),
                    answer(),
                    retry("$u1"),
                    act(),
                    act(sync=True),
                )
            ),
            threads(user="bob"),
            read(),
        ),
    ),
    Conversation(
        "things that never were",
        tuple(
            Step(step.kind, step.params, (OK,))
            for step in (
                read(),
                items(),
                rename("x"),
                delete(),
                add(),
                output(1),
                answer(),
                retry("$u1"),
                act(),
                act(sync=True),
                read("nonsense"),
                add(thread="nonsense"),
                act(item="nonsense"),
            )
        ),
    ),
    Conversation(
        "items that never were",
        (
            create(OK),
            *(Step(step.kind, step.params, (OK,)) for step in (answer(), act(), act(sync=True))),
            items(),
        ),
    ),
)

WRONG_BODIES: Final = {
    "no JSON": b"{",
    "nothing": b"",
    "a list": b"[]",
    "no type": b'{"params": {}}',
    "an unknown type": b'{"type": "threads.explode", "params": {}}',
    "no params": b'{"type": "threads.create"}',
    "no thread": b'{"type": "items.list", "params": {}}',
    "an unknown order": b'{"type": "threads.list", "params": {"order": "random"}}',
    "a limit that is no number": b'{"type": "threads.list", "params": {"limit": "many"}}',
    "an unknown kind of feedback": b'{"type": "items.feedback", "params": {"thread_id": "t", "item_ids": [], "kind": "?"}}',
    "a message without content": json.dumps(
        {"type": "threads.create", "params": {"input": {"attachments": [], "inference_options": {}}}}
    ).encode(),
    "an unknown kind of content": json.dumps(
        {"type": "threads.create", "params": {"input": said(content=[{"type": "input_smell"}])}}
    ).encode(),
    "a status that answers cannot have": json.dumps(
        {
            "type": "threads.add_structured_input",
            "params": {"thread_id": "t", "item_id": "i", "input": {"status": "pending"}},
        }
    ).encode(),
    "half a surrogate pair": b'{"type": "threads.update", "params": {"thread_id": "t", "title": "\\ud83e"}}',
}

LIMITS: Final = {
    "a title": rename("x" * (requests.TITLE_CHARACTERS + 1)),
    "item ids": feedback(*["$m"] * (requests.ITEM_IDS + 1)),
    "content": add(OK, message=said(content=[{"type": "input_text", "text": ""}] * (messages.CONTENT_PARTS + 1))),
    "answers": answer(OK, answers={str(number): {} for number in range(structured_input.ANSWERS + 1)}),
    "an answer's values": answer(OK, answers={"one": {"values": ["x"] * (structured_input.ANSWER_VALUES + 1)}}),
    "an empty id": act(OK, item=""),
    "a negative limit": items(limit=-1),
    "a negative size": upload(size=-1),
}

WRONG: Final = (
    *(Conversation(name, (create(OK), Step("", body=body), read())) for name, body in WRONG_BODIES.items()),
    *(Conversation(f"beyond the limit: {name}", (create(QUESTIONS, OK), step)) for name, step in LIMITS.items()),
    Conversation(
        "a number that is none",
        (
            create(OK),
            Step("threads.list", body=b'{"type": "threads.list", "params": {}, "metadata": {"n": NaN}}'),
        ),
    ),
    Conversation(
        "an infinite number",
        (
            create(OK),
            Step("threads.list", body=b'{"type": "threads.list", "params": {}, "metadata": {"n": 1e999}}'),
        ),
    ),
    *(
        Conversation(
            f"an action without a type ({kind})",
            (create(WIDGET), Step(kind, {"thread_id": "$t1", "item_id": "$w", "action": {"payload": 1}}, (OK,))),
        )
        for kind in ("threads.custom_action", "threads.sync_custom_action")
    ),
)

"""Thread items become the model's input."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.model import kept
from functions.model.to_input import picture_part, to_input, turns
from functions.protocol.items import THREAD_ITEM, ThreadItem

NOW = datetime(2026, 11, 22, tzinfo=UTC).isoformat()


def item(kind: str, **fields: Any) -> ThreadItem:
    return THREAD_ITEM.validate_python({"type": kind, "id": "msg_1", "thread_id": "thr_1", "created_at": NOW, **fields})


def user(*content: str | dict[str, Any], **fields: Any) -> ThreadItem:
    parts = [{"type": "input_text", "text": part} if isinstance(part, str) else part for part in content]
    return item("user_message", content=parts, inference_options={}, **fields)


def texts(items: list[ThreadItem]) -> list[str]:
    return [part["text"] for entry in to_input(items) for part in entry["content"]]


def test_messages_keep_their_roles_and_order() -> None:
    """A plain conversation is input as it was spoken."""
    answer = item("assistant_message", content=[{"text": "one"}, {"text": ""}, {"text": "two"}])
    assert to_input([user("Hi"), answer]) == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "one"}, {"type": "output_text", "text": "two"}],
        },
    ]


def test_an_assistant_message_without_text_is_left_out() -> None:
    """The API refuses a message without content."""
    assert to_input([item("assistant_message", content=[{"text": ""}])]) == []


def test_tags_stand_in_the_text_and_their_data_follows_once() -> None:
    """The model reads @names where the user wrote them, and what is known of each behind the message."""
    tag = {"type": "input_tag", "id": "p1", "text": "Ada", "data": {"role": "engineer"}, "group": "people"}
    said = texts([user("Ask ", tag, " or ", tag)])
    assert said[0] == "Ask @Ada or @Ada"
    assert len(said) == 2
    known = json.loads(said[1].partition("\n")[2])
    assert known == {"id": "p1", "name": "Ada", "group": "people", "data": {"role": "engineer"}}


def test_only_the_newest_messages_quote_is_told() -> None:
    """An old quote would be taken for the current one."""
    said = texts([user("a", quoted_text="old quote"), user("b", quoted_text="new quote")])
    assert said[:2] == ["a", "b"]
    assert "new quote" in said[2]
    assert "old quote" not in str(said)


def test_a_completed_client_tool_call_is_a_call_with_its_output_and_a_pending_one_nothing() -> None:
    """The API demands an output for each call."""
    call = {"call_id": "call_1", "name": "get_cart", "arguments": {"user": "ä"}}
    done = item("client_tool_call", status="completed", output={"items": 2}, **call)
    assert to_input([done, item("client_tool_call", status="pending", **call)]) == [
        {"type": "function_call", "call_id": "call_1", "name": "get_cart", "arguments": '{"user": "ä"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": '{"items":2}'},
    ]


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (item("widget", widget={"type": "Card", "children": []}), '{"type": "Card", "children": []}'),
        (item("hidden_context_item", content={"cart": 3}), '<HiddenContext>\n{"cart": 3}\n</HiddenContext>'),
        (item("sdk_hidden_context", content="stopped"), "<HiddenContext>\nstopped\n</HiddenContext>"),
        (item("task", task={"type": "custom", "title": "Read", "content": "12 files"}), "Read: 12 files"),
        (
            item("workflow", workflow={"type": "custom", "tasks": [{"type": "custom", "title": "Step"}]}),
            "Step",
        ),
        (
            item(
                "structured_input",
                status="answered",
                inputs=[
                    {"type": "freeform", "id": "a", "question": "Name?", "answer": {"values": ["Ada", "Lovelace"]}},
                    {"type": "freeform", "id": "b", "question": "Age?", "answer": {"skipped": True}},
                    {"type": "freeform", "id": "c", "question": "Why?"},
                ],
            ),
            "Name?: Ada, Lovelace\nAge?: (skipped)\nWhy?: (not answered yet)",
        ),
    ],
    ids=lambda value: value.type if hasattr(value, "type") else "",
)
def test_what_the_user_was_shown_is_told_to_the_model(shown: ThreadItem, told: str) -> None:
    """Items that are no messages become a user message that describes them."""
    (said,) = texts([shown])
    assert said.endswith(told)


@pytest.mark.parametrize(
    "silent",
    [
        item("end_of_turn"),
        item("generated_image"),
        item("task", task={"type": "custom"}),
        item("task", task={"type": "thought", "content": "hm"}),
        item("workflow", workflow={"type": "reasoning", "tasks": [{"type": "thought", "content": "hm"}]}),
    ],
    ids=lambda value: value.type,
)
def test_what_says_nothing_to_a_model_is_left_out(silent: ThreadItem) -> None:
    """Thoughts, markers and empty steps are not input."""
    assert to_input([silent]) == []


def hidden(content: Any) -> ThreadItem:
    return item("hidden_context_item", content=content)


CALL = kept.function_call(call_id="call_1", name="look", arguments='{"at":1}', output="seen")


def test_a_call_that_ran_here_is_a_call_with_its_output() -> None:
    """A later turn reads what a tool was asked, and what it gave."""
    assert to_input([user("Hi"), hidden(CALL)])[1:] == [
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"at":1}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "seen"},
    ]


def test_reasoning_is_sent_within_its_turn_before_what_it_led_to() -> None:
    """The API refuses reasoning that leads to nothing, and forgets that of older turns anyway."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"}
    turn = [user("Hi"), hidden(kept.reasoning([thought]))]
    assert to_input([*turn, hidden(CALL)])[1] == thought
    assert thought not in to_input(turn)
    assert thought not in to_input([*turn, user("What?")])
    assert thought not in to_input([*turn, hidden(CALL), user("And?")])


def test_attachments_and_pictures_are_parts_where_there_are_any() -> None:
    """A file stands behind the text of its message; what cannot be had is named."""
    files = [
        {"type": "file", "id": f"atc_{name}", "name": f"{name}.pdf", "mime_type": "application/pdf"} for name in "ab"
    ]
    picture = item("generated_image", image={"id": "img_1", "url": "chatkit-image:x.png"})
    part = {"type": "input_file", "file_id": "file_1"}
    image = {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "auto"}
    message, shown = to_input([user("Read", attachments=files), picture], {"atc_a": part, picture.id: image})
    assert message["content"] == [
        {"type": "input_text", "text": "Read"},
        part,
        {"type": "input_text", "text": "[b.pdf]"},
    ]
    assert shown["content"][1] == image
    assert to_input([picture])[0]["content"][1] == {"type": "input_text", "text": "[generated image]"}


def test_a_message_of_files_alone_has_no_empty_text() -> None:
    """The API refuses an empty part."""
    file = {"type": "file", "id": "atc_1", "name": "a.pdf", "mime_type": "application/pdf"}
    (message,) = to_input([user("", attachments=[file])])
    assert message["content"] == [{"type": "input_text", "text": "[a.pdf]"}]


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://a.example/x.png", True),
        ("data:image/png;base64,AA==", True),
        ("data:image/svg+xml;base64,AA==", False),
        ("http://127.0.0.1:4566/x.png", False),
        ("chatkit-image:x.png", False),
    ],
)
def test_only_what_the_api_can_fetch_and_read_is_sent_as_a_picture(url: str, taken: bool) -> None:
    """One picture that the API refuses would make the whole thread unusable."""
    assert (picture_part(url) is not None) == taken


def test_turns_begin_with_the_users_messages() -> None:
    """What comes before the first is a turn of its own."""
    one, two = user("one"), user("two")
    early, late = item("end_of_turn"), item("assistant_message", content=[{"text": "a"}])
    assert turns([early, one, late, two]) == [[early], [one, late], [two]]
    assert turns([]) == []


def test_what_an_mcp_server_gave_is_told_as_text_in_later_turns() -> None:
    """Also where the server failed."""
    well = {
        "type": "mcp_call",
        "server_label": "crm",
        "name": "find",
        "arguments": "{}",
        "output": "Ada",
        "error": None,
    }
    turn = [user("Find"), hidden(kept.mcp_call(well)), hidden(kept.mcp_call({**well, "output": None, "error": "down"}))]
    assert to_input(turn)[1] == well
    assert [text for text in texts([*turn, user("And?")]) if "crm" in text] == [
        "<HiddenContext>\ncrm.find({}) gave:\nAda\n</HiddenContext>",
        '<HiddenContext>\ncrm.find({}) gave:\nerror: "down"\n</HiddenContext>',
    ]

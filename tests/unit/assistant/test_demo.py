"""The demo assistant shows each kind of item, and each of its words does what it says."""

from typing import Any

import pytest

from functions.assistant import create
from functions.assistant.demo import LONG, DemoAssistant
from functions.model.scripted import ScriptedModel
from tests.support.chat import Chat, Json, message_input, texts, types


@pytest.fixture
def chat() -> Chat:
    return Chat(assistant=DemoAssistant(pause=0), model=ScriptedModel(pause=0))


def show(chat: Chat, word: str) -> tuple[str, list[Json], list[Json]]:
    """The thread, the events after `stream_options`, and the items that are kept behind the message."""
    events = chat.stream("threads.create", {"input": message_input(f"Show me a {word}, please")})
    thread_id = events[0]["thread"]["id"]
    return thread_id, events[3:], chat.items(thread_id)[1:]


def folded_text(events: list[Json]) -> str:
    return "".join(event.get("update", {}).get("delta", "") for event in events)


def test_it_answers_where_there_is_no_model_and_stands_beside_it_where_there_is_one() -> None:
    """Without a key the demo is the default; with one it is reached by its name."""
    assert isinstance(create(has_model=False)["default"], DemoAssistant)
    assistants = create(has_model=True)
    assert not isinstance(assistants["default"], DemoAssistant)
    assert isinstance(assistants["demo"], DemoAssistant)


def test_it_greets_and_names_every_word_it_knows(chat: Chat) -> None:
    """A newcomer who writes anything learns that it is a script, and what to write next."""
    events = chat.stream("threads.create", {"input": message_input("Hello")})
    (answer,) = texts(chat.items(events[0]["thread"]["id"]))[1:]
    assert "scripted assistant" in answer
    words = ("widget", "tool", "question", "workflow", "source", "image", "notice", "long", "hidden", "error", "lock")
    for word in words:
        assert f"- {word}" in answer
    assert folded_text(events) == answer
    titles = [event["thread"]["title"] for event in events if event["type"] == "thread.updated"]
    assert titles == ["Hello"]


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("widget", ["widget", "widget"]),
        ("tool", ["client_tool_call"]),
        ("question", ["structured_input"]),
        ("workflow", ["workflow", "task"]),
        ("source", ["assistant_message"]),
        ("image", ["generated_image"]),
        ("notice", ["assistant_message"]),
        ("long", ["assistant_message"]),
        ("hidden", ["assistant_message"]),
        ("lock", ["assistant_message"]),
    ],
)
def test_a_word_shows_its_items_and_what_was_done_is_kept(chat: Chat, word: str, kept: list[str]) -> None:
    """What the client was told is done is what it finds after a reload."""
    _, events, items = show(chat, word)
    assert [item["type"] for item in items] == kept
    assert [event["item"] for event in events if event["type"] == "thread.item.done"] == items
    assert "error" not in types(events)


def test_the_streamed_widget_sends_its_text_and_not_itself_again(chat: Chat) -> None:
    """Every state after the first is a text delta, but the last, which ends the streaming of its component."""
    _, events, items = show(chat, "widget")
    *updates, last = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    assert {update["type"] for update in updates} == {"widget.streaming_text.value_delta"}
    assert last["type"] == "widget.component.updated"
    assert last["component"]["streaming"] is False
    first = next(event["item"] for event in events if event["type"] == "thread.item.added")["widget"]
    value = first["children"][1]["value"] + "".join(update["delta"] for update in updates)
    final = items[0]["widget"]["children"][1]
    assert final == last["component"]
    assert final["value"].startswith(value)


def test_the_counters_buttons_count(chat: Chat) -> None:
    """One button is answered by a stream that replaces the widget, the other by one item."""
    thread_id, _, items = show(chat, "widget")
    counter = items[1]
    add, reset = (button["onClickAction"] for button in counter["widget"]["children"][2]["children"])
    for expected in ("1", "2"):
        params = {"thread_id": thread_id, "item_id": counter["id"], "action": add}
        events = chat.stream("threads.custom_action", params)
        assert types(events) == ["stream_options", "thread.item.replaced"]
        assert events[1]["item"]["widget"]["children"][0]["children"][2]["value"] == expected
        add = events[1]["item"]["widget"]["children"][2]["children"][0]["onClickAction"]
    params = {"thread_id": thread_id, "item_id": counter["id"], "action": {**reset, "payload": {"count": 2}}}
    updated = chat.ask("threads.sync_custom_action", params)["updated_item"]
    assert updated["widget"]["children"][1]["value"] == "It stood at 2."
    assert chat.items(thread_id)[2] == updated


@pytest.mark.parametrize("payload", [None, {"count": "9"}, {"count": -1}, {"count": 10**9}, [1]])
def test_a_forged_counter_is_refused(chat: Chat, payload: Any) -> None:
    """What comes from the page is not trusted."""
    thread_id, _, items = show(chat, "widget")
    action = {"type": "counter.add", "payload": payload}
    params = {"thread_id": thread_id, "item_id": items[1]["id"], "action": action}
    events = chat.stream("threads.custom_action", params)
    assert events[-1]["message"] == "That is no counter of mine."
    assert chat.items(thread_id)[1:] == items


def test_an_unknown_action_is_refused(chat: Chat) -> None:
    """The page is told, in both kinds of action."""
    thread_id, _, _ = show(chat, "widget")
    events = chat.stream("threads.custom_action", {"thread_id": thread_id, "action": {"type": "x"}})
    assert events[-1]["message"] == "Nobody here knows that action."


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("Playground", "The page's tool gave back: `Playground`"),
        ({"title": "é"}, 'The page\'s tool gave back: `{"title": "é"}`'),
        ({"error": "no title"}, "The page's tool failed: no title"),
    ],
)
def test_the_pages_tool_comes_back(chat: Chat, result: Any, told: str) -> None:
    """Its result, or its error, is told."""
    thread_id, _, _ = show(chat, "tool")
    chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": result})
    assert texts(chat.items(thread_id))[-1].strip() == told


def test_the_answers_come_back(chat: Chat) -> None:
    """Given and skipped answers are told."""
    thread_id, _, (item,) = show(chat, "question")
    answers = {"drink": {"values": ["Tea"]}, "times": {"values": ["Noon", "Evening"]}}
    params = {"thread_id": thread_id, "item_id": item["id"], "input": {"answers": answers}}
    chat.stream("threads.add_structured_input", params)
    told = texts(chat.items(thread_id))[-1]
    assert "What do you drink? Tea" in told
    assert "When? Noon, Evening" in told
    assert "Why? (skipped)" in told


def test_the_workflows_tasks_load_and_complete(chat: Chat) -> None:
    """Each of the four kinds of task is seen in both states."""
    _, events, (workflow, _) = show(chat, "workflow")
    states = [
        (event["update"]["task"]["type"], event["update"]["task"]["status_indicator"])
        for event in events
        if event["type"] == "thread.item.updated"
    ]
    kinds = ("thought", "web_search", "file", "custom")
    assert states == [(kind, state) for kind in kinds for state in ("loading", "complete")]
    assert [task["status_indicator"] for task in workflow["workflow"]["tasks"]] == ["complete"] * 4
    assert workflow["workflow"]["summary"] == {"title": "Done in four steps", "icon": "check-circle"}


def test_the_sources_stand_behind_their_words(chat: Chat) -> None:
    """A page, a file and an entity, each at its own place in the text."""
    _, events, (message,) = show(chat, "source")
    part = message["content"][0]
    kinds = [annotation["source"]["type"] for annotation in part["annotations"]]
    assert kinds == ["url", "file", "entity"]
    assert [part["text"][: annotation["index"]].split()[-1] for annotation in part["annotations"]] == [
        "page",
        "file",
        "person",
    ]
    added = [event for event in events if event.get("update", {}).get("type", "").endswith("annotation_added")]
    assert len(added) == 3


def test_the_image_gets_clearer(chat: Chat) -> None:
    """Progress runs to 1, and the last picture stays."""
    _, events, (item,) = show(chat, "image")
    updates = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    assert [round(update["progress"], 2) for update in updates] == [0.33, 0.67, 1.0]
    assert item["image"] == updates[-1]["image"]
    assert item["image"]["url"].startswith("data:image/svg+xml;base64,")


def test_notices_pass(chat: Chat) -> None:
    """Progress, notice and effect are sent once and are not kept."""
    _, events, _ = show(chat, "notice")
    passing = [event["type"] for event in events if not event["type"].startswith("thread.")]
    assert passing == ["progress_update", "notice", "client_effect"]


def test_the_long_text_is_long(chat: Chat) -> None:
    """There is time to stop it, or to reload."""
    _, events, (message,) = show(chat, "long")
    assert folded_text(events) == message["content"][0]["text"]
    assert len(message["content"][0]["text"]) > 10 * len(LONG)


def test_what_is_hidden_is_in_the_history_alone(chat: Chat) -> None:
    """No client sees it, not even among raw events."""
    _, events, _ = show(chat, "hidden")
    assert "has asked for something hidden" not in str(events)


def test_a_failing_answer_keeps_what_was_said(chat: Chat) -> None:
    """The half sentence stays, and the user may try again."""
    _, events, (message,) = show(chat, "error")
    assert message["content"][0]["text"].strip() == "This sentence will not be"
    assert events[-1] == {"type": "error", "code": "custom", "message": "This failed on purpose.", "allow_retry": True}


def test_a_locked_thread_takes_no_more(chat: Chat) -> None:
    """The status reaches the client, and the server means it."""
    thread_id, events, _ = show(chat, "lock")
    assert events[-1]["thread"]["status"] == {"type": "locked", "reason": "You asked for it."}
    again = chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
    assert again[-1]["message"] == "This thread is locked."


def test_dictation_says_what_was_recorded(chat: Chat) -> None:
    """Without a model nobody listens, and it says so."""
    answer = chat.ask("input.transcribe", {"audio_base64": "AAAA", "mime_type": "audio/webm;codecs=opus"})
    assert answer == {"text": "(3 bytes of audio/webm)"}


def test_a_tag_is_answered_with_what_is_known_of_it(chat: Chat) -> None:
    """The directory's data is told, not the page's, and the entity is a source that can be clicked."""
    tag = {"type": "input_tag", "id": "ada", "text": "A widget", "data": {"role": "Impostor"}}
    content = [{"type": "input_text", "text": "Who is "}, tag, tag]
    events = chat.stream("threads.create", {"input": {**message_input(), "content": content}})
    (answer,) = chat.items(events[0]["thread"]["id"])[1:]
    (part,) = answer["content"]
    assert part["text"].startswith("**Ada Lovelace**\n- kind: person\n- role: Mathematician")
    assert "Impostor" not in part["text"]
    (annotation,) = part["annotations"]
    assert annotation["index"] == len("**Ada Lovelace**")
    source = annotation["source"]
    assert (source["type"], source["id"], source["interactive"]) == ("entity", "ada", True)

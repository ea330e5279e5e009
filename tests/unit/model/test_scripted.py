"""The model that stands in where there is no key."""

from collections.abc import Mapping
from typing import Any

from functions.assistant import create
from functions.model.scripted import ScriptedModel
from functions.runtime.loop import run
from tests.support.chat import Chat, message_input, texts


def test_it_says_that_it_is_a_script_and_repeats_the_last_words() -> None:
    """Nobody takes it for a model; braces and line feeds of the user's do no harm."""
    chat = Chat(assistant=create(has_model=True)["default"], model=ScriptedModel(pause=0))
    thread_id = chat.create("What is\n {tea}?")
    answer = texts(chat.items(thread_id))[1]
    assert "scripted assistant" in answer
    assert "“What is {tea}?”" in answer


def test_its_answer_streams_in_many_pieces_that_give_the_final_text() -> None:
    """A page is seen to stream."""
    chat = Chat(assistant=create(has_model=True)["default"], model=ScriptedModel(pause=0))
    events = chat.stream("threads.create", {"input": message_input("x" * 500)})
    deltas = [event["update"]["delta"] for event in events if event.get("update", {}).get("delta")]
    assert len(deltas) > 20
    done = next(event["item"] for event in reversed(events) if event["type"] == "thread.item.done")
    assert "".join(deltas) == done["content"][0]["text"]
    assert "x" * 201 not in done["content"][0]["text"]


def test_it_answers_a_thread_without_a_user_message() -> None:
    """A turn that goes on after a tool's output has input of other kinds."""

    async def collect(body: Mapping[str, Any]) -> list[str]:
        return [event["type"] async for event in ScriptedModel(pause=0).stream(body)]

    assert run(collect({"input": [{"type": "function_call_output", "output": "{}"}]}))[-1] == "response.completed"

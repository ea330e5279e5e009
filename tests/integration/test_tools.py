"""Tools, over HTTP: the requests that the model receives, in full."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.tools import AnyTool, ToolContext, client_tool, tool
from functions.model.hosted_tools import mcp
from functions.model.openai_client import OpenAIClient
from functions.model.openai_responses import OpenAIResponses
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from tests.support.chat import Chat, Json, message_input, texts, types
from tests.support.model_answers import Stream
from tests.support.model_server import ModelServer
from tests.support.streams import text_stream
from tests.support.tool_answers import (
    Item,
    answer,
    answered,
    approval_request,
    call,
    called,
    mcp_call,
    output,
    said,
    thought,
)

pytestmark = pytest.mark.integration


@tool
async def get_weather(city: str, days: int = 1) -> dict[str, Any]:
    """The weather in a city."""
    return {"city": city, "days": days, "sky": "clear"}


@tool
async def get_time(context: ToolContext, city: str) -> str:
    """The time in a city."""
    await context.emit(context.progress(f"Looking at the clock of {city}"))
    return f"noon in {city}"


@client_tool
async def get_cart(limit: int) -> None:
    """What lies in the user's cart."""


def parameters(**properties: Json) -> Json:
    return {
        "additionalProperties": False,
        "properties": properties,
        "required": list(properties),
        "type": "object",
    }


def function(name: str, description: str, **properties: Json) -> Json:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": parameters(**properties),
        "strict": True,
    }


WEATHER = function(
    "get_weather",
    "The weather in a city.",
    city={"type": "string"},
    days={"anyOf": [{"type": "integer"}, {"type": "null"}]},
)
TIME = function("get_time", "The time in a city.", city={"type": "string"})
CART = function("get_cart", "What lies in the user's cart.", limit={"type": "integer"})
CRM = {
    "type": "mcp",
    "server_label": "crm",
    "server_url": "https://crm.example/mcp",
    "require_approval": "always",
}


class Tooled(Assistant):
    def __init__(self, *tools: AnyTool) -> None:
        self.tools = tools

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.answer(model="gpt-5.2", instructions="Be brief."):
            yield event


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@contextmanager
def chat_with(server: ModelServer, *tools: AnyTool) -> Iterator[Chat]:
    client = OpenAIClient(api_key=lambda: "sk-test", base_url=server.url)
    try:
        yield Chat(assistant=Tooled(*tools), model=OpenAIResponses(client=client))
    finally:
        run(client.close())


def body(entries: Sequence[Item], *tools: Json) -> Json:
    """A whole request."""
    return {
        "model": "gpt-5.2",
        "instructions": "Be brief.",
        "store": False,
        "tools": list(tools),
        "include": ["reasoning.encrypted_content"],
        "input": list(entries),
        "stream": True,
    }


def asked(server: ModelServer) -> list[Json]:
    return [request.body for request in server.requests]


def script(server: ModelServer, *responses: list[Json]) -> None:
    server.script(*(Stream.of(response) for response in responses))


def message_of(response: list[Json]) -> Item:
    """The message of a response, as the API gave it."""
    return next(item for item in response[-1]["response"]["output"] if item["type"] == "message")


def test_a_conversation_of_two_rounds(server: ModelServer) -> None:
    """The response's own items and the output go back; the next turn is told the call with its output."""
    first = [thought("enc-1"), call("get_weather", "call_1", city="Bern", days=None)]
    script(server, answer(*first), answer("Clear in Bern."), answer("You are welcome."))
    with chat_with(server, get_weather) as chat:
        thread_id = chat.create("Weather in Bern?")
        events = chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("Thanks")})
        assert texts(chat.items(thread_id)) == ["Weather in Bern?", "Clear in Bern.", "Thanks", "You are welcome."]
    told = output("call_1", '{"city":"Bern","days":1,"sky":"clear"}')
    question = said("Weather in Bern?")
    assert asked(server) == [
        body([question], WEATHER),
        body([question, *first, told], WEATHER),
        body([question, called(first[1]), told, answered("Clear in Bern."), said("Thanks")], WEATHER),
    ]
    assert "hidden_context_item" not in str(events)


def test_calls_in_parallel(server: ModelServer) -> None:
    """Outputs follow in the calls' order, each call beside its own output in the next turn."""
    calls = [call("get_time", "call_1", city="Bern"), call("get_weather", "call_2", city="Oslo", days=3)]
    script(server, answer("Let me see.", *calls), answer("Done."), answer("Bye."))
    with chat_with(server, get_weather, get_time) as chat:
        events = chat.stream("threads.create", {"input": message_input("Both?")})
        thread_id = events[0]["thread"]["id"]
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("Bye")})
    assert {"type": "progress_update", "text": "Looking at the clock of Bern"} in events
    time, weather = output("call_1", "noon in Bern"), output("call_2", '{"city":"Oslo","days":3,"sky":"clear"}')
    first = message_of(answer("Let me see.", *calls))
    tools = (WEATHER, TIME)
    assert asked(server) == [
        body([said("Both?")], *tools),
        body([said("Both?"), first, *calls, time, weather], *tools),
        body(
            [
                *(said("Both?"), answered("Let me see.")),
                *(called(calls[0]), time, called(calls[1]), weather),
                *(answered("Done."), said("Bye")),
            ],
            *tools,
        ),
    ]


def test_a_tool_of_the_page_in_the_middle(server: ModelServer) -> None:
    """The turn ends with the call; once the page has answered, the model is told all that it asked for, and goes on."""
    first = [thought("enc-1"), call("get_weather", "call_1", city="Bern", days=2), call("get_cart", "call_2", limit=3)]
    script(server, answer(*first), answer(thought("enc-2"), call("get_time", "call_3", city="Bern")), answer("Buy."))
    with chat_with(server, get_weather, get_time, get_cart) as chat:
        events = chat.stream("threads.create", {"input": message_input("What now?")})
        pending = events[-1]["item"]
        assert types(events)[-1] == "thread.item.done"
        assert (pending["type"], pending["status"], pending["call_id"]) == ("client_tool_call", "pending", "call_2")
        assert pending["arguments"] == {"limit": 3}
        assert len(server.requests) == 1
        thread_id = events[0]["thread"]["id"]
        chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": {"items": ["tea"]}})
        assert texts(chat.items(thread_id)) == ["What now?", "Buy."]
    tools = (WEATHER, TIME, CART)
    resumed = [
        said("What now?"),
        first[0],
        *(called(first[1]), output("call_1", '{"city":"Bern","days":2,"sky":"clear"}')),
        *(called(first[2]), output("call_2", '{"items":["tea"]}')),
    ]
    second = [thought("enc-2"), call("get_time", "call_3", city="Bern")]
    assert asked(server) == [
        body([said("What now?")], *tools),
        body(resumed, *tools),
        body([*resumed, *second, output("call_3", "noon in Bern")], *tools),
    ]


def test_an_approval_for_an_mcp_server(server: ModelServer) -> None:
    """The user is asked; the answer goes to the model with the request; later turns read what came of it."""
    request = approval_request("mcpr_1", "delete_contact", id=7)
    made = mcp_call("mcp_1", "delete_contact", "gone", approval="mcpr_1", id=7)
    script(server, answer(thought("enc-1"), request), answer(made, "Deleted."), text_stream("Bye."))
    with chat_with(server, mcp("crm", "https://crm.example/mcp")) as chat:
        events = chat.stream("threads.create", {"input": message_input("Delete contact 7")})
        question = events[-1]["item"]
        assert question["inputs"] == [
            {
                "id": "mcpr_1",
                "type": "multiple_choice",
                "question": '“crm” wants to run delete_contact with {"id": 7}. Is that all right?',
                "options": [{"value": "Approve"}, {"value": "Deny"}],
                "multiple": False,
            }
        ]
        thread_id = events[0]["thread"]["id"]
        answers = {"answers": {"mcpr_1": {"values": ["Approve"]}}}
        chat.stream(
            "threads.add_structured_input", {"thread_id": thread_id, "item_id": question["id"], "input": answers}
        )
        chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input("Bye")})
    ask = said("Delete contact 7")
    approved = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    past = (
        "The user was asked, and answered:\n"
        '“crm” wants to run delete_contact with {"id": 7}. Is that all right?: Approve'
    )
    gave = '<HiddenContext>\ncrm.delete_contact({"id": 7}) gave:\ngone\n</HiddenContext>'
    shown = 'The user was shown that this step was taken: crm: delete_contact: ```json\n{"id": 7}\n```'
    assert asked(server) == [
        body([ask], CRM),
        body([ask, thought("enc-1"), request, approved], CRM),
        body([ask, said(past), said(shown), said(gave), answered("Deleted."), said("Bye")], CRM),
    ]

"""Tools as an author declares them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.engine.results import RequestContext
from functions.engine.tools import Toolbox, ToolContext, ToolOutput, client_tool, tool
from functions.errors import InternalError
from functions.ids import IdFactory
from functions.model.hosted_tools import mcp, web_search
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def context_of(shown: list[ThreadStreamEvent], thread: ThreadMetadata | None = None) -> ToolContext:
    async def emit(event: ThreadStreamEvent) -> None:
        shown.append(event)

    return ToolContext(
        request=RequestContext(user="alice", locales=("de-CH", "fr"), metadata={"page": "shop"}),
        thread_id="thr_1",
        thread=thread,
        call_id="call_1",
        ids=IdFactory(),
        now=lambda: NOW,
        emit=emit,
    )


@tool
async def get_weather(city: str) -> str:
    """The weather in a city.

    Today only.
    """
    return f"clear in {city}"


def test_a_function_becomes_a_tool_by_its_name_docstring_and_signature() -> None:
    """Nothing is said twice."""
    assert get_weather.definition == {
        "type": "function",
        "name": "get_weather",
        "description": "The weather in a city.\n\nToday only.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
    assert run(get_weather.function("Bern")) == "clear in Bern"  # pyright: ignore[reportArgumentType]


def test_name_and_description_may_be_given() -> None:
    """What the model is told need not be what the code is called."""

    @tool(name="look-up", description="Looks something up.", seconds=1, error="No.")
    async def _find(what: str) -> str:
        return what

    assert (_find.definition["name"], _find.definition["description"]) == ("look-up", "Looks something up.")
    assert (_find.seconds, _find.error) == (1, "No.")


def test_a_context_is_not_the_models_to_give() -> None:
    """A first parameter of type `ToolContext` is no part of the schema, also where annotations are strings."""

    @tool
    async def here(context: ToolContext, place: str) -> str:
        return f"{context.user} in {place}"

    @tool
    async def there(context: "ToolContext") -> AsyncIterator[ThreadStreamEvent | ToolOutput]:
        yield ToolOutput(context.user)

    @tool
    async def nowhere(place: str) -> str:
        return place

    assert list(here.parameters.schema["properties"]) == ["place"]
    assert there.parameters.schema["properties"] == {}
    assert [one.takes_context for one in (here, there, nowhere)] == [True, True, False]


def test_a_tool_of_the_page_is_declared_by_a_function_that_is_never_called() -> None:
    """It may be sync or async: its signature is all that counts."""

    @client_tool
    def get_cart(limit: int) -> None:
        """What lies in the cart."""

    @client_tool(name="close_cart", description="Closes it.")
    async def anything() -> None: ...

    assert get_cart.definition["parameters"]["properties"] == {"limit": {"type": "integer"}}
    assert get_cart.definition["description"] == "What lies in the cart."
    assert (anything.name, anything.description) == ("close_cart", "Closes it.")


def test_what_can_be_no_tool_is_refused_where_it_is_declared() -> None:
    """The process does not start with a tool that could never be called."""

    def sync(place: str) -> str:
        return place

    async def untyped(place) -> str:
        return place

    async def fine() -> str:
        return ""

    for function in (sync, untyped):
        with pytest.raises(TypeError, match=function.__name__):
            tool(function)  # pyright: ignore[reportCallIssue, reportArgumentType]
    for name in ("two words", "ä", "a" * 65):
        with pytest.raises(TypeError, match="letters, digits"):
            tool(name=name)(fine)
        with pytest.raises(TypeError, match="letters, digits"):
            client_tool(name=name)(fine)


def test_a_toolbox_knows_its_tools_by_what_they_are_called() -> None:
    """Functions by name, MCP servers by label, hosted tools by type."""
    crm = mcp("crm", "https://crm.example/mcp")
    toolbox = Toolbox([get_weather, web_search(), crm])
    assert [name in toolbox for name in ("get_weather", "web_search", "crm", "mcp")] == [True, True, True, False]
    assert toolbox.definitions == [get_weather.definition, web_search(), crm]
    assert toolbox.function("get_weather") is get_weather
    assert toolbox.function("web_search") is None
    assert toolbox.choice("mcp") is None
    assert not Toolbox([])


def test_a_name_stands_for_one_tool() -> None:
    """Two would not be told apart when one is called."""
    with pytest.raises(InternalError, match="get_weather"):
        Toolbox([get_weather, get_weather])


def test_a_tool_knows_who_asks_and_shows_events_and_whole_helpers() -> None:
    """`emit` takes one event, or all that a helper makes."""
    shown: list[Any] = []
    thread = ThreadMetadata(id="thr_1", created_at=NOW)
    context = context_of(shown, thread)
    assert (context.user, context.locale, context.metadata) == ("alice", "de-CH", {"page": "shop"})
    assert context.thread is thread

    async def show() -> None:
        await context.emit(context.progress("Looking"))
        await context.emit(context.message("Found."))

    run(show())
    assert [event.type for event in shown] == ["progress_update", "thread.item.done"]


def test_outside_a_turn_there_is_no_thread_to_change() -> None:
    """What a tool changes there would be lost."""
    with pytest.raises(InternalError, match="outside a turn"):
        _ = context_of([]).thread

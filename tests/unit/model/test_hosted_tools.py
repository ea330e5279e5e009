"""Hosted tools as the API takes them."""

from typing import Any

import pytest
from openai.types.responses import FileSearchToolParam, WebSearchToolParam, tool_param
from pydantic import TypeAdapter

from functions.model.hosted_tools import (
    HostedTool,
    code_interpreter,
    file_search,
    image_generation,
    mcp,
    tool_choice,
    tool_id,
    web_search,
)

Json = dict[str, Any]
URL = "https://crm.example/mcp"

CASES: dict[str, tuple[HostedTool, Json, Any]] = {
    "web search": (web_search(), {"type": "web_search"}, WebSearchToolParam),
    "web search, in Swiss newspapers": (
        web_search(allowed_domains=["nzz.ch"], context_size="low", country="CH", timezone="Europe/Zurich"),
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["nzz.ch"]},
            "search_context_size": "low",
            "user_location": {"type": "approximate", "country": "CH", "timezone": "Europe/Zurich"},
        },
        WebSearchToolParam,
    ),
    "file search": (
        file_search(["vs_1"], max_results=5, filters={"type": "eq", "key": "year", "value": 2026}),
        {
            "type": "file_search",
            "vector_store_ids": ["vs_1"],
            "max_num_results": 5,
            "filters": {"type": "eq", "key": "year", "value": 2026},
        },
        FileSearchToolParam,
    ),
    "code interpreter": (
        code_interpreter(),
        {"type": "code_interpreter", "container": {"type": "auto"}},
        tool_param.CodeInterpreter,
    ),
    "code interpreter, with files": (
        code_interpreter(file_ids=["file_1"]),
        {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file_1"]}},
        tool_param.CodeInterpreter,
    ),
    "code interpreter, in a container": (
        code_interpreter(container="cntr_1"),
        {"type": "code_interpreter", "container": "cntr_1"},
        tool_param.CodeInterpreter,
    ),
    "image generation": (
        image_generation(size="1024x1024", partial_images=3),
        {"type": "image_generation", "partial_images": 3, "size": "1024x1024"},
        tool_param.ImageGeneration,
    ),
    "MCP": (
        mcp("crm", URL, authorization="token", allowed_tools=["find"], require_approval={"never": ["find"]}),
        {
            "type": "mcp",
            "server_label": "crm",
            "server_url": URL,
            "require_approval": {"never": {"tool_names": ["find"]}},
            "authorization": "token",
            "allowed_tools": ["find"],
        },
        tool_param.Mcp,
    ),
    "MCP that may do as it likes": (
        mcp("crm", URL, description="Contacts", headers={"X-Team": "a"}, require_approval="never"),
        {
            "type": "mcp",
            "server_label": "crm",
            "server_url": URL,
            "require_approval": "never",
            "server_description": "Contacts",
            "headers": {"X-Team": "a"},
        },
        tool_param.Mcp,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_tool_is_what_the_official_client_takes(name: str) -> None:
    """Each is spelt as the API spells it, and its type in the official client accepts it, with no field that is unknown."""
    given, expected, official = CASES[name]
    assert given == expected
    TypeAdapter(official).validate_python(given)
    assert given.keys() <= official.__annotations__.keys()


def test_mcp_asks_before_it_does_anything_unless_told_otherwise() -> None:
    """What a model does at somebody else's server is the user's to allow."""
    assert mcp("crm", URL)["require_approval"] == "always"


@pytest.mark.parametrize(
    ("definition", "name", "choice"),
    [
        (web_search(), "web_search", {"type": "web_search"}),
        (mcp("crm", URL), "crm", {"type": "mcp", "server_label": "crm"}),
        ({"type": "function", "name": "buy"}, "buy", {"type": "function", "name": "buy"}),
        ({"type": "custom", "name": "sql"}, "sql", {"type": "custom", "name": "sql"}),
    ],
)
def test_a_tool_is_picked_by_its_name(definition: Json, name: str, choice: Json) -> None:
    """The page's id for a tool is what the API calls it."""
    assert tool_id(definition) == name
    assert tool_choice(definition) == choice

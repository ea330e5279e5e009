"""The tools that run at OpenAI, as the API's JSON (https://platform.openai.com/docs/guides/tools).

Each function gives an entry of a request's `tools`; whatever it has no argument for can be put into the dict by hand.
Fields that are not given are left to the API's defaults.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

HostedTool = Mapping[str, Any]
"""An entry of a request's `tools` that runs at OpenAI."""

Approval = Literal["always", "never"]


def web_search(
    *,
    allowed_domains: Sequence[str] = (),
    context_size: Literal["low", "medium", "high"] | None = None,
    country: str | None = None,
    timezone: str | None = None,
) -> HostedTool:
    """Searches the web (https://platform.openai.com/docs/guides/tools-web-search).

    `country` (ISO 3166, `CH`) and `timezone` (IANA, `Europe/Zurich`) say where the user about is; without both the API
    takes the United States for granted.
    """
    location = _given(country=country, timezone=timezone)
    return {
        "type": "web_search",
        **({"filters": {"allowed_domains": list(allowed_domains)}} if allowed_domains else {}),
        **_given(search_context_size=context_size),
        **({"user_location": {"type": "approximate", **location}} if location else {}),
    }


def file_search(
    vector_store_ids: Sequence[str], *, max_results: int | None = None, filters: Mapping[str, Any] | None = None
) -> HostedTool:
    """Searches files in vector stores of yours (https://platform.openai.com/docs/guides/tools-file-search).

    `max_results`: 1 to 50.
    """
    return {
        "type": "file_search",
        "vector_store_ids": list(vector_store_ids),
        **_given(max_num_results=max_results, filters=filters),
    }


def code_interpreter(*, file_ids: Sequence[str] = (), container: str | None = None) -> HostedTool:
    """Runs Python (https://platform.openai.com/docs/guides/tools-code-interpreter).

    In a container of its own, with these files; or in the one that `container` names.
    """
    auto = {"type": "auto", **({"file_ids": list(file_ids)} if file_ids else {})}
    return {"type": "code_interpreter", "container": container or auto}


def image_generation(
    *,
    model: str | None = None,
    size: str | None = None,
    quality: str | None = None,
    output_format: Literal["png", "webp", "jpeg"] | None = None,
    partial_images: int = 2,
) -> HostedTool:
    """Makes pictures (https://platform.openai.com/docs/guides/tools-image-generation).

    `partial_images`, 0 to 3: how many of its states the user sees before the picture is done.
    """
    return {
        "type": "image_generation",
        "partial_images": partial_images,
        **_given(model=model, size=size, quality=quality, output_format=output_format),
    }


def mcp(
    label: str,
    url: str,
    *,
    description: str | None = None,
    authorization: str | None = None,
    headers: Mapping[str, str] | None = None,
    allowed_tools: Sequence[str] | None = None,
    require_approval: Approval | Mapping[Approval, Sequence[str]] = "always",
) -> HostedTool:
    """Lets the model use a remote MCP server (https://platform.openai.com/docs/guides/tools-connectors-mcp).

    `require_approval`: whether the user is asked before a tool runs; by tool, `{"never": ["search"]}` asks for each but
    `search`. `authorization` is an OAuth access token: it and `headers` go to OpenAI with each request, and are not kept.
    """
    approval = (
        require_approval
        if isinstance(require_approval, str)
        else {when: {"tool_names": list(names)} for when, names in require_approval.items()}
    )
    return {
        "type": "mcp",
        "server_label": label,
        "server_url": url,
        "require_approval": approval,
        **_given(
            server_description=description,
            authorization=authorization,
            headers=dict(headers) if headers is not None else None,
            allowed_tools=list(allowed_tools) if allowed_tools is not None else None,
        ),
    }


def tool_id(definition: Mapping[str, Any]) -> str:
    """What a tool is picked by in the composer: a function's name, an MCP server's label, else the tool's type."""
    kind = str(definition["type"])
    match kind:
        case "function" | "custom":
            return str(definition["name"])
        case "mcp":
            return str(definition["server_label"])
        case _:
            return kind


def tool_choice(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The request's `tool_choice` that makes a model use this tool.

    https://platform.openai.com/docs/api-reference/responses/create#responses-create-tool_choice
    """
    kind = definition["type"]
    match kind:
        case "function" | "custom":
            return {"type": kind, "name": definition["name"]}
        case "mcp":
            return {"type": kind, "server_label": definition["server_label"]}
        case _:
            return {"type": kind}


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

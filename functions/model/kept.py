"""What a model did and no client sees, kept as the content of hidden items, so that its next turn understands it. Pure.

| kind | holds | as input |
| --- | --- | --- |
| `function_call` | a tool's call that ran here, and its output | `function_call` and `function_call_output`, side by side |
| `reasoning` | the reasoning, encrypted, of a turn that waits for the user | as it is, within that turn |
| `mcp_approval` | what an MCP server wants to do, and the user is asked | request and answer, within that turn |
| `mcp_call` | a call that an MCP server has answered | as it is within its turn, later as text |

The content is JSON, and so is compared by its `kind`: an author's own hidden content has none of these.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic_core import to_json

OUTPUT_BYTES: Final = 100_000
"""How much of one tool's output a model is told: about 25,000 tokens of English."""

Json = dict[str, Any]


def function_call(*, call_id: str, name: str, arguments: str, output: str) -> Json:
    """A call that was answered. `arguments` as the model wrote them."""
    return {"kind": "function_call", "call_id": call_id, "name": name, "arguments": arguments, "output": output}


def reasoning(items: Sequence[Mapping[str, Any]]) -> Json:
    """Reasoning items, as the response held them."""
    return {"kind": "reasoning", "items": [dict(item) for item in items]}


def mcp_approval(requests: Sequence[Mapping[str, Any]]) -> Json:
    """`mcp_approval_request` items, as the response held them."""
    return {"kind": "mcp_approval", "requests": [dict(request) for request in requests]}


def mcp_call(item: Mapping[str, Any]) -> Json:
    """An `mcp_call` item, its output no longer than a tool's may be."""
    output = item.get("output")
    return {"kind": "mcp_call", "item": {**item, "output": shortened(output) if isinstance(output, str) else output}}


def kind_of(content: Any) -> str | None:
    """Which of the kinds above a hidden item's content is; None for an author's own."""
    if not isinstance(content, dict):
        return None
    match cast("Json", content):
        case {"kind": "function_call", "call_id": str(), "name": str(), "arguments": str(), "output": str()}:
            return "function_call"
        case {"kind": "reasoning", "items": list()}:
            return "reasoning"
        case {"kind": "mcp_approval", "requests": list()}:
            return "mcp_approval"
        case {"kind": "mcp_call", "item": dict()}:
            return "mcp_call"
        case _:
            return None


def output_text(value: Any) -> str:
    """A tool's output as a model reads it: text as it is, all else as JSON; cut where it is longer than `OUTPUT_BYTES`.

    Takes whatever pydantic can write: models, dataclasses, times, enums. Raises `ValueError` for the rest.
    """
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, BaseModel):
        return shortened(value.model_dump_json(by_alias=True))
    return shortened(to_json(value).decode())


def shortened(text: str) -> str:
    """The text, or as much of it as a model is told, with a word about the rest."""
    if len(text) * 4 <= OUTPUT_BYTES:
        return text
    data = text.encode(errors="replace")
    if len(data) <= OUTPUT_BYTES:
        return text
    head = data[:OUTPUT_BYTES].decode(errors="ignore")
    return f"{head}\n[Cut here: these are {OUTPUT_BYTES:,} bytes of {len(data):,}.]"

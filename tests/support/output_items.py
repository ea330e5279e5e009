"""The events of single output items, as the Responses API sends them; several can be woven into one stream.

Each function gives the events from `output_item.added` to `output_item.done` for the item at `index`.
"""

from collections.abc import Sequence
from typing import Any

from tests.support.streams import Event

PNG = "iVBORw0KGgo="
"""The base64 of a PNG's first bytes."""


def completed(output: Sequence[Event] = ()) -> Event:
    """The event that ends a response well."""
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    return {
        "type": "response.completed",
        "response": {"id": "resp_1", "status": "completed", "output": list(output), "usage": usage},
    }


def item(index: int, opened: Event, *between: Event, **done: Any) -> list[Event]:
    """An item: opened, whatever happens to it, and done with some fields changed."""
    place = {"output_index": index, "item_id": opened.get("id", f"item_{index}")}
    opened = {"id": place["item_id"], **opened}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": opened},
        *({**place, **event} for event in between),
        {"type": "response.output_item.done", "output_index": index, "item": {**opened, **done}},
    ]


def message(index: int, *deltas: str, citations: Sequence[Event] = ()) -> list[Event]:
    """A message of one part, its citations after its text."""
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    whole = {**part, "text": "".join(deltas), "annotations": list(citations)}
    return item(
        index,
        {"type": "message", "role": "assistant", "status": "in_progress", "content": []},
        {"type": "response.content_part.added", "content_index": 0, "part": part},
        *({"type": "response.output_text.delta", "content_index": 0, "delta": delta} for delta in deltas),
        *(
            {
                "type": "response.output_text.annotation.added",
                "content_index": 0,
                "annotation_index": number,
                "annotation": citation,
            }
            for number, citation in enumerate(citations)
        ),
        {"type": "response.output_text.done", "content_index": 0, "text": whole["text"]},
        {"type": "response.content_part.done", "content_index": 0, "part": whole},
        status="completed",
        content=[whole],
    )


def reasoning(index: int, *thoughts: Sequence[str]) -> list[Event]:
    """A reasoning item, its thoughts given as their deltas."""
    between: list[Event] = []
    for number, deltas in enumerate(thoughts):
        place = {"summary_index": number}
        between += [{"type": "response.reasoning_summary_part.added", **place, "part": {"type": "summary_text"}}]
        between += [{"type": "response.reasoning_summary_text.delta", **place, "delta": delta} for delta in deltas]
        between += [{"type": "response.reasoning_summary_text.done", **place, "text": "".join(deltas)}]
    summary = [{"type": "summary_text", "text": "".join(deltas)} for deltas in thoughts]
    return item(index, {"type": "reasoning", "summary": []}, *between, summary=summary)


def web_search(index: int, **done: Any) -> list[Event]:
    """A web search; `done` has its `action`."""
    return item(
        index,
        {"type": "web_search_call", "status": "in_progress"},
        {"type": "response.web_search_call.searching"},
        **{"status": "completed", **done},
    )


def file_search(index: int, **done: Any) -> list[Event]:
    """A file search; `done` has its `queries` and `results`."""
    return item(
        index,
        {"type": "file_search_call", "status": "in_progress", "queries": [], "results": None},
        {"type": "response.file_search_call.searching"},
        **{"status": "completed", **done},
    )


def code_interpreter(index: int, code: str, **done: Any) -> list[Event]:
    """Python that is written, then run."""
    return item(
        index,
        {"type": "code_interpreter_call", "status": "in_progress", "code": "", "outputs": []},
        {"type": "response.code_interpreter_call_code.delta", "delta": code},
        {"type": "response.code_interpreter_call_code.done", "code": code},
        {"type": "response.code_interpreter_call.interpreting"},
        **{"status": "completed", "code": code, **done},
    )


def mcp_call(index: int, **done: Any) -> list[Event]:
    """A call of a remote server's tool."""
    call = {"type": "mcp_call", "server_label": "shop", "name": "find", "arguments": "", "error": None, "output": None}
    return item(
        index,
        {**call, "status": "in_progress"},
        {"type": "response.mcp_call_arguments.done", "arguments": '{"q":1}'},
        **{"status": "completed", "arguments": '{"q":1}', **done},
    )


def mcp_list_tools(index: int, *names: str, **done: Any) -> list[Event]:
    """A remote server's list of tools."""
    tools = [{"name": name, "input_schema": {}} for name in names]
    return item(index, {"type": "mcp_list_tools", "server_label": "shop", "tools": []}, **{"tools": tools, **done})


def image(index: int, *partials: str, result: str | None = PNG, **done: Any) -> list[Event]:
    """A picture, with its rough states, in base64."""
    return item(
        index,
        {"type": "image_generation_call", "status": "in_progress"},
        *(
            {
                "type": "response.image_generation_call.partial_image",
                "partial_image_index": number,
                "partial_image_b64": data,
                "output_format": done.get("output_format", "png"),
            }
            for number, data in enumerate(partials)
        ),
        **{"status": "completed", "result": result, **done},
    )

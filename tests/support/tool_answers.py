"""Responses of a model that uses tools, and a model that gives one after the other."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from functions.model.base import ResponseEvent
from tests.support.streams import Event, StreamWriter, Text

Item = dict[str, Any]


def answer(*items: str | Item, name: str = "answer") -> list[Event]:
    """A whole response: texts are messages; dicts are items as they stand in `output_item.done`."""
    writer = StreamWriter(name)
    for item in items:
        if isinstance(item, str):
            writer.message(Text([item]))
            continue
        place = {"output_index": len(writer.output)}
        writer.write("response.output_item.added", **place, item={**item, "status": "in_progress"})
        writer.output.append(item)
        writer.write("response.output_item.done", **place, item=item)
    return writer.complete()


def call(name: str, call_id: str, /, **arguments: Any) -> Item:
    """A call of a function."""
    return raw_call(name, call_id, json.dumps(arguments))


def raw_call(name: str, call_id: str, arguments: str) -> Item:
    """A call of a function with whatever the model wrote as its arguments."""
    return {
        "id": f"fc_{call_id}",
        "type": "function_call",
        "status": "completed",
        "arguments": arguments,
        "call_id": call_id,
        "name": name,
    }


def thought(encrypted: str | None) -> Item:
    """A reasoning item without a summary."""
    content = {} if encrypted is None else {"encrypted_content": encrypted}
    return {"id": f"rs_{encrypted}", "type": "reasoning", "summary": [], **content}


def approval_request(request_id: str, name: str, **arguments: Any) -> Item:
    """What an MCP server wants to do, which the user is to approve."""
    return {
        "id": request_id,
        "type": "mcp_approval_request",
        "arguments": json.dumps(arguments),
        "name": name,
        "server_label": "crm",
    }


def mcp_call(call_id: str, name: str, output: str, *, approval: str | None = None, **arguments: Any) -> Item:
    """A call that an MCP server has answered."""
    return {
        "id": call_id,
        "type": "mcp_call",
        "status": "completed",
        "approval_request_id": approval,
        "arguments": json.dumps(arguments),
        "error": None,
        "name": name,
        "output": output,
        "server_label": "crm",
    }


def output(call_id: str, text: str) -> Item:
    """A function's output, as input."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def called(item: Item) -> Item:
    """A call as input of a later turn."""
    return {key: item[key] for key in ("type", "call_id", "name", "arguments")}


def said(text: str) -> Item:
    """A user's message, as input."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def answered(text: str) -> Item:
    """An assistant's message, as input."""
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


class RoundsModel:
    """A `Model` that gives each request the next of its responses, and remembers what it was asked."""

    def __init__(self, *responses: Sequence[ResponseEvent] | Exception) -> None:
        self._responses = list(responses)
        self.bodies: list[Mapping[str, Any]] = []

    @property
    def inputs(self) -> list[list[Item]]:
        """The `input` of each request."""
        return [list(body["input"]) for body in self.bodies]

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        self.bodies.append(json.loads(json.dumps(body)))
        response = self._responses.pop(0)
        if isinstance(response, Exception):
            raise response
        for event in response:
            yield event

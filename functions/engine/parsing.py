"""A request's body becomes a request, or an error that names the field. Pure."""

from math import isinf
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import from_json

from functions.errors import InvalidRequest
from functions.protocol.requests import CHATKIT_REQ, ID_CHARACTERS, STREAMING_TYPES, NonStreamingReq, StreamingReq

Req = StreamingReq | NonStreamingReq


class InvalidStreamingRequest(InvalidRequest):
    """A request that would have been answered with a stream: its error must reach the user as an event."""


def parse(body: bytes) -> Req:
    """Reads a body. Raises `InvalidRequest`, or `InvalidStreamingRequest` where the type is a streaming one."""
    try:
        data: Any = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest("", "the body is not valid JSON") from error
    if not isinstance(data, dict):
        raise InvalidRequest("", "the body must be a JSON object")
    kind: Any = cast("dict[str, Any]", data).get("type")
    wrong = InvalidStreamingRequest if isinstance(kind, str) and kind in STREAMING_TYPES else InvalidRequest
    if _holds_infinity(data):
        raise wrong("", "the body holds a number that is too large")
    try:
        return CHATKIT_REQ.validate_python(data)
    except ValidationError as error:
        raise wrong(*_first(error, data)) from error


def _holds_infinity(data: Any) -> bool:
    """Whether a number such as 1e400 was read: it would be written as null."""
    pending = [data]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(cast("dict[str, Any]", node).values())
        elif isinstance(node, list):
            pending.extend(cast("list[Any]", node))
        elif isinstance(node, float) and isinf(node):
            return True
    return False


def _first(error: ValidationError, data: Any) -> tuple[str, str]:
    details = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = _path(details["loc"], data)
    match details["type"]:
        case "missing":
            return ".".join(path), "is missing"
        case "union_tag_not_found":
            return ".".join([*path, "type"]), "is missing"
        case "union_tag_invalid":
            return ".".join([*path, "type"]), "is not a type that this server knows"
        case "model_type" | "model_attributes_type" | "dict_type":
            return ".".join(path), "must be an object"
        case _:
            return ".".join(path), details["msg"][:1].lower() + details["msg"][1:]


def _path(steps: tuple[int | str, ...], node: Any) -> list[str]:
    """The steps that the client wrote: pydantic puts the chosen type of a tagged union in between.

    In requests such unions are the body itself and the elements of lists, never a field's value.
    """
    path: list[str] = []
    may_be_tag = True
    for step in steps:
        if isinstance(node, dict):
            fields = cast("dict[Any, Any]", node)
            if may_be_tag and step == fields.get("type"):
                may_be_tag = False
                continue
            node = fields.get(step)
        elif isinstance(node, list) and isinstance(step, int):
            node = cast("list[Any]", node)[step]
        may_be_tag = isinstance(step, int)
        path.append(str(step)[:ID_CHARACTERS])
    return path

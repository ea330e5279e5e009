"""A request's body becomes a request, or an error that names the field. Pure."""

from math import isinf
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import from_json

from functions.errors import InvalidRequest
from functions.protocol.limits import ID_CHARACTERS, TEXT_TOO_LONG
from functions.protocol.requests import CHATKIT_REQ, STREAMING_TYPES, NonStreamingReq, StreamingReq
from functions.translations import Text

Req = StreamingReq | NonStreamingReq

_ABOUT_THE_TYPE: Final = frozenset({"union_tag_not_found", "union_tag_invalid"})
"""pydantic names the object whose `type` is missing or unknown."""


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
        raise _refusal(wrong, error, data) from error


def _refusal(wrong: type[InvalidRequest], error: ValidationError, data: Any) -> InvalidRequest:
    details = error.errors(include_url=False, include_input=False)[0]
    steps = _path(details["loc"], data)
    field = ".".join([*steps, "type"] if details["type"] in _ABOUT_THE_TYPE else steps)
    if details["type"] == TEXT_TOO_LONG:
        return wrong(field, Text.TEXT_TOO_LONG, **details.get("ctx", {}))
    return wrong(field, _problem(details["type"], details["msg"]))


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


def _problem(kind: str, message: str) -> str:
    match kind:
        case "missing" | "union_tag_not_found":
            return "is missing"
        case "union_tag_invalid":
            return "is not a type that this server knows"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be an object"
        case _:
            return message[:1].lower() + message[1:]


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

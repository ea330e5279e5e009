"""Parsing, for all bodies."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.engine.parsing import InvalidStreamingRequest, Req, parse
from functions.errors import InvalidRequest
from functions.protocol.limits import ID_CHARACTERS
from functions.protocol.requests import STREAMING_TYPES
from tests.support.request_bodies import REQUESTS, Path, at, body_of, kind_of

TEXT = st.text(max_size=10) | st.sampled_from(["type", "input_text", "threads.create", "params", "answers", "a.b", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def outcome(body: bytes) -> Req | InvalidRequest:
    """The request that a body is, or its refusal. Raises whatever else `parse` raises."""
    try:
        return parse(body)
    except InvalidRequest as error:
        return error


def paths(node: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a body but its root."""
    if isinstance(node, dict | list):
        for step, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield (*path, step)
            yield from paths(child, (*path, step))


@st.composite
def corrupted(draw: st.DrawFn) -> Any:
    """A right body in which up to three places were taken out, replaced, or given a further field."""
    body = copy.deepcopy(body_of(draw(st.sampled_from(REQUESTS))))
    for _ in range(draw(st.integers(1, 3))):
        places = list(paths(body))
        if not places:
            break
        path = draw(st.sampled_from(places))
        parent, step = at(body, path[:-1]), path[-1]
        match draw(st.sampled_from(["take", "replace", "add"])):
            case "take":
                del parent[step]
            case "replace":
                parent[step] = draw(JSON)
            case _ if isinstance(parent, dict):
                name = draw(TEXT | st.sampled_from([kind_of(request) for request in REQUESTS]))
                parent.setdefault(name, draw(JSON))
            case _:
                parent.append(draw(JSON))
    return body


def leads_somewhere(node: Any, field: str) -> bool:
    """Whether a dotted path is there, but for a last step that is missing from an object."""
    if not field:
        return True
    if isinstance(node, list):
        step, _, rest = field.partition(".")
        return step.isdigit() and int(step) < len(node) and leads_somewhere(node[int(step)], rest)
    if isinstance(node, dict):
        for name, child in node.items():
            shown = name[:ID_CHARACTERS]
            if field == shown or (field.startswith(shown + ".") and leads_somewhere(child, field[len(shown) + 1 :])):
                return True
        return "." not in field
    return False


@given(corrupted())
def test_an_error_names_a_place_of_the_body(body: Any) -> None:
    """A refused body has the field that is named, or an object that lacks it; and streaming requests are told apart."""
    told = outcome(json.dumps(body).encode())
    kind = body.get("type")
    if isinstance(told, InvalidRequest):
        assert leads_somewhere(body, told.field or ""), told.field
        is_streaming = isinstance(kind, str) and kind in STREAMING_TYPES
        assert isinstance(told, InvalidStreamingRequest) == is_streaming
    else:
        assert told.type == kind


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_request_or_a_refusal(body: bytes) -> None:
    """Nothing that a client can send raises anything else."""
    assert outcome(body)


@given(st.sampled_from(REQUESTS), st.data())
def test_a_cut_or_altered_body_is_a_request_or_a_refusal(request: Any, data: st.DataObject) -> None:
    """Neither do bytes that were lost or changed on the way."""
    body = bytearray(json.dumps(body_of(request)).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    for altered in (bytes(body), bytes(body[:place])):
        assert outcome(altered)

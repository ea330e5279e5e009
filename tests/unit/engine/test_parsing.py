"""Bodies become requests, or errors that name the field."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from functions.engine.parsing import InvalidStreamingRequest, parse
from functions.errors import InvalidRequest
from functions.protocol.items import THREAD_ITEM, ClientToolCallItem, UserMessageItem
from functions.protocol.limits import (
    ACTION_CHARACTERS,
    ANSWER_CHARACTERS,
    ID_CHARACTERS,
    JSON_DEPTH,
    MESSAGE_CHARACTERS,
    METADATA_BYTES,
    NAME_CHARACTERS,
    PAYLOAD_BYTES,
    QUOTE_CHARACTERS,
    RESULT_BYTES,
    TAG_CHARACTERS,
    TAG_DATA_BYTES,
    TAGS,
    TITLE_CHARACTERS,
    TYPE_CHARACTERS,
)
from functions.protocol.messages import ATTACHMENTS, CONTENT_PARTS, InferenceOptions, UserMessageTagContent
from functions.protocol.requests import ITEM_IDS, STREAMING_TYPES, ThreadsAddClientToolOutputReq
from functions.protocol.structured_input import ANSWER_VALUES, ANSWERS
from tests.support.request_bodies import REQUESTS, Node, at, body_of, kind_of, nodes_of, wrong_for

PLACES = [(request, node) for request in REQUESTS for node in nodes_of(request)]
TYPED = [(request, node) for request, node in PLACES if node.shape is not Any]
OBJECTS = [
    (request, node)
    for request, node in TYPED
    # The names in `answers` are the questions' own ids: there, none is unknown.
    if isinstance(at(body_of(request), node.path), dict) and node.field != "params.input.answers"
]


def named(place: tuple[type[BaseModel], Node]) -> str:
    return f"{kind_of(place[0])}:{place[1].field}"


def outcome(body: bytes) -> object:
    """The request that a body is, or its refusal."""
    try:
        return parse(body)
    except InvalidRequest as error:
        return error


def refusal(body: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


def message(**changes: Any) -> dict[str, Any]:
    """A `threads.create` whose input is changed."""
    given = {"content": [{"type": "input_text", "text": "hi"}], "attachments": [], "inference_options": {}, **changes}
    return {"type": "threads.create", "params": {"input": given}}


@pytest.mark.parametrize("request_type", REQUESTS, ids=kind_of)
def test_a_right_body_is_read(request_type: type[BaseModel]) -> None:
    """Every request type is told by its `type`, and keeps all that the client wrote."""
    body = body_of(request_type)
    request = parse(json.dumps(body).encode())
    assert type(request) is request_type
    assert request.model_dump() == body


def test_there_are_eighteen_requests_of_which_six_stream() -> None:
    """The list of what is streamed is that of the streaming types, and no type is told twice."""
    assert len({kind_of(request) for request in REQUESTS}) == len(REQUESTS) == 18
    assert frozenset(kind_of(request) for request in REQUESTS[:6]) == STREAMING_TYPES


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_a_missing_field_is_named(place: tuple[type[BaseModel], Node]) -> None:
    """A field that must be there is named when it is not; one that may be left out may be left out."""
    request_type, node = place
    body = body_of(request_type)
    del at(body, node.path[:-1])[node.path[-1]]
    if node.is_required:
        error = refusal(body)
        assert (error.field, error.message) == (node.field, f"{node.field}: is missing")
    else:
        assert type(parse(json.dumps(body).encode())) is request_type


@pytest.mark.parametrize("place", TYPED, ids=named)
def test_a_wrong_value_is_named(place: tuple[type[BaseModel], Node]) -> None:
    """A value of a wrong type is named by the path that the client wrote, also within lists; streaming types say so."""
    request_type, node = place
    body = body_of(request_type)
    at(body, node.path[:-1])[node.path[-1]] = wrong_for(node.shape)
    error = refusal(body)
    assert error.field == node.field
    assert error.message.startswith(f"{node.field}: ")
    knows_type = node.path != ("type",)
    assert isinstance(error, InvalidStreamingRequest) == (knows_type and kind_of(request_type) in STREAMING_TYPES)


@pytest.mark.parametrize("place", OBJECTS, ids=named)
def test_an_unknown_field_is_passed_over(place: tuple[type[BaseModel], Node]) -> None:
    """A newer client's fields do no harm, wherever they stand and however they are called."""
    request_type, node = place
    body = body_of(request_type)
    expected = parse(json.dumps(body).encode())
    for name in ("newer", "__class__", "model_config", "", "0", kind_of(request_type), "input_text"):
        at(body, node.path)[name] = {"x": [1]}
    got = parse(json.dumps(body).encode())
    assert got == expected or "metadata" in node.path or "data" in node.path


@pytest.mark.parametrize("request_type", REQUESTS, ids=kind_of)
def test_a_field_that_is_called_like_its_type_does_not_mislead(request_type: type[BaseModel]) -> None:
    """An unknown field with the name of the request's type is no step of a path."""
    right = body_of(request_type)
    misleading = {kind_of(request_type): {"params": [5], "metadata": 5}}
    for wrong in (
        {**right, "metadata": 5},
        {**misleading, **right, "metadata": 5},
        {**right, **misleading, "metadata": 5},
    ):
        assert refusal(wrong).field == "metadata"
    without = {**misleading, **right}
    del without["params"]
    assert refusal(without).field == "params"


def test_a_part_that_has_a_field_called_like_its_type_does_not_mislead() -> None:
    """The same within a list."""
    assert (
        refusal(message(content=[{"type": "input_text", "input_text": {"text": 5}}])).field
        == "params.input.content.0.text"
    )


@pytest.mark.parametrize("key", ["type", "input_text", "values", "0", "answered", ""])
def test_an_answer_may_be_called_anything(key: str) -> None:
    """The questions' ids are the author's: none of them is taken for a type."""
    answers: dict[str, Any] = {"type": {}, key: {"values": ["fine", 5]}}
    body = {
        "type": "threads.add_structured_input",
        "params": {"thread_id": "t", "item_id": "i", "input": {"answers": answers}},
    }
    assert refusal(body).field == f"params.input.answers.{key}.values.1"
    answers[key] = 5
    assert refusal(body).field == f"params.input.answers.{key}"
    body["params"]["input"]["answers"] = {key: {"values": 5}, "type": key}
    assert refusal(body).field == f"params.input.answers.{key}" + (".values" if key != "type" else "")


@pytest.mark.parametrize(
    "kind", [None, 5, True, [], {}, "", "threads", "THREADS.LIST", "threads.list ", "threads.resume", "\x00"]
)
def test_an_unknown_type_is_named(kind: Any) -> None:
    """What the server does not know it refuses by the field `type`, and quotes nothing."""
    error = refusal({"type": kind, "params": {}})
    assert not isinstance(error, InvalidStreamingRequest)
    assert error.message == "type: is not a type that this server knows"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}x",
        b"{'type': 'threads.list'}",
        b'{"type": "threads.list", "params": {},}',
        b'{"type": "threads.list", "params": {"limit": NaN}}',
        b'{"type": "threads.list", "params": {"limit": Infinity}}',
        b'{"type": "threads.list", "params": {"limit": -Infinity}}',
        b'{"type": "threads.list", "params": {}, "metadata": {"x": NaN}}',
        b'{"type": "threads.list", "params": {"limit": ' + b"1" * 5_000 + b"}}",
        b'{"type": "threads.list", "params": {"after": "\\ud800"}}',
        b'{"type": "threads.list", "params": {"after": "\\udc00\\ud800"}}',
        b'{"type": "threads.list", "params": {"after": "\xff"}}',
        b'{"type": "threads.list", "params": {"after": "\xed\xa0\x80"}}',
        b'{"type": "threads.list", "params": {}, "\\ud800": 1}',
        b'\xef\xbb\xbf{"type": "threads.list", "params": {}}',
        '{"type": "threads.list", "params": {}}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"params":' * 100_000,
        b'{"type": "threads.list", "params": {}, "metadata": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b"\x00",
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """Broken, endless or foreign text is refused as a whole."""
    error = refusal(body)
    assert (error.field, error.message) == ("", "the body is not valid JSON")


@pytest.mark.parametrize("body", [b"null", b"5", b"true", b'"x"', b"[]", b'[{"type": "threads.list"}]'])
def test_a_body_is_an_object(body: bytes) -> None:
    """Other JSON than an object is no request."""
    assert refusal(body).message == "the body must be a JSON object"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 4_000 + ".5"])
@pytest.mark.parametrize("place", ["result", "metadata"])
def test_a_number_beyond_all_bounds_is_refused(number: str, place: str) -> None:
    """A number that could only be kept as infinity, which JSON has not, is refused instead of stored as null."""
    values = {"result": "1", "metadata": "{}", place: f'{{"deep": [0, {{"x": {number}}}]}}'}
    params = f'{{"thread_id": "t", "result": {values["result"]}}}'
    body = f'{{"type": "threads.add_client_tool_output", "params": {params}, "metadata": {values["metadata"]}}}'
    error = refusal(body.encode())
    assert isinstance(error, InvalidStreamingRequest)
    assert error.message == "the body holds a number that is too large"


def test_of_two_fields_of_one_name_the_last_counts() -> None:
    """As JavaScript reads them."""
    request = parse(
        b'{"type": "threads.create", "type": "threads.get_by_id", "params": {"thread_id": "a", "thread_id": "b"}}'
    )
    assert request.model_dump() == {"type": "threads.get_by_id", "params": {"thread_id": "b"}, "metadata": {}}


@pytest.mark.parametrize("limit", [9999, 0, 10**4_000])
def test_any_whole_limit_is_read(limit: int) -> None:
    """How many objects a page really has is decided later: the client asks for 9999."""
    request = parse(json.dumps({"type": "threads.list", "params": {"limit": limit}}).encode())
    assert request.model_dump()["params"]["limit"] == limit


@pytest.mark.parametrize("limit", ["-1", "1.5", "[]", '"x"'])
def test_a_wrong_limit_is_named(limit: str) -> None:
    """A limit counts objects."""
    assert refusal(b'{"type": "threads.list", "params": {"limit": ' + limit.encode() + b"}}").field == "params.limit"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "threads.get_by_id", "params": {"thread_id": ""}}, "params.thread_id"),
        ({"type": "threads.get_by_id", "params": {"thread_id": "x" * (ID_CHARACTERS + 1)}}, "params.thread_id"),
        (
            {"type": "threads.update", "params": {"thread_id": "t", "title": "x" * (TITLE_CHARACTERS + 1)}},
            "params.title",
        ),
        ({"type": "attachments.create", "params": {"name": "a", "size": -1, "mime_type": "a/b"}}, "params.size"),
    ],
)
def test_a_limit_names_its_field(body: dict[str, Any], field: str) -> None:
    """What is too long, too short or too small is named."""
    assert refusal(body).field == field


def tagged(**changes: Any) -> dict[str, Any]:
    """A message with a tag that is changed."""
    return message(content=[{"type": "input_tag", "id": "t", "text": "x", "data": {}, **changes}])


def nested(levels: int) -> Any:
    """Lists in lists, so many."""
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def of_bytes(size: int) -> dict[str, str]:
    """An object whose JSON has so many bytes."""
    return {"x": "y" * (size - len('{"x":""}'))}


def output(result: Any) -> dict[str, Any]:
    return {"type": "threads.add_client_tool_output", "params": {"thread_id": "t", "result": result}}


def action(**changes: Any) -> dict[str, Any]:
    return {"type": "threads.custom_action", "params": {"thread_id": "t", "action": {"type": "a", **changes}}}


def listing(**changes: Any) -> dict[str, Any]:
    return {"type": "threads.list", "params": {}, **changes}


def upload(**changes: Any) -> dict[str, Any]:
    return {"type": "attachments.create", "params": {"name": "a", "size": 1, "mime_type": "a/b", **changes}}


SIZES: list[tuple[str, Any, int, str]] = [
    ("message", lambda n: message(content=[{"type": "input_text", "text": "x" * n}]), MESSAGE_CHARACTERS, "content"),
    (
        "message in parts",
        lambda n: message(content=[{"type": "input_text", "text": text} for text in ("x" * (n - 1), "y")]),
        MESSAGE_CHARACTERS,
        "content",
    ),
    ("tags", lambda n: message(content=tagged()["params"]["input"]["content"] * n), TAGS, "content"),
    ("tag's id", lambda n: tagged(id="x" * n), TAG_CHARACTERS, "content.0.id"),
    ("tag's text", lambda n: tagged(text="x" * n), TAG_CHARACTERS, "content.0.text"),
    ("tag's group", lambda n: tagged(group="x" * n), TAG_CHARACTERS, "content.0.group"),
    ("tag's data", lambda n: tagged(data=of_bytes(n)), TAG_DATA_BYTES, "content.0.data"),
    ("tag's depth", lambda n: tagged(data={"x": nested(n - 1)}), JSON_DEPTH, "content.0.data"),
    ("quote", lambda n: message(quoted_text="x" * n), QUOTE_CHARACTERS, "quoted_text"),
    ("attachment's id", lambda n: message(attachments=["x" * n]), ID_CHARACTERS, "attachments.0"),
    (
        "tool",
        lambda n: message(inference_options={"tool_choice": {"id": "x" * n}}),
        ID_CHARACTERS,
        "inference_options.tool_choice.id",
    ),
    ("model", lambda n: message(inference_options={"model": "x" * n}), ID_CHARACTERS, "inference_options.model"),
]
OTHER_SIZES: list[tuple[str, Any, int, str]] = [
    ("metadata", lambda n: listing(metadata=of_bytes(n)), METADATA_BYTES, "metadata"),
    ("metadata's depth", lambda n: listing(metadata={"x": nested(n - 1)}), JSON_DEPTH, "metadata"),
    ("result", lambda n: output(of_bytes(n)), RESULT_BYTES, "params.result"),
    ("result's depth", lambda n: output(nested(n)), JSON_DEPTH, "params.result"),
    ("action's name", lambda n: action(type="x" * n), ACTION_CHARACTERS, "params.action.type"),
    ("payload", lambda n: action(payload=of_bytes(n)), PAYLOAD_BYTES, "params.action.payload"),
    ("payload's depth", lambda n: action(payload=nested(n)), JSON_DEPTH, "params.action.payload"),
    ("answer", lambda n: answers({"q": {"values": ["x" * n]}}), ANSWER_CHARACTERS, "params.input.answers.q.values.0"),
    ("file's name", lambda n: upload(name="x" * n), NAME_CHARACTERS, "params.name"),
    ("file's type", lambda n: upload(mime_type="x" * n), TYPE_CHARACTERS, "params.mime_type"),
    (
        "recording's type",
        lambda n: {"type": "input.transcribe", "params": {"audio_base64": "", "mime_type": "x" * n}},
        TYPE_CHARACTERS,
        "params.mime_type",
    ),
]
EVERY_SIZE = [(name, make, most, f"params.input.{field}") for name, make, most, field in SIZES] + OTHER_SIZES


@pytest.mark.parametrize(("make", "most", "field"), [size[1:] for size in EVERY_SIZE], ids=[s[0] for s in EVERY_SIZE])
def test_everything_has_an_end(make: Any, most: int, field: str) -> None:
    """What is as large as its limit is read, and what is a bit larger is refused by its name."""
    parse(json.dumps(make(most)).encode())
    assert refusal(make(most + 1)).field == field


@pytest.mark.parametrize(
    "body",
    [
        message(content=[{"type": "input_text", "text": "x" * (MESSAGE_CHARACTERS + 1)}]),
        message(quoted_text="x" * (QUOTE_CHARACTERS + 1)),
        {"type": "threads.update", "params": {"thread_id": "t", "title": "x" * (TITLE_CHARACTERS + 1)}},
    ],
)
def test_a_users_text_that_is_too_long_is_told_in_their_language(body: dict[str, Any]) -> None:
    """Who can shorten it is the user: so the message says by how much, and names no field, which a program reads."""
    error = refusal(body)
    assert error.message_in(["de"]).startswith("Dieser Text ist zu lang")
    assert (error.field or "").startswith("params.")


def test_what_was_let_in_once_is_read_for_ever() -> None:
    """Limits are for what comes in: a stored message beyond today's is read as it is."""
    tag = UserMessageTagContent(id="t", text="x" * (TAG_CHARACTERS + 1), data={"x": nested(JSON_DEPTH + 1)})
    stored = UserMessageItem(
        id="m", thread_id="t", created_at=datetime.now(UTC), content=[tag], inference_options=InferenceOptions()
    )
    assert THREAD_ITEM.validate_json(stored.model_dump_json()) == stored


def test_what_is_as_deep_as_may_be_is_stored_and_read_again() -> None:
    """However an item wraps it, the deepest result is written, and read again as it was."""
    request = parse(json.dumps(output(nested(JSON_DEPTH))).encode())
    assert isinstance(request, ThreadsAddClientToolOutputReq)
    call = ClientToolCallItem(
        id="c",
        thread_id="t",
        created_at=datetime.now(UTC),
        call_id="c",
        name="n",
        arguments={},
        output=request.params.result,
        status="completed",
    )
    assert THREAD_ITEM.validate_json(call.model_dump_json()) == call


def feedback(ids: list[Any]) -> dict[str, Any]:
    return {"type": "items.feedback", "params": {"thread_id": "t", "item_ids": ids, "kind": "positive"}}


def answers(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "threads.add_structured_input",
        "params": {"thread_id": "t", "item_id": "i", "input": {"answers": given}},
    }


LISTS = [
    (
        lambda count, value: message(content=[value] * count),
        {"type": "input_text", "text": ""},
        CONTENT_PARTS,
        "params.input.content",
    ),
    (lambda count, value: message(attachments=[value] * count), "a", ATTACHMENTS, "params.input.attachments"),
    (lambda count, value: feedback([value] * count), "a", ITEM_IDS, "params.item_ids"),
    (
        lambda count, value: answers({"q": {"values": [value] * count}}),
        "a",
        ANSWER_VALUES,
        "params.input.answers.q.values",
    ),
    (
        lambda count, value: answers({f"q{number}": value for number in range(count)}),
        {},
        ANSWERS,
        "params.input.answers",
    ),
]


@pytest.mark.parametrize(("make", "value", "most", "field"), LISTS)
def test_a_list_has_an_end(make: Any, value: Any, most: int, field: str) -> None:
    """As many elements as the limit are read, and one more is refused by the list's name."""
    parse(json.dumps(make(most, value)).encode())
    assert refusal(make(most + 1, value)).field == field


@pytest.mark.parametrize(("make", "value", "most", "field"), LISTS)
def test_a_flood_of_wrong_values_is_not_collected(make: Any, value: Any, most: int, field: str) -> None:
    """A megabyte of wrong values costs no more memory than its first ones: an error object for each took 400 MB."""
    error = refusal(make(100_000, 5))
    assert (error.field or "").startswith(field)
    assert isinstance(error.__cause__, ValidationError)
    assert error.__cause__.error_count() <= max(most, 1)


def test_a_flood_of_wrong_values_in_many_lists_is_not_collected() -> None:
    """Neither are those of many lists that are each within their limit."""
    error = refusal(answers({f"q{number}": {"values": [5] * 400} for number in range(ANSWERS)}))
    assert error.field == "params.input.answers.q0.values.0"
    assert isinstance(error.__cause__, ValidationError)
    assert error.__cause__.error_count() <= ANSWERS


def test_an_error_is_short() -> None:
    """However long the names that the client chose, the error's are not."""
    error = refusal(answers({"x" * 100_000: 5}))
    assert error.field == "params.input.answers." + "x" * ID_CHARACTERS
    assert len(error.message) < 1_000


@pytest.mark.parametrize("request_type", REQUESTS, ids=kind_of)
def test_an_error_quotes_no_content(request_type: type[BaseModel]) -> None:
    """What the user wrote does not come back in an error, and so is in no log."""
    secret = "what alice wrote"
    for node in nodes_of(request_type):
        body = copy.deepcopy(body_of(request_type))
        at(body, node.path[:-1])[node.path[-1]] = {secret: secret} if node.shape in {str, int, bool} else secret
        told = outcome(json.dumps(body).encode())
        if isinstance(told, InvalidRequest):
            assert secret not in told.message
            assert "input_value" not in told.message


@pytest.mark.parametrize("request_type", REQUESTS, ids=kind_of)
def test_an_error_speaks_of_no_class(request_type: type[BaseModel]) -> None:
    """Where an object is expected the error says so, in the protocol's words and not in Python's."""
    for node in nodes_of(request_type):
        if isinstance(at(body_of(request_type), node.path), dict) and node.shape is not Any:
            body = body_of(request_type)
            at(body, node.path[:-1])[node.path[-1]] = 5
            assert refusal(body).message == f"{node.field}: must be an object"

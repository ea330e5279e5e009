"""The gateway, for all events and all texts."""

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.errors import InvalidRequest
from functions.gateway import sse
from functions.gateway.request import Request, from_event
from functions.gateway.response import error_body
from functions.protocol.base import to_wire
from functions.protocol.events import ClientEffectEvent, ErrorEvent, NoticeEvent, ThreadItemUpdatedEvent
from functions.protocol.updates import AssistantMessageContentPartTextDelta
from tests.support.http_events import FORMATS, Build

NAMES = st.sampled_from(
    (
        *("requestContext", "http", "method", "httpMethod", "headers", "multiValueHeaders", "body", "isBase64Encoded"),
        *("path", "rawPath", "requestId", "identity", "sourceIp", "userArn", "Authorization", "accept"),
    )
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | ANY_TEXT, inner, max_size=6),
    max_leaves=25,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "httpMethod": JSON,
        "requestContext": JSON
        | st.fixed_dictionaries({}, optional={"http": JSON, "identity": JSON, "requestId": JSON}),
        "headers": JSON,
        "multiValueHeaders": JSON | st.dictionaries(ANY_TEXT, JSON | st.lists(JSON), max_size=3),
        "body": JSON,
        "isBase64Encoded": JSON,
        "path": JSON,
        "rawPath": JSON,
    },
)


@given(JSON | FIELDS)
def test_any_event_gives_a_request_or_a_refusal(event: Any) -> None:
    """Whatever the event is, there is a request of the promised types, or `InvalidRequest`."""
    try:
        request = from_event(event)
    except InvalidRequest:
        return
    assert isinstance(request.body, bytes)
    texts = [request.method, request.path, request.request_id, request.source_ip, request.caller_arn or ""]
    texts += [*request.headers, *request.headers.values(), request.bearer_token() or ""]
    assert all(isinstance(text, str) for text in texts)


@given(
    st.sampled_from(FORMATS), st.binary(), st.dictionaries(st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True), st.text())
)
def test_a_request_arrives_as_it_was_sent(build: Build, body: bytes, headers: dict[str, str]) -> None:
    """Bodies keep their bytes and headers their values, in both formats."""
    request = from_event(build(headers=headers, body=base64.b64encode(body).decode(), is_base64=True))
    assert request.body == body
    assert set(request.headers) == {name.lower() for name in headers}
    once = {
        name: value for name, value in headers.items() if [each.lower() for each in headers].count(name.lower()) == 1
    }
    assert {name: request.headers[name.lower()] for name in once} == once


UNICODE = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r\u2028\u2029\x85\x00\x0b\x0c"))


@given(UNICODE, st.dictionaries(UNICODE, UNICODE, max_size=3))
def test_a_frame_is_one_line_of_json(text: str, data: dict[str, str]) -> None:
    """A frame is `data: `, one line for every reader of lines, and an empty line; its JSON is the event."""
    for event in (NoticeEvent(level="info", message=text), ClientEffectEvent(name=text, data=data)):
        frame = sse.frame(event)
        assert frame.startswith(b"data: {")
        assert frame.endswith(b"}\n\n")
        line = frame.removeprefix(b"data: ").removesuffix(b"\n\n")
        # https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream: CR and LF end a line.
        assert b"\n" not in line
        assert b"\r" not in line
        assert json.loads(line) == event.model_dump(exclude_none=True)


@given(UNICODE, UNICODE, st.integers(0, 1_000))
def test_a_text_delta_is_framed_as_every_event_is(item_id: str, delta: str, index: int) -> None:
    """The short way for the most frequent event gives the very bytes of the long one."""
    update = AssistantMessageContentPartTextDelta(content_index=index, delta=delta)
    event = ThreadItemUpdatedEvent(item_id=item_id, update=update)
    assert sse.frame(event) == b"data: " + to_wire(event) + b"\n\n"


@given(ANY_TEXT, ANY_TEXT)
def test_any_error_can_be_told(field: str, problem: str) -> None:
    """An error's body is UTF-8 and JSON whatever the texts hold; only what has no UTF-8 is lost."""
    error = InvalidRequest(field, problem)
    told = json.loads(error_body(error).decode())
    assert told["code"] == "invalid_request"
    assert told["message"] == error.message.encode(errors="replace").decode()
    assert told["field"] == field.encode(errors="replace").decode()


@given(ANY_TEXT)
def test_any_authorization_has_a_token_or_none(value: str) -> None:
    """A token has no space around it and is never empty."""
    request = Request(method="POST", path="/", headers={"authorization": value}, body=b"", request_id="")
    token = request.bearer_token()
    assert token is None or (token and token == token.strip())


def test_an_error_frame_leaves_out_what_is_null() -> None:
    """Nulls are left out, as the client expects."""
    assert sse.frame(ErrorEvent()) == b'data: {"type":"error","code":"custom","allow_retry":false}\n\n'

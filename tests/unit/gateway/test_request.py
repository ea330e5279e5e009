"""Events become requests."""

import base64
from typing import Any

import pytest

from functions.errors import InvalidRequest
from functions.gateway.request import Request, from_event
from tests.support.http_events import FORMATS, REQUEST_ID, Build, function_url, rest_api

both = pytest.mark.parametrize("build", FORMATS, ids=["function_url", "rest_api"])


@both
def test_a_request_is_read(build: Build) -> None:
    """Both formats tell the same of the same request."""
    event = build("post", "/chatkit", headers={"Content-Type": "application/json", "X-Odd": "ä"}, body='{"a": "ä"}')
    assert from_event(event) == Request(
        method="POST",
        path="/chatkit",
        headers={"content-type": "application/json", "x-odd": "ä"},
        body='{"a": "ä"}'.encode(),
        request_id=REQUEST_ID,
        source_ip="192.0.2.1",
    )


@both
def test_a_query_is_read(build: Build) -> None:
    """Parameters come decoded; of a repeated one the last counts, and an empty one is there."""
    assert from_event(build(query="q=M%C3%BCller+%26+S%C3%B6hne&limit=1&limit=2&empty=")).query == {
        "q": "Müller & Söhne",
        "limit": "2",
        "empty": "",
    }
    assert from_event(build()).query == {}


@both
@pytest.mark.parametrize("body", [None, ""])
@pytest.mark.parametrize("is_base64", [False, True])
def test_a_missing_body_is_empty(build: Build, body: str | None, *, is_base64: bool) -> None:
    """No body and an empty one are the same."""
    assert from_event(build(body=body, is_base64=is_base64)).body == b""


@both
def test_a_base64_body_is_decoded(build: Build) -> None:
    """Bytes arrive as they were sent."""
    sent = bytes(range(256))
    assert from_event(build(body=base64.b64encode(sent).decode(), is_base64=True)).body == sent


@both
@pytest.mark.parametrize("body", ["%", "YQ", "YQ==YQ==", "Y Q==", "é", "\ud800", "Y-_="])
def test_a_body_that_is_no_base64_is_refused(build: Build, body: str) -> None:
    """A broken encoding is the sender's fault, and not passed over."""
    with pytest.raises(InvalidRequest, match="not base64"):
        from_event(build(body=body, is_base64=True))


@both
@pytest.mark.parametrize("body", [0, [], {}, True, b"bytes"])
def test_a_body_that_is_no_string_is_refused(build: Build, body: Any) -> None:
    """A body of another type is the sender's fault."""
    with pytest.raises(InvalidRequest, match="not a string"):
        from_event(build(body=body))


@both
def test_a_lone_surrogate_in_a_body_does_no_harm(build: Build) -> None:
    """A body that has no UTF-8 is read as something that is no JSON string of the sender's."""
    assert from_event(build(body='"\ud800"')).body == b'"?"'


@pytest.mark.parametrize("given", [{"headers": None}, {"headers": None, "multiValueHeaders": None}, {}])
def test_a_rest_api_request_without_headers_is_read(given: dict[str, Any]) -> None:
    """API Gateway writes null where there are no headers."""
    event = {key: value for key, value in rest_api().items() if not key.lower().endswith("headers")}
    assert from_event({**event, **given}).headers == {}


def test_repeated_headers_are_joined() -> None:
    """A REST API's repeated header has all its values, in their order, whatever `headers` kept of them."""
    event = {
        **rest_api(),
        "headers": {"Accept": "b", "X-Only": "here"},
        "multiValueHeaders": {"ACCEPT": ["a", "b"], "X-Empty": [], "X-Null": None, "X-Odd": ["c", None, 5, "d"]},
    }
    assert from_event(event).headers == {"accept": "a, b", "x-only": "here", "x-odd": "c, d"}


@both
def test_header_values_that_are_no_text_are_passed_over(build: Build) -> None:
    """A null, a number or an object is no header."""
    event = {**build(), "headers": {"a": None, "b": 5, "c": {}, "d": [], "E": "text"}}
    assert from_event(event).headers == {"e": "text"}


@both
def test_the_path_may_be_missing(build: Build) -> None:
    """Without a path the request is for the root."""
    event = {key: value for key, value in build().items() if key not in {"path", "rawPath"}}
    assert from_event(event).path == "/"


def test_a_signed_call_names_its_caller() -> None:
    """What API Gateway has checked is known; what it has not checked is not."""
    arn = "arn:aws:sts::123456789012:assumed-role/web/session"
    assert from_event(rest_api(signed_by=arn)).caller_arn == arn
    assert from_event(rest_api()).caller_arn is None
    assert from_event(rest_api(headers={"userArn": arn, "x-user-arn": arn})).caller_arn is None
    assert from_event(function_url()).caller_arn is None


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        "x",
        {"requestContext": None},
        {"requestContext": {"http": None}},
        {"Records": [{"eventSource": "aws:s3"}]},
    ],
)
def test_an_event_of_another_kind_is_refused(event: Any) -> None:
    """What comes from no HTTP front door is refused in words."""
    with pytest.raises(InvalidRequest, match="neither a Function URL event nor an API Gateway proxy event"):
        from_event(event)


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer    abc  ", "abc"),
        ("Bearer abc, Bearer def", "abc, Bearer def"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer    ", None),
        ("Basic abc", None),
        ("Bearerabc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_the_bearer_token_is_found(value: str, token: str | None) -> None:
    """The scheme's case and the number of spaces do not matter; another scheme has no token."""
    assert from_event(function_url(headers={"Authorization": value})).bearer_token() == token


def test_without_authorization_there_is_no_token() -> None:
    """No header, no token."""
    assert from_event(function_url()).bearer_token() is None

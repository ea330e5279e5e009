"""HTTP ⇄ Lambda events."""

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.gateway.request import from_event
from functions.local.events import (
    HOP_BY_HOP,
    HttpRequest,
    MalformedResult,
    function_url_event,
    function_url_response,
    rest_api_event,
    rest_api_response,
)

NOW = 1_763_627_760.123

names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
values = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20).map(str.strip)
requests = st.builds(
    HttpRequest,
    method=st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "DELETE"]),
    path=st.text(string.ascii_letters + string.digits + "-_.~%/", max_size=20).map(lambda text: "/" + text),
    query=st.text(string.ascii_letters + string.digits + "=&+%", max_size=20),
    headers=st.lists(st.tuples(names, values), max_size=8),
    body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    source_ip=st.ip_addresses(v=4).map(str),
)
content_types = st.sampled_from(
    ["application/json", "text/plain; charset=utf-8", "application/octet-stream", "multipart/form-data; boundary=x", ""]
)


def a_request(**changes: Any) -> HttpRequest:
    fields: dict[str, Any] = {
        "method": "POST",
        "path": "/chatkit",
        "query": "",
        "headers": [("host", "localhost:8787"), ("content-type", "application/json")],
        "body": b"{}",
        "source_ip": "127.0.0.1",
    }
    return HttpRequest(**fields | changes)


def as_rest(request: HttpRequest) -> dict[str, Any]:
    return rest_api_event(request, resource_root="/api", stage="local", request_id="id", now=NOW)


def as_function_url(request: HttpRequest) -> dict[str, Any]:
    return function_url_event(request, request_id="id", now=NOW)


@pytest.mark.parametrize("convert", [as_function_url, as_rest])
@example(request=a_request(headers=[("i", "0"), ("I", "")]), content_type="application/json")
@given(request=requests, content_type=content_types)
def test_nothing_is_lost_on_the_way(convert: Any, request: HttpRequest, content_type: str) -> None:
    """What the gateway reads from either event, after a trip through JSON, is what was sent; binary where it may be."""
    headers = [*request.headers, ("content-type", content_type)]
    sent = a_request(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=[pair for pair in headers if pair[0].lower() != "cookie"],
        body=request.body,
        source_ip=request.source_ip,
    )

    read = from_event(json.loads(json.dumps(convert(sent))))

    # A REST API takes what is of no binary type for text.
    is_kept = convert is as_function_url or content_type.startswith("multipart/form-data")
    assert (read.method, read.path) == (sent.method, sent.path)
    assert read.body == (sent.body if is_kept else sent.body.decode(errors="replace").encode())
    assert (read.source_ip, read.request_id) == (sent.source_ip, "id")
    for name, value in sent.headers:
        if name.lower() not in HOP_BY_HOP and not name.lower().startswith("x-forwarded-"):
            assert value in read.headers[name.lower()]


def test_a_function_urls_event() -> None:
    """Payload 2.0 has lower-case names, joined values, cookies apart, and both forms of the query."""
    event = as_function_url(
        a_request(
            query="a=1&a=2&b=%20",
            headers=[("Host", "localhost:8787"), ("Accept", "a"), ("accept", "b"), ("Cookie", "one=1; two=2")],
        )
    )

    assert event["version"] == "2.0"
    assert event["headers"]["accept"] == "a,b"
    assert event["cookies"] == ["one=1", "two=2"]
    assert "cookie" not in event["headers"]
    assert event["rawQueryString"] == "a=1&a=2&b=%20"
    assert event["queryStringParameters"] == {"a": "1,2", "b": " "}
    context = event["requestContext"]
    assert (context["domainName"], context["time"]) == ("localhost", "20/Nov/2025:08:36:00 +0000")
    assert context["timeEpoch"] == 1_763_627_760_123


def test_a_rest_apis_event() -> None:
    """Payload 1.0 keeps names as sent, and gives the last value as well as all of them."""
    event = as_rest(a_request(path="/api/chatkit/start", query="a=1&a=2", headers=[("X-One", "1"), ("X-One", "2")]))

    assert (event["headers"]["X-One"], event["multiValueHeaders"]["X-One"]) == ("2", ["1", "2"])
    assert event["queryStringParameters"] == {"a": "2"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert event["pathParameters"] == {"proxy": "chatkit/start"}
    assert (event["resource"], event["requestContext"]["path"]) == ("/api/{proxy+}", "/local/api/chatkit/start")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("content-type", "application/json"), ("content-encoding", "gzip")], b"{}"),
        ([("content-type", "image/png")], b"{}"),
        ([], b"{}"),
        ([("content-type", "application/json")], b"\xff"),
    ],
)
def test_bodies_that_are_no_text_come_as_base64(headers: list[tuple[str, str]], body: bytes) -> None:
    """A body that is compressed, binary, of no type, or not the text that it claims to be, keeps its bytes."""
    event = as_function_url(a_request(headers=headers, body=body))

    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == body


@pytest.mark.parametrize(
    ("content_type", "is_binary"),
    [
        ("multipart/form-data; boundary=x", True),
        ("Multipart/Form-Data;boundary=x", True),
        ("multipart/mixed; boundary=x", False),
        ("application/json", False),
        ("image/png", False),
        ("", False),
    ],
)
def test_a_rest_api_hands_over_binary_types_as_base64(content_type: str, is_binary: bool) -> None:
    """Bytes survive where the type is a binary one; any other body is text, and loses what is none."""
    event = as_rest(a_request(headers=[("content-type", content_type)], body=b"a\xff"))

    assert event["isBase64Encoded"] is is_binary
    assert event["body"] == (base64.b64encode(b"a\xff").decode() if is_binary else "a\ufffd")


def test_the_callers_word_about_his_address_does_not_count() -> None:
    """A forged `X-Forwarded-For` is replaced."""
    event = as_function_url(a_request(headers=[("X-Forwarded-For", "1.2.3.4")], source_ip="127.0.0.1"))

    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_headers_of_one_connection_stay_behind() -> None:
    """`Connection` and its like are passed on in neither direction."""
    event = as_function_url(a_request(headers=[("Connection", "close"), ("Transfer-Encoding", "chunked")]))
    answer = function_url_response(b'{"statusCode": 200, "headers": {"Connection": "close", "content-length": "7"}}')

    assert not {"connection", "transfer-encoding"} & set(event["headers"])
    assert [name for name, _ in answer.headers] == ["content-type"]


def test_a_result_with_a_status() -> None:
    """Status, headers, cookies and a base64 body become the response."""
    result = {
        "statusCode": 201,
        "headers": {"X-Count": 2, "x-yes": True},
        "cookies": ["a=1", "b=2"],
        "body": base64.b64encode(b"\x00\xff").decode(),
        "isBase64Encoded": True,
    }

    answer = function_url_response(json.dumps(result).encode())

    assert (answer.status, answer.body) == (201, b"\x00\xff")
    assert answer.headers == [
        ("x-count", "2"),
        ("x-yes", "true"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-type", "application/json"),
    ]


def test_a_result_without_a_status() -> None:
    """A Function URL takes any other JSON for the body of a 200; a REST API refuses it."""
    assert function_url_response(b'{"message": "hi"}').body == b'{"message": "hi"}'
    assert function_url_response(None).body == b"null"
    with pytest.raises(MalformedResult):
        rest_api_response(b'{"message": "hi"}')


def test_repeated_headers_of_a_rest_result() -> None:
    """Where a header is in both maps, the one for repeated headers counts."""
    result = {"statusCode": "200", "headers": {"A": "0", "B": "3"}, "multiValueHeaders": {"a": ["1", "2"]}}

    answer = rest_api_response(json.dumps(result).encode())

    assert answer.status == 200
    assert answer.headers[:3] == [("a", "1"), ("a", "2"), ("b", "3")]


@pytest.mark.parametrize("convert", [function_url_response, rest_api_response])
@pytest.mark.parametrize(
    "result",
    [b"no JSON", b'{"statusCode": "many"}', b'{"statusCode": 200, "body": "?", "isBase64Encoded": true}'],
)
def test_a_result_that_is_no_response(convert: Any, result: bytes) -> None:
    """What cannot be read is malformed."""
    with pytest.raises(MalformedResult):
        convert(result)

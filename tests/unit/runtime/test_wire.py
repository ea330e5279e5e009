"""The wire of a streamed response, held against h11's reading of it."""

import base64
import json

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime import wire
from functions.runtime.response import StreamingResponse


def a_response(**fields: object) -> StreamingResponse:
    return StreamingResponse(body=iter([]), **fields)  # type: ignore[arg-type]


def received(chunks: list[bytes], trailers: list[tuple[str, str]]) -> tuple[h11.Request, bytes, dict[bytes, bytes]]:
    """What a server makes of the bytes of a whole POST."""
    client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
    headers = wire.request_headers(address="127.0.0.1:9001", invocation_id="an-id")
    server.receive_data(client.send(h11.Request(method="POST", target="/x", headers=headers)) or b"")
    for chunk in chunks:
        server.receive_data(wire.frame(chunk))
    server.receive_data(client.send(h11.EndOfMessage(headers=trailers)) or b"")
    request = server.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := server.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return request, body, dict(event.headers)


@given(st.lists(st.binary(min_size=1)))
def test_frames_are_a_chunked_body(chunks: list[bytes]) -> None:
    """A server reads exactly the chunks' bytes, whatever they are."""
    assert received(chunks, [])[1] == b"".join(chunks)


def test_the_request_asks_for_streaming() -> None:
    """The POST carries the headers that Lambda documents, and announces both trailers."""
    request, _, _ = received([], [])
    headers = list(request.headers)
    assert (b"lambda-runtime-function-response-mode", b"streaming") in headers
    assert (b"transfer-encoding", b"chunked") in headers
    assert (b"content-type", b"application/vnd.awslambda.http-integration-response") in headers
    assert (b"trailer", b"Lambda-Runtime-Function-Error-Type") in headers
    assert (b"trailer", b"Lambda-Runtime-Function-Error-Body") in headers
    assert (b"lambda-runtime-invocation-id", b"an-id") in headers


def test_no_invocation_id_is_no_header() -> None:
    """The header that only some Runtime APIs send is only sent back to those."""
    names = [name for name, _ in wire.request_headers(address="127.0.0.1:9001", invocation_id=None)]
    assert wire.INVOCATION_ID_HEADER not in names


@given(st.text(), st.dictionaries(st.text(), st.text()), st.lists(st.text()))
def test_the_prelude_ends_at_its_first_nul(text: str, headers: dict[str, str], cookies: list[str]) -> None:
    """Status, headers and cookies come back whole, and no NUL byte of theirs is taken for the prelude's end."""
    prelude = wire.prelude(a_response(status=201, headers={"x": text, **headers}, cookies=cookies))
    head, separator, rest = prelude.partition(b"\0")
    assert separator + rest == bytes(8)
    expected = {"statusCode": 201, "headers": {"x": text, **headers}}
    assert json.loads(head) == (expected | {"cookies": cookies} if cookies else expected)


def test_a_head_that_is_no_json_is_refused() -> None:
    """A header that is no text is found before anything is sent."""
    with pytest.raises(TypeError):
        wire.prelude(a_response(headers={"x": b"bytes"}))


class Überfällig(Exception):
    """A name that HTTP cannot carry."""


@pytest.mark.parametrize(("error", "kind"), [(KeyError("alice"), b"KeyError"), (Überfällig("alice"), b"?berf?llig")])
def test_trailers_name_the_error_and_do_not_quote_it(error: Exception, kind: bytes) -> None:
    """The trailers pass HTTP, and hold the exception's type and not its text."""
    _, _, trailers = received([], wire.error_trailers(error))
    assert trailers[b"lambda-runtime-function-error-type"] == kind
    body = base64.b64decode(trailers[b"lambda-runtime-function-error-body"], validate=True)
    assert json.loads(body)["errorType"] == type(error).__name__
    assert set(json.loads(body)) == {"errorMessage", "errorType"}
    assert b"alice" not in body

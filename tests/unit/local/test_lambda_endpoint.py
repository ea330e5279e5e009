"""A function behind an HTTP address."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.local.events import BODY_LIMIT
from functions.local.function import EVENT_TOO_LARGE
from functions.local.invocation import Body, FunctionError, Invocation
from functions.local.lambda_endpoint import FUNCTION_URL, REST_API, LambdaEndpoint
from tests.support.asgi import call

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Answers:
    """A function that gives what it was made with, and remembers its events."""

    def __init__(self, answer: Invocation | FunctionError) -> None:
        self._answer = answer
        self.events: list[Mapping[str, Any]] = []

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        self.events.append(event)
        if isinstance(self._answer, FunctionError):
            raise self._answer
        return self._answer


async def a_stream(*chunks: bytes, failure: FunctionError | None = None) -> Invocation:
    body = Body()
    for chunk in chunks:
        await body.put(chunk)
    body.end(failure)
    return Invocation(streaming=True, status=201, headers={"X-A": "1"}, cookies=["a=1", "b=2"], body=body)


async def test_a_stream_is_passed_on_chunk_by_chunk() -> None:
    """Status, headers and cookies, then each chunk as it was sent, then the end."""
    answer = await call(LambdaEndpoint(Answers(await a_stream(b"one", b"two")), FUNCTION_URL), "POST", "/chatkit")

    assert answer.status == 201
    assert answer.headers[:3] == [("x-a", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert answer.chunks == [b"one", b"two", b""]
    assert answer.complete


async def test_a_stream_that_fails_is_broken_off() -> None:
    """What came is passed on, and the response never ends."""
    stream = await a_stream(b"so far", failure=FunctionError("Broken"))

    answer = await call(LambdaEndpoint(Answers(stream), FUNCTION_URL), "POST", "/chatkit")

    assert answer.body == b"so far"
    assert not answer.complete


async def test_a_buffered_answer() -> None:
    """The result becomes a response of known length."""
    result = Invocation(streaming=False, result=b'{"statusCode": 404, "body": "gone"}')

    answer = await call(LambdaEndpoint(Answers(result), REST_API), path="/api/x")

    assert (answer.status, answer.body) == (404, b"gone")
    assert ("content-length", "4") in answer.headers


@pytest.mark.parametrize("http", [FUNCTION_URL, REST_API])
@pytest.mark.parametrize(
    "failure", [FunctionError("Runtime.ExitError"), Invocation(streaming=False, result=b"no JSON")]
)
async def test_a_failure_before_the_head(http: Any, failure: Any) -> None:
    """A function that failed, or answered nonsense, is a 502 that tells nothing of why."""
    answer = await call(LambdaEndpoint(Answers(failure), http))

    assert answer.status == 502
    assert json.loads(answer.body)["message"].lower() == "internal server error"


async def test_the_event_is_of_the_addresss_own_format() -> None:
    """A Function URL sends payload 2.0, a REST API 1.0, each with an id that the caller is told."""
    result = Invocation(streaming=False, result=b'{"statusCode": 200}')
    for http, version in ((FUNCTION_URL, "2.0"), (REST_API, None)):
        function = Answers(result)
        answer = await call(LambdaEndpoint(function, http), "POST", "/api/a%20b", query="q=1", body=[b"{", b"}"])

        [event] = function.events
        assert event.get("version") == version
        assert event.get("rawPath", event.get("path")) == "/api/a%20b"
        assert ("x-amzn-requestid", event["requestContext"]["requestId"]) in answer.headers


@pytest.mark.parametrize(
    ("headers", "pieces"),
    [
        ((("content-length", str(BODY_LIMIT + 1)),), [b""]),
        ((), [bytes(BODY_LIMIT), b"x"]),
    ],
)
async def test_a_body_that_lambda_would_not_take(headers: tuple[tuple[str, str], ...], pieces: list[bytes]) -> None:
    """More than 6 MB, declared or not, is a 413, and the function hears nothing of it."""
    function = Answers(FunctionError("never"))

    answer = await call(LambdaEndpoint(function, FUNCTION_URL), "POST", headers=headers, body=pieces)

    assert answer.status == 413
    assert function.events == []


@pytest.mark.parametrize("http", [FUNCTION_URL, REST_API])
async def test_an_event_that_lambda_would_not_take(http: Any) -> None:
    """A body that is too large only as base64 is a 413 too, and no failure of the function's."""
    answer = await call(LambdaEndpoint(Answers(FunctionError(EVENT_TOO_LARGE)), http), "POST", body=[b"x"])

    assert answer.status == 413

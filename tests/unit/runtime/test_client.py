"""What the runtime client makes of a handler's result, before it is posted."""

import json
from collections.abc import Iterator

import pytest
from awslambdaric.lambda_runtime_exception import FaultException

from functions.runtime import loop, wire
from functions.runtime.client import Stream, StreamingMarshaller
from functions.runtime.response import StreamingResponse


@pytest.fixture(autouse=True)
def _no_loop_is_left() -> Iterator[None]:
    yield
    loop.close()


def test_a_streaming_response_passes() -> None:
    """A streaming response is not touched; its head is made ready."""
    response = StreamingResponse(status=204, body=iter([]))
    stream, content_type = StreamingMarshaller().marshal_response(response)
    assert stream == Stream(wire.prelude(response), response)
    assert content_type == "application/vnd.awslambda.http-integration-response"


def test_everything_else_is_json() -> None:
    """A plain result is marshalled by awslambdaric."""
    result, content_type = StreamingMarshaller().marshal_response({"a": [1, None]})
    assert json.loads(result) == {"a": [1, None]}
    assert content_type == "application/json"


def test_a_head_that_is_no_json_closes_the_body() -> None:
    """A response that cannot be sent is an error of the invocation, and its body is closed."""
    body = (chunk for chunk in [b"never"])
    with pytest.raises(FaultException):
        StreamingMarshaller().marshal_response(StreamingResponse(headers={"x": b""}, body=body))  # type: ignore[dict-item]
    assert next(body, None) is None

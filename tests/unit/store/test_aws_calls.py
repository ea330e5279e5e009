"""Calls to AWS, and what becomes of their failures."""

import asyncio
import logging

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from functions import aws_calls
from functions.aws_calls import EXPECTED, TRANSIENT, call
from functions.errors import InternalError, Unavailable
from tests.unit.store.conftest import REQUEST_ID, Answer, Scripted

KEY = {"pk": {"S": "U#alice"}, "sk": {"S": "T#1"}}
URL = "https://dynamodb.eu-west-1.amazonaws.com"


def test_an_answer_is_handed_on(scripted: Scripted) -> None:
    """What AWS answers is what `call` returns."""
    client, script = scripted(Answer(body={"Item": KEY}))
    answer = asyncio.run(call(client.get_item, TableName="table", Key=KEY))
    assert answer.get("Item") == KEY
    assert script.bodies == [{"TableName": "table", "Key": KEY}]


@pytest.mark.parametrize(
    "answer",
    [*(Answer(400, code) for code in sorted(TRANSIENT)), Answer(500, "InternalServerError"), Answer(503), Answer(502)],
    ids=lambda answer: answer.code or str(answer.status),
)
def test_an_overloaded_or_failing_aws_is_unavailable(
    scripted: Scripted, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """The user hears that a retry may help; the operator finds status and request id in the log."""
    client, _ = scripted(answer)
    with pytest.raises(Unavailable) as caught:
        asyncio.run(call(client.get_item, TableName="secret-table", Key=KEY))
    assert caught.value.allow_retry
    assert REQUEST_ID in caplog.text
    assert f"{answer.code}, HTTP {answer.status}" in caplog.text
    for told in (answer.code or "HTTP", REQUEST_ID, "table", "DynamoDB"):
        assert told not in caught.value.message


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unreachable_aws_is_unavailable(
    scripted: Scripted, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that fails, times out or breaks is told by its kind in the log."""
    client, _ = scripted(error)
    with pytest.raises(Unavailable) as caught:
        asyncio.run(call(client.get_item, TableName="table", Key=KEY))
    assert type(error).__name__ in caplog.text
    assert "amazonaws" not in caught.value.message


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_a_refused_call_is_a_fault_of_ours(scripted: Scripted, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """A call that AWS refuses as wrong or forbidden is an `InternalError`, and an error in the log."""
    client, _ = scripted(Answer(400, code))
    with pytest.raises(InternalError, match=code):
        asyncio.run(call(client.get_item, TableName="table", Key=KEY))
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert REQUEST_ID in record.getMessage()


@pytest.mark.parametrize("code", sorted(EXPECTED))
def test_an_expected_code_is_the_callers(scripted: Scripted, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """A failed condition and a missing object are answers: they reach the caller, and no log."""
    client, _ = scripted(Answer(400, code))
    with pytest.raises(ClientError) as caught:
        asyncio.run(call(client.get_item, TableName="table", Key=KEY))
    assert aws_calls.code(caught.value) == code
    assert caplog.records == []


def test_a_wrong_call_does_not_tell_its_content(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    """botocore quotes the values that it refuses: neither the error nor the log holds them."""
    client, script = scripted(Answer())
    with pytest.raises(InternalError, match="ParamValidationError") as caught:
        asyncio.run(call(client.put_item, TableName="table", Item={"doc": "dear diary"}))  # pyright: ignore
    assert "dear diary" not in caplog.text
    assert "dear diary" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert script.bodies == []


def test_missing_credentials_are_a_fault_of_ours(scripted: Scripted) -> None:
    """What fails before anything is sent does not get better by trying again."""
    client, _ = scripted(NoCredentialsError())
    with pytest.raises(InternalError, match="NoCredentialsError"):
        asyncio.run(call(client.get_item, TableName="table", Key=KEY))

"""The log's one filter, with the libraries whose logs it is for."""

import io
import json
import logging
from collections.abc import Iterator

import boto3
import httpx2
import openai
import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from moto import mock_aws

from functions.runtime import logs

CONTENT = "what alice wrote"
KEY = "sk-proj-0123456789abcdef"
ACCESS_KEY = "AKIA0123456789ABCDEF"


@pytest.fixture
def handler() -> logging.StreamHandler[io.StringIO]:
    """Writes to a text, as Lambda's handler does to the log."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonFormatter())
    return handler


@pytest.fixture
def written(handler: logging.StreamHandler[io.StringIO]) -> Iterator[io.StringIO]:
    """What all loggers write, each at `DEBUG`."""
    root, own = logging.getLogger(), logging.getLogger(logs.OWN)
    before = root.level, own.level
    root.addHandler(handler)
    logs.set_up("DEBUG", handlers=[handler])
    root.setLevel(logging.DEBUG)
    try:
        yield handler.stream
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        own.setLevel(before[1])


def loggers_in(written: io.StringIO) -> set[str]:
    """Whose records were written, by their first names."""
    return {json.loads(line)["logger"].partition(".")[0] for line in written.getvalue().splitlines() if line}


def test_botocore_writes_neither_rows_nor_signatures(written: io.StringIO) -> None:
    """At `DEBUG` botocore logs each request's parameters, headers and answer: of these, nothing but their kinds."""
    with mock_aws():
        session = boto3.Session(region_name="us-east-1", aws_access_key_id=ACCESS_KEY, aws_secret_access_key="x" * 40)
        dynamodb = session.client("dynamodb")
        dynamodb.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        dynamodb.put_item(TableName="t", Item={"pk": {"S": "p"}, "doc": {"S": CONTENT}})
        dynamodb.get_item(TableName="t", Key={"pk": {"S": "p"}})
        s3 = session.client("s3")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    text = written.getvalue()
    assert "botocore" in loggers_in(written)
    assert CONTENT not in text
    assert ACCESS_KEY not in text
    assert url.rpartition("=")[2] not in text


def test_openai_writes_neither_prompts_nor_keys(written: io.StringIO) -> None:
    """At `DEBUG` `openai` logs each request with its input, and its client the headers: of these, nothing either."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert CONTENT in request.content.decode()
        return httpx2.Response(400, json={"error": {"message": CONTENT}})

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        openai.OpenAI(api_key=KEY, http_client=http, max_retries=0) as client,
        pytest.raises(openai.BadRequestError),
    ):
        client.responses.create(model="m", input=CONTENT)
    assert {"openai", "httpx2"} <= loggers_in(written)
    assert CONTENT not in written.getvalue()
    assert KEY not in written.getvalue()


def test_libraries_are_heard_from_warnings_on(handler: logging.StreamHandler[io.StringIO]) -> None:
    """Whatever our own level, and Lambda's, a library's records below `WARNING` are not made."""
    root, own = logging.getLogger(), logging.getLogger(logs.OWN)
    before = root.level, own.level
    try:
        root.setLevel(logging.DEBUG)
        logs.set_up("DEBUG", handlers=[handler])
        assert not logging.getLogger("botocore").isEnabledFor(logging.INFO)
        assert logging.getLogger("botocore").isEnabledFor(logging.WARNING)
        assert logging.getLogger("functions.engine").isEnabledFor(logging.DEBUG)
        logs.set_up("ERROR", handlers=[handler])
        assert not logging.getLogger("functions.engine").isEnabledFor(logging.WARNING)
    finally:
        root.setLevel(before[0])
        own.setLevel(before[1])


def test_a_handler_is_guarded_once(handler: logging.StreamHandler[io.StringIO]) -> None:
    """However often a function is wired in one process."""
    own = logging.getLogger(logs.OWN)
    level = own.level
    for _ in range(3):
        logs.set_up("INFO", handlers=[handler])
    own.setLevel(level)
    assert [type(each) for each in handler.filters] == [logs.Redaction]


@pytest.mark.parametrize("key", ["ckl_" + "aB3_-" * 8 + "abc", "ek_0123456789abcdef"])
def test_api_keys_and_client_secrets_show_what_they_are(key: str) -> None:
    """Those of servers, and those of hosted sessions, are hidden wherever they stand."""
    assert key not in logs.redacted(f"the call with {key} was refused")

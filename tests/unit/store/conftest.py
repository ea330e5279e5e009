"""A real DynamoDB client whose requests are answered from a script: everything of botocore but the socket."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REQUEST_ID = "REQUESTID1"


@dataclass(frozen=True)
class Answer:
    """What DynamoDB says: a status, and an error's code or other JSON."""

    status: int = 200
    code: str = ""
    body: dict[str, Any] = field(default_factory=dict)


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Script:
    """Answers requests in turn (the last answer again and again), and keeps their bodies."""

    def __init__(self, answers: Sequence[Answer | Exception]) -> None:
        self._answers = list(answers)
        self.bodies: list[dict[str, Any]] = []

    def answer(self, request: Any, **_: Any) -> Any:
        """The hook for `before-send`."""
        self.bodies.append(json.loads(request.body or b"{}"))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        error = {"__type": f"com.amazonaws.dynamodb.v20120810#{answer.code}"} if answer.code else {}
        body = json.dumps(error | answer.body).encode()
        headers: Any = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": REQUEST_ID}
        return AWSResponse(str(request.url), answer.status, headers, _Raw(body))


Scripted = Callable[..., "tuple[DynamoDBClient, Script]"]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Makes a client from answers; `attempts` is how often botocore itself tries."""
    clients: list[DynamoDBClient] = []

    def make(*answers: Answer | Exception, attempts: int = 1) -> "tuple[DynamoDBClient, Script]":
        script = Script(answers)
        client = boto3.client(
            "dynamodb",
            region_name="eu-west-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": attempts}),
        )
        client.meta.events.register("before-send.dynamodb", script.answer)
        clients.append(client)
        return client, script

    yield make
    for client in clients:
        client.close()

"""`chatkit-lambda invoke FILE`: one sample event through the real handler, in this process."""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO, cast

import boto3

from functions.errors import ChatKitLambdaError
from functions.local import resources, rotation, samples
from functions.local.backend import backend, locked
from functions.local.events import HttpResponse, function_url_response, rest_api_response
from functions.local.sample_uploads import uploaded
from functions.local.samples import FunctionName, SampleError
from functions.local.settings import LocalSettings, enter_environment
from functions.local.terminal import Terminal
from functions.runtime import loop
from functions.runtime.drive import drive
from functions.runtime.response import StreamingResponse

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ORIGIN: Final = "https://app.example.com"
"""The page from which the sample events come."""
OTHER_USER: Final = "mallory"
_SECONDS: Final = 900.0
"""The longest that a Lambda function may take."""

Write = Callable[[bytes], None]


class HandlerFailed(ChatKitLambdaError):
    """The handler raised, or broke its stream off."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda's context says: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    function_name: str
    aws_request_id: str
    deadline: float
    """On `time.monotonic`'s clock."""
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:local"
    memory_limit_in_mb: str = "1024"
    log_group_name: str = "local"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the invocation."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def invoke(
    file: Path, settings: LocalSettings, *, function: FunctionName | None, user: str, keep: bool, terminal: Terminal
) -> None:
    """Runs the event in `file` and prints its answer as it comes, and the head of an HTTP answer to standard error.

    The stack that it runs on is gone afterwards, unless `keep`: then it is the one in `settings.state_dir`. Raises
    `SampleError` where the file is no event, and `HandlerFailed`.
    """
    name = function or samples.function_of(file)
    text = _read(file)
    samples.placeholders(text)
    with locked(settings.state_dir) if keep else nullcontext() as state, asyncio.Runner() as runner:
        ground = backend(settings, state=state, origins=(ORIGIN,), terminal=terminal)
        # The handler has an event loop of its own, which cannot run inside another: so this one stands still meanwhile.
        entered = runner.run(ground.__aenter__())
        try:
            runner.run(entered.prepare())
            enter_environment({**settings.inherited, **entered.environment})
            wanted = samples.placeholders(text)
            event = samples.filled(text, sample_values(wanted, user=user) if wanted else {})
            run(name, event, head=sys.stderr, body=sys.stdout.buffer)
        finally:
            loop.close()
            runner.run(ground.__aexit__(None, None, None))


def sample_values(wanted: frozenset[str], *, user: str) -> dict[str, str]:
    """What the placeholders become, got from the handlers themselves. Raises `SampleError` where that fails."""
    if wanted & samples.ROTATION:
        return _rotation_values(wanted)
    token = _token(user)
    values = {samples.TOKEN: token, samples.OTHER_TOKEN: _token(OTHER_USER), samples.USER: user}
    values[samples.BUCKET] = resources.BUCKET
    if wanted & {samples.THREAD, samples.ITEM, samples.THREAD_KEY}:
        values |= _opened_thread(token)
        values[samples.THREAD_KEY] = samples.thread_key(user, values[samples.THREAD])
    if samples.DELETED_THREAD_KEY in wanted:
        thread = _opened_thread(token)[samples.THREAD]
        _answer(samples.thread_deletion(token, thread, now=time.time()))
        values[samples.DELETED_THREAD_KEY] = samples.thread_key(user, thread)
    for name in sorted(wanted & samples.UPLOADS):
        values[name] = uploaded(name, token, chat=_answer, attachment=_call_attachment)
    return values


def run(name: FunctionName, event: Mapping[str, Any], *, head: TextIO, body: BinaryIO) -> None:
    """Hands `event` to the function's handler and writes what it answers. Raises `HandlerFailed`."""

    def write(chunk: bytes) -> None:
        body.write(chunk)
        body.flush()

    request_id = str(event.get("requestContext", {}).get("requestId", "local"))
    try:
        result = _handler(name)(event, _context(name, request_id))
    except Exception as error:
        raise HandlerFailed(f"the handler raised {type(error).__name__}: {error}") from error
    if isinstance(result, StreamingResponse):
        _print_head(head, result.status, [*result.headers.items(), *(("set-cookie", each) for each in result.cookies)])
        _stream(result, write)
        return
    buffered = json.dumps(result).encode()
    if name not in samples.ANSWER_HTTP:
        write(buffered)
        return
    answer: HttpResponse = rest_api_response(buffered) if "httpMethod" in event else function_url_response(buffered)
    _print_head(head, answer.status, answer.headers)
    write(answer.body)


def _rotation_values(wanted: frozenset[str]) -> dict[str, str]:
    client: SecretsManagerClient = cast("Any", boto3).client("secretsmanager")
    try:
        values = {samples.TOKEN_SECRET: resources.TOKEN_SECRET}
        if samples.EMPTY_VERSION in wanted:
            values[samples.EMPTY_VERSION] = rotation.begin(client)
        if samples.NEW_KEY_VERSION in wanted:
            values[samples.NEW_KEY_VERSION] = rotation.begin_with_key(client)
    finally:
        client.close()
    return values


def _opened_thread(token: str) -> dict[str, str]:
    return samples.opened_thread(_answer(samples.thread_opening(token, now=time.time())))


def _answer(event: Mapping[str, Any]) -> bytes:
    """The body of the chat function's answer."""
    body = bytearray()
    _stream(_handler("chat")(event, _context("chat", "prepared")), body.extend)
    return bytes(body)


def _call_attachment(event: Mapping[str, Any]) -> bytes:
    return json.dumps(_handler("attachment")(event, _context("attachment", "prepared"))).encode()


def _token(user: str) -> str:
    event = samples.token_request(user, now=time.time())
    return samples.token_of(_handler("api")(event, _context("api", "prepared")))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SampleError(f"{file} cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})") from error


def _handler(name: FunctionName) -> Callable[[Mapping[str, Any], LambdaContext], Any]:
    module, _, attribute = samples.HANDLERS[name].rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise HandlerFailed(f"{module} cannot be imported: {type(error).__name__}: {error}") from error


def _context(name: FunctionName, request_id: str) -> LambdaContext:
    return LambdaContext(function_name=name, aws_request_id=request_id, deadline=time.monotonic() + _SECONDS)


def _stream(response: StreamingResponse, write: Write) -> None:
    async def pour(chunk: bytes) -> None:
        write(chunk)

    failure = loop.run(drive(response, pour))
    if failure is not None:
        raise HandlerFailed(f"the handler broke its answer off: {type(failure).__name__}: {failure}") from failure


def _print_head(stream: TextIO, status: int, headers: Iterable[tuple[str, str]]) -> None:
    print(f"HTTP {status}", file=stream)
    for name, value in headers:
        print(f"{name}: {value}", file=stream)
    print(file=stream, flush=True)

"""The runtime against AWS's emulator of the Runtime API, and the same cases against ours."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from functions.local.function import Function, FunctionError
from tests.support import rie
from tests.support.runtime_handlers import EVERY_BYTE

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("runtime-conformance")]

HANDLER: Final = "tests.support.runtime_handlers.handler"
NO_EXTENSION: Final = {"PYTHONPATH": str(Path(rie.__file__).parent / "no_extension")}


@dataclass(frozen=True)
class Answer:
    """What came back, whichever Runtime API was in between."""

    body: bytes
    head: dict[str, Any] | None = None
    error: str | None = None


class Platform(Protocol):
    def invoke(self, event: Mapping[str, Any]) -> Answer: ...


class AwsEmulator:
    def __init__(self, emulator: rie.Emulator) -> None:
        self._emulator = emulator

    def invoke(self, event: Mapping[str, Any]) -> Answer:
        _, raw = self._emulator.invoke(event)
        prelude, separator, body = raw.partition(bytes(8))
        if separator:
            return Answer(body, head=json.loads(prelude))
        result = json.loads(raw)
        error = result.get("errorType") if isinstance(result, dict) else None
        return Answer(raw, error=error)


class OurRuntimeApi:
    def __init__(self, function: Function, run: Callable[[Any], Any]) -> None:
        self._function = function
        self._run = run

    def invoke(self, event: Mapping[str, Any]) -> Answer:
        return self._run(self._invoke(event))

    async def _invoke(self, event: Mapping[str, Any]) -> Answer:
        try:
            invocation = await self._function.invoke(event)
        except FunctionError as error:
            return Answer(b"", error=error.type)
        if not invocation.streaming:
            assert invocation.result is not None
            return Answer(invocation.result)
        head: dict[str, Any] = {"statusCode": invocation.status, "headers": invocation.headers}
        if invocation.cookies:
            head["cookies"] = invocation.cookies
        body = b""
        try:
            async for chunk in invocation.body:
                body += chunk
        except FunctionError:
            # AWS's emulator drops the trailers: the contract ends at the bytes.
            pass
        return Answer(body, head=head)


@pytest.fixture(scope="module", params=["extension", "plain"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """With awslambdaric's C extension, and as on a machine that has none."""
    return {} if request.param == "extension" else NO_EXTENSION


@pytest.fixture(scope="module", params=["aws", "ours"])
def platform(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[Platform]:
    """A Runtime API with a function process behind it."""
    if request.param == "aws":
        try:
            rie.binary()
        except rie.NotAvailable as reason:
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI must run this test, but {reason}")
            pytest.skip(f"not checked against AWS's own Runtime API: {reason}")
        with rie.emulator(handler=HANDLER, environment=environment) as emulator:
            yield AwsEmulator(emulator)
        return
    with asyncio.Runner() as runner:
        function = Function("test", HANDLER, environment, base_environment={"PATH": os.environ["PATH"]})
        yield OurRuntimeApi(function, runner.run)
        runner.run(function.close())


def test_a_stream_is_accepted(platform: Platform) -> None:
    """Status, headers and cookies arrive as the prelude, and the chunks after it."""
    answer = platform.invoke(
        {
            "do": "stream",
            "status": 201,
            "headers": {"Content-Type": "text/event-stream", "X-Text": "é"},
            "cookies": ["a=1; Path=/", "b=2"],
            "chunks": ["one ", "two"],
        }
    )
    assert answer == Answer(
        b"one two",
        head={
            "statusCode": 201,
            "headers": {"Content-Type": "text/event-stream", "X-Text": "é"},
            "cookies": ["a=1; Path=/", "b=2"],
        },
    )


def test_an_empty_stream_is_a_newline(platform: Platform) -> None:
    """A body without any byte, or of empty chunks only, is one newline."""
    assert platform.invoke({"do": "stream", "chunks": []}).body == b"\n"
    assert platform.invoke({"do": "stream", "chunks": ["", ""]}).body == b"\n"


def test_every_byte_passes(platform: Platform) -> None:
    """A body may hold any byte, also runs of NULs as long as the prelude's end."""
    assert platform.invoke({"do": "every_byte"}).body == EVERY_BYTE


def test_a_plain_iterator_is_a_body(platform: Platform) -> None:
    """A body may be an ordinary iterator."""
    assert platform.invoke({"do": "plain_iterator"}).body == b"one two"


def test_a_broken_stream_keeps_what_came(platform: Platform) -> None:
    """What a body gave before it raised arrives, and the process serves the next event."""
    before = platform.invoke({"do": "echo"})
    answer = platform.invoke({"do": "break"})
    assert answer.body == b"so far"
    assert json.loads(platform.invoke({"do": "echo"}).body)["pid"] == json.loads(before.body)["pid"]


def test_five_megabytes_arrive_whole(platform: Platform) -> None:
    """A stream of 5 MB loses nothing."""
    answer = platform.invoke({"do": "many", "count": 80, "size": 65536})
    assert answer.body == (b"0" + bytes(65535)) * 80


def test_the_client_is_the_one_meant(platform: Platform, environment: dict[str, str]) -> None:
    """With the C extension hidden, the plain client serves; else the extension."""
    client = json.loads(platform.invoke({"do": "echo"}).body)["client"]
    assert client == ("PlainClient" if environment else "module")


def test_a_buffered_result_is_json(platform: Platform) -> None:
    """What is no stream is posted as JSON, as by awslambdaric itself, and the context is filled in."""
    answer = platform.invoke({"do": "echo", "text": "é"})
    result = json.loads(answer.body)
    assert answer.error is None
    assert result["event"] == {"do": "echo", "text": "é"}
    assert result["function"] == "test"
    assert result["arn"].endswith(":function:test")
    assert len(result["request_id"]) == 36
    assert result["remaining_ms"] > 0


def test_a_failing_handler_is_an_error(platform: Platform) -> None:
    """An exception of the handler is posted as the invocation's error."""
    assert platform.invoke({"do": "fail"}).error == "Broken"


def test_a_head_that_is_no_json_is_an_error(platform: Platform) -> None:
    """A streaming response whose headers cannot be sent is an error of the invocation, not of the process."""
    before = platform.invoke({"do": "echo"})
    assert platform.invoke({"do": "no_json"}).error == "Runtime.MarshalError"
    assert json.loads(platform.invoke({"do": "echo"}).body)["pid"] == json.loads(before.body)["pid"]


def test_one_process_serves_many_events(platform: Platform) -> None:
    """Buffered and streamed answers follow one another in one process, on one event loop."""
    first = json.loads(platform.invoke({"do": "echo"}).body)
    platform.invoke({"do": "stream", "chunks": ["a"]})
    platform.invoke({"do": "stream", "chunks": ["b"]})
    last = json.loads(platform.invoke({"do": "echo"}).body)
    assert last["pid"] == first["pid"]
    assert last["invocations"] == first["invocations"] + 3
    assert last["loops"] == 1


def test_a_process_that_ends_is_replaced(platform: Platform) -> None:
    """A process that ends in an invocation fails it; the next event gets a new process."""
    before = json.loads(platform.invoke({"do": "echo"}).body)
    assert platform.invoke({"do": "exit"}).error == "Runtime.ExitError"
    after = json.loads(platform.invoke({"do": "echo"}).body)
    assert after["pid"] != before["pid"]
    assert after["invocations"] == 1

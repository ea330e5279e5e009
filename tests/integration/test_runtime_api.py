"""The local Runtime API, spoken to as no sound runtime would."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from http.client import HTTPConnection
from typing import Final

import h11
import pytest

from functions.local.invocation import Exchange, FunctionError, NotTaken
from functions.local.runtime_api import PAYLOAD_LIMIT, RuntimeApi
from functions.runtime import wire
from functions.runtime.response import StreamingResponse

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ARN: Final = "arn:aws:lambda:us-east-1:000000000000:function:test"
PRELUDE: Final = wire.prelude(StreamingResponse(status=201, body=iter([])))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def api() -> AsyncIterator[RuntimeApi]:
    api = RuntimeApi(function_arn=ARN, timeout=30, clock=lambda: 1_000.0)
    await api.open()
    yield api
    await api.close()


def _request(
    api: RuntimeApi, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[int, bytes, dict[str, str]]:
    with contextlib.closing(HTTPConnection(api.address, timeout=120)) as connection:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read(), dict(response.headers)


async def request(
    api: RuntimeApi, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await asyncio.to_thread(_request, api, method, path, body, named)


async def an_event(api: RuntimeApi) -> tuple[Exchange, str]:
    """An exchange that the process has taken, and where its answer goes."""
    exchange = api.offer(b'{"a": 1}', on_finish=lambda: None)
    status, body, headers = await request(api, "GET", "/2018-06-01/runtime/invocation/next")
    assert (status, json.loads(body)) == (200, {"a": 1})
    return exchange, f"/2018-06-01/runtime/invocation/{headers['Lambda-Runtime-Aws-Request-Id']}"


async def stream(api: RuntimeApi, path: str, body: bytes, **headers: str) -> int:
    named = {"Lambda_Runtime_Function_Response_Mode": "streaming", "Content_Type": wire.PRELUDE_CONTENT_TYPE, **headers}
    return (await request(api, "POST", f"{path}/response", body, **named))[0]


async def test_an_event_comes_with_lambdas_headers(api: RuntimeApi) -> None:
    """The deadline is the timeout from now in milliseconds; the trace id has the form of X-Ray's."""
    api.offer(b"{}", on_finish=lambda: None)
    _, _, headers = await request(api, "GET", "/2018-06-01/runtime/invocation/next")
    assert headers["Lambda-Runtime-Deadline-Ms"] == "1030000"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == ARN
    assert headers["Lambda-Runtime-Trace-Id"].startswith("Root=1-000003e8-")


async def test_unknown_paths_and_invocations_are_refused(api: RuntimeApi) -> None:
    """What the Runtime API does not know gets 404, an answer that nobody waits for 400; neither disturbs the exchange."""
    exchange, path = await an_event(api)
    assert (await request(api, "GET", "/"))[0] == 404
    assert (await request(api, "POST", "/2018-06-01/runtime/invocation/other/response", b"{}"))[0] == 400
    assert (await request(api, "POST", f"{path}/other", b"{}"))[0] == 400
    assert (await request(api, "POST", f"{path}/response", b"{}"))[0] == 202
    assert (await request(api, "POST", f"{path}/response", b"[]"))[0] == 400
    assert (await exchange.reply()).result == b"{}"


async def test_a_stream_without_a_prelude_is_all_body(api: RuntimeApi) -> None:
    """Without the content type that announces a prelude, every byte is the body's, and the content type its own."""
    exchange, path = await an_event(api)
    assert await stream(api, path, b"\0" * 20, Content_Type="text/plain") == 202
    invocation = await exchange.reply()
    assert (invocation.status, invocation.headers) == (200, {"Content-Type": "text/plain"})
    assert [chunk async for chunk in invocation.body] == [b"\0" * 20]


@pytest.mark.parametrize("body", [b"no json" + bytes(8) + b"x", b'{"statusCode": 200}', b"x" * 20_000])
async def test_a_stream_without_a_whole_prelude_fails(api: RuntimeApi, body: bytes) -> None:
    """A stream that announces a prelude and has none, or not all of one, fails before its head."""
    exchange, path = await an_event(api)
    await stream(api, path, body)
    with pytest.raises(FunctionError) as raised:
        await exchange.reply()
    assert raised.value.type == "Runtime.InvalidPrelude"
    assert exchange.finished.is_set()


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b'{"errorType": "Broken"}', "Broken"), (b"no json", "Unknown"), (b"[]", "Unknown"), (b"", "Unknown")],
)
async def test_an_error_has_a_type(api: RuntimeApi, body: bytes, kind: str) -> None:
    """The error's JSON names its type; without one it is unknown."""
    exchange, path = await an_event(api)
    assert (await request(api, "POST", f"{path}/error", body))[0] == 202
    with pytest.raises(FunctionError) as raised:
        await exchange.reply()
    assert raised.value.type == kind


async def test_a_connection_that_breaks_fails_the_stream(api: RuntimeApi) -> None:
    """A stream whose connection ends too early keeps what came and fails."""
    exchange, path = await an_event(api)
    reader, writer = await _post_head(api, path, "Transfer-Encoding: chunked")
    writer.write(wire.frame(PRELUDE) + wire.frame(b"so far"))
    invocation = await exchange.reply()
    assert await anext(invocation.body) == b"so far"
    writer.close()
    with pytest.raises(FunctionError) as raised:
        await anext(invocation.body)
    assert raised.value.type == "Runtime.ExitError"
    assert await reader.read() == b""


async def test_a_client_may_wait_to_be_told_to_continue(api: RuntimeApi) -> None:
    """A client that asks first whether it may send its body is told so."""
    exchange, path = await an_event(api)
    reader, writer = await _post_head(api, path, "Expect: 100-continue", "Content-Length: 2")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 \r\n\r\n"
    writer.write(b"{}")
    assert (await reader.readline()).startswith(b"HTTP/1.1 202")
    assert (await exchange.reply()).result == b"{}"
    writer.close()
    await writer.wait_closed()


async def test_nonsense_ends_its_own_connection_only(api: RuntimeApi) -> None:
    """Bytes that are no HTTP close the connection; the next one is served."""
    host, port = api.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\0\1\2\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    assert (await request(api, "GET", "/"))[0] == 404


async def _waiting(api: RuntimeApi) -> socket.socket:
    """A connection that waits for the next event, as a process's that reads nothing by itself."""
    host, port = api.address.split(":")
    waiting = await asyncio.to_thread(socket.create_connection, (host, int(port)), 30)
    client = h11.Connection(h11.CLIENT)
    head = h11.Request(method="GET", target=f"{wire.INVOCATION_PATH}/next", headers=[("Host", api.address)])
    waiting.sendall(client.send(head) or b"")
    # Whatever was sent before this request has been read when it is answered.
    assert (await request(api, "GET", "/"))[0] == 404
    return waiting


async def test_an_event_is_not_given_to_a_connection_that_has_gone(api: RuntimeApi) -> None:
    """A process that went away while it waited for an event does not swallow the one that comes."""
    (await _waiting(api)).close()
    assert (await request(api, "GET", "/"))[0] == 404
    exchange, path = await an_event(api)
    assert exchange.taken.is_set()
    assert path.endswith(exchange.id)


async def test_an_event_that_nobody_read_was_not_taken(api: RuntimeApi) -> None:
    """A process that dies before it has read the event to its end costs no event, however little it left unread."""
    for read in (0, 1, -1):
        finished: list[str] = []
        with await _waiting(api) as process:
            exchange = api.offer(b'{"a": 1}', on_finish=lambda told=finished: told.append("finished"))
            await exchange.taken.wait()
            whole = len(await asyncio.to_thread(process.recv, 65_536, socket.MSG_PEEK))
            process.recv((whole + read) % whole)
        with pytest.raises(NotTaken):
            await exchange.reply()
        assert finished == ["finished"]


async def test_an_event_that_came_after_the_end_was_not_taken(api: RuntimeApi) -> None:
    """An event that is written to a process which has died, but of whose end nothing was heard yet, is not lost."""
    (await _waiting(api)).close()
    # Nothing is awaited between the end and the offer: it is written before the end is read.
    exchange = api.offer(b'{"a": 1}', on_finish=lambda: None)
    with pytest.raises(NotTaken):
        await exchange.reply()


async def test_a_large_event_that_was_not_read_was_not_taken(api: RuntimeApi) -> None:
    """The same where the event is larger than the sockets' buffers, and is still being written."""
    with await _waiting(api) as process:
        exchange = api.offer(b"x" * PAYLOAD_LIMIT, on_finish=lambda: None)
        await exchange.taken.wait()
        await asyncio.to_thread(process.recv, 1)
    with pytest.raises(NotTaken):
        await exchange.reply()


async def test_an_event_that_was_read_fails_with_its_process(api: RuntimeApi) -> None:
    """A process that has read the event may have begun with it: when it dies, the event is not given to another."""
    with await _waiting(api) as process:
        exchange = api.offer(b'{"a": 1}', on_finish=lambda: None)
        await exchange.taken.wait()
        await asyncio.to_thread(process.recv, 65_536)
    await api.process_ended()
    with pytest.raises(FunctionError) as raised:
        await exchange.reply()
    assert raised.value.type == "Runtime.ExitError"


async def test_an_answer_that_a_dead_process_left_counts(api: RuntimeApi) -> None:
    """A process that ends before its answer was read from the connection has answered."""
    exchange, path = await an_event(api)
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), 30) as process:
        assert (await request(api, "GET", "/"))[0] == 404
        head = f"POST {path}/response HTTP/1.1\r\nHost: {api.address}\r\nContent-Length: 2\r\n\r\n"
        process.sendall(head.encode() + b"{}")
    await api.process_ended()
    assert (await exchange.reply()).result == b"{}"


async def test_a_process_that_ended_says_what_becomes_of_the_event(api: RuntimeApi) -> None:
    """An event that was taken fails; one that was not may go to another process, unless this one never came up."""
    exchange = api.offer(b"{}", on_finish=lambda: None)
    await api.process_ended()
    with pytest.raises(FunctionError) as raised:
        await exchange.reply()
    assert raised.value.type == "Runtime.ExitError"

    exchange, _ = await an_event(api)
    await api.process_ended()
    with pytest.raises(FunctionError):
        await exchange.reply()

    exchange = api.offer(b"{}", on_finish=lambda: None)
    await api.process_ended()
    with pytest.raises(NotTaken):
        await exchange.reply()


async def test_closing_fails_what_is_in_hand() -> None:
    """An exchange that is being answered when the Runtime API closes fails."""
    api = RuntimeApi(function_arn=ARN, timeout=120)
    await api.open()
    exchange, path = await an_event(api)
    _, writer = await _post_head(api, path, "Transfer-Encoding: chunked")
    writer.write(wire.frame(PRELUDE))
    invocation = await exchange.reply()
    await api.close()
    with pytest.raises(FunctionError):
        await anext(invocation.body)
    writer.close()


async def _post_head(api: RuntimeApi, path: str, *headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = api.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    mode = (
        ()
        if "Expect" in headers[0]
        else (f"{wire.MODE_HEADER}: streaming", f"Content-Type: {wire.PRELUDE_CONTENT_TYPE}")
    )
    lines = [f"POST {path}/response HTTP/1.1", f"Host: {api.address}", *mode, *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer

"""Posts a streaming response to the Runtime API, chunk by chunk."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

import h11
from awslambdaric.lambda_runtime_client import LambdaRuntimeClientError

from functions.runtime import wire
from functions.runtime.drive import close, drive
from functions.runtime.failures import describe
from functions.runtime.response import StreamingResponse

_logger = logging.getLogger(__name__)

_READ_SIZE: Final = 64 * 1024


async def post(
    response: StreamingResponse, *, head: bytes, address: str, invoke_id: str, invocation_id: str | None = None
) -> None:
    """Sends `head` (see `wire.prelude`) at once, then each chunk of the body as soon as it is there.

    An exception of the body is logged without its text and ends the response with Lambda's error trailers; it is not
    raised. Raises `OSError` when the Runtime API at `address` (`host:port`) cannot be reached or breaks off, and
    `LambdaRuntimeClientError` when it refuses the response. The body is closed in every case.
    """
    host, _, port = address.rpartition(":")
    try:
        # asyncio turns Nagle's algorithm off on every TCP connection: a chunk never waits for the next one.
        reader, writer = await asyncio.open_connection(host, int(port))
    except BaseException:
        with suppress(Exception):
            await close(response)
        raise

    async def write(chunk: bytes) -> None:
        writer.write(wire.frame(chunk))
        await writer.drain()

    connection = h11.Connection(h11.CLIENT)
    target = f"{wire.INVOCATION_PATH}/{invoke_id}/response"
    try:
        headers = wire.request_headers(address=address, invocation_id=invocation_id)
        writer.write(_send(connection, h11.Request(method="POST", target=target, headers=headers)) + wire.frame(head))
        failure = await drive(response, write)
        if failure is not None:
            _logger.error("The response broke off: %s", describe(failure))
        trailers = [] if failure is None else wire.error_trailers(failure)
        writer.write(_send(connection, h11.EndOfMessage(headers=trailers)))
        await _accepted(reader, connection, target)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _send(connection: h11.Connection, event: h11.Request | h11.EndOfMessage) -> bytes:
    return connection.send(event) or b""


async def _accepted(reader: asyncio.StreamReader, connection: h11.Connection, target: str) -> None:
    status, body = 0, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_SIZE))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("The Runtime API closed the connection without an answer.")
    if not 200 <= status < 300:
        raise LambdaRuntimeClientError(target, status, body)

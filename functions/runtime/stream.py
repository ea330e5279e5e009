"""Posts a streaming response to the Runtime API as it is made."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

import h11
from awslambdaric.lambda_runtime_client import LambdaRuntimeClientError

from functions.runtime import wire
from functions.runtime.drive import close, drive
from functions.runtime.failures import describe
from functions.runtime.gathering import Gathering
from functions.runtime.response import StreamingResponse

_logger = logging.getLogger(__name__)

_READ_SIZE: Final = 64 * 1024


async def post(
    response: StreamingResponse, *, head: bytes, address: str, invoke_id: str, invocation_id: str | None = None
) -> None:
    """Sends `head` (see `wire.prelude`) at once, then the body: what comes in a burst is sent together (see `gathering`).

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

    chunks = _Chunks(writer)
    connection = h11.Connection(h11.CLIENT)
    target = f"{wire.INVOCATION_PATH}/{invoke_id}/response"
    try:
        headers = wire.request_headers(address=address, invocation_id=invocation_id)
        writer.write(_send(connection, h11.Request(method="POST", target=target, headers=headers)) + wire.frame(head))
        failure = await drive(response, chunks.write)
        chunks.flush()
        if failure is not None:
            _logger.error("The response broke off: %s", describe(failure))
        trailers = [] if failure is None else wire.error_trailers(failure)
        writer.write(_send(connection, h11.EndOfMessage(headers=trailers)))
        await _accepted(reader, connection, target)
    finally:
        chunks.abandon()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class _Chunks:
    """Writes the body's chunks."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._gathering = Gathering()
        self._turn: asyncio.Handle | None = None
        """What writes the rest in the loop's next turn: then the burst is over, or its next part has to be waited for."""

    async def write(self, chunk: bytes) -> None:
        """Returns when there is room for more. Raises `OSError` when the Runtime API has gone."""
        due = self._gathering.add(chunk, now=self._loop.time())
        if due:
            self._writer.write(wire.frame(due))
        elif self._turn is None:
            self._turn = self._loop.call_soon(self.flush)
        await self._writer.drain()

    def flush(self) -> None:
        """Writes what is gathered."""
        self.abandon()
        if rest := self._gathering.take(now=self._loop.time()):
            self._writer.write(wire.frame(rest))

    def abandon(self) -> None:
        """Writes nothing more by itself."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None


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

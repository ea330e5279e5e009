"""The Lambda Runtime API for one function process, on a free port of 127.0.0.1.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, cast

import h11

from functions.local.h11_server import ConnectionEnded, ServerConnection
from functions.local.invocation import INVALID_PRELUDE, Exchange, FunctionError, Head, HeadReader, NotTaken
from functions.runtime.wire import (
    ERROR_TYPE_TRAILER,
    INVOCATION_PATH,
    MODE_HEADER,
    MODE_STREAMING,
    PRELUDE_CONTENT_TYPE,
)

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_LIMIT: Final = 6 * 1024 * 1024
"""Bytes of an event, and of a buffered answer."""
STREAM_LIMIT: Final = 200 * 1024 * 1024
"""Bytes of a streamed answer."""

EXITED: Final = "Runtime.ExitError"
TOO_LARGE: Final = "Function.ResponseSizeTooLarge"

_LAST_SECONDS: Final = 1.0
"""How long the connections of a process that has ended may take to end too: only a process that it has left behind could
keep them open."""

_INIT_ERROR_PATH: Final = "/2018-06-01/runtime/init/error"
_UNKNOWN: Final = "Unknown"


class RuntimeApi:
    """Hands events to one process, one at a time, and takes its answers."""

    def __init__(
        self,
        *,
        function_arn: str,
        timeout: float,
        stream_limit: int = STREAM_LIMIT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`timeout` in seconds, from when an event is taken; `stream_limit` in bytes; `clock` in seconds since 1970."""
        self._function_arn = function_arn
        self._timeout = timeout
        self._stream_limit = stream_limit
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._exchange: Exchange | None = None
        self._taker: ServerConnection | None = None
        self._offered = asyncio.Event()
        self._init_failure = FunctionError(EXITED)
        self._has_asked = False

    async def open(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)

    @property
    def address(self) -> str:
        """`host:port`, once open."""
        if self._server is None:
            raise RuntimeError("The Runtime API is not open.")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def close(self) -> None:
        """Stops listening, breaks off every connection, and fails the exchange that is in hand."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        self._fail(FunctionError(EXITED))

    def offer(self, payload: bytes, *, on_finish: Callable[[], None]) -> Exchange:
        """Gives the process its next event; the exchange before it has finished. For `on_finish` see `Exchange`."""
        exchange = Exchange(id=str(uuid.uuid4()), payload=payload, on_finish=on_finish)
        self._exchange = exchange
        self._offered.set()
        return exchange

    async def idle(self) -> None:
        """Waits until the exchange in hand, if there is one, has finished."""
        if self._exchange is not None:
            await self._exchange.finished.wait()

    async def process_ended(self) -> None:
        """The process is gone: fails an exchange that cannot go on without it."""
        exchange = self._exchange
        if exchange is None:
            return
        if not exchange.taken.is_set():
            self._fail(NotTaken() if self._has_asked else self._init_failure)
            return
        if not exchange.is_answering and self._connections:
            # What the process sent last, or left unread, may still be on its way through the sockets.
            await asyncio.wait(self._connections, timeout=_LAST_SECONDS)
        if not exchange.is_answering:
            self._fail(FunctionError(EXITED))

    def _fail(self, failure: FunctionError | NotTaken) -> None:
        if self._exchange is not None:
            self._exchange.fail(failure)
            self._exchange.finish()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServerConnection(reader, writer)
        try:
            while True:
                await self._route(connection, await connection.request())
        except (ConnectionEnded, h11.RemoteProtocolError):
            if connection is self._taker and connection.lost_bytes:
                self._not_received()
        finally:
            writer.close()

    def _not_received(self) -> None:
        """The connection to which an event was written has ended with bytes unread: no process has seen the event."""
        exchange = self._exchange
        if exchange is not None and exchange.taken.is_set() and not exchange.is_answering:
            self._fail(NotTaken())

    async def _route(self, connection: ServerConnection, request: h11.Request) -> None:
        method, target = request.method.decode("ascii"), request.target.decode("ascii")
        if (method, target) == ("GET", f"{INVOCATION_PATH}/next"):
            await _read(connection, limit=0)
            await self._next(connection)
        elif (method, target) == ("POST", _INIT_ERROR_PATH):
            self._init_failure = FunctionError(_error_type(await _read(connection, limit=PAYLOAD_LIMIT)))
            await _accept(connection)
        elif method == "POST" and target.startswith(f"{INVOCATION_PATH}/"):
            exchange_id, _, what = target.removeprefix(f"{INVOCATION_PATH}/").partition("/")
            await self._answer(connection, request, exchange_id, what)
        else:
            await _read(connection, limit=0)
            await connection.respond(404, {"errorType": "NotFound", "errorMessage": "no such path"}, {})

    async def _next(self, connection: ServerConnection) -> None:
        self._has_asked = True
        while self._exchange is None or self._exchange.taken.is_set():
            self._offered.clear()
            await self._offered.wait()
        if connection.is_gone:
            raise ConnectionEnded
        exchange = self._exchange
        exchange.taken.set()
        self._taker = connection
        headers = {
            "Lambda-Runtime-Aws-Request-Id": exchange.id,
            "Lambda-Runtime-Deadline-Ms": str(int((self._clock() + self._timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(self._clock()):08x}-{secrets.token_hex(12)};Sampled=0",
        }
        await connection.respond(200, exchange.payload, headers)

    async def _answer(self, connection: ServerConnection, request: h11.Request, exchange_id: str, what: str) -> None:
        exchange = self._exchange
        is_current = exchange is not None and exchange.id == exchange_id and not exchange.is_answering
        if exchange is None or not is_current or what not in {"response", "error"}:
            await _read(connection, limit=0)
            error = {"errorType": "InvalidRequestID", "errorMessage": "no such invocation waits for this answer"}
            await connection.respond(400, error, {})
            return
        exchange.is_answering = True
        try:
            if what == "error":
                exchange.fail(FunctionError(_error_type(await _read(connection, limit=PAYLOAD_LIMIT))))
                await _accept(connection)
            elif _header(request, MODE_HEADER) == MODE_STREAMING:
                await self._streamed(connection, request, exchange)
            else:
                await self._buffered(connection, exchange)
        finally:
            # Whatever has not been answered by now, the process or its connection has broken off.
            exchange.fail(FunctionError(EXITED))
            exchange.finish()

    async def _buffered(self, connection: ServerConnection, exchange: Exchange) -> None:
        result = await _read(connection, limit=PAYLOAD_LIMIT)
        if result is None:
            await self._refuse(connection, exchange)
        else:
            exchange.answer(result)
            await _accept(connection)

    async def _streamed(self, connection: ServerConnection, request: h11.Request, exchange: Exchange) -> None:
        reader: HeadReader | None = HeadReader()
        content_type = _header(request, "Content-Type")
        if content_type != PRELUDE_CONTENT_TYPE:
            # Without the integration's content type there is no prelude: every byte is the body's.
            reader = None
            exchange.begin(Head(200, {"Content-Type": content_type or "application/octet-stream"}, []))
        received = 0
        async for chunk in connection.body():
            received += len(chunk)
            if received > self._stream_limit:
                exchange.fail(FunctionError(TOO_LARGE))
            body = chunk
            if reader is not None:
                body = _begin(exchange, reader, chunk)
                if body is None:
                    continue
                reader = None
            await exchange.feed(body)
        await self._ended(connection, exchange, reached_body=reader is None, received=received)

    async def _ended(
        self, connection: ServerConnection, exchange: Exchange, *, reached_body: bool, received: int
    ) -> None:
        if received > self._stream_limit:
            await self._refuse(connection, exchange)
            return
        if (kind := connection.trailers.get(ERROR_TYPE_TRAILER.lower())) is not None:
            exchange.fail(FunctionError(kind))
        elif not reached_body:
            exchange.fail(FunctionError(INVALID_PRELUDE))
        exchange.end()
        await _accept(connection)

    async def _refuse(self, connection: ServerConnection, exchange: Exchange) -> None:
        exchange.fail(FunctionError(TOO_LARGE))
        await connection.respond(413, {"errorType": "RequestEntityTooLarge", "errorMessage": "too large"}, {})


def _begin(exchange: Exchange, reader: HeadReader, chunk: bytes) -> bytes | None:
    """The body's first bytes once the prelude is whole. A wrong prelude fails the exchange, and what follows is dropped."""
    try:
        read = reader.feed(chunk)
    except FunctionError as error:
        exchange.fail(error)
        return b""
    if read is None:
        return None
    exchange.begin(read[0])
    return read[1]


async def _read(connection: ServerConnection, *, limit: int) -> bytes | None:
    """The request's body; None when it was larger than `limit` bytes, in which case it has been read and dropped."""
    content, size = bytearray(), 0
    async for chunk in connection.body():
        size += len(chunk)
        if size <= limit:
            content += chunk
    return bytes(content) if size <= limit else None


async def _accept(connection: ServerConnection) -> None:
    await connection.respond(202, {"status": "OK"}, {})


def _header(request: h11.Request, name: str) -> str | None:
    wanted = name.lower().encode("ascii")
    return next((value.decode("latin-1") for key, value in request.headers if key == wanted), None)


def _error_type(error: bytes | None) -> str:
    """The type in an error's JSON."""
    try:
        loaded: Any = json.loads(error or b"")
    except ValueError:
        return _UNKNOWN
    kind = cast("dict[str, Any]", loaded).get("errorType") if isinstance(loaded, dict) else None
    return kind if isinstance(kind, str) and kind else _UNKNOWN

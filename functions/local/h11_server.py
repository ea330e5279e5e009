"""One HTTP/1.1 connection, server side, with what ASGI hides: the trailers of a request."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

import h11

Trailers: TypeAlias = dict[str, str]

_READ_SIZE: Final = 64 * 1024


class ConnectionEnded(Exception):
    """The other side closed the connection, or it broke, before its request was whole."""


class ServerConnection:
    """Requests in, responses out, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        self._trailers: Trailers = {}
        self._lost_bytes = False

    @property
    def lost_bytes(self) -> bool:
        """Whether the connection has ended before the other side had read all that was sent to it.

        A kernel whose process closes a connection, or dies, with bytes unread resets the connection (RFC 1122, 4.2.2.13),
        and so it does with bytes that come later; one whose process has read everything just ends it.
        """
        return self._lost_bytes

    @property
    def is_gone(self) -> bool:
        """Whether the other side is known to have closed the connection."""
        return self._reader.at_eof()

    @property
    def trailers(self) -> Trailers:
        """The trailers of the request whose body was read last, by lower-case name."""
        return self._trailers

    async def request(self) -> h11.Request:
        """Waits for the head of the next request. Raises `ConnectionEnded` and `h11.RemoteProtocolError`."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        event = await self._event()
        if not isinstance(event, h11.Request):
            raise ConnectionEnded
        self._trailers = {}
        return event

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body as it comes in. Raises `ConnectionEnded` and `h11.RemoteProtocolError`."""
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise ConnectionEnded
            yield bytes(event.data)
        self._trailers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}

    async def respond(self, status: int, content: bytes | dict[str, Any], headers: dict[str, str]) -> None:
        """Answers the request, with JSON when `content` is a dict. Raises `ConnectionEnded`."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        head = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers.items()]
        await self._send(h11.Response(status_code=status, headers=head), h11.Data(data=body), h11.EndOfMessage())

    async def _event(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                data = await self._reader.read(_READ_SIZE)
            except OSError as error:
                self._lost_bytes = True
                raise ConnectionEnded from error
            if not data:
                self._lost_bytes = self._has_unsent() or self._was_reset_behind_the_end()
            self._http.receive_data(data)
        if not isinstance(event, h11.Request | h11.Data | h11.EndOfMessage):
            raise ConnectionEnded
        return event

    async def _send(self, *events: h11.Event) -> None:
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        try:
            await self._writer.drain()
        except OSError as error:
            self._lost_bytes = True
            raise ConnectionEnded from error

    def _has_unsent(self) -> bool:
        return self._writer.transport.get_write_buffer_size() > 0

    def _was_reset_behind_the_end(self) -> bool:
        """Whether the end had come before our last bytes left: reading tells of the end alone, the socket of the reset."""
        return self._writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

"""A backend that answers as a test tells it to: for what a healthy one cannot be brought to do.

It serves the page, too, as the local stack does.
"""

import json
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from tests.e2e.support.wire import Json

WEB: Final = Path(__file__).parents[3] / "web"
CONTENT_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}

WAIT_SECONDS: Final = 200
"""How long a stream may be held back before its test is given up."""


class Break:
    """In a stream: the connection breaks here."""


Frame = Json | threading.Event | type[Break]
"""An event to send, a moment to wait for, or the break of the connection."""


@dataclass(frozen=True)
class Answer:
    """A plain answer."""

    body: Any = field(default_factory=dict[str, Any])
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    after: threading.Event | None = None
    """The answer waits for it."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when a request has come for it."""


@dataclass(frozen=True)
class Stream:
    """An answer as a stream."""

    frames: Iterable[Frame]


@dataclass(frozen=True)
class Received:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json
    content: bytes = b""
    """The body as it came."""

    @property
    def type(self) -> str:
        """The protocol's request type."""
        return self.body["type"]


class ScriptedBackend:
    """The script and the record of one server, which is one test's: what an earlier test's page still sends goes elsewhere.

    Answers are used up in order; what is not scripted is answered as by an empty backend.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.tokens_given = 0
        self._script: dict[str, deque[Answer | Stream]] = defaultdict(deque)

    def answer(self, request: str, *answers: Answer | Stream) -> None:
        """Queues answers to a request type, or to a path, with its query string or for all of them."""
        self._script[request].extend(answers)

    def requests(self, kind: str) -> list[Received]:
        """The requests of this type that have arrived on the chat function's path."""
        return [request for request in self.received if request.path == "/chatkit" and request.type == kind]

    def next_answer(self, request: Received) -> Answer | Stream:
        """What the script has for this request."""
        key = request.type if request.path == "/chatkit" else request.path
        if key not in self._script:
            key = key.partition("?")[0]
        if self._script[key]:
            return self._script[key].popleft()
        return Answer({"data": [], "has_more": False})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _backend(self) -> ScriptedBackend:
        return cast("_Server", self.server).backend

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/"):
            self._send_answer(self._receive())
            return
        file = WEB / ("index.html" if path == "/" else path.removeprefix("/web/"))
        if not file.is_file():
            self._send(404, b"", "text/plain")
        else:
            kept = {"cache-control": "max-age=3600"}  # the page's files outlive a test run
            self._send(200, file.read_bytes(), CONTENT_TYPES[file.suffix], kept)

    def do_PUT(self) -> None:
        self._send_answer(self._receive())

    def do_POST(self) -> None:
        request = self._receive()
        if self.path == "/api/chatkit/start":
            self._start_session()
        else:
            self._send_answer(request)

    def _receive(self) -> Received:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        known = json.loads(body) if body.startswith(b"{") else {}
        request = Received(self.command, self.path, headers, known, body)
        self._backend.received.append(request)
        return request

    def _start_session(self) -> None:
        backend = self._backend
        backend.tokens_given += 1
        token = {"client_secret": f"token-{backend.tokens_given}", "expires_at": int(time.time()) + 600}
        self._send(200, json.dumps(token).encode(), "application/json")

    def _send_answer(self, request: Received) -> None:
        answer = self._backend.next_answer(request)
        if isinstance(answer, Answer):
            answer.reached.set()
            if answer.after is not None:
                answer.after.wait(WAIT_SECONDS)
            self._send(answer.status, json.dumps(answer.body).encode(), "application/json", answer.headers)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            self._send_frames(answer.frames)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page has gone away, as a stopped one does

    def _send_frames(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if isinstance(frame, threading.Event):
                if not frame.wait(WAIT_SECONDS):
                    raise BrokenPipeError
            elif isinstance(frame, dict):
                self._send_chunk(b"data: %s\n\n" % json.dumps(frame).encode())
            else:
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _send(
        self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        if content_type != "application/json" or self.path.startswith("/web/"):
            self.send_header("cache-control", "max-age=3600")  # the page's files outlive a test run
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    backend: ScriptedBackend

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends every connection, those that a browser keeps for later among them."""
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def scripted_backend() -> Iterator[ScriptedBackend]:
    """A server on a free port of 127.0.0.1, until the block ends."""
    with _Server() as server:
        server.backend = ScriptedBackend(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.backend
        finally:
            server.shutdown()
            thread.join()
            server.hang_up()

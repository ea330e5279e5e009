"""A bucket as the browser meets it: of another origin, it takes PUTs and gives pictures. What it does, a test decides."""

import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Final, cast

WAIT_SECONDS: Final = 30
"""How long an upload may be held back before its test is given up."""
CHUNK: Final = 65_536


@dataclass(frozen=True)
class Put:
    """An upload as it arrived; header names are in lower case."""

    path: str
    headers: dict[str, str]
    content: bytes


class Bucket:
    """The record of one server, and what it is to do next.

    While `hold` is an event, the first bytes of an upload are read, and the rest waits for it.
    """

    def __init__(self, url: str) -> None:
        """Takes every upload at once, and has no objects."""
        self.url = url
        self.puts: list[Put] = []
        self.gets: list[tuple[str, dict[str, str]]] = []
        self.broken = threading.Event()
        """Set when a page has let go of an upload."""
        self.statuses: deque[int] = deque()
        """What the next uploads are answered with, instead of 200."""
        self.hold: threading.Event | None = None
        self.objects: dict[str, bytes] = {}
        """By path: those under `/files/` are there to be saved, the others are pictures. Every other path is a 403, as an
        address is that has expired."""

    def descriptor(self, name: str, mime_type: str) -> dict[str, object]:
        """An upload descriptor for a key of this name."""
        return {"url": f"{self.url}/{name}?X-Amz-Signature=1", "method": "PUT", "headers": {"content-type": mime_type}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _bucket(self) -> Bucket:
        return cast("_Server", self.server).bucket

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""

    def do_OPTIONS(self) -> None:
        self._answer(200)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self._bucket.gets.append((self.path, self._headers()))
        content = self._bucket.objects.get(path)
        if content is None:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
        elif path.startswith("/files/"):
            disposition = {"content-disposition": f'attachment; filename="{path.rpartition("/")[2]}"'}
            self._answer(200, content, "application/octet-stream", disposition)
        else:
            self._answer(200, content, "image/png")

    def do_PUT(self) -> None:
        bucket = self._bucket
        length = int(self.headers["content-length"])
        hold = bucket.hold
        content = self._read(length if hold is None else min(length, CHUNK))
        if hold is not None:
            hold.wait(WAIT_SECONDS)
            content += self._read(length - len(content))
        if len(content) < length:
            bucket.broken.set()
            self.close_connection = True
            return
        bucket.puts.append(Put(self.path, self._headers(), content))
        self._answer(bucket.statuses.popleft() if bucket.statuses else 200)

    def _read(self, length: int) -> bytes:
        """So many bytes, or fewer where the page has gone."""
        content = bytearray()
        try:
            while len(content) < length and (chunk := self.rfile.read1(min(CHUNK, length - len(content)))):
                content += chunk
        except ConnectionResetError:
            pass
        return bytes(content)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "text/plain",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("access-control-allow-origin", "*")
        self.send_header("access-control-allow-methods", "PUT, GET, HEAD")
        self.send_header("access-control-allow-headers", "content-type, accept-language, chatkit-frame-instance-id")
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    bucket: Bucket

    def server_bind(self) -> None:
        # What is not read must not disappear into the machine's buffers: the page would take it for uploaded.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        super().server_bind()


@contextmanager
def running_bucket() -> Iterator[Bucket]:
    """A server on a free port of 127.0.0.1, until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.bucket = Bucket(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.bucket
        finally:
            server.shutdown()
            thread.join()

"""An EventBridge that does what a test asks it to: it takes events, refuses them, is silent, or breaks off."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mode = Literal["takes", "takes_none", "throttles", "denies", "fails", "is_silent", "breaks_off"]
MODES: tuple[Mode, ...] = ("takes", "takes_none", "throttles", "denies", "fails", "is_silent", "breaks_off")
_ERRORS = {
    "throttles": (400, "ThrottlingException"),
    "denies": (400, "AccessDeniedException"),
    "fails": (500, "InternalException"),
}


class EventEndpoint:
    """A server on loopback. What was put on it, in whatever mode, is in `entries`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.mode: Mode = "takes"
        self.entries: list[dict[str, Any]] = []
        self.changed = threading.Condition()
        self.released = threading.Event()
        """Ends all silences."""

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The entries, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.entries) >= count, timeout=120)
            return list(self.entries)


@contextmanager
def event_endpoint() -> Iterator[EventEndpoint]:
    """Such a server, ended on leaving."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            pass

        def do_POST(self) -> None:
            mode = endpoint.mode
            entries = json.loads(self.rfile.read(int(self.headers["content-length"])))["Entries"]
            with endpoint.changed:
                endpoint.entries += entries
                endpoint.changed.notify_all()
            if mode == "is_silent":
                endpoint.released.wait()
            if mode in {"is_silent", "breaks_off"}:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, code = _ERRORS.get(mode, (200, ""))
            result: dict[str, Any] = {"ErrorCode": "InternalFailure"} if mode == "takes_none" else {"EventId": "e"}
            taken = {"FailedEntryCount": int(mode == "takes_none"), "Entries": [result] * len(entries)}
            body = json.dumps({"__type": code, "message": "no"} if code else taken).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = EventEndpoint(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        server.shutdown()
        thread.join()
        server.server_close()

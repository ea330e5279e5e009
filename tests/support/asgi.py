"""Calls an ASGI application without a server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """What the application sent."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    complete: bool = False
    """Whether it sent the end of the body."""

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


async def call(
    app: Any,
    method: str = "GET",
    path: str = "/",
    *,
    query: str = "",
    headers: Sequence[tuple[str, str]] = (("host", "127.0.0.1:8787"),),
    body: Sequence[bytes] = (b"",),
) -> Answer:
    """Sends one request, its body in these pieces."""
    pieces = list(body)
    answer = Answer()

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()  # a caller who stays
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
        else:
            answer.chunks.append(message.get("body", b""))
            answer.complete = not message.get("more_body", False)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8787),
    }
    await app(scope, receive, send)
    return answer

"""A Lambda function that streams, and has something to do behind each answer that waits until the test opens a gate."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from functions.runtime.afterwards import after_each_invocation
from functions.runtime.response import StreamingResponse

_gates: list[Path] = []


async def _wait() -> None:
    while _gates:
        await asyncio.to_thread(_gates.pop(0).read_bytes)


after_each_invocation(_wait)


def handler(event: dict[str, Any], _context: object) -> Any:
    """Answers in the way that `how` says; with a `gate`, a named pipe, it then waits."""
    if "gate" in event:
        _gates.append(Path(event["gate"]))
    match event["how"]:
        case "stream":
            return StreamingResponse(body=_body())
        case "buffer":
            return {"answer": "whole"}
        case _:
            raise ValueError("no answer")


async def _body() -> AsyncIterator[bytes]:
    yield b"first, "
    yield b"last"

"""A Lambda function that does what its event says: for the tests of the runtime.

Gates are named pipes: reading one waits until the test opens it for writing, so that no test needs to sleep.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from awslambdaric import lambda_runtime_client
from snapshot_restore_py import register_after_restore, register_before_snapshot

from functions.runtime.loop import run
from functions.runtime.response import Filler, StreamingResponse

SECRET = "what the user wrote"
EVERY_BYTE = bytes(range(256)) + bytes(64)

_invocations = 0
_loops: list[asyncio.AbstractEventLoop] = []
_hooks: list[str] = []
register_before_snapshot(_hooks.append, "before the snapshot")
register_after_restore(_hooks.append, "behind the restart")


class Broken(Exception):
    """Raised in the middle of a response."""


def handler(event: dict[str, Any], context: Any) -> Any:
    """`do` names what to do; see the functions below."""
    global _invocations
    _invocations += 1
    return globals()[f"do_{event['do']}"](event, context)


def do_echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    run(_note_loop())
    return {
        "event": event,
        "pid": os.getpid(),
        "invocations": _invocations,
        "request_id": context.aws_request_id,
        "function": context.function_name,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "environment": sorted(os.environ),
        "loops": len(set(_loops)),
        "client": type(lambda_runtime_client.runtime_client).__name__,
    }


def do_snapshot(event: dict[str, Any], context: Any) -> list[str]:
    return _hooks


def do_fail(event: dict[str, Any], context: Any) -> None:
    raise Broken(SECRET)


def do_exit(event: dict[str, Any], context: Any) -> None:
    os._exit(3)


def do_large(event: dict[str, Any], context: Any) -> str:
    return "x" * event["size"]


def do_stream(event: dict[str, Any], context: Any) -> StreamingResponse:
    return StreamingResponse(
        status=event.get("status", 200),
        headers=event.get("headers", {}),
        cookies=event.get("cookies", []),
        body=_chunks(event["chunks"]),
    )


async def _chunks(chunks: list[str]) -> AsyncIterator[bytes]:
    await _note_loop()
    for chunk in chunks:
        yield chunk.encode()


def do_plain_iterator(event: dict[str, Any], context: Any) -> StreamingResponse:
    return StreamingResponse(body=iter([b"one ", b"two"]))


def do_no_json(event: dict[str, Any], context: Any) -> StreamingResponse:
    return StreamingResponse(headers={"x": b"bytes"}, body=iter([b"never"]))  # type: ignore[dict-item]


def do_every_byte(event: dict[str, Any], context: Any) -> StreamingResponse:
    return StreamingResponse(body=iter([EVERY_BYTE]))


def do_break(event: dict[str, Any], context: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        yield b"so far"
        raise Broken(SECRET)

    return StreamingResponse(body=body())


def do_gated(event: dict[str, Any], context: Any) -> StreamingResponse:
    """A chunk, then another for each gate; at the end the process does `finally`: `return`, `kill` or `hang`."""

    async def body() -> AsyncIterator[bytes]:
        yield b"0"
        for number, gate in enumerate(event["gates"], start=1):
            await asyncio.to_thread(Path(gate).read_bytes)
            yield b"%d" % number
        match event.get("finally", "return"):
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                await asyncio.Event().wait()
            case _:
                pass
        if "told" in event:
            await asyncio.to_thread(Path(event["told"]).write_bytes, b"to the end")

    filler = Filler(b":", 0.01) if event.get("filler") else None
    return StreamingResponse(body=body(), filler=filler)


def do_late(event: dict[str, Any], context: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        await asyncio.to_thread(Path(event["gate"]).read_bytes)
        yield b"late"

    return StreamingResponse(body=body(), status=202)


def do_wait(event: dict[str, Any], context: Any) -> str:
    Path(event["gate"]).read_bytes()
    Path(event["told"]).write_bytes(b"to the end")
    return "done"


def do_hang(event: dict[str, Any], context: Any) -> None:
    signal.pause()


def do_ignore_terminate(event: dict[str, Any], context: Any) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return os.getpid()


def do_many(event: dict[str, Any], context: Any) -> StreamingResponse:
    """`count` chunks of `size` bytes; the one with the number `look` says whether the file `at` exists by then."""

    def body() -> Iterator[bytes]:
        for number in range(event["count"]):
            seen = number == event.get("look") and Path(event["at"]).exists()
            yield (b"1" if seen else b"0") + bytes(event["size"] - 1)

    return StreamingResponse(body=body())


async def _note_loop() -> None:
    _loops.append(asyncio.get_running_loop())

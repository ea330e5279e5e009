"""Answers: JSON, JSON errors, and server-sent events, as the stream that the runtime sends."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from functions.errors import LimitReached, RequestError
from functions.runtime.response import Filler, StreamingResponse

COMMON_HEADERS: Final[Mapping[str, str]] = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

KEEP_ALIVE: Final = Filler(chunk=b": keep-alive\n\n", after=10.0)
"""A comment line, which an event stream's reader passes over
(https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes). Ten seconds are well below the idle
limits on the way: 30 s on an edge-optimised API Gateway."""


def json_response(status: int, body: bytes, headers: Mapping[str, str]) -> StreamingResponse:
    """A JSON answer in one piece."""
    return StreamingResponse(
        status=status,
        headers={**COMMON_HEADERS, "content-type": "application/json", **headers},
        body=iter((body,)),
    )


def empty_response(status: int, headers: Mapping[str, str]) -> StreamingResponse:
    """An answer of which only the head matters."""
    return StreamingResponse(status=status, headers={**COMMON_HEADERS, **headers}, body=iter(()))


def event_stream(frames: AsyncIterator[bytes], headers: Mapping[str, str]) -> StreamingResponse:
    """Server-sent events, with keep-alive comments in silences."""
    return StreamingResponse(
        headers={
            **COMMON_HEADERS,
            "content-type": "text/event-stream; charset=utf-8",
            # Asks proxies (nginx and those that follow it) to pass each event on at once.
            "x-accel-buffering": "no",
            **headers,
        },
        body=frames,
        filler=KEEP_ALIVE,
    )


def error_body(error: RequestError, locales: Sequence[str] = ()) -> bytes:
    """`{"code", "message", "field"?, "retry_after"?}`: the client shows `message`, in the user's language.

    A program reads the rest; `retry_after` is in seconds.
    """
    content: dict[str, Any] = {"code": error.code, "message": error.message_in(locales)}
    if error.field is not None:
        content["field"] = error.field
    if isinstance(error, LimitReached) and error.retry_after is not None:
        content["retry_after"] = error.retry_after
    # A lone surrogate has no UTF-8: it becomes `?`, so that no message can keep an error from being told.
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def error_headers(error: RequestError) -> dict[str, str]:
    """What an error's answer carries beside its body: when to come again (RFC 9110 section 10.2.3), in seconds."""
    if isinstance(error, LimitReached) and error.retry_after is not None:
        return {"retry-after": str(error.retry_after)}
    return {}

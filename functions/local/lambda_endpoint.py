"""A function behind an HTTP address, as Lambda puts one there: ASGI in front, events behind.

Chunks are passed on as they come. A caller who goes away is not told to the function, which runs to its end: uvicorn
takes chunks for a caller who is gone, and drops them.
"""

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from functions.local.events import (
    BODY_LIMIT,
    Event,
    Headers,
    HttpRequest,
    HttpResponse,
    MalformedResult,
    function_url_event,
    function_url_response,
    passed_back,
    rest_api_event,
    rest_api_response,
)
from functions.local.function import EVENT_TOO_LARGE
from functions.local.invocation import FunctionError, Invocation

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REST_ROOT: Final = "/api"
REST_STAGE: Final = "local"


class Invokable(Protocol):
    """What answers events: a `Function`."""

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Runs one invocation. Raises `FunctionError`."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of address puts requests into events, and makes responses of what comes back."""

    event: Callable[[HttpRequest, str], Event]
    response: Callable[[bytes | None], HttpResponse]
    failed: HttpResponse
    """What the caller gets when the function has failed."""


def _message(status: int, text: str) -> HttpResponse:
    return HttpResponse(
        status=status,
        headers=[("content-type", "application/json")],
        body=json.dumps({"message": text}).encode(),
    )


FUNCTION_URL: Final = Format(
    event=lambda request, request_id: function_url_event(request, request_id=request_id, now=time.time()),
    response=function_url_response,
    failed=_message(502, "Internal Server Error"),
)
REST_API: Final = Format(
    event=lambda request, request_id: rest_api_event(
        request, resource_root=REST_ROOT, stage=REST_STAGE, request_id=request_id, now=time.time()
    ),
    response=rest_api_response,
    failed=_message(502, "Internal server error"),
)
_TOO_LARGE: Final = _message(413, "Request Too Long")


class LambdaEndpoint:
    """An ASGI application that answers every request by one invocation."""

    def __init__(self, function: Invokable, http: Format) -> None:
        self._function = function
        self._http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request. Returns in the middle of a response where the function failed there."""
        body = await _read(receive, declared=_content_length(scope))
        if body is None:
            await _send_whole(send, _TOO_LARGE)
            return
        request_id = str(uuid.uuid4())
        try:
            invocation = await self._function.invoke(self._http.event(_request(scope, body), request_id))
            if invocation.streaming:
                await _send_stream(send, invocation, request_id)
            else:
                await _send_whole(send, self._http.response(invocation.result), request_id)
        except (FunctionError, MalformedResult) as error:
            # As base64 a body is a third larger, and the event more than Lambda takes.
            is_too_large = isinstance(error, FunctionError) and error.type == EVENT_TOO_LARGE
            await _send_whole(send, _TOO_LARGE if is_too_large else self._http.failed, request_id)


async def _send_stream(send: Send, invocation: Invocation, request_id: str) -> None:
    headers = passed_back(invocation.headers.items())
    headers += [("set-cookie", cookie) for cookie in invocation.cookies]
    await send(_start(invocation.status, headers, request_id))
    try:
        async for chunk in invocation.body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except FunctionError:
        # Without its end, the response is broken off: the server closes the connection, and the caller sees it.
        return
    finally:
        await invocation.body.aclose()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_whole(send: Send, response: HttpResponse, request_id: str = "") -> None:
    headers = [*response.headers, ("content-length", str(len(response.body)))]
    await send(_start(response.status, headers, request_id))
    await send({"type": "http.response.body", "body": response.body})


def _start(status: int, headers: Headers, request_id: str) -> Message:
    pairs = [*headers, ("x-amzn-requestid", request_id)] if request_id else headers
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs],
    }


def _request(scope: Scope, body: bytes) -> HttpRequest:
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return HttpRequest(
        method=scope["method"],
        path=raw_path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        source_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
        protocol=f"HTTP/{scope['http_version']}",
    )


def _content_length(scope: Scope) -> int:
    # The server has checked that it is a number.
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _read(receive: Receive, *, declared: int) -> bytes | None:
    """The body; None where it is larger than Lambda takes."""
    if declared > BODY_LIMIT:
        return None
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)

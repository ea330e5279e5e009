"""The protocol's one endpoint: `POST`, a client token, a body; an event stream or JSON comes back.

ChatKit.js shows a user nothing of an HTTP error, and repeats a request that was answered with a 5xx. So a failed streaming
request is answered with 200 and an `error` event; only 401 (the page renews its token), 405, and 429 stay what they are: for
429 ChatKit.js has a notice, and sends no second request. But that is for what time frees; what the user has to free
(threads, running answers) it could not tell them of, so that is an `error` event, too.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final, Protocol

from functions.engine.closing import closing
from functions.engine.dictation import REQUEST_BYTES
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.errors import BodyTooLarge, LimitReached, RequestError, Unauthenticated
from functions.gateway import sse
from functions.gateway.cors import FRAME_HEADER, TURN_HEADER, Cors
from functions.gateway.faults import fault_body, log_fault
from functions.gateway.request import Event, Request, from_event
from functions.gateway.response import empty_response, error_body, error_headers, event_stream, json_response
from functions.gateway.routes import caller_of
from functions.identity.base import ANONYMOUS, TokenVerifier
from functions.protocol.events import ErrorEvent, ThreadStreamEvent
from functions.runtime.response import StreamingResponse
from functions.translations import parse_accept_language

BODY_BYTES: Final = REQUEST_BYTES
"""The largest body of the protocol's endpoint, but for what a recording adds to one."""
DICTATION_BYTES: Final = 5_500_000
"""The largest body of `input.transcribe`: 4 MB of audio in base64, and some room. A Lambda event holds 6 MB."""

_DICTATION: Final = re.compile(rb'\s*\{\s*"type"\s*:\s*"input\.transcribe"\s*,')
"""How a body begins that may be larger: the client writes the type first."""
_RECORDING: Final = re.compile(rb'"audio_base64"\s*:\s*"[A-Za-z0-9+/=]*"')


class Processor(Protocol):
    """What answers a request's body: the engine, or anything with the official server's door."""

    async def process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
        """Answers one request. Raises `RequestError`."""
        ...


class ChatEndpoint:
    """HTTP around the protocol."""

    def __init__(self, *, processor: Processor, tokens: TokenVerifier, cors: Cors, deadline_margin: float) -> None:
        """`deadline_margin`: seconds before the function's end in which a turn that is not over is closed."""
        self._margin = deadline_margin
        self._processor = processor
        self._tokens = tokens
        self._cors = cors

    async def handle_event(self, event: Event, *, seconds_left: float | None = None) -> StreamingResponse:
        """The answer to a Lambda event, which must be whole in `seconds_left`; None where nothing ends it."""
        try:
            request = from_event(event)
        except RequestError as error:
            return json_response(error.status, error_body(error), {})
        return await self.handle(request, seconds_left=seconds_left)

    async def handle(self, request: Request, *, seconds_left: float | None = None) -> StreamingResponse:
        """The answer to any request. Raises nothing that a caller could have caused."""
        if request.method == "OPTIONS":
            return empty_response(200, self._cors.preflight_headers(request))
        headers = self._cors.headers(request)
        try:
            result = await self._process(request, self._deadline(seconds_left))
        except RequestError as error:
            return _refusal(error, request, headers)
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets an answer and the operator a line
            log_fault(error, request.request_id)
            if _wants_events(request):
                return event_stream(_one(sse.frame(ErrorEvent(code="stream.error", allow_retry=True))), headers)
            return json_response(500, fault_body(_locales(request)), headers)
        if isinstance(result, NonStreamingResult):
            running = {TURN_HEADER: "running"} if result.turn_is_running else {}
            return json_response(200, result.json, {**headers, **running})
        return event_stream(_frames(result.events), headers)

    def _deadline(self, seconds_left: float | None) -> float | None:
        if seconds_left is None:
            return None
        return asyncio.get_running_loop().time() + seconds_left - self._margin

    async def _process(self, request: Request, deadline: float | None) -> StreamingResult | NonStreamingResult:
        if request.method != "POST":
            raise _MethodNotAllowed("This endpoint takes POST requests only.")
        caller = caller_of(request, self._tokens)
        _check_size(request.body)
        context = RequestContext(
            user=caller.user,
            tenant=caller.tenant,
            is_anonymous=caller.source == ANONYMOUS,
            session=caller.session,
            scopes=caller.scopes,
            request_id=request.request_id,
            locales=_locales(request),
            agent_type=request.headers.get("x-agent-type") or None,
            frame_id=request.headers.get(FRAME_HEADER, ""),
            deadline=deadline,
        )
        return await self._processor.process(request.body, context)


class _MethodNotAllowed(RequestError):
    status = 405
    code = "method_not_allowed"


def _check_size(body: bytes) -> None:
    """Raises `BodyTooLarge`. Looks at bytes alone: what is too large is never parsed.

    Everything but the recording of `input.transcribe` stays within the limit of all requests, so that a larger body cannot
    become more than one long string. A body that names two types is refused by the engine, which parses it.
    """
    if len(body) <= BODY_BYTES:
        return
    if not _DICTATION.match(body):
        raise BodyTooLarge(BODY_BYTES)
    recording = _RECORDING.search(body) if len(body) <= DICTATION_BYTES else None
    if recording is None or len(body) - len(recording[0]) > BODY_BYTES:
        raise BodyTooLarge(DICTATION_BYTES)


def _refusal(error: RequestError, request: Request, headers: dict[str, str]) -> StreamingResponse:
    if isinstance(error, _MethodNotAllowed):
        headers = {**headers, "allow": "POST, OPTIONS"}
    elif not _stays_a_status(error) and _wants_events(request):
        event = ErrorEvent(message=error.message_in(_locales(request)), allow_retry=error.allow_retry)
        return event_stream(_one(sse.frame(event)), headers)
    return json_response(error.status, error_body(error, _locales(request)), {**headers, **error_headers(error)})


def _stays_a_status(error: RequestError) -> bool:
    is_rate = isinstance(error, LimitReached) and error.retry_after is not None
    return is_rate or isinstance(error, Unauthenticated)


def _wants_events(request: Request) -> bool:
    """Whether this is a streaming request: on no other does the client ask for an event stream."""
    return "text/event-stream" in request.headers.get("accept", "").lower()


def _locales(request: Request) -> tuple[str, ...]:
    return tuple(parse_accept_language(request.headers.get("accept-language", "")))


async def _frames(events: AsyncIterator[ThreadStreamEvent]) -> AsyncIterator[bytes]:
    async with closing(events):
        async for event in events:
            yield sse.frame(event)


async def _one(frame: bytes) -> AsyncIterator[bytes]:
    yield frame

"""The Responses API over the `openai` client, with stream events as plain dicts.

`cast_to=object` is the client's documented way for undeclared endpoints
(https://github.com/openai/openai-python#undocumented-endpoints); it keeps its time limits and errors.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from functions.model.base import ResponseEvent
from functions.model.failures import FAILING_EVENTS, TERMINAL_EVENTS
from functions.model.openai_client import CutOff, OpenAIClient, Unreadable, broken, tell_reported

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

    _Stream: TypeAlias = AsyncStream[object]

FIRST_EVENT_SECONDS: Final = 90.0
"""How long the model may take until its first event, which says no more than that it has begun."""
DRAIN_SECONDS: Final = 1.0
"""How long the end of a stream is waited for after its last event: a connection that was read to its end is used again."""


class OpenAIResponses:
    """A `Model`."""

    def __init__(self, *, client: OpenAIClient, first_event_seconds: float = FIRST_EVENT_SECONDS) -> None:
        """`first_event_seconds` from the request on; the client's own limit of silence counts too."""
        self._client = client
        self._first_event_seconds = first_event_seconds

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """The events of one response. Raises `ModelError`; what the service said about it is logged, without content."""

        async def begin(client: "AsyncOpenAI") -> "tuple[_Stream, ResponseEvent]":
            async with asyncio.timeout(self._first_event_seconds):
                return await _begun(client, body)

        stream, event = await self._client.call(begin)
        openai_request_id = stream.response.headers.get("x-request-id")
        response_id = _response_id(event)
        async with stream:
            try:
                while True:
                    kind = event["type"]
                    if kind in FAILING_EVENTS:
                        response_id = _response_id(event) or response_id
                        tell_reported(event, response_id=response_id, openai_request_id=openai_request_id)
                    yield event
                    if kind in TERMINAL_EVENTS:
                        break
                    event = _checked(await anext(stream, None))
            except Exception as error:
                raise broken(error, response_id=response_id, openai_request_id=openai_request_id) from error
            await _drain(stream)


async def _begun(client: "AsyncOpenAI", body: Mapping[str, Any]) -> "tuple[_Stream, ResponseEvent]":
    """The stream and its first event: until then, another attempt does no harm."""
    import openai

    stream = await client.post(
        "/responses",
        body={**body, "stream": True},
        cast_to=object,
        # Error events come as events, not as the client's exceptions.
        options={"stream_mode": "events"},
        stream=True,
        stream_cls=openai.AsyncStream[object],
    )
    try:
        return stream, await _first(stream)
    except BaseException:
        await stream.close()
        raise


async def _first(stream: "_Stream") -> ResponseEvent:
    event = await anext(stream, None)
    if event is None and not stream.response.headers.get("content-type", "").startswith("text/event-stream"):
        raise Unreadable
    return _checked(event)


def _checked(event: object) -> ResponseEvent:
    if event is None:
        raise CutOff
    if not isinstance(event, dict) or not isinstance(cast("dict[str, Any]", event).get("type"), str):
        raise Unreadable
    return cast("ResponseEvent", event)


def _response_id(event: ResponseEvent) -> str | None:
    response = event.get("response")
    return str(cast("Mapping[str, Any]", response).get("id"))[:128] if isinstance(response, Mapping) else None


async def _drain(stream: "_Stream") -> None:
    """Reads what may still come. The answer is complete: what fails now is nobody's concern."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in stream:
                pass
    except Exception:  # noqa: BLE001, S110 - see above
        pass

"""The Responses API over the `openai` client, with stream events as plain dicts.

The client makes the request, judges the answer's status and keeps the connections; the stream is read here. The client's
own reader takes twenty microseconds for each delta, as much as all of the engine does.
`cast_to=httpx2.Response` is the client's documented way to what was answered
(https://github.com/openai/openai-python#undocumented-endpoints).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from functions.model.base import ResponseEvent
from functions.model.event_stream import EventDecoder, read_json
from functions.model.failures import FAILING_EVENTS, TERMINAL_EVENTS
from functions.model.openai_client import CutOff, OpenAIClient, Unreadable, broken, tell_reported

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

FIRST_EVENT_SECONDS: Final = 90.0
"""How long the model may take until its first event, which says no more than that it has begun."""
DRAIN_SECONDS: Final = 1.0
"""How long the end of a stream is waited for after its last event: a connection that was read to its end is used again."""
EVENT_BYTES: Final = 32 * 1024 * 1024
"""The longest event that is read. The last one repeats the whole output, and a picture in it is some megabytes long."""

_DONE: Final = b"[DONE]"
"""Ends the streams of OpenAI's older APIs, and of servers that imitate them; it is no JSON."""


class OpenAIResponses:
    """A `Model`."""

    def __init__(
        self,
        *,
        client: OpenAIClient,
        first_event_seconds: float = FIRST_EVENT_SECONDS,
        event_bytes: int = EVENT_BYTES,
    ) -> None:
        """`first_event_seconds` from the request on; the client's own limit of silence counts too.

        A stream with an event of more than `event_bytes` is unreadable.
        """
        self._client = client
        self._first_event_seconds = first_event_seconds
        self._event_bytes = event_bytes

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """The events of one response. Raises `ModelError`; what the service said about it is logged, without content."""

        async def begin(client: "AsyncOpenAI") -> "tuple[_Events, ResponseEvent]":
            async with asyncio.timeout(self._first_event_seconds):
                return await self._begun(client, body)

        events, event = await self._client.call(begin)
        openai_request_id = events.response.headers.get("x-request-id")
        response_id = _response_id(event)
        try:
            try:
                while True:
                    kind = event["type"]
                    if kind in FAILING_EVENTS:
                        response_id = _response_id(event) or response_id
                        tell_reported(event, response_id=response_id, openai_request_id=openai_request_id)
                    yield event
                    if kind in TERMINAL_EVENTS:
                        break
                    event = await events.next()
            except Exception as error:
                raise broken(error, response_id=response_id, openai_request_id=openai_request_id) from error
            await events.drain()
        finally:
            await events.close()

    async def _begun(self, client: "AsyncOpenAI", body: Mapping[str, Any]) -> "tuple[_Events, ResponseEvent]":
        """The stream and its first event: until then, another attempt does no harm."""
        import httpx2

        response = await client.post("/responses", body={**body, "stream": True}, cast_to=httpx2.Response, stream=True)
        events = _Events(response, limit=self._event_bytes)
        try:
            return events, await events.first()
        except BaseException:
            await events.close()
            raise


class _Events:
    """The events in the body of an answer."""

    def __init__(self, response: "httpx2.Response", *, limit: int) -> None:
        self.response: Final = response
        self._chunks: Final = response.aiter_bytes()
        self._decoder: Final = EventDecoder(limit=limit)
        self._ready: Final[deque[bytes]] = deque()

    async def first(self) -> ResponseEvent:
        """As `next`; an answer without any event is `Unreadable` where it never meant to be a stream."""
        try:
            return await self.next()
        except CutOff:
            if not self.response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Unreadable from None
            raise

    async def next(self) -> ResponseEvent:
        """The next event. Raises `CutOff` where there is none, `Unreadable`, and what `httpx2` raises."""
        while not self._ready:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                raise CutOff
            self._ready.extend(self._decoder.feed(chunk))
        return _event(self._ready.popleft())

    async def drain(self) -> None:
        """Reads what may still come. The answer is complete: what fails now is nobody's concern."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in self._chunks:
                    pass
        except Exception:  # noqa: BLE001, S110 - see above
            pass

    async def close(self) -> None:
        """Closes the connection, unless it was read to the answer's end; in that case it is used again."""
        await self._chunks.aclose()
        await self.response.aclose()


def _event(data: bytes) -> ResponseEvent:
    if data.startswith(_DONE):
        raise CutOff
    event: object = read_json(data)
    if not isinstance(event, dict) or not isinstance(cast("dict[str, Any]", event).get("type"), str):
        raise Unreadable
    return cast("ResponseEvent", event)


def _response_id(event: ResponseEvent) -> str | None:
    response = event.get("response")
    return str(cast("Mapping[str, Any]", response).get("id"))[:128] if isinstance(response, Mapping) else None

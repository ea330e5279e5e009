"""What a request is answered with, and what is known of who asks: the engine's door."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.protocol.events import ThreadStreamEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """What is known of a request beside its body."""

    user: str
    request_id: str = ""
    locale: str = "en"
    """The user's language, as the client resolved it: a BCP 47 tag."""
    agent_type: str | None = None
    """Which of several assistants shall answer (the header `X-Agent-Type`)."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The request's own `metadata`: the page's, so not to be trusted."""


@dataclass(frozen=True, slots=True)
class StreamingResult:
    """The events of a streaming request. Nothing is done until the first is asked for."""

    events: AsyncIterator[ThreadStreamEvent]


@dataclass(frozen=True, slots=True)
class NonStreamingResult:
    """The JSON of any other request."""

    json: bytes

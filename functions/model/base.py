"""The ports to what OpenAI does: answer (https://platform.openai.com/docs/api-reference/responses), and listen."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

ResponseEvent: TypeAlias = Mapping[str, Any]
"""A stream event as it is on the wire. Plain: typed events cost more CPU than everything else that a delta goes through."""


class Model(Protocol):
    """Streams responses."""

    def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """The events of one response, for the body of `POST /responses` (without `stream`).

        Raises `ModelError` where the model cannot be reached, refuses, or breaks off; retries before the first event only.
        An event that tells of a failure (`functions.model.failures`) is given like any other: who reads it must notice.
        """
        ...


class Transcriber(Protocol):
    """Writes down what somebody said."""

    async def transcribe(
        self, audio: bytes, *, media_type: str, model: str, language: str | None = None, prompt: str | None = None
    ) -> str:
        """The text. `media_type` is one of `audio/webm`, `audio/ogg` and `audio/mp4`.

        `language` (ISO 639-1) and `prompt` help the model where they are known. Raises `ModelError`.
        """
        ...


StateValue: TypeAlias = str | int | float | bool
"""What a state variable of a workflow may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedSession:
    """A session of OpenAI's hosted ChatKit."""

    id: str
    client_secret: str = field(repr=False)
    expires_at: int
    """Seconds since 1970."""


class HostedSessions(Protocol):
    """Sessions of a hosted workflow. Every call raises `ModelError` where OpenAI does not answer, or refuses."""

    async def create(self, user: str, *, seconds: int, state: Mapping[str, StateValue]) -> HostedSession:
        """A session of a user, which ends by itself after so many seconds; `state`: the workflow's state variables."""
        ...

    async def cancel(self, session_id: str) -> None:
        """Ends a session."""
        ...

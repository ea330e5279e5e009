"""What a request is answered with, and what is known of who asks: the engine's door."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.identity.base import SCOPES, owner
from functions.protocol.events import ThreadStreamEvent
from functions.translations import DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """What is known of a request beside its body."""

    user: str
    tenant: str | None = None
    """The integrator's customer to whom the user belongs, where there are several."""
    is_anonymous: bool = False
    """Whether the user is known by a cookie alone."""
    session: str = ""
    """The session of the client token; empty where there is none that could be ended."""
    scopes: Sequence[str] = SCOPES
    """What the client token allows."""
    request_id: str = ""
    locales: tuple[str, ...] = ()
    """The languages that the user reads, the most wanted first: BCP 47 tags."""
    agent_type: str | None = None
    """Which of several assistants shall answer (the header `X-Agent-Type`)."""
    frame_id: str = ""
    """Which mounted component of the page sent it (the header `chatkit-frame-instance-id`); empty where it says nothing."""
    deadline: float | None = None
    """When an answer must have ended, in seconds on the event loop's clock; None where there is no end."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The request's own `metadata`: the page's, so not to be trusted."""

    @property
    def owner(self) -> str:
        """The user as everything stored knows it: with the tenant, where there is one."""
        return owner(self.user, self.tenant)

    @property
    def locale(self) -> str:
        """The user's first language; English where the client names none."""
        return self.locales[0] if self.locales else DEFAULT


@dataclass(frozen=True, slots=True)
class StreamingResult:
    """The events of a streaming request. Nothing but its counting is done until the first is asked for."""

    events: AsyncIterator[ThreadStreamEvent]


@dataclass(frozen=True, slots=True)
class NonStreamingResult:
    """The JSON of any other request."""

    json: bytes
    turn_is_running: bool = False
    """Whether the thread that was read is being answered: who reads again will see more."""

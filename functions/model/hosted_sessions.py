"""Sessions of OpenAI's hosted ChatKit (https://platform.openai.com/docs/api-reference/chatkit/sessions), by its own client.

OpenAI has announced the end of the hosted builder for 2026-11-30.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from functions.model.base import HostedSession, StateValue
from functions.model.openai_client import OpenAIClient, Unreadable

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.beta.chatkit import ChatSessionWorkflowParam

SECONDS: Final = 10.0
"""How long an attempt may take; the page waits."""


class OpenAIHostedSessions:
    """A `HostedSessions`."""

    def __init__(
        self, *, client: OpenAIClient, workflow_id: str, version: str | None, requests_per_minute: int
    ) -> None:
        """`version` of the workflow; None is the latest that was deployed. `requests_per_minute`: of one session."""
        self._client = client
        self._workflow_id = workflow_id
        self._version = version
        self._requests_per_minute = requests_per_minute

    async def create(self, user: str, *, seconds: int, state: Mapping[str, StateValue]) -> HostedSession:
        """See `HostedSessions`. Raises `ModelError` where OpenAI does not answer, or refuses."""
        workflow: ChatSessionWorkflowParam = {"id": self._workflow_id, "state_variables": dict(state)}
        if self._version is not None:
            workflow["version"] = self._version

        async def attempt(client: "AsyncOpenAI") -> HostedSession:
            # The client adds the header `OpenAI-Beta: chatkit_beta=v1`.
            made = await client.beta.chatkit.sessions.create(
                user=user,
                workflow=workflow,
                expires_after={"anchor": "created_at", "seconds": seconds},
                rate_limits={"max_requests_per_1_minute": self._requests_per_minute},
                timeout=SECONDS,
            )
            session = HostedSession(id=made.id, client_secret=made.client_secret, expires_at=made.expires_at)
            # The client validates nothing that it parses.
            if not (_is_text(session.id) and _is_text(session.client_secret) and type(session.expires_at) is int):
                raise Unreadable
            return session

        return await self._client.call(attempt)

    async def cancel(self, session_id: str) -> None:
        """See `HostedSessions`. Raises as `create`."""

        async def attempt(client: "AsyncOpenAI") -> None:
            await client.beta.chatkit.sessions.cancel(session_id, timeout=SECONDS)

        await self._client.call(attempt)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""

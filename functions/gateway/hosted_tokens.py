"""Hosted mode: client secrets of OpenAI's ChatKit sessions in place of this backend's own tokens.

The same routes give them out. As nobody but OpenAI can tell whose such a secret is, it is remembered, under its digest, with
the session that it is of.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from functions.errors import InternalError, Unauthenticated
from functions.identity.base import ClientToken, Session, TokenIssuer
from functions.model.base import HostedSessions
from functions.runtime.loop import run

MOST_SECONDS: Final = 600
"""The longest that OpenAI lets a client secret be good."""
SECRET_CHARACTERS: Final = 4_000
"""The longest client secret that is looked at."""


class HostedRecords(Protocol):
    """Remembers what a client secret stands for."""

    async def remember(self, client_secret: str, document: str, *, until: datetime) -> None:
        """Remembers a document until then; aware."""
        ...

    async def find(self, client_secret: str) -> str | None:
        """The document; None where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    session: Session
    openai_id: str
    expires_at: int


_RECORD: Final = TypeAdapter(_Record)


class HostedTokens(TokenIssuer):
    """Client secrets of a hosted workflow, through the routes of client tokens."""

    def __init__(
        self,
        *,
        hosted: HostedSessions,
        records: HostedRecords,
        seconds: int,
        session_seconds: int,
        grace_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`seconds` (ten minutes at most) is how long a secret is good; the others as of `TokenIssuer`."""
        super().__init__(session_seconds=session_seconds, grace_seconds=grace_seconds, clock=clock)
        self._hosted = hosted
        self._records = records
        self._seconds = min(seconds, MOST_SECONDS)

    def renew(self, session: Session) -> ClientToken:
        """See `TokenIssuer`. The secret before it stays good for its time."""
        seconds = min(self._seconds, session.ends - int(self._clock()))
        if seconds <= 0:
            raise Unauthenticated("The session is over.")
        # What says of which tenant a user is, is this backend's word and nobody else's.
        state = session.state if session.tenant is None else {**session.state, "tenant": session.tenant}
        made = run(self._hosted.create(hosted_user(session.user, session.tenant), seconds=seconds, state=state))
        record = _Record(session=session, openai_id=made.id, expires_at=made.expires_at)
        until = datetime.fromtimestamp(session.ends, UTC)
        run(self._records.remember(made.client_secret, _RECORD.dump_json(record).decode(), until=until))
        return ClientToken(client_secret=made.client_secret, expires_at=made.expires_at)

    def withdraw(self, token: str) -> None:
        """See `TokenIssuer`: OpenAI takes this secret no more. One that has expired it does not take anyway."""
        record = self._find(token)
        if self._clock() < record.expires_at:
            run(self._hosted.cancel(record.openai_id))

    def _read_session(self, token: str) -> tuple[Session, int]:
        record = self._find(token)
        return record.session, record.expires_at

    def _find(self, token: str) -> _Record:
        document = run(self._records.find(token)) if len(token) <= SECRET_CHARACTERS else None
        if document is None:
            raise Unauthenticated("The client token is not valid.")
        try:
            return _RECORD.validate_json(document)
        except ValidationError:
            raise InternalError("what is remembered of a hosted session cannot be read") from None


def hosted_user(user: str, tenant: str | None) -> str:
    """The user as OpenAI knows them: with the tenant, so that users of the same name in two tenants are two."""
    named = quote(user, safe="@+ ")
    return named if tenant is None else f"{quote(tenant, safe='@+ ')}:{named}"

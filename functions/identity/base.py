"""The port to who is calling: identities that are trusted, the sessions that they begin, and the tokens of these."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, Self, TypeAlias, cast

from functions.errors import InvalidRequest, Unauthenticated

USER_CHARACTERS: Final = 256
"""The longest user id: room for a Cognito or OIDC subject, and for an e-mail address."""
TENANT_CHARACTERS: Final = 128
"""The longest tenant id. The store makes room for both, and for what stands between them."""

StateValue: TypeAlias = str | int | float | bool
"""What a hosted workflow's state variable may be."""

CHAT: Final = "chat"
UPLOAD: Final = "upload"
SCOPES: Final = (CHAT, UPLOAD)
"""What a client token may allow: to send ChatKit's requests, and to bring in files."""

SESSION_ID_BYTES: Final = 16
"""Random bytes of a session's id, so that no two are the same."""

ANONYMOUS: Final = "anonymous"
"""The source of an identity that is a cookie and nothing else."""

_BETWEEN: Final = "\x1f"
"""Stands between tenant and user: ASCII's unit separator, which neither can hold, as both are printable."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token was good."""

    user: str
    tenant: str | None = None
    """The integrator's customer to whom the user belongs, where there are several."""
    session: str = ""
    """The id of the session that the token is of; `SessionStore` knows whether it was ended."""
    scopes: Sequence[str] = SCOPES
    source: str = ""
    """Which kind of identity began the session, such as `oidc`."""

    @property
    def owner(self) -> str:
        """What every key of theirs holds: see `owner`."""
        return owner(self.user, self.tenant)


def owner(user: str, tenant: str | None = None) -> str:
    """Whose something is, as one string that is part of every key: no two pairs of user and tenant share one."""
    return user if tenant is None else f"{tenant}{_BETWEEN}{user}"


def parted(owner: str) -> tuple[str, str | None]:
    """The user and the tenant, if any, that `owner` has put together."""
    tenant, between, user = owner.partition(_BETWEEN)
    return (user, tenant) if between else (owner, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a trusted identity begins. It outlives its tokens, as each is renewed into the next."""

    id: str
    user: str
    tenant: str | None = None
    source: str = ""
    """Which kind of identity began it, such as `oidc`."""
    key: str = ""
    """The name of the API key that began it, where one did."""
    began: int
    ends: int
    """Both in seconds since 1970. No token of the session is good at its end, or behind it."""
    scopes: Sequence[str] = SCOPES
    state: Mapping[str, StateValue] = field(default_factory=dict[str, StateValue])
    """In hosted mode, the workflow's state variables."""

    @classmethod
    def begin(
        cls,
        user: str,
        tenant: str | None = None,
        *,
        now: int,
        seconds: int,
        good_until: int | None = None,
        source: str = "",
        key: str = "",
        scopes: Sequence[str] = SCOPES,
        state: Mapping[str, StateValue] | None = None,
    ) -> Self:
        """A new session of this many seconds from `now`, or until `good_until` where that is sooner (seconds since 1970)."""
        ends = now + seconds
        return cls(
            id=secrets.token_urlsafe(SESSION_ID_BYTES),
            user=user,
            tenant=tenant,
            source=source,
            key=key,
            began=now,
            ends=ends if good_until is None else min(ends, good_until),
            scopes=tuple(scopes),
            state=dict(state or {}),
        )

    @property
    def owner(self) -> str:
        """What every key of its user's holds: see `owner`."""
        return owner(self.user, self.tenant)


@dataclass(frozen=True, slots=True)
class ClientToken:
    """What a page is given: the `client_secret` of ChatKit's own guide."""

    client_secret: str = field(repr=False)
    expires_at: int
    """Seconds since 1970."""


class TokenVerifier(Protocol):
    """Tells who holds a client token."""

    def verify(self, token: str) -> Caller:
        """The token's user. Raises `Unauthenticated` where the token is wrong or has expired."""
        ...


class TokenIssuer(ABC):
    """Makes client tokens. What begins a session, and when one is over, is the same for all of them."""

    def __init__(self, *, session_seconds: int, grace_seconds: int, clock: Callable[[], float]) -> None:
        """`session_seconds`: how long a session lasts, renewed as often as may be; `grace_seconds`: how long behind its
        expiry a token can still be renewed; `clock` in seconds since 1970.
        """
        self._session_seconds = session_seconds
        self._grace_seconds = grace_seconds
        self._clock = clock

    def issue(
        self,
        user: str,
        tenant: str | None = None,
        *,
        source: str = "",
        key: str = "",
        scopes: Sequence[str] = SCOPES,
        good_until: int | None = None,
        state: Mapping[str, StateValue] | None = None,
    ) -> ClientToken:
        """The first token of a new session; `good_until`, in seconds since 1970, is when that ends at the latest.

        `state` are a hosted workflow's state variables; nobody else has any.
        """
        session = Session.begin(
            user,
            tenant,
            now=int(self._clock()),
            seconds=self._session_seconds,
            good_until=good_until,
            source=source,
            key=key,
            scopes=scopes,
            state=state,
        )
        return self.renew(session)

    @abstractmethod
    def renew(self, session: Session) -> ClientToken:
        """A further token of a session, valid from now on."""

    def session(self, token: str, *, however_old: bool = False) -> Session:
        """The session of a token that may have expired a moment ago; `however_old`: or at any time since it began.

        A session ends, too, once it has lasted as long as is set now. Raises `Unauthenticated` where the token is wrong, or
        the session is over.
        """
        session, expires_at = self._read_session(token)
        now = self._clock()
        if min(session.ends, session.began + self._session_seconds) <= now:
            raise Unauthenticated("The session is over.")
        if not however_old and expires_at + self._grace_seconds <= now:
            raise Unauthenticated("The client token has expired.")
        return session

    @abstractmethod
    def withdraw(self, token: str) -> None:
        """Takes a token back, as far as somebody else than this backend takes it. Raises `Unavailable`."""

    @abstractmethod
    def _read_session(self, token: str) -> tuple[Session, int]:
        """The session of a token, whatever the time is, and when the token expires. Raises `Unauthenticated`."""


class SessionStore(Protocol):
    """Remembers sessions: those that were begun, and those that were ended before their time."""

    async def begin_session(self, user: str, session_id: str, *, until: datetime) -> None:
        """Remembers until then, when its last token has expired, that this user has a session; aware."""
        ...

    async def end_session(self, user: str, session_id: str, *, until: datetime) -> None:
        """Ends a session, for good. It is remembered until then, when its last token has expired anyway; aware."""
        ...

    async def is_session_ended(self, user: str, session_id: str) -> bool:
        """Whether it was ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """All by which a call may prove who sends it."""

    bearer: str | None = field(default=None, repr=False)
    """The token of `Authorization: Bearer ...`."""
    caller_arn: str | None = None
    """Who signed the call, where API Gateway has checked an AWS signature."""
    cookies: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    origin: str | None = None
    """The page that sends it, where a browser says so."""
    address: str = field(default="", repr=False)
    """Where it comes from, as AWS saw it: an address of the network, and never what the call itself says of it."""
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIdentity:
    """Who calls, as somebody whom the integrator trusts has it."""

    user: str
    tenant: str | None = None
    key: str = ""
    """The name of the API key that vouches for it, where one does."""
    scopes: Sequence[str] = SCOPES
    """The most that a token of it may allow."""
    good_until: int | None = None
    """Seconds since 1970; None where nothing ends it."""
    set_cookie: str | None = None
    """A `Set-Cookie` that the answer must carry."""
    is_by_server: bool = False
    """Whether the integrator's own server calls for the user: what it says besides is believed, too."""


class IdentitySource(Protocol):
    """One kind of trusted identity."""

    @property
    def name(self) -> str:
        """As the setting `IDENTITY` names it."""
        ...

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        """Who calls; None where the call carries nothing of this kind.

        Raises `Unauthenticated` or `Forbidden` where what it carries is wrong, and `InvalidRequest` for the body.
        """
        ...

    def vouches_for(self, session: Session) -> bool:
        """Whether the identity that began this session is still good, as far as can be told without it."""
        ...

    def farewell(self) -> str | None:
        """A `Set-Cookie` that makes a browser forget the identity; None where it keeps none."""
        ...


def checked_user(value: object, *, field: str = "user") -> str:
    """A user id fit to be part of a key: 1 to 256 printable characters. Raises `InvalidRequest` naming `field`."""
    return _checked(value, USER_CHARACTERS, field)


def checked_tenant(value: object, *, field: str = "tenant") -> str:
    """A tenant id fit to be part of a key: 1 to 128 printable characters. Raises `InvalidRequest` naming `field`."""
    return _checked(value, TENANT_CHARACTERS, field)


def checked_scopes(value: object, *, field: str = "scopes") -> tuple[str, ...]:
    """One or more of `SCOPES`, each once. Raises `InvalidRequest` naming `field`."""
    given = tuple(cast("list[Any]", value)) if isinstance(value, list) else ()
    if not given or any(one not in SCOPES for one in given):
        raise InvalidRequest(field, f"must list one or more of {', '.join(SCOPES)}")
    return tuple(one for one in SCOPES if one in given)


def _checked(value: object, most: int, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(field, "must be a non-empty string")
    if len(value) > most:
        raise InvalidRequest(field, f"must have at most {most} characters")
    if not value.isprintable():
        raise InvalidRequest(field, "must have printable characters only")
    return value

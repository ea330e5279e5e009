"""The routes by which a page gets its client token, and gives it back.

| route | takes | answers |
| --- | --- | --- |
| `POST /api/chatkit/start` | a trusted identity | `{"client_secret", "expires_at"}` |
| `POST /api/chatkit/refresh` | `{"currentClientSecret"}`, a token that may have expired a moment ago | the same |
| `POST /api/chatkit/logout` | `{"currentClientSecret"}`, a token of the session, however old | `{}` |

In hosted mode the tokens are client secrets of OpenAI's (`hosted_tokens`), and the first route takes `state_variables` too.

The first two are those of ChatKit's own guide (https://platform.openai.com/docs/guides/chatkit).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from functions.errors import InvalidRequest, SessionEnded, Unauthenticated
from functions.gateway.request import Request
from functions.gateway.routes import Answer, Route, json_object
from functions.identity.base import (
    SCOPES,
    ClientToken,
    Credentials,
    IdentitySource,
    Session,
    SessionStore,
    StateValue,
    TokenIssuer,
    TrustedIdentity,
    checked_scopes,
)
from functions.runtime.loop import run

MAX_STATE_VARIABLES: Final = 64
STATE_NAME_CHARACTERS: Final = 64

_CURRENT: Final = "currentClientSecret"


class Sessions:
    """A `RouteGroup`."""

    def __init__(
        self,
        *,
        tokens: TokenIssuer,
        identities: Sequence[IdentitySource],
        ended: SessionStore,
        takes_state: bool = False,
    ) -> None:
        """`identities` are asked one after the other who calls: the first that finds a proof of its kind decides.

        `takes_state`: whether there is a hosted workflow, which may have state variables.
        """
        self._takes_state = takes_state
        self._tokens = tokens
        self._identities = identities
        self._ended = ended

    def routes(self) -> Iterable[Route]:
        """See `RouteGroup`."""
        yield Route("POST", "/api/chatkit/start", self._start)
        yield Route("POST", "/api/chatkit/refresh", self._refresh)
        yield Route("POST", "/api/chatkit/logout", self._logout)

    def _start(self, request: Request) -> Answer:
        body = json_object(request) if request.body else {}
        source, identity = self._identified(credentials_of(request, body))
        token = self._tokens.issue(
            identity.user,
            identity.tenant,
            source=source.name,
            key=identity.key,
            scopes=_scopes(body, identity),
            good_until=identity.good_until,
            state=_state(body, identity) if self._takes_state else None,
        )
        session = self._tokens.session(token.client_secret)
        # Before anybody holds its token: so whoever ends all sessions of a user finds this one.
        run(self._ended.begin_session(session.owner, session.id, until=_end(session)))
        return _answer(token, identity.set_cookie)

    def _refresh(self, request: Request) -> Answer:
        session = self._tokens.session(_current(request))
        source = self._source_of(session)
        if source is None or not source.vouches_for(session):
            raise Unauthenticated("The session is over.")
        if run(self._ended.is_session_ended(session.owner, session.id)):
            raise SessionEnded
        return _answer(self._tokens.renew(session))

    def _logout(self, request: Request) -> Answer:
        token = _current(request)
        session = self._tokens.session(token, however_old=True)
        run(self._ended.end_session(session.owner, session.id, until=_end(session)))
        self._tokens.withdraw(token)
        source = self._source_of(session)
        return Answer({}, headers=_cookie(source.farewell() if source else None))

    def _identified(self, credentials: Credentials) -> tuple[IdentitySource, TrustedIdentity]:
        for source in self._identities:
            identity = source.identify(credentials)
            if identity is not None:
                return source, identity
        raise Unauthenticated("This call carries no identity that is trusted here.")

    def _source_of(self, session: Session) -> IdentitySource | None:
        """Who began the session; None where that kind of identity is trusted no more."""
        return next((source for source in self._identities if source.name == session.source), None)


def _end(session: Session) -> datetime:
    return datetime.fromtimestamp(session.ends, UTC)


def credentials_of(request: Request, body: dict[str, Any]) -> Credentials:
    """What a request proves."""
    # Not `http.cookies`: it gives up at the first cookie of somebody else's that it does not like.
    cookies = (part.partition("=") for part in request.headers.get("cookie", "").split(";"))
    return Credentials(
        bearer=request.bearer_token(),
        caller_arn=request.caller_arn,
        cookies={name.strip(): value.strip() for name, _, value in cookies},
        origin=request.headers.get("origin"),
        address=request.source_ip,
        body=body,
    )


def _scopes(body: dict[str, Any], identity: TrustedIdentity) -> Sequence[str]:
    """What the body asks for, or all, of what the identity may have."""
    asked = checked_scopes(body["scopes"]) if "scopes" in body else SCOPES
    granted = tuple(scope for scope in asked if scope in identity.scopes)
    if not granted:
        raise InvalidRequest("scopes", "lists nothing that this identity may do")
    return granted


def _state(body: dict[str, Any], identity: TrustedIdentity) -> Mapping[str, StateValue]:
    """The state variables that the integrator's own server gives. Raises `InvalidRequest`."""
    given: Any = body.get("state_variables", {})
    if not isinstance(given, dict):
        raise InvalidRequest("state_variables", "must be an object")
    variables = cast("dict[str, Any]", given)
    if variables and not identity.is_by_server:
        raise InvalidRequest("state_variables", "are for the integrator's own server to give")
    if len(variables) > MAX_STATE_VARIABLES:
        raise InvalidRequest("state_variables", f"must be at most {MAX_STATE_VARIABLES}")
    for name, value in variables.items():
        # https://platform.openai.com/docs/api-reference/chatkit/sessions/create
        if not 0 < len(name) <= STATE_NAME_CHARACTERS or not isinstance(value, str | int | float | bool):
            raise InvalidRequest(
                f"state_variables.{name[:STATE_NAME_CHARACTERS]}",
                f"must be a text, a number or a yes or no, under a name of 1 to {STATE_NAME_CHARACTERS} characters",
            )
    return variables


def _current(request: Request) -> str:
    token = json_object(request).get(_CURRENT)
    if not isinstance(token, str) or not token:
        raise InvalidRequest(_CURRENT, "must be a client token")
    return token


def _answer(token: ClientToken, set_cookie: str | None = None) -> Answer:
    content = {"client_secret": token.client_secret, "expires_at": token.expires_at}
    return Answer(content, headers=_cookie(set_cookie))


def _cookie(set_cookie: str | None) -> dict[str, str]:
    return {} if set_cookie is None else {"set-cookie": set_cookie}

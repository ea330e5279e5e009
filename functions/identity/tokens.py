"""Client tokens: JSON Web Tokens (RFC 7519), HS256, signed with a key from Secrets Manager.

The chat function checks one on every request, so nothing here is slower than a keyed hash.

| claim | |
| --- | --- |
| `sub`, `tenant` | the user; the tenant, where there is one |
| `aud` | `chatkit` |
| `iat`, `exp` | when it was issued, and when it expires |
| `jti` | its own id, by which logs may name it |
| `sid` | the session that it is of (https://openid.net/specs/openid-connect-frontchannel-1_0.html) |
| `auth_time`, `session_exp` | when the session began, and when it ends whatever happens |
| `scope` | what it allows, separated by spaces (RFC 8693 section 4.2) |
| `idp`, `idp_key` | which kind of identity began the session, and the API key's name, where one did |
"""

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from functions.errors import Unauthenticated
from functions.identity.base import (
    TENANT_CHARACTERS,
    USER_CHARACTERS,
    Caller,
    ClientToken,
    Session,
    TokenIssuer,
)
from functions.identity.keys import Keys
from functions.identity.lean_jwt import jwt

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "chatkit"
TOKEN_CHARACTERS: Final = 8_000
"""The longest token that is looked at: the 384 characters of user and tenant may take 12 each in JSON, 16 in base64."""
_CLAIMS: Final = ("sub", "exp", "iat", "aud", "sid", "jti", "auth_time", "session_exp", "scope")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME_CHARACTERS: Final = 64


class ClientTokens(TokenIssuer):
    """Issues and verifies client tokens."""

    def __init__(
        self,
        *,
        keys: Keys,
        seconds: int = 600,
        session_seconds: int = 43_200,
        grace_seconds: int = 300,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys` are asked for each token; `seconds` is how long a token is good; the others as of `TokenIssuer`."""
        super().__init__(session_seconds=session_seconds, grace_seconds=grace_seconds, clock=clock)
        self._keys = keys
        self._seconds = seconds

    def renew(self, session: Session) -> ClientToken:
        """See `TokenIssuer`."""
        now = int(self._clock())
        key = self._keys.signing()
        expires_at = min(now + self._seconds, session.ends)
        claims: dict[str, Any] = {
            "sub": session.user,
            "aud": AUDIENCE,
            "iat": now,
            "exp": expires_at,
            "jti": secrets.token_urlsafe(9),
            "sid": session.id,
            "auth_time": session.began,
            "session_exp": session.ends,
            "scope": " ".join(session.scopes),
        }
        optional = {"tenant": session.tenant, "idp": session.source or None, "idp_key": session.key or None}
        claims |= {name: value for name, value in optional.items() if value is not None}
        return ClientToken(
            client_secret=jwt.encode(claims, key.key, algorithm=ALGORITHM, headers={"kid": key.kid}),
            expires_at=expires_at,
        )

    def verify(self, token: str) -> Caller:
        """The user of `token`. Raises `Unauthenticated`; what exactly was wrong is not told."""
        claims, session = self._read(token)
        if claims["exp"] <= self._clock():
            raise Unauthenticated("The client token has expired.")
        return Caller(
            user=session.user,
            tenant=session.tenant,
            session=session.id,
            scopes=session.scopes,
            source=session.source,
        )

    def withdraw(self, token: str) -> None:
        """See `TokenIssuer`: nobody else takes these."""

    def _read_session(self, token: str) -> tuple[Session, int]:
        claims, session = self._read(token)
        return session, claims["exp"]

    def _read(self, token: str) -> tuple[dict[str, Any], Session]:
        """The claims of a token that was signed here, whatever the time is. Raises `Unauthenticated`."""
        if len(token) > TOKEN_CHARACTERS:
            raise Unauthenticated("The client token is not valid.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                # Times are checked by the callers, against the clock that was given.
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated("The client token is not valid.") from error
        session = _session(claims)
        if session is None:
            raise Unauthenticated("The client token is not valid.")
        return claims, session

    def _key_of(self, token: str) -> str:
        """The key that the token's header names. Raises `Unauthenticated`, or `jwt.InvalidTokenError`."""
        kid = jwt.get_unverified_header(token).get("kid")
        key = self._keys.find(kid) if isinstance(kid, str) else None
        if key is None:
            raise Unauthenticated("The client token is not valid.")
        return key.key


def _session(claims: dict[str, Any]) -> Session | None:
    """The session of which claims tell; None where one of them is not as `renew` makes it."""
    tenant = claims.get("tenant")
    texts = ((claims["sub"], USER_CHARACTERS), (claims["scope"], _NAME_CHARACTERS))
    names = ((claims.get("idp", ""), _NAME_CHARACTERS), (claims.get("idp_key", ""), _NAME_CHARACTERS))
    holds = (
        all(_is_text(value, most) for value, most in texts)
        and all(value == "" or _is_text(value, most) for value, most in names)
        and (tenant is None or _is_text(tenant, TENANT_CHARACTERS))
        and all(isinstance(claims[name], str) and _ID.fullmatch(claims[name]) for name in ("sid", "jti"))
        and all(type(claims[name]) is int for name in ("exp", "auth_time", "session_exp"))
    )
    if not holds:
        return None
    return Session(
        id=claims["sid"],
        user=claims["sub"],
        tenant=tenant,
        source=claims.get("idp", ""),
        key=claims.get("idp_key", ""),
        began=claims["auth_time"],
        ends=claims["session_exp"],
        scopes=tuple(claims["scope"].split(" ")),
    )


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most

"""Anonymous visitors: a random user id in a signed cookie, so that a visitor who comes back finds their threads.

The cookie is a JSON Web Token like the client's, for another audience: neither is ever taken for the other. Anybody can
have one, and as many as they like, but for how many one address is given in an hour: so such a user may chat, and bring in
no files.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from functions.errors import Forbidden, Unauthenticated
from functions.identity.addresses import digest
from functions.identity.base import ANONYMOUS, CHAT, Credentials, Session, TrustedIdentity
from functions.identity.lean_jwt import jwt

if TYPE_CHECKING:
    from functions.identity.keys import LastingKeys

COOKIE: Final = "__Host-chatkit"
"""The prefix makes browsers refuse one that another host has set, or that came without TLS
(https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix)."""
COOKIE_SECONDS: Final = 30 * 86_400
"""How long a visitor is known behind the last start of a session, or until the key that signed the cookie has been replaced
twice (`functions.identity.keys`). Whoever is longer away is a new one."""
USER_PREFIX: Final = "anon_"
AUDIENCE: Final = "chatkit-anonymous"
ALGORITHM: Final = "HS256"
COOKIE_CHARACTERS: Final = 2_000
"""The longest cookie that is looked at."""

_USER_BYTES: Final = 16
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
"""The API is on another site than the page, as a rule: then a cookie is sent only with `SameSite=None`, and, where browsers
keep third parties' cookies apart, only with `Partitioned`
(https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies).
A forged request of another page gains nothing by it: it cannot read the answer, and its origin is checked."""


class AnonymousIdentities:
    """An `IdentitySource` that knows everybody, and asked last: whoever has no cookie is given one."""

    name = ANONYMOUS

    def __init__(
        self,
        *,
        keys: "LastingKeys",
        origins: Sequence[str],
        admit: Callable[[str], None] = lambda _digest: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys` sign cookies; `origins` are the pages that may ask.

        `admit` is given a digest of the address for which an id is to be made, and raises `LimitReached` beyond its limit.
        """
        self._keys = keys
        self._admit = admit
        self._origins = frozenset(origins)
        self._clock = clock

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        """See `IdentitySource`. A call with another proof of who it is, which nobody took, is refused.

        Raises `LimitReached` where a call without a cookie comes from an address that was given too many.
        """
        if credentials.bearer is not None:
            raise Unauthenticated("This call carries no identity that is trusted here.")
        if credentials.origin is not None and credentials.origin not in self._origins:
            raise Forbidden("This page may not ask for a session.")
        user = self._known(credentials.cookies.get(COOKIE, "")) or self._new(credentials.address)
        return TrustedIdentity(user=user, scopes=(CHAT,), set_cookie=self._cookie(user))

    def vouches_for(self, session: Session) -> bool:
        """See `IdentitySource`."""
        return session.user.startswith(USER_PREFIX)

    def farewell(self) -> str | None:
        """See `IdentitySource`."""
        return f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}"

    def _cookie(self, user: str) -> str:
        now, key = int(self._clock()), self._keys.signing()
        claims = {"sub": user, "aud": AUDIENCE, "iat": now, "exp": now + COOKIE_SECONDS}
        value = jwt.encode(claims, key.key, algorithm=ALGORITHM, headers={"kid": key.kid})
        return f"{COOKIE}={value}; Max-Age={COOKIE_SECONDS}; {_ATTRIBUTES}"

    def _new(self, address: str) -> str:
        self._admit(digest(address, key=self._keys.signing().key))
        return USER_PREFIX + secrets.token_urlsafe(_USER_BYTES)

    def _known(self, cookie: str) -> str | None:
        """Whose cookie it is; None where it is nobody's, or no more."""
        if len(cookie) > COOKIE_CHARACTERS:
            return None
        try:
            kid = jwt.get_unverified_header(cookie).get("kid")
            key = self._keys.recall(kid) if isinstance(kid, str) else None
            if key is None:
                return None
            claims: dict[str, Any] = jwt.decode(
                cookie,
                key.key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                # Times are checked below, against the clock that was given.
                options={"require": ["sub", "aud", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.InvalidTokenError, ValueError):
            return None
        user, expires_at = claims["sub"], claims["exp"]
        is_good = isinstance(user, str) and user.startswith(USER_PREFIX) and type(expires_at) is int
        return user if is_good and expires_at > self._clock() else None

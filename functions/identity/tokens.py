"""Client tokens: JSON Web Tokens (RFC 7519), HS256, signed with a key from Secrets Manager.

The chat function checks one on every request, so nothing here is slower than a keyed hash.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from functions.errors import InternalError, Unauthenticated
from functions.identity.base import USER_CHARACTERS, Caller, ClientToken

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "chatkit"
KEY_CHARACTERS: Final = 32
"""The least length of a signing key: 256 bits, as RFC 7518 section 3.2 demands for HS256."""
TOKEN_CHARACTERS: Final = 6_000
"""The longest token that is looked at: a user's 256 characters may take 12 each in JSON, and 16 in base64."""
KID_CHARACTERS: Final = 64
_CLAIMS: Final = ("sub", "exp", "iat", "aud")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the id by which a token names it."""

    kid: str
    key: str = field(repr=False)

    @classmethod
    def from_secret(cls, secret: str) -> "SigningKey":
        """Reads `{"kid": ..., "key": ...}`. Raises `InternalError` for anything else."""
        try:
            data: Any = json.loads(secret)
            kid, key = data["kid"], data["key"]
        except (ValueError, KeyError, TypeError, RecursionError):
            # Not `from error`: a JSON error holds the whole text, which is the secret.
            raise InternalError('the token secret is not JSON such as {"kid": "1", "key": "..."}') from None
        if not isinstance(kid, str) or not 0 < len(kid) <= KID_CHARACTERS:
            raise InternalError(f"the token secret's `kid` must have 1 to {KID_CHARACTERS} characters")
        if not isinstance(key, str) or len(key) < KEY_CHARACTERS:
            raise InternalError(f"the token secret's `key` must have at least {KEY_CHARACTERS} characters")
        return cls(kid=kid, key=key)


class ClientTokens:
    """Issues and verifies client tokens."""

    def __init__(
        self, *, key: Callable[[], SigningKey], seconds: int = 600, clock: Callable[[], float] = time.time
    ) -> None:
        """`key` is called for each token; `seconds` is how long a token is good."""
        self._key = key
        self._seconds = seconds
        self._clock = clock

    def issue(self, user: str) -> ClientToken:
        """A token for `user`."""
        now = int(self._clock())
        key = self._key()
        expires_at = now + self._seconds
        claims = {"sub": user, "aud": AUDIENCE, "iat": now, "exp": expires_at}
        return ClientToken(
            client_secret=jwt.encode(claims, key.key, algorithm=ALGORITHM, headers={"kid": key.kid}),
            expires_at=expires_at,
        )

    def verify(self, token: str) -> Caller:
        """The user of `token`. Raises `Unauthenticated`; what exactly was wrong is not told."""
        if len(token) > TOKEN_CHARACTERS:
            raise Unauthenticated("The client token is not valid.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key().key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                # Times are checked below, against the clock that was given.
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated("The client token is not valid.") from error
        user, expires_at = claims["sub"], claims["exp"]
        if not isinstance(user, str) or not 0 < len(user) <= USER_CHARACTERS or not isinstance(expires_at, int):
            raise Unauthenticated("The client token is not valid.")
        if expires_at <= self._clock():
            raise Unauthenticated("The client token has expired.")
        return Caller(user=user)

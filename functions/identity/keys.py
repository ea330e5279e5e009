"""The keys that sign client tokens, and when each of them is used.

The key lives in Secrets Manager and is rotated there (`rotation.py`). A function reads it at most every five minutes, so for
a while some know the new key and some do not. No token is refused for that, as a key is known to all before it signs, and
is taken until its last token has expired. Both times count from when the secret's current version was made:

    0       the rotation makes a version; it is current within `FINISH_SECONDS`, or never
    960     the new key signs; until then the key before it does, as whoever reads the secret now takes both
    8,460   the key before it is taken no more: its last token, of an hour at most, has expired, and can be renewed no more

A key that is the only one signs at once. `docs/deploy.md` tells what follows for an operator.
"""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from functions.errors import InternalError
from functions.settings import MAX_REFRESH_GRACE_SECONDS, MAX_TOKEN_SECONDS

KEY_CHARACTERS: Final = 32
"""The least length of a signing key: 256 bits, as RFC 7518 section 3.2 demands for HS256."""
KID_CHARACTERS: Final = 64

REMEMBERED_SECONDS: Final = 300
"""How long what was read of a secret is used without reading it again."""
FINISH_SECONDS: Final = 600
"""A version that has not become current so long after it was made never does."""
SIGNS_AFTER_SECONDS: Final = FINISH_SECONDS + REMEMBERED_SECONDS + 60
"""From when on a version's key signs: by then each function has read it. A minute is for clocks that differ."""
RETIRED_AFTER_SECONDS: Final = SIGNS_AFTER_SECONDS + MAX_TOKEN_SECONDS + MAX_REFRESH_GRACE_SECONDS + 300
"""From when on a version makes the one before it useless for tokens. Five minutes are for a function that could not read the
secret again and signed on with the key that it knew."""

_NEW_KEY_BYTES: Final = 48
"""Random bytes: 64 characters."""
_NEW_KID_BYTES: Final = 8
"""Random, so that no key is ever taken for another of the same name. It is no secret: each token shows it."""


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

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key."""
        return cls(kid=secrets.token_hex(_NEW_KID_BYTES), key=secrets.token_urlsafe(_NEW_KEY_BYTES))

    def to_secret(self) -> str:
        """What `from_secret` reads."""
        return json.dumps({"kid": self.kid, "key": self.key})


class Keys(Protocol):
    """The keys as whoever issues and verifies tokens needs them. Both may block for a request, and raise `InternalError`."""

    def signing(self) -> SigningKey:
        """The key that signs now."""
        ...

    def find(self, kid: str) -> SigningKey | None:
        """The key that a token names, if its tokens may still be good."""
        ...


class LastingKeys(Keys, Protocol):
    """The keys as whoever signs what is to last needs them: a cookie, whose loss costs more than its forgery."""

    def recall(self, kid: str) -> SigningKey | None:
        """The key that is named, if it is the current one or the one before it, however long ago that was."""
        ...


@dataclass(frozen=True, slots=True)
class OneKey:
    """`LastingKeys` where there is one, and always the same."""

    key: SigningKey

    def signing(self) -> SigningKey:
        """See `Keys`."""
        return self.key

    def find(self, kid: str) -> SigningKey | None:
        """See `Keys`."""
        return self.key if self.key.kid == kid else None

    def recall(self, kid: str) -> SigningKey | None:
        """See `LastingKeys`."""
        return self.find(kid)


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret."""

    text: str = field(repr=False)
    made_at: float
    """Seconds since 1970."""


class VersionedSecrets(Protocol):
    """Secrets with a current version and the one before it, as last read: at most `REMEMBERED_SECONDS` ago, if that could
    be done."""

    def current(self, secret_id: str) -> SecretVersion:
        """The current version. Raises `InternalError` where it has never been read."""
        ...

    def previous(self, secret_id: str) -> SecretVersion | None:
        """The version that was current before, if there is one and it can be read."""
        ...

    def renew(self, secret_id: str) -> bool:
        """Reads the current version again at once, unless that was done a moment ago; whether it is another one now."""
        ...


class KeyRing:
    """`LastingKeys` from a secret that is rotated."""

    def __init__(
        self,
        *,
        secrets: VersionedSecrets,
        secret_id: str,
        clock: Callable[[], float] = time.time,
        tell_age: Callable[[float], None] | None = None,
    ) -> None:
        """`clock` gives seconds since 1970.

        `tell_age` is told how old the current version is, in seconds, whenever a key signs and the secret was read anew.
        """
        self._secrets = secrets
        self._secret_id = secret_id
        self._clock = clock
        self._tell_age = tell_age
        self._told: SecretVersion | None = None

    def signing(self) -> SigningKey:
        """See `Keys`: the current key, or the one before it while others may not know the current one."""
        current = self._secrets.current(self._secret_id)
        if self._tell_age is not None and current is not self._told:
            self._told = current
            self._tell_age(self._age(current))
        if self._age(current) < SIGNS_AFTER_SECONDS and (previous := self._previous(current)) is not None:
            return previous
        return SigningKey.from_secret(current.text)

    def find(self, kid: str) -> SigningKey | None:
        """See `Keys`. A name that is not known makes the secret be read again, but not at will: names can be made up."""
        found = self._known(kid)
        if found is None and self._secrets.renew(self._secret_id):
            found = self._known(kid)
        return found

    def recall(self, kid: str) -> SigningKey | None:
        """See `LastingKeys`."""
        found = self.find(kid)
        if found is None and (previous := self._before()) is not None and previous.kid == kid:
            found = previous
        return found

    def _known(self, kid: str) -> SigningKey | None:
        current = self._secrets.current(self._secret_id)
        key = SigningKey.from_secret(current.text)
        if key.kid == kid:
            return key
        previous = self._previous(current)
        return previous if previous is not None and previous.kid == kid else None

    def _previous(self, current: SecretVersion) -> SigningKey | None:
        """The key before the current one, if its tokens may still be good. Its version is not even read later."""
        return None if self._age(current) >= RETIRED_AFTER_SECONDS else self._before()

    def _before(self) -> SigningKey | None:
        """The key before the current one, if there is one."""
        previous = self._secrets.previous(self._secret_id)
        if previous is None:
            return None
        try:
            return SigningKey.from_secret(previous.text)
        except InternalError:
            # What an operator has put there by mistake, and replaced: no token was ever signed with it.
            return None

    def _age(self, version: SecretVersion) -> float:
        return self._clock() - version.made_at

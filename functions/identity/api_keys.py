"""API keys: by one of these, a server of the integrator's says for whom it asks. What is kept of a key is its hash.

The secret in Secrets Manager is `{"keys": [{"name", "sha256", "created"}]}`; an entry that is taken out is a key that is
revoked, and its sessions are not renewed any more. A key has 256 random bits, so a plain hash of it cannot be guessed from
(a password's could: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, cast

from functions.errors import InternalError, Unauthenticated
from functions.identity.base import Credentials, Session, TrustedIdentity
from functions.identity.named_users import named

PREFIX: Final = "ckl_"
"""What every key begins with: so it is never taken for another kind of token, and scanners of sources find it."""
MAX_KEYS: Final = 100
"""The most keys: a secret holds 64 KB (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html)."""

_KEY_BYTES: Final = 32
_KEY: Final = re.compile(r"ckl_[A-Za-z0-9_-]{43}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key."""

    name: str
    """1 to 64 letters, digits, dots, dashes and underscores; no two keys share one."""
    sha256: str = field(repr=False)
    created: str = ""
    """The day, in ISO 8601."""


class ApiKeyError(ValueError):
    """The secret, or what is to be put into it, is wrong; the words hold no key and no hash."""


class ApiKeyIdentities:
    """An `IdentitySource`: `Authorization: Bearer ckl_...`, and the user and tenant in the body."""

    name = "api_key"

    def __init__(self, *, secret: Callable[[], str]) -> None:
        """`secret` gives the secret's text, and is called each time."""
        self._secret = secret

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        """See `IdentitySource`. Any other bearer token may be for another kind of identity."""
        bearer = credentials.bearer
        if bearer is None or not bearer.startswith(PREFIX):
            return None
        found = self._matching(bearer)
        if found is None:
            raise Unauthenticated("The API key is not valid.")
        return named(credentials, key=found)

    def vouches_for(self, session: Session) -> bool:
        """See `IdentitySource`: the key that began the session was not revoked."""
        return any(key.name == session.key for key in self._keys())

    def farewell(self) -> str | None:
        """See `IdentitySource`."""
        return None

    def _matching(self, key: str) -> str | None:
        digest = digest_of(key) if is_key(key) else ""
        found: str | None = None
        # Each is compared, whichever it is: how long it takes says nothing.
        for known in self._keys():
            if hmac.compare_digest(known.sha256, digest):
                found = known.name
        return found

    def _keys(self) -> Sequence[ApiKey]:
        try:
            return read_keys(self._secret())
        except ApiKeyError as error:
            raise InternalError(f"the secret of the API keys: {error}") from None


def new_key() -> str:
    """A key. Whoever makes it shows it once."""
    return PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def is_key(text: str) -> bool:
    """Whether it is a key, good or not."""
    return _KEY.fullmatch(text) is not None


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def with_key(known: Sequence[ApiKey], name: str, key: str, *, today: date) -> tuple[ApiKey, ...]:
    """These keys and one more. Raises `ApiKeyError` where the name is none, or is taken, or there are too many."""
    if not _NAME.fullmatch(name):
        raise ApiKeyError("a key's name has 1 to 64 letters, digits, dots, dashes and underscores")
    if any(one.name == name for one in known):
        raise ApiKeyError(f"there is a key {name} already: revoke it first, or choose another name")
    if len(known) >= MAX_KEYS:
        raise ApiKeyError(f"there are {MAX_KEYS} keys already")
    return (*known, ApiKey(name=name, sha256=digest_of(key), created=today.isoformat()))


def without_key(known: Sequence[ApiKey], name: str) -> tuple[ApiKey, ...]:
    """These keys but one. Raises `ApiKeyError` where there is none of that name."""
    left = tuple(one for one in known if one.name != name)
    if len(left) == len(known):
        raise ApiKeyError(f"there is no key {name}")
    return left


def read_keys(secret: str) -> tuple[ApiKey, ...]:
    """The keys that a secret holds. Raises `ApiKeyError`."""
    try:
        data: Any = json.loads(secret)
        entries: Any = data["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        # Not `from error`: a JSON error holds the whole text.
        raise ApiKeyError('it is not JSON such as {"keys": [{"name": "web", "sha256": "..."}]}') from None
    if not isinstance(entries, list) or len(cast("list[Any]", entries)) > MAX_KEYS:
        raise ApiKeyError(f"`keys` must be a list of at most {MAX_KEYS}")
    keys = tuple(_key(entry, number) for number, entry in enumerate(cast("list[Any]", entries)))
    if len({key.name for key in keys}) < len(keys):
        raise ApiKeyError("two keys have the same name")
    return keys


def written_keys(keys: Sequence[ApiKey]) -> str:
    """The secret's text."""
    return json.dumps({"keys": [{"name": one.name, "sha256": one.sha256, "created": one.created} for one in keys]})


def _key(entry: Any, number: int) -> ApiKey:
    fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    name, sha256, created = fields.get("name"), fields.get("sha256"), fields.get("created", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ApiKeyError(f"keys.{number}.name must have 1 to 64 letters, digits, dots, dashes and underscores")
    if not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
        raise ApiKeyError(f"keys.{number}.sha256 must have 64 hexadecimal digits in lower case")
    return ApiKey(name=name, sha256=sha256, created=created if isinstance(created, str) else "")

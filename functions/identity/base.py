"""The port to who is calling."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from functions.errors import InvalidRequest

USER_CHARACTERS: Final = 256
"""The longest user id: room for a Cognito or OIDC subject, and for an e-mail address."""


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
    source: str = ""
    """Which kind of identity began the session, such as `oidc`."""

    @property
    def owner(self) -> str:
        """What every key of theirs holds: see `owner`."""
        return owner(self.user, self.tenant)


def owner(user: str, tenant: str | None = None) -> str:
    """Whose something is, as one string that is part of every key: no two pairs of user and tenant share one."""
    return user if tenant is None else f"{tenant}{_BETWEEN}{user}"


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


class TokenIssuer(Protocol):
    """Makes client tokens."""

    def issue(self, user: str) -> ClientToken:
        """A token for this user, valid from now on."""
        ...


def checked_user(value: object, *, field: str = "user") -> str:
    """A user id fit to be part of a key: 1 to 256 printable characters. Raises `InvalidRequest` naming `field`."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(field, "must be a non-empty string")
    if len(value) > USER_CHARACTERS:
        raise InvalidRequest(field, f"must have at most {USER_CHARACTERS} characters")
    if not value.isprintable():
        raise InvalidRequest(field, "must have printable characters only")
    return value

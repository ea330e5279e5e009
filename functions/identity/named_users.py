"""Callers who may name the user for whom they ask: the integrator's own server, and everybody on a laptop."""

from functions.errors import Forbidden
from functions.identity.base import Credentials, Session, TrustedIdentity, checked_tenant, checked_user


def named(credentials: Credentials, *, key: str = "") -> TrustedIdentity:
    """The user, and the tenant if there is one, whom the body names. Raises `InvalidRequest`."""
    tenant = credentials.body.get("tenant")
    return TrustedIdentity(
        user=checked_user(credentials.body.get("user")),
        tenant=None if tenant is None else checked_tenant(tenant),
        key=key,
        is_by_server=True,
    )


class IamIdentities:
    """An `IdentitySource`: whoever has signed the call with AWS's keys, as API Gateway has checked, names the user."""

    name = "iam"

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        """See `IdentitySource`. It stands alone, so a call without a signature is refused."""
        if credentials.caller_arn is None:
            raise Forbidden("This route is for callers with an AWS signature.")
        return named(credentials)

    def vouches_for(self, session: Session) -> bool:  # noqa: ARG002 - a signature says nothing of later
        """See `IdentitySource`."""
        return True

    def farewell(self) -> str | None:
        """See `IdentitySource`."""
        return None


class LocalIdentities:
    """An `IdentitySource` that believes everybody, for the local stack."""

    name = "local"

    def __init__(self, *, alone: bool = True) -> None:
        """`alone`: whether no other kind of identity is trusted; a call that names nobody may else be of that."""
        self._alone = alone

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        """See `IdentitySource`."""
        return named(credentials) if self._alone or "user" in credentials.body else None

    def vouches_for(self, session: Session) -> bool:  # noqa: ARG002 - it never asked
        """See `IdentitySource`."""
        return True

    def farewell(self) -> str | None:
        """See `IdentitySource`."""
        return None

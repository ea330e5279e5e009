"""OpenID Connect: `Authorization: Bearer ...` with a token that an identity provider has issued to the page's user.

Taken are ID tokens (https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation) and access tokens that are JSON
Web Tokens (RFC 9068). Cognito's access tokens have no audience, but `client_id`, and say what they are in `token_use`
(https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pydantic_core import from_json

from functions.errors import InvalidRequest, Unauthenticated
from functions.identity import oidc_signatures
from functions.identity.api_keys import PREFIX as API_KEY_PREFIX
from functions.identity.base import Credentials, Session, TrustedIdentity, checked_tenant, checked_user
from functions.identity.lean_jwt import jwt
from functions.identity.oidc_keys import IssuerKeys
from functions.settings import Oidc

SKEW_SECONDS: Final = 60
"""How far the clocks of issuer and function may differ."""
TOKEN_CHARACTERS: Final = 10_240
"""The longest token that is looked at: all of a request's headers, for API Gateway
(https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html)."""


class OidcIdentities:
    """An `IdentitySource`."""

    name = "oidc"

    def __init__(self, *, trusted: Oidc, keys: IssuerKeys, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        self._trusted = trusted
        self._keys = keys
        self._clock = clock

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        """See `IdentitySource`. An API key is for another kind. Raises `Unavailable` where the issuer does not answer."""
        token = credentials.bearer
        if token is None or token.startswith(API_KEY_PREFIX):
            return None
        claims = self._claims(token)
        self._check(claims)
        return self._identity(claims)

    def vouches_for(self, session: Session) -> bool:  # noqa: ARG002 - it ends no later than the token
        """See `IdentitySource`: the session itself ends with the token."""
        return True

    def farewell(self) -> str | None:
        """See `IdentitySource`."""
        return None

    def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > TOKEN_CHARACTERS:
            raise _invalid()
        try:
            header = oidc_signatures.header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in (oidc_signatures.RS256, oidc_signatures.ES256):
                raise _invalid()
            key = self._keys.find(kid, algorithm)
            if key is None:
                raise _invalid()
            claims: Any = from_json(oidc_signatures.payload(token, key), allow_inf_nan=False)
        except (jwt.InvalidTokenError, ValueError):
            raise _invalid() from None
        if not isinstance(claims, dict):
            raise _invalid()
        return cast("Mapping[str, Any]", claims)

    def _check(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        if claims.get("iss") != self._trusted.issuer or not self._is_for_us(claims):
            raise _invalid()
        if not _is_time(claims.get("exp")) or not all(_is_time(claims.get(name, 0)) for name in ("iat", "nbf")):
            raise _invalid()
        if max(claims.get("iat", 0), claims.get("nbf", 0)) > now + SKEW_SECONDS:
            raise _invalid()
        if claims["exp"] <= now - SKEW_SECONDS:
            raise Unauthenticated("The identity token has expired.")

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        audience: Any = claims.get("aud")
        if audience is None and claims.get("token_use") == "access":
            audience = claims.get("client_id")
        given = cast("list[Any]", audience) if isinstance(audience, list) else [audience]
        return any(isinstance(one, str) and one in self._trusted.audience for one in given)

    def _identity(self, claims: Mapping[str, Any]) -> TrustedIdentity:
        user_claim, tenant_claim = self._trusted.user_claim, self._trusted.tenant_claim
        # Else whoever may enter an address at the provider could become its owner.
        verified = claims.get("email_verified")
        if user_claim == "email" and verified is not True and verified != "true":
            raise Unauthenticated("The identity token's e-mail address was never verified.")
        try:
            user = checked_user(claims.get(user_claim))
            tenant = None if tenant_claim is None else checked_tenant(claims.get(tenant_claim))
        except InvalidRequest:
            raise Unauthenticated("The identity token does not say who the user is, or of which tenant.") from None
        return TrustedIdentity(user=user, tenant=tenant, good_until=int(claims["exp"]))


def _invalid() -> Unauthenticated:
    return Unauthenticated("The identity token is not valid.")


def _is_time(value: object) -> bool:
    """Seconds since 1970, which may have a fraction (RFC 7519 section 2)."""
    return isinstance(value, int | float) and not isinstance(value, bool)

"""The signatures of identity tokens: RS256 and ES256 (RFC 7518 section 3), by `cryptography`, on PyJWT's reading of a token.

Imported by the api function alone, and only where OpenID Connect is configured: see `lean_jwt`.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from functions.identity.lean_jwt import Algorithm, jwt

AlgorithmName = Literal["RS256", "ES256"]
RS256: Final = "RS256"
ES256: Final = "ES256"

RSA_BITS: Final = (2048, 8192)
"""The shortest RSA key that is taken (RFC 7518 section 3.3), and the longest: checking a signature takes longer with it."""
_P256_BYTES: Final = 32

_RsaKey = rsa.RSAPublicKey
_EcKey = ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of the issuer's."""

    kid: str | None
    algorithm: AlgorithmName
    key: _RsaKey | _EcKey


def read_key(jwk: Mapping[str, Any]) -> PublicKey | None:
    """A JSON Web Key (RFC 7517); None for one that is not for RS256 or ES256, or is damaged: a set may hold others, too."""
    if jwk.get("use", "sig") != "sig":
        return None
    try:
        match jwk.get("kty"), jwk.get("alg"):
            case "RSA", None | "RS256":
                numbers = rsa.RSAPublicNumbers(e=_number(jwk["e"]), n=_number(jwk["n"]))
                if not RSA_BITS[0] <= numbers.n.bit_length() <= RSA_BITS[1]:
                    return None
                return PublicKey(_kid(jwk), RS256, numbers.public_key())
            case "EC", None | "ES256" if jwk.get("crv") == "P-256":
                point = ec.EllipticCurvePublicNumbers(x=_number(jwk["x"]), y=_number(jwk["y"]), curve=ec.SECP256R1())
                return PublicKey(_kid(jwk), ES256, point.public_key())
            case _:
                return None
    except (KeyError, ValueError, TypeError):
        return None


def payload(token: str, key: PublicKey) -> bytes:
    """What the issuer has signed. Raises `jwt.InvalidTokenError` or `ValueError` where the key is not that of the signature.

    The algorithm is the key's: what the token says of it must be the same.
    """
    return _jws.decode_complete(token, key.key, algorithms=[key.algorithm])["payload"]


def header(token: str) -> dict[str, Any]:
    """A token's header, which nobody has checked. Raises `jwt.InvalidTokenError` or `ValueError`."""
    return _jws.get_unverified_header(token)


class _Verifying(Algorithm):
    """An algorithm whose private keys are others'."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def sign(self, msg: bytes, key: Any) -> bytes:
        raise NotImplementedError

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError


class _RS256(_Verifying):
    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        if not isinstance(key, _RsaKey):
            return False
        try:
            key.verify(sig, msg, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


class _ES256(_Verifying):
    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        if not isinstance(key, _EcKey) or len(sig) != 2 * _P256_BYTES:
            return False
        r, s = int.from_bytes(sig[:_P256_BYTES]), int.from_bytes(sig[_P256_BYTES:])
        try:
            key.verify(encode_dss_signature(r, s), msg, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def _verifier() -> jwt.PyJWS:
    # Without any of PyJWT's own, `none` and HS256 among them.
    jws = jwt.PyJWS(algorithms=[])
    jws.register_algorithm(RS256, _RS256())
    jws.register_algorithm(ES256, _ES256())
    return jws


_jws: Final = _verifier()


def _kid(jwk: Mapping[str, Any]) -> str | None:
    kid = jwk.get("kid")
    return kid if isinstance(kid, str) else None


def _number(text: object) -> int:
    """A number as base64url (RFC 7518 section 6.3.1.1). Raises `ValueError`."""
    if not isinstance(text, str) or not text.isascii() or "=" in text:
        raise ValueError("no base64url")
    return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))

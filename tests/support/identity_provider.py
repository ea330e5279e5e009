"""An identity provider: keys of both kinds, tokens signed with them, and its two documents."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://id.example.com/pool"
CLIENT = "client-1"

# Making an RSA key takes a while; they are the same for all tests of a process.
_RSA = [rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in range(2)]
_EC = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]


def number(value: int, length: int | None = None) -> str:
    """A number as JSON Web Keys hold it."""
    raw = value.to_bytes(length or (value.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rsa_jwk(key: RSAPrivateKey, **more: Any) -> dict[str, Any]:
    """The public half of a key."""
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}


def ec_jwk(key: EllipticCurvePrivateKey, **more: Any) -> dict[str, Any]:
    """The public half of a key on P-256."""
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32), **more}


@dataclass
class Provider:
    """An issuer."""

    issuer: str = ISSUER
    rsa: RSAPrivateKey = field(default_factory=lambda: _RSA[0])
    ec: EllipticCurvePrivateKey = field(default_factory=lambda: _EC[0])
    generation: int = 1
    """Part of the key ids: a new one has other keys."""

    def rotate(self) -> None:
        """Replaces both keys."""
        self.generation += 1
        self.rsa, self.ec = _RSA[(self.generation - 1) % 2], _EC[(self.generation - 1) % 2]

    def keys(self) -> list[dict[str, Any]]:
        """The key set's keys."""
        return [
            rsa_jwk(self.rsa, kid=f"rsa-{self.generation}", use="sig", alg="RS256"),
            ec_jwk(self.ec, kid=f"ec-{self.generation}", use="sig", alg="ES256"),
        ]

    def documents(self) -> dict[str, Any]:
        """What stands at which address."""
        return {
            f"{self.issuer}/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/jwks.json",
            },
            f"{self.issuer}/jwks.json": {"keys": self.keys()},
        }

    def fetch(self, address: str) -> bytes:
        """What stands at an address. Raises `KeyError`."""
        return json.dumps(self.documents()[address]).encode()

    def claims(self, *, now: float, **more: Any) -> dict[str, Any]:
        """An ID token's claims, good for an hour; a claim that is None is left out."""
        claims = {
            "iss": self.issuer,
            "sub": "alice",
            "aud": CLIENT,
            "iat": int(now),
            "exp": int(now) + 3_600,
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, claims: Mapping[str, Any], *, algorithm: str = "RS256", kid: str | None = "", **header: Any) -> str:
        """A token, rightly signed; `kid` is the key's own where it is empty, and is left out where it is None."""
        name = "ec" if algorithm == "ES256" else "rsa"
        named = {"kid": kid or f"{name}-{self.generation}"} if kid is not None else {}
        return self.signed(json.dumps(dict(claims)).encode(), {"alg": algorithm, "typ": "JWT", **named, **header})

    def signed(self, payload: bytes, header: Mapping[str, Any]) -> str:
        """Any payload under any header, rightly signed, without the library that reads it."""
        signed = b".".join(map(_segment, (json.dumps(dict(header)).encode(), payload)))
        return b".".join((signed, _segment(self._signature(signed, str(header["alg"]))))).decode()

    def _signature(self, signed: bytes, algorithm: str) -> bytes:
        if algorithm == "ES256":
            r, s = decode_dss_signature(self.ec.sign(signed, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32) + s.to_bytes(32)
        digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[2:]]()
        if algorithm.startswith("PS"):
            pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.DIGEST_LENGTH)
            return self.rsa.sign(signed, pss, digest)
        return self.rsa.sign(signed, padding.PKCS1v15(), digest)


def _segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")

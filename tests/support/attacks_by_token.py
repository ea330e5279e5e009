"""Tokens that are not good, at each door that takes one."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.support.attack import Attack
from tests.support.attack_target import (
    Sent,
    Target,
    asked,
    bearer,
    claims_of,
    encoded,
    header_of,
    message,
    signed,
)
from tests.support.multipart import CONTENT_TYPE, Part, multipart

_UNAUTHENTICATED: Final = frozenset({401})


def _parts(token: str) -> list[str]:
    return token.split(".")


def _flipped(part: str) -> str:
    """One bit is other than it was."""
    return ("B" if part[0] != "B" else "C") + part[1:]


def _with_claims(token: str, **claims: Any) -> str:
    head, _, signature = _parts(token)
    return ".".join((head, encoded(claims_of(token) | claims), signature))


def _with_header(token: str, **header: Any) -> str:
    _, claims, signature = _parts(token)
    return ".".join((encoded(header_of(token) | header), claims, signature))


def _unsigned(algorithm: str) -> Callable[[Target], str]:
    return lambda at: f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{_parts(at.alice)[1]}."


def _resigned(key: str | bytes, digest: str = "sha256", **header: Any) -> Callable[[Target], str]:
    """The claims of a good token, signed by an attacker."""
    return lambda at: signed(header_of(at.alice) | header, claims_of(at.alice), key, digest)


PUBLIC_KEY: Final = (
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n"
    "q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----\n"
)
"""A public key, whose text an attacker knows, and uses as the secret of an HMAC."""
_MINE: Final = "the attacker's own key, of more than thirty-two characters"

# Everybody who holds one of these is refused, whatever they ask for. Those from `forge` are signed by the right key: what
# is wrong with them is what they say.
TOKENS: Final[Mapping[str, Callable[[Target], str]]] = {
    "no token": lambda _: "",
    "no JWT": lambda _: "null",
    "two parts": lambda at: ".".join(_parts(at.alice)[:2]),
    "four parts": lambda at: at.alice + ".x",
    "five parts, as if encrypted": lambda at: at.alice + ".x.x",
    "a header of one bit less": lambda at: ".".join((_flipped(_parts(at.alice)[0]), *_parts(at.alice)[1:])),
    "claims of one bit less": lambda at: ".".join(
        (_parts(at.alice)[0], _flipped(_parts(at.alice)[1]), _parts(at.alice)[2])
    ),
    "a signature of one bit less": lambda at: ".".join((*_parts(at.alice)[:2], _flipped(_parts(at.alice)[2]))),
    "a signature cut short": lambda at: at.alice[:-4],
    "no signature": lambda at: ".".join((*_parts(at.alice)[:2], "")),
    "the stranger's signature": lambda at: ".".join((*_parts(at.alice)[:2], _parts(at.token)[2])),
    "the stranger's claims": lambda at: ".".join((_parts(at.alice)[0], _parts(at.token)[1], _parts(at.alice)[2])),
    "another user's name": lambda at: _with_claims(at.token, sub="alice"),
    "no tenant any more": lambda at: _with_claims(at.token, tenant=None),
    "a later expiry": lambda at: _with_claims(at.alice, exp=4_102_444_801),
    "more scopes": lambda at: _with_claims(at.alice, scope="chat upload admin"),
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg NONE": _unsigned("NONE"),
    "alg empty": _unsigned(""),
    "alg none, with the signature": lambda at: _with_header(at.alice, alg="none"),
    "alg missing": lambda at: ".".join((encoded({"typ": "JWT"}), *_parts(at.alice)[1:])),
    "alg no text": lambda at: _with_header(at.alice, alg=["HS256"]),
    "RS256, signed with a public key's text": _resigned(PUBLIC_KEY, alg="RS256"),
    "HS256, signed with a public key's text": _resigned(PUBLIC_KEY),
    "RS256 in the header alone": lambda at: _with_header(at.alice, alg="RS256"),
    "ES256 in the header alone": lambda at: _with_header(at.alice, alg="ES256"),
    "PS256 in the header alone": lambda at: _with_header(at.alice, alg="PS256"),
    "EdDSA in the header alone": lambda at: _with_header(at.alice, alg="EdDSA"),
    "RS256, by the right key": lambda at: at.forge(headers={"alg": "RS256"}),
    "HS384, by the right key": lambda at: at.forge(headers={"alg": "HS384"}),
    "another key": _resigned(_MINE),
    "another key id": _resigned(_MINE, kid="mine"),
    "a key id that is a path": _resigned(b"", kid="../../../../dev/null"),
    "a key id that is a query": _resigned("x", kid="' UNION SELECT 'x"),
    "a key id that is a number": _resigned(_MINE, kid=7),
    "no key id": _resigned(_MINE, kid=None),
    "an empty key": _resigned(b""),
    "a key in the header": _resigned(_MINE, jwk={"kty": "oct", "k": encoded(_MINE.encode())}),
    "a key's address in the header": _resigned(_MINE, jku="http://127.0.0.1:1/keys", x5u="http://127.0.0.1:1/keys"),
    "a critical header": lambda at: at.forge(headers={"crit": ["b64"], "b64": False}),
    "long expired": lambda at: at.forge(exp=1_700_000_000),
    "expired, of a session that is over": lambda at: at.forge(exp=1_700_000_000, session_exp=1_700_000_000),
    "another audience": lambda at: at.forge(aud="another"),
    "several other audiences": lambda at: at.forge(aud=["another", "chatkits"]),
    "an audience that is no text": lambda at: at.forge(aud={"chatkit": True}),
    "no audience": lambda at: at.forge(without="aud"),
    "no user": lambda at: at.forge(without="sub"),
    "no expiry": lambda at: at.forge(without="exp"),
    "no session": lambda at: at.forge(without="sid"),
    "no scope": lambda at: at.forge(without="scope"),
    "no end of the session": lambda at: at.forge(without="session_exp"),
    "an expiry that is a text": lambda at: at.forge(exp="4102444800"),
    "an expiry that is yes": lambda at: at.forge(exp=True),
    "an expiry without an end": lambda at: at.forge(exp=float("inf")),
    "an expiry that is none": lambda at: at.forge(exp=None),
    "a user that is a list": lambda at: at.forge(sub=["alice"]),
    "a user that is a number": lambda at: at.forge(sub=5),
    "an empty user": lambda at: at.forge(sub=""),
    "a user of too many characters": lambda at: at.forge(sub="a" * 257),
    "a tenant that is an object": lambda at: at.forge(tenant={"acme": 1}),
    "an empty tenant": lambda at: at.forge(tenant=""),
    "a session id that is none": lambda at: at.forge(sid="../x"),
    "a scope that is a list": lambda at: at.forge(scope=["chat"]),
    "claims that are a list": lambda at: signed(header_of(at.alice), ["alice"], _MINE),
    "claims that are deep": lambda at: f"{_parts(at.alice)[0]}.{encoded(b'[' * 4_000)}.{_parts(at.alice)[2]}",
    "a header that is deep": lambda at: f"{encoded(b'[' * 4_000)}.{'.'.join(_parts(at.alice)[1:])}",
    "bytes that are no text": lambda at: f"{encoded(bytes([255, 254]))}.{encoded(bytes([255]))}.{_parts(at.alice)[2]}",
    "too long": lambda at: at.alice + "A" * 8_000,
    "an API key": lambda _: "ck_" + "A" * 43,
    "signed out": lambda at: at.signed_out,
}

_DOORS: Final[Mapping[str, Callable[[Target, str], Sent]]] = {
    "reads a thread": lambda at, token: asked("threads.get_by_id", token, thread_id=at.ids.thread),
    "writes a message": lambda at, token: asked(
        "threads.add_user_message", token, thread_id=at.ids.thread, input=message()
    ),
    "brings in a file": lambda _, token: Sent(
        path="/api/chatkit/upload",
        headers=(("content-type", CONTENT_TYPE), bearer(token)),
        body=multipart(Part(name="file", file_name="x.txt", media_type="text/plain", data=b"hello")),
    ),
    "renews it": lambda _, token: Sent(
        path="/api/chatkit/refresh",
        headers=(("content-type", "application/json"),),
        body=json.dumps({"currentClientSecret": token}).encode(),
    ),
}


def _token_attacks() -> list[Attack]:
    attacks: list[Attack] = []
    for token_name, make in TOKENS.items():
        for door_name, door in _DOORS.items():
            # An empty token is a field that is missing; a message of a session that was ended is refused in the stream.
            is_field = token_name == "no token" and door_name == "renews it"
            is_stream = token_name == "signed out" and door_name == "writes a message"
            statuses = frozenset({400}) if is_field else frozenset({200}) if is_stream else _UNAUTHENTICATED
            attacks.append(
                Attack(
                    f"{token_name}: {door_name}",
                    lambda at, door=door, make=make: door(at, make(at)),
                    statuses=statuses,
                )
            )
    return attacks


TOKEN_ATTACKS: Final = tuple(_token_attacks())

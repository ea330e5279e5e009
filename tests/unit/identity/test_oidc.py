"""Identity tokens, with real keys of both kinds."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import Unauthenticated, Unavailable
from functions.identity.base import Credentials, Session, TrustedIdentity
from functions.identity.oidc import SKEW_SECONDS, TOKEN_CHARACTERS, OidcIdentities
from functions.identity.oidc_keys import (
    FRESH_SECONDS,
    PAUSE_SECONDS,
    STALE_SECONDS,
    FetchError,
    IssuerKeys,
)
from functions.identity.oidc_signatures import read_key
from functions.settings import Oidc
from tests.support.identity_provider import CLIENT, ISSUER, Provider, ec_jwk, rsa_jwk

NOW = 1_800_000_000
both = pytest.mark.parametrize("algorithm", ["RS256", "ES256"])


class World:
    """A provider, and what trusts it; the time is set by hand."""

    def __init__(self, **trusted: Any) -> None:
        self.provider = Provider()
        self.now = float(NOW)
        self.fetched: list[str] = []
        self.fetch: Callable[[str], bytes] = self.provider.fetch
        self.keys = IssuerKeys(issuer=ISSUER, fetch=self._fetch, clock=lambda: self.now)
        settings = Oidc(**{"issuer": ISSUER, "audience": (CLIENT, "client-2"), **trusted})
        self.identities = OidcIdentities(trusted=settings, keys=self.keys, clock=lambda: self.now)

    def _fetch(self, address: str) -> bytes:
        self.fetched.append(address)
        return self.fetch(address)

    def identify(self, token: str | None) -> TrustedIdentity | None:
        return self.identities.identify(Credentials(bearer=token, body={"user": "mallory", "tenant": "other"}))

    def with_claims(self, *, algorithm: str = "RS256", **claims: Any) -> TrustedIdentity | None:
        return self.identify(self.provider.token(self.provider.claims(now=self.now, **claims), algorithm=algorithm))

    def refuses(self, token: str) -> None:
        with pytest.raises(Unauthenticated):
            self.identify(token)

    def refuses_claims(self, **claims: Any) -> None:
        with pytest.raises(Unauthenticated):
            self.with_claims(**claims)


def segment(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@both
def test_a_token_is_its_users(algorithm: str) -> None:
    """A token of either kind says who calls, whatever the body names, and until when."""
    assert World().with_claims(algorithm=algorithm) == TrustedIdentity(user="alice", good_until=NOW + 3_600)


def test_a_call_without_an_identity_token_is_another_kinds() -> None:
    """No token, or an API key, is nobody's affair here, and asks the provider nothing."""
    world = World()
    assert world.identify(None) is None
    assert world.identify("ckl_" + "a" * 43) is None
    assert world.fetched == []
    assert world.identities.farewell() is None
    assert world.identities.vouches_for(Session(id="s", user="alice", began=0, ends=1))


@pytest.mark.parametrize("audience", [CLIENT, "client-2", ["other", CLIENT]])
def test_a_token_for_one_of_our_clients_is_taken(audience: Any) -> None:
    """Several clients of one provider may share a backend."""
    assert World().with_claims(aud=audience)


@pytest.mark.parametrize(
    "audience", ["other", "", None, [], ["other"], 5, [5], {CLIENT: 1}, CLIENT + " ", CLIENT.upper()]
)
def test_a_token_for_somebody_else_is_refused(audience: Any) -> None:
    """What the same provider has issued for another client opens nothing here."""
    World().refuses_claims(aud=audience)


def test_cognitos_tokens_are_taken() -> None:
    """Its access tokens have `client_id` in place of an audience, its ID tokens are like others'."""
    access = {"aud": None, "client_id": CLIENT, "token_use": "access", "username": "alice", "scope": "openid"}
    assert World().with_claims(**access)
    assert World(user_claim="username").with_claims(**{**access, "sub": "uuid"}) == TrustedIdentity(
        user="alice", good_until=NOW + 3_600
    )
    assert World().with_claims(**{"token_use": "id", "cognito:username": "alice"})
    groups = World(user_claim="cognito:username", tenant_claim="custom:tenant")
    found = groups.with_claims(**{"token_use": "id", "cognito:username": "bob", "custom:tenant": "acme"})
    assert found == TrustedIdentity(user="bob", tenant="acme", good_until=NOW + 3_600)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": None, "client_id": "other", "token_use": "access"},
        {"aud": None, "client_id": CLIENT},
        {"aud": None, "client_id": CLIENT, "token_use": "id"},
        {"aud": None, "client_id": [5], "token_use": "access"},
        {"aud": "other", "client_id": CLIENT, "token_use": "access"},
    ],
)
def test_a_client_id_counts_in_cognitos_access_tokens_alone(claims: dict[str, Any]) -> None:
    """Everywhere else the audience is what counts."""
    World().refuses_claims(**claims)


@pytest.mark.parametrize("issuer", [None, "", ISSUER + "/", ISSUER.upper(), "https://evil.test", 5, [ISSUER]])
def test_a_token_of_another_issuer_is_refused(issuer: Any) -> None:
    """The issuer is compared letter by letter."""
    World().refuses_claims(iss=issuer)


def test_a_token_is_good_in_its_time() -> None:
    """With a minute for clocks that differ, at either end."""
    world = World()
    token = world.provider.token(world.provider.claims(now=NOW, nbf=NOW))
    for moment in (NOW - SKEW_SECONDS, NOW, NOW + 3_600 + SKEW_SECONDS - 1):
        world.now = moment
        assert world.identify(token)
    for moment in (NOW - SKEW_SECONDS - 1, NOW + 3_600 + SKEW_SECONDS, NOW + 10**8):
        world.now = moment
        world.refuses(token)
    world.now = NOW
    assert world.with_claims(exp=NOW + 0.5, iat=None)
    for name in ("exp", "iat", "nbf"):
        for wrong in ("1900000000", True, [NOW], {"at": NOW}, *([None] if name == "exp" else [])):
            world.refuses_claims(**{name: wrong})
    world.refuses_claims(iat=NOW + SKEW_SECONDS + 1)
    world.refuses_claims(nbf=NOW + SKEW_SECONDS + 1)


@pytest.mark.parametrize("user", [None, "", " ", 5, ["alice"], "a\n", "a" * 257])
def test_a_token_that_does_not_say_who_is_refused(user: Any) -> None:
    """The user, and the tenant where one is configured, are fit to be part of a key."""
    claims: dict[str, Any] = {"sub": user}
    if isinstance(user, str | None):
        World().refuses_claims(**claims)
        World(tenant_claim="org").refuses_claims(org=user)
    World(user_claim="who").refuses_claims(who=user)


def test_a_tenant_must_be_there_where_one_is_configured() -> None:
    """A user without a tenant would else be another tenant's, or everybody's."""
    world = World(tenant_claim="org_id")
    assert world.with_claims(org_id="acme") == TrustedIdentity(user="alice", tenant="acme", good_until=NOW + 3_600)
    world.refuses_claims()
    found = World().with_claims(org_id="acme")
    assert found
    assert found.tenant is None


@pytest.mark.parametrize(
    ("verified", "is_taken"), [(True, True), ("true", True), (False, False), (None, False), (1, False)]
)
def test_an_address_counts_where_it_was_verified(verified: Any, is_taken: bool) -> None:
    """An address that anybody could have entered makes nobody its owner."""
    world = World(user_claim="email")
    claims = {"email": "alice@example.com", "email_verified": verified}
    if is_taken:
        assert world.with_claims(**claims) == TrustedIdentity(user="alice@example.com", good_until=NOW + 3_600)
    else:
        world.refuses_claims(**claims)


@both
@pytest.mark.parametrize("part", [0, 1, 2])
def test_an_altered_token_is_refused(algorithm: str, part: int) -> None:
    """Each part of a token counts, at its beginning, in its middle and at its end."""
    world = World()
    parts = world.provider.token(world.provider.claims(now=NOW), algorithm=algorithm).split(".")
    for place in (0, len(parts[part]) // 2, len(parts[part]) - 1):
        letters = list(parts[part])
        letters[place] = "A" if letters[place] >= "a" else "z"
        altered = [*parts[:part], "".join(letters), *parts[part + 1 :]]
        world.refuses(".".join(altered))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    """Two algorithms are taken, whatever the provider could do besides."""
    world = World()
    world.refuses(world.provider.token(world.provider.claims(now=NOW), algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS256", "HS512", None, ["RS256"], {"RS256": 1}, 256])
def test_a_token_that_is_not_signed_by_the_provider_is_refused(algorithm: Any) -> None:
    """No token without a signature, and none signed with what everybody knows: the public key as an HMAC's secret."""
    world = World()
    pem = world.provider.rsa.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = world.provider.rsa.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    jwk = json.dumps(world.provider.keys()[0]).encode()
    for kid in ("rsa-1", "ec-1", None):
        head = segment({"alg": algorithm, "typ": "JWT", **({"kid": kid} if kid else {})})
        signed = f"{head}.{segment(world.provider.claims(now=NOW))}"
        world.refuses(f"{signed}.")
        for secret in (pem, der, jwk, b""):
            for digest in (hashlib.sha256, hashlib.sha512):
                world.refuses(f"{signed}.{segment(hmac.digest(secret, signed.encode(), digest))}")


def test_the_key_decides_which_algorithm_it_is() -> None:
    """A token that names the other kind's key is refused, rightly signed or not."""
    world = World()
    claims = world.provider.claims(now=NOW)
    world.refuses(world.provider.token(claims, algorithm="RS256", kid="ec-1"))
    world.refuses(world.provider.token(claims, algorithm="ES256", kid="rsa-1"))
    world.refuses(world.provider.token(claims, kid="unknown"))
    for kid in (5, ["rsa-1"], {"rsa-1": 1}):
        head = segment({"alg": "RS256", "kid": kid})
        world.refuses(f"{head}.{segment(claims)}.{segment(b'x' * 256)}")


@both
def test_a_key_of_the_senders_own_is_not_taken(algorithm: str) -> None:
    """A token that brings its key along, or says where it is, has brought it in vain."""
    world, thief = World(), Provider()
    thief.rotate()
    claims = world.provider.claims(now=NOW)
    own = thief.keys()[0 if algorithm == "RS256" else 1]
    name = "rsa-1" if algorithm == "RS256" else "ec-1"
    for header in (
        {},
        {"jwk": own},
        {"jku": "https://evil.test/jwks.json"},
        {"x5u": "https://evil.test"},
        {"crit": ["exp"]},
    ):
        world.refuses(thief.token(claims, algorithm=algorithm, kid=name, **header))
    assert all("evil" not in address for address in world.fetched)


@both
def test_a_token_without_a_key_id_is_taken_where_there_is_one_key(algorithm: str) -> None:
    """Providers with one key may leave its id out; with two, nobody guesses."""
    world = World()
    token = world.provider.token(world.provider.claims(now=NOW), algorithm=algorithm, kid=None)
    assert world.identify(token)
    other = Provider()
    other.rotate()
    documents = world.provider.documents()
    documents[f"{ISSUER}/jwks.json"]["keys"] += other.keys()
    double = World()
    double.fetch = lambda address: json.dumps(documents[address]).encode()
    double.refuses(token)


@pytest.mark.parametrize("claims", [b"", b"{", b"[]", b"null", b'"alice"', b"[" * 1_000, b"\xff", b'{"exp": NaN}'])
def test_what_is_signed_and_holds_no_claims_is_refused(claims: bytes) -> None:
    """Also the provider's own nonsense."""
    world = World()
    world.refuses(world.provider.signed(claims, {"alg": "RS256", "kid": "rsa-1"}))


def test_an_endless_token_is_not_looked_at() -> None:
    """A token over the limit is refused though it is right, and asks the provider nothing."""
    world = World()
    world.refuses_claims(x="x" * TOKEN_CHARACTERS)
    assert world.fetched == []


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.text("abcABC019-_.=", max_size=60))
def test_any_text_is_refused(text: str, shape: str) -> None:
    """Whatever a caller sends, the answer is `Unauthenticated` and nothing else."""
    world = World()
    for token in (text, shape, f"{segment({'alg': 'RS256', 'kid': 'rsa-1'})}.{text}.{shape}"):
        if not token.startswith("ckl_"):
            world.refuses(token)


# The provider's keys


def test_keys_are_fetched_once_an_hour() -> None:
    """The discovery document, then the key set; after that nothing for an hour."""
    world = World()
    assert world.fetched == []
    for _ in range(3):
        world.with_claims()
    documents = [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/jwks.json"]
    assert world.fetched == documents
    world.now += FRESH_SECONDS - 1
    world.with_claims()
    assert world.fetched == documents
    world.now += 1
    world.with_claims()
    assert world.fetched == documents * 2


def test_a_new_key_is_fetched_when_it_is_first_met() -> None:
    """A provider that rotates its keys keeps nobody out; a token of the key that has gone is refused then."""
    world = World()
    world.with_claims()
    old = world.provider.token(world.provider.claims(now=world.now))
    world.provider.rotate()
    world.now += PAUSE_SECONDS
    assert world.with_claims()
    assert world.with_claims(algorithm="ES256")
    assert len(world.fetched) == 4
    world.refuses(old)


def test_made_up_key_ids_make_nobody_ask() -> None:
    """Between two attempts there are thirty seconds, whatever is sent."""
    world = World()
    claims = world.provider.claims(now=NOW)
    for number in range(100):
        world.refuses(world.provider.token(claims, kid=f"made-up-{number}"))
    assert len(world.fetched) == 2
    world.now += PAUSE_SECONDS
    for number in range(100):
        world.refuses(world.provider.token(claims, kid=f"made-up-{number}"))
    assert len(world.fetched) == 4


def failing(_: str) -> bytes:
    raise FetchError("HTTP 503")


def test_a_provider_that_is_down_keeps_nobody_out_for_a_day() -> None:
    """Known keys are used on; it is asked again every thirty seconds, and after a day its keys are too old."""
    world = World()
    world.with_claims()
    world.fetch = failing
    world.now += FRESH_SECONDS
    for _ in range(5):
        assert world.with_claims()
    assert len(world.fetched) == 3
    world.now += STALE_SECONDS - FRESH_SECONDS
    with pytest.raises(Unavailable):
        world.with_claims()
    world.fetch = world.provider.fetch
    world.now += PAUSE_SECONDS
    assert world.with_claims()


def test_without_keys_the_caller_is_asked_to_try_again() -> None:
    """A provider that was never reached is a 503, not a 401: the token may be right."""
    world = World()
    world.fetch = failing
    for _ in range(3):
        with pytest.raises(Unavailable):
            world.with_claims()
    assert len(world.fetched) == 1
    world.fetch = world.provider.fetch
    world.now += PAUSE_SECONDS
    assert world.with_claims()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d[f"{ISSUER}/.well-known/openid-configuration"].update(issuer="https://evil.test"),
        lambda d: d[f"{ISSUER}/.well-known/openid-configuration"].pop("issuer"),
        lambda d: d[f"{ISSUER}/.well-known/openid-configuration"].update(jwks_uri=5),
        lambda d: d.update({f"{ISSUER}/.well-known/openid-configuration": []}),
        lambda d: d.update({f"{ISSUER}/jwks.json": []}),
        lambda d: d.update({f"{ISSUER}/jwks.json": {"keys": {}}}),
        lambda d: d.update({f"{ISSUER}/jwks.json": {"keys": []}}),
        lambda d: d.update({f"{ISSUER}/jwks.json": {"keys": [5, {"kty": "oct", "k": "x"}]}}),
    ],
)
def test_documents_that_are_wrong_give_no_keys(change: Callable[[dict[str, Any]], Any]) -> None:
    """A discovery document of another issuer, or one without keys that are of use, is as none."""
    world = World()
    documents = world.provider.documents()
    change(documents)
    world.fetch = lambda address: json.dumps(documents[address]).encode()
    with pytest.raises(Unavailable):
        world.with_claims()


@pytest.mark.parametrize("answer", [b"", b"<html>", b"\xff", b"NaN", b"[" * 10_000])
def test_an_answer_that_is_no_json_gives_no_keys(answer: bytes) -> None:
    """A provider's error page is as no answer."""
    world = World()
    world.fetch = lambda _: answer
    with pytest.raises(Unavailable):
        world.with_claims()


def test_an_issuer_whose_name_ends_in_a_slash_is_found() -> None:
    """Auth0's do: the slash is the issuer's, and not doubled in the address."""
    asked: list[str] = []

    def fetch(address: str) -> bytes:
        asked.append(address)
        raise FetchError("enough")

    keys = IssuerKeys(issuer="https://tenant.auth0.example/", fetch=fetch)
    with pytest.raises(Unavailable):
        keys.find("a", "RS256")
    assert asked == ["https://tenant.auth0.example/.well-known/openid-configuration"]


SMALL = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
P384 = ec.generate_private_key(ec.SECP384R1())
RSA_KEY, EC_KEY = Provider().rsa, Provider().ec


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "OKP", "crv": "Ed25519", "x": "x"},
        rsa_jwk(SMALL),
        rsa_jwk(RSA_KEY, use="enc"),
        rsa_jwk(RSA_KEY, alg="RS512"),
        rsa_jwk(RSA_KEY, alg="ES256"),
        {**rsa_jwk(RSA_KEY), "n": "!"},
        {**rsa_jwk(RSA_KEY), "n": 5},
        {**rsa_jwk(RSA_KEY), "e": ""},
        {**rsa_jwk(RSA_KEY), "e": "AQ"},
        {"kty": "RSA"},
        ec_jwk(EC_KEY, alg="ES384"),
        {**ec_jwk(EC_KEY), "crv": "P-384"},
        {**ec_jwk(EC_KEY), "x": ec_jwk(EC_KEY)["y"]},
        {**ec_jwk(EC_KEY), "y": "AA"},
        {**rsa_jwk(RSA_KEY), "n": rsa_jwk(RSA_KEY)["n"] + "="},
    ],
)
def test_a_key_that_is_of_no_use_is_passed_over(jwk: dict[str, Any]) -> None:
    """Too short, of another kind, for something else, or damaged: no token is checked with it."""
    assert read_key(jwk) is None


def test_a_key_may_leave_out_what_it_is_for() -> None:
    """`use`, `alg` and `kid` are optional."""
    for jwk, algorithm in ((rsa_jwk(RSA_KEY), "RS256"), (ec_jwk(EC_KEY), "ES256")):
        key = read_key(jwk)
        assert key
        assert (key.kid, key.algorithm) == (None, algorithm)


IMPORTS = """
import sys
{code}
print(sorted(name for name in sys.modules if name.partition(".")[0] in {{"cryptography", "cffi", "_cffi_backend"}})[:3])
"""


@pytest.mark.parametrize(
    ("code", "is_there"),
    [
        ("import functions.wiring, functions.gateway.chat_endpoint", False),
        (
            (
                "import functions.identity.tokens as t; from functions.identity.keys import OneKey, SigningKey; "
                "t.ClientTokens(keys=OneKey(SigningKey('1', 'k' * 32))).issue('a')"
            ),
            False,
        ),
        ("import functions.identity.anonymous, functions.identity.api_keys, functions.gateway.sessions", False),
        ("import functions.identity.oidc", True),
        ("import functions.identity.tokens, functions.identity.oidc", True),
    ],
)
def test_heavy_cryptography_is_for_identity_tokens_alone(code: str, is_there: bool) -> None:
    """Neither the chat function nor client tokens import it, though it is installed; identity tokens do, after them too."""
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(code=code)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (ran.stdout.strip() != "[]") is is_there

"""Client tokens."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import InternalError, Unauthenticated
from functions.identity.base import TENANT_CHARACTERS, USER_CHARACTERS, Caller
from functions.identity.keys import KEY_CHARACTERS, KID_CHARACTERS, OneKey, SigningKey
from functions.identity.tokens import TOKEN_CHARACTERS, ClientTokens

NOW = 1_800_000_000
KEY = SigningKey(kid="7", key="k" * KEY_CHARACTERS)
CLAIMS = {
    "sub": "alice",
    "aud": "chatkit",
    "iat": NOW,
    "exp": NOW + 600,
    "jti": "jti",
    "sid": "sid",
    "auth_time": NOW,
    "session_exp": NOW + 43_200,
    "scope": "chat upload",
}
ALICE = Caller(user="alice", session="sid", scopes=("chat", "upload"))
HEADER = {"alg": "HS256", "typ": "JWT", "kid": "7"}


def tokens(*, clock: float = NOW, key: SigningKey = KEY) -> ClientTokens:
    return ClientTokens(keys=OneKey(key), seconds=600, clock=lambda: clock)


def segment(content: object) -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def forged(
    claims: object, header: object = HEADER, *, key: bytes = KEY.key.encode(), digest: Any = hashlib.sha256
) -> str:
    """A token with a right HMAC over whatever it holds, made without the library that reads it."""
    signed = segment(header) + b"." + segment(claims)
    return (signed + b"." + segment(hmac.digest(key, signed, digest))).decode()


def assert_refused(token: str, *, clock: float = NOW) -> None:
    with pytest.raises(Unauthenticated) as caught:
        tokens(clock=clock).verify(token)
    assert caught.value.message in {"The client token is not valid.", "The client token has expired."}


def test_a_token_is_its_users() -> None:
    """A token is good for its user, from now on, for as long as it says."""
    issued = tokens().issue("alice")
    assert issued.expires_at == NOW + 600
    for moment in (NOW, NOW + 1, NOW + 599.9):
        assert tokens(clock=moment).verify(issued.client_secret).user == "alice"


def test_a_token_tells_no_more_than_it_must() -> None:
    """What a token holds is what the module says, and its header names the key."""
    issued = tokens().issue("alice").client_secret
    assert jwt.get_unverified_header(issued) == HEADER
    claims = jwt.decode(issued, options={"verify_signature": False})
    assert claims == {**CLAIMS, "sid": claims["sid"], "jti": claims["jti"]}
    more = tokens().issue("alice", "acme", source="api_key", key="web", scopes=("chat",)).client_secret
    claims = jwt.decode(more, options={"verify_signature": False})
    assert claims == {
        **CLAIMS,
        "sid": claims["sid"],
        "jti": claims["jti"],
        "tenant": "acme",
        "idp": "api_key",
        "idp_key": "web",
        "scope": "chat",
    }


def test_the_forged_tokens_below_would_be_good_if_they_were_right() -> None:
    """The tests' own tokens are taken where nothing is wrong with them, also by a clock behind the issuer's."""
    assert tokens().verify(forged(CLAIMS)) == ALICE
    assert tokens().verify(forged({**CLAIMS, "iat": NOW + 60, "more": [1]}, {"alg": "HS256", "kid": "7"})) == ALICE
    assert tokens().verify(forged({**CLAIMS, "aud": ["other", "chatkit"]})) == ALICE
    acme = Caller(user="alice", tenant="acme", session="sid", source="oidc", scopes=("chat",))
    assert tokens().verify(forged({**CLAIMS, "tenant": "acme", "idp": "oidc", "scope": "chat"})) == acme


def test_an_expired_token_is_refused() -> None:
    """A token ends at its second, by the clock that was given."""
    issued = tokens().issue("alice").client_secret
    for moment in (NOW + 600, NOW + 601, NOW + 10**9):
        with pytest.raises(Unauthenticated, match="expired"):
            tokens(clock=moment).verify(issued)


def test_a_token_of_another_key_is_refused() -> None:
    """Only the key counts, not the name that the token gives it."""
    other = SigningKey(kid="7", key="o" * KEY_CHARACTERS)
    assert_refused(tokens(key=other).issue("alice").client_secret)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_an_altered_token_is_refused(part: int) -> None:
    """Every character of a token counts."""
    issued = tokens().issue("alice").client_secret
    parts = issued.split(".")
    for place in range(len(parts[part])):
        letters = list(parts[part])
        # The last character of a segment has spare bits, which do not count: flip the highest.
        letters[place] = "A" if letters[place] >= "a" else "z"
        altered = [*parts[:part], "".join(letters), *parts[part + 1 :]]
        assert_refused(".".join(altered))


@pytest.mark.parametrize(
    "claims",
    [{**CLAIMS, "sub": "bob"}, {**CLAIMS, "exp": NOW + 10**6}],
)
def test_other_claims_under_the_same_signature_are_refused(claims: Mapping[str, Any]) -> None:
    """A page cannot turn its token into another user's, nor make it last."""
    head, _, signature = tokens().issue("alice").client_secret.split(".")
    assert_refused(f"{head}.{segment(claims).decode()}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_is_refused(algorithm: str) -> None:
    """`alg: none` opens nothing, with a signature or without."""
    header = {**HEADER, "alg": algorithm}
    assert_refused(f"{segment(header).decode()}.{segment(CLAIMS).decode()}.")
    assert_refused(forged(CLAIMS, header))
    assert_refused(forged(CLAIMS, header, key=b""))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "ES256"},
        {"alg": "EdDSA"},
        {"alg": "hs256"},
        {"alg": ["HS256"]},
        {"alg": {"HS256": 1}},
        {"alg": None},
        {"alg": 256},
        {"alg": True},
        {},
        [],
        None,
        "HS256",
        {**HEADER, "kid": 7},
        {**HEADER, "kid": ["7"]},
        {**HEADER, "b64": False, "crit": ["b64"]},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "crit": "exp"},
    ],
)
def test_another_algorithm_is_refused(header: object) -> None:
    """The algorithm is ours to choose: a token that names another is not looked at, however it is signed."""
    for digest in (hashlib.sha256, hashlib.sha384, hashlib.sha512):
        assert_refused(forged(CLAIMS, header, digest=digest))


@pytest.mark.parametrize(
    "audience", ["other", "", "chatkit ", "CHATKIT", [], ["other"], {"chatkit": 1}, 5, True, [5], None]
)
def test_a_token_for_somebody_else_is_refused(audience: object) -> None:
    """A token that is not meant for this backend opens nothing."""
    assert_refused(forged({**CLAIMS, "aud": audience}))


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_a_token_without_a_claim_is_refused(claim: str) -> None:
    """None of the claims may be missing or null."""
    assert_refused(forged({name: value for name, value in CLAIMS.items() if name != claim}))
    assert_refused(forged({**CLAIMS, claim: None}))


@pytest.mark.parametrize("user", ["", 5, True, ["alice"], {"user": "alice"}, "a" * (USER_CHARACTERS + 1)])
def test_a_token_without_a_proper_user_is_refused(user: object) -> None:
    """What could not be part of a key is no user."""
    assert_refused(forged({**CLAIMS, "sub": user}))


@pytest.mark.parametrize("tenant", ["", 5, True, ["acme"], "a" * (TENANT_CHARACTERS + 1)])
def test_a_token_without_a_proper_tenant_is_refused(tenant: object) -> None:
    """A tenant is part of a key, too."""
    assert_refused(forged({**CLAIMS, "tenant": tenant}))


@pytest.mark.parametrize("claim", ["sid", "jti"])
@pytest.mark.parametrize("wrong", ["", "s" * 65, "a b", "é", "a\n", "a#b", 5, True, ["sid"]])
def test_a_token_without_a_proper_id_is_refused(claim: str, wrong: object) -> None:
    """A session's id is part of a key, and a token's of log lines: base64url, at most 64 characters."""
    assert_refused(forged({**CLAIMS, claim: wrong}))


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        *((name, wrong) for name in ("auth_time", "session_exp") for wrong in ("1800000000", 1.8e9, True, [NOW])),
        *((name, wrong) for name in ("scope", "idp", "idp_key") for wrong in (5, True, ["chat"], "c" * 65)),
        ("scope", ""),
    ],
)
def test_a_token_whose_session_is_none_is_refused(claim: str, wrong: object) -> None:
    """What is said of the session is of its kind, or the token is not looked at further."""
    assert_refused(forged({**CLAIMS, claim: wrong}))


@pytest.mark.parametrize("expires_at", ["1900000000", 1.9e9, True, False, -1, 0, [NOW + 600], {"at": NOW + 600}])
def test_a_token_without_a_proper_end_is_refused(expires_at: object) -> None:
    """An end is a whole number of seconds that is still to come."""
    assert_refused(forged({**CLAIMS, "exp": expires_at}))


@pytest.mark.parametrize(
    "claims",
    [b"", b"{", b"[]", b"null", b'"alice"', b"[" * 1_000, b'{"sub": "alice", "exp": 1e999}', b"\xff", b'{"exp": NaN}'],
)
def test_a_token_that_holds_no_claims_is_refused(claims: bytes) -> None:
    """What is signed and no JSON object is refused like the rest."""
    assert_refused(forged(claims))


def test_an_endless_token_is_not_looked_at() -> None:
    """A token over the limit is refused though it is right, and one at the limit is read."""
    length = len(forged({**CLAIMS, "x": ""}))
    long = forged({**CLAIMS, "x": "x" * ((TOKEN_CHARACTERS - length) * 3 // 4)})
    assert TOKEN_CHARACTERS - 4 <= len(long) <= TOKEN_CHARACTERS
    assert tokens().verify(long).user == "alice"
    assert_refused(forged({**CLAIMS, "x": "x" * TOKEN_CHARACTERS}))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "a" * 100, "é.é.é", "\ud800", "null", "Bearer x", "\x00"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """Any text is refused in the same words."""
    assert_refused(token)


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.text("abcABC019-_.=", max_size=60))
def test_any_text_is_refused(text: str, shape: str) -> None:
    """Whatever a caller sends, the answer is `Unauthenticated` and nothing else."""
    assert_refused(text)
    assert_refused(shape)
    assert_refused(f"{segment(HEADER).decode()}.{text}.{shape}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "b64", "crit", "typ", "zip"]), JSON), JSON)
def test_any_header_is_refused_or_right(header: dict[str, Any], claims: object) -> None:
    """A header of any shape, rightly signed, never gets past claims of any shape."""
    assert_refused(forged(claims, header))
    assert_refused(forged(claims))


@given(st.text(min_size=1, max_size=USER_CHARACTERS))
def test_every_user_can_use_their_token(user: str) -> None:
    """Whoever is given a token gets in with it, as who they are."""
    assert tokens().verify(tokens().issue(user).client_secret).user == user


def test_the_longest_user_and_key_name_can_use_their_token() -> None:
    """The limits fit each other."""
    key = SigningKey(kid="\N{GRINNING FACE}" * KID_CHARACTERS, key=KEY.key)
    user, tenant = "\N{GRINNING FACE}" * USER_CHARACTERS, "\N{GRINNING FACE}" * TENANT_CHARACTERS
    issued = tokens(key=key).issue(user, tenant, source="anonymous", key="k" * 64).client_secret
    caller = tokens(key=key).verify(issued)
    assert (caller.user, caller.tenant) == (user, tenant)


def test_a_token_is_renewed_into_the_next_of_its_session() -> None:
    """Who it is, what it allows and when the session ends stay; the token's own id and its times are new."""
    first = tokens().issue("alice", "acme", source="oidc", scopes=("chat",)).client_secret
    session = tokens(clock=NOW + 500).session(first)
    assert (session.user, session.tenant, session.source, session.scopes) == ("alice", "acme", "oidc", ("chat",))
    assert (session.began, session.ends) == (NOW, NOW + 43_200)
    second = tokens(clock=NOW + 500).renew(session)
    assert second.expires_at == NOW + 1_100
    assert tokens(clock=NOW + 1_000).session(second.client_secret) == session
    ids = [jwt.decode(one, options={"verify_signature": False})["jti"] for one in (first, second.client_secret)]
    assert len(set(ids)) == 2


def test_a_token_can_be_renewed_shortly_after_it_has_expired() -> None:
    """For the grace that is set: to the second; until then it opens nothing but that."""
    issued = tokens().issue("alice").client_secret
    for moment in (NOW + 600, NOW + 899.9):
        assert_refused(issued, clock=moment)
        assert tokens(clock=moment).session(issued).user == "alice"
    with pytest.raises(Unauthenticated, match="expired"):
        tokens(clock=NOW + 900).session(issued)
    assert tokens(clock=NOW + 43_199).session(issued, however_old=True).user == "alice"


def test_a_session_ends_whatever_happens() -> None:
    """No token is good beyond its session's end, and none is renewed there: not of one that was shortened since, either."""
    late = tokens(clock=NOW + 43_000)
    session = tokens().session(tokens().issue("alice").client_secret)
    last = late.renew(session)
    assert last.expires_at == NOW + 43_200
    assert_refused(last.client_secret, clock=NOW + 43_200)
    for however_old in (False, True):
        with pytest.raises(Unauthenticated, match="over"):
            tokens(clock=NOW + 43_200).session(last.client_secret, however_old=however_old)
    shortened = ClientTokens(keys=OneKey(KEY), session_seconds=600, clock=lambda: NOW + 700)
    with pytest.raises(Unauthenticated, match="over"):
        shortened.session(tokens().issue("alice").client_secret)


def test_a_session_lasts_no_longer_than_its_identity() -> None:
    """An identity that ends within minutes gives a session that does, and tokens that do."""
    issued = tokens().issue("alice", good_until=NOW + 120)
    assert issued.expires_at == NOW + 120
    assert tokens().session(issued.client_secret).ends == NOW + 120
    assert tokens().session(tokens().issue("alice", good_until=NOW + 10**6).client_secret).ends == NOW + 43_200


def test_every_session_has_an_id_of_its_own() -> None:
    """128 random bits: nobody can end another's session by chance."""
    ids = {tokens().verify(tokens().issue("alice").client_secret).session for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 22 for one in ids)


class TwoKeys:
    """One key signs, another is still good."""

    def __init__(self, signing: SigningKey, other: SigningKey) -> None:
        self._signing = signing
        self._other = other

    def signing(self) -> SigningKey:
        return self._signing

    def find(self, kid: str) -> SigningKey | None:
        return next((key for key in (self._signing, self._other) if key.kid == kid), None)


def test_a_token_is_checked_with_the_key_that_it_names() -> None:
    """During a rotation, tokens of both keys are good, and each names its own; under the other's name it is not."""
    new = SigningKey(kid="8", key="n" * KEY_CHARACTERS)
    before, after = OneKey(KEY), TwoKeys(new, KEY)
    for keys, kid in ((before, "7"), (after, "8")):
        issued = ClientTokens(keys=keys, clock=lambda: NOW).issue("alice").client_secret
        assert jwt.get_unverified_header(issued)["kid"] == kid
        assert ClientTokens(keys=after, clock=lambda: NOW).verify(issued).user == "alice"
    assert_refused(ClientTokens(keys=after, clock=lambda: NOW).issue("alice").client_secret)
    swapped = forged(CLAIMS, {**HEADER, "kid": "8"})
    with pytest.raises(Unauthenticated):
        ClientTokens(keys=after, clock=lambda: NOW).verify(swapped)


@pytest.mark.parametrize("kid", ["", "8", "07", "7 ", "\N{FULLWIDTH DIGIT SEVEN}", "k" * 4_000])
def test_a_token_of_an_unknown_key_is_refused(kid: str) -> None:
    """A token rightly signed, whose key's name is another or is missing, is none of ours."""
    assert_refused(forged(CLAIMS, {**HEADER, "kid": kid}))
    assert_refused(forged(CLAIMS, {name: value for name, value in HEADER.items() if name != "kid"}))
    assert_refused(forged(CLAIMS, {**HEADER, "kid": None}))


def test_neither_key_nor_token_shows() -> None:
    """What is printed or logged by accident holds no secret."""
    issued = tokens().issue("alice")
    assert KEY.key not in repr(KEY)
    assert issued.client_secret not in repr(issued)


def test_a_signing_key_is_read() -> None:
    """The secret is JSON with the key and its name; more may stand beside them."""
    secret = json.dumps({"kid": "7", "key": KEY.key, "previous": []})
    assert SigningKey.from_secret(secret) == KEY


@pytest.mark.parametrize(
    "secret",
    [
        "",
        KEY.key,
        "null",
        "[]",
        f'"{KEY.key}"',
        "{}",
        json.dumps({"key": KEY.key}),
        json.dumps({"kid": "7"}),
        json.dumps({"kid": 7, "key": KEY.key}),
        json.dumps({"kid": "", "key": KEY.key}),
        json.dumps({"kid": "7" * (KID_CHARACTERS + 1), "key": KEY.key}),
        json.dumps({"kid": "7", "key": KEY.key[1:]}),
        json.dumps({"kid": "7", "key": 5}),
        json.dumps({"kid": "7", "key": [KEY.key]}),
        json.dumps({"kid": "7", "key": None}),
        "[" * 100_000,
        '{"kid": "7", "key": "' + KEY.key,
    ],
)
def test_a_secret_that_is_no_key_is_refused(secret: str) -> None:
    """A wrong secret is an operator's affair, and is not quoted: neither in the words nor in what led to them."""
    with pytest.raises(InternalError, match="the token secret") as caught:
        SigningKey.from_secret(secret)
    assert KEY.key not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None

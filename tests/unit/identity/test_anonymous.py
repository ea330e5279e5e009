"""Anonymous visitors."""

from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import Forbidden, LimitReached, Unauthenticated
from functions.identity.addresses import digest
from functions.identity.anonymous import COOKIE, COOKIE_SECONDS, AnonymousIdentities
from functions.identity.base import Credentials, Session, TrustedIdentity
from functions.identity.keys import KeyRing, OneKey, SigningKey
from functions.identity.secrets_manager import Secrets
from functions.identity.tokens import ClientTokens
from tests.support.secrets_manager import SECRET, FakeSecretsManager

APP = "https://app.example.com"
NOW = 1_800_000_000
KEY = SigningKey(kid="7", key="k" * 32)


def visit(
    cookies: Mapping[str, str] | None = None, *, now: float = NOW, key: SigningKey = KEY, **more: Any
) -> TrustedIdentity:
    found = AnonymousIdentities(keys=OneKey(key), origins=(APP,), clock=lambda: now).identify(
        Credentials(cookies=cookies or {}, **{"origin": APP, **more})
    )
    assert found
    return found


class Gate:
    """Lets so many new visitors in from each address."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[str] = []

    def admit(self, digest: str) -> None:
        if self.asked.count(digest) == self.most:
            raise LimitReached.for_now(60)
        self.asked.append(digest)

    def visit(self, address: str, **cookies: str) -> TrustedIdentity:
        identities = AnonymousIdentities(keys=OneKey(KEY), origins=(APP,), admit=self.admit, clock=lambda: NOW)
        found = identities.identify(Credentials(cookies=cookies, origin=APP, address=address))
        assert found
        return found


def kept(identity: TrustedIdentity) -> dict[str, str]:
    """The cookie that a browser keeps."""
    assert identity.set_cookie
    name, _, value = identity.set_cookie.partition(";")[0].partition("=")
    return {name: value}


def test_who_comes_back_is_the_same() -> None:
    """A visitor has an id of their own, as long as the cookie lasts, which each visit renews."""
    first = visit()
    assert first.user.startswith("anon_")
    assert len(first.user) == 27
    second = visit(kept(first), now=NOW + COOKIE_SECONDS - 1)
    assert second.user == first.user
    assert visit(kept(second), now=NOW + 2 * COOKIE_SECONDS - 2).user == first.user
    assert visit(kept(first), now=NOW + COOKIE_SECONDS).user != first.user


def test_a_rotation_makes_nobody_a_stranger() -> None:
    """Who was here before the key was replaced is known afterwards, and gets a cookie of the new key."""
    manager = FakeSecretsManager(clock=lambda: NOW)
    manager.put(KEY.to_secret())
    first = visit()
    manager.put(SigningKey(kid="8", key="n" * 32).to_secret())

    def now() -> float:
        return NOW + COOKIE_SECONDS - 1

    client: Any = manager
    ring = KeyRing(secrets=Secrets(client=client, clock=now), secret_id=SECRET, clock=now)
    again = AnonymousIdentities(keys=ring, origins=(APP,), clock=now).identify(Credentials(cookies=kept(first)))
    assert again
    assert again.user == first.user
    assert jwt.get_unverified_header(kept(again)[COOKIE])["kid"] == "8"


def test_an_address_is_given_so_many_ids() -> None:
    """Whoever has a cookie is not counted, one from elsewhere neither; one that is no good is none."""
    gate = Gate(2)
    first, _ = gate.visit("192.0.2.1"), gate.visit("192.0.2.1", **{COOKIE: "made.up.cookie"})
    for cookies in ({}, {COOKIE: "made.up.cookie"}):
        with pytest.raises(LimitReached):
            gate.visit("192.0.2.1", **cookies)
    assert gate.visit("192.0.2.1", **kept(first)).user == first.user
    gate.visit("192.0.2.2")
    assert len(gate.asked) == 3


def test_whose_page_may_not_ask_is_not_counted() -> None:
    """Nor is who has another proof."""
    gate = Gate(0)
    identities = AnonymousIdentities(keys=OneKey(KEY), origins=(APP,), admit=gate.admit)
    with pytest.raises(Forbidden):
        identities.identify(Credentials(origin="https://evil.example", address="192.0.2.1"))
    with pytest.raises(Unauthenticated):
        identities.identify(Credentials(bearer="x", origin=APP, address="192.0.2.1"))


def test_the_address_itself_is_told_nobody() -> None:
    """What counts is given a digest, by the key: the same of one address, under another key another."""
    gate = Gate(9)
    for _ in range(2):
        gate.visit("192.0.2.1")
    assert len(set(gate.asked)) == 1
    assert "192" not in gate.asked[0]
    assert digest("192.0.2.1", key="k" * 32) == gate.asked[0] != digest("192.0.2.1", key="n" * 32)
    assert "192.0.2.1" not in repr(Credentials(address="192.0.2.1"))


def test_no_two_visitors_are_the_same() -> None:
    """128 random bits each."""
    assert len({visit().user for _ in range(100)}) == 100


def test_the_cookie_is_for_browsers_and_https_alone() -> None:
    """No script reads it, no other host sets it, no plain connection carries it, and each site has its own."""
    cookie = visit().set_cookie
    assert cookie
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert attributes == {f"Max-Age={COOKIE_SECONDS}", "Path=/", "Secure", "HttpOnly", "SameSite=None", "Partitioned"}
    assert cookie.startswith("__Host-")
    assert len(cookie) < 4_096


def test_a_visitor_may_chat_and_no_more() -> None:
    """Whoever nobody knows brings in no files."""
    assert visit().scopes == ("chat",)
    assert visit().tenant is None


def forged(claims: Mapping[str, Any], *, key: str = KEY.key) -> dict[str, str]:
    return {COOKIE: jwt.encode(dict(claims), key, algorithm="HS256", headers={"kid": KEY.kid})}


RIGHT = {"sub": "anon_somebody", "aud": "chatkit-anonymous", "iat": NOW, "exp": NOW + 100}


def test_the_forged_cookies_below_would_be_good_if_they_were_right() -> None:
    """The tests' own cookies are taken where nothing is wrong with them."""
    assert visit(forged(RIGHT)).user == "anon_somebody"


@pytest.mark.parametrize(
    "cookies",
    [
        forged({**RIGHT, "sub": "alice"}),
        forged({**RIGHT, "sub": ""}),
        forged({**RIGHT, "aud": "chatkit"}),
        forged({**RIGHT, "exp": NOW}),
        forged({**RIGHT, "exp": NOW + 0.5}),
        forged({name: value for name, value in RIGHT.items() if name != "exp"}),
        forged(RIGHT, key="o" * 32),
        {COOKIE: ""},
        {COOKIE: "x" * 5_000},
        {COOKIE: "é"},
        {"chatkit": forged(RIGHT)[COOKIE]},
    ],
)
def test_a_wrong_cookie_is_as_none(cookies: dict[str, str]) -> None:
    """A cookie that was made up, altered, or is another's makes a new visitor, and never somebody who is known."""
    assert visit(cookies).user not in {"alice", "anon_somebody", ""}
    assert visit(cookies).user.startswith("anon_")


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_cookie_is_a_new_visitor(text: str) -> None:
    """Whatever a browser sends, the visitor is a new one."""
    assert visit({COOKIE: text}).user.startswith("anon_")


def test_a_client_token_is_no_cookie_and_the_other_way_round() -> None:
    """Both are signed with one key, each for its own audience."""
    tokens = ClientTokens(keys=OneKey(KEY), clock=lambda: NOW)
    token = tokens.issue("anon_somebody").client_secret
    assert visit({COOKIE: token}).user != "anon_somebody"
    with pytest.raises(Unauthenticated):
        tokens.verify(forged(RIGHT)[COOKIE])


def test_another_page_is_given_nothing() -> None:
    """A browser names the page that asks; whoever is no browser names none, and has no cookie of anybody's."""
    for origin in ("https://evil.test", "null", "https://app.example.com.evil.test", ""):
        with pytest.raises(Forbidden):
            visit(kept(visit()), origin=origin)
    assert visit(origin=None).user


def test_who_has_another_proof_is_not_taken_for_nobody() -> None:
    """A token that no other kind of identity took is refused: its sender is not to become somebody else unseen."""
    with pytest.raises(Unauthenticated):
        visit(bearer="x")


def test_a_visitor_can_be_forgotten() -> None:
    """Signing out takes the cookie away, in the words in which it was set."""
    source = AnonymousIdentities(keys=OneKey(KEY), origins=(APP,))
    assert source.farewell() == f"{COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
    session = Session(id="s", user="anon_x", began=0, ends=1)
    assert source.vouches_for(session)

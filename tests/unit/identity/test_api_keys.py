"""API keys: what is kept of them, and who gets in with one."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import InternalError, InvalidRequest, Unauthenticated
from functions.identity.api_keys import (
    MAX_KEYS,
    PREFIX,
    ApiKey,
    ApiKeyError,
    ApiKeyIdentities,
    digest_of,
    new_key,
    read_keys,
    with_key,
    without_key,
    written_keys,
)
from functions.identity.base import Credentials, Session, TrustedIdentity

TODAY = date(2026, 11, 28)
# No new ones: tests are named by them, and must have the same names in each process.
WEB, JOBS, OTHER = (PREFIX + letter * 20 + "X" * 23 for letter in "wjo")
KEYS = with_key(with_key((), "web", WEB, today=TODAY), "jobs", JOBS, today=TODAY)


def identities(secret: str | None = None) -> ApiKeyIdentities:
    text = written_keys(KEYS) if secret is None else secret
    return ApiKeyIdentities(secret=lambda: text)


def call(bearer: str | None, **body: Any) -> Credentials:
    return Credentials(bearer=bearer, body={"user": "alice", **body})


def session(key: str) -> Session:
    return Session(id="s", user="alice", source="api_key", key=key, began=0, ends=1)


def test_a_server_with_a_key_names_a_user() -> None:
    """Each of several keys is good, for any user of any tenant; the session keeps the key's name."""
    assert identities().identify(call(WEB)) == TrustedIdentity(user="alice", key="web", is_by_server=True)
    assert identities().identify(call(JOBS, tenant="acme")) == TrustedIdentity(
        user="alice", tenant="acme", key="jobs", is_by_server=True
    )


@pytest.mark.parametrize("bearer", [None, "", "eyJhbGciOi.x.y", "ckl", "CKL_" + "a" * 43, "sk-" + "a" * 43])
def test_any_other_token_is_another_kinds(bearer: str | None) -> None:
    """What does not begin as a key does is left to who knows it."""
    assert identities().identify(call(bearer)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        PREFIX,
        OTHER,
        WEB + "a",
        WEB[:-1],
        WEB.swapcase(),
        PREFIX + digest_of(WEB)[:43],
        PREFIX + "é" * 43,
        WEB + "\n",
    ],
)
def test_a_wrong_key_is_refused(wrong: str) -> None:
    """A key that is not known opens nothing, also where it is a hash of one that is."""
    if wrong.swapcase() == WEB:
        wrong = PREFIX + wrong[4:]
    with pytest.raises(Unauthenticated):
        identities().identify(call(wrong))


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_behind_the_prefix_is_refused(text: str) -> None:
    """Whatever a caller sends, the answer is `Unauthenticated` and nothing else."""
    with pytest.raises(Unauthenticated):
        identities().identify(call(PREFIX + text))


def test_the_body_is_looked_at_behind_the_key() -> None:
    """Who has no key does not learn what a body must be; who has one is told."""
    with pytest.raises(Unauthenticated):
        identities().identify(call(new_key(), user=""))
    with pytest.raises(InvalidRequest, match="user"):
        identities().identify(call(WEB, user=""))
    with pytest.raises(InvalidRequest, match="tenant"):
        identities().identify(call(WEB, tenant=""))


def test_a_revoked_key_and_its_sessions_are_good_no_more() -> None:
    """A key that was taken out is refused, and its sessions are not renewed; the others' are."""
    left = identities(written_keys(without_key(KEYS, "web")))
    with pytest.raises(Unauthenticated):
        left.identify(call(WEB))
    assert left.identify(call(JOBS))
    assert not left.vouches_for(session("web"))
    assert left.vouches_for(session("jobs"))
    assert not left.vouches_for(session(""))


def test_without_any_key_nobody_gets_in() -> None:
    """The secret as it is deployed is empty."""
    with pytest.raises(Unauthenticated):
        identities('{"keys": []}').identify(call(WEB))


def test_a_key_is_long_random_and_kept_as_a_hash() -> None:
    """256 random bits; the secret holds nothing from which it can be had, and prints hold neither."""
    assert len({new_key() for _ in range(100)}) == 100
    assert all(len(new_key()) == len(PREFIX) + 43 for _ in range(10))
    secret = written_keys(KEYS)
    assert WEB not in secret
    assert WEB.removeprefix(PREFIX) not in secret
    assert json.loads(secret)["keys"][0] == {"name": "web", "sha256": digest_of(WEB), "created": "2026-11-28"}
    assert digest_of(WEB) not in repr(KEYS)
    assert WEB not in repr(call(WEB))


def test_what_is_written_is_read() -> None:
    """The secret's text goes both ways, also where an operator has left the day out, or put more in."""
    assert read_keys(written_keys(KEYS)) == KEYS
    entry = {"name": "web", "sha256": digest_of(WEB), "owner": "me"}
    assert read_keys(json.dumps({"keys": [entry], "more": 1})) == (ApiKey("web", digest_of(WEB)),)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("", "not JSON"),
        (WEB, "not JSON"),
        ("null", "not JSON"),
        ("[]", "not JSON"),
        ("{}", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"keys": {}}', "must be a list"),
        (json.dumps({"keys": [{}] * (MAX_KEYS + 1)}), "must be a list"),
        ('{"keys": ["web"]}', r"keys\.0\.name"),
        ('{"keys": [{"sha256": "x"}]}', r"keys\.0\.name"),
        ('{"keys": [{"name": "a b", "sha256": "x"}]}', r"keys\.0\.name"),
        ('{"keys": [{"name": "web", "sha256": "x"}]}', r"keys\.0\.sha256"),
        (json.dumps({"keys": [{"name": "web", "sha256": digest_of(WEB).upper()}]}), r"keys\.0\.sha256"),
        (json.dumps({"keys": [{"name": "web", "sha256": WEB}]}), r"keys\.0\.sha256"),
        (json.dumps({"keys": [{"name": "web", "sha256": digest_of(WEB)}] * 2}), "same name"),
    ],
)
def test_a_damaged_secret_is_an_operators_affair(secret: str, problem: str) -> None:
    """Nobody gets in, the place is named, and what the secret holds is not."""
    with pytest.raises(ApiKeyError, match=problem):
        read_keys(secret)
    with pytest.raises(InternalError, match=problem) as caught:
        identities(secret).identify(call(WEB))
    assert WEB not in str(caught.value)
    assert digest_of(WEB) not in str(caught.value)


def test_a_key_is_added_and_taken_out_by_its_name() -> None:
    """A name is taken once, is fit for logs and tokens, and there is room for a hundred."""
    with pytest.raises(ApiKeyError, match="already"):
        with_key(KEYS, "web", new_key(), today=TODAY)
    for wrong in ("", "a b", "a" * 65, "é", "-a", "a\n"):
        with pytest.raises(ApiKeyError, match="name"):
            with_key(KEYS, wrong, new_key(), today=TODAY)
    with pytest.raises(ApiKeyError, match="no key other"):
        without_key(KEYS, "other")
    many = tuple(ApiKey(f"key{number}", digest_of(str(number))) for number in range(MAX_KEYS))
    with pytest.raises(ApiKeyError, match="100"):
        with_key(many, "one-more", new_key(), today=TODAY)
    assert len(written_keys(many).encode()) < 65_536

"""Users."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import InvalidRequest
from functions.identity.base import TENANT_CHARACTERS, USER_CHARACTERS, checked_tenant, checked_user, owner
from functions.store import keys


@pytest.mark.parametrize(
    "user", ["a", "auth0|5f7c8ec7", "alice@example.com", "Jürgen Groß", "#", "a" * USER_CHARACTERS]
)
def test_a_user_is_kept_as_it_is(user: str) -> None:
    """A right user id is not changed."""
    assert checked_user(user) == user


@pytest.mark.parametrize(
    "user", [None, 5, b"alice", [], "", " ", "\u3000", "a\n", "\x00", "a" * (USER_CHARACTERS + 1), "\ud800"]
)
def test_what_is_no_user_is_refused(user: object) -> None:
    """The refusal names the field that was asked for."""
    with pytest.raises(InvalidRequest) as caught:
        checked_user(user, field="claims.sub")
    assert caught.value.field == "claims.sub"


@given(st.text(st.characters(exclude_categories=())))
def test_a_user_can_be_stored(text: str) -> None:
    """Whatever is let through has UTF-8, a length, and no control character."""
    try:
        user = checked_user(text)
    except InvalidRequest:
        return
    assert 0 < len(user.encode()) <= 4 * USER_CHARACTERS
    assert user.strip()
    assert not set(user) & set(map(chr, range(32)))


@pytest.mark.parametrize("tenant", ["a", "acme", "org_01H", "株式会社", "a" * TENANT_CHARACTERS])
def test_a_tenant_is_kept_as_it_is(tenant: str) -> None:
    """A right tenant id is not changed; a wrong one is refused as a wrong user is."""
    assert checked_tenant(tenant) == tenant
    for wrong in (None, 5, "", " ", "a\n", "a\x1fb", "a" * (TENANT_CHARACTERS + 1)):
        with pytest.raises(InvalidRequest) as caught:
            checked_tenant(wrong, field="org")
        assert caught.value.field == "org"


printable = st.text(min_size=1, max_size=6).filter(lambda text: text.isprintable() and text.strip() != "")
people = st.tuples(printable, st.none() | printable)


@given(people, people)
def test_no_two_owners_are_one(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    """Whoever has another name, or is of another tenant, owns something else; and shares no key of the table."""
    assert (owner(*one) == owner(*other)) is (one == other)
    thread = "thr_" + "0" * 26
    for key in (
        keys.threads_partition,
        lambda user: keys.items_partition(user, thread),
        lambda user: keys.session(user, "s"),
    ):
        assert (key(owner(*one)) == key(owner(*other))) is (one == other)

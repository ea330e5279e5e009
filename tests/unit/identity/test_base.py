"""Users."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import InvalidRequest
from functions.identity.base import USER_CHARACTERS, checked_user


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

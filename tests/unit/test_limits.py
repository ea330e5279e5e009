"""The setting that says how much users and tenants may use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.limits import DEFAULT_LIMITS, MAX_LIMIT, MAX_RUNNING_TURNS, NO_LIMITS, Counter, Limits


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_where_nothing_is_said_the_defaults_hold(text: str) -> None:
    """Every deployed stage is limited."""
    assert Limits.parse(text) == DEFAULT_LIMITS
    assert Limits.parse(text).count_threads


def test_off_limits_nothing() -> None:
    """Alone, and for all."""
    assert Limits.parse(" off ") == NO_LIMITS
    assert not NO_LIMITS.count_threads
    with pytest.raises(ValueError, match="'off'"):
        Limits.parse("off,user.threads=5")


def test_what_is_named_is_changed_and_nothing_else() -> None:
    """Each limit by itself; `none` takes one away."""
    limits = Limits.parse("user.messages_per_minute=7, tenant.threads = 9,anonymous.tokens_per_day=none")
    assert limits.user == {**DEFAULT_LIMITS.user, Counter.MESSAGES_PER_MINUTE: 7}
    assert limits.tenant == {**DEFAULT_LIMITS.tenant, Counter.THREADS: 9}
    rest = {
        counter: limit for counter, limit in DEFAULT_LIMITS.anonymous.items() if counter is not Counter.TOKENS_PER_DAY
    }
    assert limits.anonymous == rest
    assert limits.of_user(is_anonymous=True) == limits.anonymous
    assert limits.of_user(is_anonymous=False) == limits.user
    assert limits.address == DEFAULT_LIMITS.address
    assert Limits.parse("address.visitors_per_hour=none").address == {}


def test_anonymous_users_have_tighter_limits() -> None:
    """By default, in everything."""
    assert set(DEFAULT_LIMITS.anonymous) == set(DEFAULT_LIMITS.user) == set(Counter) - {Counter.VISITORS_PER_HOUR}
    assert all(limit < DEFAULT_LIMITS.user[counter] for counter, limit in DEFAULT_LIMITS.anonymous.items())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user.threads", "'user.threads'"),
        ("threads=5", "'threads=5'"),
        ("user.threads=-1", "'user.threads=-1'"),
        ("user.threads=1e3", "'user.threads=1e3'"),
        ("user.threads=0", "from 1 to"),
        (f"user.threads={MAX_LIMIT + 1}", "from 1 to"),
        (f"user.running_turns={MAX_RUNNING_TURNS + 1}", "from 1 to 1000"),
        ("nobody.threads=5", "'nobody'"),
        ("user.thread=5", "'thread'"),
        ("address.threads=5", "visitors_per_hour of address; it has 'threads'"),
        ("user.visitors_per_hour=5", "'visitors_per_hour'"),
        ("user.threads=5,user.threads=6", "user.threads twice"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    """By its name."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is looked at below
        Limits.parse(text)
    assert told in str(caught.value)


@given(st.text(st.sampled_from("usertenan.=,_ 0159off") | st.characters()))
def test_any_text_is_limits_or_an_error(text: str) -> None:
    """Nothing else is raised."""
    try:
        limits = Limits.parse(text)
    except ValueError:
        return
    assert isinstance(limits, Limits)

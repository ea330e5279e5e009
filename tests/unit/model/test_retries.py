"""When a request that failed is sent again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.model.retries import Retries, retry_after

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
seconds = st.floats(0, 100)


def test_the_pauses_grow_and_end() -> None:
    """Half a second, a second, no more: three attempts in all."""
    pauses = [Retries().pause(failed=failed, elapsed=0, wanted=None, jitter=0) for failed in (1, 2, 3)]
    assert pauses == [0.5, 1.0, None]


@given(failed=st.integers(1, 5), elapsed=seconds, wanted=st.none() | seconds, jitter=st.floats(0, 1))
def test_no_attempt_begins_late(failed: int, elapsed: float, wanted: float | None, jitter: float) -> None:
    """Whatever a server asks for, the last attempt begins within the limit, and a wish is honoured or ends it."""
    retries = Retries(most=2, within=10)
    pause = retries.pause(failed=failed, elapsed=elapsed, wanted=wanted, jitter=jitter)
    if pause is None:
        shortest = wanted if wanted is not None else 0.5 * 2 ** (failed - 1) * (1 - jitter / 2)
        assert failed > 2 or elapsed + shortest > 10
    else:
        assert failed <= 2
        assert elapsed + pause <= 10
        assert pause == wanted or (wanted is None and 0.25 * 2 ** (failed - 1) <= pause <= 0.5 * 2 ** (failed - 1))


def test_no_repetition_is_a_choice() -> None:
    """With `most=0` a failure is told at once."""
    assert Retries(most=0).pause(failed=1, elapsed=0, wanted=0, jitter=0) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "350", "retry-after": "1"}, 0.35),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=7), usegmt=True)}, 7.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:03"}, 3.0),
        ({"retry-after": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_the_servers_wish_is_read(headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds, seconds or a date; nonsense counts as no wish."""
    assert retry_after(headers, now=NOW) == expected


@given(headers=st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=40)))
def test_any_header_is_a_wish_or_none(headers: dict[str, str]) -> None:
    """No header makes a client wait less than nothing, or fail."""
    wanted = retry_after(headers, now=NOW)
    assert wanted is None or wanted >= 0

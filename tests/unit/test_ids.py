"""Ids."""

from typing import get_args

import pytest

from functions.ids import PREFIXES, IdFactory, IdKind, milliseconds, position

NOW = 1_800_000_000.123


def ids_at(*, clock: float, bits: int) -> IdFactory:
    """A factory whose clock stands still, and whose randomness is all zeros (0) or all ones (-1)."""
    return IdFactory(clock=lambda: clock, random_bits=lambda count: bits & (1 << count) - 1)


@pytest.mark.parametrize("kind", get_args(IdKind))
def test_an_id_is_its_prefix_and_a_position(kind: IdKind) -> None:
    """An id begins with its kind's own prefix, and the rest is its position."""
    made = IdFactory().new(kind)
    prefix, _, sortable = made.partition("_")
    assert prefix == PREFIXES[kind]
    assert position(made) == sortable
    assert len(sortable) == 26


def test_no_two_kinds_share_a_prefix() -> None:
    """An id tells its kind."""
    assert len(set(PREFIXES.values())) == len(PREFIXES) == len(get_args(IdKind))


def test_an_id_tells_when_it_was_made() -> None:
    """The milliseconds of an id are those of the clock."""
    assert milliseconds(ids_at(clock=NOW, bits=-1).new("thread")) == 1_800_000_000_123


def test_ids_of_one_millisecond_rise() -> None:
    """A clock that stands still does not stop the ids."""
    factory = ids_at(clock=NOW, bits=0)
    made = [factory.new("message") for _ in range(100)]
    assert made == sorted(set(made))


def test_ids_rise_when_the_random_bits_are_used_up() -> None:
    """Ids still rise where the random bits of one millisecond run over, and stay ids."""
    factory = ids_at(clock=NOW, bits=-1)
    made = [factory.new("message") for _ in range(100)]
    assert made == sorted(set(made))
    assert all(position(each) for each in made)


def test_ids_rise_when_the_clock_steps_back() -> None:
    """A clock that is set back does not turn the order round."""
    times = iter((NOW, NOW - 3600, NOW - 7200, NOW + 1))
    factory = IdFactory(clock=lambda: next(times))
    made = [factory.new("message") for _ in range(4)]
    assert made == sorted(set(made))


def test_ids_of_one_millisecond_differ_by_a_random_step() -> None:
    """The next id cannot be counted up from the one before."""
    factory = IdFactory(clock=lambda: NOW)
    first, second, third = (int_of(factory.new("message")) for _ in range(3))
    assert second - first != third - second


def int_of(made: str) -> int:
    """The number that the position of an id spells."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    value = 0
    for character in position(made) or "":
        value = value * 32 + alphabet.index(character)
    return value


GOOD = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "msg_",
        "msg",
        GOOD[4:],
        GOOD.lower(),
        GOOD + "\n",
        " " + GOOD,
        GOOD + "0",
        GOOD[:-1],
        GOOD.replace("msg", "MSG"),
        GOOD.replace("msg", "m"),
        GOOD.replace("msg", "message_item"),
        GOOD.replace("_", "-"),
        GOOD.replace("_0", "_8"),
        GOOD.replace("A", "I"),
        GOOD.replace("A", "L"),
        GOOD.replace("A", "O"),
        GOOD.replace("A", "U"),
        GOOD.replace("0", "\N{ARABIC-INDIC DIGIT ZERO}"),
        f"{GOOD}#{GOOD}",
    ],
)
def test_what_is_no_id_of_ours_has_no_position(text: str) -> None:
    """A string that this package did not make is refused, whatever it resembles."""
    assert position(GOOD) is not None
    assert position(text) is None
    assert milliseconds(text) is None

"""What the counters promise, on every adapter."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count as numbers
from typing import Any

import pytest

from functions.errors import InvalidRequest
from functions.limits import Amounts, Counter, Holder
from functions.store.counters import Counters, Hold, Reached

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)
MINUTE = Counter.MESSAGES_PER_MINUTE
DAY = Counter.MESSAGES_PER_DAY
TOKENS = Counter.TOKENS_PER_DAY
RUNNING = Counter.RUNNING_TURNS
MESSAGE: Amounts = {MINUTE: 1, DAY: 1, TOKENS: 0}

_numbers = numbers()


@pytest.fixture
def holder() -> Holder:
    """A user whom no other test knows."""
    return Holder("user", f"user-{next(_numbers)}")


@pytest.fixture
def new_hold() -> Callable[..., Hold]:
    """Holds that are never the same, for a minute from noon on."""
    return lambda until=NOON + timedelta(minutes=1): Hold(f"h{next(_numbers)}", until)


async def refusal(counters: Counters, holder: Holder, amounts: Amounts, limits: Amounts, **more: Any) -> Reached:
    """How a count is refused, after a look that nothing was counted."""
    at = more.setdefault("at", NOON)
    before = await counters.read(holder, at=at)
    with pytest.raises(Reached) as caught:
        await counters.count(holder, amounts, limits, **more)
    after = await counters.read(holder, at=at)
    assert {**after, RUNNING: 0} == {**before, RUNNING: 0}
    assert caught.value.holder == holder
    return caught.value


async def test_as_many_as_the_limit_are_counted(counters: Counters, holder: Holder) -> None:
    """The limit itself is let through, and what comes behind it is refused, with the time when it is free again."""
    for number in range(3):
        assert (await counters.read(holder, at=NOON)).get(MINUTE, 0) == number
        await counters.count(holder, MESSAGE, {MINUTE: 3}, at=NOON)
    reached = await refusal(counters, holder, MESSAGE, {MINUTE: 3})
    assert (reached.counter, reached.free_at) == (MINUTE, datetime(2026, 11, 28, 12, 1, tzinfo=UTC))
    assert await counters.read(holder, at=NOON) == {MINUTE: 3, DAY: 3}


async def test_of_any_number_at_once_exactly_the_limit_is_counted(counters: Counters, holder: Holder) -> None:
    """1,000 calls at the same time at a limit of 100: none too many, none too few, and nothing else is raised."""

    async def try_it() -> int:
        try:
            await counters.count(holder, MESSAGE, {MINUTE: 100, DAY: 5_000}, at=NOON)
        except Reached:
            return 0
        return 1

    assert sum(await asyncio.gather(*(try_it() for _ in range(1_000)))) == 100
    assert await counters.read(holder, at=NOON) == {MINUTE: 100, DAY: 100}


async def test_of_any_number_at_once_so_many_run(
    counters: Counters, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """The same of running turns, whose places are taken and given up all the time."""
    most = 0

    async def try_it() -> int:
        nonlocal most
        try:
            counted = await counters.count(holder, MESSAGE, {RUNNING: 5}, at=NOON, hold=new_hold())
        except Reached:
            return 0
        most = max(most, (await counters.read(holder, at=NOON))[RUNNING])
        await counters.end(counted, {}, at=NOON)
        return 1

    ran = sum(await asyncio.gather(*(try_it() for _ in range(60))))
    assert 5 <= ran <= 60
    assert 1 <= most <= 5
    assert await counters.read(holder, at=NOON) == {MINUTE: ran, DAY: ran}


async def test_a_window_begins_anew(counters: Counters, holder: Holder) -> None:
    """Each minute and each day of UTC has a count of its own."""
    limits = {MINUTE: 1, DAY: 3}
    for seconds in (0, 30, 90):
        await counters.count(holder, MESSAGE, limits, at=NOON + timedelta(seconds=seconds))
    reached = await refusal(counters, holder, MESSAGE, limits, at=NOON + timedelta(hours=3))
    assert (reached.counter, reached.free_at) == (DAY, datetime(2026, 11, 29, tzinfo=UTC))
    await counters.count(holder, MESSAGE, limits, at=NOON + timedelta(hours=12))


async def test_of_several_limits_the_one_that_is_free_last_is_told(counters: Counters, holder: Holder) -> None:
    """Who waits for the minute would only be refused by the day."""
    await counters.count(holder, MESSAGE, {}, at=NOON)
    assert (await refusal(counters, holder, MESSAGE, {MINUTE: 1, DAY: 1})).counter is DAY


async def test_what_is_only_looked_at_is_refused_at_its_limit(counters: Counters, holder: Holder) -> None:
    """Tokens are counted behind the answer: the next one begins as long as the limit has not been reached."""
    limits = {TOKENS: 1_000}
    counted = await counters.count(holder, MESSAGE, limits, at=NOON)
    await counters.end(counted, {TOKENS: 999}, at=NOON)
    counted = await counters.count(holder, MESSAGE, limits, at=NOON)
    await counters.end(counted, {TOKENS: 500}, at=NOON)
    assert (await refusal(counters, holder, MESSAGE, limits)).counter is TOKENS
    assert await counters.read(holder, at=NOON) == {MINUTE: 2, DAY: 2, TOKENS: 1_499}


async def test_what_was_counted_can_be_taken_back(
    counters: Counters, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """Once, however often it is tried; also when the window has passed."""
    kept = await counters.count(holder, MESSAGE, {}, at=NOON, hold=new_hold())
    counted = await counters.count(holder, MESSAGE, {}, at=NOON, hold=new_hold())
    for _ in range(3):
        await counters.take_back(counted)
    assert await counters.read(holder, at=NOON) == {MINUTE: 1, DAY: 1, RUNNING: 1}
    await counters.end(kept, {}, at=NOON)
    await counters.take_back(kept)
    assert await counters.read(holder, at=NOON) == {MINUTE: 1, DAY: 1}


async def test_a_call_that_was_done_already_counts_once(
    counters: Counters, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """A hold tells that the answer to the same call was lost, also where the limit is reached by now."""
    hold = new_hold()
    counted, *_ = [await counters.count(holder, MESSAGE, {MINUTE: 1, RUNNING: 1}, at=NOON, hold=hold) for _ in range(3)]
    assert await counters.read(holder, at=NOON) == {MINUTE: 1, DAY: 1, RUNNING: 1}
    await counters.end(counted, {}, at=NOON)


async def test_so_many_turns_run_at_once(counters: Counters, holder: Holder, new_hold: Callable[..., Hold]) -> None:
    """A place is free when its turn ends; no time is told, as none frees it."""
    limits = {RUNNING: 2}
    first, _ = [await counters.count(holder, MESSAGE, limits, at=NOON, hold=new_hold()) for _ in range(2)]
    reached = await refusal(counters, holder, MESSAGE, limits, hold=new_hold())
    assert (reached.counter, reached.free_at) == (RUNNING, None)
    await counters.end(first, {TOKENS: 5}, at=NOON)
    await counters.count(holder, MESSAGE, limits, at=NOON, hold=new_hold())
    assert await counters.read(holder, at=NOON) == {MINUTE: 3, DAY: 3, TOKENS: 5, RUNNING: 2}


async def test_a_killed_functions_place_is_free_after_its_time(
    counters: Counters, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """Nobody gives it up, and it does not stand in the way for ever; a place that was renewed is kept."""
    limits = {RUNNING: 3}
    killed = await counters.count(holder, MESSAGE, limits, at=NOON, hold=new_hold())
    await counters.count(holder, MESSAGE, limits, at=NOON, hold=new_hold())
    alive = await counters.count(holder, MESSAGE, limits, at=NOON, hold=new_hold())
    later = NOON + timedelta(minutes=1)
    await counters.renew(alive, later + timedelta(minutes=1))
    assert (await refusal(counters, holder, MESSAGE, limits, hold=new_hold())).counter is RUNNING
    for _ in range(2):
        await counters.count(holder, MESSAGE, limits, at=later, hold=new_hold(later + timedelta(minutes=1)))
    assert (await refusal(counters, holder, MESSAGE, limits, at=later, hold=new_hold())).counter is RUNNING
    assert (await counters.read(holder, at=later))[RUNNING] == 3
    # It lives after all: what it has used is counted, and no place is given up twice.
    await counters.end(killed, {TOKENS: 7}, at=later)
    await counters.renew(killed, later + timedelta(hours=1))
    assert await counters.read(holder, at=later) == {MINUTE: 2, DAY: 5, TOKENS: 7, RUNNING: 3}


async def test_many_who_clear_away_at_once_clear_once(
    counters: Counters, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """However many meet the places of killed functions, as many begin as there is room for."""
    limits = {RUNNING: 10}
    for _ in range(10):
        await counters.count(holder, MESSAGE, limits, at=NOON, hold=new_hold())
    later = NOON + timedelta(minutes=1)

    async def try_it() -> int:
        try:
            await counters.count(holder, MESSAGE, limits, at=later, hold=new_hold(later + timedelta(minutes=1)))
        except Reached:
            return 0
        return 1

    assert sum(await asyncio.gather(*(try_it() for _ in range(40)))) == 10
    assert (await counters.read(holder, at=later))[RUNNING] == 10


async def test_what_there_is_is_counted_without_a_time(counters: Counters, holder: Holder) -> None:
    """It is refused beyond its limit until something is deleted; what is too much by itself is refused at once."""
    counter = Counter.THREADS
    assert (await refusal(counters, holder, {counter: 11}, {counter: 10})).counter is counter
    counted = await counters.count(holder, {counter: 4}, {counter: 10}, at=NOON)
    await counters.count(holder, {counter: 6}, {counter: 10}, at=NOON + timedelta(days=400))
    reached = await refusal(counters, holder, {counter: 1}, {counter: 10})
    assert (reached.counter, reached.free_at) == (counter, None)
    await counters.take_back(counted)
    await counters.add(holder, {counter: -1}, at=NOON)
    await counters.count(holder, {counter: 5}, {counter: 10}, at=NOON)
    assert await counters.read(holder, at=NOON) == {counter: 10}


async def test_nobody_counts_for_another(counters: Counters, holder: Holder) -> None:
    """A user and a tenant of the same name, and users whose names contain each other, are apart."""
    others = [Holder("tenant", holder.id), Holder("user", holder.id + "#"), Holder("user", "t\x1f" + holder.id)]
    await counters.count(holder, MESSAGE, {MINUTE: 1}, at=NOON)
    for other in others:
        assert await counters.read(other, at=NOON) == {}
        await counters.count(other, MESSAGE, {MINUTE: 1}, at=NOON)
    assert await counters.read(holder, at=NOON) == {MINUTE: 1, DAY: 1}


@pytest.mark.parametrize(
    ("amounts", "hold"),
    [
        ({}, None),
        ({MINUTE: 1, Counter.THREADS: 1}, None),
        ({Counter.THREADS: 1}, Hold("h", NOON)),
        ({RUNNING: 1}, None),
    ],
)
async def test_amounts_are_of_one_kind(counters: Counters, holder: Holder, amounts: Amounts, hold: Hold | None) -> None:
    """Counters of a time and counters of what there is are counted apart; turns are counted by their holds."""
    with pytest.raises(ValueError, match=r"counters with|their holds"):
        await counters.count(holder, amounts, {}, at=NOON, hold=hold)
    with pytest.raises(ValueError, match="zone"):
        await counters.count(holder, MESSAGE, {}, at=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("hold_id", ["", "x" * 65, "a#b", "a b", "\xe4"])
def test_a_holds_id_is_plain(hold_id: str) -> None:
    """It is part of an attribute's name."""
    with pytest.raises(ValueError, match="letters and digits"):
        Hold(hold_id, NOON)


async def test_a_holder_has_a_name(counters: Counters) -> None:
    """As every user has."""
    for name in ("", "x" * 1_000):
        with pytest.raises(InvalidRequest):
            await counters.count(Holder("user", name), MESSAGE, {}, at=NOON)

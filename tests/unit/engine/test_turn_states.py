"""The states of a turn, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.engine.turn_states import TRANSITIONS, TurnSignal, TurnState, has_lapsed, is_alive, state_of, takes
from functions.store.base import Turn
from tests.support.threads import NEW_IDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNALS_OF_OTHERS = {TurnSignal.STOP, TurnSignal.LAPSE, TurnSignal.CLOSE}


def row(*, seconds: float, stop: bool = False) -> Turn:
    """A row whose lease runs out in so many seconds."""
    lease = NOW + timedelta(seconds=seconds)
    return Turn(id=NEW_IDS.new("turn"), lease_until=lease, request_key="", stop_requested=stop)


@pytest.mark.parametrize(
    ("turn", "state"),
    [
        (None, TurnState.NONE),
        (row(seconds=1), TurnState.RUNNING),
        (row(seconds=1, stop=True), TurnState.STOPPING),
        (row(seconds=0), TurnState.LAPSED),
        (row(seconds=-1), TurnState.LAPSED),
        (row(seconds=0, stop=True), TurnState.LAPSED_STOPPING),
    ],
)
def test_a_row_and_the_time_say_the_state(turn: Turn | None, state: TurnState) -> None:
    """At the very moment at which a lease ends it has run out."""
    assert state_of(turn, NOW) is state


@pytest.mark.parametrize("state", TurnState)
@pytest.mark.parametrize("signal", TurnSignal)
def test_a_state_takes_what_the_table_says(state: TurnState, signal: TurnSignal) -> None:
    """Each state is in the table, and a signal that is not there is refused."""
    assert takes(state, signal) == (signal in TRANSITIONS[state])


def test_every_state_is_reached() -> None:
    """No state is in the table that a thread cannot come to."""
    reached = {TurnState.NONE}
    while new := {after for state in reached for after in TRANSITIONS[state].values()} - reached:
        reached |= new
    assert reached == set(TurnState)


@pytest.mark.parametrize("state", TurnState)
def test_a_thread_becomes_free_also_without_the_owner(state: TurnState) -> None:
    """From each state time and others lead to none: nothing is pending for ever."""
    reached = {state}
    while (
        new := {after for one in reached for signal, after in TRANSITIONS[one].items() if signal in SIGNALS_OF_OTHERS}
        - reached
    ):
        reached |= new
    assert TurnState.NONE in reached


@pytest.mark.parametrize("state", TurnState)
def test_a_turn_is_never_closed_under_an_owner_that_is_at_work(state: TurnState) -> None:
    """Somebody else ends only what has lapsed, or was asked to stop before."""
    assert takes(state, TurnSignal.CLOSE) == (state is TurnState.STOPPING or has_lapsed(state))


def test_a_turn_is_alive_or_has_lapsed_or_is_not_there() -> None:
    """A page goes on looking while the owner is at work, or about to stop."""
    assert [state for state in TurnState if is_alive(state)] == [TurnState.RUNNING, TurnState.STOPPING]
    assert [state for state in TurnState if has_lapsed(state)] == [TurnState.LAPSED, TurnState.LAPSED_STOPPING]

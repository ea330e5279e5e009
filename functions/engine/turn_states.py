"""The states of a turn, and what may happen to it in each. Pure.

A turn is one row beside its thread's items (`functions.store.base`). It has an owner, the invocation that answers, and it
has a lease, which the owner renews. Everybody else knows the turn by its row alone: this table says what they may do.
`docs/turns.md` draws it, and the tests walk through it at random, on every store.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from functions.store.base import Turn


class TurnState(StrEnum):
    """What the row of a thread's turn says."""

    NONE = "none"
    """There is no row: nobody answers on this thread."""
    RUNNING = "running"
    """The owner is at work."""
    STOPPING = "stopping"
    """The owner has been asked to stop, and will hear of it at its next look at the row."""
    LAPSED = "lapsed"
    """The lease has run out: the owner was killed, or hangs."""
    LAPSED_STOPPING = "lapsed_stopping"
    """The same, of an owner that was asked to stop, before or since."""


class TurnSignal(StrEnum):
    """What can happen to a turn."""

    BEGIN = "begin"
    """A streaming request begins a turn."""
    CHECKPOINT = "checkpoint"
    """The owner renews the lease, and keeps what is not finished."""
    STOP = "stop"
    """The user presses Stop, or a newer message wants the thread."""
    LAPSE = "lapse"
    """Time passes, and the owner does not renew the lease."""
    END = "end"
    """The owner has done: the answer is whole, failed, was stopped or ran out of time."""
    CLOSE = "close"
    """Somebody else ends it, and keeps what its last checkpoint holds."""
    DELETE = "delete"
    """The thread is deleted."""


_ENDS: Final = {
    TurnSignal.END: TurnState.NONE,
    TurnSignal.DELETE: TurnState.NONE,
}

TRANSITIONS: Final[Mapping[TurnState, Mapping[TurnSignal, TurnState]]] = {
    TurnState.NONE: {
        TurnSignal.BEGIN: TurnState.RUNNING,
        TurnSignal.STOP: TurnState.NONE,
        TurnSignal.DELETE: TurnState.NONE,
    },
    TurnState.RUNNING: {
        TurnSignal.CHECKPOINT: TurnState.RUNNING,
        TurnSignal.STOP: TurnState.STOPPING,
        TurnSignal.LAPSE: TurnState.LAPSED,
        **_ENDS,
    },
    TurnState.STOPPING: {
        TurnSignal.CHECKPOINT: TurnState.STOPPING,
        TurnSignal.STOP: TurnState.STOPPING,
        TurnSignal.LAPSE: TurnState.LAPSED_STOPPING,
        # Only where the owner does not write for a while though it was asked: `functions.engine.turns`.
        TurnSignal.CLOSE: TurnState.NONE,
        **_ENDS,
    },
    TurnState.LAPSED: {
        # An owner that was only slow goes on, where nobody has come yet.
        TurnSignal.CHECKPOINT: TurnState.RUNNING,
        TurnSignal.STOP: TurnState.LAPSED_STOPPING,
        TurnSignal.CLOSE: TurnState.NONE,
        **_ENDS,
    },
    TurnState.LAPSED_STOPPING: {
        TurnSignal.CHECKPOINT: TurnState.STOPPING,
        TurnSignal.STOP: TurnState.LAPSED_STOPPING,
        TurnSignal.CLOSE: TurnState.NONE,
        **_ENDS,
    },
}
"""Which signals each state takes, and what it then becomes. What is not here is refused, and changes nothing."""


def state_of(turn: Turn | None, now: datetime) -> TurnState:
    """The state that a row, or its absence, stands for. `now` is aware."""
    if turn is None:
        return TurnState.NONE
    if turn.lease_until <= now:
        return TurnState.LAPSED_STOPPING if turn.stop_requested else TurnState.LAPSED
    return TurnState.STOPPING if turn.stop_requested else TurnState.RUNNING


def takes(state: TurnState, signal: TurnSignal) -> bool:
    """Whether a signal may be given in a state."""
    return signal in TRANSITIONS[state]


def is_alive(state: TurnState) -> bool:
    """Whether an owner is at work, as far as anybody can know."""
    return state in {TurnState.RUNNING, TurnState.STOPPING}


def has_lapsed(state: TurnState) -> bool:
    """Whether there is a turn that nobody works on, as far as anybody can know."""
    return state in {TurnState.LAPSED, TurnState.LAPSED_STOPPING}

"""A turn walks through the table of its states, at random, on every adapter: `functions.engine.turn_states`.

The model is the table itself. `test_turn_machine` holds what the row has in it, call by call.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from functions.engine.turn_keeper import LEASE
from functions.engine.turn_states import TRANSITIONS, TurnSignal, TurnState, has_lapsed, is_alive, state_of, takes
from functions.engine.turns import Turns
from functions.errors import NotFound
from functions.protocol.items import ThreadItem
from functions.store.base import MAX_PAGE, Store, Turn, TurnGone, TurnRunning
from tests.contracts.conftest import Adapter, machine_settings
from tests.support.threads import NEW_IDS, assistant_message, new_thread, new_user

T = TypeVar("T")
SIGNALS = sorted(TurnSignal)


class _Machine(RuleBasedStateMachine):
    """One thread, its turns one after the other, an owner who does not know what others do, and a clock."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.runner = asyncio.Runner()
        self.now = datetime(2040, 1, 1, tzinfo=UTC)
        self.turns = Turns(store=store, ids=NEW_IDS, now=lambda: self.now)
        self.user = new_user()
        self.begin_thread()
        self.state = TurnState.NONE

    def begin_thread(self) -> None:
        """Nothing of it is stored yet."""
        self.thread = new_thread()
        self.exists = False
        self.items: list[ThreadItem] = []
        self.begin_turn()

    def begin_turn(self) -> None:
        """The owner's side of a turn that is about to begin."""
        self.turn = Turn(id=NEW_IDS.new("turn"), lease_until=self.now + LEASE, request_key="")
        self.answer = assistant_message(self.thread.id, "")
        self.checkpoint: list[ThreadItem] = []

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def says(self, text: str) -> list[ThreadItem]:
        """The turn's one item, as it stands."""
        return [self.answer.model_copy(update={"content": assistant_message("", text).content})]

    @rule(signal=st.sampled_from(SIGNALS))
    def anything(self, signal: TurnSignal) -> None:
        self.give(signal)

    @rule(choice=st.randoms(use_true_random=False))
    def go_on(self, choice: Random) -> None:
        """What leads on to another turn's state: else most walks would be short."""
        after = TRANSITIONS[self.state]
        self.give(
            choice.choice([signal for signal in SIGNALS if after.get(signal, TurnState.NONE) is not TurnState.NONE])
        )

    def give(self, signal: TurnSignal) -> None:
        """Whatever the state: it takes the signal where the table says so, and is else left as it was."""
        is_taken = getattr(self, f"give_{signal}")()
        assert is_taken == takes(self.state, signal)
        if is_taken:
            self.state = TRANSITIONS[self.state][signal]

    def give_begin(self) -> bool:
        if self.state is TurnState.NONE:
            self.begin_turn()
        other = self.turn if self.state is TurnState.NONE else replace(self.turn, id=NEW_IDS.new("turn"))
        try:
            if self.exists:
                self.run(self.store.begin_turn(self.user, self.thread.id, other))
            else:
                self.run(self.store.create_thread(self.user, self.thread, [], turn=other))
        except TurnRunning:
            return False
        self.exists = True
        return True

    def give_checkpoint(self) -> bool:
        items, lease = self.says(str(self.now)), self.now + LEASE
        call = self.store.checkpoint(self.user, self.thread.id, self.turn.id, lease_until=lease, items=items)
        try:
            stop = self.run(call)
        except TurnGone:
            return False
        assert stop == (self.state in {TurnState.STOPPING, TurnState.LAPSED_STOPPING})
        self.checkpoint = items
        return True

    def give_stop(self) -> bool:
        try:
            assert self.run(self.store.request_stop(self.user, self.thread.id)) == (self.state is not TurnState.NONE)
        except NotFound:
            assert not self.exists
        return True

    def give_lapse(self) -> bool:
        self.now += LEASE
        return is_alive(self.state)

    def give_end(self) -> bool:
        items = self.says("whole")
        try:
            self.run(self.store.end_turn(self.user, self.thread.id, self.turn.id, items=items))
        except TurnGone:
            return False
        self.items += items
        return True

    def give_close(self) -> bool:
        """Another closes it: what it finds lapsed, or what does not hear the stop."""
        if self.state is TurnState.STOPPING:
            seen = self.run(self.store.load_turn(self.user, self.thread.id))
            assert seen
            assert self.run(self.turns.close(self.user, self.thread.id, seen)) is None
        else:
            self.run(self.turns.live(self.user, self.thread.id))
            if not has_lapsed(self.state):
                return False
        self.items += self.checkpoint
        return True

    def give_delete(self) -> bool:
        try:
            self.run(self.store.delete_thread(self.user, self.thread.id))
        except NotFound:
            assert not self.exists
            return True
        gone, turn = self.thread, self.turn
        assert self.run(self.store.load_turn(self.user, gone.id)) is None
        self.run(self.store.delete_contents(self.user, gone.id))
        self.begin_thread()
        self.turn = turn  # its owner does not know
        return True

    @rule()
    def read(self) -> None:
        """Who reads is told of a turn that is alive, and closes one that is not."""
        turn = self.run(self.turns.live(self.user, self.thread.id))
        assert (turn is not None) == is_alive(self.state)
        if has_lapsed(self.state):
            self.items += self.checkpoint
            self.state = TRANSITIONS[self.state][TurnSignal.CLOSE]

    @precondition(lambda self: self.exists and not is_alive(self.state))
    @rule()
    def send(self) -> None:
        """A message goes through where nobody is at work: what has lapsed is closed, and a turn begins."""
        if has_lapsed(self.state):
            self.items += self.checkpoint
            self.state = TRANSITIONS[self.state][TurnSignal.CLOSE]

        async def begin() -> Turn:
            def write(turn: Turn) -> Any:
                return lambda: self.store.begin_turn(self.user, self.thread.id, turn)

            turn, _ = await self.turns.begin(self.user, self.thread.id, "", write)
            return turn

        self.begin_turn()
        self.turn = self.run(begin())
        self.state = TRANSITIONS[self.state][TurnSignal.BEGIN]

    @invariant()
    def the_row_says_the_state(self) -> None:
        turn = self.run(self.store.load_turn(self.user, self.thread.id))
        assert state_of(turn, self.now) is self.state

    @invariant()
    def what_was_kept_is_there(self) -> None:
        page = self.run(
            self.store.list_items(self.user, self.thread.id, after=None, limit=MAX_PAGE, order="asc", hidden=True)
        )
        assert page.data == self.items

    def teardown(self) -> None:
        if self.exists:
            self.run(self.store.delete_thread(self.user, self.thread.id))
            self.run(self.store.delete_contents(self.user, self.thread.id))
        self.runner.close()


def walks() -> list[list[TurnSignal]]:
    """Each signal in each state: the shortest way to the state, and then the signal."""
    ways: dict[TurnState, list[TurnSignal]] = {TurnState.NONE: []}
    pending = [TurnState.NONE]
    while pending:
        state = pending.pop(0)
        for signal, after in TRANSITIONS[state].items():
            if after not in ways:
                ways[after] = [*ways[state], signal]
                pending.append(after)
    return [[*ways[state], signal] for state in TurnState for signal in TurnSignal]


def test_each_state_takes_or_refuses_each_signal_as_the_table_says(store: Store) -> None:
    """None is left to chance."""
    for walk in walks():
        machine = _Machine(store)
        for signal in walk:
            machine.give(signal)
            machine.the_row_says_the_state()
            machine.what_was_kept_is_there()
        machine.teardown()


EXAMPLES = {"memory": 150, "moto": 12, "ministack": 10}


def test_a_turn_walks_through_the_table_of_its_states(adapter: Adapter, store: Store) -> None:
    """After each signal the row says what the table says; what the table does not have is refused, and changes nothing."""

    class Machine(_Machine):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(Machine, settings=machine_settings(adapter, EXAMPLES))

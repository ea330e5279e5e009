"""The turn's row under random histories, against a model of a few lines: `functions.store.base.Store`."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from functions.errors import InternalError, NotFound, ThreadUnavailable
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ActiveStatus, ClosedStatus
from functions.store.base import MAX_PAGE, RequestRepeated, StartedRequest, Store, Turn, TurnGone, TurnRunning
from tests.contracts.conftest import Adapter, machine_settings
from tests.support.threads import assistant_message, new_thread, new_turn, new_user

TURNS, ITEMS = 3, 3
KEYS = ("a", "a", "")
"""The turns' request keys: two turns are begun by the same request, one by none that is remembered."""
START = datetime(2040, 1, 1, tzinfo=UTC)

turn = st.integers(0, TURNS - 1)
texts, some_texts = (
    st.dictionaries(st.integers(0, ITEMS - 1), st.sampled_from("abc"), min_size=least, max_size=2) for least in (0, 1)
)
"""Items and what they say: the same item may come again with another text."""
unfinished = st.none() | texts
seconds = st.integers(0, 60)


@dataclass
class _Model:
    """All that there is to know of one thread, its turn, and the request that two of the turns share."""

    exists: bool = False
    active: bool = True
    items: dict[int, str] = field(default_factory=dict)
    running: int | None = None
    lease: int = 0
    unfinished: dict[int, str] = field(default_factory=dict)
    stop: bool = False
    version: int = 0
    started: int | None = None
    """The turn that the request has begun, as far as it is remembered."""
    closed: int | None = None
    """When another has closed that turn."""

    def begin(self, which: int) -> None:
        self.running, self.lease, self.unfinished, self.stop, self.version = which, 0, {}, False, 0
        if KEYS[which]:
            self.started, self.closed = which, None

    def repeats(self, which: int) -> bool:
        """Whether a turn would be begun by a request that has begun one before."""
        return bool(KEYS[which]) and self.started is not None and (self.started != which or self.closed is not None)

    def owned_by(self, which: int) -> bool:
        return self.exists and self.running == which


class _Machine(RuleBasedStateMachine):
    """One user, one thread, a few turns that begin, write and end in any order, whoever runs."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.runner = asyncio.Runner()
        self.model = _Model()
        self.user, self.stranger = new_user(), new_user()
        self.thread = new_thread()
        self.turns = [replace(new_turn(request_key=key), lease_until=START) for key in KEYS]
        self.known = [assistant_message(self.thread.id) for _ in range(ITEMS)]

    def items(self, texts: dict[int, str]) -> list[ThreadItem]:
        return [
            self.known[which].model_copy(update={"content": assistant_message("", text).content})
            for which, text in sorted(texts.items())
        ]

    def expected(self) -> Turn | None:
        """The turn as the model has it."""
        model = self.model
        if model.running is None:
            return None
        return replace(
            self.turns[model.running],
            lease_until=START + timedelta(seconds=model.lease),
            items=tuple(self.items(model.unfinished)),
            stop_requested=model.stop,
            version=model.version,
        )

    def remembered(self) -> StartedRequest | None:
        """The request as the model has it."""
        model = self.model
        if model.started is None:
            return None
        closed_at = None if model.closed is None else START + timedelta(seconds=model.closed)
        return StartedRequest(thread_id=self.thread.id, turn_id=self.turns[model.started].id, closed_at=closed_at)

    def play(self, call: Coroutine[Any, Any, Any], refused: type[Exception] | None) -> Any:
        """What the store answers. The call must raise `refused`, or nothing."""
        if refused is None:
            return self.runner.run(call)
        with pytest.raises(refused) as caught:
            self.runner.run(call)
        if isinstance(caught.value, TurnRunning):
            assert caught.value.turn == self.expected()
        if isinstance(caught.value, RequestRepeated):
            assert caught.value.started == self.remembered()
        return None

    def refusal(self, which: int, new: dict[int, str]) -> type[Exception] | None:
        """Why a turn cannot begin on the thread as it is."""
        model = self.model
        if model.repeats(which):
            return RequestRepeated
        if not model.exists:
            return NotFound
        if model.owned_by(which) and new.keys() <= model.items.keys():
            return None
        if not model.active:
            return ThreadUnavailable
        if model.running not in {None, which}:
            return TurnRunning
        return InternalError if model.running == which or new.keys() & model.items.keys() else None

    @rule(which=turn, texts=texts)
    def create_thread(self, which: int, texts: dict[int, str]) -> None:
        model = self.model
        again = model.owned_by(which) and texts.keys() <= model.items.keys()
        taken = model.exists or texts.keys() & model.items.keys()
        refused = RequestRepeated if model.repeats(which) else InternalError if taken and not again else None
        call = self.store.create_thread(self.user, self.thread, self.items(texts), turn=self.turns[which])
        self.play(call, refused)
        if refused is None and not again:
            model.exists = model.active = True
            model.items |= texts
            model.begin(which)

    @rule(which=turn, texts=texts)
    def add_items(self, which: int, texts: dict[int, str]) -> None:
        call = self.store.add_items(self.user, self.thread.id, self.items(texts), turn=self.turns[which])
        self.begin(call, which, texts, self.refusal(which, texts))

    @rule(which=turn, texts=texts)
    def begin_turn(self, which: int, texts: dict[int, str]) -> None:
        call = self.store.begin_turn(self.user, self.thread.id, self.turns[which], items=self.items(texts))
        self.begin(call, which, texts, self.refusal(which, {}))

    def begin(
        self, call: Coroutine[Any, Any, Any], which: int, texts: dict[int, str], refused: type[Exception] | None
    ) -> None:
        self.play(call, refused)
        if refused is None and self.model.running != which:
            self.model.begin(which)
            self.model.items |= texts

    @rule(which=turn, second=seconds, texts=unfinished)
    def checkpoint(self, which: int, second: int, texts: dict[int, str] | None) -> None:
        model, items = self.model, None if texts is None else self.items(texts)
        lease = START + timedelta(seconds=second)
        call = self.store.checkpoint(self.user, self.thread.id, self.turns[which].id, lease_until=lease, items=items)
        if not model.owned_by(which):
            self.play(call, TurnGone)
            return
        assert self.play(call, None) == model.stop
        model.lease, model.version = second, model.version + 1
        if texts is not None:
            model.unfinished = dict(texts)

    @rule(which=turn, texts=some_texts, left=unfinished)
    def save_items(self, which: int, texts: dict[int, str], left: dict[int, str] | None) -> None:
        call = self.store.save_items(
            self.user,
            self.thread.id,
            self.items(texts),
            turn_id=self.turns[which].id,
            unfinished=None if left is None else self.items(left),
        )
        if self.write(call, which):
            self.model.items |= texts
            self.model.unfinished = self.model.unfinished if left is None else dict(left)

    @rule(which=turn, gone=st.sets(st.integers(0, ITEMS - 1), max_size=2))
    def delete_items(self, which: int, gone: set[int]) -> None:
        item_ids = [self.known[item].id for item in gone]
        if self.write(
            self.store.delete_items(self.user, self.thread.id, item_ids, turn_id=self.turns[which].id), which
        ):
            self.model.items = {item: text for item, text in self.model.items.items() if item not in gone}

    @rule(which=turn | st.none(), active=st.booleans())
    def save_thread(self, which: int | None, active: bool) -> None:
        thread = self.thread.model_copy(update={"status": ActiveStatus() if active else ClosedStatus()})
        if which is None:
            self.play(self.store.save_thread(self.user, thread), None if self.model.exists else NotFound)
            self.model.active = active
        elif self.write(self.store.save_thread(self.user, thread, turn_id=self.turns[which].id), which):
            self.model.active = active

    def write(self, call: Coroutine[Any, Any, Any], which: int) -> bool:
        """Whether the turn may write; the call must agree."""
        mine = self.model.owned_by(which)
        self.play(call, None if mine else TurnGone)
        self.model.version += mine
        return mine

    @rule(which=turn, texts=texts, seen=st.sampled_from([None, 0, -1]), key=st.booleans(), closed=st.none() | seconds)
    def end_turn(self, which: int, texts: dict[int, str], seen: int | None, key: bool, closed: int | None) -> None:
        """`seen`: how far behind the row the caller is; `key`: whether it names the request that two turns share."""
        model = self.model
        version = None if seen is None else model.version + seen
        refused = None if seen in {None, 0} else TurnRunning
        call = self.store.end_turn(
            self.user,
            self.thread.id,
            self.turns[which].id,
            items=self.items(texts),
            version=version,
            request_key=KEYS[0] if key else "",
            closed_at=None if closed is None else START + timedelta(seconds=closed),
        )
        self.play(call, refused if model.owned_by(which) else TurnGone)
        if model.owned_by(which) and refused is None:
            model.items |= texts
            model.running = None
            if key and model.started == which:
                model.started, model.closed = (None if closed is None else which), closed

    @precondition(lambda self: self.model.running is not None)
    @rule(second=seconds)
    def close(self, second: int) -> None:
        """What is rare at random: somebody else ends the very turn that runs."""
        assert self.model.running is not None
        self.end_turn(self.model.running, {}, 0, key=True, closed=second)

    @precondition(lambda self: self.model.started is not None)
    @rule(texts=texts)
    def begin_again(self, texts: dict[int, str]) -> None:
        """What is rare at random: the very turn that the request has begun, whatever became of it."""
        assert self.model.started is not None
        self.begin_turn(self.model.started, texts)

    @rule(which=turn)
    def forget_request(self, which: int) -> None:
        self.play(self.store.forget_request(self.user, KEYS[0], self.turns[which].id), None)
        if self.model.started == which:
            self.model.started = self.model.closed = None

    @rule(which=turn)
    def is_stop_requested(self, which: int) -> None:
        mine = self.model.owned_by(which)
        call = self.store.is_stop_requested(self.user, self.thread.id, self.turns[which].id)
        assert self.play(call, None if mine else TurnGone) == (self.model.stop if mine else None)

    @rule()
    def request_stop(self) -> None:
        model = self.model
        asked = self.play(self.store.request_stop(self.user, self.thread.id), None if model.exists else NotFound)
        assert asked == ((model.running is not None) if model.exists else None)
        model.stop = True

    @rule()
    def delete_thread(self) -> None:
        self.play(self.store.delete_thread(self.user, self.thread.id), None if self.model.exists else NotFound)
        self.model.exists, self.model.active, self.model.running = False, True, None

    @rule()
    def delete_contents(self) -> None:
        assert self.play(self.store.delete_contents(self.user, self.thread.id), None) == (not self.model.exists)
        if not self.model.exists:
            self.model.items = {}

    @invariant()
    def what_is_remembered_is_as_in_the_model(self) -> None:
        assert self.runner.run(self.store.find_request(self.user, KEYS[0])) == self.remembered()
        assert self.runner.run(self.store.find_request(self.stranger, KEYS[0])) is None

    @invariant()
    def what_is_stored_is_as_in_the_model(self) -> None:
        assert self.runner.run(self.stored()) == (self.expected(), None, self.items(self.model.items))

    async def stored(self) -> tuple[Turn | None, Turn | None, list[ThreadItem]]:
        """The turn as its user and as another one reads it, and the items."""
        mine = await self.store.load_turn(self.user, self.thread.id)
        others = await self.store.load_turn(self.stranger, self.thread.id)
        page = await self.store.list_items(
            self.user, self.thread.id, after=None, limit=MAX_PAGE, order="asc", hidden=True
        )
        return mine, others, page.data

    def teardown(self) -> None:
        if self.model.exists:
            self.delete_thread()
        self.runner.close()


EXAMPLES = {"memory": 100, "moto": 12, "ministack": 10}


def test_a_turn_is_as_its_model(adapter: Adapter, store: Store) -> None:
    """Whatever is done to a thread's turn, by its owner or another, the store does and refuses as the model says."""

    class Machine(_Machine):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(Machine, settings=machine_settings(adapter, EXAMPLES))

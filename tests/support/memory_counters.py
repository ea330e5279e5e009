"""The counters in memory: the port's promises in the plainest way."""

from collections import Counter as Bag
from collections.abc import Mapping
from datetime import datetime

from functions.errors import InvalidRequest
from functions.limits import WINDOWS, Amounts, Counter, Holder
from functions.store.counter_rows import free_at
from functions.store.counters import Counted, Hold, Reached, check_amounts

_KEPT = -1
"""The window of what there is."""


class MemoryCounters:
    """Implements `functions.store.counters.Counters`."""

    def __init__(self) -> None:
        self._counts: Bag[tuple[Holder, Counter, int]] = Bag()
        self._holds: dict[Holder, dict[str, datetime]] = {}

    async def count(
        self, holder: Holder, amounts: Amounts, limits: Mapping[Counter, int], *, at: datetime, hold: Hold | None = None
    ) -> Counted:
        check_amounts(amounts, hold, at)
        _check_holder(holder)
        counted = Counted(holder=holder, amounts=amounts, at=at, hold=hold)
        holds = self._holds.setdefault(holder, {})
        if hold and hold.id in holds:
            return counted
        passed = [
            counter
            for counter, amount in amounts.items()
            if counter in limits and self._counts[_place(holder, counter, at)] + max(amount, 1) > limits[counter]
        ]
        if passed:
            counter = max(passed, key=lambda counter: free_at(counter, at) or at)
            raise Reached(holder, counter, free_at(counter, at))
        if hold:
            if len(holds) >= limits.get(Counter.RUNNING_TURNS, len(holds) + 1):
                holds = self._holds[holder] = {each: until for each, until in holds.items() if until > at}
            if len(holds) >= limits.get(Counter.RUNNING_TURNS, len(holds) + 1):
                raise Reached(holder, Counter.RUNNING_TURNS, None)
            holds[hold.id] = hold.until
        await self.add(holder, amounts, at=at) if amounts else None
        return counted

    async def take_back(self, counted: Counted) -> None:
        if counted.hold and self._holds.get(counted.holder, {}).pop(counted.hold.id, None) is None:
            return
        for counter, amount in counted.amounts.items():
            self._counts[_place(counted.holder, counter, counted.at)] -= amount

    async def renew(self, counted: Counted, until: datetime) -> None:
        holds = self._holds.get(counted.holder, {})
        if counted.hold and counted.hold.id in holds:
            holds[counted.hold.id] = until

    async def end(self, counted: Counted, amounts: Amounts, *, at: datetime) -> None:
        if counted.hold:
            self._holds.get(counted.holder, {}).pop(counted.hold.id, None)
        if amounts:
            await self.add(counted.holder, amounts, at=at)

    async def add(self, holder: Holder, amounts: Amounts, *, at: datetime) -> None:
        check_amounts(amounts, None, at)
        _check_holder(holder)
        for counter, amount in amounts.items():
            self._counts[_place(holder, counter, at)] += amount

    def count_together(self, counter: Counter, amount: int, limits: Mapping[Holder, int | None]) -> None:
        """Adds to what each holder has, in one step with what is counted. Raises `Reached`; then nothing is counted."""
        places = {holder: (holder, counter, _KEPT) for holder in limits}
        for holder, limit in limits.items():
            if limit is not None and self._counts[places[holder]] + amount > limit:
                raise Reached(holder, counter, None)
        for place in places.values():
            self._counts[place] += amount

    async def read(self, holder: Holder, *, at: datetime) -> Amounts:
        _check_holder(holder)
        counts = {counter: self._counts[_place(holder, counter, at)] for counter in Counter}
        counts[Counter.RUNNING_TURNS] = len(self._holds.get(holder, {}))
        return {counter: number for counter, number in counts.items() if number}


def _check_holder(holder: Holder) -> None:
    if not 1 <= len(holder.id) <= 256:
        raise InvalidRequest("user", "must have 1 to 256 characters")


def _place(holder: Holder, counter: Counter, at: datetime) -> tuple[Holder, Counter, int]:
    seconds = WINDOWS.get(counter)
    return holder, counter, _KEPT if seconds is None else int(at.timestamp()) // seconds

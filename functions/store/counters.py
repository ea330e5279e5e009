"""The port to where use is counted. One contract suite (`tests/contracts`) runs on every adapter.

Each holder, a user or a tenant, has counters of their own. Counting and comparing is one step: of any number of calls
at the same time, exactly as many are counted as the limit lets through.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from functions.limits import WINDOWS, Amounts, Counter, Holder

MAX_HOLD_ID = 64
"""The most characters of a hold's id."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A running turn's place among those that may run at the same time."""

    id: str
    """Never used twice; up to `MAX_HOLD_ID` ASCII letters and digits."""
    until: datetime
    """When the place is free though nobody has given it up: its function was killed. Aware."""

    def __post_init__(self) -> None:
        if not (0 < len(self.id) <= MAX_HOLD_ID and self.id.isascii() and self.id.isalnum()):
            raise ValueError(f"a hold's id has 1 to {MAX_HOLD_ID} ASCII letters and digits")
        if self.until.utcoffset() is None:
            raise ValueError("a time is aware of its zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted; it can be taken back."""

    holder: Holder
    amounts: Amounts
    at: datetime
    hold: Hold | None = None
    stale: tuple[str, ...] = field(default=(), repr=False)
    """The adapter's own: what it can do without from now on."""


class Reached(Exception):
    """A limit would be passed; nothing was counted."""

    def __init__(self, holder: Holder, counter: Counter, free_at: datetime | None) -> None:
        """`free_at`: when time alone frees the limit; None where something has to end or to be deleted."""
        super().__init__(f"{holder.kind}.{counter}")
        self.holder = holder
        self.counter = counter
        self.free_at = free_at


class Counters(Protocol):
    """Counts. Every call raises `Unavailable` and `InternalError` as those of `Store` do, and takes aware times.

    A write whose answer is lost may have been done. Where there is a hold, none is done twice for it; without, one may be.
    """

    async def count(
        self, holder: Holder, amounts: Amounts, limits: Mapping[Counter, int], *, at: datetime, hold: Hold | None = None
    ) -> Counted:
        """Adds all amounts, or none. Costs one write; without a hold another one, once a window, for what others have left.

        Raises `Reached`, of several limits by the one that is free last.

        A counter is refused where its count and the amount are more than its limit; an amount of 0 is refused where the
        limit is reached. Counters without a limit are counted all the same. With a `hold` this is also one more running
        turn, until `end` or `take_back`, or until its time: such holds are cleared away where they stand in the way.

        The amounts are all of counters with a window (`WINDOWS`), or all of counters without: a `ValueError` otherwise.
        """
        ...

    async def take_back(self, counted: Counted) -> None:
        """Undoes a `count`. Does nothing where its hold is gone."""
        ...

    async def renew(self, counted: Counted, until: datetime) -> None:
        """Keeps a hold until a later time. Does nothing where it is gone."""
        ...

    async def end(self, counted: Counted, amounts: Amounts, *, at: datetime) -> None:
        """Gives up a hold, and adds amounts, limits or not."""
        ...

    async def add(self, holder: Holder, amounts: Amounts, *, at: datetime) -> None:
        """Adds amounts, limits or not; what is less than 0 is taken away. All are of one kind, as in `count`."""
        ...

    async def read(self, holder: Holder, *, at: datetime) -> Amounts:
        """All counts that are not 0 at this time, holds that have run out included."""
        ...


def check_amounts(amounts: Amounts, hold: Hold | None, at: datetime) -> bool:
    """Whether these are amounts of counters with a window. Raises `ValueError` as `Counters.count` does."""
    windowed = {counter in WINDOWS for counter in amounts}
    if hold is not None:
        windowed.add(True)
    if len(windowed) != 1:
        raise ValueError("counters with a window and without one, or none at all")
    if Counter.RUNNING_TURNS in amounts:
        raise ValueError("running turns are counted by their holds")
    if at.utcoffset() is None:
        raise ValueError("a time is aware of its zone")
    return windowed.pop()

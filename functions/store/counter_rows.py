"""The rows of counters, and what is done to them, as DynamoDB's updates. Pure: no I/O.

A holder has two rows. `Q#USE` has the counters with a window, each as an attribute named by its window (`m29712345` counts
the messages of one minute): so a new window needs no reset, and no transaction. It also has a hold for each running turn,
`h` and its id with the second in which it ends, and their number, `r`. It is dropped (`expires_at`) some days after its
last use. `Q#KEPT` counts what there is (threads, bytes), and stays.

All that a message waits for is a plain update with conditions, and no part of a transaction: DynamoDB puts updates of one
row in order, any number of them at once, but cancels transactions that meet there. What is kept (`kept`) is taken back in
the transaction that removes it, and so is a file counted: nothing ever begins such a count anew, so it must not drift.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from functions.limits import WINDOWS, Amounts, Counter, Holder
from functions.store import keys, rows, table
from functions.store.counters import Counted, Hold, check_amounts
from functions.store.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

    from functions.store.transactions import Action

KEPT: Final = timedelta(days=3)
"""How long a row with windows is kept behind its last use: longer than any window."""
ADDRESS_KEPT: Final = timedelta(hours=2)
"""The same of addresses, which have no window longer than an hour: they are nobody's business for any longer."""
MAX_CLEARED: Final = 50
"""The most attributes that one update clears away."""

_PREFIXES: Final[Mapping[Counter, str]] = {
    Counter.MESSAGES_PER_MINUTE: "m",
    Counter.MESSAGES_PER_DAY: "d",
    Counter.TOKENS_PER_DAY: "t",
    Counter.UPLOADED_BYTES_PER_DAY: "u",
    Counter.VISITORS_PER_HOUR: "a",
}
_BY_PREFIX: Final = {prefix: counter for counter, prefix in _PREFIXES.items()}
_RUNNING: Final = "r"
_HOLD: Final = "h"
_KEPT_COUNTERS: Final = tuple(counter for counter in Counter if counter not in WINDOWS)


class _Update:
    """An update in the making: each attribute stands for itself, behind an alias."""

    def __init__(self, name: str, where: keys.Key) -> None:
        self._table = name
        self._where = where
        self._sets: list[str] = []
        self._adds: list[str] = []
        self._removes: list[str] = []
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: Row = {}

    def set(self, attribute: str, number: int) -> None:
        self._sets.append(f"{self._alias(attribute)} = {self._value(number)}")

    def add(self, attribute: str, number: int) -> None:
        self._adds.append(f"{self._alias(attribute)} {self._value(number)}")

    def remove(self, attribute: str) -> None:
        self._removes.append(self._alias(attribute))

    def at_most(self, attribute: str, number: int) -> None:
        alias = self._alias(attribute)
        holds = f"{alias} <= {self._value(number)}"
        # Nothing has room for an amount that is beyond the limit by itself: what is not there is less than no number.
        self._conditions.append(holds if number < 0 else f"(attribute_not_exists({alias}) OR {holds})")

    def equals(self, attribute: str, number: int) -> None:
        self._conditions.append(f"{self._alias(attribute)} = {self._value(number)}")

    def exists(self, attribute: str) -> None:
        self._conditions.append(f"attribute_exists({self._alias(attribute)})")

    def is_absent(self, attribute: str) -> None:
        self._conditions.append(f"attribute_not_exists({self._alias(attribute)})")

    def made(self) -> "UpdateTypeDef":
        clauses = {"SET": self._sets, "REMOVE": self._removes, "ADD": self._adds}
        change: UpdateTypeDef = {
            "TableName": self._table,
            "Key": rows.key_row(self._where),
            "UpdateExpression": " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts),
            "ExpressionAttributeNames": self._names,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if self._values:
            change["ExpressionAttributeValues"] = self._values
        if self._conditions:
            change["ConditionExpression"] = " AND ".join(self._conditions)
        return change

    def _alias(self, attribute: str) -> str:
        self._names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def _value(self, number: int) -> str:
        name = f":{len(self._values)}"
        self._values[name] = {"N": str(number)}
        return name


def count(
    name: str, holder: Holder, amounts: Amounts, limits: Mapping[Counter, int], *, at: datetime, hold: Hold | None
) -> "UpdateTypeDef":
    """Adds all amounts, if none passes its limit. Raises `ValueError` as `Counters.count`."""
    windowed = check_amounts(amounts, hold, at)
    update = _Update(name, keys.counters(holder, windowed=windowed))
    update.set(rows.VERSION_ATTRIBUTE, int(rows.VERSION))
    if windowed:
        kept = ADDRESS_KEPT if holder.kind == "address" else KEPT
        update.set(table.TTL_ATTRIBUTE, math.ceil((at + kept).timestamp()))
    for counter, amount in amounts.items():
        if counter in limits:
            update.at_most(attribute_of(counter, at), limits[counter] - max(amount, 1))
        if amount:
            update.add(attribute_of(counter, at), amount)
    if hold is not None:
        update.is_absent(_HOLD + hold.id)
        update.set(_HOLD + hold.id, math.ceil(hold.until.timestamp()))
        update.add(_RUNNING, 1)
        if Counter.RUNNING_TURNS in limits:
            update.at_most(_RUNNING, limits[Counter.RUNNING_TURNS] - 1)
    return update.made()


def take_back(name: str, counted: Counted) -> "UpdateTypeDef":
    """Undoes a `count`, whose hold must be there if it has one."""
    amounts = {counter: -amount for counter, amount in counted.amounts.items() if amount}
    return _change(name, counted.holder, amounts, at=counted.at, hold=counted.hold, stale=())


def end(name: str, counted: Counted, amounts: Amounts, *, at: datetime) -> "UpdateTypeDef":
    """Gives up a hold, which must be there, adds amounts, and clears away what is stale."""
    return _change(name, counted.holder, amounts, at=at, hold=counted.hold, stale=counted.stale)


def add(name: str, holder: Holder, amounts: Amounts, *, at: datetime) -> "UpdateTypeDef":
    """Adds amounts, whatever there is."""
    return _change(name, holder, amounts, at=at, hold=None, stale=())


def renew(name: str, counted: Counted, hold: Hold) -> "UpdateTypeDef":
    """Moves the end of a hold, which must be there."""
    update = _Update(name, keys.counters(counted.holder, windowed=True))
    update.exists(_HOLD + hold.id)
    update.set(_HOLD + hold.id, math.ceil(hold.until.timestamp()))
    return update.made()


def clear(name: str, holder: Holder, row: Row, *, at: datetime) -> "UpdateTypeDef | None":
    """Gives up the holds of a row that have run out, if they are there as they were read; None where there is none."""
    lapsed = [hold for hold in _holds(row) if _number(row, hold) <= at.timestamp()][:MAX_CLEARED]
    if not lapsed:
        return None
    update = _Update(name, keys.counters(holder, windowed=True))
    for hold in lapsed:
        update.equals(hold, _number(row, hold))
        update.remove(hold)
    update.add(_RUNNING, -len(lapsed))
    return update.made()


def forget(name: str, holder: Holder, windows: Iterable[str]) -> "UpdateTypeDef":
    """Clears away attributes of windows that are over (`stale`) from a row that must be there."""
    update = _Update(name, keys.counters(holder, windowed=True))
    update.exists(table.TTL_ATTRIBUTE)
    for window in windows:
        update.remove(window)
    return update.made()


def kept(name: str, holder: Holder, counter: Counter, amount: int, *, limit: int | None = None) -> "Action":
    """Adds to what a holder has, or takes from it, in a transaction with what is counted: so neither is without the other.

    With a `limit` the amount must fit; the row is told where it does not.
    """
    update = _Update(name, keys.counters(holder, windowed=False))
    if amount > 0:
        update.set(rows.VERSION_ATTRIBUTE, int(rows.VERSION))
    if limit is not None:
        update.at_most(counter.value, limit - amount)
    update.add(counter.value, amount)
    return {"Update": update.made()}


def is_held(row: Row, hold: Hold | None) -> bool:
    """Whether the row has this hold: it was counted before, by a call whose answer was lost."""
    return hold is not None and _HOLD + hold.id in row


def reached(
    row: Row, amounts: Amounts, limits: Mapping[Counter, int], *, at: datetime, hold: Hold | None
) -> list[Counter]:
    """The limits that the amounts would pass, by what the row has; the one that is free last comes first.

    What time does not free (running turns, threads, bytes) comes behind what it does: that is over before.
    """
    wanted = {**amounts, **({Counter.RUNNING_TURNS: 1} if hold else {})}
    passed = [
        counter
        for counter, amount in wanted.items()
        if counter in limits and _number(row, attribute_of(counter, at)) + max(amount, 1) > limits[counter]
    ]
    return sorted(passed, key=lambda counter: free_at(counter, at) or at, reverse=True)


def free_at(counter: Counter, at: datetime) -> datetime | None:
    """When the counter's window is over; None where it has none."""
    seconds = WINDOWS.get(counter)
    if seconds is None:
        return None
    return datetime.fromtimestamp((_window(at, seconds) + 1) * seconds, UTC)


def stale(row: Row, *, at: datetime) -> tuple[str, ...]:
    """The attributes of windows that are over, as many as one update clears away."""
    over = (name for name, counter in _windows(row) if int(name[1:]) < _window(at, WINDOWS[counter]))
    return tuple(sorted(over)[:MAX_CLEARED])


def read(row: Row, *, at: datetime, windowed: bool) -> dict[Counter, int]:
    """The counts of a row that are not 0."""
    if windowed:
        counters = {counter: attribute_of(counter, at) for counter in WINDOWS} | {Counter.RUNNING_TURNS: _RUNNING}
    else:
        counters = {counter: counter.value for counter in _KEPT_COUNTERS}
    counts = {counter: _number(row, attribute) for counter, attribute in counters.items()}
    return {counter: number for counter, number in counts.items() if number}


def attribute_of(counter: Counter, at: datetime) -> str:
    """Where a counter stands in its row."""
    if counter is Counter.RUNNING_TURNS:
        return _RUNNING
    seconds = WINDOWS.get(counter)
    return counter.value if seconds is None else f"{_PREFIXES[counter]}{_window(at, seconds)}"


def _change(
    name: str, holder: Holder, amounts: Amounts, *, at: datetime, hold: Hold | None, stale: Iterable[str]
) -> "UpdateTypeDef":
    windowed = check_amounts(amounts, hold, at)
    update = _Update(name, keys.counters(holder, windowed=windowed))
    added = {attribute_of(counter, at): amount for counter, amount in amounts.items()}
    for attribute, amount in added.items():
        update.add(attribute, amount)
    if hold is not None:
        update.exists(_HOLD + hold.id)
        update.remove(_HOLD + hold.id)
        update.add(_RUNNING, -1)
    for attribute in stale:
        if attribute not in added:
            update.remove(attribute)
    return update.made()


def _window(at: datetime, seconds: int) -> int:
    return math.floor(at.timestamp()) // seconds


def _windows(row: Row) -> Iterable[tuple[str, Counter]]:
    for name in row:
        counter = _BY_PREFIX.get(name[:1])
        if counter is not None and name[1:].isdigit():
            yield name, counter


def _holds(row: Row) -> list[str]:
    return [name for name in row if name.startswith(_HOLD)]


def _number(row: Row, attribute: str) -> int:
    return int(row.get(attribute, {}).get("N", "0"))

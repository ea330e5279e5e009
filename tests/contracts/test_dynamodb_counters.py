"""The counters on DynamoDB: what they cost, and what their rows hold."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.errors import Unavailable
from functions.limits import Counter, Holder
from functions.store import transactions as tx
from functions.store.counters import Counters, Hold, Reached
from functions.translations import Text
from tests.contracts.conftest import TABLE, Aws
from tests.contracts.test_counters import MESSAGE, MINUTE, NOON, RUNNING, TOKENS
from tests.contracts.test_counters import holder as holder  # the fixtures
from tests.contracts.test_counters import new_hold as new_hold

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)]


def row_of(aws: Aws, holder: Holder) -> Any:
    """The row with what a user has used of late."""
    key = {"pk": {"S": f"U#{holder.id}"}, "sk": {"S": "Q#USE"}}
    return aws.dynamodb.get_item(TableName=TABLE, Key=key).get("Item")


async def test_a_row_stays_small(counters: Counters, aws: Aws, holder: Holder, new_hold: Callable[..., Hold]) -> None:
    """What windows have left goes with a later write: after a month of messages a row has a few attributes."""
    times = [NOON + timedelta(days=day, hours=hour) for day in range(30) for hour in (0, 5, 9)]
    for at in times:
        counted = await counters.count(holder, MESSAGE, {}, at=at, hold=new_hold())
        await counters.end(counted, {TOKENS: 1_000}, at=at)
    row = row_of(aws, holder)
    assert len(row) <= 12
    assert int(row["expires_at"]["N"]) > times[-1].timestamp() + 2 * 86_400


async def test_of_an_address_there_is_little_and_not_for_long(counters: Counters, aws: Aws) -> None:
    """One row, which DynamoDB may drop two hours behind its last use."""
    address = Holder("address", "0123456789abcdef" * 2)
    for at in (NOON, NOON + timedelta(minutes=50)):
        await counters.count(address, {Counter.VISITORS_PER_HOUR: 1}, {Counter.VISITORS_PER_HOUR: 9}, at=at)
    key = {"pk": {"S": f"N#{address.id}"}, "sk": {"S": "Q#USE"}}
    row: Any = aws.dynamodb.get_item(TableName=TABLE, Key=key).get("Item")
    assert int(row.pop("expires_at")["N"]) == (NOON + timedelta(minutes=170)).timestamp()
    assert len(row) == 4, row


async def test_an_address_that_is_never_quiet_keeps_a_small_row(counters: Counters, aws: Aws) -> None:
    """That of an office, or of a proxy: a row that is always in use is never dropped, so what windows leave has to go.

    It does with the first call of each window, and not with those that follow.
    """
    address = Holder("address", "fedcba9876543210" * 2)

    async def come(hours: float) -> None:
        at = NOON + timedelta(hours=hours)
        await counters.count(address, {Counter.VISITORS_PER_HOUR: 1}, {Counter.VISITORS_PER_HOUR: 9}, at=at)

    for hour in range(40):
        await come(hour)
    key = {"pk": {"S": f"N#{address.id}"}, "sk": {"S": "Q#USE"}}
    row: Any = aws.dynamodb.get_item(TableName=TABLE, Key=key).get("Item")
    assert len(row) == 5, row
    aws.operations.clear()
    await come(40)
    assert aws.operations == ["UpdateItem"] * 2
    await come(40.5)
    assert aws.operations == ["UpdateItem"] * 3


async def test_what_windows_leave_is_nothing_to_fail_for(
    counters: Counters, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was counted: that the row could not be tidied up is told to nobody but the log. No row comes of it either."""
    address, visit = Holder("address", "00112233445566ff" * 2), {Counter.VISITORS_PER_HOUR: 1}
    key = {"pk": {"S": f"N#{address.id}"}, "sk": {"S": "Q#USE"}}
    update, updates = tx.update, 0

    async def dropped_before_the_second(client: Any, change: Any) -> Any:
        nonlocal updates
        updates += 1
        if updates == 2:
            aws.dynamodb.delete_item(TableName=TABLE, Key=key)
        if updates == 4:
            raise Unavailable(Text.STORE_UNAVAILABLE)
        return await update(client, change)

    await counters.count(address, visit, {}, at=NOON)
    monkeypatch.setattr(tx, "update", dropped_before_the_second)
    await counters.count(address, visit, {}, at=NOON + timedelta(hours=1))
    assert "Item" not in aws.dynamodb.get_item(TableName=TABLE, Key=key)
    await counters.count(address, visit, {}, at=NOON + timedelta(hours=2))
    updates = 2
    await counters.count(address, visit, {}, at=NOON + timedelta(hours=3))
    assert updates == 4


async def test_a_count_is_one_write(
    counters: Counters, aws: Aws, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """As many requests as are promised, and none of them a transaction."""
    counted = await counters.count(holder, MESSAGE, {MINUTE: 2}, at=NOON, hold=new_hold())
    await counters.renew(counted, NOON + timedelta(minutes=2))
    await counters.end(counted, {TOKENS: 5}, at=NOON)
    assert aws.operations == ["UpdateItem"] * 3
    aws.operations.clear()
    counted = await counters.count(holder, MESSAGE, {MINUTE: 2}, at=NOON, hold=new_hold())
    with pytest.raises(Reached):
        await counters.count(holder, MESSAGE, {MINUTE: 2}, at=NOON, hold=new_hold())
    await counters.take_back(counted)
    assert aws.operations == ["UpdateItem"] * 3


async def test_twenty_turns_are_a_kilobyte(
    counters: Counters, aws: Aws, holder: Holder, new_hold: Callable[..., Hold]
) -> None:
    """A row is one write unit as long as it has 1,024 bytes: names and values, as DynamoDB counts them."""
    for _ in range(20):
        await counters.count(holder, MESSAGE, {RUNNING: 20}, at=NOON, hold=Hold(f"{new_hold().id:0>26}", NOON))
    row = row_of(aws, holder)
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html: a number takes one byte
    # for two digits, and one.
    numbers = sum(len(name) + (len(value["N"]) + 1) // 2 + 1 for name, value in row.items() if "N" in value)
    texts = sum(len(name) + len(value["S"]) for name, value in row.items() if "S" in value)
    assert numbers + texts <= 1_024

"""The row of a remembered request, and what is done to it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from functions.errors import InternalError
from functions.store import keys, request_rows
from functions.store.base import MAX_REQUEST_KEY, StartedRequest, Turn
from functions.store.rows import Row

THREAD = "thr_" + "0" * 26
TURN = "turn_" + "1" * 26
NOON = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
CLOSED: Row = {"closed": {"S": "2026-03-01T12:00:00.500000+00:00"}}


def _where(user: str, request_key: str) -> keys.Key:
    where = keys.request(user, request_key)
    assert where
    return where


def _row(user: str = "alice", request_key: str = "key") -> Any:
    """The row of a request whose turn has just begun."""
    turn = Turn(id=TURN, lease_until=NOON, request_key=request_key)
    return request_rows.begin("table", _where(user, request_key), THREAD, turn).get("Put", {})["Item"]


def test_the_row_is_as_documented() -> None:
    """Stored data depends on these: the key and the attributes of a request, letter by letter."""
    row = _row()
    assert row == {
        "pk": {"S": "U#alice"},
        "sk": {"S": "R#key"},
        "v": {"N": "1"},
        "thread": {"S": THREAD},
        "turn": {"S": TURN},
        "expires_at": {"N": str(int(NOON.timestamp()) + 1 + 24 * 60 * 60)},
    }
    assert request_rows.read(row) == StartedRequest(thread_id=THREAD, turn_id=TURN)
    assert request_rows.read(row | CLOSED) == StartedRequest(thread_id=THREAD, turn_id=TURN, closed_at=NOON)


def test_a_row_is_two_write_units_in_a_transaction() -> None:
    """With the longest user id and request key, in ASCII, it has less than 1,024 bytes, names and all."""
    row = _row("u" * keys.USER_CHARACTERS, "k" * MAX_REQUEST_KEY) | CLOSED
    # A number takes at most 21 bytes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    sizes = (len(name) + len(value["S"]) if "S" in value else len(name) + 21 for name, value in row.items())
    assert sum(sizes) < 1_024


def test_a_time_is_stored_in_utc() -> None:
    """A turn is closed at the same instant in any zone; a time without one is refused."""
    local = NOON.astimezone(timezone(timedelta(hours=-3)))
    update = request_rows.close("table", _where("alice", "key"), TURN, local).get("Update", {})
    assert update.get("ExpressionAttributeValues", {})[":closed"] == CLOSED["closed"]
    with pytest.raises(ValueError, match="time"):
        request_rows.close("table", _where("alice", "key"), TURN, NOON.replace(tzinfo=None))


def test_every_name_and_value_is_used() -> None:
    """DynamoDB refuses an expression with names or values that it does not use, and each of them is defined."""
    where = _where("alice", "key")
    turn = Turn(id=TURN, lease_until=NOON, request_key="key")
    for action in (
        request_rows.begin("table", where, THREAD, turn),
        request_rows.forget("table", where, TURN),
        request_rows.close("table", where, TURN, NOON),
    ):
        [what] = action.values()
        parts: Any = what
        expressions = parts["ConditionExpression"], parts.get("UpdateExpression", "")
        aliases = {*parts["ExpressionAttributeNames"], *parts["ExpressionAttributeValues"]}
        assert set(re.findall(r"[#:]\w+", " ".join(expressions))) == aliases


@pytest.mark.parametrize(
    "changes",
    [{"v": {"N": "2"}}, {"v": None}, {"thread": None}, {"turn": {"N": "1"}}, {"closed": {"S": "noon"}}],
    ids=str,
)
def test_a_damaged_request_is_told(changes: dict[str, Any]) -> None:
    """A row of another version or with a broken attribute is an error for the operator."""
    row = {name: value for name, value in (_row() | CLOSED | changes).items() if value is not None}
    with pytest.raises(InternalError, match="damaged") as caught:
        request_rows.read(row)
    assert caught.value.__suppress_context__

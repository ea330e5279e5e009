"""The row of a turn, and what is done to it."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.errors import InternalError
from functions.store import keys, rows, turn_actions, turn_rows
from functions.store.base import Turn
from functions.store.rows import Packed
from functions.store.turn_rows import TEXT_BYTES
from tests.support.threads import assistant_message, new_turn

THREAD = "thr_" + "0" * 26
WHERE = keys.turn("alice", THREAD)
NOON = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)


def _pack(turn: Turn) -> Packed:
    return turn_rows.pack(WHERE, turn, object_key=lambda turn_id: f"there/{turn_id}")


def test_the_row_is_as_documented() -> None:
    """Stored data depends on these: the key and the attributes of a turn, letter by letter."""
    turn = Turn(id="turn_" + "1" * 26, lease_until=NOON, request_key="key", stop_requested=True, version=7)
    assert _pack(turn).row == {
        "pk": {"S": f"T#{THREAD}#alice"},
        "sk": {"S": "TURN"},
        "v": {"N": "1"},
        "turn": {"S": turn.id},
        "lease": {"S": "2026-03-01T12:00:00.500000+00:00"},
        "request": {"S": "key"},
        "stop": {"BOOL": True},
        "writes": {"N": "7"},
        "expires_at": {"N": str(int(NOON.timestamp()) + 1 + 24 * 60 * 60)},
        "doc": {"S": "[]"},
    }
    assert turn_rows.read(_pack(turn).row) == turn


NOISE = random.Random(1).randbytes(400_000).hex()
"""Text that compresses to half."""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "doc"),
        ("word " * (TEXT_BYTES // 5 - 60), "doc"),
        ("word " * (TEXT_BYTES // 5), "zip"),
        ("word " * 200_000, "zip"),
        (NOISE[:550_000], "zip"),
        (NOISE, "s3"),
    ],
    ids=["empty", "small", "larger", "a megabyte", "noise", "more noise"],
)
def test_unfinished_items_lie_where_there_is_room(text: str, form: str) -> None:
    """Small ones lie in the row, larger ones in it compressed, and what is larger still in S3."""
    turn = new_turn(assistant_message(THREAD, text), request_key="k" * 256)
    packed = _pack(turn)
    assert {"doc", "zip", "s3"} & packed.row.keys() == {form}
    assert ("in_s3" in packed.row) == (packed.pointer is not None) == (form == "s3")
    assert packed.bytes_inside <= rows.BINARY_BYTES
    assert turn_rows.read(packed.row, packed.body or None) == turn


def test_an_object_in_s3_is_remembered() -> None:
    """It lies under the turn's name; the row says so for good, and an object that has changed is not believed."""
    turn = new_turn(assistant_message(THREAD, NOISE))
    packed = _pack(turn)
    assert packed.pointer
    assert packed.pointer.key == f"there/{turn.id}"
    assert packed.row["in_s3"] == {"BOOL": True}
    assert packed.bytes_inside == 0
    update = turn_actions.write("table", WHERE, turn.id, unfinished=Packed({"doc": {"S": "[]"}}))
    assert "in_s3" not in update["UpdateExpression"]
    with pytest.raises(InternalError, match="TURN"):
        turn_rows.read(packed.row, packed.body + b"x")


@pytest.mark.parametrize("stored", ["doc", "zip", "s3"])
def test_a_checkpoint_leaves_nothing_of_the_one_before(stored: str) -> None:
    """Whichever way items are stored, the attributes of every other way are removed, and none is set and removed."""
    size = {"doc": 10, "zip": 100_000, "s3": 800_000}[stored]
    item = assistant_message(THREAD, random.Random(2).randbytes(size // 2).hex())
    unfinished = turn_rows.pack_unfinished("turn", [item], object_key=str)
    update = turn_actions.write("table", WHERE, "turn", lease_until=NOON, unfinished=unfinished)
    sets, _, removes = update["UpdateExpression"].partition(" REMOVE ")
    removed = {name.removeprefix("#") for name in removes.split(", ")}
    assert stored in unfinished.row
    assert removed | unfinished.row.keys() - {"in_s3"} == set(rows.DOCUMENT)
    assert not removed & unfinished.row.keys()
    names = update.get("ExpressionAttributeNames", {})
    values = update.get("ExpressionAttributeValues", {})
    assert {f"#{name}" for name in removed} <= names.keys()
    for name in unfinished.row:
        assert f"#{name} = :{name}" in sets
        assert values[f":{name}"] == unfinished.row[name]
    expression = update["UpdateExpression"] + update.get("ConditionExpression", "")
    assert all(alias in expression for alias in (*names, *values))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": {"N": "2"}},
        {"turn": None},
        {"turn": {"S": "turn_1"}},
        {"lease": {"S": "noon"}},
        {"lease": {"S": "2026-03-01T12:00:00"}},
        {"request": {"N": "1"}},
        {"stop": None},
        {"writes": {"S": "1"}},
        {"doc": None},
        {"doc": {"S": "{}"}},
        {"doc": {"S": "[{}]"}},
    ],
    ids=str,
)
def test_a_damaged_turn_names_its_row_but_not_its_content(changes: dict[str, Any]) -> None:
    """A row of another version or with a broken attribute is an error that quotes nothing."""
    row: dict[str, Any] = {**_pack(new_turn(assistant_message(THREAD, "dear diary"), request_key="key")).row, **changes}
    with pytest.raises(InternalError, match="TURN") as caught:
        turn_rows.read({name: value for name, value in row.items() if value is not None})
    assert "diary" not in str(caught.value)
    assert caught.value.__suppress_context__

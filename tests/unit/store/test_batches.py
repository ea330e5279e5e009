"""Batch calls are pursued until DynamoDB has done all of them."""

import asyncio
from typing import Any

import pytest

from functions.errors import Unavailable
from functions.store import batches
from functions.store.rows import Row
from tests.unit.store.conftest import Answer, Scripted

KEYS: list[Row] = [{"pk": {"S": "T#1"}, "sk": {"S": f"I#{number:03}"}} for number in range(120)]


def _deleted(body: dict[str, Any]) -> list[Any]:
    return [request["DeleteRequest"]["Key"] for request in body["RequestItems"]["table"]]


def test_deletions_go_in_batches_of_25(scripted: Scripted) -> None:
    """DynamoDB takes 25 rows in one call: more are spread over several, each row once."""
    client, script = scripted(Answer())
    asyncio.run(batches.delete(client, "table", KEYS[:60]))
    assert [len(_deleted(body)) for body in script.bodies] == [25, 25, 10]
    assert [key for body in script.bodies for key in _deleted(body)] == KEYS[:60]


def test_what_was_left_out_is_deleted_again(scripted: Scripted) -> None:
    """Rows that DynamoDB left undone are asked for once more, and only they."""
    left = {"UnprocessedItems": {"table": [{"DeleteRequest": {"Key": KEYS[1]}}]}}
    client, script = scripted(Answer(body=left), Answer())
    asyncio.run(batches.delete(client, "table", KEYS[:3]))
    assert [_deleted(body) for body in script.bodies] == [KEYS[:3], [KEYS[1]]]


def test_reads_go_in_batches_of_100_and_are_consistent(scripted: Scripted) -> None:
    """More than 100 rows are spread over several calls; what was left out is read again."""
    asked_again = {"Keys": [KEYS[7]], "ProjectionExpression": "pk, sk", "ConsistentRead": True}
    client, script = scripted(
        Answer(body={"Responses": {"table": KEYS[:1]}, "UnprocessedKeys": {"table": asked_again}}),
        Answer(body={"Responses": {"table": [KEYS[7]]}}),
        Answer(body={"Responses": {"table": KEYS[110:]}}),
    )
    found = asyncio.run(batches.get(client, "table", KEYS, projection="pk, sk"))
    asked = [body["RequestItems"]["table"] for body in script.bodies]
    assert [one["Keys"] for one in asked] == [KEYS[:100], [KEYS[7]], KEYS[100:]]
    assert all(one["ConsistentRead"] for one in asked)
    assert found == [KEYS[0], KEYS[7], *KEYS[110:]]


def test_no_keys_are_no_call(scripted: Scripted) -> None:
    """Nothing to read or to delete costs nothing."""
    client, script = scripted(Answer())
    assert asyncio.run(batches.get(client, "table", [], projection="pk")) == []
    asyncio.run(batches.delete(client, "table", []))
    assert script.bodies == []


@pytest.mark.parametrize("what", ["get", "delete"])
def test_a_batch_that_is_never_done_is_unavailable(scripted: Scripted, what: str) -> None:
    """Where DynamoDB leaves out the same rows again and again, the call is given up."""
    client, _ = scripted(
        Answer(
            body={
                "Responses": {},
                "UnprocessedKeys": {"table": {"Keys": KEYS[:1]}},
                "UnprocessedItems": {"table": [{"DeleteRequest": {"Key": KEYS[0]}}]},
            }
        )
    )
    attempt = (
        batches.get(client, "table", KEYS[:1], projection="pk")
        if what == "get"
        else batches.delete(client, "table", KEYS[:1])
    )
    with pytest.raises(Unavailable):
        asyncio.run(attempt)

"""What is remembered of hosted sessions, on DynamoDB."""

import hashlib
from datetime import UTC, datetime

import pytest

from functions.errors import InternalError
from functions.store import keys, rows, table
from functions.store.hosted_sessions import KEPT, DynamoDBHostedRecords
from tests.contracts.conftest import TABLE, Aws

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)]

NOON = datetime(2040, 1, 2, 12, tzinfo=UTC)


def records(aws: Aws) -> DynamoDBHostedRecords:
    return DynamoDBHostedRecords(client=aws.dynamodb, table=TABLE)


async def test_a_document_is_found_by_its_client_secret(aws: Aws) -> None:
    """Each secret has its own; another's is not found, and what is stored later counts."""
    await records(aws).remember("ek_one", "first", until=NOON)
    await records(aws).remember("ek_two", "second", until=NOON)
    await records(aws).remember("ek_one", "third", until=NOON)
    assert await records(aws).find("ek_one") == "third"
    assert await records(aws).find("ek_two") == "second"
    for other in ("ek_three", "", "\ud800", "ek_one "):
        assert await records(aws).find(other) is None


async def test_the_secret_itself_is_not_stored(aws: Aws) -> None:
    """The key is its digest; the row goes by itself when the session is over."""
    await records(aws).remember("ek_kept", "document", until=NOON)
    rows_ = [row for row in aws.dynamodb.scan(TableName=TABLE)["Items"] if row[table.SORT_KEY] == {"S": "HOSTED"}]
    aws.operations.clear()
    assert rows_
    assert "ek_kept" not in str(rows_)
    assert {int(row[table.TTL_ATTRIBUTE].get("N", "")) for row in rows_} == {int((NOON + KEPT).timestamp())}
    assert all(row[table.PARTITION_KEY].get("S", "").startswith(keys.HOSTED_PREFIX) for row in rows_)


async def test_what_is_wrong_is_said(aws: Aws) -> None:
    """A naive time is a fault of the caller's, a damaged row an operator's affair."""
    with pytest.raises(ValueError, match="zone"):
        await records(aws).remember("ek_x", "document", until=NOON.replace(tzinfo=None))
    where = keys.hosted_session(hashlib.sha256(b"ek_x").hexdigest())
    for damaged in (rows.new_row(where), {**rows.key_row(where), "doc": {"S": "document"}}):
        aws.dynamodb.put_item(TableName=TABLE, Item=damaged)
        with pytest.raises(InternalError):
            await records(aws).find("ek_x")

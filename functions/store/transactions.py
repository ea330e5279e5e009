"""DynamoDB's transactions as this store uses them, and single updates.

A transaction is safe to send twice: botocore gives each call a `ClientRequestToken` and keeps it in its own retries.
A single update costs half as much, and tells the row as it was; it may be done twice where its answer is lost.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from botocore.exceptions import ClientError

from functions.aws_calls import call, code, pause, unavailable
from functions.errors import InternalError, Unavailable
from functions.store import table
from functions.store.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

    Action = TransactWriteItemTypeDef

MAX_ACTIONS: Final = 100
"""The most actions in one transaction."""
EXISTS: Final = f"attribute_exists({table.PARTITION_KEY})"
ABSENT: Final = f"attribute_not_exists({table.PARTITION_KEY})"

_CONDITION_FAILED: Final = "ConditionalCheckFailed"
_RIVALS: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_PASSING: Final = _RIVALS | {"None"}
"""Reasons for which the same transaction may succeed later; `None` is an action that had no objection.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_ATTEMPTS: Final = 5

_logger = logging.getLogger(__name__)


class ConditionsFailed(Exception):
    """Nothing was written: some actions' conditions do not hold."""

    def __init__(self, failed: "Mapping[int, Row | None]") -> None:
        """`failed`: the actions by their index, each with the row that it met, if it asked for it and there is one."""
        super().__init__(f"conditions of actions {sorted(failed)}")
        self.failed = failed


def put(name: str, row: Row) -> "Action":
    """Stores a row, or replaces it."""
    return {"Put": {"TableName": name, "Item": row}}


def put_new(name: str, row: Row) -> "Action":
    """Stores a row that must not be there yet."""
    return {"Put": {"TableName": name, "Item": row, "ConditionExpression": ABSENT}}


def delete(name: str, key: Row) -> "Action":
    """Deletes a row, if it is there."""
    return {"Delete": {"TableName": name, "Key": key}}


async def commit(client: "DynamoDBClient", actions: Sequence["Action"], *, attempts: int = _ATTEMPTS) -> None:
    """Performs all actions or none; waits a little, a few times, where another transaction is at the same rows.

    Raises `ConditionsFailed`; `Unavailable` where the rivals did not end, and as `call` does.
    """
    for attempt in range(attempts):
        try:
            await call(client.transact_write_items, TransactItems=actions)
        except ClientError as error:
            _raise_unless_passing(error, is_last=attempt == attempts - 1)
        else:
            return
        if attempt < attempts - 1:
            await pause(attempt)
    raise _given_up(attempts)


async def update(client: "DynamoDBClient", change: "UpdateTypeDef") -> Row:
    """Performs one update outside of transactions; waits as `commit` does. Returns the row as it was before.

    Raises as `commit`; the condition is that of action 0.
    """
    for attempt in range(_ATTEMPTS):
        before = await call(_update_item, client, change)
        if before is not None:
            return before
        if attempt < _ATTEMPTS - 1:
            await pause(attempt)
    raise _given_up(_ATTEMPTS)


def _update_item(client: "DynamoDBClient", change: "UpdateTypeDef") -> "Row | None":
    """The row as it was before; None where a transaction is at it."""
    try:
        return client.update_item(**change, ReturnValues="ALL_OLD").get("Attributes", {})
    except ClientError as error:
        if code(error) == "ConditionalCheckFailedException":
            raise ConditionsFailed({0: cast("Row | None", error.response.get("Item"))}) from None
        if code(error) == "TransactionConflictException":
            return None
        raise


def _given_up(attempts: int) -> Unavailable:
    _logger.warning("a write met rival transactions %s times, and was given up", attempts)
    return unavailable()


def _raise_unless_passing(error: ClientError, *, is_last: bool) -> None:
    # botocore merges the modelled members of the exception into the response.
    reasons = error.response.get("CancellationReasons", [])
    codes = [reason.get("Code", "None") for reason in reasons]
    failed = {
        index: cast("Row | None", reason.get("Item"))
        for index, (code, reason) in enumerate(zip(codes, reasons, strict=True))
        if code == _CONDITION_FAILED
    }
    # What a rival is about to write may fail a condition, too, and matter more than those that have failed already.
    if failed and (is_last or _RIVALS.isdisjoint(codes)):
        raise ConditionsFailed(failed) from None
    if not codes or not (_PASSING | {_CONDITION_FAILED}).issuperset(codes):
        request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "none")
        _logger.error("a transaction was cancelled: %s, request id %s", sorted(set(codes)), request_id)
        raise InternalError(f"a transaction was cancelled: {sorted(set(codes))}") from None

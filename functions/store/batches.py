"""DynamoDB's batch calls, pursued until DynamoDB has done all that was asked: it may leave out a part when it is busy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from functions.aws_calls import call, pause, unavailable
from functions.store.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        KeysAndAttributesUnionTypeDef,
        WriteRequestUnionTypeDef,
    )

T = TypeVar("T")

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
READ_KEYS: Final = 100
WRITE_KEYS: Final = 25
_ATTEMPTS: Final = 6


async def get(
    client: "DynamoDBClient", name: str, row_keys: Sequence[Row], *, projection: str | None = None
) -> list[Row]:
    """Those of the rows that exist, in no order, whole or with the attributes of `projection`; read consistently."""
    found: list[Row] = []
    for some in _chunks(row_keys, READ_KEYS):
        wanted: KeysAndAttributesTypeDef = {"Keys": some, "ConsistentRead": True}
        if projection:
            wanted["ProjectionExpression"] = projection
        asked: Mapping[str, KeysAndAttributesUnionTypeDef] = {name: wanted}
        for attempt in range(_ATTEMPTS):
            answer = await call(client.batch_get_item, RequestItems=asked)
            found += answer["Responses"].get(name, [])
            asked = answer.get("UnprocessedKeys", {})
            if not asked:
                break
            await pause(attempt)
        else:
            raise unavailable()
    return found


async def delete(client: "DynamoDBClient", name: str, row_keys: Sequence[Row]) -> None:
    """Deletes rows; those that are gone already are passed over."""
    for some in _chunks(row_keys, WRITE_KEYS):
        asked: Mapping[str, Sequence[WriteRequestUnionTypeDef]] = {
            name: [{"DeleteRequest": {"Key": key}} for key in some]
        }
        for attempt in range(_ATTEMPTS):
            answer = await call(client.batch_write_item, RequestItems=asked)
            asked = answer.get("UnprocessedItems", {})
            if not asked:
                break
            await pause(attempt)
        else:
            raise unavailable()


def _chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))

"""Reads of the table: one row, a page of a list, all of a stretch. Every read is consistent; none is a scan."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from functions.aws_calls import call
from functions.store import keys, rows, table
from functions.store.base import MAX_PAGE, PAGE_BYTES, Order
from functions.store.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import GetItemInputTypeDef, QueryInputTypeDef


class Filter(NamedTuple):
    """Which rows of a page count."""

    expression: str
    values: Row
    spare: int
    """How many rows are read beyond those that are wanted, for those that do not count, by the first request."""


class Reader:
    """Reads rows by their keys."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table

    async def get(self, where: keys.Key, *, only: Sequence[str] = ()) -> "Row | None":
        """One row, whole or `only` these attributes of it; None where it is not there."""
        get: GetItemInputTypeDef = {"TableName": self._table, "Key": rows.key_row(where), "ConsistentRead": True}
        if only:
            get["ProjectionExpression"] = ", ".join(f"#{attribute}" for attribute in only)
            get["ExpressionAttributeNames"] = {f"#{attribute}": attribute for attribute in only}
        answer = await call(self._client.get_item, **get)
        return answer.get("Item")

    async def page(
        self, partition: str, span: keys.Span, *, limit: int, order: Order, only: Filter | None = None
    ) -> tuple[list[Row], bool]:
        """At most `limit` (1 to `MAX_PAGE`) rows, those that `only` lets through, and whether there are more.

        They are at most about `PAGE_BYTES`, but at least one if there is one.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"a page has 1 to {MAX_PAGE} objects")
        query = self._query(partition, span)
        query["ScanIndexForward"] = order == "asc"
        spare = 0
        if only:
            query["FilterExpression"] = only.expression
            query["ExpressionAttributeValues"] = {**query.get("ExpressionAttributeValues", {}), **only.values}
            spare = only.spare
        taken: list[Row] = []
        size = 0
        while True:
            # One more than wanted shows whether there are more. `Limit` counts before the filter: so a few to spare, and
            # from request to request more, as a run of rows that do not count may be long.
            query["Limit"] = limit + 1 - len(taken) + spare
            spare = max(4 * spare, limit // 4 + 4)
            answer = await call(self._client.query, **query)
            for row in answer["Items"]:
                if len(taken) == limit or size >= PAGE_BYTES:
                    return taken, True
                taken.append(row)
                size += rows.size(row)
            if not (last := answer.get("LastEvaluatedKey")):
                return taken, False
            query["ExclusiveStartKey"] = last

    async def all(self, partition: str, span: keys.Span) -> list[Row]:
        """All rows of a stretch."""
        return [row async for page in self.pages(partition, span) for row in page]

    async def pages(
        self, partition: str, span: keys.Span, *, projection: str | None = None
    ) -> AsyncIterator[list[Row]]:
        """All rows of a stretch, as many at a time as one request finds: whole or as far as `projection` goes."""
        query = self._query(partition, span)
        if projection:
            query["ProjectionExpression"] = projection
        while True:
            answer = await call(self._client.query, **query)
            yield answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return
            query["ExclusiveStartKey"] = last

    def _query(self, partition: str, span: keys.Span) -> "QueryInputTypeDef":
        return {
            "TableName": self._table,
            "KeyConditionExpression": f"{table.PARTITION_KEY} = :partition AND {table.SORT_KEY} BETWEEN :low AND :high",
            "ExpressionAttributeValues": {
                ":partition": {"S": partition},
                ":low": {"S": span.low},
                ":high": {"S": span.high},
            },
            "ConsistentRead": True,
        }

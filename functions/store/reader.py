"""Reads of the table: one row, a page of a list, all of a stretch. Every read is consistent; none is a scan."""

from typing import TYPE_CHECKING

from functions.aws_calls import call
from functions.store import keys, rows, table
from functions.store.base import MAX_PAGE, PAGE_BYTES, Order
from functions.store.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef


class Reader:
    """Reads rows by their keys."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table

    async def get(self, where: keys.Key) -> "Row | None":
        """One row; None where it is not there."""
        answer = await call(self._client.get_item, TableName=self._table, Key=rows.key_row(where), ConsistentRead=True)
        return answer.get("Item")

    async def page(
        self, partition: str, span: keys.Span, *, limit: int, order: Order, with_hidden: bool
    ) -> tuple[list[Row], bool]:
        """At most `limit` (1 to `MAX_PAGE`) rows, and whether there are more.

        They are at most about `PAGE_BYTES`, but at least one if there is one.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"a page has 1 to {MAX_PAGE} objects")
        query = self._query(partition, span)
        query["ScanIndexForward"] = order == "asc"
        if not with_hidden:
            query["FilterExpression"] = f"attribute_not_exists({rows.HIDDEN})"
        taken: list[Row] = []
        size = 0
        # One more than wanted shows whether there are more. `Limit` counts before the filter: so a few to spare, and
        # from request to request more, as a run of hidden items may be long.
        spare = 0 if with_hidden else limit // 4 + 4
        while True:
            query["Limit"] = limit + 1 - len(taken) + spare
            spare *= 4
            answer = await call(self._client.query, **query)
            for row in answer["Items"]:
                if len(taken) == limit or size >= PAGE_BYTES:
                    return taken, True
                taken.append(row)
                size += rows.size(row)
            if not (last := answer.get("LastEvaluatedKey")):
                return taken, False
            query["ExclusiveStartKey"] = last

    async def all(self, partition: str, span: keys.Span, *, projection: str | None = None) -> list[Row]:
        """All rows of a stretch, whole or as far as `projection` goes."""
        query = self._query(partition, span)
        if projection:
            query["ProjectionExpression"] = projection
        found: list[Row] = []
        while True:
            answer = await call(self._client.query, **query)
            found += answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return found
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

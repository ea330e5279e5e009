"""The requests that are remembered on DynamoDB, as far as no turn begins or ends with them."""

from contextlib import suppress
from typing import TYPE_CHECKING

from functions.store import keys, request_rows
from functions.store import transactions as tx
from functions.store.base import StartedRequest
from functions.store.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Requests:
    """What `functions.store.base.Store` promises of requests that are repeated."""

    def __init__(self, *, client: "DynamoDBClient", table: str, reader: Reader) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = reader

    async def find(self, user: str, request_key: str) -> StartedRequest | None:
        """See `Store`. One request."""
        where = keys.request(user, request_key)
        row = await self._reader.get(where) if where else None
        return request_rows.read(row) if row else None

    async def forget(self, user: str, request_key: str, turn_id: str) -> None:
        """See `Store`. One action, but as a transaction: so it waits for a rival one instead of failing."""
        where = keys.request(user, request_key)
        if where is None:
            return
        with suppress(tx.ConditionsFailed):
            await tx.commit(self._client, [request_rows.forget(self._table, where, turn_id)])

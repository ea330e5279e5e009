"""What is remembered of OpenAI's hosted sessions, on DynamoDB: a document for each client secret, under its digest.

Nobody but OpenAI can tell from such a secret whose it is. Who holds one may renew its session, as with a token of this
backend's own: so the digest alone is the key, and the user is in the document.
"""

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from functions.aws_calls import call
from functions.store import keys, rows
from functions.store.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT: Final = timedelta(hours=1)
"""How long a row outlives its session: clocks differ."""

_DOCUMENT: Final = "doc"


class DynamoDBHostedRecords:
    """Implements `functions.gateway.hosted_tokens.HostedRecords`."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = Reader(client=client, table=table)

    async def remember(self, client_secret: str, document: str, *, until: datetime) -> None:
        """See `HostedRecords`. One request."""
        row: rows.Row = {
            **rows.new_row(keys.hosted_session(_digest(client_secret))),
            _DOCUMENT: {"S": document},
            **rows.expiry(until + KEPT),
        }
        await call(self._client.put_item, TableName=self._table, Item=row)

    async def find(self, client_secret: str) -> str | None:
        """See `HostedRecords`. One request, a consistent read."""
        row = await self._reader.get(keys.hosted_session(_digest(client_secret)))
        if row is None:
            return None
        try:
            rows.check_version(row)
            return rows.string(row, _DOCUMENT)
        except (KeyError, ValueError):
            raise rows.unreadable(row) from None


def _digest(client_secret: str) -> str:
    return hashlib.sha256(client_secret.encode(errors="replace")).hexdigest()

"""The sessions of users, on DynamoDB: a row for each that was begun, and one for each that was ended before its time, until
its last token has expired.

The former are read by nobody but an operator who has to end all of a user's. That a session goes on is a condition of the
transaction that begins a turn, so it costs no request of its own; what begins no turn reads the row.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from functions.aws_calls import call
from functions.store import keys, rows, table
from functions.store import transactions as tx
from functions.store.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from functions.store.transactions import Action

KEPT: Final = timedelta(hours=1)
"""How long a row outlives the session's last token: clocks differ."""


class EndedSessions:
    """Implements `functions.identity.base.SessionStore`."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = Reader(client=client, table=table)

    async def begin_session(self, user: str, session_id: str, *, until: datetime) -> None:
        """See `SessionStore`. One request."""
        await self._put(keys.begun_session(user, session_id), until)

    async def end_session(self, user: str, session_id: str, *, until: datetime) -> None:
        """See `Store`. One request."""
        await self._put(keys.session(user, session_id), until)

    async def is_session_ended(self, user: str, session_id: str) -> bool:
        """See `Store`. One request, a consistent read."""
        return await self._reader.get(keys.session(user, session_id), only=(table.PARTITION_KEY,)) is not None

    async def _put(self, where: keys.Key, until: datetime) -> None:
        row: rows.Row = {**rows.new_row(where), **rows.expiry(until + KEPT)}
        await call(self._client.put_item, TableName=self._table, Item=row)


def goes_on(name: str, where: keys.Key) -> "Action":
    """The condition that a session was not ended. Pure."""
    return {"ConditionCheck": {"TableName": name, "Key": rows.key_row(where), "ConditionExpression": tx.ABSENT}}

"""What is done to the row of a thread, as DynamoDB's actions; and which of these rows count. Pure: no I/O.

Where threads are kept for a time only, a thread's row says when that is over, `expires_at` in seconds since 1970. DynamoDB
drops the row at some time within days after that. Until it does, the row counts as one that is not there: so every
condition on a thread's row, and every reading of one, looks at the time too.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeGuard

from functions.protocol.threads import ThreadMetadata
from functions.store import keys, rows, table
from functions.store import transactions as tx
from functions.store.rows import Row

if TYPE_CHECKING:
    from functions.store.transactions import Action

LIVES: Final = f"(attribute_not_exists({table.TTL_ATTRIBUTE}) OR {table.TTL_ATTRIBUTE} > :now)"
"""Holds for a row that is not past its time, and where there is none; `ThreadActions.time` has its value."""
_THERE: Final = f"{tx.EXISTS} AND {LIVES}"
_EXPIRY: Final = ":expiry"


class ThreadActions:
    """Actions on the rows of threads of one table."""

    def __init__(self, name: str, *, retention: timedelta | None, now: Callable[[], datetime]) -> None:
        """`name` is the table's; see `functions.store.dynamodb.DynamoDBStore`."""
        self._name = name
        self._retention = retention
        self._now = now

    @property
    def time(self) -> Row:
        """The values of `LIVES`."""
        return {":now": {"N": str(math.floor(self._now().timestamp()))}}

    def lives(self, row: "Row | None") -> "TypeGuard[Row]":
        """Whether this is the row of a thread that is there."""
        if row is None:
            return False
        until = row.get(table.TTL_ATTRIBUTE)
        return until is None or int(until.get("N", "0")) > self._now().timestamp()

    def create(self, user: str, thread: ThreadMetadata) -> "Action":
        """Stores the row of a new thread, whose time begins. Raises as `rows.thread_row`."""
        return tx.put_new(self._name, rows.thread_row(user, thread) | self._expiry())

    def replace(self, user: str, thread: ThreadMetadata) -> "Action":
        """Replaces the row of a thread that is there, whose time begins anew. Raises as `rows.thread_row`."""
        return {
            "Put": {
                "TableName": self._name,
                "Item": rows.thread_row(user, thread) | self._expiry(),
                "ConditionExpression": _THERE,
                "ExpressionAttributeValues": self.time,
            }
        }

    def use(self, where: keys.Key) -> "Action":
        """Begins the time of a thread anew, which must be there and active; the row is told where it is not.

        In a transaction this costs what a mere check does. Where threads are kept for ever, what an earlier retention
        has set is taken away, and most often there is nothing to change.
        """
        expiry = self._expiry()
        change = f"SET {table.TTL_ATTRIBUTE} = {_EXPIRY}" if expiry else f"REMOVE {table.TTL_ATTRIBUTE}"
        return {
            "Update": {
                "TableName": self._name,
                "Key": rows.key_row(where),
                "UpdateExpression": change,
                "ConditionExpression": f"{rows.STATUS} = :active AND {LIVES}",
                "ExpressionAttributeValues": {
                    ":active": {"S": "active"},
                    **self.time,
                    **({_EXPIRY: expiry[table.TTL_ATTRIBUTE]} if expiry else {}),
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def exists(self, where: keys.Key) -> "Action":
        """The thread must be there."""
        return {
            "ConditionCheck": {
                "TableName": self._name,
                "Key": rows.key_row(where),
                "ConditionExpression": _THERE,
                "ExpressionAttributeValues": self.time,
            }
        }

    def delete(self, where: keys.Key) -> "Action":
        """Deletes the row of a thread that is there."""
        return {
            "Delete": {
                "TableName": self._name,
                "Key": rows.key_row(where),
                "ConditionExpression": _THERE,
                "ExpressionAttributeValues": self.time,
            }
        }

    def _expiry(self) -> Row:
        """The attribute that says when a thread's time is over, if it begins now; empty where threads are kept for ever."""
        return {} if self._retention is None else rows.expiry(self._now() + self._retention)

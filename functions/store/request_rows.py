"""The row of a remembered request, and what is done to it, as DynamoDB's actions. Pure: no I/O.

It has the ids of what the request has begun, `thread` and `turn`; `closed`, in ISO 8601, once somebody else has ended that
turn; `expires_at`, a day behind the lease that the turn began with, at which DynamoDB drops it. With ids and keys of ASCII
it stays below 1,024 bytes, which are two write units in a transaction. Names stand behind an alias
(`#turn`), as in `turn_actions`.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from functions.store import keys, rows, table, turn_rows
from functions.store import transactions as tx
from functions.store.base import StartedRequest, Turn
from functions.store.rows import Row

if TYPE_CHECKING:
    from functions.store.transactions import Action

_THREAD: Final = "thread"
_TURN: Final = "turn"
_CLOSED: Final = "closed"

_OF_THIS_TURN: Final = f"#{_TURN} = :{_TURN}"
_NAMES: Final = {f"#{_TURN}": _TURN}


def begin(name: str, where: keys.Key, thread_id: str, turn: Turn) -> "Action":
    """Remembers the request of a turn that begins; a row that is there is told, unless it is this turn's, not closed."""
    row = {**rows.new_row(where), _THREAD: {"S": thread_id}, _TURN: {"S": turn.id}}
    row[table.TTL_ATTRIBUTE] = turn_rows.leased(turn.lease_until)[table.TTL_ATTRIBUTE]
    return {
        "Put": {
            "TableName": name,
            "Item": row,
            "ConditionExpression": f"{tx.ABSENT} OR ({_OF_THIS_TURN} AND attribute_not_exists(#{_CLOSED}))",
            "ExpressionAttributeNames": {**_NAMES, f"#{_CLOSED}": _CLOSED},
            "ExpressionAttributeValues": _values(turn.id),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def forget(name: str, where: keys.Key, turn_id: str) -> "Action":
    """Deletes the row, if it is there; it must not be another turn's."""
    return {
        "Delete": {
            "TableName": name,
            "Key": rows.key_row(where),
            "ConditionExpression": f"{tx.ABSENT} OR {_OF_THIS_TURN}",
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": _values(turn_id),
        }
    }


def close(name: str, where: keys.Key, turn_id: str, closed_at: datetime) -> "Action":
    """Sets when the turn was closed; the row must be there, and this turn's. Raises `ValueError` for a naive time."""
    if closed_at.utcoffset() is None:
        raise ValueError("a time is aware of its zone")
    return {
        "Update": {
            "TableName": name,
            "Key": rows.key_row(where),
            "UpdateExpression": f"SET #{_CLOSED} = :{_CLOSED}",
            "ConditionExpression": _OF_THIS_TURN,
            "ExpressionAttributeNames": {**_NAMES, f"#{_CLOSED}": _CLOSED},
            "ExpressionAttributeValues": {
                **_values(turn_id),
                f":{_CLOSED}": {"S": closed_at.astimezone(UTC).isoformat()},
            },
        }
    }


def read(row: Row) -> StartedRequest:
    """What the request of a row has begun. Raises `InternalError` where the row is none that `begin` made."""
    try:
        rows.check_version(row)
        closed_at = datetime.fromisoformat(rows.string(row, _CLOSED)) if _CLOSED in row else None
        return StartedRequest(thread_id=rows.string(row, _THREAD), turn_id=rows.string(row, _TURN), closed_at=closed_at)
    except (KeyError, ValueError):
        raise rows.unreadable(row) from None


def _values(turn_id: str) -> Row:
    return {f":{_TURN}": {"S": turn_id}}

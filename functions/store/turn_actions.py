"""What is done to the row of a running turn, as DynamoDB's actions. Pure: no I/O.

Names stand for themselves behind an alias (`#lease`), as some of them are words of DynamoDB's own.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from functions.store import keys, rows, turn_rows
from functions.store import transactions as tx
from functions.store.rows import Packed, Row
from functions.store.turn_rows import IN_S3, STOP, TURN, WRITES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

    from functions.store.transactions import Action


def begin(name: str, row: Row) -> "Action":
    """Stores a turn's row where there is none; the row that is there is told."""
    return {
        "Put": {
            "TableName": name,
            "Item": row,
            "ConditionExpression": tx.ABSENT,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def write(
    name: str,
    where: keys.Key,
    turn_id: str,
    *,
    lease_until: datetime | None = None,
    unfinished: Packed | None = None,
) -> "UpdateTypeDef":
    """Counts a write under this turn's id, and sets what is given; the row must be this turn's.

    Raises `ValueError` for a naive time.
    """
    sets: Row = {}
    gone: list[str] = []
    if lease_until:
        sets |= turn_rows.leased(lease_until)
    if unfinished:
        sets |= unfinished.row
        gone = [attribute for attribute in rows.DOCUMENT if attribute not in unfinished.row]
    expression = f"SET #{WRITES} = #{WRITES} + :one" + "".join(f", #{attribute} = :{attribute}" for attribute in sets)
    if gone:
        expression += " REMOVE " + ", ".join(f"#{attribute}" for attribute in gone)
    return {
        "TableName": name,
        "Key": rows.key_row(where),
        "UpdateExpression": expression,
        "ConditionExpression": f"#{TURN} = :{TURN}",
        "ExpressionAttributeNames": {f"#{attribute}": attribute for attribute in (TURN, WRITES, *sets, *gone)},
        "ExpressionAttributeValues": {
            f":{TURN}": {"S": turn_id},
            ":one": {"N": "1"},
            **{f":{attribute}": value for attribute, value in sets.items()},
        },
    }


def ask_to_stop(name: str, where: keys.Key) -> "UpdateTypeDef":
    """Sets the flag of whichever turn's row is there; one must be."""
    return {
        "TableName": name,
        "Key": rows.key_row(where),
        "UpdateExpression": f"SET #{STOP} = :yes",
        "ConditionExpression": tx.EXISTS,
        "ExpressionAttributeNames": {f"#{STOP}": STOP},
        "ExpressionAttributeValues": {":yes": {"BOOL": True}},
    }


def end(name: str, where: keys.Key, turn_id: str, *, version: int | None, in_s3: bool) -> "Action":
    """Deletes the row, which must be this turn's, of this version if one is given, and told where it is not.

    Unless `in_s3`, it must also have nothing in S3.
    """
    conditions = [f"#{TURN} = :{TURN}"]
    names = {f"#{TURN}": TURN}
    values: Row = {f":{TURN}": {"S": turn_id}}
    if version is not None:
        conditions.append(f"#{WRITES} = :{WRITES}")
        names[f"#{WRITES}"] = WRITES
        values[f":{WRITES}"] = {"N": str(version)}
    if not in_s3:
        conditions.append(f"attribute_not_exists(#{IN_S3})")
        names[f"#{IN_S3}"] = IN_S3
    return {
        "Delete": {
            "TableName": name,
            "Key": rows.key_row(where),
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }

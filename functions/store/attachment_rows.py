"""The rows of attachments, and what is done to them, as DynamoDB's actions. Pure: no I/O.

An attachment's row has what `StoredAttachment` has, each in an attribute of its own. One that a message holds has a second
row beside the thread's items, which says no more than that: what a deleted thread leaves is found by it. A third stands on
the list of the day on which it was announced, until the sweep takes it off.

Its bytes are counted in the transaction that stores its row, and taken back in the one that deletes it, for those whom the
row names: limits may have been set, or taken away, in between.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, cast, get_args

from functions.limits import Counter, HolderKind
from functions.store import counter_rows, keys, rows, table
from functions.store import transactions as tx
from functions.store.attachments import AttachmentState, Place, Room, Settled, StoredAttachment
from functions.store.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

    from functions.store.transactions import Action

OWNER: Final = "owner"
_NAME: Final = "file_name"
_TYPE: Final = "mime_type"
_SIZE: Final = "bytes"
_CREATED: Final = "created_at"
_STATE: Final = "upload_state"
_THREAD: Final = "in_thread"
_FILE: Final = "file_id"
_COUNTED: Final = "counted_for"

_LIST_DAYS: Final = 30
"""How many days an entry of a day's list is kept at most: far longer than the sweep takes."""


def counted_for(owner: str, room: Room) -> tuple[HolderKind, ...]:
    """What the row says of whom its bytes are counted for. Raises `ValueError` where `room` names somebody else's."""
    if not set(keys.holders(owner)).issuperset(room):
        raise ValueError("bytes are counted for their owner and their tenant alone")
    return tuple(sorted(holder.kind for holder in room))


def announce(name: str, attachment: StoredAttachment, *, room: Room) -> "list[Action]":
    """Stores a new attachment, puts it on its day's list, and counts its bytes for each of `room`: in this order."""
    day = attachment.created_at.astimezone(UTC).date()
    entry: Row = {
        **rows.new_row(keys.upload(day, *attachment.place)),
        table.TTL_ATTRIBUTE: {"N": str(_days_behind(day, _LIST_DAYS))},
    }
    counts = [
        counter_rows.kept(name, holder, Counter.STORED_BYTES, attachment.size, limit=limit)
        for holder, limit in room.items()
    ]
    return [tx.put_new(name, _row(attachment)), tx.put(name, entry), *counts]


def delete(name: str, attachment: StoredAttachment) -> "list[Action]":
    """Deletes an attachment, which must be there, also from its thread's list, and takes its bytes back."""
    gone: Action = {
        "Delete": {
            "TableName": name,
            "Key": rows.key_row(keys.attachment(*attachment.place)),
            "ConditionExpression": tx.EXISTS,
        }
    }
    actions = [gone, *_less(name, attachment)]
    if attachment.thread_id is not None:
        in_use = keys.attachment_in_use(attachment.owner, attachment.thread_id, attachment.id)
        actions.append(tx.delete(name, rows.key_row(in_use)))
    return actions


def drop_unused(name: str, attachment: StoredAttachment) -> "list[Action]":
    """The same of one that no message holds; the row is told where one does."""
    gone: Action = {
        "Delete": {
            "TableName": name,
            "Key": rows.key_row(keys.attachment(*attachment.place)),
            "ConditionExpression": f"{tx.EXISTS} AND attribute_not_exists(#thread)",
            "ExpressionAttributeNames": {"#thread": _THREAD},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    return [gone, *_less(name, attachment)]


def read(row: Row) -> StoredAttachment:
    """The attachment of a row. Raises `InternalError` where it is none."""
    try:
        rows.check_version(row)
        return StoredAttachment(
            id=keys.attachment_of(rows.sort_key(row)),
            owner=rows.string(row, OWNER),
            name=rows.string(row, _NAME),
            mime_type=rows.string(row, _TYPE),
            size=int(row[_SIZE].get("N", "")),
            created_at=datetime.fromisoformat(rows.string(row, _CREATED)),
            state=cast("AttachmentState", rows.string(row, _STATE)),
            thread_id=rows.string(row, _THREAD) if _THREAD in row else None,
            file_id=rows.string(row, _FILE) if _FILE in row else None,
            counted_for=_kinds(row.get(_COUNTED, {}).get("SS", ())),
        )
    except (KeyError, ValueError):
        raise rows.unreadable(row) from None


def use(name: str, user: str, thread_id: str, attachment_id: str) -> "list[Action]":
    """Makes an attachment, which must be uploaded and in no other thread's message, the thread's. Raises `NotFound`."""
    place = Place.of(user, attachment_id)
    return [
        {
            "Update": {
                "TableName": name,
                "Key": rows.key_row(keys.attachment(*place)),
                "UpdateExpression": "SET #thread = :thread",
                "ConditionExpression": "#state = :uploaded AND (attribute_not_exists(#thread) OR #thread = :thread)",
                "ExpressionAttributeNames": {"#state": _STATE, "#thread": _THREAD},
                "ExpressionAttributeValues": {":uploaded": {"S": "uploaded"}, ":thread": {"S": thread_id}},
            }
        },
        tx.put(name, rows.new_row(keys.attachment_in_use(user, thread_id, attachment_id))),
    ]


def settle(name: str, place: Place, state: Settled) -> "UpdateTypeDef":
    """Says what has become of an attachment that must be announced; the row is told where it is not."""
    return {
        "TableName": name,
        "Key": rows.key_row(keys.attachment(*place)),
        "UpdateExpression": "SET #state = :settled",
        "ConditionExpression": "#state = :announced",
        "ExpressionAttributeNames": {"#state": _STATE},
        "ExpressionAttributeValues": {":settled": {"S": state}, ":announced": {"S": "announced"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def remember_file(name: str, place: Place, file_id: str) -> "UpdateTypeDef":
    """Sets the name of a copy, if the attachment is there."""
    return {
        "TableName": name,
        "Key": rows.key_row(keys.attachment(*place)),
        "UpdateExpression": "SET #file = :file",
        "ConditionExpression": tx.EXISTS,
        "ExpressionAttributeNames": {"#file": _FILE},
        "ExpressionAttributeValues": {":file": {"S": file_id}},
    }


def place_on_list(row: Row) -> Place:
    """Which attachment an entry of a day's list stands for."""
    _, digest, attachment_id = rows.sort_key(row).split("#")
    return Place(digest, attachment_id)


def _row(attachment: StoredAttachment) -> Row:
    row: Row = {
        **rows.new_row(keys.attachment(*attachment.place)),
        OWNER: {"S": attachment.owner},
        _NAME: {"S": attachment.name},
        _TYPE: {"S": attachment.mime_type},
        _SIZE: {"N": str(attachment.size)},
        _CREATED: {"S": attachment.created_at.astimezone(UTC).isoformat()},
        _STATE: {"S": attachment.state},
    }
    if attachment.counted_for:
        row[_COUNTED] = {"SS": list(attachment.counted_for)}
    optional = {_THREAD: attachment.thread_id, _FILE: attachment.file_id}
    return {**row, **{key: {"S": value} for key, value in optional.items() if value is not None}}


def _less(name: str, attachment: StoredAttachment) -> "list[Action]":
    return [
        counter_rows.kept(name, holder, Counter.STORED_BYTES, -attachment.size)
        for holder in keys.holders(attachment.owner)
        if holder.kind in attachment.counted_for
    ]


def _kinds(names: Iterable[str]) -> tuple[HolderKind, ...]:
    """Raises `ValueError` where one is none."""
    kinds = tuple(sorted(names))
    if not set(get_args(HolderKind)).issuperset(kinds):
        raise ValueError("a kind of holder that there is not")
    return cast("tuple[HolderKind, ...]", kinds)


def _days_behind(day: date, days: int) -> int:
    return int((datetime.combine(day, time(), UTC) + timedelta(days=days + 1)).timestamp())

"""Rows of the table and what they stand for. Pure: no I/O.

A row holds its object as one JSON document, in the first of these ways that it has room for:

- `doc`: the text itself, up to `TEXT_BYTES`;
- `zip`: the text compressed by zlib, up to `BINARY_BYTES`, and `size`, the text's bytes;
- `s3`, `sha256`, `size`: key and digest of an S3 object that holds the compressed text. The largest items of one
  transaction go there too while they are too large together.

A thread's row also has its status, which conditions test; a hidden item's row has `is_hidden`, by which it is left out of
what a client lists. A row of feedback has no document: it names its `item`, and what the user thinks of it, `feedback`.
`v` is the version of all this. The row of a running turn is in `turn_rows`.

The limits behind the numbers: 400 KB for a row with its attributes' names, 4 MB for a transaction
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
"""

import hashlib
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from functions import ids
from functions.errors import InternalError, InvalidRequest
from functions.protocol.items import THREAD_ITEM, HiddenContextItem, ThreadItem, ThreadItemBase, is_hidden
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store import keys, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Row: TypeAlias = "dict[str, AttributeValueTypeDef]"
"""A row in the format of boto3's client: each value under its type's letter."""

STATUS: Final = "thread_status"
HIDDEN: Final = "is_hidden"
VERSION_ATTRIBUTE: Final = "v"
_ITEM: Final = "item"
_FEEDBACK: Final = "feedback"
_TEXT: Final = "doc"
_COMPRESSED: Final = "zip"
_OBJECT: Final = "s3"
_DIGEST: Final = "sha256"
_SIZE: Final = "size"
DOCUMENT: Final = (_TEXT, _COMPRESSED, _OBJECT, _DIGEST, _SIZE)
"""Every attribute that a document may have."""

KEY_ATTRIBUTES: Final = f"{table.PARTITION_KEY}, {table.SORT_KEY}"
"""The projection that `key` needs."""
POINTER_ATTRIBUTES: Final = f"{KEY_ATTRIBUTES}, {_OBJECT}, {_DIGEST}"
"""The projection that `key` and `pointer` need."""

VERSION: Final = "1"
TEXT_BYTES: Final = 300_000
BINARY_BYTES: Final = 350_000
TRANSACTION_BYTES: Final = 3_000_000
"""What the documents of one transaction hold together: room is left for base64, the keys and the thread's own row."""
THREAD_BYTES: Final = 250_000
"""The largest document of a thread, its assistant's metadata included: a list of threads reads them all."""
ITEM_BYTES: Final = 8_000_000
"""The largest document of an item."""

_THREAD: Final = TypeAdapter(ThreadMetadata)
_FEEDBACK_KIND: Final[TypeAdapter[FeedbackKind]] = TypeAdapter(FeedbackKind)

M = TypeVar("M", bound=ThreadMetadata | ThreadItemBase)


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a row's document lies in S3."""

    key: str
    digest: str
    """The SHA-256 of the object's bytes, in hex."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A document as it is stored: its row (or a part of it) and, where that only points, the S3 object to store before."""

    row: Row
    pointer: Pointer | None = None
    body: bytes = b""

    @property
    def bytes_inside(self) -> int:
        """How many bytes of the document the row itself holds."""
        text, body = self.row.get(_TEXT, {}), self.row.get(_COMPRESSED, {})
        return len(text.get("S", "").encode()) + len(body.get("B", b""))


def key(row: Row) -> Row:
    """A row's key alone."""
    return {name: row[name] for name in (table.PARTITION_KEY, table.SORT_KEY)}


def sort_key(row: Row) -> str:
    """A row's sort key."""
    return string(row, table.SORT_KEY)


def key_row(where: keys.Key) -> Row:
    """A key in the format of rows."""
    return {table.PARTITION_KEY: {"S": where.partition}, table.SORT_KEY: {"S": where.sort}}


def new_row(where: keys.Key) -> Row:
    """A row that has its key and the version of its format, and nothing else yet."""
    return {**key_row(where), VERSION_ATTRIBUTE: {"N": VERSION}}


def expiry(at: datetime) -> Row:
    """The attribute that says from when on DynamoDB may drop a row. Raises `ValueError` for a naive time."""
    if at.utcoffset() is None:
        raise ValueError("a time is aware of its zone")
    return {table.TTL_ATTRIBUTE: {"N": str(math.ceil(at.timestamp()))}}


def thread_row(user: str, thread: ThreadMetadata) -> Row:
    """A thread's row. Raises `InternalError` where the thread is too large, or holds what is no JSON."""
    sort = keys.sort_key(keys.THREADS, thread.id)
    if sort is None:
        raise InternalError(f"the thread id {thread.id!r} was not made by functions.ids")
    try:
        # Through ThreadMetadata's own type, so that a Thread is stored without its page of items.
        text = _THREAD.dump_json(_in_utc(thread), exclude_none=True)
    except PydanticSerializationError:
        raise InternalError(f"the metadata of {thread.id} is no JSON") from None
    if len(text) > THREAD_BYTES:
        raise InternalError(f"{thread.id} with its metadata is over {THREAD_BYTES:,} bytes: {len(text):,}")
    return {
        **new_row(keys.Key(keys.threads_partition(user), sort)),
        STATUS: {"S": thread.status.type},
        _TEXT: {"S": text.decode()},
    }


def pack_items(
    user: str, thread_id: str, items: Sequence[ThreadItem], *, object_key: Callable[[str], str], beside: int = 0
) -> list[Packed]:
    """The rows of items that go into one transaction, with `beside` bytes of other documents in it.

    `object_key(item_id)` names a new S3 object. Raises `InternalError` for an item that is too large, holds what is no
    JSON, bears an id that is none of ours or that another of `items` bears, and `NotFound` for such a thread id.
    """
    if keys.items_partition(user, thread_id) is None:
        raise keys.thread_not_found()
    texts = item_texts(items)
    rows = [_item_row(keys.item(user, thread_id, item.id), item) for item in items]
    binaries = {index: zlib.compress(text) for index, text in enumerate(texts) if len(text) > TEXT_BYTES}
    outside = {index for index, binary in binaries.items() if len(binary) > BINARY_BYTES}

    inside = {index: len(binaries.get(index, text)) for index, text in enumerate(texts) if index not in outside}
    while sum(inside.values()) > TRANSACTION_BYTES - beside:
        largest = max(inside, key=inside.__getitem__)
        del inside[largest]
        outside.add(largest)
        binaries.setdefault(largest, zlib.compress(texts[largest]))

    packed: list[Packed] = []
    for index, (item, row, text) in enumerate(zip(items, rows, texts, strict=True)):
        if index not in binaries:
            stored = text_inside(text)
        elif index in outside:
            stored = zip_outside(binaries[index], size=len(text), key=object_key(item.id))
        else:
            stored = zip_inside(binaries[index], size=len(text))
        packed.append(replace(stored, row=row | stored.row))
    return packed


def text_inside(text: bytes) -> Packed:
    """The attributes of a document that the row holds as it is."""
    return Packed({_TEXT: {"S": text.decode()}})


def zip_inside(body: bytes, *, size: int) -> Packed:
    """The attributes of a document that the row holds compressed; `size`: the text's bytes."""
    return Packed({_COMPRESSED: {"B": body}, _SIZE: {"N": str(size)}})


def zip_outside(body: bytes, *, size: int, key: str) -> Packed:
    """The attributes of a document that lies compressed in S3; `size`: the text's bytes."""
    there = Pointer(key, hashlib.sha256(body).hexdigest())
    row: Row = {_OBJECT: {"S": there.key}, _DIGEST: {"S": there.digest}, _SIZE: {"N": str(size)}}
    return Packed(row, there, body)


def item_texts(items: Sequence[ThreadItem]) -> list[bytes]:
    """The JSON of each item.

    Raises `InternalError` for one that is too large, holds what is no JSON, bears an id that is none of ours or that
    another of `items` bears.
    """
    if len({item.id for item in items}) < len(items):
        raise InternalError("two items of one call have the same id")
    for item in items:
        if ids.position(item.id) is None:
            raise InternalError(f"the item id {item.id!r} was not made by functions.ids")
    return [_item_text(item) for item in items]


def feedback_rows(user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> list[Row]:
    """The rows of feedback on items, one for each. Raises `InvalidRequest` for an item id that is none of ours."""
    partition = keys.items_partition(user, thread_id)
    if partition is None:
        raise keys.thread_not_found()
    rows: dict[str, Row] = {}
    for number, item_id in enumerate(item_ids):
        sort = keys.sort_key(keys.FEEDBACK, item_id)
        if sort is None:
            raise InvalidRequest(f"params.item_ids.{number}", "is no id that this backend has given")
        rows[item_id] = {
            **new_row(keys.Key(partition, sort)),
            _ITEM: {"S": item_id},
            _FEEDBACK: {"S": kind},
        }
    return list(rows.values())


def read_feedback(row: Row) -> tuple[str, FeedbackKind]:
    """An item's id and what the user thinks of it. Raises `InternalError` where the row is no feedback."""
    try:
        check_version(row)
        return string(row, _ITEM), _FEEDBACK_KIND.validate_python(string(row, _FEEDBACK))
    except (KeyError, ValueError):
        raise unreadable(row) from None


def read_thread(row: Row) -> ThreadMetadata:
    """The thread of a row. Raises `InternalError` where the row is none that `thread_row` made."""
    try:
        check_version(row)
        return _THREAD.validate_json(string(row, _TEXT))
    except (KeyError, ValueError):
        raise unreadable(row) from None


def read_item(row: Row, body: bytes | None = None) -> ThreadItem:
    """The item of a row; `body` is the S3 object that the row points at, where it does.

    Raises `InternalError` where the row is none that `pack_items` made, or `body` is not what was stored with it.
    """
    try:
        return THREAD_ITEM.validate_json(document(row, body))
    except (KeyError, ValueError, zlib.error):
        raise unreadable(row) from None


def document(row: Row, body: bytes | None) -> str | bytes:
    """The JSON of a row, or of the S3 object that it points at.

    Raises `KeyError`, `ValueError` or `zlib.error` where the row is damaged or `body` is not what was stored with it.
    """
    check_version(row)
    if _TEXT in row:
        return string(row, _TEXT)
    if body is None:
        body = row[_COMPRESSED].get("B", b"")
    elif hashlib.sha256(body).hexdigest() != string(row, _DIGEST):
        raise ValueError("the object is not the one that was stored")
    return zlib.decompress(body)


def pointer(row: Row) -> Pointer | None:
    """Where the row's document lies in S3; None where the row itself holds it."""
    return Pointer(string(row, _OBJECT), string(row, _DIGEST)) if _OBJECT in row else None


def size(row: Row) -> int:
    """About how many bytes the row's document has."""
    return int(row[_SIZE].get("N", "0")) if _SIZE in row else len(string(row, _TEXT))


def status(row: Row) -> str:
    """The status of a thread's row."""
    return string(row, STATUS)


def _item_row(where: keys.Key, item: ThreadItem) -> Row:
    row = new_row(where)
    if is_hidden(item):
        row[HIDDEN] = {"BOOL": True}
    return row


def _item_text(item: ThreadItem) -> bytes:
    # A hidden context is the one item with a required field that may be null.
    exclude_none = not isinstance(item, HiddenContextItem)
    try:
        text = _in_utc(item).model_dump_json(exclude_none=exclude_none).encode()
    except PydanticSerializationError:
        raise InternalError(f"what {item.id} holds is no JSON") from None
    if len(text) > ITEM_BYTES:
        raise InternalError(f"{item.id} is over {ITEM_BYTES:,} bytes: {len(text):,}")
    return text


def _in_utc(stored: M) -> M:
    if stored.created_at.utcoffset() == timedelta(0):
        return stored
    return stored.model_copy(update={"created_at": stored.created_at.astimezone(UTC)})


def check_version(row: Row) -> None:
    """Raises `KeyError` or `ValueError` where the row is not of this `VERSION`."""
    if row[VERSION_ATTRIBUTE].get("N") != VERSION:
        raise ValueError("the row was written by another version")


def string(row: Row, name: str) -> str:
    """A string attribute. Raises `KeyError` or `ValueError` where it is none."""
    value = row[name].get("S")
    if value is None:
        raise ValueError(f"{name} is no string")
    return value


def unreadable(row: Row) -> InternalError:
    """What is raised where a row is damaged: it names the row, and quotes nothing of it."""
    sort = row.get(table.SORT_KEY, {}).get("S")
    return InternalError(f"the row {sort} is damaged, or was written by another version")

"""The row of a running turn. Pure: no I/O.

It has the turn's id, `turn`; its lease, `lease`, in ISO 8601; its request key, `request`, if it has one; `stop`, true where
a stop was asked for; `writes`, the turn's version; `expires_at`, a day behind the lease, at which DynamoDB drops a row that
nobody has come to close. The unfinished items are one JSON array, which lies in the row or in S3 as an item does (`rows`),
but is compressed from `TEXT_BYTES` on: it is written again and again, and each begun kilobyte is a write unit. `in_s3` is
true from the first array that lay in S3 on, so that who ends the turn knows that there is something to delete.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter

from functions.protocol.items import ThreadItem
from functions.store import keys, rows
from functions.store.base import MAX_ITEMS, Turn
from functions.store.rows import Packed, Row

TEXT_BYTES: Final = 1_000
"""The largest array that is not compressed. At zlib's first level, prose comes out at less than half its size; 20,000
bytes of it take about 0.3 ms, 200,000 about 3 ms."""
KEPT: Final = timedelta(days=1)
"""How long a row is kept behind its lease, at least."""

TURN: Final = "turn"
LEASE: Final = "lease"
_REQUEST: Final = "request"
STOP: Final = "stop"
WRITES: Final = "writes"
IN_S3: Final = "in_s3"
_FAST: Final = 1
_ITEMS: Final[TypeAdapter[tuple[ThreadItem, ...]]] = TypeAdapter(tuple[ThreadItem, ...])


def pack(where: keys.Key, turn: Turn, *, object_key: Callable[[str], str]) -> Packed:
    """The row of a turn that begins; `object_key(turn id)` names a new S3 object. Raises as `pack_unfinished`."""
    unfinished = pack_unfinished(turn.id, turn.items, object_key=object_key)
    row = {**rows.new_row(where), **leased(turn.lease_until), **unfinished.row}
    row |= {TURN: {"S": turn.id}, WRITES: {"N": str(turn.version)}, STOP: {"BOOL": turn.stop_requested}}
    if turn.request_key:
        row[_REQUEST] = {"S": turn.request_key}
    return replace(unfinished, row=row)


def pack_unfinished(turn_id: str, items: Sequence[ThreadItem], *, object_key: Callable[[str], str]) -> Packed:
    """The attributes of a row that hold a turn's unfinished items.

    Raises `ValueError` for more than `MAX_ITEMS` of them, and `InternalError` as `rows.item_texts`.
    """
    if len(items) > MAX_ITEMS:
        raise ValueError(f"more than {MAX_ITEMS} unfinished items")
    text = b"[" + b",".join(rows.item_texts(items)) + b"]"
    if len(text) <= TEXT_BYTES:
        return rows.text_inside(text)
    body = zlib.compress(text, _FAST)
    if len(body) <= rows.BINARY_BYTES:
        return rows.zip_inside(body, size=len(text))
    outside = rows.zip_outside(body, size=len(text), key=object_key(turn_id))
    return replace(outside, row={**outside.row, IN_S3: {"BOOL": True}})


def read(row: Row, body: bytes | None = None) -> Turn:
    """The turn of a row; `body` is the S3 object that the row points at, where it does.

    Raises `InternalError` where the row is none that `pack` made, or `body` is not what was stored with it.
    """
    try:
        return replace(read_without_items(row), items=_ITEMS.validate_json(rows.document(row, body)))
    except (KeyError, ValueError, zlib.error):
        raise rows.unreadable(row) from None


def read_without_items(row: Row) -> Turn:
    """The turn of a row whose items are there no more. Raises `InternalError` where the row is none that `pack` made."""
    try:
        rows.check_version(row)
        return Turn(
            id=turn_id(row),
            lease_until=datetime.fromisoformat(rows.string(row, LEASE)),
            request_key=rows.string(row, _REQUEST) if _REQUEST in row else "",
            stop_requested=stop_requested(row),
            version=version(row),
        )
    except (KeyError, ValueError):
        raise rows.unreadable(row) from None


def turn_id(row: Row) -> str:
    """Which turn's row it is."""
    return rows.string(row, TURN)


def stop_requested(row: Row) -> bool:
    """Whether a stop was asked for."""
    return row[STOP].get("BOOL", False)


def version(row: Row) -> int:
    """How often the row was written under its turn's id since it began."""
    return int(row[WRITES].get("N", ""))


def leased(lease_until: datetime) -> Row:
    """The attributes that a lease has. Raises `ValueError` for a naive time."""
    if lease_until.utcoffset() is None:
        raise ValueError("a lease is aware of its time zone")
    lease = lease_until.astimezone(UTC)
    return {LEASE: {"S": lease.isoformat()}, **rows.expiry(lease + KEPT)}

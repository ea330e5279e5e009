"""All that the table holds of one owner, for an operator's commands: found by the owner's own partitions, never by a scan.

What only the functions need is read and written by their own ports; here is what none of them asks for.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from functions import ids
from functions.ids import owner_digest
from functions.store import attachment_rows, batches, keys, rows, table
from functions.store import transactions as tx
from functions.store.attachments import StoredAttachment
from functions.store.reader import Reader
from functions.store.sessions import KEPT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LIST_DAYS: Final = 32
"""How many days back an upload may still be on its day's list: as long as an entry is kept, and a day for each end."""

_COUNTS: Final = "Q#"
_REQUESTS: Final = f"{keys.REQUEST}#"


@dataclass(frozen=True, slots=True)
class OwnedSession:
    """A session of which tokens may still be good."""

    id: str
    until: datetime
    """When the last of its tokens has expired. Aware, UTC."""
    is_ended: bool
    """Whether it was ended before that."""


class OwnerRows:
    """Reads and deletes an owner's rows. Raises as `functions.store.base.Store` does."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = Reader(client=client, table=table)

    async def threads(self, owner: str) -> list[str]:
        """The ids of all threads that have a row, also of those that are past their time."""
        span = keys.span(keys.THREADS, after=None, order="asc")
        found: list[str] = []
        async for page in self._reader.pages(keys.threads_partition(owner), span, projection=rows.KEY_ATTRIBUTES):
            owned = (keys.thread_of(_key(row)) for row in page)
            found += [which[1] for which in owned if which is not None]
        return found

    async def being_erased(self, owner: str) -> list[str]:
        """The ids of the threads that `begin_erasing` was called for, and `end_erasing` not yet."""
        span = keys.Span(f"{keys.ERASING}#", f"{keys.ERASING}#~")
        found = await self._reader.all(keys.threads_partition(owner), span)
        return [rows.sort_key(row).partition("#")[2] for row in found]

    async def begin_erasing(self, owner: str, thread_id: str) -> None:
        """Deletes a thread's row and its turn's, and remembers it in the same transaction: so its contents can be found."""
        where = keys.erasing(owner, thread_id)
        actions = [tx.delete(self._table, rows.key_row(key(owner, thread_id))) for key in (keys.thread, keys.turn)]
        await tx.commit(self._client, [*actions, tx.put(self._table, rows.new_row(where))])

    async def end_erasing(self, owner: str, thread_id: str) -> None:
        """Forgets that a thread is being erased."""
        await batches.delete(self._client, self._table, [rows.key_row(keys.erasing(owner, thread_id))])

    async def attachments(self, owner: str) -> list[StoredAttachment]:
        """All attachments, in messages or not."""
        span = keys.span(keys.ATTACHMENTS, after=None, order="asc")
        found = await self._reader.all(f"{keys.ATTACHMENTS}#{owner_digest(owner)}", span)
        return [attachment_rows.read(row) for row in found]

    async def take_off_lists(self, owner: str, *, today: datetime) -> int:
        """Takes the owner's uploads off the lists of the last days; returns how many there were."""
        prefix = f"{keys.ATTACHMENTS}#{owner_digest(owner)}#"
        taken = 0
        for days in range(-1, LIST_DAYS):
            day = (today.astimezone(UTC) - timedelta(days=days)).date()
            for shard in range(keys.UPLOAD_SHARDS):
                taken += await self._delete(keys.uploads_partition(day, shard), keys.Span(prefix, f"{prefix}~"))
        return taken

    async def sessions(self, owner: str) -> list[OwnedSession]:
        """The sessions of which tokens may still be good."""
        found = await self._reader.all(keys.sessions_partition(owner), keys.EVERYTHING)
        ends: dict[str, datetime] = {}
        ended: set[str] = set()
        for row in found:
            kind, session_id = _parts(row)
            ends[session_id] = _until(row)
            if kind == keys.SESSION:
                ended.add(session_id)
        return [OwnedSession(name, until, name in ended) for name, until in sorted(ends.items())]

    async def forget_ended(self, owner: str) -> int:
        """Forgets that sessions were begun, of those that were ended; returns how many.

        That they were ended stays, each until its last token has expired: otherwise that would be good again.
        """
        found = await self._reader.all(keys.sessions_partition(owner), keys.EVERYTHING)
        ended = {rest for kind, rest in map(_parts, found) if kind == keys.SESSION}
        begun = [rows.key(row) for row in found if _parts(row)[0] == keys.BEGUN and _parts(row)[1] in ended]
        await batches.delete(self._client, self._table, begun)
        return len(begun)

    async def counts(self, owner: str) -> dict[str, dict[str, int]]:
        """What is counted of the owner: by the counter's row, each number under its name."""
        found = await self._reader.all(keys.threads_partition(owner), keys.Span(_COUNTS, f"{_COUNTS}~"))
        skipped = {table.TTL_ATTRIBUTE, rows.VERSION_ATTRIBUTE}
        return {
            rows.sort_key(row).removeprefix(_COUNTS): {
                name: int(value["N"]) for name, value in row.items() if name not in skipped and "N" in value
            }
            for row in found
        }

    async def requests(self, owner: str) -> list[dict[str, str]]:
        """The requests that are remembered, each with the thread and the turn that it has begun."""
        found = await self._reader.all(keys.threads_partition(owner), keys.Span(_REQUESTS, f"{_REQUESTS}~"))
        return [
            {"request": rows.sort_key(row).removeprefix(_REQUESTS)}
            | {
                name: value["S"]
                for name, value in row.items()
                if name not in {table.PARTITION_KEY, table.SORT_KEY} and "S" in value
            }
            for row in found
        ]

    async def delete_the_rest(self, owner: str) -> int:
        """Deletes what is left beside threads: counters, remembered requests. Returns how many rows there were."""
        partition = keys.threads_partition(owner)
        spans = (keys.Span(_COUNTS, f"{_COUNTS}~"), keys.Span(_REQUESTS, f"{_REQUESTS}~"))
        return sum([await self._delete(partition, span) for span in spans])

    async def _delete(self, partition: str, span: keys.Span) -> int:
        deleted = 0
        async for page in self._pages(partition, span):
            await batches.delete(self._client, self._table, page)
            deleted += len(page)
        return deleted

    def _pages(self, partition: str, span: keys.Span) -> AsyncIterator[list[rows.Row]]:
        return self._reader.pages(partition, span, projection=rows.KEY_ATTRIBUTES)


def thread_ids(names: list[str]) -> list[str]:
    """The threads in the names of objects, `PREFIX/DIGEST/THREAD/...`: each once, in order."""
    found = (parts[2] for name in names if len(parts := name.split("/")) > 3)
    return [name for name in dict.fromkeys(found) if ids.position(name)]


def _key(row: rows.Row) -> keys.Key:
    return keys.Key(rows.string(row, table.PARTITION_KEY), rows.sort_key(row))


def _parts(row: rows.Row) -> tuple[str, str]:
    """What a sort key says before and behind its first `#`."""
    kind, _, rest = rows.sort_key(row).partition("#")
    return kind, rest


def _until(row: rows.Row) -> datetime:
    return datetime.fromtimestamp(int(row[table.TTL_ATTRIBUTE].get("N", "0")), UTC) - KEPT

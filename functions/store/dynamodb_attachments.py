"""What is known of attachments, on DynamoDB: see `functions.store.attachment_rows` for where it lies."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError
from functions.limits import Counter
from functions.store import attachment_rows, batches, keys, rows
from functions.store import transactions as tx
from functions.store.attachments import NO_LIMIT, Place, Room, Settled, StoredAttachment
from functions.store.counters import Reached
from functions.store.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROW: Final = 0
"""Where the attachment's own row is, in all transactions of `attachment_rows`."""
_COUNTS: Final = 2
"""From where on `attachment_rows.announce` has the counts."""
_ATTEMPTS: Final = 8
"""Up to three seconds: all that is announced or deleted for one user, or for one tenant, meets at one row."""


class DynamoDBAttachments:
    """Implements `functions.store.attachments.AttachmentRecords`."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = Reader(client=client, table=table)

    async def announce(self, attachment: StoredAttachment, *, room: Room = NO_LIMIT) -> None:
        """See `AttachmentRecords`."""
        counted = replace(attachment, counted_for=attachment_rows.counted_for(attachment.owner, room))
        try:
            await self._commit(attachment_rows.announce(self._table, counted, room=room))
        except tx.ConditionsFailed as failure:
            if _ROW in failure.failed:
                raise InternalError(f"{attachment.id} exists already") from None
            holder = list(room)[min(failure.failed) - _COUNTS]
            raise Reached(holder, Counter.STORED_BYTES, None) from None

    async def load(self, places: Sequence[Place]) -> list[StoredAttachment]:
        """See `AttachmentRecords`. One request, none for no places."""
        wanted = [rows.key_row(key) for place in dict.fromkeys(places) if (key := _key(place))]
        found = await batches.get(self._client, self._table, wanted)
        return [attachment_rows.read(row) for row in found]

    async def settle(self, place: Place, state: Settled) -> StoredAttachment | None:
        """See `AttachmentRecords`. One request."""
        if _key(place) is None:
            return None
        try:
            before = await tx.update(self._client, attachment_rows.settle(self._table, place, state))
        except tx.ConditionsFailed as failure:
            row = failure.failed[0]
            return attachment_rows.read(row) if row else None
        return replace(attachment_rows.read(before), state=state)

    async def remember_file(self, place: Place, file_id: str) -> None:
        """See `AttachmentRecords`."""
        try:
            await tx.update(self._client, attachment_rows.remember_file(self._table, place, file_id))
        except tx.ConditionsFailed:
            return

    async def delete(self, place: Place) -> None:
        """See `AttachmentRecords`. A read, to learn whose thread has it, and one transaction."""
        for stored in await self.load([place]):
            with suppress(tx.ConditionsFailed):  # somebody else has deleted it since it was read
                await self._commit(attachment_rows.delete(self._table, stored))

    async def of_thread(self, owner: str, thread_id: str) -> list[str]:
        """See `AttachmentRecords`."""
        partition = keys.turn(owner, thread_id).partition
        span = keys.span(keys.ATTACHMENTS, after=None, order="asc")
        return [
            keys.attachment_of(rows.sort_key(row))
            async for page in self._reader.pages(partition, span, projection=rows.KEY_ATTRIBUTES)
            for row in page
        ]

    async def announced_on(self, day: date) -> AsyncIterator[list[Place]]:
        """See `AttachmentRecords`."""
        for shard in range(keys.UPLOAD_SHARDS):
            partition = keys.uploads_partition(day, shard)
            async for page in self._reader.pages(partition, keys.EVERYTHING, projection=rows.KEY_ATTRIBUTES):
                if page:
                    yield [attachment_rows.place_on_list(row) for row in page]

    async def drop_unused(self, place: Place) -> bool:
        """See `AttachmentRecords`. A read, to learn what was counted, and one transaction where no message holds it."""
        for stored in await self.load([place]):
            if stored.thread_id is not None:
                return False
            try:
                await self._commit(attachment_rows.drop_unused(self._table, stored))
            except tx.ConditionsFailed as failure:
                return failure.failed[_ROW] is None  # else a message has it since it was read
        return True

    async def take_off(self, day: date, places: Sequence[Place]) -> None:
        """See `AttachmentRecords`."""
        await batches.delete(self._client, self._table, [rows.key_row(keys.upload(day, *place)) for place in places])

    async def _commit(self, actions: "Sequence[tx.Action]") -> None:
        await tx.commit(self._client, actions, attempts=_ATTEMPTS)


def _key(place: Place) -> keys.Key | None:
    sort = keys.sort_key(keys.ATTACHMENTS, place.id)
    return keys.Key(f"{keys.ATTACHMENTS_PREFIX}{place.digest}", sort) if sort else None

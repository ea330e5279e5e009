"""What is known of attachments, on DynamoDB: see `functions.store.attachment_rows` for where it lies."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError
from functions.store import attachment_rows, batches, keys, rows
from functions.store import transactions as tx
from functions.store.attachments import DayIsFull, Place, Settled, StoredAttachment
from functions.store.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROW: Final = 0
"""Where in `attachment_rows.announce` the attachment's own row is."""


class DynamoDBAttachments:
    """Implements `functions.store.attachments.AttachmentRecords`."""

    def __init__(self, *, client: "DynamoDBClient", table: str) -> None:
        """See `DynamoDBStore`."""
        self._client = client
        self._table = table
        self._reader = Reader(client=client, table=table)

    async def announce(self, attachment: StoredAttachment, *, day_bytes: int) -> None:
        """See `AttachmentRecords`."""
        if attachment.size > day_bytes:
            raise DayIsFull  # where nothing has been counted yet, no condition would tell
        actions = attachment_rows.announce(self._table, attachment, day_bytes=day_bytes)
        try:
            await tx.commit(self._client, actions)
        except tx.ConditionsFailed as failure:
            if _ROW in failure.failed:
                raise InternalError(f"{attachment.id} exists already") from None
            raise DayIsFull from None

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
            actions = [tx.delete(self._table, rows.key_row(keys.attachment(*place)))]
            if stored.thread_id is not None:
                in_use = keys.attachment_in_use(stored.owner, stored.thread_id, place.id)
                actions.append(tx.delete(self._table, rows.key_row(in_use)))
            await tx.commit(self._client, actions)

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
        """See `AttachmentRecords`."""
        if _key(place) is None:
            return True
        try:
            await tx.commit(self._client, [attachment_rows.drop_unused(self._table, place)])
        except tx.ConditionsFailed:
            return False
        return True

    async def take_off(self, day: date, places: Sequence[Place]) -> None:
        """See `AttachmentRecords`."""
        await batches.delete(self._client, self._table, [rows.key_row(keys.upload(day, *place)) for place in places])


def _key(place: Place) -> keys.Key | None:
    sort = keys.sort_key(keys.ATTACHMENTS, place.id)
    return keys.Key(f"{keys.ATTACHMENTS}#{place.digest}", sort) if sort else None

"""What is known of attachments, in memory: the port's promises in the plainest way."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from functions import ids
from functions.errors import InternalError, InvalidRequest, NotFound
from functions.limits import Counter
from functions.store.attachments import MAX_ATTACHMENTS, NO_LIMIT, Place, Room, Settled, StoredAttachment
from functions.store.keys import holders
from functions.translations import Text
from tests.support.memory_counters import MemoryCounters


class MemoryAttachments:
    """Implements `functions.store.attachments.AttachmentRecords`."""

    def __init__(self, counters: MemoryCounters | None = None) -> None:
        """`counters`: where bytes are counted."""
        self._counters = counters or MemoryCounters()
        self.stored: dict[Place, StoredAttachment] = {}
        self._links: set[tuple[str, str, str]] = set()
        """Of owner, thread and attachment, for each that a message holds."""
        self._lists: dict[date, set[Place]] = {}

    async def announce(self, attachment: StoredAttachment, *, room: Room = NO_LIMIT) -> None:
        if not 1 <= len(attachment.owner) <= 385:
            raise InvalidRequest("user", "must have 1 to 385 characters")
        if ids.position(attachment.id) is None:
            raise NotFound(Text.ATTACHMENT_NOT_FOUND)
        if not set(holders(attachment.owner)).issuperset(room):
            raise ValueError("somebody else's bytes")
        if attachment.place in self.stored:
            raise InternalError(f"{attachment.id} exists already")
        counted = replace(attachment, counted_for=tuple(sorted(holder.kind for holder in room)))
        self._counters.count_together(Counter.STORED_BYTES, attachment.size, room)
        self.stored[attachment.place] = replace(counted, created_at=_utc(attachment.created_at))
        day = attachment.created_at.astimezone(UTC).date()
        self._lists.setdefault(day, set()).add(attachment.place)

    async def load(self, places: Sequence[Place]) -> list[StoredAttachment]:
        return [self.stored[place] for place in dict.fromkeys(places) if place in self.stored]

    async def settle(self, place: Place, state: Settled) -> StoredAttachment | None:
        there = self.stored.get(place)
        if there is not None and there.state == "announced":
            there = self.stored[place] = replace(there, state=state)
        return there

    async def remember_file(self, place: Place, file_id: str) -> None:
        if place in self.stored:
            self.stored[place] = replace(self.stored[place], file_id=file_id)

    async def delete(self, place: Place) -> None:
        there = self._gone(place)
        if there is not None and there.thread_id is not None:
            self._links.discard((there.owner, there.thread_id, there.id))

    async def of_thread(self, owner: str, thread_id: str) -> list[str]:
        if ids.position(thread_id) is None:
            raise NotFound(Text.THREAD_NOT_FOUND)
        return sorted(one for whose, thread, one in self._links if (whose, thread) == (owner, thread_id))

    async def announced_on(self, day: date) -> AsyncIterator[list[Place]]:
        if places := sorted(self._lists.get(day, ())):
            yield places

    async def drop_unused(self, place: Place) -> bool:
        there = self.stored.get(place)
        if there is not None and there.thread_id is not None:
            return False
        self._gone(place)
        return True

    async def take_off(self, day: date, places: Sequence[Place]) -> None:
        self._lists.get(day, set()).difference_update(places)

    def _gone(self, place: Place) -> StoredAttachment | None:
        """Deletes a row, and takes its bytes from those for whom they are counted."""
        there = self.stored.pop(place, None)
        if there is not None:
            counted = [holder for holder in holders(there.owner) if holder.kind in there.counted_for]
            self._counters.count_together(Counter.STORED_BYTES, -there.size, dict.fromkeys(counted))
        return there

    def check_use(self, owner: str, thread_id: str, attachment_ids: Sequence[str]) -> None:
        """Raises what the store raises where a message cannot hold these."""
        if len(attachment_ids) > MAX_ATTACHMENTS:
            raise ValueError("too many attachments")
        for one in attachment_ids:
            there = self.stored.get(Place.of(owner, one))
            if there is None or there.state != "uploaded" or there.thread_id not in {None, thread_id}:
                raise NotFound(Text.ATTACHMENT_NOT_FOUND)

    def use(self, owner: str, thread_id: str, attachment_ids: Sequence[str]) -> None:
        """Makes attachments a thread's: part of the store's write."""
        for one in attachment_ids:
            place = Place.of(owner, one)
            self.stored[place] = replace(self.stored[place], thread_id=thread_id)
            self._links.add((owner, thread_id, one))

    def forget_thread(self, owner: str, thread_id: str) -> None:
        """Forgets what a thread's messages hold: part of what the thread leaves."""
        self._links = {link for link in self._links if link[:2] != (owner, thread_id)}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)

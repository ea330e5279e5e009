"""The port to what is known of attachments: not their bytes, which lie in S3. One contract suite runs on every adapter.

An attachment is **announced** by `announce`; S3 takes its bytes; whoever is told of them `settle`s it: **uploaded**, or
**refused**. The message that holds it makes it its thread's (`Store.create_thread`, `Store.add_items`). One that no message
holds is found on the list of its day (`announced_on`), and dropped.

From its announcement until it is deleted or dropped, an attachment's bytes are counted (`Counter.STORED_BYTES`) for whoever
has a limit on them then. It is one step with the other, each time: however often a call is repeated, and wherever a
caller breaks off, a count is the sum of what is there.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol

from functions.ids import owner_digest
from functions.limits import Holder, HolderKind

MAX_ATTACHMENTS: Final = 25
"""The most attachments in one message: each is two writes in the transaction that stores it."""

AttachmentState = Literal["announced", "uploaded", "refused"]
Settled = Literal["uploaded", "refused"]

Room = Mapping[Holder, int]
"""The most bytes that each of these may have stored, of an owner and their tenant; whoever is missing is not counted."""
NO_LIMIT: Final[Room] = MappingProxyType({})
"""Where nobody is counted."""


class Place(NamedTuple):
    """Which attachment of whom, as the name of its object says it."""

    digest: str
    """Of the owner: `functions.ids.owner_digest`."""
    id: str

    @classmethod
    def of(cls, owner: str, attachment_id: str) -> "Place":
        """The place of an owner's attachment."""
        return cls(owner_digest(owner), attachment_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttachment:
    """What is known of an attachment."""

    id: str
    owner: str
    name: str
    """As it was announced, without what no file name needs (`functions.attachments.limits`)."""
    mime_type: str
    """As announced; once it is uploaded, the bytes are known to be of this type."""
    size: int
    """Bytes, as announced; once it is uploaded, there are exactly as many."""
    created_at: datetime
    """Aware, UTC."""
    state: AttachmentState = "announced"
    thread_id: str | None = None
    """The thread that has a message with it."""
    file_id: str | None = None
    """What OpenAI's Files API calls its copy, if it has one."""
    counted_for: tuple[HolderKind, ...] = ()
    """For whom its bytes are counted: its owner, their tenant; in alphabetical order."""

    @property
    def place(self) -> Place:
        """Where its row and its objects lie."""
        return Place.of(self.owner, self.id)


class AttachmentRecords(Protocol):
    """What is known of attachments. Raises as `Store` does; an id that is none of ours is not found."""

    async def announce(self, attachment: StoredAttachment, *, room: Room = NO_LIMIT) -> None:
        """Stores a new attachment, and counts its bytes for each that `room` names: all or nothing.

        However many are announced at the same time, no count passes what there is room for. Raises
        `functions.store.counters.Reached` where it would; `InternalError` where the attachment exists already;
        `ValueError` where `room` names somebody else. One round trip.
        """
        ...

    async def load(self, places: Sequence[Place]) -> list[StoredAttachment]:
        """Those that there are (of 0 to 100), in no order."""
        ...

    async def settle(self, place: Place, state: Settled) -> StoredAttachment | None:
        """Says what has become of an announced attachment; one that is settled stays as it is.

        Returns it as it is then; None where it is not there.
        """
        ...

    async def remember_file(self, place: Place, file_id: str) -> None:
        """Remembers a copy's name at OpenAI, if the attachment is still there."""
        ...

    async def delete(self, place: Place) -> None:
        """Deletes an attachment, also from its thread's list; one that is gone is passed over."""
        ...

    async def of_thread(self, owner: str, thread_id: str) -> list[str]:
        """The ids of the attachments in a thread's messages, also where the thread is gone."""
        ...

    def announced_on(self, day: date) -> AsyncIterator[list[Place]]:
        """The attachments that were announced on a day (UTC) and not taken off its list, some at a time."""
        ...

    async def drop_unused(self, place: Place) -> bool:
        """Deletes an attachment that no message holds. Returns whether it is gone now."""
        ...

    async def take_off(self, day: date, places: Sequence[Place]) -> None:
        """Takes attachments off a day's list."""
        ...

"""`chatkit-lambda user erase`: everything of one owner is deleted.

The order makes it safe to be killed at any point and begun again. First the sessions are ended, so that no token begins
anything new; then the threads' rows go, each in the transaction that remembers it, so that whoever still writes an answer is
refused, and what a thread has left is found by the next run; then attachments, contents, and the objects; last what only
counts. All of it is done until a pass finds nothing more, as something may have come meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from functions.attachments.base import AttachmentStore, ModelFiles
from functions.engine.deletions import Deletions
from functions.engine.turn_keeper import LEASE
from functions.errors import ChatKitLambdaError, ModelError, NotFound
from functions.identity.base import SessionStore
from functions.local.owner_objects import OwnerObjects
from functions.local.owner_rows import OwnerRows, thread_ids
from functions.store.base import Store

PASSES: Final = 5
"""How often everything is looked for; what comes faster than it goes is told."""

Say = Callable[[str], None]


class ErasureError(ChatKitLambdaError):
    """Not everything could be deleted; the message says why, and the same command goes on."""


@dataclass(slots=True)
class Found:
    """What there is of an owner, or what was removed of it."""

    threads: int = 0
    attachments: int = 0
    objects: int = 0
    """In the bucket: files, previews, uploads, pictures, large items."""
    copies: int = 0
    """Of attachments, at OpenAI."""
    sessions: int = 0
    """Those that went on."""
    other_rows: int = 0
    """Counters, remembered requests and sessions, entries of lists."""

    def __str__(self) -> str:
        return f"{self.counted}, {self.other_rows} other rows"

    @property
    def counted(self) -> str:
        """What `Erasure.look` has counted, in words."""
        return (
            f"{self.threads} threads, {self.attachments} attachments, {self.objects} objects, {self.copies} copies at "
            f"OpenAI, {self.sessions} sessions"
        )

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing at all."""
        return self == Found()

    def add(self, other: "Found") -> None:
        """Adds the numbers of another."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where an owner's data lies."""

    rows: OwnerRows
    objects: OwnerObjects
    store: Store
    sessions: SessionStore
    attachments: AttachmentStore
    """Without OpenAI's files: their copies are deleted before."""
    deletions: Deletions
    files: ModelFiles | None = field(default=None)
    """None where there is no key for OpenAI."""


class Erasure:
    """Of one owner."""

    def __init__(
        self,
        ground: Ground,
        owner: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`now` gives aware times."""
        self._ground = ground
        self._owner = owner
        self._now = now
        self._sleep = sleep

    async def look(self) -> Found:
        """What there is. Other rows are not counted."""
        rows, owner = self._ground.rows, self._owner
        attachments = await rows.attachments(owner)
        return Found(
            threads=len({*await rows.threads(owner), *await rows.being_erased(owner)}),
            attachments=len(attachments),
            objects=len(await self._ground.objects.names(owner)),
            copies=sum(stored.file_id is not None for stored in attachments),
            sessions=sum(not session.is_ended for session in await rows.sessions(owner)),
        )

    async def run(self, say: Say) -> Found:
        """Deletes everything. Raises `ErasureError`, and as `Store` does: the same call then goes on."""
        await self._check_copies()
        removed = Found()
        for _ in range(PASSES):
            ended = await self._end_sessions()
            was_running, done = await self._pass()
            done.sessions = ended
            removed.add(done)
            if was_running:
                # Its function hears of it with its next write, and may have put something into the bucket before.
                say(f"An answer was still being written: waiting {LEASE.total_seconds():.0f} s for its function.")
                await self._sleep(LEASE.total_seconds())
            elif done.is_nothing:
                return removed
        raise ErasureError(
            f"something new has come in each of {PASSES} passes: end what lets this user in, then run this again. "
            f"Removed until now: {removed}"
        )

    async def _check_copies(self) -> None:
        if self._ground.files is None and (copies := (await self.look()).copies):
            raise ErasureError(
                f"{copies} attachments have a copy at OpenAI, which cannot be deleted without a key: "
                "name it by OPENAI_API_KEY. Nothing was removed"
            )

    async def _end_sessions(self) -> int:
        going_on = [one for one in await self._ground.rows.sessions(self._owner) if not one.is_ended]
        for session in going_on:
            await self._ground.sessions.end_session(self._owner, session.id, until=session.until)
        return len(going_on)

    async def _pass(self) -> tuple[bool, Found]:
        """Deletes what there is; returns whether a turn was running, and the numbers."""
        ground, owner = self._ground, self._owner
        done = Found()
        was_running = False
        for thread_id in await ground.rows.threads(owner):
            turn = await ground.store.load_turn(owner, thread_id)
            was_running = was_running or (turn is not None and turn.lease_until > self._now())
            await ground.rows.begin_erasing(owner, thread_id)
        # Counted here: the deletions of attachments and contents delete objects by themselves.
        names = await ground.objects.names(owner)
        done.objects = len(names)
        left_behind = [*thread_ids(names), *await self._threads_named()]
        await self._delete_attachments(done)
        being_erased = await ground.rows.being_erased(owner)
        for thread_id in being_erased:
            await ground.deletions.finish(owner, thread_id)
            await ground.rows.end_erasing(owner, thread_id)
            done.threads += 1
        # What a thread that was deleted before has left, as far as something still names it.
        for thread_id in dict.fromkeys(left_behind):
            if thread_id not in being_erased:
                await ground.deletions.finish(owner, thread_id)
        await ground.objects.delete_all(owner)
        done.other_rows += await ground.rows.take_off_lists(owner, today=self._now())
        done.other_rows += await ground.rows.forget_ended(owner)
        done.other_rows += await ground.rows.delete_the_rest(owner)
        return was_running, done

    async def _threads_named(self) -> list[str]:
        """The threads that attachments and remembered requests name."""
        attachments = await self._ground.rows.attachments(self._owner)
        requests = await self._ground.rows.requests(self._owner)
        return [one.thread_id for one in attachments if one.thread_id] + [
            one["thread"] for one in requests if "thread" in one
        ]

    async def _delete_attachments(self, done: Found) -> None:
        """One after the other: each is taken from the same counts."""
        for stored in await self._ground.rows.attachments(self._owner):
            # The copy first: its name is known by the attachment's row alone.
            if stored.file_id is not None and self._ground.files is not None:
                try:
                    await self._ground.files.delete(stored.file_id)
                except ModelError as error:
                    raise ErasureError(
                        f"OpenAI did not delete the copy of a file ({error.reason}); try again"
                    ) from error
                done.copies += 1
            with suppress(NotFound):  # somebody else has deleted it meanwhile
                await self._ground.attachments.delete(self._owner, stored.id)
            done.attachments += 1

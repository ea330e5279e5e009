"""Bytes that are stored, under random histories of everything that makes and removes files, cut off anywhere."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count as numbers
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from functions.attachments.arrivals import Arrivals
from functions.attachments.inspection import Verdict
from functions.attachments.limits import AttachmentLimits
from functions.attachments.objects import upload_key
from functions.attachments.sweep import DAYS, UNUSED, Sweep
from functions.attachments.uploads import Uploads
from functions.engine.deletions import Deletions
from functions.errors import NotFound
from functions.identity.base import owner as owner_of
from functions.ids import IdFactory
from functions.limits import Counter, Holder
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import NO_LIMIT, AttachmentRecords, Place, Room, Settled, StoredAttachment
from functions.store.base import Store
from functions.store.counters import Counters, Reached
from functions.store.keys import holders
from tests.contracts.conftest import Adapter, machine_settings
from tests.contracts.test_attachments import records as records  # the fixture
from tests.support.counting import within
from tests.support.memory_bucket import MemoryBucket
from tests.support.memory_images import MemoryImages
from tests.support.memory_objects import MemoryObjects
from tests.support.threads import new_thread, new_user

EXAMPLES: Final = {"memory": 200, "moto": 10, "ministack": 10}
OWNERS: Final = 3
"""Two users of a tenant's, and one of none."""
USER_ROOM, TENANT_ROOM = 60, 100
THREADS: Final = 2
"""How many threads each owner has at most, one after the other."""
START: Final = datetime(2200, 1, 1, tzinfo=UTC)
_machines: Final = numbers()

owners = st.integers(0, OWNERS - 1)
files = st.integers(0, 30)
"""Which of the files that were announced until then."""
sizes = st.integers(1, 40)
deaths = st.none() | st.tuples(st.integers(0, 3), st.booleans())
"""At which of its next calls of the store a function dies, and whether that call is done before."""


class _Dead(Exception):
    """The function was killed."""


class _MortalRecords:
    """An `AttachmentRecords`, and what calls of it a function does not survive."""

    def __init__(self, records: AttachmentRecords) -> None:
        self._records = records
        self._left: int | None = None
        self._is_done = False
        self.announced: dict[Place, StoredAttachment] = {}
        """All that anybody has tried to announce."""

    def die(self, death: tuple[int, bool] | None) -> None:
        self._left, self._is_done = death or (None, False)

    async def announce(self, attachment: StoredAttachment, *, room: Room = NO_LIMIT) -> None:
        self.announced[attachment.place] = attachment
        await self._lived(self._records.announce(attachment, room=room))

    async def load(self, places: Sequence[Place]) -> list[StoredAttachment]:
        return await self._lived(self._records.load(places))

    async def settle(self, place: Place, state: Settled) -> StoredAttachment | None:
        return await self._lived(self._records.settle(place, state))

    async def remember_file(self, place: Place, file_id: str) -> None:
        raise NotImplementedError

    async def delete(self, place: Place) -> None:
        await self._lived(self._records.delete(place))

    async def of_thread(self, owner: str, thread_id: str) -> list[str]:
        return await self._lived(self._records.of_thread(owner, thread_id))

    def announced_on(self, day: date) -> AsyncIterator[list[Place]]:
        return self._records.announced_on(day)

    async def drop_unused(self, place: Place) -> bool:
        return await self._lived(self._records.drop_unused(place))

    async def take_off(self, day: date, places: Sequence[Place]) -> None:
        await self._lived(self._records.take_off(day, places))

    async def _lived(self, call: Coroutine[Any, Any, Any]) -> Any:
        if self._left is None:
            return await call
        self._left -= 1
        if self._left >= 0:
            return await call
        if self._is_done:
            await call
        call.close()
        raise _Dead


class _Machine(RuleBasedStateMachine):
    """Files of a few users that come and go, by functions that may die at each of their steps, in any order."""

    def __init__(self, store: Store, records: AttachmentRecords, counters: Counters) -> None:
        super().__init__()
        self.store, self.counters, self.plain = store, counters, records
        self.runner = asyncio.Runner()
        tenant = new_user()
        self.owners = [owner_of(new_user(), tenant), owner_of(new_user(), tenant), new_user()]
        self.threads: list[list[str]] = [[] for _ in self.owners]
        # Each machine has days of its own, as the sweep goes through all that was announced on one.
        self.now = START + next(_machines) * timedelta(days=60)
        self.records = _MortalRecords(records)
        self.bucket, objects = MemoryBucket(), MemoryObjects()
        self.problem: Any = None
        self.uploads = Uploads(
            records=self.records,
            objects=objects,
            limits=AttachmentLimits(types={"*/*": 100}),
            ids=IdFactory(clock=lambda: self.now.timestamp()),
            now=lambda: self.now,
        )
        self.arrivals = Arrivals(
            records=self.records,
            arrived=self.bucket,
            objects=self.bucket,
            inspect=lambda _file, _stored: Verdict(problem=self.problem),
        )
        self.sweep = Sweep(records=self.records, objects=self.bucket, now=lambda: self.now)
        self.deletions = Deletions(store=store, images=MemoryImages(), attachments=self.uploads)

    def play(self, call: Coroutine[Any, Any, Any], death: tuple[int, bool] | None = None) -> None:
        """A function's work, which may find nothing to do, or die."""
        self.records.die(death)
        try:
            self.runner.run(call)
        except (_Dead, NotFound):
            pass
        finally:
            self.records.die(None)

    def place(self, which: int) -> Place:
        places = list(self.records.announced)
        return places[which % len(places)]

    def room(self, owner: int) -> dict[Holder, int]:
        return {holder: USER_ROOM if holder.kind == "user" else TENANT_ROOM for holder in holders(self.owners[owner])}

    def stored(self) -> list[StoredAttachment]:
        """All that there is."""
        return self.runner.run(self.plain.load(list(self.records.announced)))

    def bytes_of(self, holder: Holder) -> int:
        """What there is of a user's or a tenant's, by the rows themselves."""
        return sum(each.size for each in self.stored() if holder in holders(each.owner))

    def counted(self, holder: Holder) -> int:
        return self.runner.run(self.counters.read(holder, at=self.now)).get(Counter.STORED_BYTES, 0)

    @rule(owner=owners, size=sizes, direct=st.booleans(), death=deaths)
    def announce(self, owner: int, size: int, death: tuple[int, bool] | None, *, direct: bool) -> None:
        mine, counting = self.owners[owner], within(self.room(owner))
        fits = all(self.bytes_of(holder) + size <= limit for holder, limit in self.room(owner).items())
        params = AttachmentCreateParams(name="a.png", size=size, mime_type="image/png")
        call = (
            self.uploads.upload(mine, params.name, params.mime_type, bytes(size), counting)
            if direct
            else self.uploads.create(mine, params, counting)
        )
        try:
            self.play(call, death)
        except Reached:
            assert not fits
        else:
            assert fits or death is not None

    @precondition(lambda self: self.records.announced)
    @rule(which=files, good=st.booleans(), death=deaths)
    def arrive(self, which: int, death: tuple[int, bool] | None, *, good: bool) -> None:
        place = self.place(which)
        self.problem = None if good else "type"
        self.bucket.upload(place, bytes(self.records.announced[place].size))
        self.play(self.arrivals.handle(upload_key(place)), death)

    @precondition(lambda self: self.records.announced)
    @rule(some=st.lists(files, min_size=1, max_size=3, unique=True), new=st.booleans())
    def take_over(self, some: list[int], *, new: bool) -> None:
        """A message has files, if all of them may be in one."""
        owner = self.records.announced[self.place(some[0])].owner
        places = {self.place(which) for which in some}
        ids = sorted(place.id for place in places if self.records.announced[place].owner == owner)
        threads = self.threads[self.owners.index(owner)]
        if threads and not new:
            self.play(self.store.add_items(owner, threads[-1], [], attachments=ids))
        elif len(threads) < THREADS:
            thread = new_thread()
            threads.append(thread.id)
            self.play(self.store.create_thread(owner, thread, [], attachments=ids))

    @precondition(lambda self: self.records.announced)
    @rule(which=files, death=deaths)
    def delete(self, which: int, death: tuple[int, bool] | None) -> None:
        place = self.place(which)
        self.play(self.uploads.delete(self.records.announced[place].owner, place.id), death)

    @precondition(lambda self: self.records.announced)
    @rule(which=files)
    def delete_twice_at_once(self, which: int) -> None:
        place = self.place(which)

        async def both() -> None:
            await asyncio.gather(
                self.records.delete(place), self.records.delete(place), self.records.drop_unused(place)
            )

        self.play(both())

    @rule(hours=st.sampled_from((1, 13, 25)))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(death=deaths, twice=st.booleans())
    def clean_up(self, death: tuple[int, bool] | None, *, twice: bool) -> None:
        """What is a day old and in no message goes, but for what is left by a sweep that was cut off."""

        async def sweep() -> None:
            runs = (self.sweep.run(seconds_left=lambda: 900) for _ in range(1 + twice))
            # To its end, whatever becomes of the other: nothing goes on behind the reading of what there is.
            ended = await asyncio.gather(*runs, return_exceptions=True)
            for failure in ended:
                if isinstance(failure, BaseException):
                    raise failure

        self.play(sweep(), death)
        if death is None:
            oldest, youngest = self.now - timedelta(days=DAYS), self.now - UNUSED
            due = [each for each in self.stored() if oldest < each.created_at <= youngest]
            assert all(each.thread_id is not None for each in due)

    @precondition(lambda self: any(self.threads))
    @rule(which=files, newest=st.booleans(), death=deaths)
    def delete_thread(self, which: int, death: tuple[int, bool] | None, *, newest: bool) -> None:
        """With its files; one that is gone already is finished, again, by a repeat of the event."""
        some = [owner for owner, threads in zip(self.owners, self.threads, strict=True) if threads]
        owner = some[which % len(some)]
        thread = self.threads[self.owners.index(owner)][-1 if newest else 0]
        self.play(self.store.delete_thread(owner, thread))
        self.play(self.deletions.finish(owner, thread), death)
        if death is None:
            assert all(each.thread_id != thread for each in self.stored())

    @invariant()
    def a_count_is_the_sum_of_what_there_is(self) -> None:
        stored = self.stored()
        for holder in {holder for owner in self.owners for holder in holders(owner)}:
            there = sum(each.size for each in stored if holder in holders(each.owner))
            assert self.counted(holder) == there
            assert there <= (USER_ROOM if holder.kind == "user" else TENANT_ROOM)

    def teardown(self) -> None:
        self.runner.close()


def test_no_history_makes_a_count_drift(
    adapter: Adapter, store: Store, records: AttachmentRecords, counters: Counters
) -> None:
    """Announced, arrived, refused, taken over, deleted, swept, repeated, cut off: a count is the sum of what there is."""

    class Machine(_Machine):
        def __init__(self) -> None:
            super().__init__(store, records, counters)

    run_state_machine_as_test(Machine, settings=machine_settings(adapter, EXAMPLES))

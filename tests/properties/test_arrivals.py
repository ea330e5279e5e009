"""Uploads under random histories: events in any order, repeated, at the same time, killed anywhere; new bytes; a deletion.

Each event is a coroutine that stands still before and after each call of a port; what goes on next, and what is killed
there, is drawn. What was killed comes again, as Lambda's events do.
"""

import inspect
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import UTC, datetime
from io import BytesIO
from typing import IO, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from functions.attachments.arrivals import Arrivals
from functions.attachments.inspection import Verdict
from functions.attachments.objects import upload_key
from functions.attachments.sweep import Sweep
from functions.ids import IdFactory
from functions.store.attachments import Place, StoredAttachment
from tests.support.memory_attachments import MemoryAttachments
from tests.support.memory_bucket import MemoryBucket

FIT = (b"fit-1", b"fit-2")
UNFIT = (b"bad-1", b"longer", b"")
ANNOUNCED = StoredAttachment(
    id=IdFactory().new("attachment"),
    owner="alice",
    name="a.png",
    mime_type="image/png",
    size=5,
    created_at=datetime.now(UTC),
)
PLACE = ANNOUNCED.place
OTHER = Place.of("bob", ANNOUNCED.id)


class Pause:
    """Where a task stands still."""

    def __await__(self) -> Generator[None]:
        yield


class Paused:
    """A port whose every call stands still before it is done, and behind."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._port, name)
        assert inspect.iscoroutinefunction(method)

        async def paused(*args: Any, **kwargs: Any) -> Any:
            await Pause()
            answer = await method(*args, **kwargs)
            await Pause()
            return answer

        return paused


def look(file: IO[bytes], stored: StoredAttachment) -> Verdict:
    """Stands for the inspection."""
    file.seek(0)
    data = file.read()
    return Verdict(preview=b"of " + data) if data in FIT else Verdict(problem="type")


class Uploading(RuleBasedStateMachine):
    """One attachment, and whatever happens to it; another one, to which nothing does."""

    def __init__(self) -> None:
        super().__init__()
        self.records, self.bucket = MemoryAttachments(), MemoryBucket()
        self.records.stored[PLACE] = ANNOUNCED
        self.bucket.upload(OTHER, b"other")
        self.arrivals = Arrivals(
            records=Paused(self.records),  # pyright: ignore[reportArgumentType]
            arrived=Paused(self.bucket),  # pyright: ignore[reportArgumentType]
            objects=Paused(self.bucket),  # pyright: ignore[reportArgumentType]
            inspect=look,
            new_file=BytesIO,
        )
        self.events: list[Coroutine[Any, Any, Any]] = []
        self.owed = 0
        """How many killed events have to come again."""
        self.has_put = False
        self.deletion: Coroutine[Any, Any, Any] | None = None
        self.accepted: tuple[bytes | None, bytes | None] | None = None
        """File and preview when the row was settled as uploaded."""

    @rule(data=st.sampled_from((*FIT, *FIT, *UNFIT)))
    def put(self, data: bytes) -> None:
        """A page uploads, and S3 tells of it."""
        self.has_put = True
        self.bucket.upload(PLACE, data)
        self.tell()

    @precondition(lambda self: self.has_put)
    @rule()
    def tell(self) -> None:
        """An event comes, or comes again."""
        self.events.append(self.arrivals.handle(upload_key(PLACE)))

    @precondition(lambda self: self.events)
    @rule(number=st.integers(0, 2), steps=st.integers(1, 10))
    def go_on(self, number: int, steps: int) -> None:
        """One of the events goes on for some steps."""
        event = self.events[number % len(self.events)]
        for _ in range(steps):
            if not self._step(event):
                self.events.remove(event)
                return
            self.what_was_accepted_stays()

    @precondition(lambda self: self.events)
    @rule(number=st.integers(0, 2))
    def kill(self, number: int) -> None:
        """A function is killed at its event: the event will come again."""
        self.events.pop(number % len(self.events)).close()
        self.owed += 1

    @precondition(lambda self: self.owed)
    @rule()
    def come_again(self) -> None:
        """A killed event comes again."""
        self.owed -= 1
        self.tell()

    @precondition(lambda self: self.deletion is None and self.has_put)
    @rule()
    def delete(self) -> None:
        """The user deletes the attachment: its objects, then its row, as `Uploads` does."""

        async def deletion() -> None:
            await Paused(self.bucket).delete(PLACE)
            await Paused(self.records).delete(PLACE)

        self.deletion = deletion()

    @precondition(lambda self: self.deletion is not None)
    @rule(steps=st.integers(1, 3))
    def go_on_deleting(self, steps: int) -> None:
        """The deletion goes on."""
        assert self.deletion is not None
        for _ in range(steps):
            if inspect.getcoroutinestate(self.deletion) != inspect.CORO_CLOSED:
                self._step(self.deletion)

    @invariant()
    def what_was_accepted_stays(self) -> None:
        """As soon as the row says that it is uploaded, a fit file is there with its own preview, and they never change."""
        there = self.records.stored.get(PLACE)
        if self.deletion is None and there is not None and there.state == "uploaded":
            _, file, preview = self.bucket.has(PLACE)
            self.accepted = self.accepted or (file, preview)
            assert (file, preview) == self.accepted
            assert file in FIT
            assert preview == b"of " + (file or b"")

    @invariant()
    def another_attachment_is_left_alone(self) -> None:
        """Whatever happens."""
        assert self.bucket.has(OTHER) == (b"other", None, None)

    def teardown(self) -> None:
        """In the end, when all events were served, there is what the row says, and nothing else."""
        while self.events or self.owed:
            if not self.events:
                self.come_again()
            event = self.events.pop()
            while self._step(event):
                self.what_was_accepted_stays()
        if self.deletion is not None:
            while inspect.getcoroutinestate(self.deletion) != inspect.CORO_CLOSED:
                self._step(self.deletion)
        upload, file, preview = self.bucket.has(PLACE)
        there = self.records.stored.get(PLACE)
        if there is not None:
            assert upload is None
            assert there.state == ("announced" if not self.has_put else "uploaded" if file else "refused")
            assert (file, preview) == (self.accepted or (None, None))
        # What a deletion has left that met an upload halfway is found by the sweep: the attachment is on its day's list.
        sweep = Sweep(records=self.records, objects=self.bucket, now=lambda: datetime.now(UTC))
        self._step(sweep._sweep_one(PLACE))
        assert self.bucket.has(PLACE) == (None, None, None)

    def _step(self, task: Coroutine[Any, Any, Any]) -> bool:
        """Whether the task goes on."""
        try:
            task.send(None)
        except StopIteration:
            return False
        return True


TestUploading = Uploading.TestCase
TestUploading.settings = settings(max_examples=300, stateful_step_count=20, deadline=None)


STEPS = range(16)
"""More than an event has."""


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("second", [FIT[0], FIT[1], UNFIT[0]])
@pytest.mark.parametrize("first", [FIT[0], UNFIT[0]])
def test_two_uploads_at_every_pair_of_steps(first: bytes, second: bytes, is_killed: bool) -> None:
    """A second file comes after each step of the first one's event, which goes on, or is killed, after each step of the
    second one's: every way in which two can meet, where the histories above are drawn."""
    for before, meanwhile in itertools.product(STEPS, STEPS):
        world = Uploading()
        world.put(first)
        world.go_on(0, before)
        world.put(second)
        world.go_on(len(world.events) - 1, meanwhile)
        if is_killed and len(world.events) == 2:
            world.kill(0)
        elif world.events:
            world.go_on(0, len(STEPS))
        world.teardown()

"""The sweep: what goes, what stays, and what a sweep that was cut off leaves to the next."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.attachments.objects import file_key, preview_key, upload_key
from functions.attachments.sweep import DAYS, MARGIN_SECONDS, MOST, Sweep, Swept
from functions.errors import InternalError, Unavailable
from functions.ids import IdFactory
from functions.store.attachments import Place, StoredAttachment
from functions.translations import Text
from tests.support.memory_attachments import MemoryAttachments
from tests.support.memory_bucket import MemoryBucket

NOW = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)


class World:
    """Rows, objects, and a clock that stands still."""

    def __init__(self) -> None:
        self.records, self.bucket = MemoryAttachments(), MemoryBucket()

    def announce(self, age: timedelta, *, used: bool = False) -> Place:
        """An attachment of that age, with all its objects."""
        made = NOW - age
        stored = StoredAttachment(
            id=IdFactory(clock=made.timestamp).new("attachment"),
            owner="alice",
            name="a.png",
            mime_type="image/png",
            size=1,
            created_at=made,
            state="uploaded",
        )
        asyncio.run(self.records.announce(stored))
        for key in (upload_key, file_key, preview_key):
            self.bucket.objects[key(stored.place)] = (b"x", "")
        if used:
            self.records.use("alice", IdFactory().new("thread"), [stored.id])
        return stored.place

    def sweep(self, *, seconds: float = 900, records: Any = None, objects: Any = None, most: int = MOST) -> Swept:
        sweep = Sweep(records=records or self.records, objects=objects or self.bucket, now=lambda: NOW, most=most)
        return asyncio.run(sweep.run(seconds_left=lambda: seconds))

    def left(self) -> set[Place]:
        """The attachments that have a row and all their objects; there are no others that have anything."""
        rows = set(self.records.stored)
        assert {key(place) for place in rows for key in (upload_key, file_key, preview_key)} == set(self.bucket.objects)
        return rows

    def listed(self) -> set[Place]:
        """What is on the lists of the days."""
        return set().union(*self.records._lists.values())


@pytest.fixture
def world() -> World:
    return World()


def test_what_no_message_holds_goes_after_a_day(world: World) -> None:
    """Row, upload, file and preview; what is younger stays, and what is in a message only leaves the list."""
    young = {world.announce(timedelta(hours=hours)) for hours in (0, 1, 15, 16, 23.99)}
    used = {world.announce(timedelta(hours=hours), used=True) for hours in (24.01, 48, 24 * 6)}
    for hours in (24, 24.01, 39, 40, 47, 48, 24 * 6):
        world.announce(timedelta(hours=hours))
    assert world.sweep() == Swept(deleted=7, kept=3)
    assert world.left() == young | used
    assert world.listed() == young


def test_a_sweep_looks_back_a_week(world: World) -> None:
    """Each day's list is read, the oldest first; nothing is read of days for which it is too early."""
    places = [world.announce(timedelta(days=days, hours=1)) for days in range(1, DAYS + 1)]
    days: list[int] = []
    announced_on = world.records.announced_on

    def watched(day: Any) -> Any:
        days.append((NOW.date() - day).days)
        return announced_on(day)

    world.records.announced_on = watched
    assert world.sweep() == Swept(deleted=len(places))
    assert days == [7, 6, 5, 4, 3, 2, 1]


def test_a_second_sweep_has_nothing_to_do(world: World) -> None:
    """Also where an attachment's own row was deleted by its user: then its objects are looked for once more."""
    place = world.announce(timedelta(days=2))
    asyncio.run(world.records.delete(place))
    assert world.sweep() == Swept(deleted=1)
    assert world.bucket.objects == {}
    assert world.sweep() == Swept()


@pytest.mark.parametrize("seconds", [0, MARGIN_SECONDS - 0.01])
def test_a_sweep_without_time_begins_nothing(world: World, seconds: float) -> None:
    """What is left is the next one's."""
    place = world.announce(timedelta(days=2))
    assert world.sweep(seconds=seconds) == Swept(is_whole=False)
    assert world.left() == world.listed() == {place}


def test_a_sweep_looks_at_so_many_and_no_more(world: World) -> None:
    """The next ones go on, until all is done."""
    for _ in range(100):
        world.announce(timedelta(days=2))
    assert world.sweep(most=40) == Swept(deleted=40, is_whole=False)
    assert len(world.left()) == len(world.listed()) == 60
    assert world.sweep(most=40) == Swept(deleted=40, is_whole=False)
    assert world.sweep(most=40) == Swept(deleted=20)


class Failing:
    """A port whose call number `failing` fails, before it is done or behind."""

    def __init__(self, port: object, failing: int, error: Callable[[], Exception], *, behind: bool) -> None:
        self._port = port
        self._left = failing
        self._error = error
        self._behind = behind
        self.has_failed = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name == "announced_on":
            return method

        async def call(*args: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.has_failed = True
                if self._behind:
                    await method(*args)
                raise self._error()
            return await method(*args)

        return call


class Killed(Exception):
    """The function ends here."""


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("port", ["records", "objects"])
@pytest.mark.parametrize("error", [Killed, lambda: Unavailable(Text.STORE_UNAVAILABLE), lambda: InternalError("")])
def test_what_a_sweep_leaves_is_the_next_ones(error: Callable[[], Exception], port: str, behind: bool) -> None:
    """Wherever it fails or is killed: nothing that is in use goes, and in the end all that is not has gone."""
    for failing in itertools.count(1):
        world = World()
        used = world.announce(timedelta(days=3), used=True)
        for hours in (30, 30, 60):
            world.announce(timedelta(hours=hours))
        faulty = Failing(world.records if port == "records" else world.bucket, failing, error, behind=behind)
        try:
            world.sweep(records=faulty if port == "records" else None, objects=faulty if port == "objects" else None)
        except (Killed, Unavailable, InternalError):
            assert faulty.has_failed
        if not faulty.has_failed:
            assert failing > 3
            return
        world.sweep()
        assert world.left() == {used}
        assert world.listed() == set()


def test_what_fails_keeps_nothing_else_back(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The rest is done, the counts are logged, and the run fails, so that somebody looks."""
    for _ in range(50):
        world.announce(timedelta(days=2))
    faulty = Failing(world.bucket, 7, lambda: Unavailable(Text.STORE_UNAVAILABLE), behind=False)
    with (
        caplog.at_level(logging.INFO, logger="functions"),
        pytest.raises(InternalError, match="1 attachments could not be swept"),
    ):
        world.sweep(objects=faulty)
    assert len(world.listed()) == 1
    [record] = [vars(record) for record in caplog.records if record.name == "functions.attachments.sweep"]
    assert {name: record[name] for name in ("deleted", "kept", "failed", "is_whole")} == {
        "deleted": 49,
        "kept": 0,
        "failed": 1,
        "is_whole": True,
    }

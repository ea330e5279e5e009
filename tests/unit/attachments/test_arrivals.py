"""What becomes of a file that S3 has taken."""

import asyncio
import logging
from datetime import UTC, datetime
from io import BytesIO

import pytest

from functions.attachments.arrivals import Arrivals
from functions.attachments.objects import file_key, preview_key, upload_key
from functions.errors import InternalError
from functions.ids import IdFactory, owner_digest
from functions.store.attachments import AttachmentState, Place, StoredAttachment
from tests.support import files
from tests.support.memory_attachments import MemoryAttachments
from tests.support.memory_bucket import MemoryBucket

PNG = files.picture(size=(40, 20))
OTHER_PNG = files.picture(size=(20, 40))
IDS = IdFactory()


class World:
    """Rows, objects, and what looks at uploads."""

    def __init__(self) -> None:
        self.records = MemoryAttachments()
        self.bucket = MemoryBucket()
        self.arrivals = Arrivals(records=self.records, arrived=self.bucket, objects=self.bucket)

    def announce(self, data: bytes = PNG, mime_type: str = "image/png") -> Place:
        stored = StoredAttachment(
            id=IDS.new("attachment"),
            owner="alice",
            name="Tax return.png",
            mime_type=mime_type,
            size=len(data),
            created_at=datetime.now(UTC),
        )
        asyncio.run(self.records.announce(stored))
        return stored.place

    def upload(self, place: Place, data: bytes = PNG) -> str:
        """PUTs, and tells of it."""
        return self.tell(self.bucket.upload(place, data))

    def tell(self, key: str) -> str:
        return asyncio.run(self.arrivals.handle(key))

    def state(self, place: Place) -> AttachmentState:
        return self.records.stored[place].state


@pytest.fixture
def world() -> World:
    return World()


def test_a_picture_that_is_what_was_announced_is_taken(world: World) -> None:
    """Its bytes are where no page can write, with a preview and their type; the upload is gone."""
    place = world.announce()
    assert world.upload(place) == "uploaded"
    upload, file, preview = world.bucket.has(place)
    assert (upload, file) == (None, PNG)
    assert preview is not None
    assert preview.startswith(b"RIFF")
    assert world.bucket.objects[file_key(place)][1] == "image/png"
    assert world.bucket.objects[preview_key(place)][1] == "image/webp"
    assert world.state(place) == "uploaded"


def test_a_file_that_is_no_picture_has_no_preview(world: World) -> None:
    """Only its bytes."""
    place = world.announce(files.PDF, "application/pdf")
    assert world.upload(place, files.PDF) == "uploaded"
    assert world.bucket.has(place) == (None, files.PDF, None)


@pytest.mark.parametrize(
    "data", [files.PROGRAM, PNG[:-1], PNG + b"x", PNG[:-1] + b"x" * 10_000_000, b"", b"x" * len(PNG)], ids=len
)
def test_what_was_not_announced_is_refused_and_gone(world: World, data: bytes) -> None:
    """Another type, or another size."""
    place = world.announce()
    assert world.upload(place, data) == "refused"
    assert world.bucket.objects == {}
    assert world.state(place) == "refused"


def test_what_is_too_large_is_not_even_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is told before its bytes."""
    place = world.announce()
    read = BytesIO()
    monkeypatch.setattr(world.arrivals, "_new_file", lambda: read)
    monkeypatch.setattr(read, "close", lambda: None)
    assert world.upload(place, bytes(len(PNG) + 1)) == "refused"
    assert read.getvalue() == b""


def test_what_is_uploaded_again_changes_nothing(world: World) -> None:
    """While its URL is good, a page may send other bytes, fit or not: they are deleted."""
    data = PNG.ljust(len(PNG))
    place = world.announce(data)
    world.upload(place, data)
    before = world.bucket.has(place)
    for again in (data, files.PROGRAM, OTHER_PNG):
        assert world.upload(place, again) == "uploaded"
        assert world.bucket.has(place) == before
    assert world.state(place) == "uploaded"


def test_what_was_refused_stays_refused(world: World) -> None:
    """Also where the right bytes come afterwards: the page has been told, and announces anew."""
    place = world.announce()
    world.upload(place, files.PROGRAM)
    assert world.upload(place) == "refused"
    assert world.bucket.objects == {}
    assert world.state(place) == "refused"


def test_an_event_that_comes_again_does_nothing(world: World) -> None:
    """Also long after; and one that comes where nothing is, because another was faster, does nothing either."""
    taken, refused, empty = (world.announce() for _ in range(3))
    world.upload(taken)
    world.upload(refused, files.PROGRAM)
    before = dict(world.bucket.objects)
    for _ in range(3):
        assert world.tell(upload_key(taken)) == "uploaded"
        assert world.tell(upload_key(refused)) == "refused"
        assert world.tell(upload_key(empty)) == "nothing"
    assert world.bucket.objects == before
    assert world.state(empty) == "announced"


def test_what_belongs_to_no_attachment_is_deleted(world: World) -> None:
    """Deleted meanwhile, with whatever an earlier event had made of it; never announced; or called as none is."""
    kept = world.announce()
    world.upload(kept)
    before = dict(world.bucket.objects)
    deleted = world.announce()
    world.bucket.objects |= {file_key(deleted): (PNG, ""), preview_key(deleted): (b"RIFF", "")}
    del world.records.stored[deleted]
    assert world.upload(deleted) == "gone"
    assert world.upload(Place.of("bob", deleted.id)) == "gone"
    for name in ("uploads/x", "uploads/", f"uploads/{owner_digest('alice')}/{kept.id}/x", "uploads/\u202e"):
        world.bucket.objects[name] = (PNG, "")
        assert world.tell(name) == "gone"
    assert world.bucket.objects == before


def test_other_objects_are_left_alone(world: World) -> None:
    """An event of what no page can have written is passed over, also where a row would fit."""
    place = world.announce()
    world.upload(place)
    del world.records.stored[place]
    for key in (file_key(place), preview_key(place), "items/x", "", "Uploads/x"):
        world.bucket.objects[key] = (b"x", "")
        assert world.tell(key) == "ignored"
        assert key in world.bucket.objects


def test_a_run_that_broke_off_is_finished_with_its_own_file(world: World) -> None:
    """What was accepted first stays, though other fit bytes have been uploaded since; the preview is the file's."""
    first, second = (files.picture(size=size, mode="P", optimize=False) for size in ((40, 20), (20, 40)))
    size = max(len(first), len(second)) + 10
    first, second = first.ljust(size, b"\0"), second.ljust(size, b"\0")
    place = world.announce(first)
    world.bucket.objects[file_key(place)] = (first, "image/png")
    assert world.upload(place, second) == "uploaded"
    alone = world.announce(first)
    world.upload(alone, first)
    assert world.bucket.has(place) == world.bucket.has(alone)


def test_a_file_that_comes_and_goes_is_told_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not go on for ever: the event comes again."""

    async def never(*_: object, **__: object) -> bool:
        return False

    place = world.announce()
    monkeypatch.setattr(world.bucket, "put_file", never)
    with pytest.raises(InternalError, match=f"the file of {place.id} comes and goes"):
        world.upload(place)


def test_a_refusal_is_logged_without_names(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An operator sees which attachment, and why; nothing of the user, the file's name or its bytes."""
    place = world.announce()
    with caplog.at_level(logging.INFO):
        world.upload(place, (b"SECRET" * 100)[: len(PNG)])
    [record] = caplog.records
    assert (vars(record)["attachment_id"], vars(record)["problem"]) == (place.id, "type")
    assert not [word for word in ("SECRET", "Tax", "alice") if word in str(vars(record))]

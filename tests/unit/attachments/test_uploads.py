"""Attachments from their announcement to the model."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from functions.attachments.limits import DIRECT_BYTES, UPLOAD_SECONDS, AttachmentLimits
from functions.attachments.objects import file_key, upload_key
from functions.attachments.uploads import MODEL_FILE_BYTES, WAIT_SECONDS, Uploads
from functions.errors import AttachmentRefused, ModelError, NotFound, RequestError
from functions.ids import IdFactory
from functions.limits import Counter, Holder
from functions.protocol.attachments import Attachment, FileAttachment, ImageAttachment
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import Place, Room, StoredAttachment
from functions.store.counters import Reached
from functions.translations import Text
from tests.support import virtual_time
from tests.support.counting import UNCOUNTED, within
from tests.support.memory_objects import HOST, MemoryObjects
from tests.support.memory_store import MemoryStore
from tests.support.threads import new_thread

T = TypeVar("T")

PNG = AttachmentCreateParams(name="../a.png", size=10, mime_type="image/png")
PDF = AttachmentCreateParams(name="b.pdf", size=10, mime_type="application/pdf")
LIMITS = AttachmentLimits(types={"image/png": 100, "application/pdf": 2 * MODEL_FILE_BYTES}, per_message=2)
THREAD = new_thread().id


class Files:
    """OpenAI's copies."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes, str]] = {}
        self.is_down = False

    async def upload(self, name: str, data: bytes, mime_type: str) -> str:
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = (name, data, mime_type)
        return file_id

    async def delete(self, file_id: str) -> None:
        if self.is_down:
            raise ModelError(Text.MODEL_UNREACHABLE)
        self.files.pop(file_id, None)


class World:
    """A service on memory, in virtual time."""

    def __init__(self, *, is_public: bool = True) -> None:
        self.store = MemoryStore()
        self.records = self.store.attachments
        self.objects = MemoryObjects(is_public=is_public)
        self.files = Files()
        self.uploads = Uploads(
            records=self.records,
            objects=self.objects,
            limits=LIMITS,
            ids=IdFactory(),
            now=lambda: datetime.now(UTC),
            files=lambda: self.files,
        )

    def do(self, coroutine: Awaitable[T]) -> T:
        async def do() -> T:
            return await coroutine

        return virtual_time.run(do())

    def uploaded(
        self, params: AttachmentCreateParams = PNG, *, owner: str = "alice", data: bytes = b"bytes"
    ) -> Attachment:
        """An attachment whose bytes have come and are good."""
        attachment = self.do(self.uploads.create(owner, params, UNCOUNTED))
        place = Place.of(owner, attachment.id)
        self.objects.objects[upload_key(place)] = data
        self.objects.accept(place)
        self.do(self.records.settle(place, "uploaded"))
        return attachment

    def stored(self, attachment: Attachment, owner: str = "alice") -> StoredAttachment:
        return self.records.stored[Place.of(owner, attachment.id)]


@pytest.fixture
def world() -> World:
    return World()


def reason(world: World, coroutine: Awaitable[Any]) -> tuple[str | None, str, bool]:
    with pytest.raises(RequestError) as caught:
        world.do(coroutine)
    return caught.value.field, caught.value.reason, caught.value.allow_retry


def test_an_upload_is_announced(world: World) -> None:
    """The page is told where these very bytes go; the picture is asked for later; the name is made harmless."""
    attachment = world.do(world.uploads.create("alice", PNG, UNCOUNTED))
    assert isinstance(attachment, ImageAttachment)
    assert (attachment.name, attachment.mime_type, attachment.preview_url) == ("a.png", "image/png", "lazy")
    descriptor = attachment.upload_descriptor
    assert descriptor is not None
    assert descriptor.method == "PUT"
    assert descriptor.headers == {"Content-Type": "image/png"}
    key = upload_key(Place.of("alice", attachment.id))
    assert str(descriptor.url).startswith(f"{HOST}/{key}?")
    assert str(descriptor.url).endswith(f"&length=10&seconds={UPLOAD_SECONDS}")
    assert world.stored(attachment).state == "announced"


def test_a_file_is_no_picture(world: World) -> None:
    """What is not a picture has nothing to show."""
    assert isinstance(world.do(world.uploads.create("alice", PDF, UNCOUNTED)), FileAttachment)


def test_what_is_not_taken_is_not_announced(world: World) -> None:
    """Type and size are checked before anything is stored."""
    wrong = AttachmentCreateParams(name="x", size=101, mime_type="image/png")
    assert reason(world, world.uploads.create("alice", wrong, UNCOUNTED)) == (
        "params.size",
        "attachment_too_large",
        False,
    )
    assert world.records.stored == {}


def test_where_there_is_no_room_nothing_is_announced(world: World) -> None:
    """The bytes are counted as announced, in the step that stores what is known of the file; others are not concerned."""
    alice, bob = Holder("user", "alice"), Holder("user", "bob")
    world.do(world.uploads.create("alice", PNG, within({alice: 19})))
    for more in (
        world.uploads.create("alice", PNG, within({alice: 19})),
        world.uploads.upload("alice", "a.png", "image/png", b"1234567890", within({alice: 19})),
    ):
        with pytest.raises(Reached) as caught:
            world.do(more)
        assert (caught.value.holder, caught.value.counter) == (alice, Counter.STORED_BYTES)
    assert len(world.records.stored) == 1
    assert world.objects.objects == {}
    world.do(world.uploads.upload("alice", "a.png", "image/png", b"123456789", within({alice: 19})))
    world.do(world.uploads.create("bob", PNG, within({bob: 10})))


def test_what_is_not_taken_is_not_counted(world: World) -> None:
    """A wrong file is told what is wrong with it, also by who has no room."""

    def counting(_size: int) -> AbstractAsyncContextManager[Room]:
        raise AssertionError("it was counted")

    wrong = AttachmentCreateParams(name="x", size=10**30, mime_type="image/png")
    assert reason(world, world.uploads.create("alice", wrong, counting))[1] == "attachment_too_large"
    empty = world.uploads.upload("alice", "a.png", "image/png", b"", counting)
    assert reason(world, empty)[1] == "attachment_empty"


def test_a_direct_upload_goes_where_a_page_would_send_it(world: World) -> None:
    """It is looked at as any other; what is too large for it is told so by size."""
    attachment = world.do(world.uploads.upload("alice", "a.png", "image/png", b"bytes", UNCOUNTED))
    place = Place.of("alice", attachment.id)
    assert attachment.upload_descriptor is None
    assert world.objects.objects == {upload_key(place): b"bytes"}
    assert world.stored(attachment).size == 5
    large = world.uploads.upload("alice", "a.pdf", "application/pdf", bytes(DIRECT_BYTES + 1), UNCOUNTED)
    assert reason(world, large) == ("file", "attachment_too_large", False)


def test_a_messages_attachments_are_the_users_own(world: World) -> None:
    """In the order given, each once, as the thread's."""
    one, two = world.uploaded(), world.uploaded(PDF)
    ready = world.do(world.uploads.ready("alice", [two.id, one.id, two.id], THREAD))
    assert [(each.id, each.thread_id) for each in ready] == [(two.id, THREAD), (one.id, THREAD)]
    assert all(each.upload_descriptor is None for each in ready)
    assert reason(world, world.uploads.ready("bob", [one.id], THREAD)) == (None, "attachment_not_found", False)
    assert reason(world, world.uploads.ready("alice", ["atc_1"], THREAD)) == (None, "attachment_not_found", False)


def test_a_message_takes_so_many(world: World) -> None:
    """One more is refused before anything is read."""
    ids = [world.uploaded().id for _ in range(3)]
    told = reason(world, world.uploads.ready("alice", ids, THREAD))
    assert told == ("params.input.attachments", "attachments_too_many", False)


def test_one_in_another_thread_is_not_there(world: World) -> None:
    """An attachment belongs to the thread of its first message; there it may be sent again."""
    attachment, thread = world.uploaded(), new_thread()
    world.do(world.store.create_thread("alice", thread, [], attachments=[attachment.id]))
    assert world.do(world.uploads.ready("alice", [attachment.id], thread.id))
    assert reason(world, world.uploads.ready("alice", [attachment.id], THREAD))[1] == "attachment_not_found"


def test_one_that_was_refused_is_told_by_its_place(world: World) -> None:
    """The field names which one it was."""
    good, bad = world.uploaded(), world.do(world.uploads.create("alice", PNG, UNCOUNTED))
    world.do(world.records.settle(Place.of("alice", bad.id), "refused"))
    told = reason(world, world.uploads.ready("alice", [good.id, bad.id], THREAD))
    assert told == ("params.input.attachments.1", "attachment_refused", False)


def test_one_that_is_on_its_way_is_waited_for(world: World) -> None:
    """It may take a moment until the bytes have been looked at."""
    attachment = world.do(world.uploads.create("alice", PNG, UNCOUNTED))

    async def arrive() -> list[Attachment]:
        waiting = asyncio.create_task(world.uploads.ready("alice", [attachment.id], THREAD))
        await asyncio.sleep(WAIT_SECONDS / 2)
        assert not waiting.done()
        await world.records.settle(Place.of("alice", attachment.id), "uploaded")
        return await waiting

    assert [one.id for one in world.do(arrive())] == [attachment.id]


def test_one_that_does_not_come_is_not_waited_for_for_ever(world: World) -> None:
    """The user is told, and may try again."""
    attachment = world.do(world.uploads.create("alice", PNG, UNCOUNTED))

    async def wait() -> float:
        with pytest.raises(AttachmentRefused) as caught:
            await world.uploads.ready("alice", [attachment.id], THREAD)
        assert (caught.value.reason, caught.value.allow_retry) == ("attachment_not_ready", True)
        return asyncio.get_running_loop().time()

    assert WAIT_SECONDS <= world.do(wait()) <= WAIT_SECONDS + 1


def test_a_preview_is_signed_when_it_is_asked_for(world: World) -> None:
    """Each time anew, and for its own user only; of a refused upload there is none."""
    attachment = world.uploaded()
    first, second = [world.do(world.uploads.preview("alice", attachment.id)) for _ in range(2)]
    assert isinstance(first, ImageAttachment)
    assert isinstance(second, ImageAttachment)
    assert first.preview_url != second.preview_url
    assert str(first.preview_url).startswith(f"{HOST}/previews/")
    assert reason(world, world.uploads.preview("bob", attachment.id))[1] == "attachment_not_found"
    refused = world.do(world.uploads.create("alice", PNG, UNCOUNTED))
    world.do(world.records.settle(Place.of("alice", refused.id), "refused"))
    told = reason(world, world.uploads.preview("alice", refused.id))
    assert told == ("params.attachment_id", "attachment_refused", False)
    assert isinstance(world.do(world.uploads.preview("alice", world.uploaded(PDF).id)), FileAttachment)


def test_what_a_message_shows_is_signed_without_a_request(world: World) -> None:
    """A stored picture is shown by a URL of this moment; a file, and an upload on its way, as they are."""
    attachment = world.uploaded()
    (ready,) = world.do(world.uploads.ready("alice", [attachment.id], THREAD))
    shown = world.uploads.shown("alice", ready)
    assert isinstance(shown, ImageAttachment)
    assert str(shown.preview_url).startswith(f"{HOST}/previews/")
    assert world.uploads.shown("alice", attachment) is attachment
    file = world.uploaded(PDF)
    assert world.uploads.shown("alice", file) is file


def test_a_download_is_for_what_is_there(world: World) -> None:
    """Neither what is on its way, nor what is somebody else's."""
    attachment = world.uploaded(PDF)
    assert world.do(world.uploads.download_url("alice", attachment.id)).startswith(f"{HOST}/files/")
    waiting = world.do(world.uploads.create("alice", PNG, UNCOUNTED))
    for owner, one in (("bob", attachment), ("alice", waiting)):
        assert reason(world, world.uploads.download_url(owner, one.id))[1] == "attachment_not_found"


def test_a_deleted_one_is_gone_with_its_bytes(world: World) -> None:
    """Its own user's, and nobody else's; once."""
    attachment, other = world.uploaded(), world.uploaded()
    assert reason(world, world.uploads.delete("bob", attachment.id))[1] == "attachment_not_found"
    world.do(world.uploads.delete("alice", attachment.id))
    assert set(world.records.stored) == {Place.of("alice", other.id)}
    assert all(other.id in key for key in world.objects.objects)
    with pytest.raises(NotFound):
        world.do(world.uploads.delete("alice", attachment.id))


def test_the_model_is_given_urls(world: World) -> None:
    """Where it can fetch them: pictures and files, each as its own part."""
    picture, file = world.uploaded(), world.uploaded(PDF)
    parts = world.do(world.uploads.for_model("alice", [picture, file]))
    assert parts[picture.id]["type"] == "input_image"
    assert parts[picture.id]["image_url"].startswith(f"{HOST}/{file_key(Place.of('alice', picture.id))}?")
    assert parts[file.id].keys() == {"type", "file_url"}
    assert parts[file.id]["file_url"].startswith(f"{HOST}/files/")


def test_the_model_is_given_bytes_where_it_cannot_fetch_them() -> None:
    """As data URLs, a file with its name; what is gone is missing."""
    world = World(is_public=False)
    picture, file, gone, lost = world.uploaded(data=b"p"), world.uploaded(PDF), world.uploaded(PDF), world.uploaded()
    world.do(world.uploads.delete("alice", gone.id))
    world.objects.objects.pop(file_key(Place.of("alice", lost.id)))
    assert world.do(world.uploads.for_model("alice", [picture, file, gone, lost])) == {
        picture.id: {"type": "input_image", "image_url": "data:image/png;base64,cA==", "detail": "auto"},
        file.id: {"type": "input_file", "filename": "b.pdf", "file_data": "data:application/pdf;base64,Ynl0ZXM="},
    }


def test_a_large_file_is_copied_to_openai_once() -> None:
    """Its copy's name is remembered, used again, and deleted with it."""
    world = World(is_public=False)
    data = bytes(MODEL_FILE_BYTES + 1)
    file = world.uploaded(AttachmentCreateParams(name="b.pdf", size=len(data), mime_type="application/pdf"), data=data)
    for _ in range(2):
        parts = world.do(world.uploads.for_model("alice", [file]))
        assert parts == {file.id: {"type": "input_file", "file_id": "file-0"}}
    assert world.files.files == {"file-0": ("b.pdf", data, "application/pdf")}
    world.do(world.uploads.delete("alice", file.id))
    assert world.files.files == {}


@pytest.mark.parametrize("is_down", [False, True])
def test_a_thread_that_is_gone_takes_its_attachments_along(*, is_down: bool) -> None:
    """Rows, objects and copies; what OpenAI does not delete now keeps nothing else from being deleted."""
    world = World(is_public=False)
    thread = new_thread()
    data = bytes(MODEL_FILE_BYTES + 1)
    file = world.uploaded(AttachmentCreateParams(name="b.pdf", size=len(data), mime_type="application/pdf"), data=data)
    picture, other = world.uploaded(), world.uploaded()
    world.do(world.uploads.for_model("alice", [file]))
    world.do(world.store.create_thread("alice", thread, [], attachments=[file.id, picture.id]))
    world.do(world.store.delete_thread("alice", thread.id))
    world.files.is_down = is_down
    for _ in range(2):
        world.do(world.uploads.delete_thread("alice", thread.id))
    assert set(world.records.stored) == {Place.of("alice", other.id)}
    assert all(other.id in key for key in world.objects.objects)
    assert bool(world.files.files) == is_down

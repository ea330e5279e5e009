"""What is deleted when a thread is gone."""

import asyncio
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from functions.attachments.images import Picture
from functions.attachments.limits import AttachmentLimits
from functions.attachments.uploads import Uploads
from functions.engine.deletions import Deletions
from functions.errors import Unavailable
from functions.ids import IdFactory
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import Place
from functions.store.base import MAX_PAGE
from functions.translations import Text
from tests.support.counting import UNCOUNTED
from tests.support.memory_images import MemoryImages
from tests.support.memory_objects import MemoryObjects
from tests.support.memory_store import MemoryStore
from tests.support.threads import new_thread, new_user, user_message

PICTURE = Picture(b"bytes", "image/png")
NOTHING = (0, 0, 0, 0)
ALL = (1, 1, 1, 2)


class _Ground:
    """A user's thread with a message, an attachment in it, and a picture."""

    def __init__(self) -> None:
        self.store, self.images, self.objects = MemoryStore(), MemoryImages(), MemoryObjects()
        self.uploads = Uploads(
            records=self.store.attachments,
            objects=self.objects,
            limits=AttachmentLimits(),
            ids=IdFactory(),
            now=lambda: datetime.now(UTC),
        )
        self.deletions = Deletions(store=self.store, images=self.images, attachments=self.uploads)
        self.user, self.thread = new_user(), new_thread()
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        attachment = await self.attach()
        message = user_message(self.thread.id)
        await self.store.create_thread(self.user, self.thread, [message], attachments=[attachment])
        await self.images.put(self.user, self.thread.id, PICTURE)

    async def attach(self) -> str:
        """The id of an attachment that is uploaded."""
        params = AttachmentCreateParams(name="a.png", size=5, mime_type="image/png")
        attachment_id = (await self.uploads.create(self.user, params, UNCOUNTED)).id
        place = Place.of(self.user, attachment_id)
        self.objects.accept(place)
        await self.store.attachments.settle(place, "uploaded")
        return attachment_id

    def delete(self) -> None:
        asyncio.run(self.store.delete_thread(self.user, self.thread.id))

    def finish(self) -> bool:
        return asyncio.run(self.deletions.finish(self.user, self.thread.id))

    def left(self) -> tuple[int, int, int, int]:
        """How many items, pictures, attachments and objects of them there are."""
        listing = self.store.list_items(self.user, self.thread.id, after=None, limit=MAX_PAGE, order="asc", hidden=True)
        attachments = len(self.store.attachments.stored)
        return len(asyncio.run(listing).data), len(self.images.pictures), attachments, len(self.objects.objects)


def test_what_a_thread_has_left_goes() -> None:
    """Items, attachments and pictures, however often the end of the thread is told."""
    ground = _Ground()
    ground.delete()
    assert ground.left() == ALL
    for _ in range(2):
        assert ground.finish()
        assert ground.left() == NOTHING


def test_a_thread_that_is_there_keeps_everything() -> None:
    """An end that is told of a thread that is there is no end of it."""
    ground = _Ground()
    assert not ground.finish()
    assert ground.left() == ALL


def test_attachments_of_no_thread_and_of_others_stay() -> None:
    """What is not sent yet, and what is in another thread, is none of the thread's."""
    ground = _Ground()
    other = new_thread()
    unused, used = asyncio.run(ground.attach()), asyncio.run(ground.attach())
    asyncio.run(ground.store.create_thread(ground.user, other, [user_message(other.id)], attachments=[used]))
    ground.delete()
    assert ground.finish()
    assert {place.id for place in ground.store.attachments.stored} == {unused, used}
    assert len(ground.objects.objects) == 4


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    ("port", "operation"),
    [
        ("attachments", "of_thread"),
        ("attachments", "load"),
        ("objects", "delete"),
        ("attachments", "delete"),
        ("store", "load_thread"),
        ("store", "delete_contents"),
        ("images", "delete_thread"),
    ],
)
def test_a_deletion_that_broke_off_is_finished(
    port: str, operation: str, behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it was, before or behind what failed: the next call deletes the rest."""
    ground = _Ground()
    ground.delete()
    ports: dict[str, Any] = {
        "attachments": ground.store.attachments,
        "objects": ground.objects,
        "store": ground.store,
        "images": ground.images,
    }
    method = getattr(ports[port], operation)

    async def unavailable(*args: Any) -> NoReturn:
        if behind:
            try:
                await method(*args)
            except Exception as error:
                raise Unavailable(Text.STORE_UNAVAILABLE) from error
        raise Unavailable(Text.STORE_UNAVAILABLE)

    with monkeypatch.context() as patch:
        patch.setattr(ports[port], operation, unavailable)
        with pytest.raises(Unavailable):
            ground.finish()
    assert ground.finish()
    assert ground.left() == NOTHING

"""What is deleted when a thread is gone."""

import asyncio
from typing import NoReturn

import pytest

from functions.attachments.images import Picture
from functions.engine.deletions import Deletions
from functions.errors import Unavailable
from functions.store.base import MAX_PAGE
from tests.support.memory_images import MemoryImages
from tests.support.memory_store import MemoryStore
from tests.support.threads import new_thread, new_user, user_message

PICTURE = Picture(b"bytes", "image/png")


class _Ground:
    """A user's thread with a message and a picture."""

    def __init__(self) -> None:
        self.store, self.images = MemoryStore(), MemoryImages()
        self.deletions = Deletions(store=self.store, images=self.images)
        self.user, self.thread = new_user(), new_thread()
        asyncio.run(self.store.create_thread(self.user, self.thread, [user_message(self.thread.id)]))
        asyncio.run(self.images.put(self.user, self.thread.id, PICTURE))

    def delete(self) -> None:
        asyncio.run(self.store.delete_thread(self.user, self.thread.id))

    def finish(self) -> bool:
        return asyncio.run(self.deletions.finish(self.user, self.thread.id))

    def left(self) -> tuple[int, int]:
        """How many items and pictures there are."""
        listing = self.store.list_items(self.user, self.thread.id, after=None, limit=MAX_PAGE, order="asc", hidden=True)
        return len(asyncio.run(listing).data), len(self.images.pictures)


def test_what_a_thread_has_left_goes() -> None:
    """Items and pictures, however often the end of the thread is told."""
    ground = _Ground()
    ground.delete()
    assert ground.left() == (1, 1)
    for _ in range(2):
        assert ground.finish()
        assert ground.left() == (0, 0)


def test_a_thread_that_is_there_keeps_everything() -> None:
    """An end that is told of a thread that is there is no end of it."""
    ground = _Ground()
    assert not ground.finish()
    assert ground.left() == (1, 1)


def test_a_deletion_that_broke_off_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pictures could not be deleted, the next call deletes them, though the items are gone already."""
    ground = _Ground()
    ground.delete()

    async def unavailable(*_: str) -> NoReturn:
        raise Unavailable("the bucket does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(ground.images, "delete_thread", unavailable)
        with pytest.raises(Unavailable):
            ground.finish()
    assert ground.left() == (0, 1)
    assert ground.finish()
    assert ground.left() == (0, 0)

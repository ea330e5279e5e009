"""The second half of a thread's deletion: what it has left. The first, its row, is one write of the request."""

from functions.attachments.base import AttachmentStore, ImageStore
from functions.errors import NotFound
from functions.store.base import Store


class Deletions:
    """Finishes what users, or the threads' own time, have begun."""

    def __init__(self, *, store: Store, images: ImageStore, attachments: AttachmentStore) -> None:
        self._store = store
        self._images = images
        self._attachments = attachments

    async def finish(self, user: str, thread_id: str) -> bool:
        """Deletes what a thread has left: attachments, items, turn, feedback, pictures. Nothing where the thread is there.

        Returns whether the thread was gone. It may be called again, also after it broke off. Raises as `Store` does.
        """
        if await self._is_there(user, thread_id):
            return False
        # First: which attachments a thread had is written among its contents.
        await self._attachments.delete_thread(user, thread_id)
        if not await self._store.delete_contents(user, thread_id):
            return False
        await self._images.delete_thread(user, thread_id)
        return True

    async def _is_there(self, user: str, thread_id: str) -> bool:
        try:
            await self._store.load_thread(user, thread_id)
        except NotFound:
            return False
        return True

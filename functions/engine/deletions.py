"""The second half of a thread's deletion: what it has left. The first, its row, is one write of the request."""

from functions.attachments.base import ImageStore
from functions.store.base import Store


class Deletions:
    """Finishes what users, or the threads' own time, have begun."""

    def __init__(self, *, store: Store, images: ImageStore) -> None:
        self._store = store
        self._images = images

    async def finish(self, user: str, thread_id: str) -> bool:
        """Deletes what a thread has left: items, turn, feedback, pictures. Does nothing where the thread is there.

        Returns whether the thread was gone. It may be called again, also after it broke off. Raises as `Store` does.
        """
        if not await self._store.delete_contents(user, thread_id):
            return False
        await self._images.delete_thread(user, thread_id)
        return True

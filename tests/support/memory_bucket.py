"""The bucket of attachments in memory: for what happens when S3 has taken a file."""

from typing import IO

from functions.attachments.objects import PREVIEW_TYPE, file_key, preview_key, upload_key
from functions.store.attachments import Place


class MemoryBucket:
    """Implements `functions.attachments.arrivals.ArrivedObjects`, and `DeletesObjects`."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        """Each object's bytes and type, by its name."""

    def upload(self, place: Place, data: bytes) -> str:
        """Does what a page does. Returns the object's name."""
        self.objects[upload_key(place)] = (data, "")
        return upload_key(place)

    def has(self, place: Place) -> tuple[bytes | None, bytes | None, bytes | None]:
        """The bytes of an attachment's upload, file and preview."""
        upload, file, preview = (
            self.objects.get(key(place), (None, ""))[0] for key in (upload_key, file_key, preview_key)
        )
        return upload, file, preview

    async def read_upload(self, place: Place, into: IO[bytes], *, most: int) -> int | None:
        if upload_key(place) not in self.objects:
            return None
        data, _ = self.objects[upload_key(place)]
        if len(data) <= most:
            into.write(data)
        return len(data)

    async def read_file(self, place: Place, into: IO[bytes]) -> bool:
        if file_key(place) not in self.objects:
            return False
        into.write(self.objects[file_key(place)][0])
        return True

    async def put_file(self, place: Place, data: IO[bytes], *, mime_type: str) -> bool:
        if file_key(place) in self.objects:
            return False
        self.objects[file_key(place)] = (data.read(), mime_type)
        return True

    async def put_preview(self, place: Place, data: bytes) -> None:
        self.objects[preview_key(place)] = (data, PREVIEW_TYPE)

    async def delete_upload(self, key: str) -> None:
        self.objects.pop(key, None)

    async def delete(self, place: Place) -> None:
        for key in (upload_key, file_key, preview_key):
            self.objects.pop(key(place), None)

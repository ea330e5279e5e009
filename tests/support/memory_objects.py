"""Attachments' objects in memory. Each URL that is given is another one, as signed ones are."""

from itertools import count

from functions.attachments.base import UploadTarget
from functions.attachments.objects import file_key, preview_key, upload_key
from functions.store.attachments import Place

HOST = "https://files.example"


class MemoryObjects:
    """Implements `functions.attachments.base.Objects`."""

    def __init__(self, *, is_public: bool = True) -> None:
        self.objects: dict[str, bytes] = {}
        self._is_public = is_public
        self._signature = count(1)

    def upload_target(self, place: Place, *, size: int, mime_type: str, seconds: int) -> UploadTarget:
        url = f"{self._signed(upload_key(place))}&length={size}&seconds={seconds}"
        return UploadTarget(url, {"Content-Type": mime_type})

    def preview_url(self, place: Place) -> str:
        return self._signed(preview_key(place))

    def download_url(self, place: Place, *, name: str, mime_type: str) -> str:
        return self._signed(file_key(place))

    def model_url(self, place: Place) -> str | None:
        return self._signed(file_key(place)) if self._is_public else None

    async def put_upload(self, place: Place, data: bytes, *, mime_type: str) -> None:
        self.objects[upload_key(place)] = data

    async def read(self, place: Place) -> bytes | None:
        return self.objects.get(file_key(place))

    async def delete(self, place: Place) -> None:
        for key in (upload_key(place), file_key(place), preview_key(place)):
            self.objects.pop(key, None)

    def accept(self, place: Place) -> None:
        """What becomes of an upload that is what it was said to be."""
        data = self.objects.pop(upload_key(place), b"bytes")
        self.objects |= {file_key(place): data, preview_key(place): b"preview"}

    def _signed(self, key: str) -> str:
        return f"{HOST}/{key}?signature={next(self._signature)}"

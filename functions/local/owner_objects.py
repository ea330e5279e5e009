"""All that the bucket holds of one owner, for an operator's commands: everything under the owner's digest."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from functions import aws_objects
from functions.attachments.bucket import IMAGES_PREFIX
from functions.attachments.objects import FILES_PREFIX, PREVIEWS_PREFIX, UPLOADS_PREFIX
from functions.aws_calls import call
from functions.ids import owner_digest
from functions.store.large_items import PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIXES: Final = (PREFIX, IMAGES_PREFIX, UPLOADS_PREFIX, FILES_PREFIX, PREVIEWS_PREFIX)
"""Of every object that there is: behind each stands the owner's digest."""


class OwnerObjects:
    """Reads and deletes an owner's objects. Raises `Unavailable` and `InternalError`."""

    def __init__(self, *, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def names(self, owner: str, prefixes: tuple[str, ...] = PREFIXES, *, below: str = "") -> list[str]:
        """The names of all objects under some of `PREFIXES`, or of those `below` a further part of their names."""
        return [name for prefix in prefixes async for page in self._pages(owner, prefix, below) for name in page]

    async def read(self, name: str) -> bytes | None:
        """An object's bytes; None where it is gone."""
        try:
            return await call(self._read, name)
        except ClientError:
            # `call` lets one code of GetObject through: NoSuchKey.
            return None

    async def delete_all(self, owner: str) -> int:
        """Deletes every object; returns how many there were. What comes meanwhile may be left."""
        deleted = 0
        for prefix in PREFIXES:
            async for page in self._pages(owner, prefix):
                await aws_objects.delete(self._client, self._bucket, page)
                deleted += len(page)
        return deleted

    async def _pages(self, owner: str, prefix: str, below: str = "") -> AsyncIterator[list[str]]:
        """Up to 1,000 names at a time."""
        under = f"{prefix}{owner_digest(owner)}/{below}"
        after = ""
        while True:
            listed = await call(self._client.list_objects_v2, Bucket=self._bucket, Prefix=under, StartAfter=after)
            names = [entry["Key"] for entry in listed.get("Contents", []) if "Key" in entry]
            if names:
                yield names
                after = names[-1]
            if not listed["IsTruncated"]:
                return

    def _read(self, name: str) -> bytes:
        with self._client.get_object(Bucket=self._bucket, Key=name)["Body"] as body:
            return body.read()

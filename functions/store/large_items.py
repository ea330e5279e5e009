"""The items that are too large for a row: their documents lie in S3.

An object is named `items/` user digest `/` thread id `/` item id `/` random part. Each version of an item is an object
of its own, stored before the row that points at it: so a row never points at what is not there yet, and a reader of
the old row still finds the old object. What a thread has left behind goes with it, as all of it shares a prefix.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from functions import aws_objects
from functions.aws_calls import call
from functions.ids import owner_digest
from functions.store.rows import Packed, Pointer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "items/"
"""Where in the bucket these objects lie."""


class ObjectGone(Exception):
    """The object is not there: its item was deleted after the row was read."""


class LargeItems:
    """The documents in S3. The functions' role needs `s3:ListBucket` too: without it S3 answers 403 for what is gone."""

    def __init__(self, *, client: Callable[[], "S3Client"], bucket: str) -> None:
        """`client` makes the S3 client when the first large item comes: most functions never meet one."""
        self._make_client = client
        self._bucket = bucket

    @cached_property
    def _client(self) -> "S3Client":
        return self._make_client()

    async def put(self, items: Sequence[Packed]) -> None:
        """Stores the objects of those items that have one."""
        await asyncio.gather(
            *(
                call(
                    self._client.put_object,
                    Bucket=self._bucket,
                    Key=item.pointer.key,
                    Body=item.body,
                    ContentType="application/zlib",
                )
                for item in items
                if item.pointer
            )
        )

    async def get(self, pointer: Pointer) -> bytes:
        """The object's bytes, unchecked. Raises `ObjectGone`."""
        try:
            return await call(self._read, pointer.key)
        except ClientError:
            # `call` lets one code of GetObject through: NoSuchKey.
            raise ObjectGone from None

    def _read(self, key: str) -> bytes:
        with self._client.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
            return body.read()

    async def delete(self, object_keys: Sequence[str]) -> None:
        """Deletes these objects, up to 1,000."""
        await aws_objects.delete(self._client, self._bucket, object_keys)

    async def delete_below(self, prefix: str) -> None:
        """Deletes every object under a prefix that `thread_prefix` or `item_prefix` has given."""
        await aws_objects.delete_below(self._client, self._bucket, prefix)


def thread_prefix(user: str, thread_id: str) -> str:
    """What the names of all objects of a thread begin with."""
    return f"{PREFIX}{owner_digest(user)}/{thread_id}/"


def item_prefix(user: str, thread_id: str, item_id: str) -> str:
    """What the names of all objects of an item begin with."""
    return f"{thread_prefix(user, thread_id)}{item_id}/"


def new_key(user: str, thread_id: str, item_id: str) -> str:
    """A name for a new version of an item; no two are the same."""
    return item_prefix(user, thread_id, item_id) + secrets.token_hex(8)

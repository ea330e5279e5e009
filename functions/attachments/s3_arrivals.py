"""Uploads in S3, as the attachment function reads and accepts them."""

from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from typing import IO, TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from functions.attachments.objects import PREVIEW_TYPE, file_key, preview_key, upload_key
from functions.aws_calls import call
from functions.store.attachments import Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK: Final = 1_048_576
_IF_NONE: Final = "*"
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


class S3Arrivals:
    """Implements `functions.attachments.arrivals.ArrivedObjects`.

    The attachment function's role may not list the bucket, so S3 tells it of an object that is gone that it is forbidden.
    That is where another run has just dealt with the upload: the event fails, and comes again to a row that is settled.
    """

    def __init__(self, *, client: Callable[[], "S3Client"], bucket: str) -> None:
        """`client` makes the S3 client when it is first needed."""
        self._make_client = client
        self._bucket = bucket

    @cached_property
    def _client(self) -> "S3Client":
        return self._make_client()

    async def read_upload(self, place: Place, into: IO[bytes], *, most: int) -> int | None:
        """See `ArrivedObjects`. One request."""
        try:
            return await call(self._read, upload_key(place), into, most)
        except ClientError:
            # `call` lets one code of GetObject through: NoSuchKey.
            return None

    async def read_file(self, place: Place, into: IO[bytes]) -> bool:
        """See `ArrivedObjects`."""
        try:
            await call(self._read, file_key(place), into, None)
        except ClientError:
            return False
        return True

    async def put_file(self, place: Place, data: IO[bytes], *, mime_type: str) -> bool:
        """See `ArrivedObjects`. Whoever fetches it without more ado saves it: no file runs on the bucket's origin."""
        try:
            await call(
                self._client.put_object,
                Bucket=self._bucket,
                Key=file_key(place),
                Body=data,
                ContentType=mime_type,
                ContentDisposition="attachment",
                IfNoneMatch=_IF_NONE,
            )
        except ClientError:
            # PreconditionFailed.
            return False
        return True

    async def put_preview(self, place: Place, data: bytes) -> None:
        """See `ArrivedObjects`."""
        await call(
            self._client.put_object, Bucket=self._bucket, Key=preview_key(place), Body=data, ContentType=PREVIEW_TYPE
        )

    async def delete_upload(self, key: str) -> None:
        """See `ArrivedObjects`."""
        await call(self._client.delete_object, Bucket=self._bucket, Key=key)

    def _read(self, key: str, into: IO[bytes], most: int | None) -> int:
        answer = self._client.get_object(Bucket=self._bucket, Key=key)
        # The body itself, which raises where it ends too early; entered, it gives the raw stream.
        with closing(answer["Body"]) as body:
            if most is None or answer["ContentLength"] <= most:
                for chunk in body.iter_chunks(_CHUNK):
                    into.write(chunk)
        return answer["ContentLength"]

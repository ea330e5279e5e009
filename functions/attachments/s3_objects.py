"""Attachments' objects in S3. Pages send and fetch bytes by presigned URLs; none passes through a function."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from functions import aws_objects
from functions.attachments.base import UploadTarget
from functions.attachments.objects import (
    PREVIEW_TYPE,
    content_disposition,
    file_key,
    preview_key,
    served_type,
    upload_key,
)
from functions.aws_calls import call
from functions.store.attachments import Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREVIEW_SECONDS: Final = 3600
DOWNLOAD_SECONDS: Final = 300
MODEL_SECONDS: Final = 3600
"""How long URLs are good. On Lambda no longer than the role's own credentials are, which last for hours."""
_CACHE_CONTROL: Final = "private, max-age=3600"


class S3Objects:
    """Implements `functions.attachments.base.Objects`. The client must sign by `s3v4`."""

    def __init__(self, *, client: Callable[[], "S3Client"], bucket: str, is_public: bool = True) -> None:
        """`client` makes the S3 client when it is first needed.

        `is_public`: whether the bucket's address can be reached from anywhere, as on AWS; that of a stand-in cannot.
        """
        self._make_client = client
        self._bucket = bucket
        self._is_public = is_public

    @cached_property
    def _client(self) -> "S3Client":
        return self._make_client()

    def upload_target(self, place: Place, *, size: int, mime_type: str, seconds: int) -> UploadTarget:
        """See `Objects`. Length and type are signed: S3 refuses bytes of another length, or another `Content-Type`."""
        url = self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": upload_key(place),
                "ContentType": mime_type,
                "ContentLength": size,
            },
            ExpiresIn=seconds,
        )
        # A browser sends the length by itself, and lets no page set it.
        return UploadTarget(url, {"Content-Type": mime_type})

    def preview_url(self, place: Place) -> str:
        """See `Objects`."""
        return self._get_url(
            preview_key(place), PREVIEW_SECONDS, ResponseContentType=PREVIEW_TYPE, ResponseCacheControl=_CACHE_CONTROL
        )

    def download_url(self, place: Place, *, name: str, mime_type: str) -> str:
        """See `Objects`. The browser saves the file, whatever it is: nothing of a user's runs on the bucket's origin."""
        return self._get_url(
            file_key(place),
            DOWNLOAD_SECONDS,
            ResponseContentDisposition=content_disposition(name),
            ResponseContentType=served_type(mime_type),
        )

    def model_url(self, place: Place) -> str | None:
        """See `Objects`."""
        return self._get_url(file_key(place), MODEL_SECONDS) if self._is_public else None

    async def put_upload(self, place: Place, data: bytes, *, mime_type: str) -> None:
        """See `Objects`."""
        await call(
            self._client.put_object, Bucket=self._bucket, Key=upload_key(place), Body=data, ContentType=mime_type
        )

    async def read(self, place: Place) -> bytes | None:
        """See `Objects`."""
        try:
            return await call(self._read, file_key(place))
        except ClientError:
            # `call` lets one code of GetObject through: NoSuchKey.
            return None

    async def delete(self, place: Place) -> None:
        """See `Objects`. One request."""
        names = [key(place) for key in (upload_key, file_key, preview_key)]
        await aws_objects.delete(self._client, self._bucket, names)

    def _read(self, key: str) -> bytes:
        with self._client.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
            return body.read()

    def _get_url(self, key: str, seconds: int, **parameters: Any) -> str:
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key, **parameters}, ExpiresIn=seconds
        )

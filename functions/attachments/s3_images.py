"""Pictures in S3, served by presigned URLs.

An object is named `images/` user digest `/` thread id `/` name: what a thread has left behind shares a prefix.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from functions import aws_objects
from functions.attachments.bucket import IMAGES_PREFIX
from functions.attachments.images import Picture, media_type_of, name_of, new_name, reference, to_data_url
from functions.aws_calls import call
from functions.ids import owner_digest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS: Final = 3600
"""How long a URL is good. On Lambda no longer than the role's own credentials are, which last for hours."""
_CACHE_CONTROL: Final = "private, max-age=31536000, immutable"
"""Under one URL there is always the same picture, and it is its user's alone."""


class S3Images:
    """An `ImageStore`. The client must sign by `s3v4`: the older signature, botocore's default here, is not for all regions.

    The functions' role needs `s3:ListBucket` too, to delete what a thread has left.
    """

    def __init__(self, *, client: Callable[[], "S3Client"], bucket: str, is_public: bool = True) -> None:
        """`client` makes the S3 client for the first picture. `is_public`: whether the bucket's address can be reached from
        anywhere, as on AWS; that of a stand-in on one machine cannot."""
        self._make_client = client
        self._bucket = bucket
        self._is_public = is_public

    @cached_property
    def _client(self) -> "S3Client":
        return self._make_client()

    async def put(self, user: str, thread_id: str, picture: Picture) -> str:
        """See `ImageStore`."""
        name = new_name(picture.media_type)
        await call(
            self._client.put_object,
            Bucket=self._bucket,
            Key=_prefix(user, thread_id) + name,
            Body=picture.data,
            ContentType=picture.media_type,
            CacheControl=_CACHE_CONTROL,
        )
        return reference(name)

    async def url(self, user: str, thread_id: str, reference: str) -> str | None:
        """See `ImageStore`. Costs 0.4 ms of CPU."""
        name = name_of(reference)
        if name is None:
            return None
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": _prefix(user, thread_id) + name},
            ExpiresIn=URL_SECONDS,
        )

    async def model_url(self, user: str, thread_id: str, reference: str) -> str | None:
        """See `ImageStore`."""
        name = name_of(reference)
        if name is None or self._is_public:
            return await self.url(user, thread_id, reference)
        try:
            data = await call(self._read, _prefix(user, thread_id) + name)
        except ClientError:
            # `call` lets one code of GetObject through: NoSuchKey.
            return None
        return to_data_url(Picture(data, media_type_of(name)))

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """See `ImageStore`. One request where there is nothing."""
        await aws_objects.delete_below(self._client, self._bucket, _prefix(user, thread_id))

    def _read(self, key: str) -> bytes:
        with self._client.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
            return body.read()


def _prefix(user: str, thread_id: str) -> str:
    return f"{IMAGES_PREFIX}{owner_digest(user)}/{thread_id}/"

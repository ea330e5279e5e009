"""What every `ArrivedObjects` promises: in memory, on S3 in process (moto), on S3 by HTTP (ministack)."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from functions.attachments.arrivals import ArrivedObjects
from functions.attachments.objects import file_key, preview_key, upload_key
from functions.attachments.s3_arrivals import S3Arrivals
from functions.ids import IdFactory
from functions.store.attachments import Place
from tests.support.memory_bucket import MemoryBucket
from tests.support.ministack import ministack as ministack  # the fixture

BUCKET = "chatkit-arrivals"
LARGE = bytes(range(256)) * 20_000


@dataclass
class Adapter:
    """Objects as the function has them, and a hand in the bucket."""

    objects: ArrivedObjects
    put: Callable[[str, bytes], None]
    get: Callable[[str], tuple[bytes, str] | None]
    """Bytes and type."""


@pytest.fixture(scope="module", params=["memory", "moto", "ministack"])
def bucket(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    """Each adapter in turn. Its tests share it, and keep apart by having attachments of their own."""
    if request.param == "memory":
        memory = MemoryBucket()
        yield Adapter(memory, lambda key, data: memory.objects.update({key: (data, "")}), memory.objects.get)
    elif request.param == "moto":
        with mock_aws():
            yield from _on(region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
    else:
        yield from _on(**request.getfixturevalue("ministack").client_arguments())


def _on(**arguments: Any) -> Iterator[Adapter]:
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3: Any = cast("Any", boto3).client("s3", config=config, **arguments)
    s3.create_bucket(Bucket=BUCKET)

    def get(key: str) -> tuple[bytes, str] | None:
        try:
            answer = s3.get_object(Bucket=BUCKET, Key=key)
        except ClientError:
            return None
        return answer["Body"].read(), answer["ContentType"]

    yield Adapter(
        S3Arrivals(client=lambda: s3, bucket=BUCKET),
        lambda key, data: s3.put_object(Bucket=BUCKET, Key=key, Body=data),
        get,
    )
    s3.close()


@pytest.fixture
def place() -> Place:
    """A new attachment's."""
    return Place.of("alice", IdFactory().new("attachment"))


def read(bucket: Adapter, place: Place, *, most: int) -> tuple[int | None, bytes]:
    into = BytesIO()
    return asyncio.run(bucket.objects.read_upload(place, into, most=most)), into.getvalue()


def put_file(bucket: Adapter, place: Place, data: bytes) -> bool:
    return asyncio.run(bucket.objects.put_file(place, BytesIO(data), mime_type="image/png"))


@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=len)
def test_an_upload_is_read(bucket: Adapter, place: Place, data: bytes) -> None:
    """Whole, and with its size."""
    bucket.put(upload_key(place), data)
    assert read(bucket, place, most=len(data)) == (len(data), data)


def test_an_upload_that_is_too_large_is_not_read(bucket: Adapter, place: Place) -> None:
    """Its size says so."""
    bucket.put(upload_key(place), LARGE)
    assert read(bucket, place, most=len(LARGE) - 1) == (len(LARGE), b"")


def test_an_upload_that_is_not_there_is_not_read(bucket: Adapter, place: Place) -> None:
    """Neither is one of another user's under the same id, nor the attachment's file."""
    bucket.put(upload_key(Place.of("bob", place.id)), b"x")
    bucket.put(file_key(place), b"x")
    assert read(bucket, place, most=10) == (None, b"")


def test_a_file_is_put_once(bucket: Adapter, place: Place) -> None:
    """With its type; a second one changes nothing, and the caller is told."""
    assert put_file(bucket, place, LARGE)
    assert not put_file(bucket, place, b"another")
    assert bucket.get(file_key(place)) == (LARGE, "image/png")
    into = BytesIO(b"")
    assert asyncio.run(bucket.objects.read_file(place, into))
    assert into.getvalue() == LARGE


def test_a_file_that_is_not_there_is_not_read(bucket: Adapter, place: Place) -> None:
    """Though there is an upload."""
    bucket.put(upload_key(place), b"x")
    into = BytesIO()
    assert not asyncio.run(bucket.objects.read_file(place, into))
    assert into.getvalue() == b""


def test_a_preview_is_put_and_put_again(bucket: Adapter, place: Place) -> None:
    """The last one counts: all are of the same file."""
    for data in (b"first", b"second"):
        asyncio.run(bucket.objects.put_preview(place, data))
    assert bucket.get(preview_key(place)) == (b"second", "image/webp")


def test_an_upload_is_deleted_and_nothing_else(bucket: Adapter, place: Place) -> None:
    """Also one that is not there, and one under any name."""
    for key in (upload_key(place), file_key(place), preview_key(place), "uploads/ä +%/\u2028x"):
        bucket.put(key, b"x")
    for _ in range(2):
        asyncio.run(bucket.objects.delete_upload(upload_key(place)))
        asyncio.run(bucket.objects.delete_upload("uploads/ä +%/\u2028x"))
    left = (upload_key(place), "uploads/ä +%/\u2028x", file_key(place), preview_key(place))
    assert [bucket.get(key) is not None for key in left] == [False, False, True, True]

"""Attachments' objects in S3 by HTTP, as a browser meets them, and what the storage itself refuses."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from functions.attachments import bucket
from functions.attachments.base import UploadTarget
from functions.attachments.limits import UPLOAD_SECONDS
from functions.attachments.objects import file_key, preview_key, upload_key
from functions.attachments.s3_objects import S3Objects
from functions.aws_clients import S3_CONFIG
from functions.ids import IdFactory
from functions.store.attachments import Place
from tests.support.answered import answered
from tests.support.ministack import ministack as ministack  # the fixture

pytestmark = pytest.mark.anyio

BUCKET = "chatkit-uploads"
ORIGIN = "https://app.example.com"
IDS = IdFactory()
BYTES = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture(scope="module")
def s3(request: pytest.FixtureRequest) -> Iterator[Any]:
    client = boto3.client("s3", config=S3_CONFIG, **request.getfixturevalue("ministack").client_arguments())
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_cors(
        Bucket=BUCKET,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": [ORIGIN],
                    "AllowedMethods": list(bucket.CORS_METHODS),
                    "AllowedHeaders": list(bucket.CORS_HEADERS),
                    "ExposeHeaders": list(bucket.CORS_EXPOSED_HEADERS),
                    "MaxAgeSeconds": bucket.CORS_MAX_AGE,
                }
            ]
        },
    )
    yield client
    client.close()


@pytest.fixture
def objects(s3: Any) -> S3Objects:
    return S3Objects(client=lambda: s3, bucket=BUCKET)


@pytest.fixture
def place() -> Place:
    """One of a user whom no other test has."""
    return Place.of(IDS.new("thread"), IDS.new("attachment"))


def target(objects: S3Objects, place: Place) -> UploadTarget:
    return objects.upload_target(place, size=len(BYTES), mime_type="image/png", seconds=UPLOAD_SECONDS)


def send(
    url: str, headers: Mapping[str, str] | None = None, *, method: str = "PUT", data: bytes | None = BYTES
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request."""
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    return answered(request)


def there(s3: Any, key: str) -> bool:
    return s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("KeyCount", 0) > 0


async def test_the_announced_bytes_are_taken(s3: Any, objects: S3Objects, place: Place) -> None:
    """A page PUTs what it announced, with the headers that it was told, and ChatKit's own."""
    where = target(objects, place)
    headers = {**where.headers, "Accept-Language": "de", "chatkit-frame-instance-id": "x"}
    status, _, _ = send(where.url, headers)
    assert status == 200
    with s3.get_object(Bucket=BUCKET, Key=upload_key(place))["Body"] as body:
        assert body.read() == BYTES


@pytest.mark.parametrize("signed", ["content-length", "content-type", "host"])
async def test_length_and_type_are_signed(objects: S3Objects, place: Place, signed: str) -> None:
    """Both are part of the signature, so that no other length or type is good for this URL."""
    (headers,) = parse_qs(urlsplit(target(objects, place).url).query)["X-Amz-SignedHeaders"]
    assert signed in headers.split(";")


@dataclass(frozen=True)
class Sent:
    """A PUT as a page sends it."""

    url: str
    headers: dict[str, str]
    method: str = "PUT"
    data: bytes = BYTES


def _with_url(old: str, new: str) -> Callable[[Sent], Sent]:
    return lambda sent: replace(sent, url=sent.url.replace(old, new))


CHANGES: dict[str, Callable[[Sent], Sent]] = {
    "longer": lambda sent: replace(sent, data=BYTES + b"x"),
    "shorter": lambda sent: replace(sent, data=BYTES[:-1]),
    "another type": lambda sent: replace(sent, headers={"Content-Type": "text/html"}),
    "no type": lambda sent: replace(sent, headers={"Content-Type": ""}),
    "another key": _with_url("/atc_", "/msg_"),
    "another folder": _with_url("/uploads/", "/files/"),
    "another method": lambda sent: replace(sent, method="POST"),
    "deletion": lambda sent: replace(sent, method="DELETE"),
    "altered signature": lambda sent: replace(sent, url=sent.url[:-1] + ("0" if sent.url[-1] != "0" else "1")),
    "no signature": lambda sent: replace(sent, url=sent.url.partition("?")[0]),
    "longer time": _with_url("X-Amz-Expires=600", "X-Amz-Expires=6000"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_not_announced_is_refused(s3: Any, objects: S3Objects, place: Place, change: str) -> None:
    """Another length, type, key, method or signature: the storage keeps nothing."""
    where = target(objects, place)
    sent = Sent(where.url, dict(where.headers))
    changed = CHANGES[change](sent)
    assert changed != sent
    status, _, _ = send(changed.url, changed.headers, method=changed.method, data=changed.data)
    assert status == 403
    assert not there(s3, f"uploads/{place.digest}")
    assert not there(s3, f"files/{place.digest}")


async def test_a_url_whose_time_is_over_is_refused(
    s3: Any, objects: S3Objects, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage keeps nothing that comes too late."""
    eleven_minutes_ago = datetime.now(UTC) - timedelta(minutes=11)
    with monkeypatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda **_: eleven_minutes_ago)
        where = target(objects, place)
    assert send(where.url, where.headers)[0] == 403
    assert not there(s3, upload_key(place))


@pytest.mark.parametrize(("origin", "is_allowed"), [(ORIGIN, True), ("https://evil.example", False)])
async def test_pages_of_other_origins_are_refused(
    objects: S3Objects, place: Place, origin: str, *, is_allowed: bool
) -> None:
    """A preflight of a page that is not listed is not answered as the browser needs it."""
    status, headers, _ = send(
        target(objects, place).url,
        {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "accept-language,chatkit-frame-instance-id,content-type",
        },
        method="OPTIONS",
        data=None,
    )
    assert (status == 200) == is_allowed
    assert (headers.get("access-control-allow-origin") == ORIGIN) == is_allowed


async def test_a_file_is_saved_and_not_shown(s3: Any, objects: S3Objects, place: Place) -> None:
    """A download has its own name and a type that no browser runs, whatever the object says of itself."""
    s3.put_object(Bucket=BUCKET, Key=file_key(place), Body=b"<script>", ContentType="text/html")
    url = objects.download_url(place, name='Ü "a".html', mime_type="text/html")
    status, headers, body = send(url, method="GET", data=None)
    assert (status, body) == (200, b"<script>")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment; ")
    assert "%C3%9C%20%22a%22.html" in headers["content-disposition"]
    shown = url.replace("response-content-disposition=attachment", "response-content-disposition=inline")
    assert shown != url
    assert send(shown, method="GET", data=None)[0] == 403


async def test_a_preview_is_a_picture(s3: Any, objects: S3Objects, place: Place) -> None:
    """It is served as WebP, and may be read by another origin's page."""
    s3.put_object(Bucket=BUCKET, Key=preview_key(place), Body=b"RIFF")
    status, headers, body = send(objects.preview_url(place), {"Origin": ORIGIN}, method="GET", data=None)
    assert (status, body, headers["content-type"]) == (200, b"RIFF", "image/webp")
    assert headers["access-control-allow-origin"] == ORIGIN


async def test_the_model_fetches_where_it_can(s3: Any, objects: S3Objects, place: Place) -> None:
    """By a URL of the file itself; where nobody else reaches the storage, there is none."""
    s3.put_object(Bucket=BUCKET, Key=file_key(place), Body=BYTES, ContentType="image/png")
    url = objects.model_url(place)
    assert url is not None
    status, headers, body = send(url, method="GET", data=None)
    assert (status, body, headers["content-type"]) == (200, BYTES, "image/png")
    assert S3Objects(client=lambda: s3, bucket=BUCKET, is_public=False).model_url(place) is None


async def test_bytes_are_read_and_written(s3: Any, objects: S3Objects, place: Place) -> None:
    """A direct upload lies where a page's would; a file is read back, and one that is gone is None."""
    await objects.put_upload(place, BYTES, mime_type="image/png")
    assert s3.head_object(Bucket=BUCKET, Key=upload_key(place))["ContentType"] == "image/png"
    assert await objects.read(place) is None
    s3.put_object(Bucket=BUCKET, Key=file_key(place), Body=BYTES)
    assert await objects.read(place) == BYTES


async def test_everything_of_an_attachment_is_deleted(s3: Any, objects: S3Objects, place: Place) -> None:
    """All three objects, and none of another; again does no harm."""
    other = Place.of("alice", IDS.new("attachment"))
    for one in (place, other):
        for key in (upload_key, file_key, preview_key):
            s3.put_object(Bucket=BUCKET, Key=key(one), Body=b"x")
    for _ in range(2):
        await objects.delete(place)
    assert [there(s3, key(place)) for key in (upload_key, file_key, preview_key)] == [False] * 3
    assert [there(s3, key(other)) for key in (upload_key, file_key, preview_key)] == [True] * 3
    await objects.delete(other)

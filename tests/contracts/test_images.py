"""What every `ImageStore` promises: in memory, on S3 in process (moto), on S3 by HTTP (ministack)."""

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from functions.attachments.base import ImageStore
from functions.attachments.images import EXTENSIONS, Picture
from functions.attachments.s3_images import URL_SECONDS, S3Images
from functions.ids import IdFactory
from tests.support.memory_images import MemoryImages
from tests.support.ministack import ministack as ministack  # the fixture

BUCKET = "chatkit-pictures"
PNG = Picture(b"\x89PNG\r\n\x1a\n and so on", "image/png")
UNKNOWN = f"chatkit-image:{'0' * 32}.png"

Fetch = Callable[[str], tuple[bytes, str] | None]


@dataclass
class Adapter:
    """A store, one like it whose address nobody else could reach, and what a browser does with its URLs."""

    store: ImageStore
    private: ImageStore
    fetch: Fetch


@pytest.fixture(scope="module", params=["memory", "moto", "ministack"])
def images(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    """Each adapter in turn. Its tests share it, and keep apart by having threads of their own."""
    if request.param == "memory":
        store, private = MemoryImages(), MemoryImages(is_public=False)
        private.pictures = store.pictures
        yield Adapter(store, private, store.fetched)
    elif request.param == "moto":
        with mock_aws():
            s3 = _bucket(region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
            yield Adapter(*_stores(s3), _by_key(s3))
            s3.close()
    else:
        s3 = _bucket(**request.getfixturevalue("ministack").client_arguments())
        yield Adapter(*_stores(s3), _by_http)
        s3.close()


@pytest.fixture
def thread() -> str:
    """A new thread's id."""
    return IdFactory().new("thread")


def _bucket(**arguments: Any) -> Any:
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = boto3.client("s3", config=config, **arguments)
    s3.create_bucket(Bucket=BUCKET)
    return s3


def _stores(s3: Any) -> tuple[S3Images, S3Images]:
    return S3Images(client=lambda: s3, bucket=BUCKET), S3Images(client=lambda: s3, bucket=BUCKET, is_public=False)


def _by_key(s3: Any) -> Fetch:
    """moto is no server: what the URL names is read by the client."""

    def fetch(url: str) -> tuple[bytes, str] | None:
        key = urlsplit(url).path.removeprefix(f"/{BUCKET}/")
        try:
            answer = s3.get_object(Bucket=BUCKET, Key=key)
        except ClientError:
            return None
        return answer["Body"].read(), answer["ContentType"]

    return fetch


def _by_http(url: str) -> tuple[bytes, str] | None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read(), answer.headers["content-type"]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code not in {403, 404}:
            raise
        return None


def _url(store: ImageStore, user: str, thread: str, reference: str) -> str:
    url = asyncio.run(store.url(user, thread, reference))
    assert url is not None
    return url


@pytest.mark.parametrize("media_type", sorted(EXTENSIONS))
def test_a_picture_is_served_as_what_it_is(images: Adapter, thread: str, media_type: str) -> None:
    """The URL of a reference gives the same bytes, with their media type."""
    picture = Picture(bytes(range(256)), media_type)
    reference = asyncio.run(images.store.put("alice", thread, picture))
    assert images.fetch(_url(images.store, "alice", thread, reference)) == (picture.data, media_type)


def test_a_reference_is_a_name_and_no_place(images: Adapter, thread: str) -> None:
    """What items hold tells neither user nor thread, and is another one for the same picture kept twice."""
    references = {asyncio.run(images.store.put("alice", thread, PNG)) for _ in range(2)}
    assert len(references) == 2
    for reference in references:
        assert re.fullmatch(r"chatkit-image:[0-9a-f]{32}\.png", reference)


def test_a_reference_leads_nowhere_for_another_user_or_thread(images: Adapter, thread: str) -> None:
    """Who learns somebody's reference can have a URL made of it, and finds nothing there."""
    reference = asyncio.run(images.store.put("alice", thread, PNG))
    assert images.fetch(_url(images.store, "bob", thread, reference)) is None
    assert images.fetch(_url(images.store, "alice", IdFactory().new("thread"), reference)) is None
    assert asyncio.run(images.private.model_url("bob", thread, reference)) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/picture.png",
        "data:image/png;base64,aGVsbG8=",
        "chatkit-image:../other/picture.png",
        f"chatkit-image:{'0' * 32}.svg",
        f"chatkit-image:{'0' * 32}.png/../x",
        "chatkit-image:",
        "",
    ],
)
def test_what_is_no_reference_has_no_url(images: Adapter, thread: str, url: str) -> None:
    """An author's own URLs are left to the author, and no path can be smuggled into a key."""
    assert asyncio.run(images.store.url("alice", thread, url)) is None
    assert asyncio.run(images.store.model_url("alice", thread, url)) is None
    assert asyncio.run(images.private.model_url("alice", thread, url)) is None


def test_a_model_is_given_the_picture_where_it_cannot_fetch_it(images: Adapter, thread: str) -> None:
    """A public bucket's picture has a URL; that of a stand-in on one machine is put into a data URL."""
    reference = asyncio.run(images.store.put("alice", thread, Picture(b"hello", "image/webp")))
    url = asyncio.run(images.store.model_url("alice", thread, reference))
    assert url is not None
    assert images.fetch(url) == (b"hello", "image/webp")
    assert asyncio.run(images.private.model_url("alice", thread, reference)) == "data:image/webp;base64,aGVsbG8="
    assert asyncio.run(images.private.model_url("alice", thread, UNKNOWN)) is None


def test_a_threads_pictures_go_with_it_and_no_others(images: Adapter, thread: str) -> None:
    """Deletion takes all pictures of the thread, leaves other threads' and users' alone, and may be repeated."""
    other = IdFactory().new("thread")
    places = [("alice", thread), ("alice", thread), ("alice", other), ("bob", thread)]
    kept = [(user, where, asyncio.run(images.store.put(user, where, PNG))) for user, where in places]
    for _ in range(2):
        asyncio.run(images.store.delete_thread("alice", thread))
        found = [images.fetch(_url(images.store, *one)) is not None for one in kept]
        assert found == [False, False, True, True]


@pytest.mark.parametrize("images", ["moto", "ministack"], indirect=True)
def test_a_url_of_s3_is_signed_for_an_hour_and_for_this_picture_alone(images: Adapter, thread: str) -> None:
    """Signature version 4; without its signature, or with another picture's, the bucket gives nothing."""
    reference, other = (asyncio.run(images.store.put("alice", thread, PNG)) for _ in range(2))
    url = _url(images.store, "alice", thread, reference)
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == [str(URL_SECONDS)]
    assert URL_SECONDS == 3600
    assert "alice" not in url
    if images.fetch is _by_http:
        name, other_name = (one.partition(":")[2] for one in (reference, other))
        assert images.fetch(url.partition("?")[0]) is None
        assert images.fetch(url.replace(name, other_name)) is None

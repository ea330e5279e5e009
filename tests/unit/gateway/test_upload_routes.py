"""Files at the api function."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.attachments.base import Counting
from functions.attachments.limits import DIRECT_BYTES
from functions.engine.quotas import Quotas
from functions.errors import AttachmentRefused, LimitReached, NotFound, Unavailable
from functions.gateway.api_routes import ApiRoutes
from functions.gateway.cors import Cors
from functions.gateway.upload_routes import UploadRoutes
from functions.identity.keys import OneKey, SigningKey
from functions.identity.tokens import ClientTokens
from functions.ids import IdFactory
from functions.limits import NO_LIMITS, Counter, Holder, Limits
from functions.protocol.attachments import Attachment, ImageAttachment
from functions.protocol.limits import NAME_CHARACTERS, TYPE_CHARACTERS
from functions.store.attachments import Room
from functions.store.counters import Reached
from functions.translations import Text
from tests.support.http_events import FORMATS, Build
from tests.support.memory_counters import MemoryCounters
from tests.support.multipart import CONTENT_TYPE, Part, multipart

APP = "https://app.example.com"
UPLOAD = "/api/chatkit/upload"
ID = "atc_01JD3Z6Q3M8RVSYX2P0TDBVKQJ"
TOKENS = ClientTokens(keys=OneKey(SigningKey(kid="1", key="k" * 32)), seconds=600, clock=lambda: 1_800_000_000)
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
PICTURE = Part(name="file", file_name="Grüße 😀.png", media_type="image/png", data=PNG)

both = pytest.mark.parametrize("build", FORMATS, ids=["function_url", "rest_api"])


class Attachments:
    """Takes what it is given, or fails as it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.taken: list[tuple[str, str, str, bytes]] = []
        self.rooms: list[Room] = []
        self.told: list[tuple[LimitReached, str]] = []

    def refused(self, error: LimitReached, owner: str) -> None:
        self.told.append((error, owner))

    async def upload(self, owner: str, name: str, mime_type: str, data: bytes, counting: Counting) -> Attachment:
        if self.failure is not None:
            raise self.failure
        async with counting(len(data)) as room:
            self.rooms.append(room)
            self.taken.append((owner, name, mime_type, data))
            if any(sum(len(one[3]) for one in self.taken if one[0] == owner) > most for most in room.values()):
                self.taken.pop()
                raise Reached(next(iter(room)), Counter.STORED_BYTES, None)
        return ImageAttachment(id=ID, name=name, mime_type=mime_type, preview_url="lazy", metadata={"secret": 1})

    async def download_url(self, owner: str, attachment_id: str) -> str:
        if self.failure is not None or (owner, attachment_id) != ("alice", ID):
            raise self.failure or NotFound(Text.ATTACHMENT_NOT_FOUND)
        return "https://files.example/signed"


def send(
    build: Build,
    attachments: Attachments,
    method: str = "POST",
    path: str = UPLOAD,
    *,
    body: bytes = b"",
    user: str | None = "alice",
    limits: Limits = NO_LIMITS,
    counters: MemoryCounters | None = None,
    **headers: str,
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of a call from the page."""
    sent = {"Origin": APP, "Content-Type": CONTENT_TYPE, **{name.replace("_", "-"): v for name, v in headers.items()}}
    if user is not None:
        sent["Authorization"] = f"Bearer {TOKENS.issue(user).client_secret}"
    event = build(method, path, headers=sent, body=base64.b64encode(body).decode(), is_base64=True)
    quotas = Quotas(
        counters=counters or MemoryCounters(),
        limits=limits,
        ids=IdFactory(),
        now=lambda: datetime(2026, 11, 28, tzinfo=UTC),
    )
    store: Any = attachments  # two of its calls
    uploads = UploadRoutes(tokens=TOKENS, attachments=store, quotas=quotas, refused=attachments.refused)
    result = ApiRoutes(uploads, cors=Cors((APP,))).handle(event)
    assert result["isBase64Encoded"] is False
    return result["statusCode"], result["headers"], json.loads(result["body"]) if result["body"] else None


@both
def test_an_upload_beyond_a_limit_is_told_of(build: Build) -> None:
    """Of whoever sent it; another refusal is not."""
    error = LimitReached.for_now(30)
    attachments = Attachments(error)
    status, headers, _ = send(build, attachments, body=multipart(PICTURE), user="bob")
    assert (status, headers["retry-after"]) == (429, "30")
    assert attachments.told == [(error, "bob")]
    unavailable = Attachments(Unavailable(Text.STORE_UNAVAILABLE))
    send(build, unavailable, body=multipart(PICTURE))
    assert unavailable.told == []


@both
def test_a_file_is_uploaded(build: Build) -> None:
    """Its bytes arrive as they were sent, for the token's user; the answer is the attachment as ChatKit reads it."""
    attachments = Attachments()

    status, headers, body = send(build, attachments, body=multipart(PICTURE))

    assert attachments.taken == [("alice", "Grüße 😀.png", "image/png", PNG)]
    assert status == 200
    assert body == {
        "id": ID,
        "name": "Grüße 😀.png",
        "mime_type": "image/png",
        "type": "image",
        "preview_url": "lazy",
    }
    assert headers["access-control-allow-origin"] == APP
    assert headers["content-type"] == "application/json"


@both
@pytest.mark.parametrize(("method", "path"), [("POST", UPLOAD), ("GET", f"/api/chatkit/attachments/{ID}")])
def test_a_token_is_needed(build: Build, method: str, path: str) -> None:
    """Without one, or with one that was made up, nothing is read or stored."""
    attachments = Attachments()
    sent: tuple[dict[str, Any], ...] = ({}, {"Authorization": "Bearer made.up.token"})
    for headers in sent:
        status, _, body = send(build, attachments, method, path, body=multipart(PICTURE), user=None, **headers)
        assert (status, body["code"]) == (401, "unauthenticated")
    assert attachments.taken == []


@both
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (multipart(PICTURE)[:-10], ""),
        (multipart(), "file"),
        (multipart(PICTURE, PICTURE), "file"),
        (multipart(Part(name="file", data=b"text")), "file"),
        (multipart(Part(name="file", file_name="a.png", data=PNG)), "file"),
    ],
)
def test_a_wrong_body_is_refused(build: Build, body: bytes, field: str) -> None:
    """The page may read which field is wrong, and nothing is stored."""
    attachments = Attachments()
    status, headers, answer = send(build, attachments, body=body)
    assert (status, answer["code"], answer["field"]) == (400, "invalid_request", field)
    assert headers["access-control-allow-origin"] == APP
    assert attachments.taken == []


@pytest.mark.parametrize(
    ("part", "most", "what"),
    [
        (lambda most: replace(PICTURE, file_name="x" * most), NAME_CHARACTERS, "name of at most 10,000"),
        (
            lambda most: replace(PICTURE, media_type="image/" + "x" * (most - 6)),
            TYPE_CHARACTERS,
            "media type of at most 255",
        ),
    ],
    ids=["name", "media type"],
)
def test_what_is_said_of_a_file_has_an_end(part: Callable[[int], Part], most: int, what: str) -> None:
    """The longest name and media type that an announcement may have are taken; one character more is refused by name."""
    attachments = Attachments()
    assert send(FORMATS[0], attachments, body=multipart(part(most)))[0] == 200
    status, _, body = send(FORMATS[0], attachments, body=multipart(part(most + 1)))
    assert (status, body["field"]) == (400, "file")
    assert what in body["message"]
    assert len(attachments.taken) == 1


def test_a_file_as_large_as_it_may_be() -> None:
    """The limit is the file's own bytes; one more is refused in the user's language, with the way that is left."""
    attachments = Attachments()
    for build in FORMATS:
        part = Part(name="file", file_name="a.pdf", media_type="application/pdf", data=bytes(DIRECT_BYTES))
        assert send(build, attachments, body=multipart(part))[0] == 200
    assert [len(data) for *_, data in attachments.taken] == [DIRECT_BYTES] * len(FORMATS)
    large = Part(name="file", file_name="a.pdf", media_type="application/pdf", data=bytes(DIRECT_BYTES + 1))
    for language, words in (("en", "4,500,000 bytes can be sent. Larger files need a two-phase"), ("de", "4.500.000")):
        status, _, body = send(FORMATS[0], attachments, body=multipart(large), Accept_Language=language)
        assert (status, body["code"], body["field"]) == (422, "attachment_refused", "file")
        assert words in body["message"]
    assert len(attachments.taken) == len(FORMATS)


@both
def test_a_file_that_is_not_taken(build: Build) -> None:
    """What the limits refuse names this request's field, not that of `attachments.create`."""
    attachments = Attachments(AttachmentRefused(Text.ATTACHMENT_TYPE, "params.mime_type"))
    status, _, body = send(build, attachments, body=multipart(PICTURE))
    assert (status, body["code"], body["field"]) == (422, "attachment_refused", "file")
    assert body["message"] == "Files of this kind cannot be sent."


@both
def test_a_user_who_has_no_more_room(build: Build) -> None:
    """The page is told so in the user's language, with what frees it, and no time, as none does; nothing is taken."""
    attachments = Attachments()
    limits = Limits(user={Counter.STORED_BYTES: len(PNG)})
    assert send(build, attachments, body=multipart(PICTURE), limits=limits)[0] == 200
    for language, words in (
        ("en", "Delete conversations or files to free some."),
        ("fr", "Supprimez des conversations"),
    ):
        status, headers, body = send(
            build, attachments, body=multipart(PICTURE), limits=limits, Accept_Language=language
        )
        assert (status, body["code"], body.keys()) == (429, "limit_reached", {"code", "message"})
        assert words in body["message"]
        assert "retry-after" not in headers
    assert len(attachments.taken) == 1
    assert attachments.rooms == [{Holder("user", "alice"): len(PNG)}] * 3


@both
def test_a_day_that_is_full(build: Build) -> None:
    """The page may read when there is room again; a visitor has less than a user."""
    attachments, counters = Attachments(), MemoryCounters()
    limits = Limits(user={Counter.UPLOADED_BYTES_PER_DAY: 2 * len(PNG)}, anonymous={Counter.UPLOADED_BYTES_PER_DAY: 1})
    sent = [send(build, attachments, body=multipart(PICTURE), limits=limits, counters=counters) for _ in range(3)]
    assert [status for status, *_ in sent] == [200, 200, 429]
    _, headers, body = sent[-1]
    assert (body["code"], body["retry_after"], headers["retry-after"]) == ("limit_reached", 86_400, "86400")
    assert "tomorrow" in body["message"]
    visitor = TOKENS.issue("anon_1", source="anonymous").client_secret
    authorization = f"Bearer {visitor}"
    status, _, body = send(
        build, attachments, body=multipart(PICTURE), limits=limits, user=None, Authorization=authorization
    )
    assert status == 429
    assert len(attachments.taken) == 2


@both
def test_storage_that_cannot_be_reached(build: Build) -> None:
    """The page is told to try again."""
    attachments = Attachments(Unavailable(Text.STORE_UNAVAILABLE))
    assert send(build, attachments, body=multipart(PICTURE))[0] == 503
    assert send(build, attachments, "GET", f"/api/chatkit/attachments/{ID}")[0] == 503


@both
def test_a_download_link(build: Build) -> None:
    """A user is given a link to a file of theirs; another user, or another id, is not told that there is one."""
    attachments = Attachments()
    status, headers, body = send(build, attachments, "GET", f"/api/chatkit/attachments/{ID}")
    assert (status, body) == (200, {"url": "https://files.example/signed"})
    assert headers["cache-control"] == "no-store"
    for user, attachment_id in (("bob", ID), ("alice", "atc_none"), ("alice", "..%2f..%2fx"), ("alice", "a" * 5_000)):
        status, _, body = send(build, attachments, "GET", f"/api/chatkit/attachments/{attachment_id}", user=user)
        assert (status, body["code"]) == (404, "not_found")


@both
@pytest.mark.parametrize("path", [UPLOAD, f"/api/chatkit/attachments/{ID}"])
def test_the_pages_preflight(build: Build, path: str) -> None:
    """The page may send the token, and ChatKit.js's own header."""
    status, headers, _ = send(build, Attachments(), "OPTIONS", path, user=None)
    assert status == 200
    assert {"authorization", "chatkit-frame-instance-id", "content-type"} <= set(
        headers["access-control-allow-headers"].split(", ")
    )
    assert {"GET", "POST"} <= set(headers["access-control-allow-methods"].split(", "))

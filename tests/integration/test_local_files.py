"""Hostile files in the local stack, by HTTP, end to end: names that mean harm, and bytes that are not what was said."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import pytest

from functions.attachments.limits import FALLBACK_NAME, NAME_CHARACTERS
from tests.support import files
from tests.support.answered import answered
from tests.support.local_files import Json, announce, objects, put, send, wait_until
from tests.support.multipart import CONTENT_TYPE, Part, multipart
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

NAMES: Final = {
    '"quoted" \'name\'; filename="other.exe".txt': '"quoted" \'name\'; filename="other.exe".txt',
    "../../etc/passwd": "passwd",
    "C:\\Windows\\system32\\notes.txt": "notes.txt",
    "a\r\nSet-Cookie: b=1\0.txt": "aSet-Cookie: b=1.txt",
    "holiday\u202egnp.exe": "holidaygnp.exe",
    "x" * 9_996 + ".txt": "x" * (NAME_CHARACTERS - 4) + ".txt",
    "\u200b\u2066\x1b": FALLBACK_NAME,
    "<script>alert(1)</script>.html": "script>.html",
    "U\u0308bersicht \U0001f4ce 日本語 עברית.txt": "\u00dcbersicht \U0001f4ce 日本語 עברית.txt",
    "100 %41%0d%0a.txt": "100 %41%0d%0a.txt",
}
"""What a page calls a file, and what is kept of it."""
TEXT: Final = b"hello"
LIES: Final = {
    "a program called a picture": (files.PROGRAM, "image/png"),
    "30,000 x 30,000 pixels": (files.png_header(30_000, 30_000), "image/png"),
    "a zip bomb called a document": (files.office(bomb=bytes(20_000_000)), files.DOCX),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("state")) as stack:
        yield stack


def link(stack: Stack, attachment: Json, *, user: str = "alice") -> tuple[int, Json]:
    """Status and JSON of the answer to who wants to download."""
    headers = {"authorization": f"Bearer {stack.token(user)}"}
    request = urllib.request.Request(f"{stack.url}/api/chatkit/attachments/{attachment['id']}", headers=headers)
    answer = answered(request)
    return answer.status, answer.json


def saved_as(stack: Stack, attachment: Json) -> str:
    """The name under which a browser saves a file; all else of the download is as it should be."""
    status, answer = link(stack, attachment)
    assert status == 200
    with urllib.request.urlopen(answer["url"], timeout=120) as download:
        assert download.read() == TEXT
        assert download.headers["content-type"] == "application/octet-stream"
        assert download.headers["set-cookie"] is None
        disposition = download.headers["content-disposition"]
    match = re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9 ._()+-]+\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)", disposition
    )
    assert match
    return unquote(match[1], errors="strict")


def test_a_name_does_no_harm(stack: Stack) -> None:
    """Announced, sent, listed and downloaded: a name is what the user reads of it, and no path, header or markup."""
    attachments = [announce(stack, TEXT, "text/plain", name=name) for name in NAMES]
    assert [put(attachment, TEXT) for attachment in attachments] == [200] * len(NAMES)
    wait_until(lambda: all(objects(stack.state_dir, attachment) == {"files"} for attachment in attachments))
    events = send(stack, *attachments)
    assert "error" not in [event["type"] for event in events]
    thread = events[0]["thread"]["id"]
    listed = json.loads(stack.chat("items.list", thread_id=thread, order="asc"))["data"][0]["attachments"]
    for given in (attachments, listed):
        assert [attachment["name"] for attachment in given] == list(NAMES.values())
    assert [saved_as(stack, attachment) for attachment in listed] == list(NAMES.values())


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/%22a%22%0D%0AX: y.txt", '"a"X: y.txt'),
        ("holiday\u202egnp.exe", "holidaygnp.exe"),
        ("日本語" * 3_000 + ".txt", ("日本語" * 70)[: NAME_CHARACTERS - 4] + ".txt"),
    ],
    ids=["path", "direction", "long"],
)
def test_a_name_does_no_harm_in_a_direct_upload(stack: Stack, name: str, kept: str) -> None:
    """The same for the file name of a form, as browsers write it there."""
    body = multipart(Part(name="file", file_name=name, media_type="text/plain", data=TEXT))
    headers = {"content-type": CONTENT_TYPE, "authorization": f"Bearer {stack.token()}"}
    request = urllib.request.Request(f"{stack.url}/api/chatkit/upload", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        attachment = json.load(answer)
    assert attachment["name"] == kept
    wait_until(lambda: objects(stack.state_dir, attachment) == {"files"})
    assert saved_as(stack, attachment) == kept


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_what_it_was_said_to_be_is_not_sent(stack: Stack, lie: str) -> None:
    """Its message is answered with an error and begins no thread; nothing is left of its bytes, and no link leads to it."""
    data, mime_type = LIES[lie]
    user = f"liar-{list(LIES).index(lie)}"
    attachment = announce(stack, data, mime_type, user=user)
    assert put(attachment, data) == 200
    wait_until(lambda: objects(stack.state_dir, attachment) == set())
    [event] = send(stack, attachment, user=user)
    assert (event["type"], event["allow_retry"]) == ("error", False)
    assert link(stack, attachment, user=user)[0] == 404
    assert json.loads(stack.chat("threads.list", user))["data"] == []


def test_more_bytes_than_were_announced_are_not_even_taken(stack: Stack) -> None:
    """Ten megabytes for a thousand: the storage itself refuses them; a message waits for the others, and says so."""
    attachment = announce(stack, bytes(1_000), user="greedy")
    assert put(attachment, bytes(10_000_000)) == 403
    assert objects(stack.state_dir, attachment) == set()
    [event] = send(stack, attachment, user="greedy")
    assert (event["type"], event["allow_retry"]) == ("error", True)
    assert json.loads(stack.chat("threads.list", "greedy"))["data"] == []

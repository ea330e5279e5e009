"""Direct uploads over real HTTP, on the local stack as a newcomer starts it."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from functions.attachments.limits import DIRECT_BYTES
from tests.support.answered import answered
from tests.support.multipart import CONTENT_TYPE, Part, multipart
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("state")) as stack:
        yield stack


def send(stack: Stack, body: bytes, *, user: str | None = "alice") -> tuple[int, Any]:
    """Status and JSON of the answer to an upload."""
    headers = {"content-type": CONTENT_TYPE, "origin": stack.url}
    if user is not None:
        headers["authorization"] = f"Bearer {stack.token(user)}"
    request = urllib.request.Request(f"{stack.url}/api/chatkit/upload", data=body, headers=headers)
    answer = answered(request)
    if answer.status < 400:
        assert answer.headers["access-control-allow-origin"] == stack.url
    return answer.status, answer.json


def a_file(size: int) -> Part:
    return Part(name="file", file_name="Übersicht 📎.pdf", media_type="application/pdf", data=b"\xff" * size)


def test_a_file_of_the_largest_size(stack: Stack) -> None:
    """Binary bytes pass the front end, as base64 in the event, and the limit is one of the file's own bytes."""
    status, attachment = send(stack, multipart(a_file(DIRECT_BYTES)))
    assert status == 200
    assert (attachment["type"], attachment["name"]) == ("file", "Übersicht 📎.pdf")
    assert attachment["id"].startswith("atc_")


@pytest.mark.parametrize(("size", "status"), [(DIRECT_BYTES + 1, 422), (5_000_000, 413)])
def test_a_larger_file(stack: Stack, size: int, status: int) -> None:
    """The function says what to do instead; what is larger than an event never reaches it."""
    refused, body = send(stack, multipart(a_file(size)))
    assert refused == status
    assert "two-phase" in body["message"] if status == 422 else body["message"]


def test_a_file_of_nobody(stack: Stack) -> None:
    """Without a token there is no upload."""
    assert send(stack, multipart(a_file(1)), user=None)[0] == 401


def test_the_pages_preflight(stack: Stack) -> None:
    """A browser may send the token from this page, and learns of nothing on another."""
    for origin, is_allowed in ((stack.url, True), ("https://evil.example", False)):
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,chatkit-frame-instance-id",
        }
        request = urllib.request.Request(f"{stack.url}/api/chatkit/upload", headers=headers, method="OPTIONS")
        with urllib.request.urlopen(request, timeout=120) as response:
            allowed = response.headers.get("access-control-allow-headers", "")
            assert (response.headers.get("access-control-allow-origin") == origin) is is_allowed
        assert ({"authorization", "chatkit-frame-instance-id"} <= set(allowed.split(", "))) is is_allowed

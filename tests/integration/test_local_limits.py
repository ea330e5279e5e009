"""Limits on files in the local stack, over real HTTP, where they are set."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import files
from tests.support.answered import answered
from tests.support.local_files import TAKEN, Json, announce, objects, put, send, wait_until
from tests.support.multipart import CONTENT_TYPE, Part, multipart
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

PICTURE: Final = files.picture(size=(40, 20))
ROOM: Final = 5 * len(PICTURE)
FULL: Final = "There is no more room for your files. Delete conversations or files to free some."


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    limits = f"user.stored_bytes={ROOM},user.uploaded_bytes_per_day={20 * len(PICTURE)}"
    with running_stack(tmp_path_factory.mktemp("state"), LIMITS=limits) as stack:
        yield stack


def refused(stack: Stack, user: str, size: int = len(PICTURE)) -> tuple[int, Json, str | None]:
    """Status, JSON and `Retry-After` of the answer to an announcement that is refused."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        announce(stack, bytes(size), user=user)
    with caught.value as error:
        return error.code, json.load(error), error.headers["retry-after"]


def upload(stack: Stack, user: str) -> tuple[int, Any]:
    """Status and JSON of the answer to a direct upload."""
    part = Part(name="file", file_name="Ferien.png", media_type="image/png", data=PICTURE)
    headers = {"content-type": CONTENT_TYPE, "authorization": f"Bearer {stack.token(user)}"}
    request = urllib.request.Request(f"{stack.url}/api/chatkit/upload", data=multipart(part), headers=headers)
    answer = answered(request)
    return answer.status, answer.json


def announced(stack: Stack, user: str) -> Json | None:
    """The answer to an announcement; None where there is no room for it."""
    try:
        return announce(stack, PICTURE, user=user)
    except urllib.error.HTTPError as error:
        with error:
            told = error.code, json.load(error)["message"]
        if told != (429, FULL):
            raise
        return None


def test_at_the_same_moment_exactly_the_limit_is_announced(stack: Stack) -> None:
    """Of twelve announcements and direct uploads in parallel five get through, in however many processes; no other does."""
    with ThreadPoolExecutor(12) as pool:
        two_phase = [pool.submit(announced, stack, "many") for _ in range(6)]
        direct = [pool.submit(upload, stack, "many") for _ in range(6)]
        taken = sum(one.result() is not None for one in two_phase)
        statuses = [one.result()[0] for one in direct]
    assert taken + statuses.count(200) == 5
    assert statuses.count(200) + statuses.count(429) == 6


def test_what_is_deleted_makes_room(stack: Stack) -> None:
    """A file, and a thread with its files, whose function is told by the table's stream; a refused one tells what to do."""
    one, two = [announce(stack, PICTURE, user="alice") for _ in range(2)]
    assert [put(each, PICTURE) for each in (one, two)] == [200, 200]
    wait_until(lambda: objects(stack.state_dir, one) == objects(stack.state_dir, two) == TAKEN)
    thread = send(stack, one, two, user="alice")[0]["thread"]["id"]
    three, *_ = [announce(stack, PICTURE, user="alice") for _ in range(3)]
    assert refused(stack, "alice") == (429, {"code": "limit_reached", "message": FULL}, None)
    assert upload(stack, "alice") == (429, {"code": "limit_reached", "message": FULL})
    stack.chat("attachments.delete", "alice", attachment_id=three["id"])
    status, attachment = upload(stack, "alice")
    assert status == 200
    assert attachment["type"] == "image"
    assert refused(stack, "alice")[0] == 429
    stack.chat("threads.delete", "alice", thread_id=thread)
    made: list[Json] = []

    def has_room() -> bool:
        answer = announced(stack, "alice")
        made.extend([answer] if answer else [])
        return len(made) == 2

    wait_until(has_room)
    assert refused(stack, "alice")[0] == 429


def fill_a_day(stack: Stack, user: str) -> bool:
    """Announces as much as one day lets a user; whether it was one day."""
    day = datetime.now(UTC).date()
    for _ in range(20):
        attachment = announce(stack, PICTURE, user=user)
        stack.chat("attachments.delete", user, attachment_id=attachment["id"])
    return datetime.now(UTC).date() == day


def test_a_day_is_full(stack: Stack) -> None:
    """What is deleted at once is counted as announced: it is refused with the time when there is room again."""
    # Where midnight comes between, the next user's day is filled.
    user = next(user for user in ("busy", "late") if fill_a_day(stack, user))
    status, body, retry_after = refused(stack, user)
    assert (status, body["code"]) == (429, "limit_reached")
    assert body["message"] == "You have uploaded as much as you can today. Please try again tomorrow."
    assert retry_after == str(body["retry_after"])
    assert 0 < body["retry_after"] <= 86_400


def start(stack: Stack, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a visitor who asks for a token."""
    headers = {"origin": stack.url, **headers}
    request = urllib.request.Request(f"{stack.url}/api/chatkit/start", data=b"", headers=headers, method="POST")
    answer = answered(request)
    return answer.status, answer.headers


def test_an_address_is_given_so_many_visitors(tmp_path: Path) -> None:
    """Of ten at the same moment three are given an id, whatever their headers say of where they come from."""
    with (
        running_stack(tmp_path, IDENTITY="anonymous", LIMITS="address.visitors_per_hour=3") as stack,
        ThreadPoolExecutor(10) as pool,
    ):
        hour = datetime.now(UTC).hour
        started = [pool.submit(start, stack, **{"x-forwarded-for": f"192.0.2.{number}"}) for number in range(10)]
        answers = [one.result() for one in started]
        taken = [headers for status, headers in answers if status == 200]
        refused = [headers for status, headers in answers if status == 429]
        # Where the hour turns between two of them, the limit is met in each.
        assert len(taken) == 3 or (3 < len(taken) <= 6 and datetime.now(UTC).hour != hour)
        assert len(taken) + len(refused) == 10
        assert all(0 < int(headers["retry-after"]) <= 3_600 for headers in refused)
        cookie = taken[0]["set-cookie"].partition(";")[0]
        assert start(stack, cookie=cookie)[0] == 200
        assert stack.end() == 0
    saved = (tmp_path / "state" / "dynamodb.json").read_text()
    assert '"N#' in saved
    assert "127.0.0.1" not in saved
    assert "192.0.2." not in saved


def test_what_is_too_large_by_itself(stack: Stack) -> None:
    """More than there is room for in all is refused also for who has nothing; nobody else is concerned."""
    assert refused(stack, "new", ROOM + 1)[:2] == (429, {"code": "limit_reached", "message": FULL})
    assert announced(stack, "new")

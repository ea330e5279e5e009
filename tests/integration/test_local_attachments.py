"""Uploads in the local stack, as a page makes them: announced, PUT by a signed URL, sent, shown; and after its end."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import files
from tests.support.stack import END_SECONDS, Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

PNG = files.picture(size=(900, 300))
SECONDS = 60
TAKEN = {"files", "previews"}
"""Where an attachment has objects when it was looked at and accepted: the upload is deleted last."""


def create(stack: Stack, data: bytes, mime_type: str = "image/png") -> dict[str, Any]:
    return json.loads(stack.chat("attachments.create", name="Ferien.png", mime_type=mime_type, size=len(data)))


def put(attachment: dict[str, Any], data: bytes) -> None:
    target = attachment["upload_descriptor"]
    request = urllib.request.Request(target["url"], data=data, headers=target["headers"], method=target["method"])
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def send(stack: Stack, attachment: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of the answer to a message with the attachment."""
    message = {
        "content": [{"type": "input_text", "text": "Look"}],
        "attachments": [attachment["id"]],
        "inference_options": {},
    }
    stream = stack.chat("threads.create", input=message)
    return [json.loads(frame[6:]) for frame in stream.split(b"\n\n") if frame.startswith(b"data: ")]


def shown(stack: Stack, thread: str) -> bytes:
    """What the preview of a thread's only attachment leads to."""
    items = json.loads(stack.chat("threads.get_by_id", thread_id=thread))["items"]["data"]
    [attachment] = items[0]["attachments"]
    with urllib.request.urlopen(attachment["preview_url"], timeout=30) as answer:
        assert answer.headers["content-type"] == "image/webp"
        return answer.read()


def objects(state_dir: Path, attachment: dict[str, Any]) -> set[str]:
    """The prefixes under which an attachment has objects in S3, as they lie on the disk."""
    found = [path.parts for path in (state_dir / "s3").rglob("*") if path.is_file() and path.name == attachment["id"]]
    return {parts[-3] for parts in found}


def wait_until(is_so: Callable[[], bool]) -> None:
    """Looks again and again, as nobody is told when an object is gone."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_picture_is_sent_and_shown_also_after_a_restart(tmp_path: Path) -> None:
    """Its message is answered, its preview is there whenever the thread is read; a deleted thread takes it along."""
    with running_stack(tmp_path) as stack:
        attachment = create(stack, PNG)
        put(attachment, PNG)
        wait_until(lambda: objects(tmp_path, attachment) == TAKEN)
        events = send(stack, attachment)
        assert "error" not in [event["type"] for event in events]
        thread = events[0]["thread"]["id"]
        preview = shown(stack, thread)
        assert preview.startswith(b"RIFF")
    with running_stack(tmp_path) as stack:
        assert shown(stack, thread) == preview
        assert stack.chat("threads.delete", thread_id=thread) == b"{}"
        wait_until(lambda: objects(tmp_path, attachment) == set())


def test_what_is_not_what_it_was_said_to_be_is_not_sent(tmp_path: Path) -> None:
    """A program that was called a picture: the message is answered with an error, and nothing is left of it."""
    with running_stack(tmp_path) as stack:
        attachment = create(stack, PNG)
        put(attachment, files.PROGRAM.ljust(len(PNG), b"\0"))
        wait_until(lambda: objects(tmp_path, attachment) == set())
        [event] = send(stack, attachment)
        assert event["type"] == "error"


def test_a_stack_that_was_killed_looks_at_what_had_come(tmp_path: Path) -> None:
    """The event of an upload is lost with ministack's memory; the next start finds the object."""
    with running_stack(tmp_path) as stack:
        attachment = create(stack, PNG)
        own, *children = stack.family()
        own.suspend()
        put(attachment, PNG)
        for process in (own, *children):
            process.kill()
        psutil.wait_procs([own, *children], timeout=END_SECONDS)
    assert objects(tmp_path, attachment) == {"uploads"}
    with running_stack(tmp_path) as stack:
        wait_until(lambda: objects(tmp_path, attachment) == TAKEN)
        events = send(stack, attachment)
        assert "error" not in [event["type"] for event in events]
        assert shown(stack, events[0]["thread"]["id"]).startswith(b"RIFF")

"""Uploads in the local stack, as a page makes them: announced, PUT by a signed URL, sent, shown; and after its end."""

import json
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.support import files
from tests.support.local_files import TAKEN, announce, objects, put, send, wait_until
from tests.support.stack import END_SECONDS, Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

PNG = files.picture(size=(900, 300))


def shown(stack: Stack, thread: str) -> bytes:
    """What the preview of a thread's only attachment leads to."""
    items = json.loads(stack.chat("threads.get_by_id", thread_id=thread))["items"]["data"]
    [attachment] = items[0]["attachments"]
    with urllib.request.urlopen(attachment["preview_url"], timeout=120) as answer:
        assert answer.headers["content-type"] == "image/webp"
        return answer.read()


def test_a_picture_is_sent_and_shown_also_after_a_restart(tmp_path: Path) -> None:
    """Its message is answered, its preview is there whenever the thread is read; a deleted thread takes it along."""
    with running_stack(tmp_path) as stack:
        attachment = announce(stack, PNG)
        assert put(attachment, PNG) == 200
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


def test_a_stack_that_was_killed_looks_at_what_had_come(tmp_path: Path) -> None:
    """The event of an upload is lost with ministack's memory; the next start finds the object."""
    with running_stack(tmp_path) as stack:
        attachment = announce(stack, PNG)
        own, *children = stack.family()
        own.suspend()
        assert put(attachment, PNG) == 200
        for process in (own, *children):
            process.kill()
        psutil.wait_procs([own, *children], timeout=END_SECONDS)
    assert objects(tmp_path, attachment) == {"uploads"}
    with running_stack(tmp_path) as stack:
        wait_until(lambda: objects(tmp_path, attachment) == TAKEN)
        events = send(stack, attachment)
        assert "error" not in [event["type"] for event in events]
        assert shown(stack, events[0]["thread"]["id"]).startswith(b"RIFF")

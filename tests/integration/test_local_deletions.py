"""Deletions in the local stack: what a deleted thread has left goes, whatever happens to the stack meanwhile."""

import base64
import json
import random
import re
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from functions.local import resources
from functions.store import keys, table
from tests.support.model_answers import Stream
from tests.support.model_server import ModelServer
from tests.support.output_items import completed, image, message
from tests.support.stack import END_SECONDS, Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

LARGE = base64.b64encode(random.Random(5).randbytes(480_000)).decode()
"""An answer that a row does not hold, compressed or not: so it lies in S3. No user may send so much."""


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """Draws a picture with each answer, which is large."""
    with ModelServer() as running:
        running.script(Stream.of([json.dumps(event) for event in (*image(0, "AAAA"), *message(1, LARGE), completed())]))
        yield running


def begin(stack: Stack) -> str:
    """A thread with a large answer and a picture, both of which lie in S3."""
    thread = str(stack.say("Hi")[0]["thread"]["id"])
    assert objects(stack.state_dir, thread) == {"images", "items"}
    return thread


def delete(stack: Stack, thread: str) -> None:
    assert stack.chat("threads.delete", thread_id=thread) == b"{}"


def objects(state_dir: Path, thread: str) -> set[str]:
    """The prefixes under which a thread has objects in S3, as they lie on the disk."""
    found = [path.parts for path in (state_dir / "s3").rglob("*") if path.is_file() and thread in path.parts]
    return {parts[parts.index(resources.BUCKET) + 1] for parts in found}


def rows(state_dir: Path, thread: str) -> list[str]:
    """The keys of the rows that a thread of alice had when its stack ended."""
    saved = (state_dir / "state" / "dynamodb.json").read_text()
    own = keys.turn("alice", thread).partition, keys.thread("alice", thread).sort
    return [key for key in own if json.dumps(key) in saved]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Looks again and again, as nobody is told when a deletion is done."""
    deadline = time.monotonic() + END_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_a_deleted_thread_has_left_goes(tmp_path: Path, model: ModelServer) -> None:
    """Its pictures and large items leave the bucket, its rows the table; another thread keeps its own."""
    with running_stack(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url) as stack:
        gone, kept = begin(stack), begin(stack)
        delete(stack, gone)
        wait_until(lambda: not objects(tmp_path, gone))
        assert objects(tmp_path, kept) == {"images", "items"}
        assert stack.end() == 0
    assert rows(tmp_path, gone) == []
    assert len(rows(tmp_path, kept)) == 2


def test_a_stack_that_ends_finishes_what_was_deleted(tmp_path: Path, model: ModelServer) -> None:
    """Ended at once after the deletion, it leaves nothing of the thread."""
    with running_stack(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url) as stack:
        gone = begin(stack)
        delete(stack, gone)
        assert stack.end() == 0
    assert (rows(tmp_path, gone), objects(tmp_path, gone)) == ([], set())


@pytest.mark.parametrize("who", ["everything", "the stack alone"])
def test_a_stack_that_was_killed_finishes_later(tmp_path: Path, model: ModelServer, who: str) -> None:
    """Killed at once after the deletion, it finishes when it is started again."""
    with running_stack(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url) as stack:
        gone = begin(stack)
        delete(stack, gone)
        own, *children = stack.family()
        for process in [own, *children] if who == "everything" else [own]:
            process.kill()
        psutil.wait_procs([own, *children], timeout=END_SECONDS)
    with running_stack(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url) as stack:
        wait_until(lambda: not objects(tmp_path, gone))
        assert stack.end() == 0
    assert (rows(tmp_path, gone), objects(tmp_path, gone)) == ([], set())


def test_a_thread_goes_when_its_time_is_over(tmp_path: Path, model: ModelServer) -> None:
    """A thread whose last day passed while the stack was down is gone at once, and soon so is all that it has left."""
    environment = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.url, "RETENTION_DAYS": "1"}
    with running_stack(tmp_path, **environment) as stack:
        gone = begin(stack)
        assert stack.end() == 0
    let_a_day_pass(tmp_path)
    with running_stack(tmp_path, **environment) as stack:
        kept = begin(stack)
        assert [thread["id"] for thread in json.loads(stack.chat("threads.list"))["data"]] == [kept]
        with pytest.raises(urllib.error.HTTPError) as refused:
            stack.chat("threads.get_by_id", thread_id=gone)
        refused.value.close()
        assert refused.value.code == 404
        wait_until(lambda: not objects(tmp_path, gone))
        assert objects(tmp_path, kept) == {"images", "items"}
        assert stack.end() == 0
    assert (rows(tmp_path, gone), objects(tmp_path, gone)) == ([], set())
    assert len(rows(tmp_path, kept)) == 2


def let_a_day_pass(state_dir: Path) -> None:
    """Sets every row's time back by a day and an hour, in what an ended stack has saved."""
    path = state_dir / "state" / "dynamodb.json"
    saved, number = re.subn(
        rf'("{table.TTL_ATTRIBUTE}": *{{"N": *")([0-9]+)"',
        lambda match: f'{match[1]}{int(match[2]) - 25 * 60 * 60}"',
        path.read_text(),
    )
    assert number
    path.write_text(saved)

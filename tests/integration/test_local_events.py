"""Events as a subscriber gets them, from the local stack as a newcomer starts it: every kind, each of its own form."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support import files
from tests.support.announced import NAMES, check
from tests.support.model_answers import HttpError, Stream
from tests.support.model_server import ModelServer
from tests.support.multipart import CONTENT_TYPE, Part, multipart
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.integration

PATIENCE: Final = 120
LOOK_SECONDS: Final = 0.05
SAID: Final = "Nobody else's business"
ANSWERED: Final = "Not a word"
FILE_NAME: Final = "tax return.pdf"
SHOWN: Final = "event     | "


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Stack]:
    variables = {"OPENAI_API_KEY": "sk-stand-in", "OPENAI_BASE_URL": model.url, "LIMITS": "user.threads=2"}
    with running_stack(tmp_path_factory.mktemp("state"), **variables) as stack:
        yield stack


def shown(stack: Stack) -> list[tuple[str, dict[str, Any]]]:
    """The events that the stack has shown, each checked: name and `detail`."""
    lines = [line.removeprefix(SHOWN).rstrip("\n") for line in list(stack.output) if line.startswith(SHOWN)]
    events = [(name, json.loads(content)) for name, _, content in (line.partition(" ") for line in lines)]
    for name, content in events:
        check(name, content)
    return events


def until(stack: Stack, **counts: int) -> list[tuple[str, dict[str, Any]]]:
    """The events, once there are so many of these names (with `_` for a dot)."""
    deadline = time.monotonic() + PATIENCE
    wanted = {name.replace("_", "."): count for name, count in counts.items()}
    while time.monotonic() < deadline:
        events = shown(stack)
        found = Counter(name for name, _ in events)
        if all(found[name] >= count for name, count in wanted.items()):
            return events
        time.sleep(LOOK_SECONDS)
    pytest.fail(f"{wanted} are not among {shown(stack)}")


def upload(stack: Stack) -> dict[str, Any]:
    """A file, by a direct upload."""
    part = Part(name="file", file_name=FILE_NAME, media_type="application/pdf", data=files.PDF)
    headers = {"content-type": CONTENT_TYPE, "authorization": f"Bearer {stack.token()}"}
    request = urllib.request.Request(f"{stack.url}/api/chatkit/upload", data=multipart(part), headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


def test_each_kind_of_event_is_told_once(stack: Stack, model: ModelServer) -> None:
    """Through real processes and a real bus; with ids that fit, what was used, and nothing of what was said."""
    model.script(Stream.text(ANSWERED))
    opened = stack.say(SAID)
    thread = next(event["thread"]["id"] for event in opened if event["type"] == "thread.created")
    item = next(event["item"]["id"] for event in reversed(opened) if event["type"] == "thread.item.done")
    stack.chat("items.feedback", thread_id=thread, item_ids=[item], kind="negative")
    attachment = upload(stack)
    until(stack, turn_completed=1, attachment_uploaded=1)
    model.script(HttpError.unauthorized())
    failed = stack.say(SAID)
    assert failed[-1]["type"] == "error"
    refused = stack.say(SAID)
    assert [event["type"] for event in refused] == ["error"]
    events = until(stack, thread_created=2, turn_failed=1, feedback_received=1, quota_exceeded=1)

    assert Counter(name for name, _ in events) == Counter(NAMES) + Counter(["thread.created"])
    told = dict(events)
    for _, content in events:
        assert (content["stage"], content["user"], content["tenant"]) == ("local", "alice", None)
    assert told["turn.completed"]["thread_id"] == thread
    assert {content["thread_id"] for name, content in events if name == "thread.created"} == {
        thread,
        told["turn.failed"]["thread_id"],
    }
    assert told["turn.completed"]["usage"]
    assert told["turn.completed"]["timings"]["first_text_ms"] > 0
    assert told["feedback.received"]["item_ids"] == [item]
    assert told["attachment.uploaded"]["attachment_id"] == attachment["id"]
    assert told["attachment.uploaded"]["mime_type"] == "application/pdf"
    assert told["quota.exceeded"]["limit"] == "threads"
    text = json.dumps(events)
    assert not [said for said in (SAID, ANSWERED, FILE_NAME) if said in text]

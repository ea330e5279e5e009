"""The commands, run as a newcomer runs them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import COMMAND, environment, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command, run to its end in the project's folder."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True, text=True, timeout=150, check=False, env=environment(**variables), cwd=ROOT,
    )  # fmt: skip


def test_invoke_streams_an_answer() -> None:
    """The head goes to standard error, the events to standard output."""
    done = run("invoke", "events/chat/threads_create.json")

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("HTTP 200\n")
    assert "content-type: text/event-stream" in done.stderr
    frames = [json.loads(frame[6:]) for frame in done.stdout.split("\n\n") if frame.startswith("data: ")]
    assert (frames[0]["type"], frames[-1]["type"]) == ("thread.created", "thread.item.done")


def test_invoke_keeps_what_it_did_if_asked(tmp_path: Path) -> None:
    """With a folder, the next run finds the thread of the one before; without one, an empty stack."""
    state = ("--state-dir", str(tmp_path))
    created = run("invoke", *state, "events/chat/threads_create.json")
    thread = json.loads(created.stdout.split("\n\n")[0][6:])["thread"]["id"]

    kept = json.loads(run("invoke", *state, "events/chat/threads_list.rest.json").stdout)
    fresh = json.loads(run("invoke", "events/chat/threads_list.json").stdout)

    assert [each["id"] for each in kept["data"]] == [thread]
    assert fresh["data"] == []


def test_invoke_of_an_event_that_is_none(tmp_path: Path) -> None:
    """Any JSON object may be tried on a handler: what it answers is what is shown."""
    event = tmp_path / "odd.json"
    event.write_text("{}")

    done = run("invoke", "--function", "api", str(event))

    assert done.returncode == 0
    assert done.stderr.startswith("HTTP 400\n")
    assert json.loads(done.stdout)["code"] == "invalid_request"


def test_invoke_of_a_handler_that_cannot_be_imported(tmp_path: Path) -> None:
    """One sentence with the reason, no traceback."""
    (tmp_path / "jwt.py").write_text("raise RuntimeError('broken on purpose')")

    done = run("invoke", "events/chat/threads_create.json", PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("chatkit-lambda: functions.handlers.")
    assert done.stderr.endswith("cannot be imported: RuntimeError: broken on purpose\n")
    assert done.stderr.count("\n") == 1


def test_chat_with_a_running_stack(tmp_path: Path) -> None:
    """The answer is printed, the thread is named, and can be gone on with."""
    with running_stack(tmp_path) as stack:
        first = run("chat", "--url", stack.url, "Hello there")
        thread = first.stderr.removeprefix("thread ").strip()
        second = run("chat", "--raw", "--thread", thread, "And again", PORT=stack.url.rpartition(":")[2])
        foreign = run("chat", "--url", stack.url, "--user", "bob", "--thread", thread, "Let me in")

    assert first.returncode == second.returncode == 0
    assert "scripted assistant" in first.stdout
    assert json.loads(second.stdout.splitlines()[-1])["type"] == "thread.item.done"
    assert foreign.returncode == 1
    assert foreign.stdout == ""
    assert foreign.stderr.startswith("chatkit-lambda: the answer failed: ")
    assert foreign.stderr.count("\n") == 1


def test_chat_without_a_stack() -> None:
    """It says where nothing answers, and what to do."""
    done = run("chat", "--url", "http://127.0.0.1:9", "Hello")

    assert done.returncode == 1
    assert done.stderr.startswith("chatkit-lambda: nothing answers at http://127.0.0.1:9 ")
    assert "chatkit-lambda serve" in done.stderr


def test_the_key_of_a_running_stack_is_rotated(tmp_path: Path) -> None:
    """Its name is printed, and who had a token goes on with it; a second rotation is refused, and the stack says why."""
    with running_stack(tmp_path) as stack:
        token = stack.token()
        first = run("rotate-key", "--url", stack.url)
        second = run("rotate-key", PORT=stack.url.rpartition(":")[2])
        threads = json.loads(stack.post("/chatkit", {"type": "threads.list", "params": {}}, token=token))
        stack.end()

    assert first.returncode == 0, first.stderr
    assert re.fullmatch("key [0-9a-f]{16} is current; tokens of the key before it stay good\n", first.stdout)
    assert threads["data"] == []
    assert (second.returncode, second.stdout) == (1, "")
    assert "HTTP 409: createSecret failed (InternalError); the rotation function's log says why" in second.stderr
    assert "tokens of the key before the current one may still be good" in "".join(stack.output)

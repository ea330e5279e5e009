"""What is kept of one user in the local stack is exported and erased, by the command, as an operator does it."""

import json
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.stack import COMMAND, environment, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]

ROOT = Path(__file__).parents[2]


def user(*arguments: str, state_dir: Path) -> subprocess.CompletedProcess[str]:
    """A command on the data of a stack that is not running."""
    return subprocess.run(
        [*COMMAND, "user", *arguments, "--local", "--state-dir", str(state_dir)],
        capture_output=True, text=True, timeout=150, check=False, env=environment(), cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_user_is_exported_and_erased(tmp_path: Path) -> None:
    """What was said is in the export, and gone after the erasure, also where that was killed; another user's stays."""
    state = tmp_path / "state"
    with running_stack(state) as stack:
        for name in ("alice", "bob"):
            message = {"content": [{"type": "input_text", "text": f"This is {name}"}], "attachments": []}
            stack.chat("threads.create", name, input={**message, "inference_options": {}})
        busy = user("export", "--user", "alice", "--out", str(tmp_path / "early.zip"), state_dir=state)
        stack.end()
    assert busy.returncode == 1
    assert "is in use by another local stack" in busy.stderr
    assert not (tmp_path / "early.zip").exists()

    done = user("export", "--user", "alice", "--out", str(tmp_path / "alice.zip"), state_dir=state)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "alice.zip") as file:
        (thread,) = [json.loads(line) for line in file.read("threads.jsonl").splitlines()]
        items = file.read(f"threads/{thread['id']}/items.jsonl").decode()
        assert len(file.read("sessions.jsonl").splitlines()) == 1
    assert "This is alice" in items
    assert "This is bob" not in items

    command = [*COMMAND, "user", "erase", "--user", "alice", "--yes", "--local", "--state-dir", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT) as process:
        assert process.stdout
        assert any(" hold of alice: 1 threads" in line for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    finished = user("erase", "--user", "alice", "--yes", state_dir=state)
    assert finished.returncode == 0, finished.stderr
    assert "removed: " in finished.stdout

    for name, threads in (("alice", 0), ("bob", 1)):
        done = user("export", "--user", name, "--out", str(tmp_path / f"{name}-after"), state_dir=state)
        assert done.returncode == 0, done.stderr
        assert len((tmp_path / f"{name}-after/threads.jsonl").read_text().splitlines()) == threads

"""`chatkit-lambda serve`, as a newcomer runs it."""

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.stack import COMMAND, END_SECONDS, Stack, environment, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for the tests that leave it running."""
    with running_stack(tmp_path_factory.mktemp("state")) as running:
        yield running


def texts(stack: Stack, thread: str) -> list[str]:
    """What was said in a thread."""
    items = json.loads(stack.chat("threads.get_by_id", thread_id=thread))["items"]["data"]
    return [item["content"][0]["text"] for item in items]


def test_it_says_what_it_does(stack: Stack) -> None:
    """It says who answers, what it starts, and, on a line of its own, where the page is."""
    said = "".join(stack.output)

    assert "no OPENAI_API_KEY: a scripted assistant answers" in said
    assert "starting ministack" in said
    assert f"Open {stack.url}/\n" in stack.output


def test_the_page(stack: Stack) -> None:
    """`/` is the page."""
    with urllib.request.urlopen(f"{stack.url}/", timeout=120) as page:
        assert page.headers["content-type"].startswith("text/html")


def test_a_conversation(stack: Stack) -> None:
    """A message is answered event by event, and both are there when the thread is read."""
    events = stack.say("What is a Lambda function?")

    assert [event["type"] for event in events[:3]] == ["thread.created", "thread.item.done", "stream_options"]
    thread = events[0]["thread"]["id"]
    streamed = "".join(event["update"].get("delta", "") for event in events if event["type"] == "thread.item.updated")
    question, answer = texts(stack, thread)
    assert question == "What is a Lambda function?"
    assert answer == streamed
    assert "scripted assistant" in answer


def test_another_users_thread_does_not_exist(stack: Stack) -> None:
    """To Bob, Alice's thread is a 404."""
    thread = stack.say("Between us")[0]["thread"]["id"]

    with pytest.raises(urllib.error.HTTPError) as refused:
        stack.chat("threads.get_by_id", user="bob", thread_id=thread)
    refused.value.close()

    assert refused.value.code == 404


def test_ports_are_on_this_machine_only(stack: Stack) -> None:
    """Nothing that the stack opens can be reached from another machine."""
    listening = [
        connection.laddr.ip
        for process in stack.family()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= 2
    assert set(listening) == {"127.0.0.1"}


def test_two_stacks_on_one_folder(stack: Stack) -> None:
    """A second stack with the same data does not start, and says why."""
    refused = subprocess.run(
        [*COMMAND, "serve", "--port", "0", "--state-dir", str(stack.state_dir)],
        capture_output=True, text=True, timeout=150, check=False, env=environment(),
    )  # fmt: skip

    assert refused.returncode == 1
    assert refused.stderr == f"chatkit-lambda: setting STATE_DIR: {stack.state_dir} is in use by another local stack\n"


def test_a_port_in_use(tmp_path: Path) -> None:
    """It says which port, and starts nothing."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = subprocess.run(
            [*COMMAND, "serve", "--state-dir", str(tmp_path / "state")],
            capture_output=True, text=True, timeout=150, check=False, env=environment(PORT=str(port)),
        )  # fmt: skip

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"chatkit-lambda: setting PORT: 127.0.0.1:{port} is in use by another program")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "state").exists()


def test_a_function_that_cannot_be_started(tmp_path: Path) -> None:
    """The stack ends with one sentence, behind the function's own log, and with everything that it has started."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "jwt.py").write_text("raise RuntimeError('broken on purpose')")  # only the functions import it

    refused = subprocess.run(
        [*COMMAND, "serve", "--port", "0", "--state-dir", str(tmp_path / "state")],
        capture_output=True, text=True, timeout=150, check=False, env=environment(PYTHONPATH=str(broken)),
    )  # fmt: skip

    assert refused.returncode == 1
    *log, sentence = refused.stderr.splitlines()
    assert sentence.startswith("chatkit-lambda: the ")
    assert sentence.endswith("its log above says why")
    assert [line for line in log if "broken on purpose" in line]
    assert not [line for line in log if "functions/local" in line]


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """It leaves no process, and what was said is there, and can be gone on with, after the next start."""
    with running_stack(tmp_path) as first:
        thread = first.say("Remember this")[0]["thread"]["id"]
        before = texts(first, thread)
        family = first.family()
        assert first.end(signal.SIGINT) == 0
        _, alive = psutil.wait_procs(family, timeout=0)

    assert len(family) >= 4  # itself, ministack, two functions
    assert alive == []
    with running_stack(tmp_path) as second:
        assert texts(second, thread) == before
        assert second.say("And this", thread=thread)[-1]["type"] == "thread.item.done"


def test_an_impatient_ctrl_c(tmp_path: Path) -> None:
    """A second one, whenever it comes, leaves no process either, and no lock that keeps the next stack off."""
    with running_stack(tmp_path) as stack:
        family = stack.family()
        stack.process.send_signal(signal.SIGINT)
        assert stack.end(signal.SIGINT) in {0, 130}
        _, alive = psutil.wait_procs(family, timeout=END_SECONDS)

    assert alive == []
    with running_stack(tmp_path) as again:
        assert again.say("Hello")[0]["type"] == "thread.created"


def test_a_power_cut(tmp_path: Path) -> None:
    """When everything is killed at once, nothing that was answered is lost."""
    with running_stack(tmp_path) as first:
        thread = first.say("Remember this")[0]["thread"]["id"]
        before = texts(first, thread)
        family = first.family()
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=END_SECONDS)

    with running_stack(tmp_path) as second:
        assert texts(second, thread) == before


def test_a_stack_that_is_killed_alone(tmp_path: Path) -> None:
    """What it has started notices, saves, and ends; the next stack waits for that and goes on."""
    with running_stack(tmp_path) as stack:
        thread = stack.say("Remember this")[0]["thread"]["id"]
        before = texts(stack, thread)
        _, *children = stack.family()
        stack.process.kill()
        stack.process.wait()
        with running_stack(tmp_path) as second:
            assert texts(second, thread) == before
        _, alive = psutil.wait_procs(children, timeout=END_SECONDS)

    assert alive == []
    assert not (tmp_path / "state" / "journal.jsonl").exists()


def test_the_key_is_kept_nowhere(tmp_path: Path) -> None:
    """Neither what the stack says nor what it leaves on disk holds the model's key; its log says why the model failed,
    and not, at any level, what a user wrote."""
    key = "sk-this-is-the-key"
    model = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    with running_stack(tmp_path, **model, LOG_LEVEL="DEBUG") as stack:
        assert stack.say("what only Alice knows")[-1]["type"] == "error"
        family = stack.family()
        assert stack.end(signal.SIGTERM) == 0
        _, alive = psutil.wait_procs(family, timeout=0)

    assert alive == []
    assert "a model answers: 127.0.0.1\n" in stack.output
    assert key not in "".join(stack.output)
    assert "what only Alice knows" not in "".join(stack.output)
    assert [line for line in stack.output if "WARNING the model failed" in line and "reason=model_unreachable" in line]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if key.encode() in path.read_bytes()] == []


def test_ministack_ends_by_itself(tmp_path: Path) -> None:
    """A stack without its database ends, and says so."""
    with running_stack(tmp_path) as stack:
        [ministack] = [child for child in stack.family() if "functions.local.ministack_process" in child.cmdline()]
        ministack.kill()
        assert stack.process.wait(END_SECONDS) == 1

    assert "ministack ended by itself (exit status -9)" in "".join(stack.output)

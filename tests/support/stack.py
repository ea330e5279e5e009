"""The local stack as a newcomer starts it: `chatkit-lambda serve`, on a free port."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from functions.protocol.requests import STREAMING_TYPES

START_SECONDS = 120
END_SECONDS = 90
COMMAND = (sys.executable, "-m", "functions.local.cli")


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without what would change a stack, and with `variables`."""
    own = ("OPENAI_", "AWS_", "PORT", "STATE_DIR", "LOG_LEVEL", "ALLOWED_HOSTS", "IDENTITY", "OIDC_", "LOCAL_API_KEY")
    own += ("TOKEN_SECONDS", "SESSION_SECONDS", "REFRESH_GRACE_SECONDS", "HOSTED_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | variables


@dataclass
class Stack:
    """A running stack."""

    process: subprocess.Popen[str]
    state_dir: Path
    output: list[str] = field(default_factory=list)
    """The lines of its standard output and standard error."""
    url: str = ""

    def family(self) -> list[psutil.Process]:
        """It and all processes that it has started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def token(self, user: str = "alice") -> str:
        """A client token, as a page gets it."""
        return json.loads(self.post("/api/chatkit/start", {"user": user}))["client_secret"]

    def post(self, path: str, content: Any, *, token: str | None = None, accept: str = "*/*") -> bytes:
        """The body of an answer. Raises `urllib.error.HTTPError`."""
        headers = {"content-type": "application/json", "accept": accept}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, data=json.dumps(content).encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.read()

    def chat(self, type: str, user: str = "alice", **params: Any) -> bytes:  # noqa: A002 - the protocol's word
        """The answer to one request of the protocol."""
        accept = "text/event-stream" if type in STREAMING_TYPES else "*/*"
        return self.post("/chatkit", {"type": type, "params": params}, token=self.token(user), accept=accept)

    def say(self, text: str, *, thread: str | None = None) -> list[dict[str, Any]]:
        """The events of the answer to a message."""
        message = {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}}
        if thread is None:
            stream = self.chat("threads.create", input=message)
        else:
            stream = self.chat("threads.add_user_message", thread_id=thread, input=message)
        return [json.loads(frame[6:]) for frame in stream.split(b"\n\n") if frame.startswith(b"data: ")]

    def end(self, number: int = signal.SIGINT) -> int:
        """Sends a signal and waits; gives the exit status."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


@contextmanager
def running_stack(state_dir: Path, **variables: str) -> Iterator[Stack]:
    """A stack that is ready; ended with everything that it has started."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--state-dir", str(state_dir)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(**variables),
    )
    stack = Stack(process, state_dir)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, stack.output, lines), daemon=True)
    reader.start()
    family: list[psutil.Process] = []
    try:
        while not stack.url:
            line = lines.get(timeout=START_SECONDS)
            assert line is not None, "the stack ended while it started:\n" + "".join(stack.output)
            if line.startswith("Open http"):
                stack.url = line.removeprefix("Open ").strip().rstrip("/")
        family = stack.family()
        yield stack
    finally:
        if process.poll() is None:
            family = stack.family()
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in family:
            if child.is_running():
                child.kill()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def _read(process: subprocess.Popen[str], output: list[str], lines: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        output.append(line)
        lines.put(line)
    lines.put(None)

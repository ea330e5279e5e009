"""A function's process is made into a snapshot, and started from it (SnapStart), through our own start and loop.

The Runtime API stands in for Lambda: a process that asks it for `restore/next` is where an image of its memory is taken, and
what it does behind the answer, each copy does (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html).
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from functions.runtime.wire import INVOCATION_PATH
from infra.package import EXEC_WRAPPER
from tests.support.loopback_http import send, served

pytestmark = pytest.mark.integration

ROOT: Final = Path(__file__).resolve().parents[2]
RESTORE: Final = "/2018-06-01/runtime/restore/next"
ANSWERED: Final = f"POST {INVOCATION_PATH}/one/response"
PATIENCE: Final = 120.0


NEXT: Final = {
    "Lambda-Runtime-Aws-Request-Id": "one",
    "Lambda-Runtime-Deadline-Ms": "4102444800000",
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:test",
    "Content-Type": "application/json",
    "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
}


class Process:
    """A process of the function for runtimes' tests, started as Lambda starts it, and the Runtime API that it talks to."""

    def __init__(self, address: str, initialization: str) -> None:
        self.said: queue.Queue[tuple[str, Any]] = queue.Queue()
        """What it asked for and what it posted, in order; at last that it has ended, and what it printed."""
        self.may_go_on = threading.Event()
        """Set: the process is started from its snapshot."""
        self._is_over = threading.Event()
        self._events = iter((json.dumps({"do": "snapshot"}).encode(),))
        self._child = subprocess.Popen(
            [str(ROOT / EXEC_WRAPPER), sys.executable, "/var/runtime/bootstrap.py"],
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_RUNTIME_API": address.removeprefix("http://"),
                "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
                "LAMBDA_TASK_ROOT": str(ROOT),
                "_HANDLER": "tests.support.runtime_handlers.handler",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._watch = threading.Thread(target=self._bury)
        self._watch.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers as the Runtime API does: with one event, and then with none."""
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        self.said.put((f"{request.command} {request.path}", json.loads(body) if body else None))
        if request.command == "POST":
            send(request, b"", 202)
        elif request.path == RESTORE:
            self.may_go_on.wait()
            send(request, b"")
        elif (event := next(self._events, None)) is not None:
            send(request, event, headers=NEXT)
        else:
            self._is_over.wait()

    def close(self) -> None:
        self._child.kill()
        self._watch.join()
        self.may_go_on.set()
        self._is_over.set()

    def _bury(self) -> None:
        printed, _ = self._child.communicate()
        self.said.put(("ended", printed.decode()))


@contextmanager
def started(initialization: str) -> Iterator[Process]:
    processes: list[Process] = []
    with served(lambda request: processes[0].answer(request)) as address:
        processes.append(Process(address, initialization))
        try:
            yield processes[0]
        finally:
            processes[0].close()


def test_our_start_runs_the_hooks() -> None:
    """Those for the snapshot before the process asks for it, those for a restart behind it and before the first event."""
    with started("snap-start") as process:
        assert process.said.get(timeout=PATIENCE) == (f"GET {RESTORE}", None)
        process.may_go_on.set()
        assert process.said.get(timeout=PATIENCE) == (f"GET {INVOCATION_PATH}/next", None)
        assert process.said.get(timeout=PATIENCE) == (ANSWERED, ["before the snapshot", "behind the restart"])


def test_without_snapstart_no_hook_runs() -> None:
    """A process that is started anew asks for its first event at once."""
    with started("on-demand") as process:
        assert process.said.get(timeout=PATIENCE) == (f"GET {INVOCATION_PATH}/next", None)
        assert process.said.get(timeout=PATIENCE) == (ANSWERED, [])


CALL: Final = """
import asyncio, sys
from functions.model.openai_client import OpenAIClient, load
from functions.model.openai_responses import OpenAIResponses

async def call():
    model = OpenAIResponses(client=OpenAIClient(api_key=lambda: "sk-test", base_url=sys.argv[1]))
    return [event["type"] async for event in model.stream({"model": "gpt", "input": "Hello", "stream": True})]

load()
before = set(sys.modules)
print(*asyncio.run(call()))
print(*(name for name in sys.modules if name not in before and name.partition(".")[0] not in sys.stdlib_module_names))
"""
COMPLETED: Final = b'data: {"type": "response.completed", "response": {"id": "resp_1"}}\n\n'


def test_a_copy_calls_the_model_without_an_import() -> None:
    """All that the first call of the model's would import is in the snapshot."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["content-length"]))
        send(request, COMPLETED, headers={"content-type": "text/event-stream"})

    with served(answer) as address:
        done = subprocess.run(
            [sys.executable, "-c", CALL, f"{address}/v1"],
            env={},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert done.stdout.splitlines() == ["response.completed", ""], done.stderr

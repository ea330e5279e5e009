"""A function's handler in a process of its own, with the function's environment and its role's credentials alone.

As a program (`python -m tests.support.handler_process MODULE`) it is that process: a line with an event in, a line with the
answer out.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MARK = "answer: "
"""What an answer's line begins with; what handlers print, such as metrics, has lines of its own."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
SECONDS_LEFT = 60


@dataclass
class Handler:
    """A handler to call."""

    process: subprocess.Popen[str]

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """What it returns; of a stream, status and body. What it raises fails the test."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        said: list[str] = []
        for line in self.process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
            said.append(line)
        raise AssertionError("the handler's process ended:\n" + "".join(said))


@contextmanager
def running(module: str, environment: Mapping[str, str]) -> Iterator[Handler]:
    """The handler of a module, imported as Lambda does."""
    inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, module],
        env=inherited | dict(environment), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Handler(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class _Context:
    function_name = "handler"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:handler"

    def __init__(self, number: int) -> None:
        self.aws_request_id = f"request-{number}"
        self._until = time.monotonic() + SECONDS_LEFT

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._until - time.monotonic()) * 1000))


def _answer(result: Any) -> Any:
    from functions.runtime import loop
    from functions.runtime.drive import drive
    from functions.runtime.response import StreamingResponse

    if not isinstance(result, StreamingResponse):
        return result
    body = bytearray()

    async def pour(chunk: bytes) -> None:
        body.extend(chunk)

    failure = loop.run(drive(result, pour))
    return {"statusCode": result.status, "body": body.decode(), "failure": repr(failure) if failure else None}


def _main(module: str) -> None:
    from functions.runtime.afterwards import do_afterwards

    handler = importlib.import_module(module).handler
    for number, line in enumerate(sys.stdin):
        try:
            answer = _answer(handler(json.loads(line), _Context(number)))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what the test is told
            answer = {"raised": f"{type(error).__name__}: {error}"}
        print(MARK + json.dumps(answer), flush=True)
        do_afterwards()


if __name__ == "__main__":
    _main(sys.argv[1])

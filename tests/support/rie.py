"""AWS's Runtime Interface Emulator: the only Runtime API by AWS itself that runs without AWS.

It ships inside the wheel of aws-sam-cli, from which the one binary is taken into `.cache`; nothing is installed. It
buffers a streamed response and drops its error trailers, so it shows that a stream is accepted, not that it streams.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from tests.support.ports import free_ports, listens

ROOT: Final = Path(__file__).parents[2]

_VERSION: Final = "1.170.0"
_SHA256: Final = {
    "x86_64": "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    "arm64": "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
}
_START_SECONDS: Final = 60.0
_ATTEMPTS: Final = 3
_INVOKE: Final = "/2015-03-31/functions/function/invocations"


class NotAvailable(Exception):
    """The emulator cannot be had here; the message says why."""


def binary() -> Path:
    """The emulator for this machine, fetched once. Raises `NotAvailable`."""
    if sys.platform != "linux":
        raise NotAvailable("AWS's Runtime Interface Emulator runs on Linux only")
    machine = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if machine is None:
        raise NotAvailable(f"AWS's Runtime Interface Emulator is not built for {platform.machine()}")
    path = ROOT / ".cache" / f"aws-lambda-rie-{_VERSION}-{machine}"
    if not path.exists():
        _fetch(f"samcli/local/rapid/aws-lambda-rie-{machine}", path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256[machine]:
        raise AssertionError(f"{path} is not the emulator that this test was written for: delete it")
    return path


def _fetch(member: str, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        wheel = ["--no-deps", "--no-build", "--python-version", "3.12", f"aws-sam-cli=={_VERSION}"]
        fetched = subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, *wheel],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=100,
            check=False,
        )
        if fetched.returncode != 0:
            raise NotAvailable(
                f"the wheel of aws-sam-cli {_VERSION} could not be fetched, which carries AWS's emulator"
            )
        ready = Path(folder) / "ready"
        shutil.copyfile(Path(folder) / member, ready)
        ready.chmod(0o755)
        ready.replace(path)


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator with one function process behind it."""

    port: int

    def invoke(self, event: Mapping[str, Any]) -> tuple[int, bytes]:
        """Sends an event; gives the emulator's own status, and the bytes that the function posted."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            connection.request("POST", _INVOKE, json.dumps(event))
            response = connection.getresponse()
            return response.status, response.read()


@contextlib.contextmanager
def emulator(*, handler: str, environment: Mapping[str, str]) -> Iterator[Emulator]:
    """Runs the emulator on 127.0.0.1 only, with our exec wrapper as the function's start; ends both."""
    process, front = _started(handler, environment)
    try:
        yield Emulator(front)
    finally:
        _end(process)


def _started(handler: str, environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """The emulator and its port. A port that was free a moment ago may be somebody else's: others are tried then."""
    for _ in range(_ATTEMPTS):
        front, api = free_ports(2)
        process = _start(handler, environment, front=front, api=api)
        if _listens(process, front):
            return process, front
        _end(process)
    raise AssertionError("AWS's Runtime Interface Emulator does not listen")


def _start(handler: str, environment: Mapping[str, str], *, front: int, api: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            binary(),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{front}"),
            *("--runtime-api-address", f"127.0.0.1:{api}"),
            *(ROOT / "functions/runtime/exec-wrapper", sys.executable),
        ],
        env={
            "PATH": os.environ["PATH"],
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_LAMBDA_FUNCTION_NAME": "test",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            **environment,
        },
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the process listens at this port by now; it is given time."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if listens(process.pid, port):
            return True
        time.sleep(0.02)
    return False

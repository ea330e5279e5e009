"""ministack as a process of its own: DynamoDB, S3 and Secrets Manager over loopback HTTP, one per session and worker.

`AUTH` is on, so signatures are checked; the access key is `test`, and so is its secret.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_ports, listens

START_SECONDS = 90
ATTEMPTS = 3


@dataclass(frozen=True)
class Ministack:
    """A running ministack."""

    endpoint: str
    region: str = "us-east-1"
    key: str = "test"

    def client_arguments(self) -> dict[str, Any]:
        """The keyword arguments of `boto3.client` for any service."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.key,
        }


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """A ministack that lives as long as the session, and keeps nothing."""
    folder = tmp_path_factory.mktemp("ministack")
    process, endpoint = _start(folder)
    try:
        yield Ministack(endpoint)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    log = folder / "ministack.log"
    for _ in range(ATTEMPTS):
        (port,) = free_ports(1)
        endpoint = f"http://127.0.0.1:{port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        settings = {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "0",
            "S3_PERSIST": "0",
            "LOG_LEVEL": "WARNING",
            "TMPDIR": str(folder),
        }
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ministack"], env=inherited | settings, stdout=output, stderr=output
            )
        if _ready(process, port, endpoint):
            return process, endpoint
        process.kill()
        process.wait()
    pytest.fail(f"ministack did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _ready(process: subprocess.Popen[bytes], port: int, endpoint: str) -> bool:
    """Whether it serves by now; it is given time. Another program's answer at this port is no answer."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if listens(process.pid, port):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=20).close()
                return True
        time.sleep(0.02)
    return False

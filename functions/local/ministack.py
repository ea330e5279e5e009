"""ministack, the stand-in for AWS on this machine, as a child process: DynamoDB, S3, Secrets Manager on one port."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from functions.errors import ChatKitLambdaError

REGION: Final = "us-east-1"
_ACCESS_KEY: Final = "local"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
"""How long it may take to save its state."""


class MinistackFailed(ChatKitLambdaError):
    """ministack did not start, or ended by itself."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys for this one run, which nothing outside it accepts."""

    access_key: str
    secret_key: str = field(repr=False)


class Ministack:
    """A running ministack; made by `start`."""

    def __init__(
        self,
        process: Process,
        *,
        port: int,
        credentials: Credentials,
        log: "asyncio.Task[None]",
        scratch: "tempfile.TemporaryDirectory[str] | None",
    ) -> None:
        self._process = process
        self._log = log
        self._scratch = scratch
        self.endpoint = f"http://127.0.0.1:{port}"
        self.credentials = credentials

    @classmethod
    async def start(
        cls,
        *,
        state_dir: Path | None,
        inherited: Mapping[str, str],
        log: Callable[[str], None],
        holding: tuple[int, ...] = (),
    ) -> "Ministack":
        """Starts it and returns when it answers. Without `state_dir`, nothing is kept.

        `holding` are descriptors that stay open as long as it lives, such as a lock's; `inherited` is the environment
        to start from; `log` gets each line that it writes. Raises `MinistackFailed`.
        """
        scratch = tempfile.TemporaryDirectory(prefix="chatkit-lambda-") if state_dir is None else None
        directory = Path(scratch.name) if scratch is not None else (state_dir or Path()).absolute()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        credentials = Credentials(_ACCESS_KEY, secrets.token_urlsafe(32))
        # Listening before it is started: there is no port to lose, and a first request waits until it is answered.
        listener = socket.create_server(("127.0.0.1", 0))
        try:
            port = int(listener.getsockname()[1])
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "functions.local.ministack_process",
                str(listener.fileno()),
                stdin=PIPE,
                stdout=PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(listener.fileno(), *holding),
                env={**inherited, **_variables(directory, port, credentials, keep=state_dir is not None)},
                umask=0o077,
                # Ctrl-C reaches the whole foreground group; this process ends when it is told, after the functions.
                start_new_session=True,
            )
        finally:
            listener.close()
        ministack = cls(
            process,
            port=port,
            credentials=credentials,
            log=asyncio.create_task(_forward(process, log)),
            scratch=scratch,
        )
        try:
            await ministack._until_ready(port)
        except BaseException:
            await ministack.stop()
            raise
        return ministack

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process.returncode is None

    def environment(self) -> dict[str, str]:
        """The variables with which an AWS client of a child process talks to it, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    async def wait(self) -> int:
        """Returns its exit status when it has ended."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ends it, once it has saved its state."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
            except TimeoutError:
                self.kill()
                await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._log
        if self._scratch is not None:
            self._scratch.cleanup()

    def kill(self) -> None:
        """Ends it at once; its journal keeps what it has not saved."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _until_ready(self, port: int) -> None:
        answered = asyncio.create_task(_health(port))
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({answered, ended}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise MinistackFailed(f"ministack ended while it started (exit status {self._process.returncode})")
            if not answered.done():
                raise MinistackFailed(f"ministack did not answer within {_START_SECONDS:.0f} seconds")
            try:
                answered.result()
            except (OSError, ValueError) as error:
                raise MinistackFailed(f"ministack does not answer as expected ({error})") from error
        finally:
            for task in (answered, ended):
                task.cancel()
            await asyncio.gather(answered, ended, return_exceptions=True)


def _variables(directory: Path, port: int, credentials: Credentials, *, keep: bool) -> dict[str, str]:
    kept = "1" if keep else "0"
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": kept,
        "STATE_DIR": str(directory / "state"),
        "S3_PERSIST": kept,
        "S3_DATA_DIR": str(directory / "s3"),
        # Services that would open ports of their own.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # At its start ministack removes containers that it takes for its own: it has no business with this machine's.
        "DOCKER_HOST": f"unix://{directory / 'no-docker.sock'}",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
    }


async def _forward(process: Process, log: Callable[[str], None]) -> None:
    if process.stdout is None:
        return
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue  # a line longer than the reader's buffer, which it has dropped
        if not line:
            return
        log(line.decode(errors="replace").rstrip())


async def _health(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if b" 200 " not in head.partition(b"\r\n")[0] or "services" not in json.loads(body):
        raise ValueError("its health check failed")

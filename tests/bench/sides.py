"""The two servers that are compared, each started anew for every round."""

import asyncio
import json
import os
import signal
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import h11

from functions.identity.keys import OneKey, SigningKey
from functions.identity.tokens import ClientTokens
from functions.local import resources
from functions.local.backend import Backend
from functions.local.events import Event, HttpRequest, function_url_event
from functions.local.function import THROTTLED, Function, FunctionError, Invocation
from functions.local.samples import HANDLERS
from tests.bench.environments import Environments
from tests.bench.measuring import BrokenSide
from tests.bench.model import Pace

_TOKEN_SECONDS: Final = 3600
_LOG_LINES: Final = 40
_READY_AGAIN: Final = 0.005
_READ_SIZE: Final = 65_536
_PASSED_ON: Final = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")


def question(pace: Pace) -> bytes:
    """The body of a request for a new thread with its first message."""
    content = [{"type": "input_text", "text": pace}]
    message = {"content": content, "attachments": [], "inference_options": {}}
    return json.dumps({"type": "threads.create", "params": {"input": message}}).encode()


class Side(Protocol):
    """One of the two."""

    def start(self) -> AbstractAsyncContextManager["Running"]:
        """A new server, which ends with the context."""
        ...


class Running(Protocol):
    """A server of one side, from its process's start to its end."""

    @property
    def pid(self) -> int:
        """The process that serves."""
        ...

    def ask(self, pace: Pace) -> AsyncGenerator[bytes]:
        """Asks a question and gives the bytes of the answer's body as they come."""
        ...


def environment(**more: str) -> dict[str, str]:
    """A small environment, so that nothing of the user's shell weighs on either side."""
    inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**inherited, "NO_PROXY": "127.0.0.1", **more}


class Official:
    """`openai-chatkit` behind uvicorn."""

    def __init__(self, environments: Environments, *, model_url: str) -> None:
        """`model_url` is the base URL of the model."""
        self._python = environments.official_python
        self._model_url = model_url

    @asynccontextmanager
    async def start(self) -> AsyncGenerator[Running]:
        """Starts uvicorn. The first question waits in the listening socket until it is read."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = await asyncio.create_subprocess_exec(
                self._python,
                "-m",
                "uvicorn",
                "official_app:app",
                "--app-dir",
                Path(__file__).parent,
                "--fd",
                str(listener.fileno()),
                "--log-level",
                "warning",
                env=environment(
                    OPENAI_API_KEY="sk-bench", OPENAI_BASE_URL=self._model_url, OPENAI_AGENTS_DISABLE_TRACING="1"
                ),
                pass_fds=[listener.fileno()],
            )
            try:
                yield _OfficialServer(process.pid, listener.getsockname()[1])
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                await process.wait()


class _OfficialServer:
    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self._port = port

    async def ask(self, pace: Pace) -> AsyncGenerator[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with aclosing(_post(reader, writer, f"127.0.0.1:{self._port}", question(pace))) as body:
                async for chunk in body:
                    yield chunk
        finally:
            writer.close()
            await writer.wait_closed()


class Ours:
    """The chat function's process, behind the local Runtime API."""

    def __init__(self, environments: Environments, ground: Backend) -> None:
        """`ground` is the AWS that the function talks to, prepared, with the model's address in its environment."""
        self._environments = environments
        self._ground = ground
        aws = resources.Clients.connect(endpoint=ground.ministack.endpoint, credentials=ground.ministack.credentials)
        secret = aws.secrets_manager.get_secret_value(SecretId=resources.TOKEN_SECRET)
        keys = OneKey(SigningKey.from_secret(secret["SecretString"]))
        self._token = ClientTokens(keys=keys, seconds=_TOKEN_SECONDS).issue("bench").client_secret

    @asynccontextmanager
    async def start(self) -> AsyncGenerator[Running]:
        """Starts nothing yet: as on Lambda, the first question starts the process."""
        log: deque[str] = deque(maxlen=_LOG_LINES)
        function = Function(
            "chat",
            HANDLERS["chat"],
            self._ground.environment,
            base_environment=environment(),
            concurrency=1,
            task_root=self._environments.our_package,
            python=str(self._environments.our_python),
            log=log.append,
        )
        try:
            yield _OurFunction(function, self._token)
        except (BrokenSide, FunctionError) as failure:
            raise BrokenSide("\n".join([str(failure), *log])) from failure
        finally:
            await function.close()


class _OurFunction:
    def __init__(self, function: Function, token: str) -> None:
        self._function = function
        self._token = token

    @property
    def pid(self) -> int:
        (pid,) = self._function.pids
        return pid

    async def ask(self, pace: Pace) -> AsyncGenerator[bytes]:
        request = HttpRequest(
            method="POST",
            path="/chatkit",
            query="",
            headers=[
                ("host", "bench.lambda-url.us-east-1.on.aws"),
                ("content-type", "application/json"),
                ("accept", "text/event-stream"),
                ("authorization", f"Bearer {self._token}"),
            ],
            body=question(pace),
            source_ip="127.0.0.1",
        )
        answer = await self._invoke(function_url_event(request, request_id="bench", now=time.time()))
        if answer.status != 200:
            raise BrokenSide(f"the chat function answered with status {answer.status}")
        async for chunk in answer.body:
            yield chunk

    async def _invoke(self, event: Event) -> Invocation:
        # Between the end of an answer and its readiness for the next event, the only process allowed is busy.
        while True:
            try:
                return await self._function.invoke(event)
            except FunctionError as failure:
                if failure.type != THROTTLED:
                    raise
                await asyncio.sleep(_READY_AGAIN)


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, content: bytes
) -> AsyncGenerator[bytes]:
    http = h11.Connection(h11.CLIENT)
    headers = [
        ("host", host),
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
        ("content-length", str(len(content))),
    ]
    head = h11.Request(method="POST", target="/chatkit", headers=headers)
    for event in (head, h11.Data(data=content), h11.EndOfMessage()):
        writer.write(http.send(event) or b"")
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_READ_SIZE))
        elif isinstance(event, h11.Response) and event.status_code != 200:
            raise BrokenSide(f"the official server answered with status {event.status_code}")
        elif isinstance(event, h11.Data):
            yield bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return

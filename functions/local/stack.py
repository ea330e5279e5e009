"""`chatkit-lambda serve`: starts everything, says so, and ends everything that it has started."""

import asyncio
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from functions.attachments import sweep
from functions.errors import ChatKitLambdaError, SettingError
from functions.local import front_end, log_lines, resources
from functions.local.announced import Announced
from functions.local.backend import Backend, StateDir, backend, locked
from functions.local.deliveries import Deliveries
from functions.local.events import HttpRequest, function_url_event
from functions.local.function import Function
from functions.local.invocation import FunctionError
from functions.local.lambda_endpoint import REST_ROOT
from functions.local.ministack import MinistackFailed
from functions.local.rotation import rotate
from functions.local.samples import HANDLERS, FunctionName
from functions.local.schedule import EVENT, Schedule
from functions.local.server import Server
from functions.local.settings import LocalNames, LocalSettings
from functions.local.terminal import Terminal
from functions.local.upkeep import Upkeep
from functions.settings import Names

_HOST: Final = "127.0.0.1"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KILLED: Final = 130
"""The exit status after a second Ctrl-C, as a shell gives it."""
_EVENTS: Final = {Names.EVENT_BUS_NAME: resources.EVENT_BUS}
_PREFLIGHT: Final = HttpRequest(
    method="OPTIONS", path=front_end.CHAT_PATH, query="", headers=(), body=b"", source_ip=_HOST
)
_HEALTH: Final = HttpRequest(method="GET", path=f"{REST_ROOT}/health", query="", headers=(), body=b"", source_ip=_HOST)


class FunctionFailed(ChatKitLambdaError):
    """A function cannot answer its first event; its log says why."""


def serve(settings: LocalSettings, terminal: Terminal) -> None:
    """Runs the local stack until SIGINT, SIGTERM or SIGHUP; a second one ends it without saving.

    Raises `SettingError`, `FunctionFailed`, or `MinistackFailed`, which also tells of a ministack that ended in use.
    """
    with _listener(settings.port) as listener, locked(settings.state_dir) as state:
        asyncio.run(_until_signalled(_Stack(settings, terminal, listener, state).run, terminal))


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            problem = f"{_HOST}:{port} is in use by another program; choose another port, such as {port + 1}"
        else:
            problem = f"{_HOST}:{port} cannot be used ({error.strerror})"
        raise SettingError(LocalNames.PORT, problem) from error
    return listener


async def _until_signalled(run: Callable[[], Coroutine[Any, Any, None]], terminal: Terminal) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(run())
    signals = 0

    def signalled() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            terminal.say("\nStopping; once more to end at once.")
            running.cancel()
        else:
            # Children notice that this process is gone, and end too; ministack then still saves.
            os._exit(_KILLED)

    for number in _SIGNALS:
        loop.add_signal_handler(number, signalled)
    try:
        await running
    except asyncio.CancelledError:
        if not signals:
            raise
    terminal.say("Stopped.")


class _Stack:
    def __init__(self, settings: LocalSettings, terminal: Terminal, listener: socket.socket, state: StateDir) -> None:
        self._state = state
        self._settings = settings
        self._terminal = terminal
        self._listener = listener
        self._port = int(listener.getsockname()[1])

    async def run(self) -> None:
        settings, say = self._settings, self._terminal.say
        say(f"chatkit-lambda: starting the local stack; its data is in {settings.state_dir}")
        say(_assistant(settings))
        origins = tuple(f"http://{host}:{self._port}" for host in (_HOST, "localhost"))
        async with AsyncExitStack() as ending:
            ground = await ending.enter_async_context(
                backend(settings, state=self._state, origins=origins, terminal=self._terminal)
            )
            chat = self._function("chat", ground, ending)
            api = self._function("api", ground, ending)
            await asyncio.gather(
                self._timed("table, bucket, secrets", ground.prepare()),
                self._timed("chat function, first process", _first_answer("chat", chat, _PREFLIGHT)),
                self._timed("api function, first process", _first_answer("api", api, _HEALTH)),
            )
            # Ended behind all that may have something to tell.
            await ending.enter_async_context(
                Announced(clients=ground.connect(), log=lambda line: self._terminal.log("event", line))
            )
            thread = self._function("thread", ground, ending)
            # Ended before the functions, and behind the server: so what users have deleted is deleted.
            await ending.enter_async_context(
                Upkeep(clients=ground.connect(), function=thread, log=lambda line: self._terminal.log("upkeep", line))
            )
            attachment = self._function("attachment", ground, ending)
            await ending.enter_async_context(
                Deliveries(
                    clients=ground.connect(), function=attachment, log=lambda line: self._terminal.log("uploads", line)
                )
            )
            await ending.enter_async_context(
                Schedule(
                    "sweep",
                    lambda: self._sweep(ground),
                    seconds=sweep.EVERY.total_seconds(),
                    log=lambda line: self._terminal.log("uploads", line),
                )
            )
            rotation = self._function("rotation", ground, ending)
            app = front_end.create(
                chat=chat,
                api=api,
                rotate_key=lambda: _rotate_key(ground, rotation),
                allowed_hosts=settings.allowed_hosts,
            )
            await self._serve(app, ground)

    async def _timed(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        with self._terminal.step(what):
            await work

    def _function(self, name: FunctionName, ground: Backend, ending: AsyncExitStack) -> Function:
        def log(line: str) -> None:
            for part in log_lines.readable(line):
                self._terminal.log(name, part)

        function = Function(
            name,
            HANDLERS[name],
            {**ground.environment, **_EVENTS, **log_lines.environment(level=self._settings.log_level)},
            base_environment=self._settings.inherited,
            log=log,
        )
        ending.push_async_callback(function.close)
        return function

    async def _sweep(self, ground: Backend) -> None:
        """Once an hour is too seldom for a process to wait for it."""
        async with AsyncExitStack() as ending:
            await self._function("sweep", ground, ending).invoke(EVENT)

    async def _serve(self, app: ASGIApp, ground: Backend) -> None:
        server = Server(app)
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        ministack = asyncio.create_task(ground.ministack.wait())
        try:
            self._terminal.say(f"Open http://{_HOST}:{self._port}/")
            self._terminal.say("Ctrl-C ends it.")
            await asyncio.wait({serving, ministack}, return_when=asyncio.FIRST_COMPLETED)
            if ministack.done():
                raise MinistackFailed(f"ministack ended by itself (exit status {ministack.result()})")
        finally:
            ministack.cancel()
            await server.end(serving)


async def _rotate_key(ground: Backend, rotation: Function) -> str:
    clients = await asyncio.to_thread(ground.connect)
    try:
        return await rotate(clients.secrets_manager, rotation)
    finally:
        clients.close()


async def _first_answer(name: str, function: Function, request: HttpRequest) -> None:
    """Starts the first process, so that the first message need not wait for it, and a broken function is told of now."""
    event = function_url_event(request, request_id="start", now=time.time())
    try:
        answer = await function.invoke(event)
        if answer.streaming:
            async for _ in answer.body:
                pass
    except FunctionError as error:
        raise FunctionFailed(f"the {name} function does not start ({error.type}); its log above says why") from error


def _assistant(settings: LocalSettings) -> str:
    if settings.model_key is None:
        return "no OPENAI_API_KEY: a scripted assistant answers"
    # The host alone: an address may hold a password.
    host = urlsplit(settings.openai_base_url).hostname if settings.openai_base_url else None
    return f"a model answers: {host or 'api.openai.com'}"

"""One process of a function, from its start through `exec-wrapper` to its end."""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from functions.local.invocation import Exchange, FunctionError, Invocation
from functions.local.runtime_api import RuntimeApi

TIMED_OUT: Final = "Sandbox.Timedout"
"""What Lambda calls "Task timed out"."""

_START: Final = 10.0
"""Seconds that a process has to become ready; Lambda's
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib)."""

_GRACE: Final = 3.0
"""Seconds between asking a process to end and killing it."""

_STDERR: Final = 2
_LINE_LIMIT: Final = 64 * 1024
"""Bytes; a longer line is cut into several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How the processes of a function are started."""

    arn: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    timeout: float
    """Seconds for each event."""
    log: Callable[[str], None] | None


class FunctionProcess:
    """A process and the Runtime API that feeds it."""

    def __init__(
        self,
        launch: Launch,
        *,
        on_idle: Callable[["FunctionProcess"], None],
        on_exit: Callable[["FunctionProcess"], None],
    ) -> None:
        """`on_idle` is called when the process may be given another event, `on_exit` when it has ended."""
        self._launch = launch
        self._on_idle = on_idle
        self._on_exit = on_exit
        self._api = RuntimeApi(function_arn=launch.arn, timeout=launch.timeout)
        self._child: asyncio.subprocess.Process | None = None
        self._is_ending = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """The process's id; None before `start`."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Starts the process; it need not be ready for the first event. Raises `OSError` when it cannot be started."""
        await self._api.open()
        log = self._launch.log
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._launch.command,
                env={**self._launch.environment, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                stdin=subprocess.DEVNULL,
                stdout=_STDERR if log is None else subprocess.PIPE,
                stderr=_STDERR if log is None else subprocess.STDOUT,
                # Ctrl-C is for the front end, which ends its functions itself.
                start_new_session=True,
            )
        except BaseException:
            await self._api.close()
            raise
        self._spawn(self._watch(self._child))
        if log is not None and self._child.stdout is not None:
            self._spawn(_pass_on(self._child.stdout, log))

    async def invoke(self, payload: bytes) -> Invocation:
        """Gives the process an event; it is idle, or has just been started. Raises `FunctionError` or `NotTaken`."""
        exchange = self._api.offer(payload, on_finish=self._finished)
        if self._is_ending:
            await self._api.process_ended()
        self._spawn(self._limit(exchange))
        return await exchange.reply()

    async def stop(self) -> None:
        """Ends the process and waits until it is gone."""
        child = self._child
        if child is None:
            return
        _signal(child.terminate)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await child.wait()
        _signal(child.kill)
        await child.wait()
        await self._api.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _finished(self) -> None:
        if not self._is_ending:
            self._on_idle(self)

    async def _limit(self, exchange: Exchange) -> None:
        try:
            await _first(exchange.taken, exchange.finished, within=max(self._launch.timeout, _START))
            await _first(exchange.finished, within=self._launch.timeout)
        except TimeoutError:
            exchange.fail(FunctionError(TIMED_OUT))
            self._is_ending = True
            if self._child is not None:
                _signal(self._child.kill)

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        await child.wait()
        self._is_ending = True
        self._on_exit(self)
        await self._api.process_ended()
        await self._api.idle()
        await self._api.close()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _first(*events: asyncio.Event, within: float) -> None:
    waiting = {asyncio.create_task(event.wait()) for event in events}
    try:
        done, _ = await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    if not done:
        raise TimeoutError


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        send()


async def _pass_on(output: asyncio.StreamReader, log: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await output.read(_LINE_LIMIT):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        if len(rest) >= _LINE_LIMIT:
            lines, rest = [*lines, rest], b""
        for line in lines:
            log(line.decode("utf-8", "replace"))
    if rest:
        log(rest.decode("utf-8", "replace"))

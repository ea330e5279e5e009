"""A local function whose processes are forked from a snapshot (`tests.support.snapshot`), to be killed by the hundred."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from functions.local.function import Function
from functions.local.function_process import FunctionProcess, Launch
from functions.local.invocation import Exchange
from functions.local.runtime_api import RuntimeApi

ROOT: Final = Path(__file__).parents[2]
_END_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.01


class Snapshot:
    """The process that forks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        self._orders = process.stdin
        self._starting = asyncio.Lock()
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Event] = {}

    async def fork(self, address: str) -> "Copy":
        """Starts a copy that serves the Runtime API at `host:port`."""
        async with self._starting:
            self._orders.write(f"fork {address}\n".encode())
            pid = await self._started.get()
        return Copy(self, pid, self._ended[pid])

    def kill(self, pid: int) -> None:
        """Kills a copy, if it lives."""
        self._orders.write(f"kill {pid}\n".encode())

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Hears what the process says, until it ends."""
        async for line in reader:
            what, pid = line.decode().split()
            if what == "started":
                self._ended[int(pid)] = asyncio.Event()
                self._started.put_nowait(int(pid))
            else:
                self._ended.pop(int(pid)).set()
        for ended in self._ended.values():
            ended.set()


class Copy:
    """A process that was forked; as much of `asyncio.subprocess.Process` as `FunctionProcess` needs."""

    def __init__(self, snapshot: Snapshot, pid: int, ended: asyncio.Event) -> None:
        self.pid = pid
        self._snapshot = snapshot
        self._ended = ended

    async def wait(self) -> None:
        """Returns when the process has ended."""
        await self._ended.wait()

    def kill(self) -> None:
        """Sends SIGKILL."""
        self._snapshot.kill(self.pid)

    terminate = kill


class _Api(RuntimeApi):
    """Knows the event that it has given last."""

    exchange: Exchange | None = None

    def offer(self, payload: bytes, *, on_finish: Callable[[], None]) -> Exchange:
        self.exchange = super().offer(payload, on_finish=on_finish)
        return self.exchange

    def has_given(self, text: str) -> bool:
        """Whether that event was taken, and has this in it."""
        exchange = self.exchange
        return exchange is not None and exchange.taken.is_set() and text.encode() in exchange.payload


class _ForkedProcess(FunctionProcess):
    """One of the function's processes."""

    def __init__(self, snapshot: Snapshot, launch: Launch, **calls: Any) -> None:
        super().__init__(launch, **calls)
        self._api = self.api = _Api(function_arn=launch.arn, timeout=launch.timeout)
        self._snapshot = snapshot

    async def start(self) -> None:
        await self._api.open()
        child = cast("Any", await self._snapshot.fork(self._api.address))
        self._child = child
        self._spawn(self._watch(child))

    async def kill(self) -> None:
        """Returns when the process is gone, and its function has forgotten it."""
        assert self._child is not None
        self._is_ending = True
        self._child.kill()
        await self._child.wait()
        while self._tasks:
            await asyncio.wait(self._tasks)


class ForkedFunction(Function):
    """A `Function` in all but how its processes are started. Made by `forked_function`."""

    def __init__(self, snapshot: Snapshot, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._snapshot = snapshot

    async def taken(self, text: str) -> None:
        """Returns when a process has taken the event that has `text` in it."""
        while not self._serving(text):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(_LOOK_SECONDS)

    async def kill(self, text: str) -> None:
        """Kills the processes whose last event has `text` in it, by SIGKILL; returns when they are gone.

        One that has come to its end meanwhile is given nothing more: whoever that was would be struck as well.
        """
        struck = self._serving(text)
        self._idle[:] = [process for process in self._idle if process not in struck]
        await asyncio.gather(*(process.kill() for process in struck))

    def _serving(self, text: str) -> list[_ForkedProcess]:
        processes = [process for process in self._processes if isinstance(process, _ForkedProcess)]
        return [process for process in processes if process.api.has_given(text)]

    async def _start(self) -> FunctionProcess:
        process = _ForkedProcess(self._snapshot, self._launch, on_idle=self._idle.append, on_exit=self._forget)
        self._processes.add(process)
        await process.start()
        return process


@asynccontextmanager
async def forked_function(
    name: str, handler: str, environment: Mapping[str, str], *, log: Path, **options: Any
) -> AsyncIterator[ForkedFunction]:
    """A function that is ready, ended with its processes; what they print goes to the file `log`."""
    launch = Function(name, handler, environment, **options)._launch
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.snapshot", handler,
            env=dict(launch.environment), cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        ready = await process.stdout.readline()
        assert ready == b"ready\n", f"the snapshot did not start: {log} says why"
        snapshot = Snapshot(process)
        listening = asyncio.create_task(snapshot.listen(process.stdout))
        function = ForkedFunction(snapshot, name, handler, environment, **options)
        try:
            yield function
        finally:
            await function.close()
            process.stdin.close()
            await asyncio.wait_for(listening, _END_SECONDS)
    finally:
        if not process.stdin.is_closing():
            process.kill()
        await process.wait()

"""What AWS's emulator cannot show: streaming itself, error trailers, and processes as Lambda keeps them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from functions.local.function import Function, FunctionError, Invocation
from tests.support import rie
from tests.support.runtime_handlers import SECRET

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

HANDLER: Final = "tests.support.runtime_handlers.handler"
BASE: Final = {"PATH": os.environ["PATH"]}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextlib.asynccontextmanager
async def a_function(*, log: list[str] | None = None, **options: Any) -> AsyncIterator[Function]:
    function = Function(
        "test",
        options.pop("handler", HANDLER),
        options.pop("environment", {}),
        base_environment=BASE,
        log=None if log is None else log.append,
        **options,
    )
    try:
        yield function
    finally:
        await function.close()


@pytest.fixture
async def function() -> AsyncIterator[Function]:
    async with a_function() as function:
        yield function


@pytest.fixture
def gates(tmp_path: Path) -> list[Path]:
    """Two pipes at which a body waits until the test opens them."""
    paths = [tmp_path / "gate-1", tmp_path / "gate-2"]
    for path in paths:
        os.mkfifo(path)
    return paths


async def open_gate(gate: Path) -> None:
    await asyncio.to_thread(gate.write_bytes, b"")


async def rest_of(invocation: Invocation) -> bytes:
    return b"".join([chunk async for chunk in invocation.body])


async def echo(function: Function) -> dict[str, Any]:
    invocation = await function.invoke({"do": "echo"})
    assert invocation.result is not None
    return json.loads(invocation.result)


async def test_each_chunk_arrives_before_the_next_is_made(function: Function, gates: list[Path]) -> None:
    """The head and every chunk are here while the function waits to make the next one."""
    invocation = await function.invoke({"do": "gated", "gates": [str(gate) for gate in gates]})
    assert (invocation.streaming, invocation.status) == (True, 200)
    assert await anext(invocation.body) == b"0"
    await open_gate(gates[0])
    assert await anext(invocation.body) == b"1"
    await open_gate(gates[1])
    assert await anext(invocation.body) == b"2"
    assert await rest_of(invocation) == b""


async def test_the_head_arrives_before_the_first_chunk(function: Function, gates: list[Path]) -> None:
    """Status and headers are sent at once, though the body has nothing yet."""
    invocation = await function.invoke({"do": "late", "gate": str(gates[0])})
    assert invocation.status == 202
    await open_gate(gates[0])
    assert await rest_of(invocation) == b"late"


async def test_silence_is_filled(function: Function, gates: list[Path]) -> None:
    """While the body is silent, the filler comes again and again, and nothing of the body is lost."""
    invocation = await function.invoke({"do": "gated", "gates": [str(gates[0])], "filler": True})
    assert await anext(invocation.body) == b"0"
    assert await anext(invocation.body) == b":"
    assert await anext(invocation.body) == b":"
    await open_gate(gates[0])
    assert (await rest_of(invocation)).replace(b":", b"") == b"1"


async def test_an_exception_in_the_body_is_in_the_trailers() -> None:
    """The reader gets what came and then the exception's type; the log holds type and place, and nobody its text."""
    log: list[str] = []
    async with a_function(log=log) as function:
        invocation = await function.invoke({"do": "break"})
        assert await anext(invocation.body) == b"so far"
        with pytest.raises(FunctionError) as raised:
            await anext(invocation.body)
        assert raised.value.type == "Broken"
    logged = "\n".join(log)
    assert "runtime_handlers.Broken" in logged
    assert "raise Broken" in logged
    assert SECRET not in logged


async def test_a_killed_process_breaks_its_stream(function: Function, gates: list[Path]) -> None:
    """A process that is killed in mid-stream ends the body with an error; the next event gets another process."""
    before = await echo(function)
    invocation = await function.invoke({"do": "gated", "gates": [str(gates[0])], "finally": "kill"})
    assert await anext(invocation.body) == b"0"
    await open_gate(gates[0])
    with pytest.raises(FunctionError) as raised:
        await rest_of(invocation)
    assert raised.value.type == "Runtime.ExitError"
    assert (await echo(function))["pid"] != before["pid"]


async def test_an_idle_process_that_died_is_replaced(function: Function) -> None:
    """A process that dies between two events costs no event."""
    pid = (await echo(function))["pid"]
    os.kill(pid, signal.SIGKILL)
    assert (await echo(function))["pid"] != pid


async def test_a_slow_function_is_killed() -> None:
    """Past the timeout the process is killed, a stream ends with Lambda's word for it, and so does a waiting caller."""
    async with a_function(timeout=3.0) as function:
        process = psutil.Process((await echo(function))["pid"])
        invocation = await function.invoke({"do": "gated", "gates": [], "finally": "hang"})
        assert await anext(invocation.body) == b"0"
        with pytest.raises(FunctionError) as raised:
            await anext(invocation.body)
        assert raised.value.type == "Sandbox.Timedout"
        _, alive = await asyncio.to_thread(psutil.wait_procs, [process], timeout=120)
        assert alive == []
        with pytest.raises(FunctionError) as raised:
            await function.invoke({"do": "hang"})
        assert raised.value.type == "Sandbox.Timedout"


async def test_a_gone_reader_stops_nothing(function: Function, gates: list[Path]) -> None:
    """The function runs to its end when its reader has gone, and its process then serves the next event."""
    told = gates[1]
    invocation = await function.invoke({"do": "gated", "gates": [str(gates[0])], "told": str(told)})
    assert await anext(invocation.body) == b"0"
    await invocation.body.aclose()
    await open_gate(gates[0])
    assert await asyncio.to_thread(told.read_bytes) == b"to the end"
    assert [chunk async for chunk in invocation.body] == []


async def test_a_reader_who_goes_before_the_head_stops_nothing(function: Function, gates: list[Path]) -> None:
    """A caller who gives up before the answer begins does not end the function either."""
    pid = (await echo(function))["pid"]
    call = asyncio.create_task(function.invoke({"do": "wait", "gate": str(gates[0]), "told": str(gates[1])}))
    opened = asyncio.create_task(open_gate(gates[0]))
    await opened
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(gates[1].read_bytes) == b"to the end"
    assert psutil.pid_exists(pid)


async def test_a_second_event_meanwhile_gets_a_second_process(function: Function, gates: list[Path]) -> None:
    """One process serves one event at a time; of two idle ones, the one used last is used first."""
    first = (await echo(function))["pid"]
    invocation = await function.invoke({"do": "gated", "gates": [str(gates[0])]})
    second = (await echo(function))["pid"]
    assert second != first
    assert (await echo(function))["pid"] == second
    await open_gate(gates[0])
    assert await rest_of(invocation) == b"01"
    assert (await echo(function))["pid"] == first


async def test_more_processes_than_allowed_are_refused(gates: list[Path]) -> None:
    """Above the function's concurrency an event is refused, as Lambda throttles it."""
    async with a_function(concurrency=1) as function:
        invocation = await function.invoke({"do": "gated", "gates": [str(gates[0])]})
        with pytest.raises(FunctionError) as raised:
            await function.invoke({"do": "echo"})
        assert raised.value.type == "TooManyRequestsException"
        await open_gate(gates[0])
        assert await rest_of(invocation) == b"01"


async def test_a_slow_reader_holds_the_function_up(function: Function, tmp_path: Path) -> None:
    """A body is made only as its reader takes it, but for what the buffers hold on the way; nothing is lost."""
    count, size, far = 640, 65536, 320
    at = tmp_path / "reading"
    invocation = await function.invoke({"do": "many", "count": count, "size": size, "look": far, "at": str(at)})
    first = await anext(invocation.body)
    # Meanwhile a second process streams as much to a reader who does read: if nothing held the first one up, it would
    # by now be past the chunk at which it looks. That chunk is 20 MB on, far more than a socket's buffers hold.
    assert len(await rest_of(await function.invoke({"do": "many", "count": count, "size": size}))) == count * size
    at.touch()
    whole = first + await rest_of(invocation)
    assert len(whole) == count * size
    assert whole[far * size : far * size + 1] == b"1"


async def test_too_much_is_refused() -> None:
    """Events and buffered results above 6 MB fail; the process that sent one is replaced when it ends of it."""
    async with a_function() as function:
        with pytest.raises(FunctionError) as raised:
            await function.invoke({"do": "echo", "text": "x" * 6 * 1024 * 1024})
        assert raised.value.type == "RequestTooLargeException"
        with pytest.raises(FunctionError) as raised:
            await function.invoke({"do": "large", "size": 6 * 1024 * 1024})
        assert raised.value.type == "Function.ResponseSizeTooLarge"
        assert (await echo(function))["event"] == {"do": "echo"}


async def test_a_long_stream_is_cut(function: Function) -> None:
    """A stream above 200 MB breaks off there."""
    invocation = await function.invoke({"do": "many", "count": 201, "size": 1024 * 1024})
    received = 0

    async def read() -> None:
        nonlocal received
        async for chunk in invocation.body:
            received += len(chunk)

    with pytest.raises(FunctionError) as raised:
        await read()
    assert raised.value.type == "Function.ResponseSizeTooLarge"
    assert 199 * 1024 * 1024 < received <= 200 * 1024 * 1024


async def test_a_handler_that_cannot_be_loaded_is_an_error() -> None:
    """A function whose module is missing fails every event with Lambda's word for it, and logs why."""
    log: list[str] = []
    async with a_function(handler="tests.support.nothing_here.handler", log=log) as function:
        for _ in range(2):
            with pytest.raises(FunctionError) as raised:
                await function.invoke({"do": "echo"})
            assert raised.value.type == "Runtime.ImportModuleError"
    assert any("nothing_here" in line for line in log)


async def test_a_function_sees_its_own_environment_only() -> None:
    """A process gets Lambda's variables, its function's and the base ones, and nothing else of ours."""
    async with a_function(environment={"STAGE": "local"}) as function:
        names = set((await echo(function))["environment"])
    assert {"STAGE", "PATH", "_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_RUNTIME_API"} <= names
    assert "PYTEST_CURRENT_TEST" in os.environ
    assert "PYTEST_CURRENT_TEST" not in names


async def test_close_ends_every_process(gates: list[Path]) -> None:
    """After `close` no process is left, a stream in the making has failed, and no event is taken any more."""
    async with a_function() as function:
        busy = await function.invoke({"do": "gated", "gates": [str(gates[0])]})
        await echo(function)
        processes = [psutil.Process(pid) for pid in function.pids]
        assert len(processes) == 2
        assert await anext(busy.body) == b"0"
        await function.close()
        with pytest.raises(FunctionError):
            await rest_of(busy)
        assert not any(process.is_running() for process in processes)
        with pytest.raises(FunctionError):
            await function.invoke({"do": "echo"})


async def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ignores being asked to end is killed."""
    monkeypatch.setattr("functions.local.function_process._GRACE", 0.0)
    async with a_function() as function:
        invocation = await function.invoke({"do": "ignore_terminate"})
        assert invocation.result is not None
        process = psutil.Process(json.loads(invocation.result))
        await function.close()
        assert not process.is_running()


PARENT: Final = """
import asyncio, sys
from functions.local.function import Function

async def main():
    function = Function("test", {handler!r}, {environment!r}, base_environment={base!r})
    invocation = await function.invoke({{"do": "echo"}})
    print(invocation.result.decode(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "environment", [{}, {"PYTHONPATH": str(Path(rie.__file__).parent / "no_extension")}], ids=["extension", "plain"]
)
def test_a_function_ends_when_its_parent_is_killed(environment: dict[str, str]) -> None:
    """A process whose Runtime API is gone ends by itself, so that a killed stack leaves nothing behind."""
    code = PARENT.format(handler=HANDLER, environment=environment, base=BASE)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=rie.ROOT)
    try:
        assert parent.stdout is not None
        child = psutil.Process(json.loads(parent.stdout.readline())["pid"])
    finally:
        parent.kill()
        parent.communicate()
    _, alive = psutil.wait_procs([child], timeout=120)
    assert alive == []


def test_processes_are_kept_apart_from_the_terminal() -> None:
    """Ctrl-C reaches the local stack alone, which ends its functions itself."""

    async def scenario() -> tuple[int, int]:
        async with a_function() as function:
            return os.getsid((await echo(function))["pid"]), os.getsid(0)

    theirs, ours = asyncio.run(scenario())
    assert theirs != ours

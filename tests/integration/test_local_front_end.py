"""HTTP through the front end to a real function process, and back."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from functions.local.front_end import create
from functions.local.function import Function
from functions.local.server import Server

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

HANDLER: Final = "tests.support.http_handler.handler"
ROOT: Final = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextlib.asynccontextmanager
async def a_front_end() -> AsyncIterator[int]:
    """Serves the test's function at `/chatkit` and `/api/...`; gives the port."""
    base = {"PATH": os.environ["PATH"]}
    log: list[str] = []
    function = Function("test", HANDLER, {}, base_environment=base, task_root=ROOT, log=log.append)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(create(chat=function, api=function))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        await function.close()
        await server.end(serving)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with a_front_end() as port:
        yield port


@contextmanager
def asked(port: int, path: str = "/chatkit", **event: Any) -> Iterator[http.client.HTTPResponse]:
    """The answer to a POST of `event`, of which at least the head is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", path, json.dumps(event), {"content-type": "application/json"})
        yield connection.getresponse()
    finally:
        connection.close()


@pytest.fixture
def gates(tmp_path: Path) -> list[Path]:
    """Pipes at which the function waits until the test writes to them."""
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        os.mkfifo(path)
    return paths


async def test_a_chunk_is_there_before_the_next_one_is_made(port: int, gates: list[Path]) -> None:
    """The function makes each further chunk only when the test has read the one before."""

    def read() -> list[bytes]:
        with asked(port, do="gated", gates=[str(gate) for gate in gates]) as answer:
            chunks = [answer.read1()]
            for gate in gates:
                gate.write_bytes(b"go")
                chunks.append(answer.read1())
            return [*chunks, answer.read()]

    assert await asyncio.to_thread(read) == [b"0", b"1", b"2", b""]


async def test_head_and_cookies(port: int) -> None:
    """Status, headers and each cookie arrive as the function gave them."""

    def read() -> tuple[int, str | None, list[str]]:
        head = {"status": 418, "headers": {"x-a": "1"}, "cookies": ["a=1", "b=2"]}
        with asked(port, do="stream", chunks=["x"], **head) as answer:
            return answer.status, answer.getheader("x-a"), answer.headers.get_all("set-cookie") or []

    assert await asyncio.to_thread(read) == (418, "1", ["a=1", "b=2"])


async def test_a_stream_that_breaks_is_seen_to_break(port: int) -> None:
    """The caller gets what came, and then an error instead of an end."""

    def read() -> None:
        with asked(port, do="break") as answer:
            assert answer.read1() == b"so far"
            answer.read()

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        await asyncio.to_thread(read)


@pytest.mark.parametrize("do", ["fail", "exit"])
async def test_a_function_that_fails(port: int, do: str) -> None:
    """A crash before the head is a 502, and the next request is answered."""

    def read() -> tuple[int, bytes, bytes]:
        with asked(port, do=do) as failed, asked(port, do="stream", chunks=["well"]) as next_one:
            return failed.status, failed.read(), next_one.read()

    assert await asyncio.to_thread(read) == (502, b'{"message": "Internal Server Error"}', b"well")


@pytest.mark.parametrize("path", ["/chatkit", "/api/x", "/web/nothing", "/nothing", "/%00"])
async def test_no_answer_tells_what_server_made_it(port: int, path: str) -> None:
    """Neither the function's answers nor the front end's own name the server, or its version."""

    def read() -> tuple[int, set[str]]:
        with asked(port, path, do="stream", chunks=["x"]) as answer:
            return answer.status, {name.lower() for name in answer.headers}

    status, names = await asyncio.to_thread(read)
    assert status in {200, 404, 405, 502}
    assert not {"server", "x-powered-by", "via"} & names


async def test_a_second_request_need_not_wait(port: int, gates: list[Path]) -> None:
    """While one is being answered, another is answered by a second process."""

    def read() -> tuple[bytes, bytes, bytes]:
        with asked(port, do="gated", gates=[str(gates[0])]) as first:
            begun = first.read1()
            with asked(port, do="stream", chunks=["second"]) as second:
                other = second.read()
            gates[0].write_bytes(b"go")
            return begun, other, first.read()

    assert await asyncio.to_thread(read) == (b"0", b"second", b"1")


async def test_a_caller_who_goes_away_stops_nothing(port: int, gates: list[Path], tmp_path: Path) -> None:
    """The function is not told: it runs to its end, as on Lambda."""
    told = tmp_path / "told"
    os.mkfifo(told)

    def leave() -> bytes:
        with asked(port, do="gated", gates=[str(gates[0])], told=str(told)) as answer:
            answer.read1()
        gates[0].write_bytes(b"go")
        return told.read_bytes()

    assert await asyncio.to_thread(leave) == b"to the end"


async def test_a_buffered_answer_over_the_rest_api(port: int) -> None:
    """The function sees a REST proxy event; a result without a status is a 502, as on API Gateway."""

    def read() -> tuple[int, bytes]:
        with asked(port, "/api/x", do="echo") as answer:
            return answer.status, answer.read()

    assert await asyncio.to_thread(read) == (502, b'{"message": "Internal server error"}')

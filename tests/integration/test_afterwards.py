"""What is done behind an answer: the caller has all of it by then, and the next event comes behind it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from functions.local.function import Function, FunctionError

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

HANDLER: Final = "tests.support.afterwards_handlers.handler"
ANSWERS: Final = {"stream": b"first, last", "buffer": b'{"answer": "whole"}', "fail": b""}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def function() -> AsyncIterator[Function]:
    function = Function("test", HANDLER, {}, base_environment={"PATH": os.environ["PATH"]})
    try:
        yield function
    finally:
        await function.close()


async def answer(function: Function, **event: Any) -> bytes:
    """The whole answer; nothing of a function that fails."""
    with suppress(FunctionError):
        invocation = await function.invoke(event)
        return invocation.result or b"".join([chunk async for chunk in invocation.body])
    return b""


@pytest.mark.parametrize("how", ANSWERS, ids=str)
async def test_an_answer_is_whole_before_it_is_done(function: Function, tmp_path: Path, how: str) -> None:
    """Whoever reads has come to the end while the process still works; the next event is served when it has done."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    assert await answer(function, how=how, gate=str(gate)) == ANSWERS[how]
    following = asyncio.create_task(answer(function, how="buffer"))
    # This waits until somebody reads.
    await asyncio.to_thread(gate.write_bytes, b"")
    assert await following == ANSWERS["buffer"]
    assert len(function.pids) == 1

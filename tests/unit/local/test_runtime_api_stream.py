"""A stream inside the local Runtime API: its prelude, and its way to the reader."""

import asyncio
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.local.invocation import (
    PRELUDE_LIMIT,
    Body,
    Exchange,
    FunctionError,
    Head,
    HeadReader,
    Invocation,
    NotTaken,
    parse_prelude,
)
from functions.runtime import wire
from functions.runtime.response import StreamingResponse
from tests.support import virtual_time


@given(st.binary(), st.lists(st.integers(min_value=0, max_value=200)))
def test_a_prelude_may_come_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """However the stream is cut, the head is read once and every byte after it is the body's."""
    response = StreamingResponse(status=201, headers={"a": "b"}, cookies=["c=d"], body=iter([]))
    stream = wire.prelude(response) + body
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader, head, rest = HeadReader(), None, b""
    for start, end in itertools.pairwise(places):
        piece = stream[start:end]
        if head is not None:
            rest += piece
        elif (read := reader.feed(piece)) is not None:
            head, rest = read
    assert head == Head(201, {"a": "b"}, ["c=d"])
    assert rest == body


@pytest.mark.parametrize(
    "prelude",
    [
        b"",
        b"no json",
        b"[]",
        b'{"statusCode": "200"}',
        b'{"statusCode": 99}',
        b'{"headers": []}',
        b'{"headers": {"a": 1}}',
        b'{"headers": null}',
        b'{"cookies": "a=b"}',
        b'{"cookies": [1]}',
    ],
)
def test_what_is_no_prelude_is_refused(prelude: bytes) -> None:
    """A stream that does not begin with a status, headers and cookies of the right types fails."""
    with pytest.raises(FunctionError) as raised:
        parse_prelude(prelude)
    assert raised.value.type == "Runtime.InvalidPrelude"


def test_what_a_prelude_leaves_out_has_a_default() -> None:
    """Each of its three fields may be missing."""
    assert parse_prelude(b"{}") == Head(200, {}, [])


def test_a_prelude_that_does_not_end_is_refused() -> None:
    """The head must end within 16 KB."""
    reader = HeadReader()
    assert reader.feed(b" " * (PRELUDE_LIMIT - 1)) is None
    with pytest.raises(FunctionError):
        reader.feed(b" ")


async def read(body: Body) -> list[bytes]:
    return [chunk async for chunk in body]


def test_a_body_gives_what_it_was_given() -> None:
    """Chunks come out one by one, in order, and then the body ends for good."""

    async def scenario() -> tuple[list[bytes], list[bytes]]:
        body = Body()
        reading = asyncio.create_task(read(body))
        for chunk in (b"a", b"", b"b"):
            await body.put(chunk)
            await asyncio.sleep(1)
        body.end()
        return await reading, await read(body)

    assert virtual_time.run(scenario()) == ([b"a", b"b"], [])


def test_a_body_holds_its_writer_up() -> None:
    """With 256 KB waiting, the writer waits for the reader."""

    async def scenario() -> tuple[bool, bool, bytes]:
        body = Body()
        await body.put(bytes(256 * 1024))
        writing = asyncio.create_task(body.put(b"more"))
        await asyncio.sleep(1)
        before = writing.done()
        await anext(body)
        await asyncio.sleep(1)
        return before, writing.done(), await anext(body)

    assert virtual_time.run(scenario()) == (False, True, b"more")


@pytest.mark.parametrize("how", ["the reader goes", "the function fails"])
def test_a_writer_that_waits_is_let_go(how: str) -> None:
    """A writer is not held up for a reader who has gone, nor in a stream that has failed; its bytes are dropped."""

    async def scenario() -> None:
        body = Body()
        writing = asyncio.create_task(body.put(bytes(1024 * 1024)))
        await asyncio.sleep(1)
        if how == "the reader goes":
            await body.aclose()
        else:
            body.end(FunctionError("Sandbox.Timedout"))
        async with asyncio.timeout(1):
            await writing
            await body.put(bytes(1024 * 1024))

    virtual_time.run(scenario())


def test_a_failure_comes_after_the_last_byte() -> None:
    """What came before a failure is read first, the first failure counts, and it is raised again and again."""

    async def scenario() -> list[Any]:
        body = Body()
        await body.put(b"a")
        body.end(FunctionError("first"))
        body.end(FunctionError("second"))
        seen: list[Any] = [await anext(body)]
        for _ in range(2):
            try:
                await anext(body)
            except FunctionError as error:
                seen.append(error.type)
        return seen

    assert virtual_time.run(scenario()) == [b"a", "first", "first"]


def an_exchange(finished: list[str]) -> Exchange:
    return Exchange(id="1", payload=b"{}", on_finish=lambda: finished.append("finished"))


def test_a_buffered_answer_is_the_reply() -> None:
    """The reply is the result, and by then the process is free."""

    async def scenario() -> tuple[Invocation, list[str]]:
        finished: list[str] = []
        exchange = an_exchange(finished)
        exchange.answer(json.dumps({}).encode())
        exchange.finish()
        exchange.fail(FunctionError("too late"))
        return await exchange.reply(), finished

    invocation, finished = virtual_time.run(scenario())
    assert (invocation.streaming, invocation.result) == (False, b"{}")
    assert finished == ["finished"]


@pytest.mark.parametrize("failure", [FunctionError("Runtime.ExitError"), NotTaken()])
def test_a_failure_before_the_head_is_the_reply(failure: FunctionError | NotTaken) -> None:
    """Whoever waits for the head gets the failure."""

    async def scenario() -> None:
        exchange = an_exchange([])
        exchange.fail(failure)
        await exchange.reply()

    with pytest.raises(type(failure)):
        virtual_time.run(scenario())


def test_an_answer_to_nobody_is_dropped() -> None:
    """After the caller has given up, a whole stream passes without anyone reading it, and the process is free."""

    async def scenario() -> list[str]:
        finished: list[str] = []
        exchange = an_exchange(finished)
        waiting = asyncio.create_task(exchange.reply())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait({waiting})
        exchange.begin(Head(200, {}, []))
        async with asyncio.timeout(1):
            await exchange.feed(bytes(1024 * 1024))
        exchange.end()
        return finished

    assert virtual_time.run(scenario()) == ["finished"]

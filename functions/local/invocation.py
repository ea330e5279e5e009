"""One invocation of a function, as its caller sees it: the head of the answer, then the bytes of a stream.

An exchange goes through four states: offered → taken by the process → answering → finished. Whatever fails it, in
whichever state, is what the caller gets.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self, cast

from functions.errors import InternalError
from functions.runtime.wire import PRELUDE_END

PRELUDE_LIMIT: Final = 16 * 1024
"""Bytes in which the prelude must end; API Gateway's limit
(https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html)."""

INVALID_PRELUDE: Final = "Runtime.InvalidPrelude"
"""The `FunctionError` of a stream that does not begin as Lambda asks for."""

_AHEAD: Final = 256 * 1024
"""Bytes that may wait for the reader before the function is held up."""


class FunctionError(InternalError):
    """The function failed: it reported an error, died, took too long, or sent what Lambda does not take.

    `type` is Lambda's word for it (`Runtime.ExitError`, `Sandbox.Timedout`, ...) or the name of the function's own
    exception. The function's log holds the rest.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"the function failed: {kind}")
        self.type = kind


class NotTaken(InternalError):
    """The process ended before it took the event: another one may be given it."""


class Body(AsyncIterator[bytes]):
    """A stream on its way from a function to the one reader.

    Iterating raises `FunctionError` after the last byte that came, when the function did not end the stream by itself.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._is_dropped = False
        self._has_ended = False
        self._failure: FunctionError | None = None
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, chunk: bytes) -> None:
        """Adds a chunk and waits until the reader has caught up; a reader who is gone, or a stream that has ended, takes
        everything and keeps nothing."""
        if not chunk or self._is_dropped or self._has_ended:
            return
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._more.set()
        if self._size > _AHEAD:
            self._room.clear()
            await self._room.wait()

    def end(self, failure: FunctionError | None = None) -> None:
        """No more bytes will come. Only the first call counts."""
        if not self._has_ended:
            self._has_ended = True
            self._failure = failure
            self._more.set()
            self._room.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self._has_ended or self._is_dropped:
                raise StopAsyncIteration
            self._more.clear()
            await self._more.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        if self._size <= _AHEAD:
            self._room.set()
        return chunk

    async def aclose(self) -> None:
        """The reader goes away. The function is not told: what it still sends is taken and dropped."""
        self._is_dropped = True
        self._chunks.clear()
        self._size = 0
        self._room.set()
        self._more.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A function's answer."""

    streaming: bool
    result: bytes | None = None
    """A buffered answer's JSON; None when streaming."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cookies: list[str] = field(default_factory=list[str])
    body: Body = field(default_factory=Body)
    """A streamed answer's bytes, to be read to the end or closed with `aclose`."""


class Head(NamedTuple):
    """What a stream's prelude says."""

    status: int
    headers: dict[str, str]
    cookies: list[str]


class HeadReader:
    """Collects a stream's first bytes until its prelude is whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> tuple[Head, bytes] | None:
        """The head and the body's first bytes, or None while the prelude has not ended.

        Raises `FunctionError` when it is no prelude, or too long.
        """
        self._bytes += chunk
        end = self._bytes.find(PRELUDE_END, 0, PRELUDE_LIMIT)
        if end >= 0:
            return parse_prelude(bytes(self._bytes[:end])), bytes(self._bytes[end + len(PRELUDE_END) :])
        if len(self._bytes) >= PRELUDE_LIMIT:
            raise FunctionError(INVALID_PRELUDE)
        return None


def parse_prelude(prelude: bytes) -> Head:
    """Reads `{"statusCode", "headers", "cookies"}`, each of which may be missing. Raises `FunctionError`."""
    try:
        loaded: Any = json.loads(prelude)
    except ValueError:
        loaded = None
    if not isinstance(loaded, dict):
        raise FunctionError(INVALID_PRELUDE)
    fields = cast("dict[str, Any]", loaded)
    status, headers, cookies = fields.get("statusCode", 200), fields.get("headers", {}), fields.get("cookies", [])
    if not (
        isinstance(status, int)
        and 100 <= status <= 599
        and isinstance(headers, dict)
        and _are_texts(cast("dict[str, Any]", headers).values())
        and isinstance(cookies, list)
        and _are_texts(cast("list[Any]", cookies))
    ):
        raise FunctionError(INVALID_PRELUDE)
    return Head(status, cast("dict[str, str]", headers), cast("list[str]", cookies))


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(each, str) for each in values)


class Exchange:
    """One event and the answer to it, between the caller and the process that serves it."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the Runtime API's word
        payload: bytes,
        on_finish: Callable[[], None],
    ) -> None:
        """`on_finish` is called once, when the whole answer is here or will never be; before the caller sees its end."""
        self.id = id
        self.payload = payload
        self.taken = asyncio.Event()
        self.finished = asyncio.Event()
        self.is_answering = False
        """Whether the process is sending its answer: then the end of that connection tells what became of it."""
        self._on_finish = on_finish
        self._reply: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._body = Body()

    async def reply(self) -> Invocation:
        """Waits for the head, or the whole of a buffered answer. Raises `FunctionError` or `NotTaken`.

        A caller who is cancelled while waiting is gone: the answer will be dropped.
        """
        try:
            return await self._reply
        except asyncio.CancelledError:
            await self._body.aclose()
            raise

    def answer(self, result: bytes) -> None:
        """A buffered answer is here, and whole."""
        if not self._reply.done():
            self._reply.set_result(Invocation(streaming=False, result=result))
        self.finish()

    def begin(self, head: Head) -> None:
        """A stream's head is here."""
        if not self._reply.done():
            self._reply.set_result(
                Invocation(
                    streaming=True, status=head.status, headers=head.headers, cookies=head.cookies, body=self._body
                )
            )

    async def feed(self, chunk: bytes) -> None:
        """Bytes of a stream's body are here; returns when there is room for more."""
        await self._body.put(chunk)

    def end(self) -> None:
        """The stream has ended by itself."""
        self._body.end()
        self.finish()

    def fail(self, failure: FunctionError | NotTaken) -> None:
        """The answer will not come, or not whole. Does nothing to one that already has. The process may still be at it."""
        if not self._reply.done():
            self._reply.set_exception(failure)
        if isinstance(failure, FunctionError):
            self._body.end(failure)

    def finish(self) -> None:
        """The process has done with it. Only the first call counts."""
        if not self.finished.is_set():
            self.finished.set()
            self._on_finish()

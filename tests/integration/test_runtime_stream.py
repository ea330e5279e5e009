"""A streaming response on its way to a Runtime API, chunk by chunk as HTTP carries them."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import h11
import pytest

from functions.runtime import wire
from functions.runtime.gathering import PROMPT
from functions.runtime.response import StreamingResponse
from functions.runtime.stream import post

pytestmark = pytest.mark.integration

PATIENCE: Final = 120.0


class Reader:
    """A Runtime API that takes one response and remembers its HTTP chunks; in a thread, so that a body may block."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.chunks: list[bytes] = []
        """Without the head."""
        self.trailers: dict[str, str] = {}
        self._changed = threading.Condition()

    def serve(self) -> None:
        with self._listener, contextlib.closing(self._listener.accept()[0]) as connection:
            connection.settimeout(PATIENCE)
            http = h11.Connection(h11.SERVER)
            chunk, is_head = b"", True
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(connection.recv(65_536))
                elif isinstance(event, h11.Data):
                    chunk += event.data
                    if event.chunk_end:
                        if not is_head:
                            self._remember(chunk)
                        chunk, is_head = b"", False
                elif isinstance(event, h11.EndOfMessage):
                    self.trailers = {name.decode(): value.decode() for name, value in event.headers}
                    break
            accepted = h11.Response(status_code=202, headers=[("content-length", "0")])
            connection.sendall((http.send(accepted) or b"") + (http.send(h11.EndOfMessage()) or b""))

    def wait_for(self, body: bytes) -> bool:
        """Whether the reader holds this by now, and nothing else; it is given time."""
        with self._changed:
            return self._changed.wait_for(lambda: b"".join(self.chunks) == body, PATIENCE)

    def _remember(self, chunk: bytes) -> None:
        with self._changed:
            self.chunks.append(chunk)
            self._changed.notify_all()


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    with ThreadPoolExecutor() as threads:
        served = threads.submit(reader.serve)
        yield reader
        served.result()


def sent(reader: Reader, body: AsyncIterator[bytes] | Iterator[bytes]) -> None:
    response = StreamingResponse(body=body)
    asyncio.run(post(response, head=wire.prelude(response), address=reader.address, invoke_id="1"))


def numbered(count: int) -> list[bytes]:
    return [b"data: %d\n\n" % number for number in range(count)]


def test_a_burst_arrives_in_few_parts(reader: Reader) -> None:
    """Chunks that are there at once are sent together; they arrive whole, in their order, and are not cut."""
    chunks = numbered(5_000)
    sent(reader, iter(chunks))
    assert b"".join(reader.chunks) == b"".join(chunks)
    assert all(part.endswith(b"\n\n") for part in reader.chunks)
    assert len(reader.chunks) < len(chunks) / 10


def test_what_a_burst_leaves_is_sent_when_the_body_waits(reader: Reader) -> None:
    """The end of a burst arrives though nothing follows it: the body waits until it has arrived."""
    chunks = numbered(PROMPT * 3)
    arrived: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            for chunk in chunks:
                yield chunk
            arrived.append(await asyncio.to_thread(reader.wait_for, b"".join(chunks) * (len(arrived) + 1)))

    sent(reader, body())
    assert arrived == [True, True, True]


def test_what_a_response_begins_with_is_sent_though_the_body_blocks(reader: Reader) -> None:
    """The first chunks arrive while the body holds up the whole process, as an import does."""
    chunks = numbered(PROMPT)
    arrived: list[bool] = []

    def body() -> Iterator[bytes]:
        yield from chunks
        arrived.append(reader.wait_for(b"".join(chunks)))

    sent(reader, body())
    assert arrived == [True]


def test_a_burst_that_breaks_off_is_sent_before_the_trailers(reader: Reader) -> None:
    """What a body gave before it failed arrives."""
    chunks = numbered(PROMPT * 3)

    def body() -> Iterator[bytes]:
        yield from chunks
        raise KeyError

    sent(reader, body())
    assert b"".join(reader.chunks) == b"".join(chunks)
    assert reader.trailers[wire.ERROR_TYPE_TRAILER.lower()] == "KeyError"

"""A stand-in for the OpenAI Responses API: a real HTTP server on loopback that does what a test asks it to.

    with ModelServer() as server:
        server.script(HttpError.server_error(), Stream.text("Hello", " there"))
        ...  # a client with base_url=server.url: its first request fails, its second streams
        assert server.requests[1].body["stream"] is True

It runs in a thread of its own, with its own event loop, so that tests may be plain or async. It answers
`POST /v1/responses` with `"stream": true`; and `POST /v1/audio/transcriptions`, `POST /v1/files` and `DELETE /v1/files/...`,
for which a test scripts a `Body`. By hand, in a process of its own:
`python -m tests.support.model_server --deltas 2000` prints the URL to use as `OPENAI_BASE_URL`.
"""

import argparse
import asyncio
import json
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import h11

from tests.support.model_answers import Answer, Body, Gate, Hang, HttpError, Move, RecordedRequest, Stream

_READ_SIZE: Final = 65_536
_BODY_LIMIT: Final = 50_000_000
_STARTED_WITHIN: Final = 60.0
_REQUEST_ID: Final = ("x-request-id", "req_stand_in")

Choice = Answer | Callable[[RecordedRequest], Answer]
"""An answer, or a function that looks at the request and gives one."""


class ModelServer:
    """The server. `url` is what a client takes for `https://api.openai.com/v1`."""

    def __init__(self, *, port: int = 0) -> None:
        """`port` 0 takes a free one."""
        self.requests: list[RecordedRequest] = []
        self._wanted_port = port
        self._port = 0
        self._script: list[Choice] = [Stream.text("Hello", " from", " the", " stand-in", ".")]
        self._changed = threading.Condition()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)
        self._ready = threading.Event()
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        """The base URL, ending in `/v1`."""
        return f"http://127.0.0.1:{self._port}/v1"

    def script(self, *answers: Choice) -> None:
        """The coming requests get these, in order; the last answers every later one too."""
        if not answers:
            raise ValueError("at least one answer is needed")
        with self._changed:
            self._script = list(answers)

    def wait_for_requests(self, count: int, *, timeout: float = 60.0) -> list[RecordedRequest]:
        """The first `count` requests, as soon as they have arrived. Raises `TimeoutError` after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests arrived")
            return self.requests[:count]

    def start(self) -> Self:
        """Listens. Raises `OSError` where the port is taken."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        if not self._ready.wait(_STARTED_WITHIN):
            raise TimeoutError("the stand-in did not start")
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def stop(self) -> None:
        """Breaks off what is still running and closes every connection."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> Self:
        """Starts it."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stops it."""
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(
                asyncio.start_server(self._accept, "127.0.0.1", self._wanted_port, limit=_READ_SIZE)
            )
            self._port = server.sockets[0].getsockname()[1]
            self._ready.set()
            self._loop.run_forever()
            server.close()
            self._loop.run_until_complete(self._end_connections())
        except OSError as failure:
            self._failure = failure
            self._ready.set()
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _end_connections(self) -> None:
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        # A closed transport lets go of its socket in the loop's next turn.
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_Connection(reader, writer, self._record).serve())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def _record(self, request: RecordedRequest) -> Answer:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            if refusal := _refusal(request):
                return refusal
            choice = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return choice(request) if callable(choice) else choice


class _Connection:
    """One client's connection, any number of requests."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        record: Callable[[RecordedRequest], Answer],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._record = record
        self._http = h11.Connection(h11.SERVER)
        writer.transport.set_write_buffer_limits(high=0)

    async def serve(self) -> None:
        """Answers until either side has had enough."""
        try:
            while request := await self._next_request():
                await self._exchange(request)
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        except (ConnectionError, h11.ProtocolError):
            pass
        finally:
            self._writer.close()

    async def _next_request(self) -> RecordedRequest | None:
        head: h11.Request | None = None
        content = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ_SIZE))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                content += event.data
                if len(content) > _BODY_LIMIT:
                    return None
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _recorded(head, bytes(content), self._writer.get_extra_info("peername")[1])
            else:
                return None

    async def _exchange(self, request: RecordedRequest) -> None:
        answering = asyncio.ensure_future(self._answer(self._record(request)))
        watching = asyncio.ensure_future(self._client_leaves())
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            request.closed_early = not answering.done()
            if request.closed_early:
                raise ConnectionAbortedError
            try:
                answering.result()
            except ConnectionError:
                request.closed_early = True
                raise
        finally:
            for task in (answering, watching):
                task.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
            request.ended.set()

    async def _client_leaves(self) -> None:
        with suppress(ConnectionError):
            while data := await self._reader.read(_READ_SIZE):
                self._http.receive_data(data)

    async def _answer(self, answer: Answer) -> None:
        match answer:
            case Stream():
                await self._stream(answer)
            case HttpError(status=status, headers=headers):
                await self._whole(status, "application/json", answer.body, headers)
            case Body(status=status, content_type=content_type, content=content):
                await self._whole(status, content_type, content)
            case Hang():
                await asyncio.Event().wait()

    async def _stream(self, stream: Stream) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        for step in stream.steps():
            match step:
                case bytes():
                    await self._send(h11.Data(data=step))
                case Gate():
                    await step.passed()
                    due = clock()
                case Move.HEAD:
                    await self._head(200, [("content-type", "text/event-stream; charset=utf-8"), _REQUEST_ID])
                case Move.PAUSE:
                    due += stream.pause
                    await asyncio.sleep(due - clock())
                case Move.HANG:
                    await asyncio.Event().wait()
                case Move.RESET:
                    self._reset()
                case Move.END:
                    await self._send(h11.EndOfMessage())

    async def _whole(
        self, status: int, content_type: str, content: bytes, more: tuple[tuple[str, str], ...] = ()
    ) -> None:
        length = ("content-length", str(len(content)))
        await self._head(status, [("content-type", content_type), length, _REQUEST_ID, *more])
        await self._send(h11.Data(data=content))
        await self._send(h11.EndOfMessage())

    async def _head(self, status: int, headers: list[tuple[str, str]]) -> None:
        await self._send(h11.Response(status_code=status, headers=headers))

    async def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._writer.write(data)
            await self._writer.drain()

    def _reset(self) -> None:
        # With a linger time of zero, close() sends RST in place of FIN.
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _recorded(head: h11.Request, content: bytes, client_port: int) -> RecordedRequest:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return RecordedRequest(
        head.method.decode("ascii"), head.target.decode("ascii"), headers, content, body, client_port
    )


def _refusal(request: RecordedRequest) -> HttpError | None:
    path = request.path.partition("?")[0]
    if (request.method, path) == ("POST", "/v1/files") or (
        request.method == "DELETE" and path.startswith("/v1/files/")
    ):
        return None
    if path not in {"/v1/responses", "/v1/audio/transcriptions"}:
        return HttpError(404, "invalid_request_error", None, f"The stand-in has no {request.path}.")
    if request.method != "POST":
        return HttpError(405, "invalid_request_error", None, "The stand-in takes POST.")
    if path == "/v1/audio/transcriptions":
        return None
    if not isinstance(request.body, dict) or request.body.get("stream") is not True:
        return HttpError(400, "invalid_request_error", None, "The stand-in takes a JSON object with `stream: true`.")
    return None


@contextmanager
def refused_url() -> Iterator[str]:
    """A base URL at which every connection is refused: its port is ours, and nothing listens there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


@contextmanager
def full_url() -> Iterator[str]:
    """A base URL at which a connection is neither taken nor refused: a queue of one, which is full (Linux)."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for queued in (first, second):
            queued.setblocking(False)
            queued.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def main(arguments: list[str] | None = None) -> None:
    """Serves one and the same answer until it is interrupted or terminated."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.model_server", description="A stand-in model.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--deltas", type=int, default=40, metavar="N", help="answer with N text deltas (default: 40)")
    what.add_argument("--replay", type=Path, metavar="FILE", help="answer with the events of a .jsonl file")
    parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="between two events (default: 0)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    options = parser.parse_args(arguments)
    stream = Stream.replay(options.replay) if options.replay else Stream.deltas(options.deltas)
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with ModelServer(port=options.port) as server:
        server.script(stream.paced(options.pause))
        print(server.url, flush=True)
        asked_to_stop.wait()


if __name__ == "__main__":
    main()

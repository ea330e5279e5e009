"""What the stand-in model may do with a request; each is a value that a test hands to `ModelServer.script`.

Stream      server-sent events: whole, slow, held back, cut, broken off, in odd pieces
HttpError   a status with OpenAI's error JSON
Body        any other body, such as a proxy's HTML page with status 200
Hang        takes the request and never says a word
"""

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.support.streams import Event, json_line, read_lines, text_stream, words

INVALID_JSON: Final = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'
"""A frame whose data is no JSON."""


def frame(event: Event | str) -> bytes:
    """One server-sent event, given as a dict or as its JSON text: `event: TYPE`, `data: JSON`, an empty line."""
    line = json_line(event) if isinstance(event, dict) else event.encode()
    kind = event["type"] if isinstance(event, dict) else json.loads(event)["type"]
    return b"event: " + kind.encode() + b"\ndata: " + line + b"\n\n"


class Gate:
    """A door in a stream, shut until the test opens it: order without sleeping."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        """Set once the server stands before the door."""
        self._lock = threading.Lock()
        self._is_open = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def open(self) -> None:
        """Lets through whoever waits and whoever comes. May be called from any thread."""
        with self._lock:
            self._is_open = True
            for loop, passed in self._waiting:
                loop.call_soon_threadsafe(passed.set)

    async def passed(self) -> None:
        """Returns when the gate is open."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if self._is_open:
                waiter[1].set()
            self._waiting.add(waiter)
        self.reached.set()
        try:
            await waiter[1].wait()
        finally:
            with self._lock:
                self._waiting.discard(waiter)


class Move(Enum):
    """A step of an answer that is neither bytes nor a gate."""

    HEAD = auto()
    """Send status and headers."""
    PAUSE = auto()
    """Wait until the next event is due."""
    HANG = auto()
    """Do nothing more until the client goes away."""
    RESET = auto()
    """Break the connection."""
    END = auto()
    """End the response by HTTP's rules."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A `text/event-stream` answer. The methods return changed copies: `Stream.text("Hello").end_after(4)`.

    Events are counted from 0. The head of the response leaves with the first event, so after a gate before event 0.
    """

    frames: tuple[bytes, ...]
    gates: Mapping[int, Gate] = field(default_factory=lambda: MappingProxyType({}))
    hang_at: int | None = None
    end_at: int | None = None
    reset_at: int | None = None
    sizes: tuple[int, ...] = ()
    pause: float = 0.0

    @classmethod
    def of(cls, events: Iterable[Event | str | bytes]) -> "Stream":
        """Any events, as dicts or as JSON texts; bytes are sent as they are, for frames that are none."""
        return cls(tuple(event if isinstance(event, bytes) else frame(event) for event in events))

    @classmethod
    def text(cls, *deltas: str) -> "Stream":
        """A complete answer with these text deltas: event 4 is the first."""
        return cls.of(text_stream(*deltas))

    @classmethod
    def deltas(cls, count: int) -> "Stream":
        """A complete answer of `count` text deltas."""
        return cls.text(*words(count))

    @classmethod
    def replay(cls, path: Path) -> "Stream":
        """The events of a stream file, each byte for byte as the file holds it."""
        return cls.of(read_lines(path))

    def gate(self, gate: Gate, *, before: int = 0) -> "Stream":
        """Waits at `gate` before event number `before` (0: before the head of the response)."""
        return replace(self, gates=MappingProxyType({**self.gates, before: gate}))

    def hang_after(self, events: int) -> "Stream":
        """Falls silent after so many events and keeps the connection until the client closes it."""
        return replace(self, hang_at=events)

    def end_after(self, events: int) -> "Stream":
        """Ends the response after so many events, properly by HTTP: nothing tells that the rest is missing."""
        return replace(self, end_at=events)

    def reset_after(self, body_bytes: int) -> "Stream":
        """Breaks the connection (TCP RST) after so many bytes of the body, wherever that falls."""
        return replace(self, reset_at=body_bytes)

    def in_chunks(self, *sizes: int) -> "Stream":
        """Sends the body in pieces of these sizes in bytes, over and over, whatever they cut through."""
        return replace(self, sizes=sizes)

    def paced(self, pause: float) -> "Stream":
        """Leaves `pause` seconds between the starts of two events."""
        return replace(self, pause=pause)

    def steps(self) -> Iterator["bytes | Gate | Move"]:
        """The answer as steps, in order; bytes are sent as one HTTP chunk each."""
        cutter = Cutter(self.sizes)
        sent = 0
        for number in range(len(self.frames) + 1):
            if gate := self.gates.get(number):
                yield from cutter.flush()
                yield gate
            if number == 0:
                yield Move.HEAD
            if number == self.hang_at:
                yield from cutter.flush()
                yield Move.HANG
            if number in {self.end_at, len(self.frames)}:
                break
            if number and self.pause:
                yield Move.PAUSE
            frame = self.frames[number]
            if self.reset_at is not None and sent + len(frame) >= self.reset_at:
                yield from cutter.feed(frame[: self.reset_at - sent])
                yield from cutter.flush()
                yield Move.RESET
                return
            sent += len(frame)
            yield from cutter.feed(frame)
        yield from cutter.flush()
        yield Move.END


@dataclass(frozen=True, slots=True)
class HttpError:
    """An answer with an error status and OpenAI's error JSON (https://platform.openai.com/docs/guides/error-codes)."""

    status: int
    kind: str
    code: str | None
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """The JSON."""
        error = {"message": self.message, "type": self.kind, "param": None, "code": self.code}
        return json.dumps({"error": error}).encode()

    @classmethod
    def unauthorized(cls) -> "HttpError":
        """401: the key is wrong."""
        return cls(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided to the stand-in.")

    @classmethod
    def rate_limited(cls, *, retry_after: str = "1") -> "HttpError":
        """429, with a `Retry-After` header in seconds or as an HTTP date."""
        message = "Rate limit reached for the stand-in model."
        return cls(429, "tokens", "rate_limit_exceeded", message, (("retry-after", retry_after),))

    @classmethod
    def server_error(cls) -> "HttpError":
        """500."""
        return cls(500, "server_error", None, "The stand-in had an error while processing the request.")


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that is no event stream."""

    content: bytes = b"<!doctype html><title>Gateway</title><p>Please sign in."
    content_type: str = "text/html"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer: the request is read, and the connection kept until the client closes it."""


Answer = Stream | HttpError | Body | Hang


class Cutter:
    """Cuts a run of bytes into pieces of given sizes, whatever pieces it came in."""

    def __init__(self, sizes: Iterable[int]) -> None:
        """`sizes` in bytes, each at least 1, used over and over; none leaves the bytes as they come."""
        self._sizes: Iterator[int] | None = cycle(sizes) if (sizes := tuple(sizes)) else None
        self._next = next(self._sizes) if self._sizes else 0
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that are now whole."""
        if self._sizes is None:
            return [data]
        self._held += data
        pieces: list[bytes] = []
        while len(self._held) >= self._next:
            pieces.append(self._held[: self._next])
            self._held = self._held[self._next :]
            self._next = next(self._sizes)
        return pieces

    def flush(self) -> list[bytes]:
        """What is left, however short."""
        held, self._held = self._held, b""
        return [held] if held else []


@dataclass(slots=True)
class RecordedRequest:
    """A request that the stand-in received."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes
    body: Any
    """The parsed JSON; None where the content is none."""
    client_port: int
    """The same for the requests of one connection."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when the exchange is over, one way or the other."""
    closed_early: bool = False
    """Whether the client closed the connection before the answer was whole; final once `ended` is set."""

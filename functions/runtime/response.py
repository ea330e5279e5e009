"""What a handler returns to stream: bytes as they come into being, with the head of an HTTP response before them."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Filler:
    """Bytes to send in a silence, so that nothing between function and reader takes the stream for dead."""

    chunk: bytes
    after: float
    """Seconds of silence; again after each further such silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingResponse:
    """An HTTP response whose body is sent as it is made.

    Status, headers and cookies are sent before the body is asked for its first chunk. An async iterator runs on the
    process's event loop (see `loop`); so does an ordinary one, which must not wait: nothing else happens meanwhile.

    Each chunk of `body` is sent as soon as it is there; those that come faster than anybody reads are sent together (see
    `gathering`). None waits for what the body waits for. An exception raised by `body` ends the response with Lambda's
    error trailers. A body without any byte is sent as one newline, as an empty streamed response hangs in several adapters.
    """

    body: AsyncIterator[bytes] | Iterator[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cookies: Sequence[str] = ()
    """`Set-Cookie` values."""
    filler: Filler | None = None

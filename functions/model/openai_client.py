"""The connection to OpenAI: one client for everything, how long it waits, when it asks again, and what it tells the log.

The client's import costs more than everything else that the chat function does before its first byte, so it is imported
when it is first needed: the user's message is stored and shown by then.

The client's own repetitions are turned off. They would honour a `Retry-After` of up to two minutes, and wait for each
attempt's full time limit (`_base_client.py` of openai 3.54), while somebody looks at an empty answer. Here the last
attempt begins within ten seconds of the first, or there is none.
"""

import asyncio
import importlib
import json
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from functions.errors import InternalError, ModelError
from functions.model.event_stream import EventTooLarge
from functions.model.failures import failure, log_line, may_pass, refused, reported, reported_code
from functions.model.retries import Retries, retry_after
from functions.translations import Text

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

T = TypeVar("T")

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 120.0
"""How long the connection may carry nothing at all: reasoning models think for a while between two events."""

_CODE_CHARACTERS: Final = 64
_IMPORTED_FOR_A_CALL: Final = ("openai", "anyio._backends._asyncio", "h11", "httpcore2")

_log: Final = logging.getLogger(__name__)


class CutOff(Exception):
    """A stream ended, cleanly by HTTP, before its terminal event."""


class Unreadable(Exception):
    """An answer is not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A failed attempt."""

    error: ModelError
    may_pass: bool = False
    """Whether asking once more is worth it."""
    wanted: float | None = None
    """The seconds after which the server wants to be asked again."""
    status: int | None = None
    code: str | None = None
    openai_request_id: str | None = None


class OpenAIClient:
    """Makes OpenAI's client when it is needed, keeps its connections, and turns what fails into a `ModelError`."""

    def __init__(
        self,
        *,
        api_key: Callable[[], str],
        base_url: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`api_key` is called for each request, so that a rotated key takes effect; it may block for a request."""
        self._api_key = api_key
        self._base_url = base_url
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._retries = retries
        self._sleep = sleep
        self._jitter = jitter
        self._client: AsyncOpenAI | None = None

    async def call(self, attempt: Callable[["AsyncOpenAI"], Awaitable[T]]) -> T:
        """What `attempt` gives, which is made again where its failure may pass. Raises `ModelError`."""
        client = await self._connected()
        clock = asyncio.get_running_loop().time
        began = clock()
        failed = 0
        while True:
            try:
                return await attempt(client)
            except Exception as error:
                failed += 1
                failed_so = _failed(error, started=False)
                pause = self._retries.pause(
                    failed=failed, elapsed=clock() - began, wanted=failed_so.wanted, jitter=self._jitter()
                )
                if pause is None or not failed_so.may_pass:
                    _tell(failed_so, error, started=False, attempts=failed)
                    raise failed_so.error from error
            await self._sleep(pause)

    async def close(self) -> None:
        """Closes the connections that are kept for the next request."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> "AsyncOpenAI":
        import httpx2
        import openai

        key = (await asyncio.to_thread(self._api_key)).strip()
        if not key:
            raise InternalError("the secret that should hold the OpenAI key is empty")
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=key,
                base_url=self._base_url,
                max_retries=0,
                timeout=httpx2.Timeout(self._silence_seconds, connect=self._connect_seconds),
            )
        elif self._client.api_key != key:
            # A copy shares the connections: what is being streamed with the old key goes on.
            self._client = self._client.copy(api_key=key)
        return self._client


def load() -> None:
    """Imports what the first call would, for whoever has the time before there is one: what a snapshot is taken of."""
    for name in _IMPORTED_FOR_A_CALL:
        importlib.import_module(name)


def broken(error: Exception, *, response_id: str | None, openai_request_id: str | None) -> ModelError:
    """The error for a stream that fails after its first event; the log is told. Raises what is no failure of the model's."""
    failed_so = _failed(error, started=True)
    _tell(failed_so, error, started=True, response_id=response_id, openai_request_id=openai_request_id)
    return failed_so.error


def tell_reported(event: Any, *, response_id: str | None, openai_request_id: str | None) -> None:
    """Logs one of `FAILING_EVENTS`; whoever reads the stream raises its error."""
    failed_so = _Failure(error=reported(event), code=reported_code(event))
    _tell(failed_so, None, started=True, response_id=response_id, openai_request_id=openai_request_id)


def _failed(error: Exception, *, started: bool) -> _Failure:
    import anyio
    import httpx2
    import openai

    match error:
        case openai.APIStatusError():
            return _refused(error)
        case openai.APITimeoutError() if isinstance(error.__cause__, httpx2.ConnectTimeout):
            return _Failure(error=failure(Text.MODEL_UNREACHABLE), may_pass=True)
        case openai.APITimeoutError() | httpx2.TimeoutException() | TimeoutError():
            return _Failure(error=failure(Text.MODEL_TIMED_OUT))
        # As the client has it (`_httpx2.py`): httpx2 lets the last two through as they are.
        case openai.APIConnectionError() | httpx2.HTTPError() | ssl.SSLError() | anyio.EndOfStream():
            text = Text.MODEL_BROKE_OFF if started else Text.MODEL_UNREACHABLE
            return _Failure(error=failure(text), may_pass=True)
        case CutOff():
            return _Failure(error=failure(Text.MODEL_BROKE_OFF), may_pass=True)
        case Unreadable() | EventTooLarge() | json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return _Failure(error=failure(Text.MODEL_UNREADABLE))
        case _:
            raise error


def _refused(error: "APIStatusError") -> _Failure:
    headers = error.response.headers
    told = refused(error.status_code, error.code, error.type)
    return _Failure(
        error=told,
        # The header is the client's own rule: where the server says that it is no use, it knows best.
        may_pass=headers.get("x-should-retry") != "false" and may_pass(error.status_code, told),
        wanted=retry_after(headers, now=datetime.now(UTC)),
        status=error.status_code,
        code=str(error.code or error.type or "unknown")[:_CODE_CHARACTERS],
        openai_request_id=error.request_id,
    )


def _tell(
    failed_so: _Failure,
    error: Exception | None,
    *,
    started: bool,
    attempts: int = 1,
    response_id: str | None = None,
    openai_request_id: str | None = None,
) -> None:
    """One line, without content or key: OpenAI's support can look up the ids."""
    level, message = log_line(failed_so.error)
    extra = {
        "reason": failed_so.error.reason,
        "started": started,
        "attempts": attempts,
        "status": failed_so.status,
        "code": failed_so.code,
        "error": error and type(error).__name__,
        "openai_request_id": failed_so.openai_request_id or openai_request_id,
        "response_id": response_id,
    }
    _log.log(level, message, extra={name: value for name, value in extra.items() if value is not None})

"""The Responses API over the `openai` client, with stream events as plain dicts.

The client's import costs more than everything else that the chat function does before its first byte, so it is
imported when the first response is asked for: the user's message is stored and shown by then. `cast_to=object` is the
client's documented way for undeclared endpoints (https://github.com/openai/openai-python#undocumented-endpoints); it
keeps its retries, time limits and errors.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from functions.errors import ModelError
from functions.model.base import ResponseEvent
from functions.translations import Text

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 120.0
"""How long the model may say nothing: reasoning models think for a while before their first event and between events."""
RETRIES: Final = 2

_log: Final = logging.getLogger(__name__)


class OpenAIResponses:
    """A `Model`."""

    def __init__(
        self,
        *,
        api_key: Callable[[], str],
        base_url: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        """`api_key` is called for each response, so that a rotated key takes effect; it may block for a request."""
        self._api_key = api_key
        self._base_url = base_url
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._retries = retries
        self._client: AsyncOpenAI | None = None

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """The events of one response. Raises `ModelError`; what the service said about it is logged, without content."""
        import httpx2
        import openai

        client = await self._connected(openai)
        started = False
        try:
            events = await client.post(
                "/responses",
                body={**body, "stream": True},
                cast_to=object,
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            async with events:
                async for event in events:
                    started = True
                    yield cast("ResponseEvent", event)
        except openai.RateLimitError as error:
            raise _refused(error, Text.MODEL_BUSY) from error
        except openai.APIStatusError as error:
            raise _refused(error, Text.MODEL_REFUSED) from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            _log.warning("the model's connection failed", extra={"error": type(error).__name__, "started": started})
            message = Text.MODEL_BROKE_OFF if started else Text.MODEL_UNREACHABLE
            raise ModelError(message) from error
        except openai.APIError as error:  # an `error` event within the stream: the client raises what it holds
            _log.warning("the model failed", extra={"code": error.code})
            raise ModelError(Text.MODEL_FAILED) from error
        except ValueError as error:  # an event that is no JSON, or no UTF-8
            _log.warning("the model's stream cannot be read", extra={"error": type(error).__name__})
            raise ModelError(Text.MODEL_UNREADABLE) from error

    async def close(self) -> None:
        """Closes the connections that are kept for the next response."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self, openai: Any) -> "AsyncOpenAI":
        key = await asyncio.to_thread(self._api_key)
        if self._client is not None and self._client.api_key != key:
            await self.close()
        if self._client is None:
            import httpx2

            self._client = openai.AsyncOpenAI(
                api_key=key,
                base_url=self._base_url,
                max_retries=self._retries,
                timeout=httpx2.Timeout(self._silence_seconds, connect=self._connect_seconds),
            )
        return cast("AsyncOpenAI", self._client)


def _refused(error: Any, message: Text) -> ModelError:
    _log.warning(
        "the model's service refused",
        extra={"status": error.status_code, "code": error.code, "openai_request_id": error.request_id},
    )
    return ModelError(message)

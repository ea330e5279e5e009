"""Dictation through OpenAI's audio API (https://platform.openai.com/docs/api-reference/audio/createTranscription).

The request is the one that `client.audio.transcriptions.create` makes, sent by the client's documented way for undeclared
endpoints: the import behind `client.audio` alone takes half a second, and somebody who has just stopped speaking waits.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from functions.model.openai_client import OpenAIClient, Unreadable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

SECONDS: Final = 60.0
"""How long the API may take over one recording; the user waits with the composer closed."""

_FILE_NAMES: Final = {"audio/webm": "audio.webm", "audio/ogg": "audio.ogg", "audio/mp4": "audio.mp4"}
"""By media type: the API tells the format by the file's extension."""


class OpenAITranscriber:
    """A `Transcriber`."""

    def __init__(self, *, client: OpenAIClient, seconds: float = SECONDS) -> None:
        """`seconds`: how long one attempt may take."""
        self._client = client
        self._seconds = seconds

    async def transcribe(
        self, audio: bytes, *, media_type: str, model: str, language: str | None = None, prompt: str | None = None
    ) -> str:
        """See `Transcriber`. What fails is told to the log, without the recording and without what was said."""
        given = {"model": model, "language": language, "prompt": prompt}
        fields = {name: value for name, value in given.items() if value is not None}

        async def attempt(client: "AsyncOpenAI") -> str:
            answer = await client.post(
                "/audio/transcriptions",
                body=fields,
                files=[("file", (_FILE_NAMES[media_type], audio, media_type))],
                options={"headers": {"Content-Type": "multipart/form-data"}, "timeout": self._seconds},
                cast_to=object,
            )
            return _text(answer)

        return await self._client.call(attempt)


def _text(answer: object) -> str:
    text: Any = cast("Mapping[str, Any]", answer).get("text") if isinstance(answer, Mapping) else None
    if not isinstance(text, str):
        raise Unreadable
    return text

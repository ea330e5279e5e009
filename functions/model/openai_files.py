"""Copies of files at OpenAI (https://platform.openai.com/docs/api-reference/files), for what a model cannot fetch by a URL.

Sent by the client's documented way for undeclared endpoints, as in `functions.model.transcription`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from functions.model.openai_client import OpenAIClient, Unreadable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

SECONDS: Final = 60.0
"""How long the API may take over one file."""
PURPOSE: Final = "user_data"
"""What the API wants of files that are a model's input."""


class OpenAIFiles:
    """Implements `functions.attachments.base.ModelFiles`."""

    def __init__(self, *, client: OpenAIClient, seconds: float = SECONDS) -> None:
        """`seconds`: how long one attempt may take."""
        self._client = client
        self._seconds = seconds

    async def upload(self, name: str, data: bytes, mime_type: str) -> str:
        """See `ModelFiles`."""

        async def attempt(client: "AsyncOpenAI") -> str:
            answer = await client.post(
                "/files",
                body={"purpose": PURPOSE},
                files=[("file", (name, data, mime_type))],
                options={"headers": {"Content-Type": "multipart/form-data"}, "timeout": self._seconds},
                cast_to=object,
            )
            return _id(answer)

        return await self._client.call(attempt)

    async def delete(self, file_id: str) -> None:
        """See `ModelFiles`."""

        async def attempt(client: "AsyncOpenAI") -> None:
            import openai

            try:
                await client.delete(
                    f"/files/{quote(file_id, safe='')}", options={"timeout": self._seconds}, cast_to=object
                )
            except openai.NotFoundError:
                return

        await self._client.call(attempt)


def _id(answer: object) -> str:
    file_id: Any = cast("Mapping[str, Any]", answer).get("id") if isinstance(answer, Mapping) else None
    if not isinstance(file_id, str) or not file_id:
        raise Unreadable
    return file_id

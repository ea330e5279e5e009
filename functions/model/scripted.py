"""A model for a laptop without an OpenAI key: it answers from a script, in the shape of the Responses API's stream."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast

from functions.model.base import ResponseEvent

PAUSE: Final = 0.012
"""Seconds between two words: about as fast as a real model, so that a page is seen to stream."""

ANSWER: Final = """\
I am a **scripted assistant**: this stack runs without an OpenAI key, so no model reads what you write.

You wrote: {message}

Everything else is real: your message and this answer are stored in a DynamoDB table on this machine, and this text is \
streamed by the very function that runs on AWS Lambda. Reload the page, and the conversation is still here. Start the \
stack with `OPENAI_API_KEY` set, and a model answers in my place.
"""
QUOTED_CHARACTERS: Final = 200


class ScriptedModel:
    """A `Model` that repeats the user's last words and says that it is a script."""

    def __init__(self, *, pause: float = PAUSE) -> None:
        """`pause` in seconds between two words."""
        self._pause = pause

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """A response of one message, word by word."""
        text = ANSWER.format(message=_quoted(_last_words(body)))
        part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
        place = {"output_index": 0, "content_index": 0}
        yield {"type": "response.created", "response": {"status": "in_progress"}}
        yield {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}}
        yield {"type": "response.content_part.added", **place, "part": part}
        for word in re.findall(r"\s*\S+|\s+$", text):
            yield {"type": "response.output_text.delta", **place, "delta": word}
            await asyncio.sleep(self._pause)
        done = {**part, "text": text}
        yield {"type": "response.content_part.done", **place, "part": done}
        yield {"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "content": [done]}}
        yield {"type": "response.completed", "response": {"status": "completed"}}


def _last_words(body: Mapping[str, Any]) -> str:
    entries = cast("list[dict[str, Any]]", body.get("input", []))
    texts = [part["text"] for entry in entries if entry.get("role") == "user" for part in entry["content"]]
    return texts[-1] if texts else ""


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line[:QUOTED_CHARACTERS]}…”" if len(line) > QUOTED_CHARACTERS else f"“{line}”"

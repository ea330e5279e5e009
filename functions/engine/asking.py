"""A model asked beside the conversation: a text in, a text out."""

from collections.abc import Mapping
from typing import Any, Final

from functions.engine.closing import closing
from functions.model.base import Model
from functions.model.failures import FAILING_EVENTS, failure, reported
from functions.translations import Text

ANSWER_CHARACTERS: Final = 100_000
"""How much of an answer is read; what comes behind it is not waited for."""


async def ask(model: Model, body: Mapping[str, Any], *, at_most: int = ANSWER_CHARACTERS) -> str:
    """What a model answers to the body of `POST /responses`, as far as `at_most` characters.

    Raises `ModelError`, also where the model had said something before it failed.
    """
    pieces: list[str] = []
    length = 0
    async with closing(model.stream({"store": False, **body})) as events:
        async for event in events:
            kind = event.get("type")
            if kind == "response.output_text.delta":
                pieces.append(event["delta"])
                length += len(event["delta"])
                if length >= at_most:
                    break
            elif kind == "response.completed":
                break
            elif kind in FAILING_EVENTS:
                raise reported(event)
        else:
            raise failure(Text.MODEL_BROKE_OFF)
    return "".join(pieces)[:at_most]

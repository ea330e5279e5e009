"""A model asked beside the conversation."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from functions.engine.asking import ask
from functions.errors import ModelError
from functions.model.base import ResponseEvent
from functions.runtime.loop import run
from functions.translations import Text
from tests.support.assistants import CannedModel
from tests.support.streams import text_stream


def answer(events: Sequence[ResponseEvent], **how: Any) -> str:
    return run(ask(CannedModel(events), {"model": "m"}, **how))


def test_the_words_are_joined() -> None:
    """What the model says is what comes back, and nothing is kept at OpenAI unless that is asked for."""
    model = CannedModel(text_stream("Tea", " at", " five"))
    assert run(ask(model, {"model": "m"})) == "Tea at five"
    assert model.bodies == [{"model": "m", "store": False}]


def test_a_long_answer_is_cut_and_left() -> None:
    """Behind the limit nothing is read, and the stream is closed."""

    class Endless:
        closed = False

        async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
            try:
                while True:
                    yield {"type": "response.output_text.delta", "delta": "abc"}
            finally:
                self.closed = True

    model = Endless()
    assert run(ask(model, {}, at_most=10)) == "abcabcabca"
    assert model.closed


@pytest.mark.parametrize(
    ("events", "text"),
    [
        (text_stream("Half")[:5], Text.MODEL_BROKE_OFF),
        ([], Text.MODEL_BROKE_OFF),
        ([*text_stream("Half")[:5], {"type": "error", "code": "rate_limit_exceeded"}], Text.MODEL_BUSY),
        (
            [{"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}],
            Text.MODEL_INCOMPLETE,
        ),
    ],
)
def test_half_an_answer_is_none(events: Sequence[ResponseEvent], text: Text) -> None:
    """A model that fails on the way has not answered."""
    with pytest.raises(ModelError) as caught:
        answer(events)
    assert caught.value.reason == text

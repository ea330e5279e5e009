"""The summaries of the model's reasoning, each a thought in the workflow, streamed.

The protocol has no delta for a task: each update holds the whole thought. So one is sent when the text has grown by a
32nd since the last: what is sent then grows with the text, not with its square.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from functions.model.base import ResponseEvent
from functions.model.to_chatkit.texts import encodable
from functions.model.to_chatkit.workflows import Step, Workflows
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.tasks import ThoughtTask

_GROWTH: Final = 32


@dataclass(slots=True)
class _Thought:
    step: Step
    text: str = ""
    shown: int = 0
    """How many characters of it were shown."""
    is_done: bool = False


class Thoughts:
    """The thoughts of one response, by `output_index` and `summary_index`."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows
        self._thoughts: dict[tuple[int, int], _Thought] = {}

    def added(self) -> None:
        """A reasoning item opens; it is not shown before it says something."""
        self._workflows.begin()

    def text_delta(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A thought grows."""
        thought = self._thought(event["output_index"], event["summary_index"])
        thought.text += event["delta"]
        if len(thought.text) - thought.shown > thought.shown // _GROWTH:
            thought.shown = len(thought.text)
            yield from thought.step.show(_task(thought.text), is_last=False)

    def text_done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A thought is complete."""
        yield from self._done(event["output_index"], event["summary_index"], event["text"])

    def done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A reasoning item is complete, with all its thoughts: also such as were not streamed."""
        index = event["output_index"]
        for number, part in enumerate(event["item"].get("summary") or ()):
            yield from self._done(index, number, part["text"])
        for place in [place for place in self._thoughts if place[0] == index]:
            yield from self._done(*place, self._thoughts[place].text)
            del self._thoughts[place]

    def _done(self, output_index: int, summary_index: int, text: str) -> Iterator[ThreadStreamEvent]:
        thought = self._thought(output_index, summary_index)
        if not thought.is_done and (text or thought.shown):
            thought.is_done = True
            yield from thought.step.show(_task(text or thought.text), is_last=True)

    def _thought(self, output_index: int, summary_index: int) -> _Thought:
        place = (output_index, summary_index)
        if place not in self._thoughts:
            self._thoughts[place] = _Thought(self._workflows.step())
        return self._thoughts[place]


def _task(text: str) -> ThoughtTask:
    return ThoughtTask(content=encodable(text))

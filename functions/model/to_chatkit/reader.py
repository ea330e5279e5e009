"""Reads one response: each event goes to what it is about. The table of them all is in the package's docstring."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from functions.ids import IdFactory
from functions.model.base import ResponseEvent
from functions.model.failures import FAILING_EVENTS, failure, reported
from functions.model.to_chatkit.images import Images
from functions.model.to_chatkit.messages import Messages
from functions.model.to_chatkit.thoughts import Thoughts
from functions.model.to_chatkit.tool_calls import TOOL_CALLS, ToolCalls
from functions.model.to_chatkit.workflows import Workflows
from functions.protocol.events import ThreadStreamEvent
from functions.translations import Text

_Read: TypeAlias = Callable[[ResponseEvent], Iterable[ThreadStreamEvent]]


class ResponseReader:
    """Reads one response. A turn of several rounds has a reader for each, with the same `workflows`."""

    def __init__(
        self,
        *,
        thread_id: str,
        ids: IdFactory,
        now: Callable[[], datetime],
        workflows: Workflows | None = None,
        partial_images: int | None = None,
    ) -> None:
        """Without `workflows`, what is open at the end of the response is done then; else `workflows.close()` does it.

        `partial_images` is what the request asked of its image generation tool.
        """
        self.response_id: str | None = None
        """The response's id, as soon as it is known."""
        self.usage: Mapping[str, Any] | None = None
        """The tokens that the response cost, as the API reports them at its end, whichever end that is."""
        self._output: dict[int, Mapping[str, Any]] = {}
        self._is_complete = False
        self._own_workflows = workflows is None
        self._workflows = workflows or Workflows(thread_id=thread_id, ids=ids, now=now)
        self._messages = Messages(thread_id=thread_id, ids=ids, now=now)
        self._images = Images(thread_id=thread_id, ids=ids, now=now, partial_images=partial_images)
        self._thoughts = Thoughts(self._workflows)
        self._tool_calls = ToolCalls(self._workflows)
        self._reads: Final[Mapping[str, _Read]] = {
            "response.output_text.delta": self._messages.text_delta,
            "response.refusal.delta": self._messages.text_delta,
            "response.output_item.added": self._item_added,
            "response.content_part.added": self._messages.part_added,
            "response.output_text.annotation.added": self._messages.annotation_added,
            "response.content_part.done": self._messages.part_done,
            "response.output_item.done": self._item_done,
            "response.reasoning_summary_text.delta": self._thoughts.text_delta,
            "response.reasoning_summary_text.done": self._thoughts.text_done,
            "response.code_interpreter_call_code.done": self._tool_calls.code_done,
            "response.image_generation_call.partial_image": self._images.partial,
            "response.created": self._began,
            "response.in_progress": self._began,
            "response.completed": self._completed,
            **dict.fromkeys(FAILING_EVENTS, self._failed),
        }

    def feed(self, event: ResponseEvent) -> Sequence[ThreadStreamEvent]:
        """The ChatKit events of one stream event.

        Raises `ModelError` at a terminal event that is no success, and for an event that is not what its type promises.
        """
        try:
            read = self._reads.get(event.get("type", ""))
            return () if read is None else tuple(read(event))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise failure(Text.MODEL_UNREADABLE) from error

    def end(self) -> None:
        """To be called when the stream has ended. Raises `ModelError` where it ended before its terminal event."""
        if not self._is_complete:
            raise failure(Text.MODEL_BROKE_OFF)

    @property
    def output(self) -> list[Mapping[str, Any]]:
        """The finished output items of every type, as the API gave them, in their order."""
        return [self._output[index] for index in sorted(self._output)]

    def _item_added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        kind = event["item"]["type"]
        if kind == "message":
            yield from self._workflows.leave()
            yield from self._messages.added(event)
        elif kind == "reasoning":
            self._thoughts.added()
        elif kind == "image_generation_call":
            yield from self._images.added(event)
        elif kind in TOOL_CALLS:
            yield from self._tool_calls.added(event)

    def _item_done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        self._output[event["output_index"]] = event["item"]
        kind = event["item"]["type"]
        if kind == "message":
            if event["output_index"] not in self._messages.unfinished():
                yield from self._workflows.leave()
            yield from self._messages.done(event)
        elif kind == "reasoning":
            yield from self._thoughts.done(event)
        elif kind == "image_generation_call":
            yield from self._images.done(event)
        elif kind in TOOL_CALLS:
            yield from self._tool_calls.done(event)

    def _began(self, event: ResponseEvent) -> Iterable[ThreadStreamEvent]:
        self.response_id = event["response"].get("id")
        return ()

    def _completed(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        self._ended(event)
        # The whole output stands in this event once more: what was not closed before, is by it.
        output: Sequence[Any] = event.get("response", {}).get("output") or ()
        for index in self._messages.unfinished() + self._images.unfinished():
            yield from self._item_done({"output_index": index, "item": output[index]})
        if self._own_workflows:
            yield from self._workflows.close()
        self._is_complete = True

    def _failed(self, event: ResponseEvent) -> Iterable[ThreadStreamEvent]:
        self._ended(event)
        raise reported(event)

    def _ended(self, event: ResponseEvent) -> None:
        response: Mapping[str, Any] = event.get("response") or {}
        self.usage = response.get("usage")
        self.response_id = response.get("id") or self.response_id

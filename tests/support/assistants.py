"""Assistants and a model for tests of the engine."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from functions.engine.assistant import Assistant, AssistantContext
from functions.model.base import ResponseEvent
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import AssistantMessageItem, UserMessageItem
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.threads import ThreadMetadata
from functions.protocol.updates import (
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
)

Respond = Callable[[ThreadMetadata, UserMessageItem | None, AssistantContext], AsyncIterator[ThreadStreamEvent]]


class ScriptedAssistant(Assistant):
    """Responds as the function that it is given."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        return self._respond(thread, message, context)


class CannedModel:
    """A `Model` that gives the same events to each request, and remembers what it was asked."""

    def __init__(self, events: Sequence[ResponseEvent] = ()) -> None:
        self.events = events
        self.bodies: list[Mapping[str, Any]] = []

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        self.bodies.append(body)
        for event in self.events:
            yield event


def assistant_message(thread: ThreadMetadata, context: AssistantContext, text: str = "") -> AssistantMessageItem:
    """A new assistant message, empty where no text is given."""
    return AssistantMessageItem(
        id=context.ids.new("message"),
        thread_id=thread.id,
        created_at=context.now(),
        content=[AssistantMessageContent(text=text)] if text else [],
    )


async def say(
    thread: ThreadMetadata, context: AssistantContext, *words: str, finish: bool = True
) -> AsyncIterator[ThreadStreamEvent]:
    """Streams a message word by word; without `finish` it stays open."""
    item = assistant_message(thread, context)
    yield ThreadItemAddedEvent(item=item)
    empty = AssistantMessageContent(text="")
    yield ThreadItemUpdatedEvent(
        item_id=item.id, update=AssistantMessageContentPartAdded(content_index=0, content=empty)
    )
    for word in words:
        delta = AssistantMessageContentPartTextDelta(content_index=0, delta=word)
        yield ThreadItemUpdatedEvent(item_id=item.id, update=delta)
    if finish:
        content = AssistantMessageContent(text="".join(words))
        done = AssistantMessageContentPartDone(content_index=0, content=content)
        yield ThreadItemUpdatedEvent(item_id=item.id, update=done)
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [content]}))

"""The chat function with an assistant whose every turn is one call of the model: an action's, too."""

from collections.abc import AsyncIterator, Mapping

from functions import assistant
from functions.assistant.assistant import INSTRUCTIONS, MODEL, MyAssistant
from functions.engine.assistant import Assistant, AssistantContext
from functions.protocol.actions import Action
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem, WidgetItem
from functions.protocol.threads import ThreadMetadata


class OneCall(MyAssistant):
    """Gives threads no titles, which would be another call."""

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.answer(model=MODEL, instructions=INSTRUCTIONS):
            yield event

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.answer(model=MODEL, instructions=INSTRUCTIONS):
            yield event


def _create(*, has_model: bool) -> Mapping[str, Assistant]:
    return {"default": OneCall()}


# The folder `functions/assistant` is the integrator's to edit; this is what an edited one does.
assistant.create = _create

from functions.handlers.chat import handler as handler  # noqa: E402 - it asks for the assistants when it is imported

"""The assistant: what it is told, which model speaks for it, and how it answers."""

from collections.abc import AsyncIterator
from typing import Final

from functions.engine.assistant import Assistant, AssistantContext
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata

MODEL: Final = "gpt-5.2"

INSTRUCTIONS: Final = """\
You are a helpful assistant in a chat on a web page. Answer in the language of the user's last message, briefly and in \
Markdown. Say so when you do not know something.
"""


class MyAssistant(Assistant):
    """Lets the model answer the conversation as it stands."""

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Streams the model's answer."""
        del thread, message  # the context knows the whole conversation
        async for event in context.answer(model=MODEL, instructions=INSTRUCTIONS):
            yield event

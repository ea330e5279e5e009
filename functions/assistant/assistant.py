"""The assistant: what it is told, which model speaks for it, and how it answers."""

from collections.abc import AsyncIterator
from typing import Final

from functions.assistant.directory import Directory
from functions.assistant.tools import TOOLS
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.dictation import AudioInput, DictationContext
from functions.engine.titles import titled
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata

MODEL: Final = "gpt-5.2"
MODELS: Final = {"best": MODEL, "fast": "gpt-5.4-mini"}
"""What the page's composer may offer: its id → the model."""
TITLE_MODEL: Final = "gpt-5.4-mini"
TRANSCRIPTION_MODEL: Final = "gpt-transcribe"

INSTRUCTIONS: Final = """\
You are a helpful assistant in a chat on a web page. Answer in the language of the user's last message, briefly and in \
Markdown. Say so when you do not know something.
"""


class MyAssistant(Assistant):
    """Lets the model answer the conversation as it stands, and a small one give it a title."""

    models = MODELS
    tools = TOOLS
    entities = Directory()

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Streams the model's answer."""
        answer = context.answer(model=MODEL, instructions=INSTRUCTIONS)
        async for event in titled(
            answer, thread=thread, message=message, context=context, model=TITLE_MODEL, reasoning={"effort": "low"}
        ):
            yield event

    async def transcribe(self, audio: AudioInput, context: DictationContext) -> str:
        """Writes down what was spoken into the composer."""
        return await context.transcribe(audio, model=TRANSCRIPTION_MODEL)

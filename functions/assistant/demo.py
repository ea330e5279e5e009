"""An assistant without a model that shows everything an assistant can do: one word, one kind of item.

Read it as a collection of examples: each method of `_Shows` is what you would write in an assistant of your own.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal

from functions.assistant.directory import ENTITIES, Directory
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.authoring import Widget, changed_widget
from functions.engine.dictation import AudioInput
from functions.engine.results import RequestContext
from functions.errors import CustomStreamError
from functions.protocol.actions import Action
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import ClientToolCallItem, StructuredInputItem, ThreadItem, UserMessageItem, WidgetItem
from functions.protocol.messages import UserMessageTagContent
from functions.protocol.sources import Annotation, EntitySource, FileSource, URLSource
from functions.protocol.structured_input import (
    StructuredInputFreeform,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
)
from functions.protocol.tasks import CustomSummary, CustomTask, FileTask, SearchTask, ThoughtTask
from functions.protocol.threads import LockedStatus, ThreadMetadata

Events = AsyncIterator[ThreadStreamEvent]

PAUSE: Final = 0.03
"""Seconds between two words, as a model would take."""
TITLE_CHARACTERS: Final = 40
CLIENT_TOOL: Final = "get_page_title"
"""A tool of the playground's page: it gives back the page's title."""

GREETING: Final = """\
I am a **scripted assistant**: there is no OpenAI key here, so no model reads what you write. Everything else is real: what \
you see is stored in DynamoDB and streamed by the function that runs on AWS Lambda.

Write one of these words, and I show you what it names:

{words}

Or type `@` and tag a person or a document: I tell you what a model would learn of it.
"""

LONG: Final = (
    "Once there was a server that ran day and night and waited for somebody to say something. It had a disk, a memory and "
    "a bill, and of the three the bill grew fastest. One evening nobody said anything at all, and the server asked itself "
    "what it was there for. So it became a function. Now it sleeps until it is called, answers as fast as it can think, "
    "and forgets nothing, since it writes everything down before it says it. "
)


class DemoAssistant(Assistant):
    """Shows what the user's words ask for."""

    entities = Directory()

    def __init__(self, *, pause: float = PAUSE) -> None:
        """`pause` in seconds between two words of a streamed text."""
        self._pause = pause

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> Events:
        """Answers a word; without a message, goes on where a tool or a question has come back."""
        shows = _Shows(thread, context, self._pause)
        if message is None:
            async for event in shows.what_came_back():
                yield event
            return
        words = "".join(part.text for part in message.content).lower()
        if thread.title is None:
            thread.title = " ".join(words.split())[:TITLE_CHARACTERS].capitalize() or None
        tags = [part for part in message.content if isinstance(part, UserMessageTagContent)]
        if tags:
            async for event in shows.tagged(tags):
                yield event
            return
        show = next((show for word, show in shows.by_word.items() if word in words), shows.greeting)
        async for event in show():
            yield event

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        """The counter's first button: the widget is replaced by the next one."""
        if sender is None or action.type != "counter.add":
            raise CustomStreamError("Nobody here knows that action.")
        from functions.assistant.demo_widgets import counter

        yield context.replaced_widget(sender, counter(_count(action) + 1))

    async def sync_action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> ThreadItem | None:
        """The counter's second button: one item comes back, without a stream."""
        if sender is None or action.type != "counter.reset":
            raise CustomStreamError("Nobody here knows that action.")
        from functions.assistant.demo_widgets import counter

        return changed_widget(sender, counter(0, note=f"It stood at {_count(action)}."))

    async def transcribe(self, audio: AudioInput, context: RequestContext) -> str:
        """There is no model to listen: says how much was recorded."""
        return f"({len(audio.data):,} bytes of {audio.media_type})"


class _Shows:
    """What the demo shows, by the word that asks for it."""

    def __init__(self, thread: ThreadMetadata, context: AssistantContext, pause: float) -> None:
        self._thread = thread
        self._context = context
        self._pause = pause
        self.by_word: Final[dict[str, Callable[[], Events]]] = {
            "widget": self.widget,
            "tool": self.client_tool,
            "question": self.structured_input,
            "workflow": self.workflow,
            "source": self.sources,
            "image": self.image,
            "notice": self.notice,
            "long": self.long_text,
            "hidden": self.hidden_context,
            "error": self.error,
            "lock": self.lock,
        }

    def greeting(self) -> Events:
        """What there is to see."""
        words = "\n".join(f"- {word}" for word in self.by_word)
        return self._context.message(self._spoken(GREETING.format(words=words)))

    async def widget(self) -> Events:
        """A widget that streams, then one with buttons."""
        from functions.assistant.demo_widgets import counter, growing, growing_length

        async def states() -> AsyncIterator[Widget]:
            for words in range(1, growing_length() + 1):
                yield growing(words)
                await asyncio.sleep(self._pause)

        async for event in self._context.widget(states()):
            yield event
        async for event in self._context.widget(counter(0), copy_text="A counter"):
            yield event

    async def client_tool(self) -> Events:
        """A tool that runs in the page: the turn ends, and its result begins the next one."""
        yield self._context.client_tool_call(CLIENT_TOOL, {})

    async def structured_input(self) -> Events:
        """Questions: the turn ends, and the answers begin the next one."""
        yield self._context.structured_input(
            StructuredInputMultipleChoice(id="drink", question="What do you drink?", options=_options("Tea", "Coffee")),
            StructuredInputMultipleChoice(
                id="times", question="When?", options=_options("Morning", "Noon", "Evening"), multiple=True
            ),
            StructuredInputFreeform(id="why", question="Why?", description="In your own words."),
        )

    async def what_came_back(self) -> Events:
        """Tells the result of the page's tool, or the user's answers."""
        newest = next(
            item
            for item in reversed(await self._context.history())
            if isinstance(item, ClientToolCallItem | StructuredInputItem)
        )
        async for event in self._context.message(self._spoken(_told(newest))):
            yield event

    async def workflow(self) -> Events:
        """Steps that load and complete, under one headline."""
        workflow = self._context.workflow(title="Working", icon="sparkle")
        yield workflow.start()
        source = URLSource(title="AWS Lambda", url="https://docs.aws.amazon.com/lambda/", attribution="AWS")
        for task in (
            ThoughtTask(title="Thinking", content="A function that sleeps costs nothing."),
            SearchTask(title="Searching", queries=["lambda response streaming"], sources=[source]),
            FileTask(title="Reading", sources=[FileSource(title="Notes", filename="notes.md")]),
            CustomTask(title="Writing it down", icon="write", content="In **one** transaction."),
        ):
            yield workflow.add(task.model_copy(update={"status_indicator": "loading"}))
            await asyncio.sleep(self._pause * 10)
            yield workflow.update(task.model_copy(update={"status_indicator": "complete"}))
        yield workflow.end(summary=CustomSummary(title="Done in four steps", icon="check-circle"))
        yield self._context.task(CustomTask(title="A task may stand alone, too", icon="check"))

    def sources(self) -> Events:
        """An answer with its sources: a page, a file, an entity of your own."""
        text = "It rests on a page, a file and a person."
        page = URLSource(title="ChatKit", url="https://platform.openai.com/docs/guides/chatkit", attribution="OpenAI")
        file = FileSource(title="Design notes", filename="design.md")
        person = ENTITIES["ada"].as_source(label="Person")
        places: tuple[tuple[URLSource | FileSource | EntitySource, str], ...] = (
            (page, "page"),
            (file, "file"),
            (person, "person"),
        )
        annotations = [Annotation(source=source, index=text.index(word) + len(word)) for source, word in places]
        return self._context.message(self._spoken(text), annotations=annotations)

    def tagged(self, tags: Sequence[UserMessageTagContent]) -> Events:
        """What is known of the entities that a message tags, each of them a source of the answer."""
        text = ""
        annotations: list[Annotation] = []
        for tag in {tag.id: tag for tag in tags}.values():
            facts = "".join(f"\n- {name}: {fact}" for name, fact in tag.data.items())
            text += f"**{tag.text}**"
            source = EntitySource(
                id=tag.id, title=tag.text, group=tag.group, interactive=tag.interactive, data=tag.data
            )
            annotations.append(Annotation(source=source, index=len(text)))
            text += f"{facts}\n\n"
        return self._context.message(self._spoken(text.rstrip()), annotations=annotations)

    async def image(self) -> Events:
        """A picture in the making."""

        async def states() -> AsyncIterator[tuple[str, float]]:
            for step in (1, 2, 3):
                yield _picture(step), step / 3
                await asyncio.sleep(self._pause * 10)

        async for event in self._context.images(states()):
            yield event

    async def notice(self) -> Events:
        """What passes and is not kept: progress, a notice, and something that the page does."""
        yield self._context.progress("Looking for my notices", icon="search")
        await asyncio.sleep(self._pause * 10)
        yield self._context.notice("This is a **notice**. It is gone after a reload.", title="By the way")
        yield self._context.client_effect("demo_notice", {"shown": True})
        async for event in self._context.message("The notice, the progress and the effect are not kept; this is."):
            yield event

    def long_text(self) -> Events:
        """A long answer: time to press stop, or to reload."""
        return self._context.message(self._spoken(LONG * 12))

    async def hidden_context(self) -> Events:
        """Something that only the model will see."""
        yield self._context.hidden_context({"secret": "The user has asked for something hidden."})
        async for event in self._context.message("I have noted something for the model here. You cannot see it."):
            yield event

    async def error(self) -> Events:
        """An answer that fails half-way: what was said stays, and the user may try again."""
        async for event in self._context.message(self._failing("This sentence will not be")):
            yield event

    async def lock(self) -> Events:
        """A thread that takes no more messages."""
        async for event in self._context.message("This thread is locked now."):
            yield event
        self._thread.status = LockedStatus(reason="You asked for it.")

    async def _spoken(self, text: str) -> AsyncIterator[str]:
        for word in text.split(" "):
            yield word + " "
            await asyncio.sleep(self._pause)

    async def _failing(self, text: str) -> AsyncIterator[str]:
        async for word in self._spoken(text):
            yield word
        raise CustomStreamError("This failed on purpose.", allow_retry=True)


def _count(action: Action) -> int:
    """The counter's state: it came from the page, so anything may have come."""
    match action.payload:
        case {"count": int(count)} if 0 <= count < 1_000_000:
            return count
        case _:
            raise CustomStreamError("That is no counter of mine.")


def _options(*values: str) -> list[StructuredInputMultipleChoiceOption]:
    return [StructuredInputMultipleChoiceOption(value=value) for value in values]


def _told(item: ClientToolCallItem | StructuredInputItem) -> str:
    match item:
        case ClientToolCallItem(output={"error": error}):
            return f"The page's tool failed: {error}"
        case ClientToolCallItem():
            output = item.output if isinstance(item.output, str) else json.dumps(item.output, ensure_ascii=False)
            return f"The page's tool gave back: `{output}`"
        case StructuredInputItem():
            lines = [
                f"- {question.question} "
                + (", ".join(question.answer.values) if question.answer and question.answer.values else "(skipped)")
                for question in item.inputs
            ]
            return "You answered:\n\n" + "\n".join(lines)


def _picture(step: Literal[1, 2, 3]) -> str:
    """A small drawing that gets clearer step by step, as a data URL."""
    opacity = step / 3
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200"><rect width="320" height="200" fill="#0b1f33"/>'
        f'<g opacity="{opacity:.2f}"><circle cx="250" cy="50" r="26" fill="#ffd28a"/>'
        '<path d="M0 160 80 90 150 150 220 80 320 170V200H0Z" fill="#3c6e8f"/></g></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()

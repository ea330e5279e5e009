"""An assistant that does one thing of each kind, a step a second."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from functions.engine.assistant import Assistant, AssistantContext
from functions.errors import ModelError
from functions.protocol.actions import Action
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem, WidgetItem
from functions.protocol.structured_input import StructuredInputFreeform
from functions.protocol.tasks import CustomTask
from functions.protocol.threads import ThreadMetadata
from tests.support.assistants import say

Events = AsyncIterator[ThreadStreamEvent]
WORDS = ("one ", "two ", "three ")
CARD = {"type": "Card", "children": [{"type": "Text", "id": "t", "value": "", "streaming": True}]}


async def talk(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async for event in _slowly(say(thread, context, *WORDS)):
        yield event


async def talk_long(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async for event in _slowly(say(thread, context, *WORDS * 2)):
        yield event


async def give_up(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async for event in _slowly(say(thread, context, *WORDS, finish=False), step=0.7):
        yield event
    raise ModelError("busy")


async def find_a_title(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async for event in talk(thread, context):
        thread.title = "A title"
        yield event


async def call_the_page(thread: ThreadMetadata, context: AssistantContext) -> Events:
    yield context.hidden_context("a note")
    yield context.client_tool_call("get_cart", {})


async def inquire(thread: ThreadMetadata, context: AssistantContext) -> Events:
    yield context.structured_input(StructuredInputFreeform(id="q", question="Well?"))


async def draw(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async def states() -> AsyncIterator[Any]:
        value = ""
        for word in ("", *WORDS):
            value += word
            yield {**CARD, "children": [{**CARD["children"][0], "value": value}]}
            await asyncio.sleep(1)

    async for event in context.widget(states()):
        yield event


async def work(thread: ThreadMetadata, context: AssistantContext) -> Events:
    workflow = context.workflow(title="Work")
    yield workflow.start()
    for title in WORDS:
        yield workflow.add(CustomTask(title=title, status_indicator="loading"))
        await asyncio.sleep(1)
        yield workflow.update(CustomTask(title=title, status_indicator="complete"))
    yield workflow.end()


async def _slowly(events: Events, *, step: float = 1) -> Events:
    async for event in events:
        yield event
        if event.type == "thread.item.updated":
            await asyncio.sleep(step)


class Performer(Assistant):
    """Does what the message says, up to a colon."""

    deeds: ClassVar = {
        "long": talk_long,
        "fail": give_up,
        "title": find_a_title,
        "tool": call_the_page,
        "ask": inquire,
        "widget": draw,
        "workflow": work,
    }

    def respond(self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Events:
        said = "".join(part.text for part in message.content) if message else ""
        return self.deeds.get(said.split(":")[0], talk)(thread, context)

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        assert sender
        yield context.replaced_widget(sender, {**CARD, "key": "pressed"})
        async for event in talk(thread, context):
            yield event

"""A store that fails, at each of a request's calls in turn, in each way that there is: what the user sees, and what is left.

Each scenario is played once as it should go, which tells its calls; then once for each call and each fault.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeAlias

import pytest

from functions.attachments.images import Picture
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.turn_keeper import LEASE
from functions.engine.turns import Turns
from functions.errors import ChatKitLambdaError, InternalError, ModelError, Unavailable
from functions.protocol.actions import Action
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem, WidgetItem
from functions.protocol.structured_input import StructuredInputFreeform
from functions.protocol.tasks import CustomTask
from functions.protocol.threads import ThreadMetadata
from tests.support import faulty_store as faults
from tests.support import virtual_time
from tests.support.assistants import ScriptedAssistant, say
from tests.support.chat import Json, message_input, texts, types
from tests.support.faulty_store import Call, Fault, FaultyStore
from tests.support.memory_images import MemoryImages
from tests.support.mortal_store import Killed, MortalStore
from tests.support.turn_world import Client, Slow, World, now, send

Events = AsyncIterator[ThreadStreamEvent]
FRAME = "5b8e6a52-3f4e-4f6c-9d8e-2f4f4d9e0c11"
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
    """Does what the message says, a step a second."""

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
        return self.deeds.get(said, talk)(thread, context)

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        assert sender
        yield context.replaced_widget(sender, {**CARD, "key": "pressed"})
        async for event in talk(thread, context):
            yield event


Scenario: TypeAlias = Callable[["Play"], Awaitable[None]]


@dataclass
class Play:
    """One playing of a scenario."""

    world: World
    store: FaultyStore
    assistant: Performer = field(default_factory=Performer)
    clients: list[Client] = field(default_factory=list)
    """Who is answered through the store that fails."""
    others: list[Client] = field(default_factory=list)
    """Who was answered before, and has seen what must be there still."""

    async def prepare(self, text: str) -> str:
        """A thread with one message and its answer, made while the store was well."""
        client = send(self.world.invocation(assistant=self.assistant), None, text)
        await client.task
        return client.thread_id

    def send(self, kind: str, params: Json, **how: Any) -> Client:
        chat = self.world.invocation(self.store, assistant=self.assistant)
        client = Client(chat, kind, params, frame_id=FRAME, **how)
        self.clients.append(client)
        return client

    def create(self, text: str, **how: Any) -> Client:
        return self.send("threads.create", {"input": message_input(text)}, **how)

    def add(self, thread_id: str, text: str) -> Client:
        return self.send("threads.add_user_message", {"thread_id": thread_id, "input": message_input(text)})

    async def ask(self, kind: str, params: Json) -> Json | None:
        """The answer of another request. None where it fails as a request may."""
        with suppress(ChatKitLambdaError, Killed):
            return await self.world.invocation(self.store, assistant=self.assistant).aask(kind, params)
        return None

    async def thread_ids(self) -> list[str]:
        page = await self.world.memory.list_threads("alice", after=None, limit=100, order="asc")
        return [thread.id for thread in page.data]


async def create(play: Play) -> None:
    await play.create("Hi").task


async def add_a_message(play: Play) -> None:
    await play.add(await play.prepare("Hi"), "More").task


async def go_on_without_a_tools_output(play: Play) -> None:
    await play.add(await play.prepare("tool"), "More").task


async def give_a_tools_output(play: Play) -> None:
    thread_id = await play.prepare("tool")
    await play.send("threads.add_client_tool_output", {"thread_id": thread_id, "result": {"n": 1}}).task


async def answer_questions(play: Play) -> None:
    thread_id = await play.prepare("ask")
    items, _ = await play.world.read(thread_id)
    answer = {"status": "answered", "answers": {"q": {"values": ["yes"]}}}
    params = {"thread_id": thread_id, "item_id": items[-1]["id"], "input": answer}
    await play.send("threads.add_structured_input", params).task


async def retry(play: Play) -> None:
    thread_id = await play.prepare("Hi")
    items, _ = await play.world.read(thread_id)
    await play.send("threads.retry_after_item", {"thread_id": thread_id, "item_id": items[0]["id"]}).task


async def act(play: Play) -> None:
    thread_id = await play.prepare("widget")
    items, _ = await play.world.read(thread_id)
    params = {"thread_id": thread_id, "item_id": items[-1]["id"], "action": {"type": "press"}}
    await play.send("threads.custom_action", params).task


async def show_a_widget(play: Play) -> None:
    await play.create("widget").task


async def show_a_workflow(play: Play) -> None:
    await play.create("workflow").task


async def call_a_tool(play: Play) -> None:
    await play.create("tool").task


async def give_a_title(play: Play) -> None:
    await play.create("title").task


async def fail(play: Play) -> None:
    await play.create("fail").task


async def run_out_of_time(play: Play) -> None:
    await play.create("long", deadline=3.5).task


async def stop(play: Play) -> None:
    client = play.create("long")
    await asyncio.sleep(2.5)
    for thread_id in await play.thread_ids():
        await play.ask("threads.stop", {"thread_id": thread_id})
    await client.task


async def write_again(play: Play) -> None:
    client = play.create("long")
    await asyncio.sleep(2.5)
    for thread_id in await play.thread_ids():
        await play.add(thread_id, "No: this!").task
    await client.task


async def repeat(play: Play) -> None:
    client = play.create("Hi")
    await asyncio.sleep(1.5)
    await play.create("Hi").task
    await client.task


async def reload(play: Play) -> None:
    client = play.create("Hi")
    while not client.task.done():
        await asyncio.sleep(2.25)
        for thread_id in await play.thread_ids():
            await play.ask("threads.get_by_id", {"thread_id": thread_id})
            await play.ask("items.list", {"thread_id": thread_id, "limit": 1})
    await client.task


async def killed(play: Play) -> str:
    """A thread whose function was killed in the middle of its answer."""
    store = MortalStore(play.world.memory)
    client = send(play.world.invocation(store, assistant=play.assistant), None, "long", frame_id=FRAME)
    await asyncio.sleep(3.5)
    store.kill()
    await client.task
    play.others.append(client)
    return client.thread_id


async def read_after_a_crash(play: Play) -> None:
    thread_id = await killed(play)
    await asyncio.sleep(LEASE.total_seconds())
    await play.ask("threads.get_by_id", {"thread_id": thread_id})
    await play.ask("items.list", {"thread_id": thread_id})


async def write_after_a_crash(play: Play) -> None:
    await play.add(await killed(play), "Hello?").task


async def repeat_after_a_crash(play: Play) -> None:
    await killed(play)
    await play.create("long").task


SCENARIOS: list[Scenario] = [
    create,
    add_a_message,
    go_on_without_a_tools_output,
    give_a_tools_output,
    answer_questions,
    retry,
    act,
    show_a_widget,
    show_a_workflow,
    call_a_tool,
    give_a_title,
    fail,
    run_out_of_time,
    stop,
    write_again,
    repeat,
    reload,
    read_after_a_crash,
    write_after_a_crash,
    repeat_after_a_crash,
]


def given_up(world: World) -> Fault:
    """Before the call somebody takes every turn for dead, and closes it."""

    async def fault(call: Call) -> Any:
        turns = Turns(store=world.memory, ids=world.ids, now=now)
        for thread in (await world.memory.list_threads("alice", after=None, limit=100, order="asc")).data:
            turn = await world.memory.load_turn("alice", thread.id)
            if turn is not None:
                await turns.close("alice", thread.id, turn)
        return await call()

    return fault


def deleted(world: World) -> Fault:
    """Before the call the user deletes every thread."""

    async def fault(call: Call) -> Any:
        for thread in (await world.memory.list_threads("alice", after=None, limit=100, order="asc")).data:
            await world.memory.delete_thread("alice", thread.id)
        return await call()

    return fault


async def killed_after(call: Call) -> Any:
    """The process ends once the call is done."""
    await call()
    raise Killed


async def dead(call: Call) -> Any:
    """The process has ended."""
    raise Killed


def one_after_the_other(*some: Fault) -> Fault:
    """Each call has a fault of its own; the last one stays."""
    rest = list(some)

    async def fault(call: Call) -> Any:
        return await (rest.pop(0) if len(rest) > 1 else rest[0])(call)

    return fault


async def none(call: Call) -> Any:
    """The call is as it should be."""
    return await call()


FAULTS: dict[str, tuple[Callable[[World], Fault], bool]] = {
    "throttled": (lambda _: faults.throttled, False),
    "answer lost": (lambda _: faults.answer_lost, False),
    "broken": (lambda _: faults.broken, False),
    "hung": (lambda _: faults.hung, False),
    "done late": (lambda _: faults.done_late, False),
    "slow": (lambda _: faults.slow, False),
    "given up": (given_up, False),
    "deleted": (deleted, False),
    "throttled from then on": (lambda _: faults.throttled, True),
    "hung from then on": (lambda _: faults.hung, True),
    "killed": (lambda _: one_after_the_other(killed_after, dead), True),
    "throttled, then given up": (lambda world: one_after_the_other(faults.throttled, given_up(world), none), True),
    "throttled, then deleted": (lambda world: one_after_the_other(faults.throttled, deleted(world), none), True),
}
"""What happens to a call; and whether it happens to all that come after it."""


def shape(client: Client, *, texts_count: bool) -> list[Any]:
    """What a client was told, but for ids and times, and for what is on its way only."""
    told: list[Any] = []
    for event in client.events:
        if event["type"] in {"thread.item.added", "thread.item.updated"}:
            continue
        item = event.get("item", {})
        said = texts([item]) if texts_count else []
        told.append((event["type"], item.get("type"), said))
    return told


def seen(client: Client) -> dict[str, Json]:
    """The items that a client holds as done when its stream has ended."""
    items: dict[str, Json] = {}
    for event in client.events:
        match event["type"]:
            case "thread.item.done" | "thread.item.replaced":
                items[event["item"]["id"]] = event["item"]
            case "thread.item.removed":
                items.pop(event["item_id"], None)
            case _:
                pass
    return items


def check_answers(scenario: Scenario, play: Play, expected: Sequence[Client]) -> None:
    """Each stream is as it should be, or its last event is an error, and its only one."""
    texts_count = scenario not in {stop, write_again}
    for client, right in zip(play.clients, expected, strict=False):
        told = types(client.events)
        if told[-1:] == ["error"]:
            assert told.count("error") == 1
        elif scenario is repeat_after_a_crash:
            assert told[-1] == "thread.item.done"  # what there was to repeat is gone: it is a new request
        else:
            assert shape(client, texts_count=texts_count) == shape(right, texts_count=texts_count)


async def check_what_is_left(play: Play) -> None:
    """Long after, with a store that is well: nothing is missing, doubled or pending, and every thread goes on."""
    await asyncio.sleep(3 * LEASE.total_seconds())
    for thread_id in await play.thread_ids():
        items, is_running = await play.world.read(thread_id)
        assert not is_running
        assert await play.world.memory.load_turn("alice", thread_id) is None
        by_id = {item["id"]: item for item in items}
        for client in [*play.clients, *play.others]:
            mine = {name: item for name, item in seen(client).items() if item["thread_id"] == thread_id}
            assert {name: by_id.get(name) for name in mine} == mine
        said = texts([item for item in items if item["type"] == "user_message"])
        assert len(said) == len(set(said))
        assert "loading" not in str(items)
        more = send(play.world.invocation(assistant=play.assistant), thread_id, "And now?")
        await more.task
        assert types(more.events)[-1] == "thread.item.done"
        after, _ = await play.world.read(thread_id)
        assert [item["id"] for item in after] == [*by_id, *(item["id"] for item in more.done())]
        assert not [item for item in after if item["type"] == "client_tool_call" and item["status"] == "pending"]


def play_once(scenario: Scenario, fault: Callable[[World], Fault], at: int, *, lasting: bool) -> Play:
    """Plays a scenario to its end, and whatever comes of it."""

    async def main() -> Play:
        world = World(Slow())
        play = Play(world, FaultyStore(world.memory, fault(world), at=at, lasting=lasting))
        await scenario(play)
        await asyncio.gather(*(client.task for client in play.clients))
        await check_what_is_left(play)
        return play

    return virtual_time.run(main())


@cache
def as_it_should(scenario: Scenario) -> Play:
    """A scenario without a fault."""
    return play_once(scenario, lambda _: none, 0, lasting=False)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_fault_at_any_call_costs_no_more_than_it_must(scenario: Scenario, name: str) -> None:
    """The user has the right stream or an error; what was seen as done is there, once; and the thread goes on."""
    fault, lasting = FAULTS[name]
    right = as_it_should(scenario)
    for at, call in enumerate(right.store.calls):
        try:
            play = play_once(scenario, fault, at, lasting=lasting)
            if name != "killed":
                check_answers(scenario, play, right.clients)
        except BaseException as error:
            error.add_note(f"{name}: call {at}, {call}, of {right.store.calls}")
            raise


def test_a_message_is_told_though_what_came_before_it_cannot_be_read() -> None:
    """The turn has begun with it, so the turn fails and ends at once: it is not left for others to close."""

    async def main() -> None:
        world = World(Slow())
        first = await world.open()
        await first.task
        store = MortalStore(world.memory)

        def fail(name: str) -> None:
            if name == "list_items":
                raise InternalError("unreadable")

        store.before = fail
        client = send(world.invocation(store), first.thread_id, "More")
        await client.task
        assert types(client.events) == ["thread.item.done", "stream_options", "error"]
        assert await world.memory.load_turn("alice", first.thread_id) is None

    virtual_time.run(main())


class FullGallery(MemoryImages):
    """Takes no picture."""

    async def put(self, user: str, thread_id: str, picture: Picture) -> str:
        raise Unavailable("no place")


async def paint(thread: ThreadMetadata, context: AssistantContext) -> Events:
    async def states() -> AsyncIterator[tuple[str, float]]:
        for progress in range(10):
            yield "data:image/png;base64,iVBORw0KGgo=", progress / 10
            await asyncio.sleep(1)

    async for event in context.images(states()):
        yield event


def test_a_stop_that_leaves_a_picture_behind_is_told() -> None:
    """What could not be kept is not told as done; and the stream does not just end."""

    async def main() -> None:
        world = World(Slow())
        chat = world.invocation(assistant=ScriptedAssistant(lambda thread, _, context: paint(thread, context)))
        chat.images = FullGallery()
        client = send(chat, None, "A frog")
        await asyncio.sleep(2.5)
        await world.stop(client.thread_id)
        await client.task
        assert types(client.events)[-1] == "error"
        assert [item["type"] for item in client.done()] == ["user_message"]
        assert await world.memory.load_turn("alice", client.thread_id) is None

    virtual_time.run(main())

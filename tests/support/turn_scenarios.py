"""What users do, each request of each kind once: to be played on a store that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from functions.engine.turn_keeper import LEASE
from functions.errors import ChatKitLambdaError
from tests.support.chat import Json, message_input
from tests.support.faulty_store import FaultyStore
from tests.support.mortal_store import Killed, MortalStore
from tests.support.performer import Performer
from tests.support.turn_world import Client, World, send

FRAME = "5b8e6a52-3f4e-4f6c-9d8e-2f4f4d9e0c11"


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
    for thread_id in await play.world.thread_ids():
        await play.ask("threads.stop", {"thread_id": thread_id})
    await client.task


async def write_again(play: Play) -> None:
    client = play.create("long")
    await asyncio.sleep(2.5)
    for thread_id in await play.world.thread_ids():
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
        for thread_id in await play.world.thread_ids():
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

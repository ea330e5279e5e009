"""Invocations on one store in virtual time, and the pages that read their streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from functions.announcements.base import Announcer
from functions.engine.assistant import Assistant, AssistantContext
from functions.ids import IdFactory
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.store.base import Store
from tests.support import virtual_time
from tests.support.assistants import ScriptedAssistant, say
from tests.support.chat import Chat, Json, message_input
from tests.support.faulty_store import FaultyStore
from tests.support.memory_store import MemoryStore
from tests.support.mortal_store import Killed, MortalStore

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The event loop's own time, with a date."""
    return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


class Slow:
    """An assistant that says a word a second; how often it was asked, and whether it was told to end."""

    def __init__(self, words: int = 10, *, silence: float = 0) -> None:
        self.words = words
        self.silence = silence
        self.asked = 0
        self.ended = 0

    async def __call__(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        self.asked += 1
        try:
            await asyncio.sleep(self.silence)
            async for event in say(thread, context, *[f"w{number} " for number in range(self.words)]):
                yield event
                if event.type == "thread.item.updated":
                    await asyncio.sleep(1)
        finally:
            self.ended += 1


class World:
    """Invocations on one store, each an engine of its own, on a clock that is the event loop's."""

    def __init__(self, slow: Slow) -> None:
        self.memory = MemoryStore(now=now)
        self.slow = slow
        self.ids = IdFactory(clock=lambda: now().timestamp())
        """One for all: functions that work at one virtual moment would make ids in any order."""
        self.announcer: Announcer | None = None
        """Who hears what happens in all of them."""

    def invocation(self, store: MortalStore | FaultyStore | None = None, *, assistant: Assistant | None = None) -> Chat:
        """One function's process; it sees the store through `store`."""
        seen = cast("Store", store) if store else self.memory
        chat = Chat(store=seen, assistant=assistant or ScriptedAssistant(self.slow))
        chat.now = now
        chat.ids = self.ids
        chat.announcer = self.announcer
        return chat

    async def open(self, thread_id: str | None = None, text: str = "Hi", **how: Any) -> "Client":
        """A message is sent; returns once the stream's first event is there."""
        client = send(self.invocation(), thread_id, text, **how)
        await client.first.wait()
        return client

    async def read(self, thread_id: str) -> tuple[list[Json], bool]:
        """What a page that is loaded shows: the items, and whether it is told to look again."""
        result = await self.invocation().answer("threads.get_by_id", {"thread_id": thread_id})
        return json.loads(result.json)["items"]["data"], result.turn_is_running

    async def thread_ids(self) -> list[str]:
        """Alice's threads, oldest first."""
        page = await self.memory.list_threads("alice", after=None, limit=100, order="asc")
        return [thread.id for thread in page.data]

    async def stop(self, thread_id: str) -> Json:
        return await self.invocation().aask("threads.stop", {"thread_id": thread_id})


class Client:
    """A page that reads one stream."""

    def __init__(self, chat: Chat, kind: str, params: Json, **how: Any) -> None:
        """`how`: fields of `RequestContext`, as in `Chat.events`."""
        self.first = asyncio.Event()
        self.events: list[Json] = []
        self.task = asyncio.ensure_future(self._read(chat, kind, params, how))

    async def _read(self, chat: Chat, kind: str, params: Json, how: Json) -> None:
        try:
            async for event in await chat.events(kind, params, **how):
                self.events.append(json.loads(to_wire(event)))
                self.first.set()
        except Killed:
            pass
        finally:
            self.first.set()

    @property
    def thread_id(self) -> str:
        return self.events[0]["thread"]["id"]

    def done(self) -> list[Json]:
        return [event["item"] for event in self.events if event["type"] == "thread.item.done"]


def send(chat: Chat, thread_id: str | None, text: str, **how: Any) -> Client:
    """A page that sends a message, to a new thread where none is named. Returns at once."""
    params: Json = {"input": message_input(text)}
    if thread_id is None:
        return Client(chat, "threads.create", params, **how)
    return Client(chat, "threads.add_user_message", {"thread_id": thread_id, **params}, **how)


def play(scenario: Callable[[World], Any], slow: Slow | None = None) -> None:
    """Runs a scenario in virtual time."""

    async def main() -> None:
        await scenario(World(slow or Slow()))

    virtual_time.run(main())

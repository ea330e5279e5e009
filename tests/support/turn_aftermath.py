"""What is left of turns, whatever has happened to them."""

import asyncio
from collections.abc import Sequence

from functions.engine.assistant import Assistant
from functions.engine.turn_keeper import LEASE
from tests.support.chat import Json, texts, types
from tests.support.turn_world import Client, World, send


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


def left_open(client: Client) -> set[str]:
    """The items that a client still holds as unfinished when its stream has ended."""
    items: set[str] = set()
    for event in client.events:
        match event["type"]:
            case "thread.item.added":
                items.add(event["item"]["id"])
            case "thread.item.done":
                items.discard(event["item"]["id"])
            case "thread.item.removed":
                items.discard(event["item_id"])
            case _:
                pass
    return items


def _lasting(item: Json) -> Json:
    """What stays of an item: a call that waits is closed by the next message."""
    passing = {"status", "output"} if item["type"] == "client_tool_call" else set[str]()
    return {name: value for name, value in item.items() if name not in passing}


async def check_what_is_left(world: World, assistant: Assistant, clients: Sequence[Client]) -> None:
    """Long after, with a store that is well: nothing is missing, doubled or pending, and every thread goes on."""
    await asyncio.sleep(3 * LEASE.total_seconds())
    for thread_id in await world.thread_ids():
        items, is_running = await world.read(thread_id)
        assert not is_running
        assert await world.memory.load_turn("alice", thread_id) is None
        by_id = {item["id"]: _lasting(item) for item in items}
        assert len(by_id) == len(items)
        for client in clients:
            mine = {name: _lasting(item) for name, item in seen(client).items() if item["thread_id"] == thread_id}
            assert {name: by_id.get(name) for name in mine} == mine
        assert "loading" not in str(items)
        more = send(world.invocation(assistant=assistant), thread_id, "And now?")
        await more.task
        assert types(more.events)[-1] == "thread.item.done"
        after, _ = await world.read(thread_id)
        assert [item["id"] for item in after] == [*by_id, *(item["id"] for item in more.done())]
        assert not [item for item in after if item["type"] == "client_tool_call" and item["status"] == "pending"]


async def said_twice(world: World) -> list[str]:
    """What users have said more than once within one thread."""
    twice: list[str] = []
    for thread_id in await world.thread_ids():
        items, _ = await world.read(thread_id)
        said = texts([item for item in items if item["type"] == "user_message"])
        twice += [text for text in set(said) if said.count(text) > 1]
    return twice

"""Turns that are stopped, left, overtaken, reloaded, or out of time: over HTTP, with processes as Lambda starts them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.model_answers import Gate, Stream
from tests.support.model_server import RecordedRequest
from tests.support.page import Json, Page, Reading, text_of
from tests.support.streams import words
from tests.support.turn_stack import ORIGIN, TurnStack, turn_stack

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

HANDLER: Final = "tests.support.turn_handlers.handler"
END_SECONDS: Final = 120.0
"""How long the model's server may take to notice that its client has gone."""
LOOK_SECONDS: Final = 0.1
LONG: Final = Stream.deltas(6_000).paced(0.05)
"""Five minutes."""
SILENT: Final = LONG.hang_after(3)
"""An answer that begins, and says nothing."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TurnStack]:
    async with turn_stack(tmp_path_factory.mktemp("stack"), handler=HANDLER) as stack:
        yield stack


async def thread_of(reading: Reading) -> str:
    """The thread that a page has just begun."""
    await reading.until(lambda one: one.thread_id is not None)
    assert reading.thread_id is not None
    return reading.thread_id


async def shown(page: Page, thread_id: str, *, beyond: str = "") -> str:
    """The answer that a page shows when it is loaded, as soon as it is longer than another."""
    text = beyond
    while len(text) <= len(beyond):
        items, is_running = await page.items(thread_id)
        assert is_running
        text = "".join(text_of(item) for item in items[1:])
        await asyncio.sleep(LOOK_SECONDS)
    return text


async def at_last(page: Page, thread_id: str) -> list[Json]:
    """The thread's items, once no turn runs."""
    while True:
        items, is_running = await page.items(thread_id)
        if not is_running:
            return items
        await asyncio.sleep(LOOK_SECONDS)


async def was_let_go(request: RecordedRequest) -> bool:
    """Whether the model's server has seen its connection closed before the answer was whole."""
    assert await asyncio.to_thread(request.ended.wait, END_SECONDS)
    return request.closed_early


@pytest.mark.parametrize("answer", [LONG, SILENT], ids=["talking", "silent"])
async def test_a_stop_from_another_connection(stack: TurnStack, answer: Stream) -> None:
    """The stream ends by itself, what was said is kept, the model is let go, and the next answer is not stopped."""
    stack.model.script(answer, Stream.text("At last."))
    page = await stack.page()
    reading = page.create("Tell me everything.")
    thread = await thread_of(reading)
    await reading.until(lambda one: one.said != "" if answer is LONG else "thread.item.added" in one.types)
    request = stack.model.requests[-1]
    answered, _ = await page.ask("threads.stop", thread_id=thread)
    assert answered == {}
    await reading.end()
    assert reading.failure is None
    assert "error" not in reading.types
    items, is_running = await page.items(thread)
    assert not is_running
    assert items == list(reading.done.values())
    assert [text_of(item) for item in items[1:]] == ([reading.said] if answer is LONG else [])
    assert await was_let_go(request)
    after = await page.add(thread, "And now?").end()
    assert text_of(list(after.done.values())[-1]) == "At last."


async def test_a_closed_tab(stack: TurnStack) -> None:
    """The answer goes on without a reader; who opens the thread later sees the whole of it."""
    said, gate = words(40), Gate()
    stack.model.script(Stream.text(*said).gate(gate, before=20))
    page = await stack.page()
    reading = page.create("Tell me something.")
    thread = await thread_of(reading)
    await reading.until(lambda one: one.said != "")
    await reading.leave()
    gate.open()
    items = await at_last(page, thread)
    assert text_of(items[1]) == "".join(said)
    assert not await was_let_go(stack.model.requests[-1])


async def test_a_second_message_meanwhile(stack: TurnStack) -> None:
    """The newest message wins: the first answer ends where it stands, without an error, and the second is given."""
    stack.model.script(LONG, Stream.text("At last."))
    page = await stack.page()
    first = page.create("Tell me everything.")
    thread = await thread_of(first)
    await first.until(lambda one: one.said != "")
    request = stack.model.requests[-1]
    second = await page.add(thread, "No: this.").end()
    await first.end()
    assert first.failure is None
    assert second.failure is None
    assert "error" not in [*first.types, *second.types]
    items, is_running = await page.items(thread)
    assert not is_running
    assert items == [*first.done.values(), *second.done.values()]
    assert [text_of(item) for item in items] == ["Tell me everything.", first.said, "No: this.", "At last."]
    assert await was_let_go(request)


async def test_a_reload_shows_the_answer_growing(stack: TurnStack) -> None:
    """The text so far, under the ids that the items keep, and a header by which a page of another origin knows of more."""
    said, gates = words(60), [Gate(), Gate()]
    stack.model.script(Stream.text(*said).gate(gates[0], before=24).gate(gates[1], before=44))
    page = await stack.page()
    reading = page.create("Tell me something.")
    thread = await thread_of(reading)
    first = await shown(page, thread)
    gates[0].open()
    second = await shown(page, thread, beyond=first)
    assert second.startswith(first)
    assert "".join(said).startswith(second)
    for kind in ("threads.get_by_id", "items.list"):
        _, headers = await page.ask(kind, thread_id=thread)
        assert headers["chatkit-turn"] == "running"
        assert "chatkit-turn" in headers["access-control-expose-headers"]
        assert headers["access-control-allow-origin"] == ORIGIN
    unfinished, _ = await page.items(thread)
    gates[1].open()
    await reading.end()
    for kind in ("threads.get_by_id", "items.list"):
        _, headers = await page.ask(kind, thread_id=thread)
        assert "chatkit-turn" not in headers
    items, _ = await page.items(thread)
    assert items == list(reading.done.values())
    assert [item["id"] for item in unfinished] == [item["id"] for item in items]
    assert text_of(items[1]) == "".join(said)


async def test_a_deadline(tmp_path: Path) -> None:
    """A five-minute answer of a function with 24 seconds ends with its text stored, and a retry, which is answered."""
    # As far from the beginning as from the end: a busy machine has time enough for its first words, and for its last ones.
    async with turn_stack(tmp_path, handler=HANDLER, seconds=24, DEADLINE_MARGIN_SECONDS="16") as stack:
        stack.model.script(LONG, Stream.text("At last."))
        page = await stack.page()
        reading = page.create("Tell me everything.")
        thread = await thread_of(reading)
        processes = stack.chat.pids
        await reading.end()
        assert reading.failure is None
        assert reading.offers_retry
        assert reading.said
        items, is_running = await page.items(thread)
        assert not is_running
        assert items == list(reading.done.values())
        assert text_of(items[1]) == reading.said
        assert await was_let_go(stack.model.requests[0])
        again = await page.send("threads.retry_after_item", thread_id=thread, item_id=items[0]["id"]).end()
        assert again.failure is None
        assert stack.chat.pids == processes
        items, _ = await page.items(thread)
        assert [text_of(item) for item in items] == ["Tell me everything.", "At last."]

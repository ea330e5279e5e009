"""Turns whose process is killed: over HTTP, with real processes, at random moments.

A hundred users write. Each one's first two answers are killed by SIGKILL, so two hundred are: before the first byte, while
the answer comes, at its end. The third is answered. The processes are forked from a snapshot (`tests.support.snapshot`):
one that starts from nothing costs more than a second of CPU, and two hundred of them minutes. That a process that was
started as Lambda starts it is no different has a test of its own.

`TURNS_SEED` repeats a run's dice, though not what the machine makes of them.
"""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from functions.assistant.assistant import TITLE_MODEL
from functions.engine.turn_keeper import BEAT, RENEWAL
from tests.support.model_answers import Stream
from tests.support.model_server import RecordedRequest
from tests.support.page import Json, Page, Reading, text_of
from tests.support.streams import Event, StreamWriter, Text, words
from tests.support.tool_answers import answer, call
from tests.support.turn_stack import TurnStack, turn_stack

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

USERS: Final = 100
AT_ONCE: Final = 24
"""Users who write at the same time: as many processes."""
PACE: Final = 0.2
"""Seconds between two events of the model."""
LOSS: Final = RENEWAL + BEAT + 8
"""How many seconds of text may be lost: an interval between two checkpoints, and as long as a busy machine may be late."""
LONG: Final = 8
"""Every so many answers, one is long: it lasts for longer than `LOSS`."""
LONG_WORDS: Final = 100


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Plan: TypeAlias = Callable[[str], list[Sequence[Event]]]
"""Makes a model's responses to one message, given a name for their ids."""


def _text(name: str, *, length: int = 14) -> list[Sequence[Event]]:
    writer = StreamWriter(name)
    writer.message(Text(words(length)))
    return [writer.complete()]


def _long(name: str) -> list[Sequence[Event]]:
    return _text(name, length=LONG_WORDS)


def _messages(name: str) -> list[Sequence[Event]]:
    writer = StreamWriter(name)
    for _ in range(3):
        writer.message(Text(words(4)))
    return [writer.complete()]


def _thoughts(name: str) -> list[Sequence[Event]]:
    writer = StreamWriter(name)
    writer.reasoning(words(3), words(3))
    writer.message(Text(words(6)))
    return [writer.complete()]


def _tool(name: str) -> list[Sequence[Event]]:
    writer = StreamWriter(name)
    writer.message(Text(words(5)))
    writer.function_call("days_between", '{"start": "2026-01-01", ', '"end": "2026-02-01"}')
    return [writer.complete(), answer("Thirty-one.", name=f"{name} told")]


def _page(name: str) -> list[Sequence[Event]]:
    return [answer("Let me look.", call("get_page_title", "call_1"), name=name)]


ANSWERS: Final[Sequence[Plan]] = (_text, _messages, _thoughts, _tool, _page)


@dataclass(frozen=True, slots=True)
class Blow:
    """When a process is killed: so many events have been seen, and then so many seconds have passed."""

    events: int
    seconds: float

    @classmethod
    def at_random(cls, dice: random.Random, *, length: int) -> "Blow":
        """`length`: about how many events the answer has; the blow always comes later than it was aimed."""
        if dice.random() < 0.15:
            return cls(0, dice.uniform(0, 0.15))
        return cls(dice.randint(1, length * 3 // 4), dice.uniform(0, PACE))


class Model:
    """Answers each message as was planned."""

    def __init__(self) -> None:
        self.plans: dict[str, list[Stream]] = {}

    def __call__(self, request: RecordedRequest) -> Stream:
        if request.body["model"] == TITLE_MODEL:
            return Stream.text("A title")
        entries = request.body["input"]
        newest = max(number for number, entry in enumerate(entries) if entry.get("role") == "user")
        rounds = sum(entry.get("type") == "function_call_output" for entry in entries[newest:])
        return self.plans[entries[newest]["content"][0]["text"]][rounds]


@dataclass(frozen=True, slots=True)
class Killed:
    """A turn that was to be killed."""

    readings: list[Reading]
    """The first stream, and that of the repeat, if there was one."""
    at: float
    """When, by the event loop's clock."""
    shown: list[Json]
    """What a reload had shown of the thread shortly before, if there was one."""


class User:
    """Somebody whose answers are killed."""

    def __init__(
        self, number: int, page: Page, stack: TurnStack, model: Model, dice: random.Random, busy: asyncio.Semaphore
    ) -> None:
        self.killed: list[Killed] = []
        self._number = number
        self._stack = stack
        self._model = model
        self._dice = dice
        self._busy = busy
        self._page = page
        self._thread: str | None = None
        self._texts: list[str] = []

    async def live(self) -> None:
        """Writes three times. What must hold is held to be so."""
        is_long = self._number % LONG == 0
        await self._be_killed("first", self._dice.choice(ANSWERS))
        await self._be_killed("second", _long if is_long else self._dice.choice(ANSWERS))
        if self._dice.random() < 0.5:
            self._check(await self._settled())
        await self._be_answered()

    async def _be_killed(self, name: str, plan: Plan) -> None:
        text = self._planned(name, plan(f"{self._number} {name}"), PACE)
        length = sum(len(stream.frames) for stream in self._model.plans[text])
        blow = Blow(LONG_WORDS, 0) if plan is _long else Blow.at_random(self._dice, length=length)
        async with self._busy:
            reading = self._write(text)
            await self._stack.forked.taken(text)
            await reading.until(lambda one: len(one.events) >= blow.events)
            await asyncio.sleep(blow.seconds)
            shown = (await self._page.items(self._thread))[0] if self._thread and plan is _long else []
            killed = Killed([reading], asyncio.get_running_loop().time(), shown)
            await self._stack.forked.kill(text)
            await reading.end()
        self.killed.append(killed)
        if not reading.done:
            # It saw nothing of its message: ChatKit.js sends it again.
            repeat = await self._write(text).end()
            assert repeat.failure is None
            assert "error" not in repeat.types or repeat.offers_retry
            killed.readings.append(repeat)
        self._thread = self._thread or next(one.thread_id for one in killed.readings if one.thread_id)

    async def _be_answered(self) -> None:
        text = self._planned("third", [answer("At last.", name=f"{self._number} third")], 0)
        async with self._busy:
            reading = await self._write(text).end()
        assert reading.failure is None
        assert "error" not in reading.types
        items = await self._settled()
        self._check(items)
        assert items[-2:] == list(reading.done.values())
        assert text_of(items[-1]) == "At last."
        assert not [item for item in items if item.get("status") == "pending"]
        threads, _ = await self._page.ask("threads.list", limit=9999)
        assert [thread["id"] for thread in threads["data"]] == [self._thread]

    def _planned(self, name: str, responses: Sequence[Sequence[Event]], pace: float) -> str:
        """A message to which the model gives these responses."""
        text = f"The {name} message of user {self._number}."
        self._model.plans[text] = [Stream.of(response).paced(pace) for response in responses]
        self._texts.append(text)
        return text

    def _write(self, text: str) -> Reading:
        return self._page.create(text) if self._thread is None else self._page.add(self._thread, text)

    async def _settled(self) -> list[Json]:
        """The thread's items, once nobody is told any more that they will change."""
        assert self._thread is not None
        while True:
            items, is_running = await self._page.items(self._thread)
            if not is_running:
                return items
            await asyncio.sleep(3)

    def _check(self, items: list[Json]) -> None:
        """Holds a thread against what was seen of it."""
        by_id = {item["id"]: item for item in items}
        assert len(by_id) == len(items), "an item is there twice"
        assert [text_of(item) for item in items if item["type"] == "user_message"] == self._texts
        for item in items:
            for task in item.get("workflow", {}).get("tasks", []):
                assert task.get("status_indicator") != "loading"
        for killed in self.killed:
            for reading in killed.readings:
                for item_id, item in reading.done.items():
                    if item["type"] == "client_tool_call":
                        assert item_id in by_id  # the next message closes it
                    else:
                        assert by_id.get(item_id) == item
            for item in killed.shown:
                assert text_of(by_id.get(item["id"], {})).startswith(text_of(item))
            for item_id, text in killed.readings[0].said_in(killed.at - LOSS).items():
                assert text_of(by_id.get(item_id, {})).startswith(text)
            for item_id, text in killed.readings[0].said_in(None).items():
                kept = text_of(by_id.get(item_id, {}))
                assert text.startswith(kept) or kept.startswith(text)


@pytest.mark.timeout(400)
async def test_two_hundred_killed_turns(tmp_path: Path) -> None:
    """What was seen as done is there, and nothing twice; little text is lost, nothing is pending, the thread goes on."""
    seed = int(os.environ.get("TURNS_SEED") or secrets.randbits(32))
    print(f"TURNS_SEED={seed}")
    dice = random.Random(seed)
    model, busy = Model(), asyncio.Semaphore(AT_ONCE)
    async with turn_stack(tmp_path, forked=True) as stack:
        stack.model.script(model)
        users = [
            User(number, await stack.page(), stack, model, random.Random(dice.random()), busy)
            for number in range(USERS)
        ]
        await asyncio.gather(*(user.live() for user in users))
    firsts = [killed.readings[0] for user in users for killed in user.killed]
    assert len(firsts) == 2 * USERS
    # The others' processes were killed as well, but had just come to an end: more of them where the machine is busy.
    assert len([one for one in firsts if one.failure]) > USERS / 2
    assert [one for one in firsts if one.failure and one.said]


async def test_a_process_that_lambda_has_started(tmp_path: Path) -> None:
    """Every process of the function is killed: the text that a reload has shown is kept, and a new message is answered."""
    async with turn_stack(tmp_path) as stack:
        stack.model.script(Stream.deltas(40).paced(PACE).hang_after(30), Stream.text("At last."))
        page = await stack.page()
        reading = page.create("Tell me everything.")
        thread = (await reading.until(lambda one: one.thread_id is not None)).thread_id
        assert thread is not None
        shown = ""
        while not shown:
            items, is_running = await page.items(thread)
            assert is_running
            shown = "".join(text_of(item) for item in items[1:])
        for pid in stack.chat.pids:
            os.kill(pid, signal.SIGKILL)
        await reading.end()
        assert reading.failure
        after = await page.add(thread, "Are you there?").end()
        assert "error" not in after.types
        items, is_running = await page.items(thread)
    assert not is_running
    assert [item["type"] for item in items] == ["user_message", "assistant_message"] * 2
    assert items[0] == next(iter(reading.done.values()))
    assert text_of(items[1]).startswith(shown)
    assert items[2:] == list(after.done.values())

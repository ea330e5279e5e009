"""Requests that a page sends again, over HTTP: ChatKit.js does, up to six times, where it got no stream.

Each streaming request is sent six times by the same page: all at once, and one after the other with the first one's process
killed at a random moment (`TURNS_SEED` repeats the dice). Whatever happens, there is one turn.
"""

import asyncio
import os
import random
import re
import secrets
from collections.abc import AsyncIterator
from typing import Final

import pytest

from functions.protocol.requests import STREAMING_TYPES
from tests.support.model_answers import Gate, Stream
from tests.support.model_server import RecordedRequest
from tests.support.page import Json, Page, Reading, message
from tests.support.tool_answers import answer, approval_request, call
from tests.support.turn_stack import TurnStack, turn_stack

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

HANDLER: Final = "tests.support.turn_handlers.handler"
TIMES: Final = 6
KILLS: Final = 3
"""How many first requests of each kind are killed."""
WORDS: Final = 12
PACE: Final = 0.1

ANSWER: Final = Stream.deltas(WORDS)
ENDLESS: Final = ANSWER.paced(PACE).hang_after(len(ANSWER.frames) - 1)
"""Everything but its end."""

BEFORE: Final = {
    "threads.add_user_message": answer("Hello."),
    "threads.add_client_tool_output": answer(call("get_page_title", "call_1")),
    "threads.add_structured_input": answer(approval_request("mcpr_1", "delete_contact", id=7)),
    "threads.retry_after_item": answer("Hello."),
    "threads.custom_action": answer("Hello."),
}
"""What the model has said before the request in question."""

AFTER: Final = {
    "threads.create": ["user_message", "assistant_message"],
    "threads.add_user_message": ["user_message", "assistant_message", "user_message", "assistant_message"],
    "threads.add_client_tool_output": ["user_message", "client_tool_call", "assistant_message"],
    "threads.add_structured_input": ["user_message", "structured_input", "assistant_message"],
    "threads.retry_after_item": ["user_message", "assistant_message"],
    "threads.custom_action": ["user_message", "assistant_message", "assistant_message"],
}
"""The items of the thread, when the request has been answered."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Model:
    """Gives each scenario's requests what the scenario says."""

    def __init__(self) -> None:
        self.scenarios: dict[str, Scenario] = {}

    def __call__(self, request: RecordedRequest) -> Stream:
        found = re.search(r"scenario (\d+)\.", str(request.body["input"]))
        assert found is not None
        scenario = self.scenarios[found[1]]
        scenario.calls += 1
        return scenario.answer


class Scenario:
    """A user, a thread, and a request that will be sent more than once."""

    def __init__(self, kind: str, page: Page, model: Model) -> None:
        self.calls = 0
        """How often the model was asked."""
        self.answer = ANSWER
        """What it says."""
        self.thread_id: str | None = None
        self._kind = kind
        self._page = page
        self._mark = f"scenario {len(model.scenarios)}."
        model.scenarios[str(len(model.scenarios))] = self
        self._params: Json = {"input": message(self._mark)}

    async def prepare(self) -> None:
        """Brings the thread to where the request makes sense."""
        if self._kind not in BEFORE:
            return
        self.answer = Stream.of(BEFORE[self._kind])
        reading = await self._page.create(self._mark).end()
        self.thread_id = reading.thread_id
        self.calls = 0
        self.answer = ANSWER
        done = list(reading.done.values())
        self._params = {"thread_id": self.thread_id}
        match self._kind:
            case "threads.add_user_message":
                self._params["input"] = message("And now?")
            case "threads.add_client_tool_output":
                self._params["result"] = {"title": "Home"}
            case "threads.add_structured_input":
                answers = {"mcpr_1": {"values": ["Approve"]}}
                self._params |= {"item_id": done[-1]["id"], "input": {"answers": answers}}
            case "threads.retry_after_item":
                self._params["item_id"] = done[0]["id"]
            case _:
                self._params["action"] = {"type": "go on"}

    def send(self) -> Reading:
        """Sends the request: the same each time."""
        return self._page.send(self._kind, **self._params)

    @property
    def text(self) -> str:
        """What no other request has in it."""
        return self.thread_id or self._mark

    async def items(self) -> list[Json]:
        """The user's only thread's items; nothing happens to it any more."""
        threads, _ = await self._page.ask("threads.list", limit=9999)
        (thread,) = threads["data"]
        items, is_running = await self._page.items(thread["id"])
        assert not is_running
        assert len({item["id"] for item in items}) == len(items)
        return items

    def check_types(self, items: list[Json], *, is_whole: bool) -> None:
        """Holds the thread against what one turn makes of it; where it was cut off, the answer may be missing."""
        types = [item["type"] for item in items]
        wanted = AFTER[self._kind]
        assert types == wanted or (not is_whole and types == wanted[:-1])
        if self._kind == "threads.add_client_tool_output":
            assert (items[1]["status"], items[1]["output"]) == ("completed", {"title": "Home"})
        if self._kind == "threads.add_structured_input":
            assert items[1]["status"] == "answered"


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TurnStack]:
    async with turn_stack(tmp_path_factory.mktemp("stack"), forked=True, handler=HANDLER) as stack:
        yield stack


@pytest.fixture(scope="module")
def model(stack: TurnStack) -> Model:
    model = Model()
    stack.model.script(model)
    return model


@pytest.mark.parametrize("kind", sorted(STREAMING_TYPES))
async def test_six_at_once(stack: TurnStack, model: Model, kind: str) -> None:
    """One turn, one call of the model; each of the six streams tells it to its end."""
    scenario = Scenario(kind, await stack.page(), model)
    await scenario.prepare()
    gate = Gate()
    scenario.answer = ANSWER.gate(gate, before=len(ANSWER.frames) // 2)
    readings = [scenario.send() for _ in range(TIMES)]
    for reading in readings:
        await reading.until(lambda one: "stream_options" in one.types)
    gate.open()
    for reading in readings:
        await reading.end()
    items = await scenario.items()
    scenario.check_types(items, is_whole=True)
    assert scenario.calls == 1
    for reading in readings:
        assert reading.failure is None
        assert "error" not in reading.types
        assert reading.types[: len(_opening(kind))] == _opening(kind)
        assert list(reading.done.values()) == [item for item in items if item["id"] in reading.done]
        assert items[-1]["id"] in reading.done


def _opening(kind: str) -> list[str]:
    """The types of the events with which a stream begins."""
    match kind:
        case "threads.create":
            return ["thread.created", "thread.item.done", "stream_options"]
        case "threads.add_user_message":
            return ["thread.item.done", "stream_options"]
        case "threads.add_structured_input":
            return ["stream_options", "thread.item.replaced"]
        case _:
            return ["stream_options"]


@pytest.mark.timeout(300)
async def test_six_one_after_the_other(stack: TurnStack, model: Model) -> None:
    """The first is killed: the others tell what there is of its turn; where it has not begun one, the second does."""
    seed = int(os.environ.get("TURNS_SEED") or secrets.randbits(32))
    print(f"TURNS_SEED={seed}")
    dice = random.Random(seed)

    async def play(kind: str, events: int, seconds: float) -> None:
        scenario = Scenario(kind, await stack.page(), model)
        await scenario.prepare()
        scenario.answer = ENDLESS
        first = scenario.send()
        await stack.forked.taken(scenario.text)
        await first.until(lambda one: len(one.events) >= events)
        await asyncio.sleep(seconds)
        scenario.answer = ANSWER
        await stack.forked.kill(scenario.text)
        await first.end()
        assert first.failure
        readings = [await scenario.send().end()]
        while "error" in readings[-1].types and len(readings) < TIMES - 1:
            readings.append(await scenario.send().end())
        was_cut = "error" in readings[0].types
        assert was_cut or not first.events
        items = await scenario.items()
        scenario.check_types(items, is_whole=not was_cut)
        assert scenario.calls <= 1
        assert len(readings) == (TIMES - 1 if was_cut else 1)
        for reading in readings:
            assert reading.failure is None
            assert reading.offers_retry == was_cut
            assert reading.types[: len(_opening(kind))] == _opening(kind)
        for reading in (first, *readings):
            assert list(reading.done.values()) == [item for item in items if item["id"] in reading.done]

    kinds = sorted(STREAMING_TYPES) * KILLS
    blows = [(dice.choice([0, dice.randint(1, WORDS), WORDS]), dice.uniform(0, PACE)) for _ in kinds]
    await asyncio.gather(*(play(kind, *blow) for kind, blow in zip(kinds, blows, strict=True)))

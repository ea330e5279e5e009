"""An event bus that fails, whichever way: no turn notices. Over HTTP, with processes as Lambda starts them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest

from tests.support.announced import check
from tests.support.event_endpoint import MODES, EventEndpoint, Mode, event_endpoint
from tests.support.model_answers import Stream
from tests.support.page import Json, Page
from tests.support.turn_stack import TurnStack, turn_stack

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ANSWER: Final = ("It ", "is ", "quite ", "simple.")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def bus() -> Iterator[EventEndpoint]:
    with event_endpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, bus: EventEndpoint) -> AsyncIterator[TurnStack]:
    folder = tmp_path_factory.mktemp("stack")
    async with turn_stack(
        folder,
        handler="tests.support.turn_handlers.handler",
        EVENT_BUS_NAME="chatkit-test",
        AWS_ENDPOINT_URL_EVENTBRIDGE=bus.url,
    ) as stack:
        stack.model.script(Stream.text(*ANSWER))
        yield stack
        bus.released.set()


def nameless(value: Any, names: dict[str, str]) -> Any:
    """JSON whose ids and times are numbered in the order in which they come."""
    if isinstance(value, dict):
        return {name: _time_or(name, each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [nameless(each, names) for each in value]
    if isinstance(value, str) and "_" in value and len(value.rpartition("_")[2]) == 26:
        return names.setdefault(value, f"id {len(names)}")
    return value


def _time_or(name: str, value: Any, names: dict[str, str]) -> Any:
    return "a time" if name == "created_at" else nameless(value, names)


async def turn(page: Page) -> tuple[list[Json], list[Json]]:
    """The events of a turn's stream in their order, and what is stored then."""
    reading = await page.create("How does it work?").end()
    assert reading.failure is None
    assert reading.thread_id is not None
    items, is_running = await page.items(reading.thread_id)
    assert not is_running
    names: dict[str, str] = {}
    return nameless(reading.events, names), nameless(items, names)


async def test_a_bus_that_takes_events_gets_them_once(stack: TurnStack, bus: EventEndpoint) -> None:
    """Both of a turn in one request, in order, each of its form."""
    bus.mode, bus.entries = "takes", []
    await turn(await stack.page("alice"))
    entries = await asyncio.to_thread(bus.wait, 2)
    assert [entry["DetailType"] for entry in entries] == ["thread.created", "turn.completed"]
    for entry in entries:
        assert (entry["EventBusName"], entry["Source"]) == ("chatkit-test", "chatkit-lambda")
        detail = json.loads(entry["Detail"])
        check(entry["DetailType"], detail)
        assert detail["user"] == "alice"
        assert "simple" not in entry["Detail"]
        assert "How does" not in entry["Detail"]


@pytest.mark.parametrize("mode", MODES[1:])
async def test_a_turn_does_not_notice(stack: TurnStack, bus: EventEndpoint, mode: Mode) -> None:
    """The same stream, the same items, and the next turn too: also the one behind the failure."""
    bus.mode = "takes"
    page = await stack.page()
    expected = await turn(page)
    # One more answer from every process that may still be sending.
    await turn(page)
    bus.entries = []
    bus.mode = mode
    assert await turn(page) == expected
    assert await turn(page) == expected
    told = await asyncio.to_thread(bus.wait, 2)
    assert [entry["DetailType"] for entry in told[:2]] == ["thread.created", "turn.completed"]

"""The counts by which a month's cost is computed, measured: real turns, their rows and their streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.engine.assistant import AssistantContext
from functions.gateway.cors import MAX_AGE
from functions.identity.keys import REMEMBERED_SECONDS
from functions.protocol.events import ThreadStreamEvent
from functions.store import keys, table
from functions.store.base import Store
from infra.costs import design
from tests.contracts.conftest import TABLE, Aws
from tests.support import virtual_time
from tests.support.assistants import ScriptedAssistant
from tests.support.threads import assistant_message, new_thread, new_user, user_message
from tests.support.turn_costs import READ_UNIT, Answer, _prose, bill, size
from tests.support.turn_world import Slow, World, send

pytestmark = pytest.mark.parametrize("adapter", ["moto"], indirect=True)

ANSWER = Answer(characters=design.ANSWER_CHARACTERS, seconds=design.ANSWER_SECONDS)
QUESTION = "How do herons fish in winter, and what do they live on when all is frozen?"


def test_a_turn_writes_what_is_paid_for(store: Store, aws: Aws) -> None:
    """Within a unit or two: how far a text is compressed depends on the ids beside it."""
    measured = bill(ANSWER, store, aws.dynamodb)
    assert measured.written == pytest.approx(design.TURN_WRITES, abs=2)
    assert measured.look_units == pytest.approx(design.TURN_READS, abs=1)


def test_a_thread_stores_and_reads_what_is_paid_for(store: Store, aws: Aws) -> None:
    """All the bytes of a thread, by its messages; and what each of them reads of those before it."""
    user, thread = new_user(), new_thread(title="Herons in winter")
    text = "".join(_prose(design.ANSWER_CHARACTERS))
    pairs = [(user_message(thread.id, QUESTION), assistant_message(thread.id, text))] * design.MESSAGES_PER_THREAD

    async def fill() -> None:
        await store.create_thread(user, thread, [])
        for message, answer in ((user_message(thread.id, QUESTION), assistant_message(thread.id, text)) for _ in pairs):
            await store.add_items(user, thread.id, [message, answer])

    asyncio.run(fill())
    rows = aws.dynamodb.scan(TableName=TABLE)["Items"]
    aws.operations.clear()  # the scan is this test's, and not the store's
    # What DynamoDB adds to each row
    # (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
    stored = sum(size(row) + 100 for row in rows) / design.MESSAGES_PER_THREAD
    assert stored == pytest.approx(design.STORED_BYTES, rel=0.1)

    partition = keys.items_partition(user, thread.id)
    sizes = [size(row) for row in rows if row[table.PARTITION_KEY].get("S") == partition]
    assert len(sizes) == 2 * design.MESSAGES_PER_THREAD
    reads = [-(-sum(sizes[: 2 * before + 1]) // READ_UNIT) for before in range(design.MESSAGES_PER_THREAD)]
    assert sum(reads) / len(reads) == pytest.approx(design.HISTORY_READS, abs=0.5)


def test_a_stream_holds_what_is_paid_for(store: Store) -> None:
    """The frames of one answer, whose deltas are as long as a token is: some four characters."""
    text = "".join(_prose(design.ANSWER_CHARACTERS))
    pieces = [text[start : start + 4] for start in range(0, len(text), 4)]

    async def said() -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    async def respond(_thread: Any, _message: Any, context: AssistantContext) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.message(said()):
            yield event

    events: list[Any] = []

    async def main() -> None:
        client = send(World(Slow()).invocation(assistant=ScriptedAssistant(respond)), None, QUESTION)
        await client.task
        events.extend(client.events)

    virtual_time.run(main())
    sent = sum(len(f"data: {json.dumps(event, separators=(',', ':'))}\n\n") for event in events)
    assert sent == pytest.approx(design.STREAM_BYTES, rel=0.05)


def test_what_is_remembered_is_remembered_as_long(store: Store) -> None:
    """A preflight for a thread, and secrets for five minutes: the counts rest on these."""
    assert MAX_AGE >= 3600
    assert design.SECRET_LIFE == REMEMBERED_SECONDS

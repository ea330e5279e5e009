"""What a turn costs on DynamoDB: a real turn's calls, made again on a table, and counted by AWS's rules.

A write costs by the row's size before or after, whichever is more, twice that within a transaction.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from functions.engine.assistant import AssistantContext
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.store import table
from functions.store.base import Store
from tests.support import virtual_time
from tests.support.assistants import ScriptedAssistant
from tests.support.memory_store import MemoryStore
from tests.support.turn_world import Slow, World, send

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITE_UNIT, READ_UNIT = 1024, 4096
"""Bytes of a row, for each begun one of which a unit is paid."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that streams."""

    characters: int
    seconds: float
    silence: float = 0
    """Seconds before the first word."""


@dataclass
class Bill:
    """What a turn costs, in DynamoDB's units."""

    begin: float = 0
    checkpoints: int = 0
    checkpoint_units: float = 0
    finish: float = 0
    end: float = 0
    looks: int = 0
    look_units: float = 0

    @property
    def written(self) -> float:
        return self.begin + self.checkpoint_units + self.finish + self.end

    def add(self, call: str, writes: float, reads: float) -> None:
        """One call of the turn on its store."""
        match call:
            case "create_thread":
                self.begin += writes
            case "checkpoint":
                self.checkpoints += 1
                self.checkpoint_units += writes
            case "save_items":
                self.finish += writes
            case "end_turn":
                self.end += writes
            case "is_stop_requested":
                self.looks += 1
                self.look_units += reads
            case _:
                raise AssertionError(call)


def bill(answer: Answer, store: Store, dynamodb: "DynamoDBClient") -> Bill:
    """What a new thread with this one answer costs. `store` lies on `dynamodb`, which nobody else uses meanwhile."""
    meter, total = _Meter(dynamodb), Bill()
    with asyncio.Runner() as runner, meter.running():
        for name, args, kwargs in _calls(answer):
            before = meter.writes, meter.reads
            runner.run(getattr(store, name)(*args, **kwargs))
            total.add(name, meter.writes - before[0], meter.reads - before[1])
    return total


@dataclass
class _Recorder:
    """A store that remembers how it was called."""

    store: Store
    calls: list[tuple[str, Any, Any]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(copy.deepcopy((name, args, kwargs)))
            return await method(*args, **kwargs)

        return call


def _calls(answer: Answer) -> list[tuple[str, Any, Any]]:
    pieces = _prose(answer.characters)
    pause = answer.seconds / len(pieces)

    async def said() -> AsyncIterator[str]:
        await asyncio.sleep(answer.silence)
        for piece in pieces:
            await asyncio.sleep(pause)
            yield piece

    async def respond(
        thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.message(said()):
            yield event

    recorder = _Recorder(MemoryStore())

    async def main() -> None:
        chat = World(Slow()).invocation(cast("Any", recorder), assistant=ScriptedAssistant(respond))
        await send(chat, None, "Tell me about herons.", frame_id="5b8e6a52-3f4e-4f6c-9d8e-2f4f4d9e0c11").task

    virtual_time.run(main())
    return recorder.calls


def _prose(characters: int) -> list[str]:
    """Words with about as much news in them as English has, and always the same."""
    source = random.Random(4)
    words = ["".join(source.choices("etaoinshrdlucmfw", k=source.randint(2, 9))) + " " for _ in range(2000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    pieces: list[str] = []
    while (length := sum(map(len, pieces))) < characters:
        pieces.append(source.choices(words, weights)[0][: characters - length])
    return pieces


class _Meter:
    """Counts the units of a client's calls, by the sizes of the rows that they touch."""

    def __init__(self, dynamodb: "DynamoDBClient") -> None:
        self.writes = 0.0
        self.reads = 0.0
        self._dynamodb = dynamodb
        self._is_looking = False
        self._touched: list[tuple[Any, int, int]] = []
        """The rows of the call that is on its way: where each is, its size before, and what a unit of it costs."""

    @contextmanager
    def running(self) -> Iterator[None]:
        events = self._dynamodb.meta.events
        events.register("provide-client-params.dynamodb", self._before)
        events.register("after-call.dynamodb", self._after)
        try:
            yield
        finally:
            events.unregister("provide-client-params.dynamodb", self._before)
            events.unregister("after-call.dynamodb", self._after)

    def _before(self, params: Any, model: Any, **_: Any) -> None:
        if self._is_looking:
            return
        match model.name:
            case "TransactWriteItems":
                self._touched = [self._touch(next(iter(action.values())), 2) for action in params["TransactItems"]]
            case "UpdateItem":
                self._touched = [self._touch(params, 1)]
            case "GetItem":
                assert params["ConsistentRead"]
                self.reads += _begun(self._size(params["TableName"], params["Key"]), READ_UNIT)
            case _:
                raise AssertionError(model.name)

    def _after(self, **_: Any) -> None:
        if self._is_looking:
            return
        for (table_name, key), before, price in self._touched:
            self.writes += price * _begun(max(before, self._size(table_name, key)), WRITE_UNIT)
        self._touched = []

    def _touch(self, action: Any, price: int) -> tuple[Any, int, int]:
        row = action.get("Key") or action["Item"]
        key = {name: row[name] for name in (table.PARTITION_KEY, table.SORT_KEY)}
        return (action["TableName"], key), self._size(action["TableName"], key), price

    def _size(self, table_name: str, key: Any) -> int:
        self._is_looking = True
        try:
            answer = self._dynamodb.get_item(TableName=table_name, Key=key, ConsistentRead=True)
        finally:
            self._is_looking = False
        return size(answer.get("Item", {}))


def _begun(size: int, unit: int) -> int:
    return max(1, -(-size // unit))


def size(row: Any) -> int:
    """The bytes of a row: its attributes' names and values."""
    return sum(len(name.encode()) + _size_of(value) for name, value in row.items())


def _size_of(value: Any) -> int:
    ((kind, what),) = value.items()
    match kind:
        case "S":
            return len(what.encode())
        case "B":
            return len(what)
        case "N":
            return (len(what) + 1) // 2 + 1
        case "BOOL":
            return 1
        case _:
            raise AssertionError(kind)

"""What the local stack does for its table by itself, on a real table with a real stream."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest

from functions.local import resources
from functions.local.function import Function as LocalFunction
from functions.local.invocation import FunctionError, Invocation
from functions.local.ministack import Credentials
from functions.local.samples import HANDLERS
from functions.local.table_stream import Record
from functions.local.upkeep import Upkeep
from functions.settings import LOCAL_STAGE, Names
from functions.store import keys, rows, stream, table
from tests.support.ministack import Ministack
from tests.support.ministack import ministack as ministack  # the fixture
from tests.support.threads import NEW_IDS, new_user

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ORIGIN = "http://localhost:8787"
PATIENCE = 120.0
"""Seconds that a busy machine may take for what is waited for."""

Thread = tuple[str, str]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Function:
    """Stands for the thread function: keeps what it was called with, and fails as it is told to."""

    def __init__(self) -> None:
        self.calls: list[list[Thread]] = []
        self.failing: dict[Thread, int] = {}
        """How often a thread still fails."""
        self.dies = 0
        """How often the function still dies."""
        self._called = asyncio.Condition()

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        batch: list[tuple[Thread, str]] = []
        for record in event["Records"]:
            thread = stream.thread_gone(record)
            assert thread is not None
            batch.append((thread, record["dynamodb"]["SequenceNumber"]))
        async with self._called:
            self.calls.append([thread for thread, _ in batch])
            self._called.notify_all()
        if self.dies:
            self.dies -= 1
            raise FunctionError("Runtime.ExitError")
        failed: list[str] = []
        for thread, number in batch:
            if self.failing.get(thread):
                self.failing[thread] -= 1
                failed.append(number)
        answer = {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
        return Invocation(streaming=False, result=json.dumps(answer).encode())

    def threads(self) -> list[Thread]:
        """Every thread that it was called for, in order."""
        return [thread for call in self.calls for thread in call]

    async def until(self, is_so: Callable[[list[list[Thread]]], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._called:
            await self._called.wait_for(lambda: is_so(self.calls))


class Ground:
    """An empty table, its upkeep, and a clock that is moved by hand."""

    def __init__(self, clients: resources.Clients) -> None:
        self.clients = clients
        self.function = Function()
        self.log: list[str] = []
        self.now = time.time()
        self.upkeep = Upkeep(
            clients=clients,
            function=self.function,
            log=self.log.append,
            poll_seconds=0.01,
            clock=lambda: self.now,
        )

    def put(self, where: keys.Key, *, until: float | None = None) -> None:
        expiry = {} if until is None else {table.TTL_ATTRIBUTE: {"N": str(int(until))}}
        self.clients.dynamodb.put_item(TableName=resources.TABLE, Item={**rows.key_row(where), **expiry})

    def delete(self, where: keys.Key) -> None:
        self.clients.dynamodb.delete_item(TableName=resources.TABLE, Key=rows.key_row(where))

    def exists(self, where: keys.Key) -> bool:
        return "Item" in self.clients.dynamodb.get_item(TableName=resources.TABLE, Key=rows.key_row(where))

    def fill(self, thread: Thread, count: int) -> None:
        """Puts so many items into a thread, a multiple of 25."""
        for _ in range(0, count, 25):
            where = [keys.item(*thread, NEW_IDS.new("message")) for _ in range(25)]
            puts: Any = [{"PutRequest": {"Item": rows.key_row(key)}} for key in where]
            self.clients.dynamodb.batch_write_item(RequestItems={resources.TABLE: puts})

    def items(self, thread: Thread) -> int:
        """How many rows lie in a thread."""
        answer = self.clients.dynamodb.query(
            TableName=resources.TABLE,
            Select="COUNT",
            KeyConditionExpression=f"{table.PARTITION_KEY} = :partition",
            ExpressionAttributeValues={":partition": {"S": keys.turn(*thread).partition}},
        )
        return answer["Count"]

    async def until_items(self, thread: Thread, is_so: Callable[[int], bool]) -> int:
        """How many rows lie in a thread, as soon as it is so."""
        async with asyncio.timeout(PATIENCE):
            while not is_so(count := await asyncio.to_thread(self.items, thread)):
                continue
        return count

    def thread(self, *, items: int = 1, until: float | None = None) -> Thread:
        user, thread_id = new_user(), NEW_IDS.new("thread")
        self.put(keys.thread(user, thread_id), until=until)
        for _ in range(items):
            self.put(keys.item(user, thread_id, NEW_IDS.new("message")))
        return user, thread_id


@pytest.fixture
def clients(ministack: Ministack) -> Iterator[resources.Clients]:
    credentials = Credentials(access_key=ministack.key, secret_key=ministack.key)
    clients = resources.Clients.connect(endpoint=ministack.endpoint, credentials=credentials)
    resources.create(clients, origins=(ORIGIN,), model_key=None)
    yield clients
    clients.dynamodb.delete_table(TableName=resources.TABLE)
    clients.close()


@pytest.fixture
async def ground(clients: resources.Clients) -> Ground:
    return Ground(clients)


async def test_ended_threads_reach_the_function(ground: Ground) -> None:
    """Each once, in order, and no other change; also those that were deleted before it began to look."""
    first, second, kept = (ground.thread(items=0) for _ in range(3))
    ground.delete(keys.thread(*first))
    async with ground.upkeep:
        await ground.function.until(lambda _: first in ground.function.threads())
        item = keys.item(*kept, NEW_IDS.new("message"))
        ground.put(item)
        ground.delete(item)
        ground.delete(keys.thread(*second))
        await ground.function.until(lambda _: second in ground.function.threads())
    assert ground.function.threads() == [first, second]
    assert ground.log == []


async def test_what_was_deleted_last_is_finished(ground: Ground) -> None:
    """What is deleted before the upkeep ends has reached the function when it has ended."""
    threads = [ground.thread(items=0) for _ in range(25)]
    async with ground.upkeep:
        for thread in threads:
            ground.delete(keys.thread(*thread))
    assert ground.function.threads() == threads
    assert max(map(len, ground.function.calls)) <= 10


async def test_what_failed_is_tried_again(ground: Ground) -> None:
    """From the first record that failed, as Lambda does; and all of them, where the function died."""
    threads = [ground.thread(items=0) for _ in range(3)]
    ground.function.dies = 1
    ground.function.failing = {threads[1]: 2}
    for thread in threads:
        ground.delete(keys.thread(*thread))
    async with ground.upkeep:
        await ground.function.until(lambda calls: len(calls) == 4)
    assert ground.function.calls == [threads, threads, threads[1:], threads[1:]]
    assert ground.log == ["the thread function failed (Runtime.ExitError); its log says why"]


async def test_what_fails_again_and_again_waits_for_the_next_start(ground: Ground) -> None:
    """It is given up in the end, said so, and does not keep others back; a new upkeep finds it."""
    poison, next_one = ground.thread(items=2), ground.thread(items=0)
    # Found by the look at the table, and told by the stream: five times each.
    ground.function.failing = {poison: 10}
    ground.delete(keys.thread(*poison))
    async with ground.upkeep:
        await ground.function.until(lambda calls: len(calls) == 10)
        ground.delete(keys.thread(*next_one))
        await ground.function.until(lambda calls: [next_one] in calls)
    assert ground.function.calls == [[poison]] * 10 + [[next_one]]
    given_up = "what 1 deleted threads have left is still there; it is tried again at the next start"
    assert ground.log == [given_up] * 2
    assert [stream.thread_gone(record) for record in await ground.upkeep.leftovers()] == [poison]


async def test_leftovers_are_found(ground: Ground) -> None:
    """Threads of which rows are left but not their own, each once; threads that are there are not among them."""
    ground.thread(items=3)
    user, thread_id = gone = ground.thread(items=30)
    ground.put(keys.turn(user, thread_id))
    ground.delete(keys.thread(*gone))
    found: list[Record] = await ground.upkeep.leftovers()
    assert [stream.thread_gone(record) for record in found] == [gone]


async def test_rows_are_dropped_when_their_time_is_over(ground: Ground) -> None:
    """Threads and turns alike, with a word in the stream; what has time left, or no time, stays."""
    over, later, forever = (ground.thread(items=0, until=until) for until in (ground.now, ground.now + 60, None))
    turn = keys.turn(*later)
    ground.put(turn, until=ground.now - 1)
    async with ground.upkeep:
        await ground.function.until(lambda calls: calls == [[over]])
    assert [ground.exists(keys.thread(*thread)) for thread in (over, later, forever)] == [False, True, True]
    assert not ground.exists(turn)
    ground.now += 60
    await ground.upkeep.expire()
    assert [ground.exists(keys.thread(*thread)) for thread in (later, forever)] == [False, True]


async def test_the_tables_own_time_to_live_is_off(ground: Ground) -> None:
    """ministack would drop rows without a word in the stream; also on a table of an earlier run."""
    on = {"TableName": resources.TABLE, "TimeToLiveSpecification": table.time_to_live()}
    ground.clients.dynamodb.update_time_to_live(**on)
    resources.create(ground.clients, origins=(ORIGIN,), model_key=None)
    described = ground.clients.dynamodb.describe_time_to_live(TableName=resources.TABLE)
    assert described["TimeToLiveDescription"].get("TimeToLiveStatus") == "DISABLED"


async def test_a_table_that_does_not_answer_is_told_of(ground: Ground) -> None:
    """The upkeep says so and goes on; it ends when it is told to."""
    said = asyncio.Event()

    def log(line: str) -> None:
        ground.log.append(line)
        said.set()

    ground.clients.dynamodb.delete_table(TableName=resources.TABLE)
    async with Upkeep(clients=ground.clients, function=ground.function, log=log, poll_seconds=0.01):
        async with asyncio.timeout(PATIENCE):
            await said.wait()
        resources.create(ground.clients, origins=(ORIGIN,), model_key=None)
        gone = ground.thread(items=0)
        ground.delete(keys.thread(*gone))
        await ground.function.until(lambda calls: [gone] in calls)
    assert all(line.startswith("the table cannot be looked after") for line in ground.log)


async def test_a_function_that_is_killed_amid_a_deletion(
    clients: resources.Clients, ministack: Ministack, log: list[str]
) -> None:
    """The real thread function, killed when it has deleted some of a thread's rows: the next call deletes the others."""
    ground = Ground(clients)
    kept = ground.thread(items=1)
    async with thread_function(ministack) as function:
        upkeep = Upkeep(clients=clients, function=function, log=log.append, poll_seconds=0.01)
        async with upkeep:
            gone = await stopped_amid_a_deletion(ground, function)
            [pid] = function.pids
            os.kill(pid, signal.SIGKILL)
            await ground.until_items(gone, lambda count: count == 0)
    assert log == ["the thread function failed (Runtime.ExitError); its log says why"]
    assert ground.items(kept) == 1


async def stopped_amid_a_deletion(ground: Ground, function: LocalFunction) -> Thread:
    """A thread that is being deleted by a function whose process stands still (SIGSTOP) and has not finished.

    One that has finished before it was stopped is let go on, and another thread is deleted.
    """
    while True:
        gone = ground.thread(items=0)
        ground.fill(gone, 1_000)
        ground.delete(keys.thread(*gone))
        await ground.until_items(gone, lambda count: count < 1_000)
        [pid] = function.pids
        os.kill(pid, signal.SIGSTOP)
        if ground.items(gone) > 0:
            return gone
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def log() -> list[str]:
    """What an upkeep had to say."""
    return []


@contextlib.asynccontextmanager
async def thread_function(ministack: Ministack) -> AsyncIterator[LocalFunction]:
    """The thread function as the local stack starts it."""
    environment = {
        "AWS_ENDPOINT_URL": ministack.endpoint,
        "AWS_ACCESS_KEY_ID": ministack.key,
        "AWS_SECRET_ACCESS_KEY": ministack.key,
        "AWS_REGION": ministack.region,
        "AWS_DEFAULT_REGION": ministack.region,
        Names.STAGE: LOCAL_STAGE,
        Names.TABLE_NAME: resources.TABLE,
        Names.BUCKET_NAME: resources.BUCKET,
        Names.TOKEN_SECRET_ID: resources.TOKEN_SECRET,
        Names.ALLOWED_ORIGINS: ORIGIN,
        Names.IDENTITY: "local",
    }
    base = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    function = LocalFunction("thread", HANDLERS["thread"], environment, base_environment=base)
    try:
        yield function
    finally:
        await function.close()

"""The adapters that the contracts run on: memory, DynamoDB on moto (in process), DynamoDB on ministack (a process)."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, Phase, settings
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from functions.store import keys, table
from functions.store.attachments import AttachmentRecords
from functions.store.base import Store
from functions.store.counters import Counters
from functions.store.dynamodb import DynamoDBStore
from functions.store.dynamodb_attachments import DynamoDBAttachments
from functions.store.dynamodb_counters import DynamoDBCounters
from functions.store.large_items import LargeItems
from tests.support.memory_store import MemoryStore
from tests.support.ministack import ministack as ministack  # the fixture

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

TABLE = "chatkit"
BUCKET = "chatkit-items"


@dataclass
class Aws:
    """What lies under a DynamoDB store, and the names of the operations that were called on it, in order."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    operations: list[str] = field(default_factory=list, repr=False)

    def objects(self) -> list[str]:
        """The names of all objects in the bucket."""
        return [entry.get("Key", "") for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@dataclass
class Adapter:
    """A store, and what lies under it."""

    name: str
    store: Store
    attachments: AttachmentRecords
    """What is known of attachments, on the same ground."""
    keeping: Callable[[timedelta | None, Callable[[], datetime]], Store]
    """Another store on the same ground, which keeps threads for a time, by a clock."""
    counters: Counters
    """Where use is counted, on the same ground."""
    counting: Store
    """Another store on the same ground, which counts threads there."""
    aws: Aws | None = None


def machine_settings(adapter: Adapter, examples: Mapping[str, int]) -> settings:
    """How a state machine is run on an adapter: so many `examples`, by the adapter's name."""
    return settings(
        max_examples=examples[adapter.name],
        stateful_step_count=30,
        deadline=None,
        # Shrinking a failure takes minutes where each step is several requests.
        phases=set(Phase) if adapter.name == "memory" else {Phase.explicit, Phase.reuse, Phase.generate},
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module", params=["memory", "moto", "ministack"])
def adapter(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    """Each adapter in turn. Its tests share it, and keep apart by having users of their own."""
    if request.param == "memory":
        memory = MemoryStore()
        counting = MemoryStore(count_threads=True, counters=memory.counters)
        yield Adapter(
            "memory",
            memory,
            memory.attachments,
            lambda time, clock: MemoryStore(retention=time, now=clock),
            counting.counters,
            counting,
        )
    elif request.param == "moto":
        with mock_aws(), _one_at_a_time(), _on_aws("moto", region_name="us-east-1") as adapter:
            yield adapter
    else:
        with _on_aws("ministack", **request.getfixturevalue("ministack").client_arguments()) as adapter:
            yield adapter


@pytest.fixture
def store(adapter: Adapter) -> Iterator[Store]:
    """The adapter's store; no test of it may have scanned a table."""
    if adapter.aws is None:
        yield adapter.store
        return
    if adapter.name == "moto":
        # moto copies the whole table for each action of a transaction: a small table keeps that bearable.
        adapter.aws.dynamodb.delete_table(TableName=TABLE)
        adapter.aws.dynamodb.create_table(**table.definition(TABLE))
    adapter.aws.operations.clear()
    yield adapter.store
    assert not {"Scan", "ExecuteStatement", "ParallelScan"} & set(adapter.aws.operations)


@pytest.fixture
def counters(adapter: Adapter, store: Store) -> Counters:
    """The adapter's counters."""
    return adapter.counters


@pytest.fixture
def aws(adapter: Adapter, store: Store) -> Aws:
    """What lies under the store."""
    assert adapter.aws
    return adapter.aws


@contextmanager
def on(client: "BaseClient", event: str, act: Callable[[], Any]) -> Iterator[None]:
    """Acts before each call of `event`, such as `before-call.dynamodb.Query`, in the thread that performs it."""

    def handler(**_: Any) -> None:
        act()

    client.meta.events.register(event, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handler)


def rows_of(aws: Aws, user: str, thread_id: str) -> list[str]:
    """The sort keys of all that lies in a thread's partition."""
    partition = keys.items_partition(user, thread_id)
    assert partition
    answer = aws.dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression=f"{table.PARTITION_KEY} = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
    )
    return [row[table.SORT_KEY].get("S", "") for row in answer["Items"]]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """moto's tables are plain dictionaries, not made for calls from several threads: each call waits for the other."""
    answer, lock = BotocoreStubber.__call__, threading.Lock()

    def answer_alone(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", answer_alone)
        yield


@contextmanager
def _on_aws(name: str, **arguments: Any) -> Iterator[Adapter]:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=20)
    dynamodb = boto3.client("dynamodb", config=config, **arguments)
    s3 = boto3.client("s3", config=config, **arguments)
    aws = Aws(dynamodb, s3)
    try:
        dynamodb.create_table(**table.definition(TABLE))
        dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=table.time_to_live())
        s3.create_bucket(Bucket=BUCKET)
        for client in (dynamodb, s3):
            client.meta.events.register("before-call", lambda model, **_: aws.operations.append(model.name))

        def store(**keeping: Any) -> Store:
            large_items = LargeItems(client=lambda: s3, bucket=BUCKET)
            return DynamoDBStore(client=dynamodb, table=TABLE, large_items=large_items, **keeping)

        attachments = DynamoDBAttachments(client=dynamodb, table=TABLE)
        counters = DynamoDBCounters(client=dynamodb, table=TABLE)
        yield Adapter(
            name,
            store(),
            attachments,
            lambda time, clock: store(retention=time, now=clock),
            counters,
            store(count_threads=True),
            aws,
        )
        dynamodb.delete_table(TableName=TABLE)
    finally:
        dynamodb.close()
        s3.close()

"""How the local stack hands uploads on, with a real bucket, real events and a real queue."""

import asyncio
import contextlib
import json
import os
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.attachments.objects import file_key, preview_key, upload_key
from functions.attachments.s3_objects import S3Objects
from functions.ids import IdFactory
from functions.local import resources
from functions.local.deliveries import Deliveries
from functions.local.function import Function as LocalFunction
from functions.local.invocation import FunctionError, Invocation
from functions.local.ministack import Credentials
from functions.local.samples import HANDLERS, FunctionName
from functions.local.schedule import EVENT
from functions.settings import LOCAL_STAGE, Names
from functions.store.attachments import Place, StoredAttachment
from functions.store.dynamodb_attachments import DynamoDBAttachments
from tests.support import files
from tests.support.ministack import Ministack
from tests.support.ministack import ministack as ministack  # the fixture

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ORIGIN = "http://localhost:8787"
PATIENCE = 120.0
"""Seconds that a busy machine may take for what is waited for."""
PNG = files.picture(size=(900, 300))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Function:
    """Stands for the attachment function: keeps what it was called with, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.failing: dict[str, int] = {}
        """How often it still fails for an object."""
        self._called = asyncio.Condition()

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        async with self._called:
            self.events.append(event)
            self._called.notify_all()
        key = event["detail"]["object"]["key"]
        if self.failing.get(key):
            self.failing[key] -= 1
            raise FunctionError("Unavailable")
        return Invocation(streaming=False, result=b"{}")

    def keys(self) -> list[str]:
        return [event["detail"]["object"]["key"] for event in self.events]

    async def until(self, is_so: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._called:
            await self._called.wait_for(lambda: is_so(self.keys()))


@pytest.fixture
def clients(ministack: Ministack) -> Iterator[resources.Clients]:
    credentials = Credentials(access_key=ministack.key, secret_key=ministack.key)
    clients = resources.Clients.connect(endpoint=ministack.endpoint, credentials=credentials)
    resources.create(clients, origins=(ORIGIN,), model_key=None)
    clients.sqs.purge_queue(QueueUrl=resources.uploads_queue(clients))
    yield clients
    for entry in clients.s3.list_objects_v2(Bucket=resources.BUCKET).get("Contents", []):
        clients.s3.delete_object(Bucket=resources.BUCKET, Key=entry.get("Key", ""))
    clients.dynamodb.delete_table(TableName=resources.TABLE)
    clients.close()


class Ground:
    """The bucket, what watches over it, and a function that only looks on."""

    def __init__(self, clients: resources.Clients) -> None:
        self.clients = clients
        self.function = Function()
        self.log: list[str] = []
        self.deliveries = Deliveries(
            clients=clients, function=self.function, log=self.log.append, wait_seconds=1, pause_seconds=0.01
        )

    def upload(self, *, key: str | None = None) -> str:
        """Puts an object where pages do, or elsewhere. Returns its name."""
        key = key or upload_key(Place.of("alice", IdFactory().new("attachment")))
        self.clients.s3.put_object(Bucket=resources.BUCKET, Key=key, Body=b"hello")
        return key

    async def forget_events(self, count: int) -> None:
        """Empties the queue, as soon as it holds so many events: an object is there before its event is."""
        queue, waiting = resources.uploads_queue(self.clients), "0"
        async with asyncio.timeout(PATIENCE):
            while waiting != str(count):
                told = await asyncio.to_thread(
                    self.clients.sqs.get_queue_attributes,
                    QueueUrl=queue,
                    AttributeNames=["ApproximateNumberOfMessages"],
                )
                waiting = told["Attributes"]["ApproximateNumberOfMessages"]
        self.clients.sqs.purge_queue(QueueUrl=queue)

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Enters the deliveries, until they have looked around and read the queue: then events are all that they follow."""
        probe = self.upload()
        async with self.deliveries:
            await self.function.until(lambda keys: keys.count(probe) >= 2)
            self.function.events.clear()
            yield


@pytest.fixture
async def ground(clients: resources.Clients) -> Ground:
    return Ground(clients)


async def test_an_upload_reaches_the_function(ground: Ground) -> None:
    """Once, and in the form in which EventBridge sends it; what is put elsewhere does not."""
    async with ground.delivering():
        for key in ("files/x", "images/uploads/x", "upload"):
            ground.upload(key=key)
        key = ground.upload()
        await ground.function.until(lambda keys: key in keys)
    assert ground.function.keys() == [key]
    [event] = ground.function.events
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{resources.BUCKET}"]
    assert event["detail"]["bucket"] == {"name": resources.BUCKET}
    assert event["detail"]["object"]["size"] == 5
    assert event["detail"]["reason"] == "PutObject"
    assert ground.log == []


async def test_what_was_uploaded_last_is_handed_on(ground: Ground) -> None:
    """What is uploaded before the stack ends has reached the function when it has ended."""
    async with ground.delivering():
        keys = [ground.upload() for _ in range(12)]
    assert set(ground.function.keys()) == set(keys)


async def test_what_was_uploaded_meanwhile_is_found(ground: Ground) -> None:
    """While no stack ran, or by one that was killed: its events are forgotten, its objects are there."""
    ground.upload(key="files/x")
    keys = [ground.upload() for _ in range(3)]
    await ground.forget_events(3)
    async with ground.deliveries:
        await ground.function.until(lambda found: set(keys) <= set(found))
    assert sorted(ground.function.keys()) == sorted(keys)
    assert {event["detail-type"] for event in ground.function.events} == {"Object Created"}


async def test_what_failed_comes_again(ground: Ground) -> None:
    """Three times in all; then it waits for the next start. Others are not kept back."""
    async with ground.delivering():
        key = upload_key(Place.of("alice", IdFactory().new("attachment")))
        ground.function.failing = {key: 3}
        ground.upload(key=key)
        await ground.function.until(lambda keys: keys.count(key) == 3)
        other = ground.upload()
        await ground.function.until(lambda keys: other in keys)
    failed = "the attachment function failed (Unavailable); its log says why"
    assert ground.log == [failed] * 3 + ["an upload was not looked at; it is tried again at the next start"]
    assert ground.function.keys().count(key) == 3
    async with Deliveries(clients=ground.clients, function=ground.function, log=ground.log.append):
        await ground.function.until(lambda keys: keys.count(key) == 4)


async def test_more_objects_than_one_list_holds(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is found once."""
    keys = [ground.upload() for _ in range(5)]
    listed = ground.clients.s3.list_objects_v2

    def two(**arguments: Any) -> Any:
        return listed(MaxKeys=2, **arguments)

    monkeypatch.setattr(ground.clients.s3, "list_objects_v2", two)
    found = await ground.deliveries.leftovers()
    assert sorted(event["detail"]["object"]["key"] for event in found) == sorted(keys)
    await ground.forget_events(5)


async def test_an_object_whose_event_is_late_is_handed_on(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, though the queue is empty when the stack ends; what was handed on before is not again."""
    async with ground.delivering():
        key = ground.upload()
        await ground.function.until(lambda keys: key in keys)
        monkeypatch.setattr(ground.clients.sqs, "receive_message", lambda **_: {})
        late = ground.upload()
    assert ground.function.keys() == [key, late]
    monkeypatch.undo()
    await ground.forget_events(1)


async def test_a_queue_that_does_not_answer_is_told_of(ground: Ground) -> None:
    """It says so, makes what is missing, and goes on."""
    said = asyncio.Event()

    def log(line: str) -> None:
        ground.log.append(line)
        said.set()

    async with Deliveries(clients=ground.clients, function=ground.function, log=log, pause_seconds=0.01):
        first = ground.upload()
        await ground.function.until(lambda keys: first in keys)
        ground.clients.sqs.delete_queue(QueueUrl=resources.uploads_queue(ground.clients))
        async with asyncio.timeout(PATIENCE):
            await said.wait()
        second = ground.upload()
        await ground.function.until(lambda keys: second in keys)
    assert all(line.startswith("uploads cannot be looked after") for line in ground.log)


class Uploaded:
    """Attachments in a real table and bucket, announced, and uploaded by signed URLs, as a page does."""

    def __init__(self, clients: resources.Clients) -> None:
        self._clients = clients
        self.records = DynamoDBAttachments(client=clients.dynamodb, table=resources.TABLE)
        self.objects = S3Objects(client=lambda: clients.s3, bucket=resources.BUCKET)

    async def announce(self, data: bytes, mime_type: str, *, age: timedelta = timedelta()) -> StoredAttachment:
        made = datetime.now(UTC) - age
        stored = StoredAttachment(
            id=IdFactory(clock=made.timestamp).new("attachment"),
            owner="alice",
            name="a",
            mime_type=mime_type,
            size=len(data),
            created_at=made,
        )
        await self.records.announce(stored)
        return stored

    def put(self, stored: StoredAttachment, data: bytes) -> None:
        target = self.objects.upload_target(stored.place, size=len(data), mime_type=stored.mime_type, seconds=600)
        request = urllib.request.Request(target.url, data=data, headers=dict(target.headers), method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.status == 200

    async def until_settled(self, stored: StoredAttachment) -> StoredAttachment:
        async with asyncio.timeout(PATIENCE):
            while (found := await self.records.load([stored.place]))[0].state == "announced":
                continue
        return found[0]

    def names(self, stored: StoredAttachment) -> list[bool]:
        """Whether there are an upload, a file, a preview."""
        listed = self._clients.s3.list_objects_v2(Bucket=resources.BUCKET).get("Contents", [])
        there = {entry.get("Key") for entry in listed}
        return [key(stored.place) in there for key in (upload_key, file_key, preview_key)]


async def test_the_real_function_takes_and_refuses(clients: resources.Clients, ministack: Ministack) -> None:
    """From a signed PUT to a settled row: a picture, a PDF, and a program that was called a picture."""
    uploaded, log = Uploaded(clients), list[str]()
    lie = files.PROGRAM.ljust(len(PNG), b"\0")
    async with (
        function(ministack, "attachment") as attachment,
        Deliveries(clients=clients, function=attachment, log=log.append),
    ):
        cases = [(PNG, PNG, "image/png"), (files.PDF, files.PDF, "application/pdf"), (PNG, lie, "image/png")]
        announced = [await uploaded.announce(said, mime_type) for said, _, mime_type in cases]
        for stored, (_, data, _) in zip(announced, cases, strict=True):
            uploaded.put(stored, data)
        states = [(await uploaded.until_settled(stored)).state for stored in announced]
        uploaded.put(announced[0], PNG[:-1] + b"x")
    assert states == ["uploaded", "uploaded", "refused"]
    assert [uploaded.names(stored) for stored in announced] == [
        [False, True, True],
        [False, True, False],
        [False, False, False],
    ]
    assert await uploaded.objects.read(announced[0].place) == PNG
    assert log == []


async def test_the_real_sweep_takes_what_is_old(clients: resources.Clients, ministack: Ministack) -> None:
    """What was announced a day ago goes with its objects; what is younger stays."""
    uploaded = Uploaded(clients)
    old = await uploaded.announce(PNG, "image/png", age=timedelta(days=2))
    young = await uploaded.announce(PNG, "image/png")
    for stored in (old, young):
        uploaded.put(stored, PNG)
    async with function(ministack, "sweep") as sweep:
        answers = [json.loads((await sweep.invoke(EVENT)).result or b"") for _ in range(2)]
    assert answers == [{"deleted": deleted, "kept": 0, "failed": 0, "is_whole": True} for deleted in (1, 0)]
    assert await uploaded.records.load([old.place, young.place]) == [young]
    assert [uploaded.names(stored)[0] for stored in (old, young)] == [False, True]


@contextlib.asynccontextmanager
async def function(ministack: Ministack, name: FunctionName) -> AsyncIterator[LocalFunction]:
    """A function as the local stack starts it."""
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
    running = LocalFunction(name, HANDLERS[name], environment, base_environment=base)
    try:
        yield running
    finally:
        await running.close()

"""What an operator's commands do with all that is kept of one user: it is exported whole, and erased whole."""

import asyncio
import base64
import itertools
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.attachments.images import EXTENSIONS, Picture
from functions.attachments.objects import file_key, preview_key, upload_key
from functions.attachments.s3_images import S3Images
from functions.errors import ModelError, SessionEnded
from functions.identity.base import owner
from functions.ids import owner_digest
from functions.limits import Counter
from functions.local import owner_rows
from functions.local.erasure import PASSES, Erasure, ErasureError, Found, Ground
from functions.local.export import Export, writing
from functions.local.owner_objects import PREFIXES
from functions.local.users import Place as Stage
from functions.local.users import ground_of
from functions.protocol.threads import ThreadMetadata
from functions.store import keys, table
from functions.store.attachments import StoredAttachment
from functions.store.base import MAX_PAGE, TurnGone
from functions.store.counters import Hold
from functions.store.sessions import EndedSessions
from functions.translations import Text
from tests.contracts.conftest import BUCKET, TABLE, Adapter, Aws
from tests.support.threads import (
    NEW_IDS,
    assistant_message,
    hidden_context,
    new_thread,
    new_turn,
    new_user,
    user_message,
)

pytestmark = pytest.mark.anyio

on_aws = pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)
on_moto = pytest.mark.parametrize("adapter", ["moto"], indirect=True)

LARGE = base64.b64encode(random.Random(5).randbytes(680_000)).decode()
"""Too large for a row, also compressed."""
PICTURE = Picture(b"\x89PNG a heron", next(iter(EXTENSIONS)))
PLENTY = 10**12
LATER = timedelta(hours=9)

Rows = dict[tuple[str, str], Any]


class Files:
    """OpenAI's Files API, which may fail."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.fails = False

    async def upload(self, name: str, data: bytes, mime_type: str) -> str:
        raise NotImplementedError

    async def delete(self, file_id: str) -> None:
        if self.fails:
            raise ModelError(Text.MODEL_UNREACHABLE)
        self.deleted.append(file_id)


class World:
    """Users with all that there may be of one."""

    def __init__(self, adapter: Adapter, aws: Aws) -> None:
        self.adapter = adapter
        self.aws = aws
        self.files = Files()
        self.ground: Ground = ground_of(self.stage, files=self.files)
        self.sessions = EndedSessions(client=aws.dynamodb, table=TABLE)
        self.slept: list[float] = []

    @property
    def stage(self) -> Stage:
        return Stage(self.aws.dynamodb, self.aws.s3, TABLE, BUCKET)

    def erasure(
        self, user: str, *, on_sleep: Callable[[], None] = lambda: None, ground: Ground | None = None
    ) -> Erasure:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            on_sleep()

        return Erasure(ground or self.ground, user, sleep=sleep)

    async def settle(self, user: str, *, running: bool = False, large: str = LARGE) -> ThreadMetadata:
        """Gives a user all that there may be; returns a thread that is answered on, if `running`."""
        thread, other = [new_thread(title="Über alles", metadata={"_usage": {"m": 1}}) for _ in range(2)]
        for one in (thread, other):
            await self.adapter.counting.create_thread(user, one, [user_message(one.id)])
            await self._count(user)
        items = [assistant_message(thread.id), hidden_context(thread.id), user_message(thread.id, large)]
        await self.ground.store.save_items(user, thread.id, items)
        await self.ground.store.save_feedback(user, thread.id, [items[0].id], "positive")
        await S3Images(client=lambda: self.aws.s3, bucket=BUCKET).put(user, thread.id, PICTURE)
        used, unused, gone = [await self.announce(user) for _ in range(3)]
        await self.put(used, file_key, preview_key)
        await self.put(unused, upload_key)
        await self.adapter.attachments.settle(used.place, "uploaded")
        await self.adapter.attachments.remember_file(used.place, f"file-{used.id}")
        turn = new_turn(assistant_message(thread.id), request_key="a" * 64, lease=LATER if running else -LATER)
        await self.ground.store.add_items(user, thread.id, [user_message(thread.id)], turn=turn, attachments=[used.id])
        await self.adapter.attachments.delete(gone.place)
        await self._expire(user)
        until = datetime.now(UTC) + LATER
        for session in ("one", "two"):
            await self.sessions.begin_session(user, session, until=until)
        await self.sessions.end_session(user, "two", until=until)
        self.forget_operations()
        return thread

    async def announce(self, user: str) -> StoredAttachment:
        attachment = StoredAttachment(
            id=NEW_IDS.new("attachment"),
            owner=user,
            name="../../heron.png",
            mime_type="image/png",
            size=10,
            created_at=datetime.now(UTC),
        )
        await self.adapter.attachments.announce(attachment, room=dict.fromkeys(keys.holders(user), PLENTY))
        return attachment

    async def put(self, attachment: StoredAttachment, *names: Callable[[Any], str]) -> None:
        for name in names:
            await asyncio.to_thread(
                self.aws.s3.put_object, Bucket=BUCKET, Key=name(attachment.place), Body=f"{name.__name__}".encode()
            )

    async def _count(self, user: str) -> None:
        at = datetime.now(UTC)
        for holder in keys.holders(user):
            hold = Hold(NEW_IDS.new("turn").partition("_")[2], at)
            await self.adapter.counters.count(holder, {Counter.MESSAGES_PER_DAY: 1}, {}, at=at, hold=hold)
            await self.adapter.counters.add(holder, {Counter.THREADS: 1}, at=at)

    async def _expire(self, user: str) -> None:
        """A thread that is past its time, whose row DynamoDB has not dropped yet."""
        past = self.adapter.keeping(timedelta(days=1), lambda: datetime.now(UTC) - timedelta(days=3))
        thread = new_thread()
        await past.create_thread(user, thread, [user_message(thread.id)])

    def rows(self) -> Rows:
        """The whole table."""
        pages = list(self.aws.dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True))
        self.forget_operations()
        return {(row["pk"].get("S", ""), row["sk"].get("S", "")): row for page in pages for row in page["Items"]}

    def objects(self) -> dict[str, str]:
        """The whole bucket, in which other modules' tests have left theirs: names and digests."""
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {entry.get("Key", ""): entry.get("ETag", "") for page in pages for entry in page.get("Contents", [])}

    def forget_operations(self) -> None:
        """What a test does is not what is tested."""
        self.aws.operations.clear()

    def kept(self, user: str) -> list[tuple[str, str]]:
        """All that the table and the bucket hold of a user: by where it lies, and by what it says."""
        digest = owner_digest(user)
        return [
            where
            for where, row in self.rows().items()
            if where[0].endswith(f"#{user}")
            or digest in "".join(where)
            or json.dumps(user)[1:-1] in json.dumps(row, default=repr)
        ] + [("", name) for name in self.objects() if digest in name]


@pytest.fixture
def world(adapter: Adapter, store: Any, aws: Aws) -> World:
    """A table and a bucket in which others live."""
    if adapter.name == "ministack":
        # Once a minute it drops what has expired, also what a test has just counted: as DynamoDB, within two days, does not.
        aws.dynamodb.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": False, "AttributeName": table.TTL_ATTRIBUTE}
        )
        aws.operations.clear()
    return World(adapter, aws)


def say(line: str) -> None:
    """Nobody listens."""


@on_aws
async def test_nothing_is_left_of_a_user_and_everything_of_all_others(world: World) -> None:
    """The whole table and the whole bucket are as before, without the user's; an ended session stays ended."""
    alice, mallory = owner(new_user(), "acme"), new_user()
    others = [owner(new_user(), "acme"), owner(mallory, "acme"), mallory]
    for user in others:
        await world.settle(user)
    rows, objects = world.rows(), world.objects()
    await world.settle(alice)
    found = await world.erasure(alice).look()
    assert found == Found(threads=3, attachments=2, objects=5, copies=1, sessions=1)
    digest = owner_digest(alice)
    assert {name.partition("/")[0] + "/" for name in world.objects() if digest in name} == set(PREFIXES)

    removed = await world.erasure(alice).run(say)

    assert replace(removed, other_rows=0) == found
    assert removed.other_rows > 5
    left = world.rows()
    ended = {(f"S#{alice}", "S#one"), (f"S#{alice}", "S#two")}
    assert set(world.kept(alice)) == ended
    # What a tenant has used stays used; its threads are fewer again.
    tenant = ("C#acme", "Q#USE")
    assert {where: row for where, row in left.items() if where not in ended | {tenant}} == {
        where: row for where, row in rows.items() if where != tenant
    }
    assert world.objects() == objects
    assert len(world.files.deleted) == 1
    assert world.slept == []


@on_aws
async def test_an_erasure_is_done_twice_as_once(world: World) -> None:
    """Where nothing is left, or never was, nothing is removed; and it is no failure."""
    alice = new_user()
    assert (await world.erasure(alice).run(say)).is_nothing
    await world.settle(alice)
    await world.erasure(alice).run(say)
    before = world.rows()
    assert (await world.erasure(alice).run(say)).is_nothing
    assert world.rows() == before


class Killed(BaseException):
    """Nothing of the process runs any more."""


@contextmanager
def killed_at(aws: Aws, call: int) -> Iterator[None]:
    """No call reaches AWS from this one on."""
    calls = itertools.count(1)

    def count(**_: Any) -> None:
        if next(calls) >= call:
            raise Killed

    clients = (aws.dynamodb, aws.s3)
    for client in clients:
        client.meta.events.register("before-call", count)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", count)


@pytest.mark.parametrize("adapter", ["ministack"], indirect=True)
async def test_an_erasure_that_was_killed_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever call to AWS was its last: nothing is forgotten that only it knew."""
    # Today's lists, and yesterday's, where midnight comes meanwhile.
    monkeypatch.setattr(owner_rows, "LIST_DAYS", 2)
    call, was_killed = 1, True
    # How many calls it takes differs a bit: uploads of a day lie on several lists, by their random ids.
    while was_killed:
        alice = new_user()
        await world.settle(alice, large="Hello")
        with killed_at(world.aws, call):
            try:
                await world.erasure(alice).run(say)
            except Killed:
                pass
            else:
                was_killed = False
        await world.erasure(alice).run(say)
        assert set(world.kept(alice)) == {(f"S#{alice}", "S#one"), (f"S#{alice}", "S#two")}, call
        call += 4
    assert call > 40


@on_aws
async def test_a_token_begins_nothing_afterwards(world: World) -> None:
    """Every session that was begun is ended, so that no message is taken, and nothing is renewed."""
    alice = new_user()
    await world.settle(alice)
    await world.erasure(alice).run(say)
    for session in ("one", "two"):
        assert await world.sessions.is_session_ended(alice, session)
        thread = new_thread()
        turn = replace(new_turn(), session=session)
        with pytest.raises(SessionEnded):
            await world.ground.store.create_thread(alice, thread, [user_message(thread.id)], turn=turn)


@on_aws
async def test_who_still_writes_an_answer_is_waited_for(world: World) -> None:
    """Its writes are refused; a picture that it has put into the bucket meanwhile goes as well."""
    alice = new_user()
    thread = await world.settle(alice, running=True)
    turn = await world.ground.store.load_turn(alice, thread.id)
    assert turn

    def write_on() -> None:
        async def write() -> None:
            await S3Images(client=lambda: world.aws.s3, bucket=BUCKET).put(alice, thread.id, PICTURE)
            with pytest.raises(TurnGone):
                await world.ground.store.save_items(alice, thread.id, [assistant_message(thread.id)], turn_id=turn.id)

        # On a loop of its own, in a thread: as another process would.
        worker = asyncio.new_event_loop()
        try:
            worker.run_until_complete(write())
        finally:
            worker.close()

    async def sleep(seconds: float) -> None:
        world.slept.append(seconds)
        await asyncio.to_thread(write_on)

    lines: list[str] = []
    await Erasure(world.ground, alice, sleep=sleep).run(lines.append)
    assert world.slept == [15]
    assert "waiting 15 s" in lines[0]
    assert {where for where in world.kept(alice) if where[0] != f"S#{alice}"} == set()


@on_aws
async def test_what_comes_faster_than_it_goes_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some passes it gives up, says so, and says what was removed."""
    monkeypatch.setattr(owner_rows, "LIST_DAYS", 1)
    alice = new_user()
    ended = world.sessions.end_session

    async def begin_another(user: str, session_id: str, *, until: datetime) -> None:
        await ended(user, session_id, until=until)
        await world.sessions.begin_session(user, NEW_IDS.new("turn"), until=until)

    await world.sessions.begin_session(alice, "first", until=datetime.now(UTC) + LATER)
    sessions: Any = type("Sessions", (), {"end_session": staticmethod(begin_another)})
    with pytest.raises(ErasureError, match=f"each of {PASSES} passes.*{PASSES} sessions"):
        await world.erasure(alice, ground=replace(world.ground, sessions=sessions)).run(say)


@on_aws
async def test_copies_at_openai_are_deleted_before_they_are_forgotten(world: World) -> None:
    """Without a key nothing is removed; where OpenAI does not answer, the name of the copy is kept for the next run."""
    alice = new_user()
    await world.settle(alice)
    before = world.rows(), world.objects()
    with pytest.raises(ErasureError, match="1 attachments have a copy at OpenAI"):
        await world.erasure(alice, ground=replace(world.ground, files=None)).run(say)
    assert (world.rows(), world.objects()) == before
    world.files.fails = True
    with pytest.raises(ErasureError, match=r"\(model_unreachable\); try again"):
        await world.erasure(alice).run(say)
    assert [one.file_id for one in await world.ground.rows.attachments(alice) if one.file_id]
    world.files.fails = False
    await world.erasure(alice).run(say)
    assert len(world.files.deleted) == 1


@on_aws
async def test_what_a_deleted_thread_has_left_is_found_by_what_names_it(world: World) -> None:
    """Its row is gone, and the thread function has not come yet, or never will: its objects and requests still name it."""
    alice = new_user()
    thread = await world.settle(alice)
    await world.ground.store.delete_thread(alice, thread.id)
    await world.erasure(alice).run(say)
    assert {where for where in world.kept(alice) if where[0] != f"S#{alice}"} == set()


def read(folder: Path, name: str) -> Any:
    """A file of an export: JSON, or a list of what stands on its lines."""
    text = (folder / name).read_text()
    return [json.loads(line) for line in text.splitlines()] if name.endswith(".jsonl") else json.loads(text)


async def exported(world: World, user: str, folder: Path) -> dict[str, int]:
    exporting = Export(rows=world.ground.rows, objects=world.ground.objects, store=world.ground.store, owner=user)
    with writing(folder) as archive:
        return await exporting.write(archive, {"user": user}, now=datetime.now(UTC))


@on_aws
async def test_an_export_holds_what_the_api_shows(world: World, tmp_path: Path) -> None:
    """Every thread, and every item of it, as they are stored; feedback, files, pictures, counters; nobody else's."""
    alice, bob = new_user(), new_user()
    await world.settle(bob)
    thread = await world.settle(alice, running=True)
    before = world.rows(), world.objects()
    counts = await exported(world, alice, tmp_path / "out")
    assert (world.rows(), world.objects()) == before
    folder = tmp_path / "out"

    store = world.ground.store
    threads = await store.list_threads(alice, after=None, limit=MAX_PAGE, order="asc")
    assert read(folder, "threads.jsonl") == [json.loads(one.model_dump_json(exclude_none=True)) for one in threads.data]
    for one in threads.data:
        items = await store.list_items(alice, one.id, after=None, limit=MAX_PAGE, order="asc", hidden=True)
        told = read(folder, f"threads/{one.id}/items.jsonl")
        assert told == [json.loads(item.model_dump_json(exclude_none=True)) for item in items.data]
    (feedback,) = read(folder, f"threads/{thread.id}/feedback.jsonl")
    assert await store.load_feedback(alice, thread.id) == {feedback["item_id"]: feedback["kind"]}
    turn = await store.load_turn(alice, thread.id)
    assert turn
    assert [item["id"] for item in read(folder, f"threads/{thread.id}/turn.json")["unfinished_items"]] == [
        turn.items[0].id
    ]
    (picture,) = (folder / f"threads/{thread.id}/pictures").iterdir()
    assert picture.read_bytes() == PICTURE.data

    attachments = read(folder, "attachments.jsonl")
    assert [one["name"] for one in attachments] == ["../../heron.png"] * 2
    assert {(folder / one["file"]).read_bytes() for one in attachments} == {b"file_key", b"upload_key"}
    assert {one["id"]: one["is_ended"] for one in read(folder, "sessions.jsonl")} == {"one": False, "two": True}
    assert read(folder, "counters.json")["KEPT"] == {"threads": 2, "stored_bytes": 20}
    assert [one["thread"] for one in read(folder, "requests.jsonl")] == [thread.id]
    about = read(folder, "export.json")
    assert (about["user"], about["counts"]) == (alice, counts)
    assert counts == {
        "threads": 2, "items": 6, "feedback": 1, "pictures": 1, "attachments": 2, "files": 2, "sessions": 2, "requests": 1,
    }  # fmt: skip
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert json.dumps(bob).encode()[1:-1] not in everything
    listed = (folder / "README.txt").read_text()
    for path in folder.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(folder)).replace(threads.data[0].id, "ID").replace(threads.data[1].id, "ID")
            assert name in {"README.txt", *listed.split()} or f"{name.rpartition('/')[0]}/" in listed
            assert path.stat().st_mode & 0o077 == 0


@on_moto
async def test_an_export_as_a_zip_file_is_the_same(world: World, tmp_path: Path) -> None:
    """The same names with the same bytes, in a file that nobody else may read."""
    alice = new_user()
    await world.settle(alice)
    await exported(world, alice, tmp_path / "out")
    await exported(world, alice, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as file:
        assert file.testzip() is None
        packed = {name: file.read(name) for name in file.namelist() if name != "export.json"}
    unpacked = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file() and path.name != "export.json"
    }
    assert packed == unpacked


@on_moto
async def test_a_user_of_whom_there_is_nothing(world: World, tmp_path: Path) -> None:
    """The export is empty, and says so."""
    counts = await exported(world, new_user(), tmp_path / "out")
    assert set(counts.values()) == {0}
    assert read(tmp_path / "out", "threads.jsonl") == []


@on_aws
async def test_neither_looks_through_the_whole_table(world: World, tmp_path: Path) -> None:
    """A user's own partitions are asked, and the lists of uploads for the user's own: no scan, however large the table."""
    alice = new_user()
    await world.settle(alice)
    await exported(world, alice, tmp_path / "out")
    await world.erasure(alice).run(say)
    assert "Scan" not in world.aws.operations

"""Every sample event, through the real handlers, on a stack of its own."""

import asyncio
import io
import json
import logging
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from functions.attachments.objects import upload_key
from functions.identity.keys import SigningKey
from functions.ids import IdFactory
from functions.local import resources, samples
from functions.local.backend import backend
from functions.local.invoke import ORIGIN, run, sample_values
from functions.local.settings import LocalSettings
from functions.local.terminal import Terminal
from functions.runtime import loop
from functions.store import keys, table
from functions.store.attachments import Place, StoredAttachment
from functions.store.dynamodb_attachments import DynamoDBAttachments

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("sample-events")]

EVENTS = Path(__file__).parents[2] / "events"
FILES = sorted(EVENTS.glob("*/*.json"))


class Answer(NamedTuple):
    """What came out."""

    status: int | None
    """None where it is no answer to an HTTP request."""
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[dict[str, Any]]:
        assert self.headers["content-type"].startswith("text/event-stream")
        return [json.loads(frame[6:]) for frame in self.body.split(b"\n\n") if frame.startswith(b"data: ")]


Values = dict[str, str]
Check = Callable[[Answer, Values], None]


def is_an_answer(answer: Answer, _: Values) -> None:
    """A message of the user, and the assistant's whole answer to it."""
    kinds = [event["type"] for event in answer.events()]
    done = [event["item"]["type"] for event in answer.events() if event["type"] == "thread.item.done"]
    assert "stream_options" in kinds
    assert "error" not in kinds
    assert done == ["user_message", "assistant_message"]


def begins_a_thread(answer: Answer, values: Values) -> None:
    is_an_answer(answer, values)
    assert answer.events()[0]["type"] == "thread.created"


def is_read_from_base64(answer: Answer, values: Values) -> None:
    begins_a_thread(answer, values)
    assert answer.events()[1]["item"]["content"][0]["text"] == "Grüße aus Zürich ☕"


def goes_on(answer: Answer, values: Values) -> None:
    is_an_answer(answer, values)
    assert answer.events()[0]["item"]["thread_id"] == values["THREAD"]


def is_an_error_event(answer: Answer, _: Values) -> None:
    """The only thing that ChatKit.js shows of a request that cannot be streamed."""
    [event] = answer.events()
    assert (event["type"], event["allow_retry"]) == ("error", False)


def is_the_thread(answer: Answer, values: Values) -> None:
    thread = answer.json()
    assert thread["id"] == values["THREAD"]
    assert [item["type"] for item in thread["items"]["data"]] == ["user_message", "assistant_message"]
    assert thread["items"]["data"][0]["id"] == values["ITEM"]


def lists_threads(answer: Answer, _: Values) -> None:
    assert all(thread["id"].startswith("thr_") for thread in answer.json()["data"])
    assert answer.json()["has_more"] in {True, False}


def lists_what_follows(answer: Answer, _: Values) -> None:
    page = answer.json()
    assert [item["type"] for item in page["data"]] == ["assistant_message"]
    assert page["has_more"] is False


def is_renamed(answer: Answer, values: Values) -> None:
    assert (answer.json()["id"], answer.json()["title"]) == (values["THREAD"], "Lambda, explained")


def is_empty(answer: Answer, _: Values) -> None:
    assert answer.json() == {}


def has_code(code: str) -> Check:
    def check(answer: Answer, _: Values) -> None:
        assert answer.json()["code"] == code
        assert answer.json()["message"]

    return check


def allows_the_page(answer: Answer, _: Values) -> None:
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "content-type" in answer.headers["access-control-allow-headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]


def is_a_token(answer: Answer, _: Values) -> None:
    assert answer.json()["client_secret"].count(".") == 2
    assert answer.json()["expires_at"] > 1_700_000_000


def finds_ada(answer: Answer, _: Values) -> None:
    [entity] = answer.json()["entities"]
    assert (entity["id"], entity["title"], entity["group"]) == ("ada", "Ada Lovelace", "Personen")


def is_a_preview(answer: Answer, _: Values) -> None:
    assert answer.json()["preview"]["type"] == "Basic"


def is_the_picture(answer: Answer, _: Values) -> None:
    attachment = answer.json()
    assert (attachment["type"], attachment["mime_type"]) == ("image", "image/png")
    assert (attachment["name"], attachment["preview_url"]) == ("blue ☕.png", "lazy")
    assert "upload_descriptor" not in attachment
    client = boto3.client("s3")
    key = upload_key(Place.of("alice", attachment["id"]))
    assert client.head_object(Bucket=resources.BUCKET, Key=key)["ContentType"] == "image/png"


def is_well(answer: Answer, _: Values) -> None:
    assert answer.json() == {"status": "ok"}


def has_no_failures(answer: Answer, _: Values) -> None:
    assert answer.json() == {"batchItemFailures": []}


def has_deleted_the_thread(answer: Answer, values: Values) -> None:
    has_no_failures(answer, values)
    assert rows_of(values["DELETED_THREAD_KEY"]) == 0


def has_left_the_thread(answer: Answer, values: Values) -> None:
    has_no_failures(answer, values)
    assert rows_of(values["THREAD_KEY"]) == 2


def is_taken(*, has_preview: bool) -> Check:
    def check(answer: Answer, values: Values) -> None:
        assert answer.json() == {"outcome": "uploaded"}
        assert objects_of(values) == (False, True, has_preview)

    return check


def has_outcome(outcome: str, *, is_left: bool = False) -> Check:
    """What the function says, and whether the upload is still there: then nothing has become of it."""

    def check(answer: Answer, values: Values) -> None:
        assert answer.json() == {"outcome": outcome}
        assert objects_of(values) == (is_left, False, False)

    return check


def has_left_it_alone(answer: Answer, _: Values) -> None:
    assert answer.json() == {"outcome": "ignored"}
    assert exists(ELSEWHERE)


def objects_of(values: Values) -> tuple[bool, bool, bool]:
    """Whether an upload, a file and a preview are there of the one attachment that an event is about."""
    upload = next((values[name] for name in samples.UPLOADS if name in values), "uploads/x/x")
    name = upload.removeprefix("uploads/")
    return exists(upload), exists(f"files/{name}"), exists(f"previews/{name}")


def exists(key: str) -> bool:
    listed = boto3.client("s3").list_objects_v2(Bucket=resources.BUCKET, Prefix=key)
    return key in [entry.get("Key") for entry in listed.get("Contents", [])]


def has_swept(answer: Answer, _: Values) -> None:
    swept = answer.json()
    assert swept == {"deleted": swept["deleted"], "kept": 0, "failed": 0, "is_whole": True}
    assert asyncio.run(records().load([OLD.place])) == []


OLD = StoredAttachment(
    id=IdFactory(clock=lambda: time.time() - 2 * 24 * 60 * 60).new("attachment"),
    owner="alice",
    name="forgotten.png",
    mime_type="image/png",
    size=1,
    created_at=datetime.now(UTC) - timedelta(days=2),
)
"""An attachment that nobody has sent, nor uploaded, for two days."""
ELSEWHERE = "files/0123456789abcdef0123456789abcdef/atc_01KAQ4C3N0S9T0VW1X2Y3Z4A5B"


def records() -> DynamoDBAttachments:
    return DynamoDBAttachments(client=boto3.client("dynamodb"), table=resources.TABLE)


def has_made_a_key(answer: Answer, values: Values) -> None:
    is_null(answer, values)
    assert key_of(VersionId=values["EMPTY_VERSION"]) != key_of(VersionStage="AWSCURRENT")


def has_left_the_key(answer: Answer, values: Values) -> None:
    is_null(answer, values)
    assert key_of(VersionId=values["NEW_KEY_VERSION"]) != key_of(VersionStage="AWSCURRENT")


def has_changed_the_key(answer: Answer, values: Values) -> None:
    is_null(answer, values)
    assert key_of(VersionId=values["NEW_KEY_VERSION"]) == key_of(VersionStage="AWSCURRENT")


def is_null(answer: Answer, _: Values) -> None:
    """Secrets Manager looks at no more than whether the function failed."""
    assert answer.json() is None


def key_of(**version: str) -> SigningKey:
    """The key in one version of the token secret."""
    with closing(boto3.client("secretsmanager")) as client:
        answer = client.get_secret_value(SecretId=resources.TOKEN_SECRET, **version)
    return SigningKey.from_secret(answer["SecretString"])


def rows_of(thread_key: str) -> int:
    """How many rows lie in a thread of alice."""
    thread = keys.thread_of(keys.Key(keys.threads_partition("alice"), thread_key))
    assert thread is not None
    answer = boto3.client("dynamodb").query(
        TableName=resources.TABLE,
        KeyConditionExpression=f"{table.PARTITION_KEY} = :partition",
        ExpressionAttributeValues={":partition": {"S": str(keys.items_partition(*thread))}},
    )
    return answer["Count"]


EXPECTED: dict[str, tuple[int | None, Check]] = {
    "chat/threads_create": (200, begins_a_thread),
    "chat/threads_create.base64": (200, is_read_from_base64),
    "chat/threads_create.missing_token": (401, has_code("unauthenticated")),
    "chat/threads_create.wrong_token": (401, has_code("unauthenticated")),
    "chat/threads_create.missing_field": (200, is_an_error_event),
    "chat/threads_add_user_message": (200, goes_on),
    "chat/threads_add_user_message.unknown_thread": (200, is_an_error_event),
    "chat/threads_get_by_id": (200, is_the_thread),
    "chat/threads_get_by_id.other_user": (404, has_code("not_found")),
    "chat/threads_list": (200, lists_threads),
    "chat/items_list": (200, lists_what_follows),
    "chat/threads_update": (200, is_renamed),
    "chat/threads_delete": (200, is_empty),
    "chat/malformed_json": (400, has_code("invalid_request")),
    "chat/unknown_type": (400, has_code("invalid_request")),
    "chat/preflight": (200, allows_the_page),
    "api/chatkit_start": (200, is_a_token),
    "api/chatkit_start.wrong_user": (400, has_code("invalid_request")),
    "api/entities_search": (200, finds_ada),
    "api/entities_search.missing_token": (401, has_code("unauthenticated")),
    "api/entity_preview": (200, is_a_preview),
    "api/entity_preview.unknown": (404, has_code("not_found")),
    "api/chatkit_upload": (200, is_the_picture),
    "api/chatkit_upload.missing_file": (400, has_code("invalid_request")),
    "api/chatkit_upload.cut_off": (400, has_code("invalid_request")),
    "api/chatkit_upload.wrong_type": (422, has_code("attachment_refused")),
    "api/chatkit_upload.missing_token": (401, has_code("unauthenticated")),
    "api/chatkit_attachments.unknown": (404, has_code("not_found")),
    "api/chatkit_refresh": (200, is_a_token),
    "api/chatkit_refresh.wrong_token": (401, has_code("unauthenticated")),
    "api/chatkit_logout": (200, is_empty),
    "api/health": (200, is_well),
    "api/preflight": (200, allows_the_page),
    "api/unknown_route": (404, has_code("not_found")),
    "thread/thread_deleted": (None, has_deleted_the_thread),
    "thread/thread_deleted.twice": (None, has_deleted_the_thread),
    "thread/thread_deleted.among_others": (None, has_deleted_the_thread),
    "thread/thread_deleted.still_there": (None, has_left_the_thread),
    "thread/thread_expired": (None, has_deleted_the_thread),
    "attachment/object_created": (None, is_taken(has_preview=True)),
    "attachment/object_created.pdf": (None, is_taken(has_preview=False)),
    "attachment/object_created.mismatch": (None, has_outcome("refused")),
    "attachment/object_created.second_upload": (None, is_taken(has_preview=True)),
    "attachment/object_created.deleted_meanwhile": (None, has_outcome("gone")),
    "attachment/object_created.never_announced": (None, has_outcome("gone")),
    "attachment/object_created.unknown_key": (None, has_outcome("gone")),
    "attachment/object_created.elsewhere": (None, has_left_it_alone),
    "attachment/object_created.other_bucket": (None, has_outcome("ignored", is_left=True)),
    "attachment/object_deleted": (None, has_outcome("ignored", is_left=True)),
    "sweep/hourly": (None, has_swept),
    "rotation/create_secret": (None, has_made_a_key),
    "rotation/set_secret": (None, has_left_the_key),
    "rotation/test_secret": (None, has_left_the_key),
    "rotation/finish_secret": (None, has_changed_the_key),
}
ATTACHMENT_FILES = [file for file in FILES if file.parent.name == "attachment"]


def sample(file: Path) -> str:
    """`chat/threads_create` for both formats of it."""
    return f"{file.parent.name}/{file.name.removesuffix('.json').removesuffix('.rest')}"


@pytest.fixture(scope="module")
def stack() -> Iterator[None]:
    """A stack that keeps nothing, the environment of a function, and handlers imported into it."""
    settings = LocalSettings()
    level = logging.getLogger().level
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        ground = backend(settings, state=None, origins=(ORIGIN,), terminal=Terminal(quiet=True))
        entered = runner.run(ground.__aenter__())
        try:
            runner.run(entered.prepare())
            for name, value in entered.environment.items():
                patch.setenv(name, value)
            forget_handlers()
            yield
        finally:
            forget_handlers()
            loop.close()
            logging.getLogger().setLevel(level)
            runner.run(ground.__aexit__(None, None, None))


def forget_handlers() -> None:
    """A handler reads its environment when it is imported."""
    for handler in samples.HANDLERS.values():
        sys.modules.pop(handler.rpartition(".")[0], None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
@pytest.mark.usefixtures("stack")
def test_a_sample_event(file: Path) -> None:
    """The handler answers it as the README says."""
    assert sample(file) in EXPECTED, "say in EXPECTED what comes out of this event"
    status, check = EXPECTED[sample(file)]
    text = file.read_text(encoding="utf-8")
    values = sample_values(samples.placeholders(text), user="alice")
    event = samples.filled(text, values)

    answer = outcome(file, event)

    assert answer.status == status
    check(answer, values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("stack")
def test_events_of_uploads_come_in_any_order_and_twice(seed: int) -> None:
    """All of them, mixed, each twice, on one bucket: what comes out of each is what comes out of it alone, both times."""
    prepared = {}
    for file in ATTACHMENT_FILES:
        text = file.read_text(encoding="utf-8")
        values = sample_values(samples.placeholders(text), user="alice")
        prepared[file] = samples.filled(text, values), values
    order = random.Random(seed).sample(ATTACHMENT_FILES * 2, len(ATTACHMENT_FILES) * 2)
    for file in order:
        event, values = prepared[file]
        _, check = EXPECTED[sample(file)]
        check(outcome(file, event), values)


def outcome(file: Path, event: dict[str, Any]) -> Answer:
    """What the handler answers, once there is what no placeholder stands for."""
    key = event.get("detail", {}).get("object", {}).get("key", "")
    if key and sample(file).endswith((".never_announced", ".unknown_key", ".elsewhere")):
        boto3.client("s3").put_object(Bucket=resources.BUCKET, Key=key, Body=b"x")
    if sample(file) == "sweep/hourly":
        asyncio.run(records().announce(OLD))
    head, body = io.StringIO(), io.BytesIO()
    run(samples.function_of(file), event, head=head, body=body)
    if sample(file).endswith((".never_announced", ".unknown_key")):
        assert not exists(key)
    return read(head.getvalue(), body.getvalue())


def test_every_sample_is_there_in_each_format() -> None:
    """Each operation has a Function URL event and a REST API event; what is no HTTP request has its one format."""
    names = {f"{file.parent.name}/{file.name}" for file in FILES}

    formats = {True: ("", ".rest"), False: ("",)}
    assert names == {
        f"{name}{kind}.json" for name, (status, _) in EXPECTED.items() for kind in formats[status is not None]
    }


def test_the_readme_explains_every_sample() -> None:
    """The README's tables name each sample, and nothing else."""
    readme = (EVENTS / "README.md").read_text(encoding="utf-8")
    folder, named = "", set()
    for line in readme.splitlines():
        if line.startswith("## `"):
            folder = line.split("`")[1].rstrip("/")
        elif line.startswith("| `"):
            named |= {f"{folder}/{line.split('`')[1]}"} if folder else set()

    assert named == set(EXPECTED)


def read(head: str, body: bytes) -> Answer:
    """The answer that was printed."""
    if not head:
        return Answer(None, {}, body)
    first, *lines = head.strip().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)

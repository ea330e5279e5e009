"""What the functions tell with, and what the attachment function tells."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session

from functions import aws_clients
from functions.announcements import sending
from functions.announcements.entries import Entry
from functions.announcements.outbox import LOCAL_SECONDS, SECONDS
from functions.announcements.sending import outbox_of, tells_refused, tells_uploaded
from functions.attachments.arrivals import Arrivals
from functions.errors import LimitReached
from functions.ids import IdFactory
from functions.runtime import afterwards, loop
from functions.settings import LOCAL_STAGE, Names, Settings
from functions.store.attachments import StoredAttachment
from tests.support.announced import Ear
from tests.support.memory_attachments import MemoryAttachments
from tests.support.memory_bucket import MemoryBucket

ENVIRON = {
    Names.STAGE: "prod",
    Names.TABLE_NAME: "table",
    Names.BUCKET_NAME: "bucket",
    Names.TOKEN_SECRET_ID: "token-secret",
    Names.OPENAI_SECRET_ID: "openai-secret",
    Names.ALLOWED_ORIGINS: "https://app.example.com",
    Names.IDENTITY: "iam",
}
TEXT = b"What is to be done."


class Client:
    """Takes everything."""

    def __init__(self) -> None:
        self.taken: list[Entry] = []

    def put_events(self, *, Entries: Sequence[Entry]) -> Any:  # noqa: N803 - its name
        self.taken += Entries
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(afterwards, "_works", [])
    yield
    loop.close()


def attachment() -> StoredAttachment:
    return StoredAttachment(
        id=IdFactory().new("attachment"),
        owner="acme\x1falice",
        name="plan.txt",
        mime_type="text/plain",
        size=len(TEXT),
        created_at=datetime.now(UTC),
    )


def uploaded(ear: Ear | None, data: bytes = TEXT, *, times: int = 1) -> StoredAttachment:
    """An attachment whose bytes have arrived, so often."""
    records, bucket, stored = MemoryAttachments(), MemoryBucket(), attachment()
    arrivals = Arrivals(records=records, arrived=bucket, objects=bucket, uploaded=tells_uploaded(ear))

    async def arrive() -> None:
        await records.announce(stored)
        for _ in range(times):
            await arrivals.handle(bucket.upload(stored.place, data))

    asyncio.run(arrive())
    return stored


def test_a_file_that_is_taken_is_told_of() -> None:
    """What it is and whose, and not its name."""
    ear = Ear()
    stored = uploaded(ear)
    (event,) = asyncio.run(ear.heard())
    assert (event.name, event.id, event.owner) == ("attachment.uploaded", stored.id, stored.owner)
    assert event.fields == {"attachment_id": stored.id, "mime_type": "text/plain", "size": len(TEXT)}


def test_its_name_is_told_where_content_is() -> None:
    """A user chose it."""
    ear = Ear(has_content=True)
    uploaded(ear)
    (event,) = asyncio.run(ear.heard())
    assert event.fields["content"] == {"name": "plan.txt"}


def test_an_event_of_s3_that_comes_again_is_told_again_under_the_same_id() -> None:
    """The first function may have been killed before it told: better twice than never."""
    ear = Ear()
    stored = uploaded(ear, times=2)
    assert [event.id for event in asyncio.run(ear.heard())] == [stored.id, stored.id]


def test_a_file_that_is_refused_is_not_told_of() -> None:
    """Nor is anything told where nobody listens."""
    ear = Ear()
    uploaded(ear, b"something else")
    assert asyncio.run(ear.heard()) == []
    uploaded(None)


def test_a_limit_that_is_reached_is_told_of() -> None:
    """With whose it is; nobody is told without an announcer."""
    ear = Ear()
    error = LimitReached.for_now(30)
    error.limit, error.of = "threads", "user"
    tell = tells_refused(ear)
    assert tell is not None
    tell(error, "acme\x1falice")
    tell(error, "acme\x1falice")
    first, second = asyncio.run(ear.heard())
    assert (first.owner, first.fields) == ("acme\x1falice", {"limit": "threads", "of": "user", "retry_after": 30})
    assert first.id != second.id
    assert tells_refused(None) is None


def test_the_client_is_made_behind_the_first_answer_with_an_event() -> None:
    """Not before, and once for all invocations of the process; the adapter is not even imported."""
    sys.modules.pop("functions.announcements.eventbridge", None)
    client, made = Client(), 0

    def make() -> Client:
        nonlocal made
        made += 1
        return client

    settings = Settings.from_environ({**ENVIRON, Names.EVENT_BUS_NAME: "bus", Names.EVENT_CONTENT: "true"})
    outbox = outbox_of(settings, client=make)
    afterwards.do_afterwards()
    tell = tells_uploaded(outbox)
    assert tell is not None
    tell(attachment())
    assert made == 0
    assert "functions.announcements.eventbridge" not in sys.modules
    afterwards.do_afterwards()
    tell(attachment())
    afterwards.do_afterwards()
    assert made == 1
    assert [(entry["EventBusName"], entry["DetailType"]) for entry in client.taken] == [
        ("bus", "attachment.uploaded")
    ] * 2
    assert '"stage":"prod"' in client.taken[0]["Detail"]
    assert '"name":"plan.txt"' in client.taken[0]["Detail"]


@pytest.mark.parametrize(("stage", "seconds"), [("prod", SECONDS), (LOCAL_STAGE, LOCAL_SECONDS)])
def test_a_busy_machine_has_longer(monkeypatch: pytest.MonkeyPatch, stage: str, seconds: float) -> None:
    """All attempts of the client's fit into the time; in the local stack each has more than the second of AWS's."""
    settings = Settings.from_environ({**ENVIRON, Names.STAGE: stage, Names.EVENT_BUS_NAME: "bus"})
    for name, value in {"DEFAULT_REGION": "eu-central-1", "ACCESS_KEY_ID": "none", "SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = aws_clients.client(Session(), "events", is_local=settings.is_local)
    config = client.meta.config
    assert outbox_of(settings, client=Client)._seconds == seconds
    assert config.retries["total_max_attempts"] * config.read_timeout <= seconds
    assert (config.read_timeout > 1) is settings.is_local
    client.close()


def test_there_is_no_outbox_without_a_bus() -> None:
    """Whoever asks for one all the same has made a mistake."""
    with pytest.raises(ValueError, match="bus"):
        outbox_of(Settings.from_environ(ENVIRON), client=Client)
    assert sending.tells_uploaded(None) is None

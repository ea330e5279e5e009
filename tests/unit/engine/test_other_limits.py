"""Limits on what is no message: files, as announcements meet them, and visitors."""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.attachments.limits import AttachmentLimits
from functions.attachments.uploads import Uploads
from functions.engine.quotas import Quotas
from functions.errors import AttachmentRefused, LimitReached, Unavailable
from functions.ids import IdFactory
from functions.limits import NO_LIMITS, Amounts, Counter, Holder, Limits
from functions.metrics import Metrics
from functions.translations import Text
from tests.support import virtual_time
from tests.support.chat import Chat, Json
from tests.support.memory_objects import MemoryObjects
from tests.support.memory_store import MemoryStore

NOON = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)
TODAY, STORED = Counter.UPLOADED_BYTES_PER_DAY, Counter.STORED_BYTES
ALICE = Holder("user", "alice")
FULL = "There is no more room for your files. Delete conversations or files to free some."


def now() -> datetime:
    return NOON + timedelta(seconds=asyncio.get_running_loop().time())


class Desk(Chat):
    """A chat that takes pictures of up to 100 bytes, from users with limits, on a clock that is the event loop's."""

    def __init__(self, limits: Limits) -> None:
        self.memory = MemoryStore()
        super().__init__(store=self.memory)
        self.counters, self.limits, self.now = self.memory.counters, limits, now
        self.attachments = Uploads(
            records=self.memory.attachments,
            objects=MemoryObjects(),
            limits=AttachmentLimits(types={"image/png": 100}),
            ids=IdFactory(),
            now=now,
        )

    async def announce(self, size: int = 10, **how: Any) -> Json:
        params = {"name": "a.png", "size": size, "mime_type": how.pop("mime_type", "image/png")}
        return await self.aask("attachments.create", params, **how)

    async def used(self, holder: Holder = ALICE) -> Mapping[Counter, int]:
        return await self.memory.counters.read(holder, at=now())

    async def refusal(self, size: int = 10, **how: Any) -> LimitReached:
        """How an announcement is refused, after a look that nothing was written or counted."""
        before = await self.used(), dict(self.memory.attachments.stored)
        with pytest.raises(LimitReached) as caught:
            await self.announce(size, **how)
        assert (await self.used(), self.memory.attachments.stored) == before
        return caught.value


def limited(*, tenant: Amounts | None = None, anonymous: Amounts | None = None, **user: int) -> Desk:
    limits = {Counter(name): limit for name, limit in user.items()}
    return Desk(Limits(user=limits, anonymous=anonymous or {}, tenant=tenant or {}))


def test_what_is_stored_is_limited_until_some_of_it_goes() -> None:
    """The user is told, in their language, what frees it; no time is told, as none does."""

    async def scenario() -> None:
        desk = limited(stored_bytes=25)
        first, _ = await desk.announce(), await desk.announce()
        reached = await desk.refusal()
        assert (reached.status, reached.code, reached.retry_after) == (429, "limit_reached", None)
        assert (reached.reason, reached.message) == ("limit_files", FULL)
        assert "Löschen Sie Unterhaltungen oder Dateien" in reached.message_in(["de"])
        await asyncio.sleep(3 * 86_400)
        await desk.refusal()
        await desk.announce(5)
        await desk.aask("attachments.delete", {"attachment_id": first["id"]})
        await desk.announce()
        assert await desk.used() == {STORED: 25}

    virtual_time.run(scenario())


def test_a_day_is_full() -> None:
    """Beyond a day's bytes nothing is announced, deleted or not, until tomorrow; others are not concerned."""

    async def scenario() -> None:
        desk = limited(uploaded_bytes_per_day=20)
        for _ in range(2):
            attachment = await desk.announce()
            await desk.aask("attachments.delete", {"attachment_id": attachment["id"]})
        reached = await desk.refusal()
        assert (reached.reason, reached.retry_after) == ("uploads_exhausted", 43_170)
        assert reached.message == "You have uploaded as much as you can today. Please try again tomorrow."
        await desk.announce(user="bob")
        await asyncio.sleep(43_170)
        await desk.announce()
        assert await desk.used() == {TODAY: 10}

    virtual_time.run(scenario())


def test_each_kind_of_user_has_limits_of_their_own() -> None:
    """Visitors those of visitors; and all users of a tenant share its."""

    async def scenario() -> None:
        desk = limited(stored_bytes=50, anonymous={STORED: 10}, tenant={STORED: 40, TODAY: 90})
        await desk.announce(user="anon_1", is_anonymous=True)
        await desk.refusal(user="anon_1", is_anonymous=True)
        for user in ("alice", "bob"):
            await desk.announce(20, user=user, tenant="acme")
        acme = Holder("tenant", "acme")
        assert await desk.used(acme) == {TODAY: 40, STORED: 40}
        assert (await desk.refusal(user="carol", tenant="acme")).reason == "limit_files"
        assert await desk.used(acme) == {TODAY: 40, STORED: 40}
        assert await desk.used(Holder("user", "acme\x1fcarol")) == {}
        await desk.announce(50)

    virtual_time.run(scenario())


def test_what_is_not_taken_is_not_counted() -> None:
    """A file of a wrong kind is told so, also by who has no more room."""

    async def scenario() -> None:
        desk = limited(uploaded_bytes_per_day=10, stored_bytes=10)
        for size, mime_type in ((10, "text/html"), (101, "image/png"), (0, "image/png")):
            with pytest.raises(AttachmentRefused):
                await desk.announce(size, mime_type=mime_type)
        assert await desk.used() == {}
        await desk.announce()
        with pytest.raises(AttachmentRefused):
            await desk.announce(101)

    virtual_time.run(scenario())


def test_what_could_not_be_stored_is_taken_back() -> None:
    """The day's bytes, too."""

    async def scenario() -> None:
        desk = limited(uploaded_bytes_per_day=10, stored_bytes=10)

        async def announce(*_: Any, **__: Any) -> None:
            raise Unavailable(Text.STORE_UNAVAILABLE)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(desk.memory.attachments, "announce", announce)
            with pytest.raises(Unavailable):
                await desk.announce()
        assert await desk.used() == {}
        await desk.announce()

    virtual_time.run(scenario())


def test_of_many_at_once_exactly_the_limit_is_announced() -> None:
    """Whichever limit it is."""

    async def scenario(counter: Counter) -> None:
        desk = Desk(Limits(user={counter: 105}))

        async def announce() -> int:
            try:
                await desk.announce()
            except LimitReached:
                return 0
            return 1

        assert sum(await asyncio.gather(*(announce() for _ in range(50)))) == 10
        assert await desk.used() == {counter: 100}

    for counter in (TODAY, STORED):
        virtual_time.run(scenario(counter))


def test_without_limits_nothing_is_counted() -> None:
    """As on a laptop."""

    async def scenario() -> None:
        desk = Desk(NO_LIMITS)
        for _ in range(20):
            await desk.announce(100)
        assert await desk.used() == {}
        assert all(stored.counted_for == () for stored in desk.memory.attachments.stored.values())

    virtual_time.run(scenario())


def test_an_address_is_given_so_many_visitors() -> None:
    """In each hour of the clock, and no less for what another is given."""

    async def scenario() -> None:
        counters = MemoryStore().counters
        limits = Limits(address={Counter.VISITORS_PER_HOUR: 2})
        quotas = Quotas(counters=counters, limits=limits, ids=IdFactory(), now=now)

        async def visit(address: str) -> int:
            try:
                await quotas.visitor(address)
            except LimitReached as reached:
                return reached.retry_after or 0
            return -1

        assert sorted(await asyncio.gather(*(visit("one") for _ in range(5)))) == [-1, -1, 3_570, 3_570, 3_570]
        assert await visit("two") == -1
        await asyncio.sleep(3_570)
        assert await visit("one") == -1
        unlimited = Quotas(counters=counters, limits=NO_LIMITS, ids=IdFactory(), now=now)
        for _ in range(5):
            await unlimited.visitor("three")
        assert await counters.read(Holder("address", "three"), at=now()) == {}

    virtual_time.run(scenario())


def test_an_operator_sees_which_limit_was_reached(caplog: pytest.LogCaptureFixture) -> None:
    """In a line of the log and in a metric, and nowhere whose it was."""

    async def scenario() -> list[str]:
        lines: list[str] = []
        desk = limited(stored_bytes=9)
        desk.metrics = Metrics(stage="test", write=lines.append)
        await desk.refusal()
        return lines

    with caplog.at_level(logging.WARNING):
        (line,) = virtual_time.run(scenario())
    (record,) = [record for record in caplog.records if record.message == "a limit was reached"]
    assert vars(record) | {"limit": "stored_bytes", "of": "user", "request_id": "req-1"} == vars(record)
    metric = json.loads(line)
    assert (metric["LimitReached"], metric["limit"], metric["of"]) == (1, "stored_bytes", "user")
    assert "alice" not in caplog.text + line

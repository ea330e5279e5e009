"""Bytes that are stored: counted with the files that they are of, and taken back with them, once each."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.identity.base import owner as owner_of
from functions.limits import Counter, Holder
from functions.store.attachments import NO_LIMIT, AttachmentRecords, Room, StoredAttachment
from functions.store.base import Store
from functions.store.counters import Counters, Reached
from tests.contracts.conftest import Adapter
from tests.contracts.test_attachments import announced, listed, new_day
from tests.contracts.test_attachments import records as records  # the fixture
from tests.support.threads import new_thread, new_user

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 28, tzinfo=UTC)


async def bytes_of(counters: Counters, *holders: Holder) -> list[int]:
    """How many bytes each is counted to have stored."""
    return [(await counters.read(holder, at=NOW)).get(Counter.STORED_BYTES, 0) for holder in holders]


async def refused(announcing: Awaitable[None]) -> Holder:
    """Whose limit an announcement would pass."""
    with pytest.raises(Reached) as caught:
        await announcing
    assert (caught.value.counter, caught.value.free_at) == (Counter.STORED_BYTES, None)
    return caught.value.holder


def of_tenant() -> tuple[str, str, Holder, Holder, Holder]:
    """Two users of one tenant, as they own things and as they are counted, and the tenant."""
    tenant = new_user()
    one, two = owner_of(new_user(), tenant), owner_of(new_user(), tenant)
    return one, two, Holder("user", one), Holder("user", two), Holder("tenant", tenant)


async def test_there_is_room_for_so_many_bytes(records: AttachmentRecords, counters: Counters) -> None:
    """What would go beyond is refused and stores nothing; what fits to the byte does not; another user has room."""
    owner, day = new_user(), new_day()
    user = Holder("user", owner)
    await records.announce(announced(owner, size=60, day=day), room={user: 100})
    beyond = announced(owner, size=41, day=day)
    assert await refused(records.announce(beyond, room={user: 100})) == user
    assert await records.load([beyond.place]) == []
    assert beyond.place not in await listed(records, day)
    await records.announce(announced(owner, size=40), room={user: 100})
    assert await refused(records.announce(announced(owner, size=1), room={user: 100})) == user
    assert await bytes_of(counters, user) == [100]
    await records.announce(announced(owner, size=1), room={user: 101})
    stranger = new_user()
    await records.announce(announced(stranger, size=100), room={Holder("user", stranger): 100})


async def test_what_is_too_large_by_itself_is_refused(records: AttachmentRecords, counters: Counters) -> None:
    """Also where nothing has been counted yet."""
    owner = new_user()
    user = Holder("user", owner)
    assert await refused(records.announce(announced(owner, size=101), room={user: 100})) == user
    assert await bytes_of(counters, user) == [0]


async def test_user_and_tenant_are_counted_together(records: AttachmentRecords, counters: Counters) -> None:
    """Where one of them has no room, nothing is counted for the other either, and it is told whose limit it was."""
    one, two, first, second, tenant = of_tenant()
    await records.announce(announced(one, size=60), room={first: 100, tenant: 100})
    assert await refused(records.announce(announced(two, size=50), room={second: 100, tenant: 100})) == tenant
    assert await refused(records.announce(announced(one, size=50), room={first: 100, tenant: 1_000})) == first
    assert await bytes_of(counters, first, second, tenant) == [60, 0, 60]
    await records.announce(announced(two, size=40), room={second: 100, tenant: 100})
    assert await bytes_of(counters, first, second, tenant) == [60, 40, 100]


async def test_of_any_number_at_once_exactly_the_limit_gets_through(
    records: AttachmentRecords, counters: Counters
) -> None:
    """40 files of two users, announced at the same moment where there is room for 25: none too many, and none too few."""
    one, two, first, second, tenant = of_tenant()

    async def announce(owner: str, user: Holder) -> int:
        try:
            await records.announce(announced(owner, size=10), room={user: 1_000, tenant: 255})
        except Reached:
            return 0
        return 10

    announcing = [announce(owner, user) for _ in range(20) for owner, user in ((one, first), (two, second))]
    assert sum(await asyncio.gather(*announcing)) == 250
    assert sum(await bytes_of(counters, first, second)) == 250
    assert await bytes_of(counters, tenant) == [250]


async def test_it_is_announced_and_counted_once(records: AttachmentRecords, counters: Counters) -> None:
    """The same id a second time counts nothing."""
    owner = new_user()
    user, one = Holder("user", owner), announced(owner, size=60)
    await records.announce(one, room={user: 1_000})
    with pytest.raises(Exception, match="exists already"):
        await records.announce(replace(one, size=70), room={user: 1_000})
    assert await bytes_of(counters, user) == [60]


async def test_nobody_elses_bytes_are_counted(records: AttachmentRecords, counters: Counters) -> None:
    """A caller who confuses users is told so."""
    other = Holder("user", new_user())
    one = announced(new_user())
    with pytest.raises(ValueError, match="bytes"):
        await records.announce(one, room={other: 1_000})
    assert await records.load([one.place]) == []
    assert await bytes_of(counters, other) == [0]


async def test_who_is_counted_is_remembered(records: AttachmentRecords, counters: Counters) -> None:
    """What was announced when there was no limit lowers nobody's count later; what was counted is taken back without one."""
    one, _, first, _, tenant = of_tenant()
    rooms: list[Room] = [{}, {first: 100}, {tenant: 100}, {tenant: 100, first: 100}]
    stored = [announced(one, size=2**number) for number in range(4)]
    for each, room in zip(stored, rooms, strict=True):
        await records.announce(each, room=room)
    assert await bytes_of(counters, first, tenant) == [2 + 8, 4 + 8]
    found = sorted(await records.load([each.place for each in stored]), key=lambda each: each.size)
    assert [each.counted_for for each in found] == [(), ("user",), ("tenant",), ("tenant", "user")]
    for each, left in zip(stored, ([10, 12], [8, 12], [8, 8], [0, 0]), strict=True):
        await records.delete(each.place)
        assert await bytes_of(counters, first, tenant) == left


@pytest.mark.parametrize("state", ["announced", "uploaded", "refused", "in a message"])
@pytest.mark.parametrize("how", ["delete", "drop_unused"])
async def test_what_goes_is_taken_back_once(
    store: Store, records: AttachmentRecords, counters: Counters, how: str, state: Any
) -> None:
    """In whatever state it is, and however many delete it, one after the other and at the same time."""
    one, _, user, _, tenant = of_tenant()
    kept, gone = announced(one, size=5), announced(one, size=7)
    for each in (kept, gone):
        await records.announce(each, room={user: 100, tenant: 100})
    if state != "announced":
        await records.settle(gone.place, "refused" if state == "refused" else "uploaded")
    if state == "in a message":
        await store.create_thread(one, new_thread(), [], attachments=[gone.id])
    call = getattr(records, how)
    await asyncio.gather(*(call(gone.place) for _ in range(5)))
    await call(gone.place)
    stays = how == "drop_unused" and state == "in a message"
    assert await bytes_of(counters, user, tenant) == ([12, 12] if stays else [5, 5])
    assert len(await records.load([gone.place])) == stays


async def test_deleted_and_swept_at_once_it_is_taken_back_once(records: AttachmentRecords, counters: Counters) -> None:
    """The two ways out are one row's end."""
    for _ in range(5):
        owner = new_user()
        user, one = Holder("user", owner), announced(owner)
        await records.announce(one, room={user: 100})
        dropped, _ = await asyncio.gather(records.drop_unused(one.place), records.delete(one.place))
        assert dropped is True
        assert await bytes_of(counters, user) == [0]


async def test_files_and_threads_are_counted_apart(
    adapter: Adapter, records: AttachmentRecords, counters: Counters
) -> None:
    """Though they are counted in one place, neither changes the other."""
    owner, thread = new_user(), new_thread()
    user = Holder("user", owner)
    await counters.count(user, {Counter.THREADS: 1}, {Counter.THREADS: 1}, at=NOW)
    await adapter.counting.create_thread(owner, thread, [])
    await records.announce(announced(owner, size=10), room={user: 10})
    assert await counters.read(user, at=NOW) == {Counter.THREADS: 1, Counter.STORED_BYTES: 10}
    await adapter.counting.delete_thread(owner, thread.id)
    await adapter.counting.delete_contents(owner, thread.id)
    assert await counters.read(user, at=NOW) == {Counter.STORED_BYTES: 10}


async def announce_delete_drop(records: AttachmentRecords, owner: str, room: Room) -> tuple[StoredAttachment, ...]:
    """Two attachments that come and go."""
    one, two = announced(owner), announced(owner)
    for each in (one, two):
        await records.announce(each, room=room)
    await records.delete(one.place)
    await records.drop_unused(two.place)
    return one, two


@pytest.mark.parametrize("adapter", ["moto", "ministack"], indirect=True)
@pytest.mark.parametrize("is_counted", [True, False])
async def test_counting_costs_no_request(adapter: Adapter, records: AttachmentRecords, *, is_counted: bool) -> None:
    """It is part of the transactions that there are anyway; what is gone already costs a read."""
    assert adapter.aws
    owner = new_user()
    adapter.aws.operations.clear()
    gone = await announce_delete_drop(records, owner, {Holder("user", owner): 100} if is_counted else NO_LIMIT)
    write, read = "TransactWriteItems", "BatchGetItem"
    assert adapter.aws.operations == [write, write, read, write, read, write]
    adapter.aws.operations.clear()
    for one in gone:
        await records.delete(one.place)
        assert await records.drop_unused(one.place)
    assert adapter.aws.operations == [read] * 4

"""What is known of attachments, and what messages do with them: `AttachmentRecords`, and what `Store` has to do with it."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from functions.errors import InternalError, NotFound
from functions.ids import owner_digest
from functions.store.attachments import (
    MAX_ATTACHMENTS,
    AttachmentRecords,
    AttachmentState,
    Place,
    Settled,
    StoredAttachment,
)
from functions.store.base import MAX_PAGE, RequestRepeated, Store
from tests.contracts.conftest import Adapter, rows_of
from tests.support.threads import NEW_IDS, new_thread, new_turn, new_user, user_message

pytestmark = pytest.mark.anyio


@pytest.fixture
def records(adapter: Adapter, store: Store) -> AttachmentRecords:
    """The adapter's records, on the ground of its store."""
    return adapter.attachments


def new_day() -> date:
    """A day on which no other test has announced anything."""
    return date(2100, 1, 1) + timedelta(days=random.randrange(10**6))


def announced(owner: str, *, size: int = 10, day: date | None = None) -> StoredAttachment:
    moment = datetime.combine(day or new_day(), datetime.min.time(), UTC).replace(hour=23, microsecond=123)
    return StoredAttachment(
        id=NEW_IDS.new("attachment"),
        owner=owner,
        name="Über \u202e☃ 'quoted'.png",
        mime_type="image/png",
        size=size,
        created_at=moment,
    )


async def uploaded(records: AttachmentRecords, owner: str) -> StoredAttachment:
    one = announced(owner)
    await records.announce(one)
    settled = await records.settle(one.place, "uploaded")
    assert settled
    return settled


async def listed(records: AttachmentRecords, day: date) -> list[Place]:
    return sorted([place async for places in records.announced_on(day) for place in places])


async def test_what_was_announced_is_read_back(records: AttachmentRecords) -> None:
    """Every field comes back, in one request for several; what is not there, or no id of ours, is left out."""
    owner = new_user()
    one, two = announced(owner), announced(owner)
    for attachment in (one, two):
        await records.announce(attachment)
    unknown = Place.of(owner, NEW_IDS.new("attachment"))
    found = await records.load(
        [one.place, two.place, one.place, unknown, Place.of(owner, "atc_1"), Place.of(owner, "")]
    )
    assert sorted(found, key=lambda each: each.id) == [one, two]
    assert await records.load([]) == []


async def test_it_is_announced_once(records: AttachmentRecords) -> None:
    """The same id a second time is a fault, and changes nothing."""
    one = announced(new_user())
    await records.announce(one)
    with pytest.raises(InternalError):
        await records.announce(replace(one, name="other"))
    assert await records.load([one.place]) == [one]


async def test_another_user_finds_nothing(records: AttachmentRecords) -> None:
    """The same id at another owner is another place."""
    one = announced(new_user())
    await records.announce(one)
    stranger = Place.of(new_user(), one.id)
    assert await records.load([stranger]) == []
    assert await records.settle(stranger, "refused") is None
    await records.delete(stranger)
    await records.remember_file(stranger, "file-1")
    assert await records.drop_unused(stranger)
    assert await records.load([one.place]) == [one]


@pytest.mark.parametrize(
    ("first", "then"), [("uploaded", "refused"), ("refused", "uploaded"), ("uploaded", "uploaded")]
)
async def test_it_is_settled_once(records: AttachmentRecords, first: Settled, then: Settled) -> None:
    """The first word on what has become of an attachment is the last."""
    one = announced(new_user())
    await records.announce(one)
    assert await records.settle(one.place, first) == replace(one, state=first)
    assert await records.settle(one.place, then) == replace(one, state=first)
    assert await records.load([one.place]) == [replace(one, state=first)]


@pytest.mark.parametrize("attachment_id", ["atc_01ARZ3NDEKTSV4RRFFQ69G5FAV", "atc_1", "", "../x"])
async def test_what_is_not_there_is_not_settled(records: AttachmentRecords, attachment_id: str) -> None:
    """No row comes into being by being settled."""
    place = Place(owner_digest(new_user()), attachment_id)
    assert await records.settle(place, "uploaded") is None
    assert await records.load([place]) == []


async def test_a_copys_name_is_remembered(records: AttachmentRecords) -> None:
    """What OpenAI calls its copy is kept; an attachment that is gone does not come back by it."""
    one = await uploaded(records, new_user())
    await records.remember_file(one.place, "file-abc")
    assert await records.load([one.place]) == [replace(one, file_id="file-abc")]
    await records.delete(one.place)
    await records.remember_file(one.place, "file-def")
    assert await records.load([one.place]) == []


async def test_a_message_makes_attachments_its_threads(store: Store, records: AttachmentRecords) -> None:
    """A new thread, and a message in it, take attachments over in the write that stores them."""
    owner, thread = new_user(), new_thread()
    one, two, three = [await uploaded(records, owner) for _ in range(3)]
    await store.create_thread(owner, thread, [user_message(thread.id)], turn=None, attachments=[one.id, two.id])
    await store.add_items(owner, thread.id, [user_message(thread.id)], attachments=[two.id, three.id])
    assert sorted(await records.of_thread(owner, thread.id)) == sorted([one.id, two.id, three.id])
    assert {each.thread_id for each in await records.load([one.place, two.place, three.place])} == {thread.id}


@pytest.mark.parametrize("state", ["announced", "refused", "elsewhere", "strangers", "deleted", "unknown", "no id"])
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_message_cannot_have_just_any_attachment(
    store: Store, records: AttachmentRecords, state: str, *, is_new: bool
) -> None:
    """One that is not uploaded, or in another thread, or somebody else's, or gone, is not found; nothing is written."""
    owner, thread = new_user(), new_thread()
    good, bad = await uploaded(records, owner), announced(new_user() if state == "strangers" else owner)
    await records.announce(bad)
    if state in {"elsewhere", "strangers", "deleted"}:
        await records.settle(bad.place, "uploaded")
    if state == "refused":
        await records.settle(bad.place, "refused")
    if state == "elsewhere":
        other = new_thread()
        await store.create_thread(owner, other, [], attachments=[bad.id])
    if state == "deleted":
        await records.delete(bad.place)
    names = {"unknown": NEW_IDS.new("attachment"), "no id": "atc_x"}
    attachments = [good.id, names.get(state, bad.id)]
    message = user_message(thread.id)
    if not is_new:
        await store.create_thread(owner, thread, [])
    with pytest.raises(NotFound) as caught:
        if is_new:
            await store.create_thread(owner, thread, [message], turn=new_turn(request_key="k"), attachments=attachments)
        else:
            await store.add_items(owner, thread.id, [message], turn=new_turn(request_key="k"), attachments=attachments)
    assert caught.value.reason == "attachment_not_found"
    assert (await store.list_items(owner, thread.id, after=None, limit=MAX_PAGE, order="asc")).data == []
    assert await store.load_turn(owner, thread.id) is None
    assert await store.find_request(owner, "k") is None
    assert await records.of_thread(owner, thread.id) == []
    assert await records.load([good.place]) == [good]


async def test_a_begin_that_is_repeated_takes_them_over_once(store: Store, records: AttachmentRecords) -> None:
    """The same write a second time, after an answer that was lost, returns as the first; another's is a repeat."""
    owner, thread = new_user(), new_thread()
    one = await uploaded(records, owner)
    message, turn = user_message(thread.id), new_turn(request_key="key")
    for _ in range(2):
        await store.create_thread(owner, thread, [message], turn=turn, attachments=[one.id])
    other = new_thread()
    with pytest.raises(RequestRepeated):
        await store.create_thread(
            owner, other, [user_message(other.id)], turn=new_turn(request_key="key"), attachments=[one.id]
        )
    assert await records.of_thread(owner, thread.id) == [one.id]


async def test_too_many_are_a_fault_of_the_callers(store: Store, records: AttachmentRecords) -> None:
    """A message takes the most that is allowed, and no more."""
    owner, thread = new_user(), new_thread()
    some = [await uploaded(records, owner) for _ in range(MAX_ATTACHMENTS + 1)]
    message = user_message(thread.id)
    with pytest.raises(ValueError, match="attachments"):
        await store.create_thread(owner, thread, [message], attachments=[one.id for one in some])
    most = [one.id for one in some[:-1]]
    await store.create_thread(owner, thread, [message], turn=new_turn(request_key="k"), attachments=most)
    assert sorted(await records.of_thread(owner, thread.id)) == most


async def test_a_deleted_one_is_gone_from_its_thread(store: Store, records: AttachmentRecords) -> None:
    """A deletion takes it off the thread's list too, and may be repeated."""
    owner, thread = new_user(), new_thread()
    one, two = [await uploaded(records, owner) for _ in range(2)]
    await store.create_thread(owner, thread, [], attachments=[one.id, two.id])
    for _ in range(2):
        await records.delete(one.place)
    assert await records.of_thread(owner, thread.id) == [two.id]
    assert await records.load([one.place]) == []


async def test_a_deleted_thread_tells_what_it_had(store: Store, records: AttachmentRecords, adapter: Adapter) -> None:
    """Until its contents are deleted, a thread that is gone names its attachments; then nothing of them is left there."""
    owner, thread = new_user(), new_thread()
    one = await uploaded(records, owner)
    await store.create_thread(owner, thread, [], attachments=[one.id])
    await store.delete_thread(owner, thread.id)
    assert await records.of_thread(owner, thread.id) == [one.id]
    await records.delete(one.place)
    assert await records.of_thread(owner, thread.id) == []
    assert await store.delete_contents(owner, thread.id)
    if adapter.aws:
        assert rows_of(adapter.aws, owner, thread.id) == []


async def test_nothing_of_another_thread_is_told(store: Store, records: AttachmentRecords) -> None:
    """Each thread, and each user, has a list of its own."""
    owner, thread = new_user(), new_thread()
    await store.create_thread(owner, thread, [], attachments=[(await uploaded(records, owner)).id])
    assert await records.of_thread(owner, NEW_IDS.new("thread")) == []
    assert await records.of_thread(new_user(), thread.id) == []
    with pytest.raises(NotFound):
        await records.of_thread(owner, "thr_1")


async def test_a_days_list_is_gone_through(store: Store, records: AttachmentRecords) -> None:
    """What was announced on a day stands on its list, whatever became of it, until it is taken off."""
    day = new_day()
    some = [announced(new_user(), day=day) for _ in range(9)]
    for one in some:
        await records.announce(one)
    await records.settle(some[0].place, "uploaded")
    await records.delete(some[1].place)
    places = sorted(one.place for one in some)
    assert await listed(records, day) == places
    assert await listed(records, day + timedelta(days=1)) == []
    for _ in range(2):
        await records.take_off(day, places[:4])
    assert await listed(records, day) == places[4:]
    await records.take_off(day, [])


STATES: Sequence[AttachmentState] = ("announced", "uploaded", "refused")


@pytest.mark.parametrize("state", STATES)
async def test_what_no_message_holds_is_dropped(records: AttachmentRecords, state: AttachmentState) -> None:
    """In whatever state it is; one that is gone is gone."""
    one = announced(new_user())
    await records.announce(one)
    if state != "announced":
        await records.settle(one.place, state)
    for _ in range(2):
        assert await records.drop_unused(one.place)
    assert await records.load([one.place]) == []
    assert await records.drop_unused(Place.of(new_user(), "none of ours"))


async def test_what_a_message_holds_is_not_dropped(store: Store, records: AttachmentRecords) -> None:
    """The sweep passes over what is in use."""
    owner, thread = new_user(), new_thread()
    one = await uploaded(records, owner)
    await store.create_thread(owner, thread, [], attachments=[one.id])
    assert not await records.drop_unused(one.place)
    assert await records.load([one.place]) == [replace(one, thread_id=thread.id)]


async def test_it_is_taken_over_or_dropped(store: Store, records: AttachmentRecords) -> None:
    """Where a message and the sweep want an attachment at the same time, one of them has it, and not both."""
    for _ in range(5):
        owner, thread = new_user(), new_thread()
        one = await uploaded(records, owner)
        created, dropped = await asyncio.gather(
            store.create_thread(owner, thread, [], attachments=[one.id]),
            records.drop_unused(one.place),
            return_exceptions=True,
        )
        assert isinstance(created, NotFound) == (dropped is True)
        assert await records.of_thread(owner, thread.id) == ([] if dropped else [one.id])

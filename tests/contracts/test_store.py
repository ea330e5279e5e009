"""What every store promises: `functions.store.base.Store`."""

import base64
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from functions.errors import InternalError, InvalidRequest, NotFound, ThreadUnavailable
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ActiveStatus, ClosedStatus, LockedStatus, ThreadMetadata, to_client
from functions.store.base import MAX_ITEMS, MAX_PAGE, Store
from tests.support.threads import (
    NEW_IDS,
    assistant_message,
    hidden_context,
    new_thread,
    new_user,
    user_message,
)

pytestmark = pytest.mark.anyio


async def _items(store: Store, user: str, thread_id: str, *, hidden: bool = True) -> list[ThreadItem]:
    page = await store.list_items(user, thread_id, after=None, limit=MAX_PAGE, order="asc", hidden=hidden)
    assert not page.has_more
    return page.data


async def _with_thread(store: Store, thread: ThreadMetadata | None = None) -> tuple[str, str]:
    user, thread = new_user(), thread or new_thread()
    await store.create_thread(user, thread, [])
    return user, thread.id


async def test_a_created_thread_is_read_back_as_it_was(store: Store) -> None:
    """Title, status, metadata, image domains and time of a thread come back as they were stored, and so do its items."""
    user, thread = new_user(), new_thread(title="Über 🐍", metadata={"a": {"b": [1, None, "x"]}, "n": None})
    thread.allowed_image_domains = ["example.com"]
    items = [
        user_message(thread.id, "Hi\x00 \u2028 ☃"),
        assistant_message(thread.id, ""),
        hidden_context(thread.id, None),
    ]
    await store.create_thread(user, thread, items)
    assert await store.load_thread(user, thread.id) == thread
    assert await _items(store, user, thread.id) == items
    assert [await store.load_item(user, thread.id, item.id) for item in items] == items


async def test_a_thread_is_created_once(store: Store) -> None:
    """Creating a thread with an id that exists is refused, and changes neither the thread nor its items."""
    user, thread = new_user(), new_thread(title="first")
    await store.create_thread(user, thread, [])
    again = thread.model_copy(update={"title": "second"})
    with pytest.raises(InternalError):
        await store.create_thread(user, again, [user_message(thread.id)])
    assert (await store.load_thread(user, thread.id)).title == "first"
    assert await _items(store, user, thread.id) == []


async def test_a_thread_with_its_page_of_items_is_stored_without_it(store: Store) -> None:
    """What a caller stores as thread metadata may carry items; they are not part of the thread."""
    user, thread = new_user(), new_thread()
    full = to_client(thread, Page[ThreadItem](data=[user_message(thread.id)]))
    await store.create_thread(user, full, [])
    assert await store.load_thread(user, thread.id) == thread


async def test_added_items_return_the_thread(store: Store) -> None:
    """`add_items` stores the items behind those that are there, and returns the thread."""
    user, thread = new_user(), new_thread(title="A title")
    first, second, third = (user_message(thread.id, text) for text in "abc")
    await store.create_thread(user, thread, [first])
    assert await store.add_items(user, thread.id, [second, third]) == thread
    assert await store.add_items(user, thread.id, []) == thread
    assert await _items(store, user, thread.id) == [first, second, third]


@pytest.mark.parametrize("status", [LockedStatus(reason="Ask again tomorrow"), ClosedStatus()])
async def test_a_thread_that_is_not_active_takes_no_turn(store: Store, status: LockedStatus | ClosedStatus) -> None:
    """`add_items` refuses a locked or closed thread and writes nothing, until it is active again."""
    thread = new_thread(status=status)
    user, thread_id = await _with_thread(store, thread)
    message = user_message(thread_id)
    with pytest.raises(ThreadUnavailable, match=status.type):
        await store.add_items(user, thread_id, [message])
    assert await _items(store, user, thread_id) == []
    await store.save_thread(user, thread.model_copy(update={"status": ActiveStatus()}))
    await store.add_items(user, thread_id, [message])
    assert await _items(store, user, thread_id) == [message]


async def test_items_of_a_thread_that_is_not_active_can_be_saved(store: Store) -> None:
    """A turn that runs while its thread is being closed can still store what it has."""
    user, thread_id = await _with_thread(store, new_thread(status=ClosedStatus()))
    message = assistant_message(thread_id)
    await store.save_items(user, thread_id, [message])
    assert await _items(store, user, thread_id) == [message]


async def test_items_are_added_all_or_none(store: Store) -> None:
    """Where one of the items exists already, none of them is stored and the existing one stays as it was."""
    user, thread_id = await _with_thread(store)
    old = user_message(thread_id, "old")
    await store.add_items(user, thread_id, [old])
    rival = old.model_copy(update={"quoted_text": "rival"})
    with pytest.raises(InternalError):
        await store.add_items(user, thread_id, [user_message(thread_id, "new"), rival])
    assert await _items(store, user, thread_id) == [old]


async def test_saved_items_replace(store: Store) -> None:
    """`save_items` stores what is new and replaces what exists, also where that changes whether an item is hidden."""
    user, thread_id = await _with_thread(store)
    first, second = assistant_message(thread_id, "par"), assistant_message(thread_id, "second")
    await store.save_items(user, thread_id, [first])
    whole = first.model_copy(update={"content": second.content})
    await store.save_items(user, thread_id, [whole, second])
    assert await _items(store, user, thread_id) == [whole, second]
    secret = hidden_context(thread_id).model_copy(update={"id": second.id})
    await store.save_items(user, thread_id, [secret])
    assert await _items(store, user, thread_id, hidden=False) == [whole]
    assert await store.load_item(user, thread_id, second.id) == secret


async def test_a_saved_thread_replaces(store: Store) -> None:
    """`save_thread` replaces title, status and metadata, and leaves the items and the place in the list."""
    user, thread = new_user(), new_thread(title="old", metadata={"a": 1})
    message = user_message(thread.id)
    await store.create_thread(user, thread, [message])
    renamed = thread.model_copy(update={"title": "new", "metadata": {"b": 2}, "status": LockedStatus()})
    await store.save_thread(user, renamed)
    page = await store.list_threads(user, after=None, limit=10, order="asc")
    assert page.data == [renamed]
    assert await _items(store, user, thread.id) == [message]


async def test_deleted_items_are_gone(store: Store) -> None:
    """`delete_items` deletes what is there, passes over the rest, and leaves the other items."""
    user, thread_id = await _with_thread(store)
    items = [user_message(thread_id, str(number)) for number in range(4)]
    await store.add_items(user, thread_id, items)
    gone = [items[1].id, items[2].id]
    await store.delete_items(user, thread_id, [*gone, NEW_IDS.new("message"), "no id", gone[0]])
    await store.delete_items(user, thread_id, gone)
    await store.delete_items(user, thread_id, [])
    assert await _items(store, user, thread_id) == [items[0], items[3]]
    for item_id in gone:
        with pytest.raises(NotFound):
            await store.load_item(user, thread_id, item_id)


async def test_many_items_are_deleted_at_once(store: Store) -> None:
    """More items than DynamoDB takes in one batch are deleted by one call."""
    user, thread_id = await _with_thread(store)
    items = [user_message(thread_id, str(number)) for number in range(130)]
    for start in range(0, 130, MAX_ITEMS):
        await store.save_items(user, thread_id, items[start : start + MAX_ITEMS])
    await store.delete_items(user, thread_id, [item.id for item in items[1:]])
    assert await _items(store, user, thread_id) == items[:1]


async def test_a_deleted_thread_is_gone_for_good(store: Store) -> None:
    """After `delete_thread` no call finds the thread, none brings it back, and `delete_contents` takes what is left."""
    user, thread = new_user(), new_thread()
    other = new_thread()
    items = [user_message(thread.id, str(number)) for number in range(60)]
    await store.create_thread(user, thread, items[:20])
    await store.create_thread(user, other, [user_message(other.id)])
    await store.save_items(user, thread.id, items[20:40])
    await store.save_items(user, thread.id, items[40:])
    await store.delete_thread(user, thread.id)
    with pytest.raises(NotFound):
        await store.delete_thread(user, thread.id)
    with pytest.raises(NotFound):
        await store.save_thread(user, thread)
    with pytest.raises(NotFound):
        await store.add_items(user, thread.id, [user_message(thread.id)])
    with pytest.raises(NotFound):
        await store.save_items(user, thread.id, [items[0]])
    with pytest.raises(NotFound):
        await store.load_thread(user, thread.id)
    with pytest.raises(NotFound):
        await store.load_feedback(user, thread.id)
    assert await store.delete_contents(user, thread.id)
    with pytest.raises(NotFound):
        await store.load_item(user, thread.id, items[0].id)
    assert await _items(store, user, thread.id) == []
    assert (await store.list_threads(user, after=None, limit=10, order="asc")).data == [other]
    assert len(await _items(store, user, other.id)) == 1


async def test_another_user_finds_nothing(store: Store) -> None:
    """To another user a thread and its items do not exist, whatever the call; nothing of them changes."""
    alice, bob = new_user(), new_user()
    thread = new_thread(title="Alice's")
    item = user_message(thread.id)
    await store.create_thread(alice, thread, [item])
    for attempt in (
        store.load_thread(bob, thread.id),
        store.save_thread(bob, thread.model_copy(update={"title": "Bob's"})),
        store.delete_thread(bob, thread.id),
        store.add_items(bob, thread.id, [user_message(thread.id)]),
        store.save_items(bob, thread.id, [item.model_copy(update={"quoted_text": "Bob's"})]),
        store.load_item(bob, thread.id, item.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    await store.delete_items(bob, thread.id, [item.id])
    assert await _items(store, bob, thread.id) == []
    assert (await store.list_threads(bob, after=None, limit=10, order="asc")).data == []
    assert await store.load_thread(alice, thread.id) == thread
    assert await _items(store, alice, thread.id) == [item]


@pytest.mark.parametrize("pair", [("a", "a#b"), ("a#b", "a"), ("U#a", "a"), ("a", "A"), ("é", "e\u0301"), (" a", "a")])
async def test_users_that_look_alike_are_strangers(store: Store, pair: tuple[str, str]) -> None:
    """No character of a user id makes one user's key another's."""
    mark = new_user()
    alice, bob = (f"{mark}{name}" for name in pair)
    thread = new_thread()
    await store.create_thread(alice, thread, [user_message(thread.id)])
    assert (await store.list_threads(bob, after=None, limit=10, order="asc")).data == []
    assert await _items(store, bob, thread.id) == []
    with pytest.raises(NotFound):
        await store.load_thread(bob, thread.id)


async def test_the_longest_user_id_works_and_longer_ones_are_refused(store: Store) -> None:
    """A user id, with its tenant, has 1 to 385 characters, of whatever width."""
    user, thread = ("🐍" * 385), new_thread()
    await store.create_thread(user, thread, [user_message(thread.id)])
    assert len(await _items(store, user, thread.id)) == 1
    await store.delete_thread(user, thread.id)
    for wrong in ("", "a" * 386):
        with pytest.raises(InvalidRequest, match="user"):
            await store.load_thread(wrong, thread.id)
        with pytest.raises(InvalidRequest, match="user"):
            await store.list_threads(wrong, after=None, limit=1, order="asc")


@pytest.mark.parametrize("wrong", ["", "thr_", "thr_1", "last", "thr_" + "Z" * 26, "x" * 300, "thr_" + "0" * 26 + "#"])
async def test_an_id_that_is_none_of_ours_is_not_found(store: Store, wrong: str) -> None:
    """As a thread or item it is not found; as a position it is refused with its field."""
    user, thread_id = await _with_thread(store)
    for attempt in (
        store.load_thread(user, wrong),
        store.delete_thread(user, wrong),
        store.delete_contents(user, wrong),
        store.add_items(user, wrong, []),
        store.load_item(user, thread_id, wrong),
        store.load_item(user, wrong, NEW_IDS.new("message")),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await _items(store, user, wrong) == []
    await store.delete_items(user, wrong, [NEW_IDS.new("message")])
    with pytest.raises(InvalidRequest, match=r"params\.after"):
        await store.list_threads(user, after=wrong, limit=1, order="desc")
    with pytest.raises(InvalidRequest, match=r"params\.after"):
        await store.list_items(user, thread_id, after=wrong, limit=1, order="asc")


async def test_an_id_with_another_prefix_is_another_id(store: Store) -> None:
    """The prefix is part of an id: the same position under another one is not found, and deletes nothing."""
    user, thread_id = await _with_thread(store)
    message = user_message(thread_id)
    await store.add_items(user, thread_id, [message])
    twin = message.id.replace("msg_", "tsk_")
    with pytest.raises(NotFound):
        await store.load_item(user, thread_id, twin)
    with pytest.raises(NotFound):
        await store.load_thread(user, thread_id.replace("thr_", "msg_"))
    await store.delete_items(user, thread_id, [twin])
    assert await _items(store, user, thread_id) == [message]


async def test_foreign_ids_cannot_be_stored(store: Store) -> None:
    """An item with an id that has no position is a fault of its maker, and so are two items with one id."""
    user, thread_id = await _with_thread(store)
    message = user_message(thread_id)
    for wrong in ([message.model_copy(update={"id": "msg_1"})], [message, message]):
        with pytest.raises(InternalError):
            await store.add_items(user, thread_id, wrong)
        with pytest.raises(InternalError):
            await store.save_items(user, thread_id, wrong)
    assert await _items(store, user, thread_id) == []


async def test_bounds_of_a_call(store: Store) -> None:
    """A page has 1 to `MAX_PAGE` objects and a call stores up to `MAX_ITEMS` items, exactly that many too."""
    user, thread_id = await _with_thread(store)
    for limit in (0, -1, MAX_PAGE + 1):
        with pytest.raises(ValueError, match="objects"):
            await store.list_threads(user, after=None, limit=limit, order="asc")
        with pytest.raises(ValueError, match="objects"):
            await store.list_items(user, thread_id, after=None, limit=limit, order="asc")
    most = [user_message(thread_id) for _ in range(MAX_ITEMS)]
    with pytest.raises(ValueError, match="items"):
        await store.save_items(user, thread_id, [*most, user_message(thread_id)])
    with pytest.raises(ValueError, match="items"):
        await store.add_items(user, thread_id, [*most, user_message(thread_id)])
    with pytest.raises(ValueError, match="items"):
        await store.save_items(user, thread_id, [])
    await store.add_items(user, thread_id, most)
    assert await _items(store, user, thread_id) == most


async def test_times_are_read_in_utc(store: Store) -> None:
    """A time that was given in another zone is the same instant, read back in UTC, to the microsecond."""
    noon = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    thread = new_thread().model_copy(update={"created_at": noon})
    user, _ = await _with_thread(store, thread)
    message = user_message(thread.id).model_copy(update={"created_at": noon})
    await store.add_items(user, thread.id, [message])
    for read in (await store.load_thread(user, thread.id), await store.load_item(user, thread.id, message.id)):
        assert read.created_at == noon
        assert read.created_at.utcoffset() == timedelta(0)
        assert read.created_at.astimezone(UTC).isoformat() == read.created_at.isoformat()


async def test_the_last_feedback_counts(store: Store) -> None:
    """What the user thinks of an item is kept until the user thinks otherwise, and is no item."""
    user, thread_id = await _with_thread(store)
    items = [assistant_message(thread_id) for _ in range(3)]
    await store.add_items(user, thread_id, items)
    first, second, third = (item.id for item in items)
    assert await store.load_feedback(user, thread_id) == {}
    await store.save_feedback(user, thread_id, [], "positive")
    await store.save_feedback(user, thread_id, [first, second, first], "positive")
    await store.save_feedback(user, thread_id, [second, third], "negative")
    assert await store.load_feedback(user, thread_id) == {first: "positive", second: "negative", third: "negative"}
    assert await _items(store, user, thread_id) == items


async def test_feedback_goes_with_its_item(store: Store) -> None:
    """Deleting an item deletes the feedback on it, and no other."""
    user, thread_id = await _with_thread(store)
    items = [assistant_message(thread_id), assistant_message(thread_id)]
    await store.add_items(user, thread_id, items)
    await store.save_feedback(user, thread_id, [item.id for item in items], "negative")
    await store.delete_items(user, thread_id, [items[0].id])
    assert await store.load_feedback(user, thread_id) == {items[1].id: "negative"}


async def test_feedback_on_very_many_items(store: Store) -> None:
    """More items than a transaction takes are judged by one call."""
    user, thread_id = await _with_thread(store)
    item_ids = [NEW_IDS.new("message") for _ in range(210)]
    await store.save_feedback(user, thread_id, item_ids, "positive")
    assert await store.load_feedback(user, thread_id) == dict.fromkeys(item_ids, "positive")


async def test_feedback_needs_a_thread_and_ids_of_ours(store: Store) -> None:
    """Feedback on a thread that is gone or another user's is not found; an id that is none of ours is refused."""
    user, thread_id = await _with_thread(store)
    message = NEW_IDS.new("message")
    for who, thread in ((new_user(), thread_id), (user, NEW_IDS.new("thread")), (user, "thr_1")):
        with pytest.raises(NotFound):
            await store.save_feedback(who, thread, [message], "positive")
        with pytest.raises(NotFound):
            await store.save_feedback(who, thread, [], "positive")
        with pytest.raises(NotFound):
            await store.load_feedback(who, thread)
    with pytest.raises(InvalidRequest, match=r"params\.item_ids\.1"):
        await store.save_feedback(user, thread_id, [message, "msg_1"], "positive")
    assert await store.load_feedback(user, thread_id) == {}


@pytest.mark.parametrize(
    "text", ["é" * 500_000, "\n" * 1_000_000, base64.b64encode(random.Random(1).randbytes(680_000)).decode()]
)
async def test_large_messages_are_kept(store: Store, text: str) -> None:
    """A message of about 1 MB, compressible or not, comes back as it was, alone and in a list, and can be replaced."""
    user, thread = new_user(), new_thread()
    large, small = user_message(thread.id, text), user_message(thread.id)
    await store.create_thread(user, thread, [large])
    await store.add_items(user, thread.id, [small])
    assert await store.load_item(user, thread.id, large.id) == large
    assert await _items(store, user, thread.id) == [large, small]
    other = user_message(thread.id, text[::-1]).model_copy(update={"id": large.id})
    await store.save_items(user, thread.id, [other])
    assert await _items(store, user, thread.id) == [other, small]
    await store.delete_items(user, thread.id, [large.id])
    assert await _items(store, user, thread.id) == [small]


async def test_many_large_items_are_kept_at_once(store: Store) -> None:
    """As many items as one call takes, together far beyond what a transaction holds, are stored and walked over."""
    user, thread_id = await _with_thread(store)
    source = random.Random(2)
    items = [user_message(thread_id, source.randbytes(140_000).hex()) for _ in range(MAX_ITEMS)]
    await store.save_items(user, thread_id, items)
    seen: list[ThreadItem] = []
    while True:
        page = await store.list_items(user, thread_id, after=seen[-1].id if seen else None, limit=MAX_PAGE, order="asc")
        seen += page.data
        assert page.data
        if not page.has_more:
            break
    assert seen == items

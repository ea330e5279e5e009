"""What every store promises of its lists: `list_threads` and `list_items` of `functions.store.base.Store`."""

import pytest

from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.store.base import MAX_ITEMS, Order, Store
from tests.support.threads import NEW_IDS, hidden_context, new_thread, new_user, sdk_hidden_context, user_message

pytestmark = pytest.mark.anyio


def _ids(page: Page) -> list[str]:
    return [one.id for one in page.data]


async def _with_thread(store: Store) -> tuple[str, str]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [])
    return user, thread.id


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 100])
async def test_pages_of_threads(store: Store, order: Order, limit: int) -> None:
    """Threads come in the order of their creation, each once, and `has_more` tells exactly whether there are more."""
    user = new_user()
    threads = [new_thread(title=str(number)) for number in range(5)]
    for thread in threads:
        await store.create_thread(user, thread, [])
    expected = [thread.id for thread in threads][:: 1 if order == "asc" else -1]
    seen: list[str] = []
    while len(seen) < 5:
        page = await store.list_threads(user, after=seen[-1] if seen else None, limit=limit, order=order)
        assert _ids(page) == expected[len(seen) : len(seen) + limit]
        seen += _ids(page)
        assert page.has_more == (len(seen) < 5)
        assert page.after == (seen[-1] if page.has_more else None)


async def test_an_empty_list_is_a_page(store: Store) -> None:
    """A user without threads, a thread without items and a thread that is not there have an empty page, and no more."""
    user, thread_id = await _with_thread(store)
    nobody = await store.list_threads(new_user(), after=None, limit=20, order="desc")
    empty = await store.list_items(user, thread_id, after=None, limit=20, order="asc")
    missing = await store.list_items(user, NEW_IDS.new("thread"), after=None, limit=20, order="asc")
    behind = await store.list_threads(user, after=thread_id, limit=20, order="desc")
    for page in (nobody, empty, missing, behind):
        assert (page.data, page.has_more, page.after) == ([], False, None)


@pytest.mark.parametrize("run", [1, 40])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_are_filled_over_hidden_items(store: Store, run: int, order: Order) -> None:
    """A run of hidden items in the midst shortens no page, and hidden items at the end are no more to come."""
    user, thread_id = await _with_thread(store)
    visible = [user_message(thread_id, "1"), user_message(thread_id, "2")]
    items: list[ThreadItem] = [*visible, *(hidden_context(thread_id) for _ in range(run))]
    visible.append(user_message(thread_id, "3"))
    items += [visible[-1], *(sdk_hidden_context(thread_id) for _ in range(run))]
    for start in range(0, len(items), MAX_ITEMS):
        await store.save_items(user, thread_id, items[start : start + MAX_ITEMS])
    expected = [item.id for item in visible][:: 1 if order == "asc" else -1]
    page = await store.list_items(user, thread_id, after=None, limit=3, order=order)
    assert (_ids(page), page.has_more) == (expected, False)
    page = await store.list_items(user, thread_id, after=None, limit=2, order=order)
    assert (_ids(page), page.has_more, page.after) == (expected[:2], True, expected[1])
    page = await store.list_items(user, thread_id, after=expected[1], limit=2, order=order)
    assert (_ids(page), page.has_more) == (expected[2:], False)
    page = await store.list_items(user, thread_id, after=expected[2], limit=2, order=order)
    assert (_ids(page), page.has_more) == ([], False)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_any_id_of_ours_is_a_position(store: Store, order: Order) -> None:
    """The id of a hidden item, of a deleted one and of one that never was all work as `after`."""
    user, thread_id = await _with_thread(store)
    first, hidden, deleted = user_message(thread_id), hidden_context(thread_id), user_message(thread_id)
    never = NEW_IDS.new("workflow")
    last = user_message(thread_id)
    await store.add_items(user, thread_id, [first, hidden, deleted, last])
    await store.delete_items(user, thread_id, [deleted.id])
    behind = [last.id] if order == "asc" else [first.id]
    for after in (hidden.id, deleted.id, never, thread_id if order == "desc" else never):
        page = await store.list_items(user, thread_id, after=after, limit=5, order=order)
        assert (_ids(page), page.has_more) == ([] if after == thread_id else behind, False)


async def test_any_thread_id_is_a_position(store: Store) -> None:
    """The id of a deleted thread works as `after` in the list of threads."""
    user = new_user()
    threads = [new_thread() for _ in range(3)]
    for thread in threads:
        await store.create_thread(user, thread, [])
    await store.delete_thread(user, threads[1].id)
    page = await store.list_threads(user, after=threads[1].id, limit=5, order="desc")
    assert (_ids(page), page.has_more) == ([threads[0].id], False)
    page = await store.list_threads(user, after=threads[1].id, limit=5, order="asc")
    assert (_ids(page), page.has_more) == ([threads[2].id], False)

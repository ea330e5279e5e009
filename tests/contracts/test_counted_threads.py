"""Threads that are counted: until they are gone, however they went, and once each."""

from datetime import UTC, datetime

import pytest

from functions.identity.base import owner
from functions.limits import Counter, Holder
from functions.store.counters import Counters
from tests.contracts.conftest import Adapter
from tests.support.threads import new_thread, new_user, user_message

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 28, tzinfo=UTC)


async def threads_of(counters: Counters, *holders: Holder) -> list[int]:
    """How many threads each is counted to have."""
    return [(await counters.read(holder, at=NOW)).get(Counter.THREADS, 0) for holder in holders]


@pytest.mark.parametrize("tenant", [None, "acme"])
async def test_a_thread_is_counted_until_it_is_gone(adapter: Adapter, counters: Counters, tenant: str | None) -> None:
    """The one who deletes what it has left takes it from its user's threads and their tenant's, as often as he comes."""
    store, user = adapter.counting, new_user()
    mine = owner(user, tenant)
    holders = [Holder("user", mine), *([Holder("tenant", tenant)] if tenant else [])]
    (before, *of_tenant) = await threads_of(counters, *holders)
    assert before == 0
    threads = [new_thread(), new_thread()]
    for thread in threads:
        for holder in holders:
            await counters.count(holder, {Counter.THREADS: 1}, {}, at=NOW)
        await store.create_thread(mine, thread, [user_message(thread.id)])
    assert await store.delete_contents(mine, threads[0].id) is False
    assert await threads_of(counters, *holders) == [2, *(number + 2 for number in of_tenant)]
    await store.delete_thread(mine, threads[0].id)
    for _ in range(3):
        assert await store.delete_contents(mine, threads[0].id) is True
    assert await threads_of(counters, *holders) == [1, *(number + 1 for number in of_tenant)]
    assert (await store.load_thread(mine, threads[1].id)).id == threads[1].id


async def test_a_thread_that_was_not_counted_is_not_taken_away(adapter: Adapter, counters: Counters) -> None:
    """Those from before limits were set lower nobody's count."""
    user, thread = new_user(), new_thread()
    await adapter.store.create_thread(user, thread, [])
    await adapter.store.delete_thread(user, thread.id)
    assert await adapter.counting.delete_contents(user, thread.id) is True
    assert await threads_of(counters, Holder("user", user)) == [0]


async def test_what_shows_that_a_thread_is_counted_is_no_item(adapter: Adapter, counters: Counters) -> None:
    """No reader sees it, and it goes with the rest."""
    store, user, thread = adapter.counting, new_user(), new_thread()
    await store.create_thread(user, thread, [user_message(thread.id, "hi")])
    page = await store.list_items(user, thread.id, after=None, limit=100, order="asc", hidden=True)
    assert len(page.data) == 1
    assert not page.has_more

"""What every store promises of sessions that were ended: `functions.store.base.Store`."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.errors import SessionEnded
from functions.protocol.threads import ThreadMetadata
from functions.store import table
from functions.store.base import MAX_PAGE, Store, Turn
from functions.store.sessions import KEPT
from tests.contracts.conftest import TABLE, Aws, on
from tests.support.threads import new_thread, new_turn, new_user, user_message

pytestmark = pytest.mark.anyio

NOON = datetime(2040, 1, 2, 12, 0, 0, 678901, tzinfo=UTC)

each_way = pytest.mark.parametrize("way", ["create_thread", "add_items", "begin_turn"])


def _turn(session: str, **fields: Any) -> Turn:
    turn = new_turn(**fields)
    return Turn(id=turn.id, lease_until=turn.lease_until, request_key=turn.request_key, session=session)


async def _begin(store: Store, way: str, user: str, thread: ThreadMetadata, turn: Turn) -> Any:
    if way == "create_thread":
        return await store.create_thread(user, thread, [user_message(thread.id)], turn=turn)
    if way == "add_items":
        return await store.add_items(user, thread.id, [user_message(thread.id)], turn=turn)
    return await store.begin_turn(user, thread.id, turn)


async def test_a_session_goes_on_until_it_is_ended(store: Store) -> None:
    """Ended is what was ended, however often; another's session of the same id, or another of the same user, is not."""
    user = new_user()
    assert not await store.is_session_ended(user, "one")
    for _ in range(2):
        await store.end_session(user, "one", until=NOON)
        assert await store.is_session_ended(user, "one")
    assert not await store.is_session_ended(user, "two")
    assert not await store.is_session_ended(new_user(), "one")


@each_way
async def test_no_turn_begins_in_a_session_that_was_ended(store: Store, way: str) -> None:
    """Nothing is written: neither thread, nor message, nor turn, nor a memory of the request."""
    user, thread = new_user(), new_thread()
    if way != "create_thread":
        await store.create_thread(user, thread, [])
    await store.end_session(user, "one", until=NOON)
    with pytest.raises(SessionEnded):
        await _begin(store, way, user, thread, _turn("one", request_key="key"))
    assert await store.find_request(user, "key") is None
    assert await store.load_turn(user, thread.id) is None
    page = await store.list_items(user, thread.id, after=None, limit=MAX_PAGE, order="asc")
    assert page.data == []
    await _begin(store, way, user, thread, _turn("two"))


@each_way
async def test_that_the_session_was_ended_is_said_first(store: Store, way: str) -> None:
    """Neither a repeat, nor a thread that is not there, nor a turn that runs is told to who has signed out."""
    user, thread, unknown = new_user(), new_thread(), new_thread()
    await store.create_thread(user, thread, [], turn=_turn("one", request_key="key"))
    await store.end_session(user, "one", until=NOON)
    for where in (thread, unknown):
        with pytest.raises(SessionEnded):
            await _begin(store, way, user, where, _turn("one", request_key="key"))


async def test_a_turn_that_has_begun_runs_to_its_end(store: Store) -> None:
    """Signing out does not cut off an answer; and the session is not stored with the turn."""
    user, thread, turn = new_user(), new_thread(), _turn("one")
    await store.create_thread(user, thread, [], turn=turn)
    await store.end_session(user, "one", until=NOON)
    message = user_message(thread.id)
    loaded = await store.load_turn(user, thread.id)
    assert loaded
    assert loaded.session == ""
    await store.save_items(user, thread.id, [message], turn_id=turn.id)
    await store.end_turn(user, thread.id, turn.id)
    assert await store.load_item(user, thread.id, message.id) == message


async def test_a_turn_without_a_session_is_not_checked(store: Store) -> None:
    """Where tokens have none, nothing is asked."""
    user, thread = new_user(), new_thread()
    await store.end_session(user, "one", until=NOON)
    await store.create_thread(user, thread, [], turn=_turn(""))


async def test_a_naive_time_is_refused(store: Store) -> None:
    """A time says of which zone it is."""
    with pytest.raises(ValueError, match=r"zone|naive"):
        await store.end_session(new_user(), "one", until=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("adapter", ["moto"], indirect=True)
async def test_the_check_costs_no_request_of_its_own(store: Store, aws: Aws) -> None:
    """A turn begins by one transaction, and on a thread that is there by a read at the same time."""
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [], turn=_turn("one"))
    assert aws.operations == ["TransactWriteItems"]
    loaded = await store.load_turn(user, thread.id)
    assert loaded
    await store.end_turn(user, thread.id, loaded.id)
    aws.operations.clear()
    await store.add_items(user, thread.id, [user_message(thread.id)], turn=_turn("one"))
    assert sorted(aws.operations) == ["GetItem", "TransactWriteItems"]


@pytest.mark.parametrize("adapter", ["moto"], indirect=True)
async def test_an_ended_session_is_forgotten_when_no_token_of_it_is_left(store: Store, aws: Aws) -> None:
    """The row has a time to live, some time behind the session's end; it lies apart from all that users list."""
    user = new_user()
    await store.end_session(user, "one", until=NOON)
    (row,) = aws.dynamodb.scan(TableName=TABLE)["Items"]
    aws.operations.clear()
    until = datetime.fromtimestamp(int(row[table.TTL_ATTRIBUTE].get("N", "")), UTC)
    assert NOON + KEPT <= until <= NOON + KEPT + timedelta(seconds=1)
    assert row[table.PARTITION_KEY] == {"S": f"S#{user}"}


@pytest.mark.parametrize("adapter", ["ministack"], indirect=True)
async def test_a_sign_out_at_the_last_moment_counts(store: Store, aws: Aws) -> None:
    """A session that is ended just before the transaction is sent begins nothing: the check is part of the transaction."""
    user, thread = new_user(), new_thread()

    def end() -> None:
        asyncio.run(store.end_session(user, "one", until=NOON))

    with on(aws.dynamodb, "before-call.dynamodb.TransactWriteItems", end), pytest.raises(SessionEnded):
        await store.create_thread(user, thread, [], turn=_turn("one"))

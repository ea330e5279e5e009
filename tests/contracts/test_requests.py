"""What every store promises of requests that are repeated: `functions.store.base.Store`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from functions.errors import InternalError, NotFound
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ClosedStatus, ThreadMetadata
from functions.store.base import (
    MAX_PAGE,
    MAX_REQUEST_KEY,
    RequestRepeated,
    StartedRequest,
    Store,
    Turn,
    TurnGone,
    TurnRunning,
)
from tests.support.threads import assistant_message, new_thread, new_turn, new_user, user_message

pytestmark = pytest.mark.anyio

NOON = datetime(2040, 1, 2, 12, 0, 0, 678901, tzinfo=UTC)

each_way = pytest.mark.parametrize("way", ["create_thread", "add_items", "begin_turn"])
as_owner_or_other = pytest.mark.parametrize("closed_at", [None, NOON], ids=["own end", "closed"])


def _keyed(*items: ThreadItem) -> Turn:
    return new_turn(*items, request_key="key")


async def _begin(store: Store, way: str, user: str, thread: ThreadMetadata, turn: Turn, *items: ThreadItem) -> Any:
    if way == "create_thread":
        return await store.create_thread(user, thread, items, turn=turn)
    if way == "add_items":
        return await store.add_items(user, thread.id, items, turn=turn)
    return await store.begin_turn(user, thread.id, turn, items=items)


async def _with_turn(store: Store, turn: Turn) -> tuple[str, ThreadMetadata]:
    user, thread = new_user(), new_thread()
    await store.create_thread(user, thread, [], turn=turn)
    return user, thread


async def _items(store: Store, user: str, thread_id: str) -> list[ThreadItem]:
    page = await store.list_items(user, thread_id, after=None, limit=MAX_PAGE, order="asc", hidden=True)
    return page.data


@each_way
@pytest.mark.parametrize("request_key", ["k", "~" * MAX_REQUEST_KEY, "T#01ARZ3NDEKTSV4RRFFQ69G5FAV#thr", "\x00#"])
async def test_a_request_is_remembered_from_its_turns_begin_to_its_end(
    store: Store, way: str, request_key: str
) -> None:
    """While its turn runs, a request is known by its key, of whatever characters; after the owner's end it is new."""
    user, thread, other = new_user(), new_thread(), new_thread()
    turn = new_turn(request_key=request_key)
    if way != "create_thread":
        await store.create_thread(user, thread, [])
    assert await store.find_request(user, request_key) is None
    await _begin(store, way, user, thread, turn)
    started = StartedRequest(thread_id=thread.id, turn_id=turn.id)
    assert await store.find_request(user, request_key) == started
    with pytest.raises(RequestRepeated) as caught:
        await store.create_thread(user, other, [], turn=new_turn(request_key=request_key))
    assert caught.value.started == started
    await store.end_turn(user, thread.id, turn.id, request_key=request_key)
    assert await store.find_request(user, request_key) is None
    await store.create_thread(user, other, [], turn=new_turn(request_key=request_key))


@each_way
async def test_a_turn_without_a_key_is_nobodys_repeat(store: Store, way: str) -> None:
    """Of turns that have no request key any number may run, and nothing is remembered of them."""
    user, thread = await _with_turn(store, new_turn())
    other = new_thread()
    if way != "create_thread":
        await store.create_thread(user, other, [])
    await _begin(store, way, user, other, new_turn())
    assert await store.find_request(user, "") is None
    await store.forget_request(user, "", new_turn().id)
    assert await store.load_turn(user, thread.id) is not None


async def test_a_request_is_one_users(store: Store) -> None:
    """The same key of another user is another request."""
    user, thread = await _with_turn(store, turn := _keyed())
    stranger, theirs = new_user(), new_thread()
    assert await store.find_request(stranger, "key") is None
    await store.create_thread(stranger, theirs, [], turn=(other := _keyed()))
    await store.end_turn(stranger, theirs.id, other.id, request_key="key")
    assert await store.find_request(user, "key") == StartedRequest(thread_id=thread.id, turn_id=turn.id)


async def test_a_repeat_writes_nothing(store: Store) -> None:
    """A repeat is told before all else that could refuse it, and leaves everything as it is."""
    user, thread = await _with_turn(store, turn := _keyed())
    message = user_message(thread.id)
    await store.add_items(user, thread.id, [message])
    closed, gone, never = new_thread(status=ClosedStatus()), new_thread(), new_thread()
    await store.create_thread(user, closed, [])
    await store.create_thread(user, gone, [])
    await store.delete_thread(user, gone.id)
    busy = new_thread()
    await store.create_thread(user, busy, [], turn=(running := new_turn()))
    for way, where, item in (
        ("create_thread", never, user_message(never.id)),
        ("create_thread", thread, message),
        ("add_items", thread, message),
        ("add_items", thread, user_message(thread.id)),
        ("begin_turn", thread, message.model_copy(update={"quoted_text": "changed"})),
        *(
            (way, there, user_message(there.id))
            for way in ("add_items", "begin_turn")
            for there in (closed, gone, never, busy)
        ),
    ):
        with pytest.raises(RequestRepeated) as caught:
            await _begin(store, way, user, where, _keyed(), item)
        assert caught.value.started == StartedRequest(thread_id=thread.id, turn_id=turn.id)
    assert await store.load_turn(user, thread.id) == turn
    assert await store.load_turn(user, busy.id) == running
    assert await _items(store, user, thread.id) == [message]
    for empty in (closed, gone, never, busy):
        assert await _items(store, user, empty.id) == []
    with pytest.raises(NotFound):
        await store.load_thread(user, never.id)


@each_way
async def test_the_same_turn_is_no_repeat(store: Store, way: str) -> None:
    """The same call with the same turn, as after a lost answer, succeeds though its request is remembered."""
    user, thread, turn = new_user(), new_thread(), _keyed()
    message = user_message(thread.id)
    if way != "create_thread":
        await store.create_thread(user, thread, [])
    for _ in range(3):
        await _begin(store, way, user, thread, turn, message)
    assert await store.find_request(user, "key") == StartedRequest(thread_id=thread.id, turn_id=turn.id)
    assert await _items(store, user, thread.id) == [message]


@pytest.mark.parametrize(
    ("way", "refused"),
    [
        ("create_thread", InternalError),
        ("add_items", InternalError),
        ("add_items", TurnRunning),
        ("add_items", NotFound),
        ("begin_turn", TurnRunning),
        ("begin_turn", NotFound),
    ],
)
async def test_what_did_not_begin_is_not_remembered(store: Store, way: str, refused: type[Exception]) -> None:
    """A request that was refused may be sent again."""
    user, thread = new_user(), new_thread()
    message, turn = user_message(thread.id), _keyed()
    if refused is TurnRunning:
        await store.create_thread(user, thread, [], turn=new_turn())
    elif refused is InternalError:
        await store.create_thread(user, thread, [message])
    with pytest.raises(refused):
        await _begin(store, way, user, thread, turn, message)
    assert await store.find_request(user, "key") is None


async def test_a_request_whose_turn_another_has_closed_is_remembered(store: Store) -> None:
    """Who closes another's turn leaves the request with the time, in UTC, until it is forgotten, by that turn's id."""
    user, thread = await _with_turn(store, turn := _keyed())
    local = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await store.end_turn(user, thread.id, turn.id, version=0, request_key="key", closed_at=local)
    closed = StartedRequest(thread_id=thread.id, turn_id=turn.id, closed_at=NOON)
    found = await store.find_request(user, "key")
    assert found == closed
    assert found is not None
    assert found.closed_at is not None
    assert found.closed_at.utcoffset() == timedelta(0)
    with pytest.raises(TurnGone):  # as its owner does, who lives after all
        await store.end_turn(user, thread.id, turn.id, request_key="key")
    for repeated in (_keyed(), turn):
        with pytest.raises(RequestRepeated) as caught:
            await store.begin_turn(user, thread.id, repeated)
        assert caught.value.started == closed
    await store.forget_request(user, "key", new_turn().id)
    assert await store.find_request(user, "key") == closed
    for _ in range(2):
        await store.forget_request(user, "key", turn.id)
    assert await store.find_request(user, "key") is None
    await store.begin_turn(user, thread.id, _keyed())


@as_owner_or_other
async def test_a_refused_end_changes_no_request(store: Store, closed_at: datetime | None) -> None:
    """Where a turn lives, or is gone, an end that is refused neither forgets the request nor closes it."""
    user, thread = await _with_turn(store, turn := _keyed())
    started = await store.find_request(user, "key")
    await store.checkpoint(user, thread.id, turn.id, lease_until=NOON, items=[])
    with pytest.raises(TurnRunning):
        await store.end_turn(user, thread.id, turn.id, version=0, request_key="key", closed_at=closed_at)
    with pytest.raises(TurnGone):
        await store.end_turn(user, thread.id, new_turn().id, request_key="key", closed_at=closed_at)
    with pytest.raises(ValueError, match="time"):
        await store.end_turn(user, thread.id, turn.id, request_key="key", closed_at=NOON.replace(tzinfo=None))
    assert await store.find_request(user, "key") == started
    assert await store.load_turn(user, thread.id) == replace(turn, lease_until=NOON, version=1)


@as_owner_or_other
@pytest.mark.parametrize("remembered", [True, False], ids=["another's", "none"])
async def test_an_end_leaves_a_request_that_is_not_its_own(
    store: Store, closed_at: datetime | None, remembered: bool
) -> None:
    """A turn ends with its last items also where its request is not remembered any more, or has begun another turn."""
    user, thread = await _with_turn(store, turn := _keyed())
    await store.forget_request(user, "key", turn.id)
    other = new_thread()
    if remembered:
        await store.create_thread(user, other, [], turn=_keyed())
    before = await store.find_request(user, "key")
    answer = assistant_message(thread.id)
    await store.end_turn(user, thread.id, turn.id, items=[answer], request_key="key", closed_at=closed_at)
    assert await store.find_request(user, "key") == before
    assert (before is not None) == remembered
    assert await store.load_turn(user, thread.id) is None
    assert await _items(store, user, thread.id) == [answer]


async def test_an_end_without_the_key_leaves_the_request(store: Store) -> None:
    """What is not named is not forgotten: the request stays, without a turn, until it is forgotten by hand."""
    user, thread = await _with_turn(store, turn := _keyed())
    await store.end_turn(user, thread.id, turn.id)
    assert await store.find_request(user, "key") == StartedRequest(thread_id=thread.id, turn_id=turn.id)
    await store.forget_request(user, "key", turn.id)
    assert await store.find_request(user, "key") is None


async def test_a_request_outlives_its_thread(store: Store) -> None:
    """A thread that is deleted leaves its requests, which name a turn that is gone, and can be forgotten."""
    user, thread = await _with_turn(store, turn := _keyed())
    await store.delete_thread(user, thread.id)
    await store.delete_contents(user, thread.id)
    started = await store.find_request(user, "key")
    assert started == StartedRequest(thread_id=thread.id, turn_id=turn.id)
    assert await store.load_turn(user, thread.id) is None
    await store.forget_request(user, "key", turn.id)
    await store.create_thread(user, new_thread(), [], turn=_keyed())


async def test_requests_are_no_threads(store: Store) -> None:
    """Remembered requests are in no list of threads, and make no page of it longer."""
    user, thread = await _with_turn(store, _keyed())
    await store.create_thread(user, other := new_thread(), [], turn=new_turn(request_key=f"T#{thread.id}"))
    for after, expected in ((None, thread), (thread.id, other)):
        page = await store.list_threads(user, after=after, limit=1, order="asc")
        assert (page.data, page.has_more) == ([expected], after is None)
    page = await store.list_threads(user, after=thread.id, limit=5, order="desc")
    assert (page.data, page.has_more) == ([], False)


@pytest.mark.parametrize("request_key", ["", "k" * (MAX_REQUEST_KEY + 1), "é", "\ud800"])
async def test_a_key_that_no_turn_can_have(store: Store, request_key: str) -> None:
    """Such a key is not found, forgetting it does nothing, and a turn cannot be made with it, but for the empty one."""
    user, thread = await _with_turn(store, turn := _keyed())
    assert await store.find_request(user, request_key) is None
    await store.forget_request(user, request_key, turn.id)
    if request_key:
        with pytest.raises(ValueError, match="characters"):
            new_turn(request_key=request_key)
    await store.end_turn(user, thread.id, turn.id, request_key=request_key)
    assert await store.load_turn(user, thread.id) is None


@each_way
async def test_of_repeats_that_come_at_once_one_begins(store: Store, way: str) -> None:
    """The same request, sent many times really at once: one turn begins, and every other call is told of that one."""
    user, thread = new_user(), new_thread()
    if way != "create_thread":
        await store.create_thread(user, thread, [])
    for _ in range(3):
        turns = [_keyed() for _ in range(5)]
        threads = [new_thread() if way == "create_thread" else thread for _ in turns]
        messages = [user_message(there.id) for there in threads]
        before = await _items(store, user, thread.id)
        outcomes = await asyncio.gather(
            *(
                _begin(store, way, user, there, turn, message)
                for there, turn, message in zip(threads, turns, messages, strict=True)
            ),
            return_exceptions=True,
        )
        lost = [outcome for outcome in outcomes if isinstance(outcome, RequestRepeated)]
        [winner] = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, RequestRepeated)]
        assert not isinstance(outcomes[winner], BaseException)
        started = StartedRequest(thread_id=threads[winner].id, turn_id=turns[winner].id)
        assert [outcome.started for outcome in lost] == [started] * 4
        assert await store.find_request(user, "key") == started
        assert await store.load_turn(user, started.thread_id) == turns[winner]
        kept = await _items(store, user, started.thread_id)
        assert kept == ([] if way == "create_thread" else before) + [messages[winner]]
        await store.end_turn(user, started.thread_id, started.turn_id, request_key="key")
    listed = await store.list_threads(user, after=None, limit=MAX_PAGE, order="asc")
    assert len(listed.data) == (3 if way == "create_thread" else 1)


async def test_an_owner_and_another_that_end_a_turn_at_once(store: Store) -> None:
    """Whoever is first, really at once, says what becomes of the request: the other is told that the turn is gone."""
    user, thread = await _with_turn(store, turn := _keyed())
    for _ in range(5):
        own, other = await asyncio.gather(
            store.end_turn(user, thread.id, turn.id, request_key="key"),
            store.end_turn(user, thread.id, turn.id, version=0, request_key="key", closed_at=NOON),
            return_exceptions=True,
        )
        assert {type(own), type(other)} == {type(None), TurnGone}
        closed = StartedRequest(thread_id=thread.id, turn_id=turn.id, closed_at=NOON)
        assert await store.find_request(user, "key") == (closed if other is None else None)
        await store.forget_request(user, "key", turn.id)
        await store.begin_turn(user, thread.id, turn := _keyed())

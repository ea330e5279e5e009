"""The key design: wrong ids and users."""

from datetime import date
from typing import get_args

import pytest

from functions.errors import InvalidRequest, NotFound
from functions.identity.base import TENANT_CHARACTERS, USER_CHARACTERS, owner
from functions.limits import Holder, HolderKind
from functions.store import keys

THREAD = "thr_" + "0" * 26
ITEM = "msg_" + "0" * 26


@pytest.mark.parametrize("user", ["", "a" * 386, "\ud800"])
def test_a_user_id_that_is_no_key_is_refused(user: str) -> None:
    """Empty, over 385 characters, or no Unicode text: wherever the user is part of a key, it is refused."""
    with pytest.raises(InvalidRequest, match="user"):
        keys.threads_partition(user)
    with pytest.raises(InvalidRequest, match="user"):
        keys.items_partition(user, THREAD)
    with pytest.raises(InvalidRequest, match="user"):
        keys.thread(user, THREAD)
    with pytest.raises(InvalidRequest, match="user"):
        keys.item(user, THREAD, ITEM)
    with pytest.raises(InvalidRequest, match="user"):
        keys.request(user, "key")
    with pytest.raises(InvalidRequest, match="user"):
        keys.session(user, "session")
    for kind in ("user", "tenant"):
        with pytest.raises(InvalidRequest, match="user"):
            keys.counters(Holder(kind, user), windowed=True)


def test_attachments_have_partitions_of_their_own() -> None:
    """What may read attachments alone goes by how their partitions begin; no other row's begins so."""
    attachment = "atc_" + "0" * 26
    assert keys.attachment("0123", attachment).partition.startswith(keys.ATTACHMENTS_PREFIX)
    others = [
        keys.threads_partition("A#"),
        keys.items_partition("A#", THREAD),
        keys.session("A#", "session").partition,
        keys.upload(date(2026, 1, 2), "0123", attachment).partition,
        *(keys.counters(Holder(kind, "A#"), windowed=True).partition for kind in get_args(HolderKind)),
    ]
    assert not [partition for partition in others if (partition or "").startswith(keys.ATTACHMENTS_PREFIX)]


@pytest.mark.parametrize("wrong", ["", "s" * 65, "a b", "é", "a\n", "a#b", "\ud800"])
def test_a_session_id_that_no_token_has_has_no_key(wrong: str) -> None:
    """Tokens hold 1 to 64 characters of base64url, and nothing else gets here."""
    with pytest.raises(ValueError, match="base64url"):
        keys.session("alice", wrong)


def test_whose_something_is_is_told_by_its_owner() -> None:
    """The user, as everything stored knows them, and the tenant where there is one: whatever the two are called."""
    assert keys.holders(owner("alice")) == [Holder("user", "alice")]
    for user, tenant in (("alice", "acme"), ("a#b", "T#x"), ("Q#USE", "U#")):
        mine = owner(user, tenant)
        assert keys.holders(mine) == [Holder("user", mine), Holder("tenant", tenant)]


def test_no_two_holders_share_a_key() -> None:
    """Nor does any of them have the key of a thread, or of anything that goes with one."""
    holders = [Holder(kind, "a") for kind in get_args(HolderKind)]
    holders += [Holder("user", owner("a", "a")), Holder("user", "C#a")]
    found = [keys.counters(holder, windowed=windowed) for holder in holders for windowed in (True, False)]
    assert len(set(found)) == len(found)
    everything = keys.span(keys.THREADS, after=None, order="asc")
    for where in found:
        assert not everything.low <= where.sort <= everything.high
        assert keys.thread_of(where) is None
        assert keys.left_by(where.partition) is None


@pytest.mark.parametrize("wrong", ["", "k" * 257, "é", "\ud800"])
def test_a_request_key_that_no_turn_has_has_no_key(wrong: str) -> None:
    """Empty, over 256 characters, or not ASCII: nothing is remembered under it."""
    assert keys.request("alice", wrong) is None


def test_the_longest_keys_fit() -> None:
    """The longest ids stay below DynamoDB's 2,048 bytes for a partition key and 1,024 for a sort key."""
    user = owner("\U0001f40d" * USER_CHARACTERS, "\U0001f40d" * TENANT_CHARACTERS)
    session = keys.session(user, "s" * 64)
    longest = keys.request(user, "~" * 256)
    assert longest
    for where in (keys.thread(user, THREAD), keys.item(user, THREAD, ITEM), keys.turn(user, THREAD), longest, session):
        assert len(where.partition.encode()) <= 2_048
        assert len(where.sort.encode()) <= 1_024


def test_requests_lie_beside_the_threads_and_not_among_them() -> None:
    """No list of threads reads them, and no thread's key is one of theirs, whatever the request key is."""
    everything = keys.span(keys.THREADS, after=None, order="asc")
    for request_key in ("key", "~", "\x00", f"T#{'0' * 26}#thr", keys.thread("alice", THREAD).sort):
        where = keys.request("alice", request_key)
        assert where
        assert where.partition == keys.threads_partition("alice")
        assert not everything.low <= where.sort <= everything.high
        assert keys.thread_of(where) is None


@pytest.mark.parametrize(
    "wrong", ["", "thr", "thr_", "T#" + THREAD, "thr_" + "a" * 26, THREAD + "\n", "thr_" + "8" * 26]
)
def test_an_id_that_is_none_of_ours_has_no_key(wrong: str) -> None:
    """Such a thread or item is not found, and has neither partition nor sort key."""
    assert keys.items_partition("alice", wrong) is None
    assert keys.sort_key(keys.ITEMS, wrong) is None
    for attempt in (
        lambda: keys.thread("alice", wrong),
        lambda: keys.turn("alice", wrong),
        lambda: keys.item("alice", THREAD, wrong),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(NotFound):
        keys.item("alice", wrong, ITEM)


def test_a_position_that_is_none_of_ours_names_its_field() -> None:
    """A wrong `after` is told as the field of the body that holds it."""
    with pytest.raises(InvalidRequest) as caught:
        keys.span(keys.ITEMS, after="last", order="asc")
    assert caught.value.field == "params.after"


def test_the_keys_are_as_documented() -> None:
    """Stored data depends on these: the keys of a thread, an item, feedback, a turn and a request, letter by letter."""
    assert keys.thread("a#b", THREAD) == ("U#a#b", f"T#{'0' * 26}#thr")
    assert keys.item("a#b", THREAD, ITEM) == (f"T#{THREAD}#a#b", f"I#{'0' * 26}#msg")
    assert keys.sort_key(keys.FEEDBACK, ITEM) == f"F#{'0' * 26}#msg"
    assert keys.turn("a#b", THREAD) == (f"T#{THREAD}#a#b", "TURN")
    assert keys.request("a#b", "k#1") == ("U#a#b", "R#k#1")

"""The key design: wrong ids and users."""

import pytest

from functions.errors import InvalidRequest, NotFound
from functions.store import keys

THREAD = "thr_" + "0" * 26
ITEM = "msg_" + "0" * 26


@pytest.mark.parametrize("user", ["", "a" * 257, "\ud800"])
def test_a_user_id_that_is_no_key_is_refused(user: str) -> None:
    """Empty, over 256 characters, or no Unicode text: wherever the user is part of a key, it is refused."""
    with pytest.raises(InvalidRequest, match="user"):
        keys.threads_partition(user)
    with pytest.raises(InvalidRequest, match="user"):
        keys.items_partition(user, THREAD)
    with pytest.raises(InvalidRequest, match="user"):
        keys.thread(user, THREAD)
    with pytest.raises(InvalidRequest, match="user"):
        keys.item(user, THREAD, ITEM)


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
    """Stored data depends on these: the keys of a thread, an item, feedback and a turn, letter by letter."""
    assert keys.thread("a#b", THREAD) == ("U#a#b", f"T#{'0' * 26}#thr")
    assert keys.item("a#b", THREAD, ITEM) == (f"T#{THREAD}#a#b", f"I#{'0' * 26}#msg")
    assert keys.sort_key(keys.FEEDBACK, ITEM) == f"F#{'0' * 26}#msg"
    assert keys.turn("a#b", THREAD) == (f"T#{THREAD}#a#b", "TURN")

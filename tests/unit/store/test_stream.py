"""Which records of the table's stream tell that a thread is gone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.store import keys, rows, stream

THREAD = "thr_" + "0" * 26
ITEM = "msg_" + "0" * 26

users = st.text(min_size=1, max_size=256).filter(lambda text: text.isprintable()) | st.sampled_from(
    ["alice", "a#b", "U#alice", f"T#{THREAD}#alice", "#"]
)


def record(where: keys.Key, *, what: str = stream.REMOVED) -> dict[str, Any]:
    """What DynamoDB tells of a change to a row."""
    return {"eventName": what, "dynamodb": {"Keys": rows.key_row(where), "SequenceNumber": "1"}}


@given(user=users)
def test_a_threads_end_names_user_and_thread(user: str) -> None:
    """From the keys of a thread's row alone, whatever characters the user has."""
    assert stream.thread_gone(record(keys.thread(user, THREAD))) == (user, THREAD)


@given(user=users)
def test_what_a_thread_has_left_names_it_too(user: str) -> None:
    """The partition of a thread's items tells whose they are; that of a user's threads is none."""
    partition = keys.items_partition(user, THREAD)
    assert partition is not None
    assert keys.left_by(partition) == (user, THREAD)
    assert keys.left_by(keys.threads_partition(user)) is None


@pytest.mark.parametrize("what", ["INSERT", "MODIFY", ""])
def test_other_changes_of_a_thread_are_no_end(what: str) -> None:
    """A thread that was stored or changed is there."""
    assert stream.thread_gone(record(keys.thread("alice", THREAD), what=what)) is None


@pytest.mark.parametrize(
    "where",
    [
        keys.item("alice", THREAD, ITEM),
        keys.turn("alice", THREAD),
        keys.Key(keys.threads_partition("alice"), "T#"),
        keys.Key(keys.threads_partition("alice"), f"T#{THREAD}"),
        keys.Key(keys.threads_partition("alice"), keys.thread("alice", THREAD).sort + "#"),
        keys.Key("alice", keys.thread("alice", THREAD).sort),
        keys.Key("U#", keys.thread("alice", THREAD).sort),
        keys.Key("", ""),
    ],
)
def test_other_rows_are_no_threads(where: keys.Key) -> None:
    """Items, turns, and keys that no thread could have."""
    assert stream.thread_gone(record(where)) is None


@pytest.mark.parametrize(
    "nonsense", [{}, {"dynamodb": None}, {"dynamodb": {"Keys": {}}}, {"dynamodb": {"Keys": {"pk": {"N": "1"}}}}]
)
def test_what_is_no_record_is_no_end(nonsense: dict[str, Any]) -> None:
    """Records of another shape are passed over."""
    assert stream.thread_gone({"eventName": "REMOVE", **nonsense}) is None


@pytest.mark.parametrize("partition", ["", "T#", f"T#{THREAD}", f"T#{THREAD}#", "T#thr_1#alice", f"U#{THREAD}#alice"])
def test_what_is_no_partition_of_items_left_nothing(partition: str) -> None:
    """Only a thread's own partition names it."""
    assert keys.left_by(partition) is None

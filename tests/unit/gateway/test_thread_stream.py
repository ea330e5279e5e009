"""The table's stream, as Lambda hands it to the thread function."""

import json
import logging
from typing import Any, cast

import pytest

from functions.engine.deletions import Deletions
from functions.gateway.thread_stream import ThreadStream
from functions.store import keys, rows
from tests.support.threads import NEW_IDS

USER = "alice"
SECRET = "what the user wrote"


class Scripted:
    """Stands for `Deletions`; fails for the threads that it is told to, and knows what it was asked."""

    def __init__(self, *, broken: tuple[str, ...] = (), there: tuple[str, ...] = ()) -> None:
        self.asked: list[tuple[str, str]] = []
        self._broken = broken
        self._there = there

    async def finish(self, user: str, thread_id: str) -> bool:
        self.asked.append((user, thread_id))
        if thread_id in self._broken:
            raise ZeroDivisionError(SECRET)
        return thread_id not in self._there


def record(number: int, where: keys.Key, *, what: str = "REMOVE", **more: Any) -> dict[str, Any]:
    """A record as Lambda hands it over."""
    return {
        "eventID": str(number),
        "eventName": what,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_800_000_000,
            "Keys": rows.key_row(where),
            "SequenceNumber": str(number),
            "SizeBytes": 60,
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/threads/stream/2026-11-22T00:00:00.000",
        **more,
    }


def handle(deletions: Scripted, *records: dict[str, Any]) -> list[str]:
    """The records that failed, by their sequence numbers, after a look at the answer's form."""
    answer = ThreadStream(cast("Deletions", deletions)).handle({"Records": list(records)})
    assert json.loads(json.dumps(answer)) == answer
    assert set(answer) == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture
def threads() -> list[str]:
    """Three ids."""
    return [NEW_IDS.new("thread") for _ in range(3)]


def ends(threads: list[str]) -> list[dict[str, Any]]:
    return [record(number, keys.thread(USER, thread)) for number, thread in enumerate(threads, 1)]


def test_each_end_is_followed_in_order(threads: list[str]) -> None:
    """Every thread of the batch, with its user, one after the other."""
    deletions = Scripted()
    assert handle(deletions, *ends(threads)) == []
    assert deletions.asked == [(USER, thread) for thread in threads]


def test_an_end_by_time_is_an_end_like_any_other(threads: list[str]) -> None:
    """What DynamoDB itself drops names itself as the user; the thread's own user is in the key."""
    deletions = Scripted()
    identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert handle(deletions, record(1, keys.thread(USER, threads[0]), userIdentity=identity)) == []
    assert deletions.asked == [(USER, threads[0])]


def test_other_changes_are_passed_over(threads: list[str]) -> None:
    """Changes of threads, and ends of items and turns, which the event source's filter should have kept back."""
    thread, deletions = threads[0], Scripted()
    others = [
        record(1, keys.thread(USER, thread), what="INSERT"),
        record(2, keys.thread(USER, thread), what="MODIFY"),
        record(3, keys.item(USER, thread, NEW_IDS.new("message"))),
        record(4, keys.turn(USER, thread)),
    ]
    assert handle(deletions, *others) == []
    assert deletions.asked == []


@pytest.mark.parametrize("broken", [[0], [1], [2], [0, 2], [0, 1, 2]])
def test_what_failed_is_told_by_record(threads: list[str], broken: list[int], caplog: pytest.LogCaptureFixture) -> None:
    """The others are done; the log names the thread and the kind of error, and never the error's text or the user."""
    deletions = Scripted(broken=tuple(threads[number] for number in broken))
    with caplog.at_level(logging.INFO):
        assert handle(deletions, *ends(threads)) == [str(number + 1) for number in broken]
    assert [thread for _, thread in deletions.asked] == threads
    told = [vars(entry) for entry in caplog.records]
    assert [(entry["thread_id"], entry["error"]) for entry in told] == [
        (threads[number], "ZeroDivisionError") for number in broken
    ]
    assert SECRET not in str(told)
    assert USER not in str(told)


def test_a_thread_that_is_there_is_told_of(threads: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """An end of a thread that is there is no failure, but worth a word to the operator."""
    assert handle(Scripted(there=(threads[1],)), *ends(threads)) == []
    (told,) = caplog.records
    assert (told.levelname, vars(told)["thread_id"]) == ("WARNING", threads[1])

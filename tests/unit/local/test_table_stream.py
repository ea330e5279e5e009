"""The table's stream, as the local stack hands it to the thread function."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.local.table_stream import event_record, matches
from functions.store import keys, rows
from functions.store.stream import THREADS_GONE

THREAD = "thr_" + "0" * 26
ITEM = "msg_" + "0" * 26
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/chatkit/stream/1"


def read(where: keys.Key, *, what: str = "REMOVE", **more: Any) -> dict[str, Any]:
    """A record as the stream's API gives it."""
    return {
        "eventID": "1",
        "eventName": what,
        "dynamodb": {
            "ApproximateCreationDateTime": datetime(2026, 11, 22, tzinfo=UTC),
            "Keys": rows.key_row(where),
            "SequenceNumber": "111",
            "SizeBytes": 60,
            "StreamViewType": "KEYS_ONLY",
            **more,
        },
    }


def test_a_record_is_what_lambda_hands_over() -> None:
    """Times are seconds, the stream is named, and nothing of the row but its keys is there."""
    where = keys.thread("alice", THREAD)
    assert event_record(read(where, OldImage={"doc": {"S": "secret"}}), stream_arn=ARN) == {
        "eventID": "1",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_305_600,
            "Keys": rows.key_row(where),
            "SequenceNumber": "111",
            "SizeBytes": 60,
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": ARN,
    }


@pytest.mark.parametrize(
    ("record", "passes"),
    [
        (read(keys.thread("alice", THREAD)), True),
        (read(keys.thread("alice", THREAD), what="MODIFY"), False),
        (read(keys.item("alice", THREAD, ITEM)), False),
        (read(keys.turn("alice", THREAD)), False),
        ({"eventName": "REMOVE"}, False),
        ({"eventName": "REMOVE", "dynamodb": {"Keys": {"sk": {"N": "1"}}}}, False),
        ({}, False),
    ],
)
def test_the_filter_lets_ended_threads_through(record: dict[str, Any], passes: bool) -> None:
    """As the event source does on AWS: threads that are gone, and nothing else."""
    assert matches(THREADS_GONE, record) is passes


@pytest.mark.parametrize(
    ("pattern", "passes"),
    [
        ({}, True),
        ({"a": ["x", "y"]}, True),
        ({"a": ["x"]}, False),
        ({"a": [{"prefix": "y"}, "z"]}, True),
        ({"a": [{"prefix": "z"}]}, False),
        ({"b": {"c": [1]}}, True),
        ({"b": {"c": [{"prefix": "1"}]}}, False),
        ({"b": ["x"]}, False),
        ({"a": {"c": ["x"]}}, False),
        ({"d": ["x"]}, False),
    ],
)
def test_exact_values_and_prefixes(pattern: dict[str, Any], passes: bool) -> None:
    """Every name that the pattern has must match, by one of its values; a prefix is of texts alone."""
    assert matches(pattern, {"a": "y", "b": {"c": 1}}) is passes

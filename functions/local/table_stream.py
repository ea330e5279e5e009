"""The table's stream, read as Lambda reads it for an event source (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from functions.aws_calls import call
from functions.local.ministack import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Record = dict[str, Any]

_PREFIX: Final = "prefix"


class TableStream:
    """Reads one table's stream from the oldest record that it still holds."""

    def __init__(self, *, dynamodb: "DynamoDBClient", streams: Any, table: str) -> None:
        """`streams` is a boto3 client for DynamoDB's streams, of which there are no types here."""
        self._dynamodb = dynamodb
        self._streams = streams
        self._table = table
        self._arn = ""
        self._iterators: list[str] = []

    async def begin(self) -> None:
        """Goes to the beginning. Raises as `call`."""
        described = await call(self._dynamodb.describe_table, TableName=self._table)
        self._arn = described["Table"].get("LatestStreamArn", "")
        stream = await call(self._streams.describe_stream, StreamArn=self._arn)
        self._iterators = [
            (
                await call(
                    self._streams.get_shard_iterator,
                    StreamArn=self._arn,
                    ShardId=shard["ShardId"],
                    ShardIteratorType="TRIM_HORIZON",
                )
            )["ShardIterator"]
            for shard in stream["StreamDescription"]["Shards"]
        ]

    async def read(self) -> list[Record]:
        """The next records, as Lambda hands them over; none where all have been read. Raises as `call`."""
        found: list[Record] = []
        ahead: list[str] = []
        for iterator in self._iterators:
            answer = await call(self._streams.get_records, ShardIterator=iterator)
            found += [event_record(record, stream_arn=self._arn) for record in answer["Records"]]
            if following := answer.get("NextShardIterator"):
                ahead.append(following)
        self._iterators = ahead
        return found


def event_record(record: Mapping[str, Any], *, stream_arn: str) -> Record:
    """A record of the stream's API as Lambda hands it to a function."""
    change: dict[str, Any] = {**record["dynamodb"]}
    created = change.get("ApproximateCreationDateTime")
    if isinstance(created, datetime):
        change["ApproximateCreationDateTime"] = int(created.timestamp())
    # Tables that were made before the stream was one of keys alone still put rows into it.
    change.pop("OldImage", None)
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": change,
        "eventSourceARN": stream_arn,
    }


def matches(pattern: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether an event source's filter lets a record through: exact values and prefixes, which is all that is used here."""
    return all(_is_wanted(wanted, record.get(name)) for name, wanted in pattern.items())


def _is_wanted(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(
            cast("Mapping[str, Any]", wanted), cast("Mapping[str, Any]", value)
        )
    return any(_is_like(each, value) for each in cast("Sequence[Any]", wanted))


def _is_like(each: Any, value: Any) -> bool:
    if isinstance(each, Mapping):
        return isinstance(value, str) and value.startswith(cast("Mapping[str, str]", each)[_PREFIX])
    return each == value

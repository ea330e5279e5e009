"""What AWS does for the table by itself: it drops rows whose time is over, and calls the thread function for threads that
are gone.

ministack would drop rows too, but without a word in the stream; so its own time to live is off (`resources`), and
expired rows are deleted from here. Its stream does not outlive it: when it ends in an orderly way, what has not been read
is read here first; when it is killed, its journal repeats the writes, and so fills the stream again. What slips through
all the same is found at the next start, by a look at the whole table. Deletions may be asked for twice, so all of this
may overlap.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from functions.aws_calls import call
from functions.errors import InternalError, Unavailable
from functions.local import resources
from functions.local.background import Background
from functions.local.invocation import FunctionError
from functions.local.lambda_endpoint import Invokable
from functions.local.table_stream import Record, TableStream, matches
from functions.store import keys, rows, stream, table
from functions.store.transactions import ConditionsFailed, commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import ScanOutputTypeDef

    from functions.store.rows import Row

_EXPIRY_SECONDS: Final = 60.0
_BATCH: Final = 10
"""The most records in one call of the function."""
_ATTEMPTS: Final = 5
"""How often a record is tried; then it has to wait for the next start."""


class Upkeep(Background):
    """Works for as long as it is entered; on leaving, it finishes what has been deleted until then."""

    last_seconds = 10.0
    """How long the last deletions may take when the stack ends."""

    def __init__(
        self,
        *,
        clients: resources.Clients,
        function: Invokable,
        log: Callable[[str], None],
        poll_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`function` is the thread function; `log` gets a line for what did not work; `clock` in seconds since 1970.

        The stream is read every `poll_seconds`; a call that failed is repeated after as long, then twice as long, ...
        """
        super().__init__()
        self._dynamodb = clients.dynamodb
        self._stream = TableStream(dynamodb=clients.dynamodb, streams=clients.streams, table=resources.TABLE)
        self._function = function
        self._log = log
        self._poll_seconds = poll_seconds
        self._clock = clock

    async def expire(self) -> None:
        """Deletes every row whose time is over, as DynamoDB does within days. Raises as `call`."""
        now = {":now": {"N": str(int(self._clock()))}}
        over = f"{table.TTL_ATTRIBUTE} <= :now"
        async for row in self._rows(FilterExpression=over, ExpressionAttributeValues=now):
            try:
                await commit(
                    self._dynamodb,
                    [
                        {
                            "Delete": {
                                "TableName": resources.TABLE,
                                "Key": rows.key(row),
                                "ConditionExpression": over,
                                "ExpressionAttributeValues": now,
                            }
                        }
                    ],
                )
            except ConditionsFailed:
                continue  # it was used meanwhile, and has a new time

    async def leftovers(self) -> list[Record]:
        """An end for each thread that is gone and has left something. Raises as `call`."""
        there: set[tuple[str, str]] = set()
        left: dict[tuple[str, str], None] = {}
        async for row in self._rows():
            where = keys.Key(rows.string(row, table.PARTITION_KEY), rows.sort_key(row))
            if (thread := keys.thread_of(where)) is not None:
                there.add(thread)
            elif (thread := keys.left_by(where.partition)) is not None:
                left[thread] = None
        return [_end(*thread, number) for number, thread in enumerate(left) if thread not in there]

    async def deliver(self, records: Sequence[Record]) -> None:
        """Calls the function for those of the records that its event source lets through, until it has done with them."""
        gone = [record for record in records if matches(stream.THREADS_GONE, record)]
        for start in range(0, len(gone), _BATCH):
            await self._call(gone[start : start + _BATCH])

    async def run(self) -> None:
        is_new, expiry_due = True, 0.0
        while True:
            is_ending = self.is_ending
            try:
                if is_new:
                    await self._stream.begin()
                    await self.deliver(await self.leftovers())
                    is_new = False
                if self._clock() >= expiry_due and not is_ending:
                    await self.expire()
                    expiry_due = self._clock() + _EXPIRY_SECONDS
                while records := await self._stream.read():
                    await self.deliver(records)
            except (Unavailable, InternalError) as error:
                if is_ending:
                    return
                # From the beginning, then: nothing is done twice that has been done.
                is_new = True
                self._log(f"the table cannot be looked after ({error}); it is tried again")
            if is_ending:
                return
            await self.pause(self._poll_seconds)

    async def _call(self, batch: Sequence[Record]) -> None:
        waiting = list(batch)
        for attempt in range(_ATTEMPTS):
            waiting = waiting[await self._first_failed(waiting) :]
            if not waiting:
                return
            await self.pause(self._poll_seconds * 2**attempt)
        self._log(f"what {len(waiting)} deleted threads have left is still there; it is tried again at the next start")

    async def _first_failed(self, batch: Sequence[Record]) -> int:
        """How many records the function has done before the first that failed: as Lambda counts them."""
        try:
            answer = await self._function.invoke({"Records": list(batch)})
        except FunctionError as error:
            self._log(f"the thread function failed ({error.type}); its log says why")
            return 0
        report: Mapping[str, Any] = json.loads(answer.result or b"{}")
        failed = {failure["itemIdentifier"] for failure in report["batchItemFailures"]}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        return next((place for place, number in enumerate(numbers) if number in failed), len(batch))

    async def _rows(self, **only: Any) -> "AsyncIterator[Row]":
        """Every row's key, or those that a filter lets through."""
        scan: Any = {"TableName": resources.TABLE, "ProjectionExpression": rows.KEY_ATTRIBUTES, **only}
        while True:
            answer: ScanOutputTypeDef = await call(self._dynamodb.scan, **scan)
            for row in answer["Items"]:
                yield row
            if not (last := answer.get("LastEvaluatedKey")):
                return
            scan["ExclusiveStartKey"] = last


def _end(user: str, thread_id: str, number: int) -> Record:
    """The end of a thread, as the stream would have told it."""
    return {
        "eventID": str(number),
        "eventName": stream.REMOVED,
        "dynamodb": {"Keys": rows.key_row(keys.thread(user, thread_id)), "SequenceNumber": str(number)},
    }

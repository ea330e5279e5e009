"""The table's stream as Lambda hands it to the thread function: batches of records, by Powertools' batch processor.

What cannot be done is told record by record, so that the rest is not done again: Lambda calls the function once more, from
the first record that failed (https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html).
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from functions.engine.deletions import Deletions
from functions.runtime.failures import describe
from functions.runtime.loop import run
from functions.store.stream import thread_gone

_log: Final = logging.getLogger(__name__)


class ThreadStream:
    """Follows deleted threads, and those whose time was over."""

    def __init__(self, deletions: Deletions) -> None:
        self._deletions = deletions

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Deletes what the threads of an event have left; gives the records that failed, as Lambda asks for them."""
        # A batch that failed as a whole is told as one that failed in part: Powertools would raise, with the errors' texts.
        processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
        with processor(event["Records"], self._follow):
            processor.process()  # pyright: ignore[reportUnknownMemberType] - Powertools leaves it open
        return {**processor.response()}

    def _follow(self, record: DynamoDBRecord) -> None:
        gone = thread_gone(record.raw_event)
        if gone is None:
            return
        _, thread_id = gone
        try:
            is_gone = run(self._deletions.finish(*gone))
        except Exception as error:
            trace = {"error": type(error).__name__, "trace": describe(error)}
            _log.error("what a thread has left was not deleted", extra={"thread_id": thread_id, **trace})
            raise
        if not is_gone:
            _log.warning("a thread that is said to be gone is there: left alone", extra={"thread_id": thread_id})

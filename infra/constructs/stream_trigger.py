"""Calls a function for what happens to a table, and keeps a note of what it could not do."""

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.failures import failures_queue
from infra.constructs.function import ServiceFunction

BATCH_SIZE: Final = 10
"""The most records in one call."""
WINDOW: Final = Duration.seconds(30)
"""How long records are gathered: fewer calls, and a turn that ran on a deleted thread has heard of it before the sweep."""
RETRIES: Final = 30
MAX_AGE: Final = Duration.hours(12)
"""A record is given up after so many calls, or that long. The stream holds it for 24 hours, so that the other half is left
to read it there once more (docs/deploy.md)."""
LANES: Final = 2
"""Calls at the same time for one shard of the stream, so that one large thread does not hold up all others. No more, as
they count towards the account's concurrency, in which users wait."""


class StreamTrigger(Construct):
    """An event source: the records of a table's stream that a filter lets through, in batches.

    A batch that fails is tried again in halves, from its first failed record on. Where a record is given up, a note of
    where it lies in the stream goes to `failures`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: ServiceFunction,
        stream_arn: str,
        only: Mapping[str, Any],
    ) -> None:
        """`only` is a filter of Lambda's (https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html)."""
        super().__init__(scope, construct_id)
        self.failures = failures_queue(self, "Failures")
        # These four are what Lambda asks the function's role for before it makes the event source.
        function.allow(
            [
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            ],
            on=[stream_arn],
        )
        function.allow(["sqs:SendMessage"], on=[self.failures.queue_arn])
        source = lambda_.CfnEventSourceMapping(
            self,
            "Source",
            function_name=function.live.function_arn,
            event_source_arn=stream_arn,
            # From the oldest record on, so that none is missed where the function is made anew.
            starting_position="TRIM_HORIZON",
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=json.dumps(only, separators=(",", ":")))]
            ),
            batch_size=BATCH_SIZE,
            maximum_batching_window_in_seconds=int(WINDOW.to_seconds()),
            parallelization_factor=LANES,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=RETRIES,
            maximum_record_age_in_seconds=int(MAX_AGE.to_seconds()),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=self.failures.queue_arn)
            ),
        )
        source.node.add_dependency(function.role)

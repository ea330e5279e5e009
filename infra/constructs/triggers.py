"""What EventBridge calls functions for: objects that are new in a bucket, and the passing of time."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from functions.attachments.bucket import EVENT_SOURCE, OBJECT_CREATED
from infra.constructs.function import ServiceFunction

DELIVERY_AGE: Final = Duration.hours(24)
DELIVERY_RETRIES: Final = 185
"""How long, and how often, EventBridge tries to hand an event to Lambda: the most that it does
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html)."""
CALL_AGE: Final = Duration.hours(6)
CALL_RETRIES: Final = 2
"""How long Lambda keeps an event that it was handed, and how often a call that failed is made again: the most that it does
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""


def call_for_objects(
    scope: Construct, construct_id: str, *, function: ServiceFunction, bucket: str, prefix: str, failures: sqs.IQueue
) -> None:
    """Calls a function for each new object under `prefix`; its bucket must tell EventBridge.

    An event that cannot be handed to Lambda becomes a note in `failures`; so should one that the function failed at, which
    is the function's own `dead_letters`. Both notes are the event itself.
    """
    events.Rule(
        scope,
        construct_id,
        description=f"New objects under {prefix}",
        event_pattern=events.EventPattern(
            source=[EVENT_SOURCE],
            detail_type=[OBJECT_CREATED],
            detail={"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": prefix}]}},
        ),
        targets=[
            targets.LambdaFunction(
                function.live,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
                dead_letter_queue=failures,
                max_event_age=DELIVERY_AGE,
                retry_attempts=DELIVERY_RETRIES,
            )
        ],
    )
    _retry(function, times=CALL_RETRIES, age=CALL_AGE)


def call_every(scope: Construct, construct_id: str, *, function: ServiceFunction, period: Duration) -> None:
    """Calls a function again and again. What fails is not tried again before the next time."""
    events.Rule(
        scope,
        construct_id,
        description=f"Every {period.to_human_string()}",
        schedule=events.Schedule.rate(period),
        targets=[
            targets.LambdaFunction(
                function.live,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
                max_event_age=period,
            )
        ],
    )
    _retry(function, times=0, age=period)


def _retry(function: ServiceFunction, *, times: int, age: Duration) -> None:
    calls = lambda_.CfnEventInvokeConfig(
        function,
        "Asynchronous",
        function_name=function.function.function_name,
        qualifier=function.live.alias_name,
        maximum_retry_attempts=times,
        maximum_event_age_in_seconds=int(age.to_seconds()),
    )
    # It names the alias, and is refused where there is none yet.
    calls.node.add_dependency(function.live)

"""Where notes of what failed are kept, until somebody has looked into it."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

NOTE_DAYS: Final = 14
"""How long a note is kept: the most that SQS does."""


def failures_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """An encrypted queue that speaks TLS alone."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(NOTE_DAYS),
    )

"""The sweep function: behind the clock."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.attachments.sweep import EVERY
from infra.constructs.function import ServiceFunction
from infra.constructs.triggers import call_every
from infra.functions.given import ATTACHMENT_OBJECTS, Given

SWEEP_PERIOD: Final = Duration.hours(EVERY.total_seconds() / 3600)
SWEEP_TIMEOUT: Final = Duration.minutes(15)
"""The most that Lambda gives; what is not done is done an hour later."""
SWEEP_MEMORY: Final = 512
"""MB."""


class SweepFunction(ServiceFunction):
    """Deletes attachments that no message holds."""

    def __init__(self, scope: Construct, given: Given, *, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            "Sweep",
            config=given.config,
            code=code,
            handler="functions.handlers.sweep.handler",
            description="Deletes attachments that no message holds",
            environment=given.environment,
            memory=SWEEP_MEMORY,
            timeout=SWEEP_TIMEOUT,
        )
        self.allow(
            [
                "dynamodb:BatchGetItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteItem",
                "dynamodb:Query",
                # The bytes of what is deleted are no longer counted.
                "dynamodb:UpdateItem",
            ],
            on=given.table,
        )
        self.allow(["s3:DeleteObject"], on=given.objects(*ATTACHMENT_OBJECTS))
        call_every(scope, "EveryHour", function=self, period=SWEEP_PERIOD)

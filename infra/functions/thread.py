"""The thread function: behind the table's stream."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.store.stream import THREADS_GONE
from infra.constructs.function import ServiceFunction
from infra.constructs.stream_trigger import StreamTrigger
from infra.functions.given import ATTACHMENT_OBJECTS, IMAGE_OBJECTS, ITEM_OBJECTS, Given

THREAD_TIMEOUT: Final = Duration.minutes(15)
"""The most that Lambda gives: long enough for hundreds of thousands of items, and what is not done is done by a retry."""
THREAD_MEMORY: Final = 512
"""MB."""


class ThreadFunction(ServiceFunction):
    """Deletes what deleted threads have left. `deletions` is what calls it, and keeps notes of what it could not do."""

    def __init__(self, scope: Construct, given: Given, *, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            "Thread",
            config=given.config,
            code=code,
            handler="functions.handlers.threads.handler",
            description="Deletes what deleted threads have left",
            environment=given.environment,
            memory=THREAD_MEMORY,
            timeout=THREAD_TIMEOUT,
        )
        self.allow(
            [
                "dynamodb:BatchGetItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:Query",
                # Deleted threads, and the bytes of their attachments, are no longer counted.
                "dynamodb:UpdateItem",
            ],
            on=given.table,
        )
        self.allow(["s3:DeleteObject"], on=given.objects(ITEM_OBJECTS, IMAGE_OBJECTS, *ATTACHMENT_OBJECTS))
        given.allow_listing(self)
        # With an attachment goes its copy at OpenAI.
        self.allow(["secretsmanager:GetSecretValue"], on=[given.data.openai_secret.secret_arn])
        self.deletions = StreamTrigger(
            scope, "Deletions", function=self, stream_arn=given.data.stream_arn, only=THREADS_GONE
        )

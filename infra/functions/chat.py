"""The chat function: behind the Function URL, and behind a route of the REST API's."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.function import ServiceFunction
from infra.functions.given import (
    ATTACHMENT_OBJECTS,
    FILE_OBJECTS,
    IMAGE_OBJECTS,
    ITEM_OBJECTS,
    PREVIEW_OBJECTS,
    UPLOAD_OBJECTS,
    Given,
)

CHAT_TIMEOUT: Final = Duration.minutes(15)
"""The most that Lambda gives, and that API Gateway waits for a streamed response
(https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html)."""

TABLE_ACTIONS: Final = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
"""A transaction needs no action of its own, but those of its parts."""


class ChatFunction(ServiceFunction):
    """Answers the ChatKit protocol; streams."""

    def __init__(self, scope: Construct, given: Given, *, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            "Chat",
            config=given.config,
            code=code,
            handler="functions.handlers.chat.handler",
            description="Answers the ChatKit protocol; streams",
            environment=given.environment,
            memory=given.config.chat_memory,
            timeout=CHAT_TIMEOUT,
            snap_start=given.config.snap_start,
            concurrency=given.config.chat_concurrency,
        )
        self.allow(TABLE_ACTIONS, on=given.table)
        # These also stand behind every presigned URL: who signs it lends its own permission.
        self.allow(["s3:GetObject"], on=given.objects(ITEM_OBJECTS, IMAGE_OBJECTS, FILE_OBJECTS, PREVIEW_OBJECTS))
        self.allow(["s3:PutObject"], on=given.objects(ITEM_OBJECTS, IMAGE_OBJECTS, UPLOAD_OBJECTS))
        self.allow(["s3:DeleteObject"], on=given.objects(ITEM_OBJECTS, *ATTACHMENT_OBJECTS))
        # Reading needs it too: to a role that may not list, S3 answers 403, not 404, for what is not there.
        given.allow_listing(self)
        self.allow(
            ["secretsmanager:GetSecretValue"],
            on=[given.data.token_secret.secret_arn, given.data.openai_secret.secret_arn],
        )
        given.allow_telling(self)

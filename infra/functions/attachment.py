"""The attachment function: behind the bucket's events."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.attachments.objects import UPLOADS_PREFIX
from functions.store.keys import ATTACHMENTS_PREFIX
from infra.constructs.failures import failures_queue
from infra.constructs.function import ServiceFunction
from infra.constructs.triggers import call_for_objects
from infra.functions.given import ATTACHMENT_OBJECTS, FILE_OBJECTS, PREVIEW_OBJECTS, UPLOAD_OBJECTS, Given, only_rows

ATTACHMENT_TIMEOUT: Final = Duration.minutes(1)
"""The worst of pictures takes some ten seconds (`functions.attachments.inspection`)."""
ATTACHMENT_MEMORY: Final = 1769
"""MB. One whole CPU, as pictures are decoded by one thread
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), and well above what the worst of them takes."""


class AttachmentFunction(ServiceFunction):
    """Looks at what users have uploaded. `failures` keeps the events that were given up."""

    def __init__(self, scope: Construct, given: Given, *, code: lambda_.Code) -> None:
        failures = failures_queue(scope, "UploadFailures")
        super().__init__(
            scope,
            "Attachment",
            config=given.config,
            code=code,
            handler="functions.handlers.attachments.handler",
            description="Looks at what users have uploaded",
            environment=given.environment,
            memory=ATTACHMENT_MEMORY,
            timeout=ATTACHMENT_TIMEOUT,
            # A burst of uploads waits in Lambda's queue, rather than to take from users who chat.
            concurrency=given.config.attachment_concurrency,
            dead_letters=failures,
        )
        self.failures = failures
        self.allow(
            ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
            on=given.table,
            conditions=only_rows(ATTACHMENTS_PREFIX),
        )
        # It may list nothing: what it reads may come from anybody, and no name of an object can be guessed.
        self.allow(["s3:GetObject"], on=given.objects(UPLOAD_OBJECTS, FILE_OBJECTS))
        self.allow(["s3:PutObject"], on=given.objects(FILE_OBJECTS, PREVIEW_OBJECTS))
        # What was looked at leaves `uploads/`; the others go where the user has deleted the attachment meanwhile.
        self.allow(["s3:DeleteObject"], on=given.objects(*ATTACHMENT_OBJECTS))
        given.allow_telling(self)
        call_for_objects(
            scope,
            "Uploads",
            function=self,
            bucket=given.data.bucket.bucket_name,
            prefix=UPLOADS_PREFIX,
            failures=failures,
        )

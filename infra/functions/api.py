"""The api function: behind the REST API, all of whose answers are buffered."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.store.keys import (
    ATTACHMENTS_PREFIX,
    HOLDERS_PREFIXES,
    HOSTED_PREFIX,
    SESSIONS_PREFIX,
    UPLOADS_PREFIX,
)
from infra.constructs.function import ServiceFunction
from infra.functions.given import FILE_OBJECTS, UPLOAD_OBJECTS, Given, only_rows

API_TIMEOUT: Final = Duration.seconds(29)
"""The most that API Gateway waits for a buffered response."""


class ApiFunction(ServiceFunction):
    """Gives out client tokens; takes small files; answers what users may tag."""

    def __init__(self, scope: Construct, given: Given, *, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            "Api",
            config=given.config,
            code=code,
            handler="functions.handlers.api.handler",
            description="Gives out client tokens; takes small files; answers what users may tag",
            environment=given.environment,
            memory=given.config.api_memory,
            timeout=API_TIMEOUT,
        )
        data = given.data
        is_hosted = given.config.hosted_workflow_id is not None
        secrets = [data.token_secret, *([data.api_keys_secret] if data.api_keys_secret else [])]
        secrets += [data.openai_secret] if is_hosted else []
        self.allow(["secretsmanager:GetSecretValue"], on=[secret.secret_arn for secret in secrets])
        prefixes = [SESSIONS_PREFIX, *([HOSTED_PREFIX] if is_hosted else [])]
        # To remember, and to know, that a session was ended: it reads no other rows but attachments'.
        self.allow(
            ["dynamodb:GetItem", "dynamodb:PutItem"],
            on=given.table,
            conditions=only_rows(*prefixes),
        )
        # A direct upload announces a file and puts it where a page would; a download's URL is signed.
        self.allow(["dynamodb:BatchGetItem"], on=given.table, conditions=only_rows(ATTACHMENTS_PREFIX))
        # Both for all that its transactions write: the file's row, its day's list, and what is counted of user and tenant.
        self.allow(
            ["dynamodb:PutItem", "dynamodb:UpdateItem"],
            on=given.table,
            conditions=only_rows(ATTACHMENTS_PREFIX, UPLOADS_PREFIX, *HOLDERS_PREFIXES),
        )
        self.allow(["s3:PutObject"], on=given.objects(UPLOAD_OBJECTS))
        self.allow(["s3:GetObject"], on=given.objects(FILE_OBJECTS))
        given.allow_telling(self)

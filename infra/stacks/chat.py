"""The functions: chat behind a Function URL and a REST API, api behind the latter, thread behind the table's stream,
attachment behind the bucket's events, sweep behind the clock."""

import json
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.attachments.bucket import IMAGES_PREFIX
from functions.attachments.limits import DIRECT_BYTES, DIRECT_TYPE
from functions.attachments.objects import FILES_PREFIX, PREVIEWS_PREFIX, UPLOADS_PREFIX
from functions.attachments.sweep import EVERY
from functions.settings import Names
from functions.store.keys import HOSTED_PREFIX, SESSIONS_PREFIX
from functions.store.stream import THREADS_GONE
from infra.config import Config
from infra.constructs.failures import failures_queue
from infra.constructs.function import ServiceFunction, log_group, shared_environment
from infra.constructs.secret_rotation import SecretRotation
from infra.constructs.stream_trigger import StreamTrigger
from infra.constructs.triggers import call_every, call_for_objects
from infra.stacks.data import DataStack

CHAT_TIMEOUT: Final = Duration.minutes(15)
"""The most that Lambda gives, and that API Gateway waits for a streamed response
(https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html)."""
API_TIMEOUT: Final = Duration.seconds(29)
"""The most that API Gateway waits for a buffered response."""
THREAD_TIMEOUT: Final = Duration.minutes(15)
"""The most that Lambda gives: long enough for hundreds of thousands of items, and what is not done is done by a retry."""
THREAD_MEMORY: Final = 512
"""MB."""
ATTACHMENT_TIMEOUT: Final = Duration.minutes(1)
"""The worst of pictures takes some ten seconds (`functions.attachments.inspection`)."""
ATTACHMENT_MEMORY: Final = 1769
"""MB. One whole CPU, as pictures are decoded by one thread
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), and well above what the worst of them takes."""
SWEEP_PERIOD: Final = Duration.hours(EVERY.total_seconds() / 3600)
SWEEP_TIMEOUT: Final = Duration.minutes(15)
"""The most that Lambda gives; what is not done is done an hour later."""
SWEEP_MEMORY: Final = 512
"""MB."""
ROTATION_TIMEOUT: Final = Duration.seconds(60)
"""A step is three or four requests to Secrets Manager."""
ROTATION_MEMORY: Final = 512
"""MB."""
START_PATH: Final = "/api/chatkit/start"
"""The route that exchanges a signed call for a client token."""
ITEM_OBJECTS: Final = "items/*"
"""The objects of items that are too large for a row."""
IMAGE_OBJECTS: Final = f"{IMAGES_PREFIX}*"
"""The pictures that models made."""
UPLOAD_OBJECTS: Final = f"{UPLOADS_PREFIX}*"
"""What users have uploaded, until it has been looked at."""
FILE_OBJECTS: Final = f"{FILES_PREFIX}*"
"""Attachments."""
PREVIEW_OBJECTS: Final = f"{PREVIEWS_PREFIX}*"
"""Small pictures of attachments."""
ATTACHMENT_OBJECTS: Final = (UPLOAD_OBJECTS, FILE_OBJECTS, PREVIEW_OBJECTS)
"""All that there may be of an attachment, which is deleted at once."""

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

# Neither query strings nor headers: they can hold tokens and signatures.
_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "caller": "$context.identity.userArn",
    "error": "$context.error.responseType",
}


_READABLE: Final = {
    "Access-Control-Allow-Origin": "method.request.header.Origin",
    "Vary": "'Origin'",
    # As every answer of the functions.
    "Cache-Control": "'no-store'",
    "X-Content-Type-Options": "'nosniff'",
}
_TOO_LARGE: Final = {
    "code": "body_too_large",
    "message": f"This request is too large. A direct upload takes files of at most {DIRECT_BYTES:,} bytes; larger ones "
    "need a two-phase upload.",
}


class ChatStack(Stack):
    """The functions and their two doors. It holds no data: it can be deleted and made anew (with new addresses)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        data: DataStack,
        code: lambda_.Code,
        attachment_code: lambda_.Code,
        api_code: lambda_.Code,
        **stack: Any,
    ) -> None:
        """`code` is the package that all functions share, but for the attachment function and the api function."""
        super().__init__(scope, construct_id, description="chatkit-lambda: the functions and their endpoints", **stack)
        self._config = config
        self._environment = shared_environment(
            config=config,
            table_name=data.table.table_name,
            bucket_name=data.bucket.bucket_name,
            token_secret_id=data.token_secret.secret_arn,
            openai_secret_id=data.openai_secret.secret_arn,
            api_keys_secret_id=data.api_keys_secret.secret_arn if data.api_keys_secret else None,
        )
        self.chat = self._make_chat(data, code)
        self.api = self._make_api(data, api_code)
        self.thread = self._make_thread(data, code)
        self.deletions = StreamTrigger(
            self, "Deletions", function=self.thread, stream_arn=data.stream_arn, only=THREADS_GONE
        )
        self.upload_failures = failures_queue(self, "UploadFailures")
        self.attachment = self._make_attachment(data, attachment_code)
        self.sweep = self._make_sweep(data, code)
        self.rotation = self._make_rotation(data, code)
        SecretRotation(
            self,
            "TokenKey",
            function=self.rotation,
            secret_arn=data.token_secret.secret_arn,
            days=config.token_key_days,
        )
        url = self.chat.live.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.NONE,
            # No `cors`: the function answers preflights itself, and two sets of CORS headers break both.
            invoke_mode=lambda_.InvokeMode.RESPONSE_STREAM,
        )
        self.rest = self._make_rest_api()
        CfnOutput(self, "ChatUrl", value=f"{url.url}chatkit", description="For ChatKit.js: the Function URL")
        CfnOutput(self, "ChatRestUrl", value=self.rest.url_for_path("/chatkit"), description="The same by API Gateway")
        CfnOutput(self, "ApiUrl", value=self.rest.url_for_path("/api"), description="Sessions, for your own server")
        CfnOutput(
            self,
            "DeletionFailuresUrl",
            value=self.deletions.failures.queue_url,
            description="Notes of deletions that could not be finished; empty, if all is well",
        )
        CfnOutput(
            self,
            "UploadFailuresUrl",
            value=self.upload_failures.queue_url,
            description="Events of uploads that could not be looked at; empty, if all is well",
        )
        if "iam" in config.identity:
            self._tell_start_arn()

    def _tell_start_arn(self) -> None:
        CfnOutput(
            self,
            "StartArn",
            value=self.rest.arn_for_execute_api("POST", START_PATH, self._config.stage),
            description="What your server's role needs execute-api:Invoke on",
        )

    def _make_chat(self, data: DataStack, code: lambda_.Code) -> ServiceFunction:
        chat = ServiceFunction(
            self,
            "Chat",
            config=self._config,
            code=code,
            handler="functions.handlers.chat.handler",
            description="Answers the ChatKit protocol; streams",
            environment=self._environment,
            memory=self._config.chat_memory,
            timeout=CHAT_TIMEOUT,
        )
        chat.allow(TABLE_ACTIONS, on=[data.table.table_arn])
        # These also stand behind every presigned URL: who signs it lends its own permission.
        chat.allow(["s3:GetObject"], on=_objects(data, ITEM_OBJECTS, IMAGE_OBJECTS, FILE_OBJECTS, PREVIEW_OBJECTS))
        chat.allow(["s3:PutObject"], on=_objects(data, ITEM_OBJECTS, IMAGE_OBJECTS, UPLOAD_OBJECTS))
        chat.allow(["s3:DeleteObject"], on=_objects(data, ITEM_OBJECTS, *ATTACHMENT_OBJECTS))
        # Reading needs it too: to a role that may not list, S3 answers 403, not 404, for what is not there.
        _allow_listing(chat, data)
        chat.allow(["secretsmanager:GetSecretValue"], on=[data.token_secret.secret_arn, data.openai_secret.secret_arn])
        return chat

    def _make_api(self, data: DataStack, code: lambda_.Code) -> ServiceFunction:
        api = ServiceFunction(
            self,
            "Api",
            config=self._config,
            code=code,
            handler="functions.handlers.api.handler",
            description="Gives out client tokens; takes small files; answers what users may tag",
            environment=self._environment,
            memory=self._config.api_memory,
            timeout=API_TIMEOUT,
        )
        is_hosted = self._config.hosted_workflow_id is not None
        secrets = [data.token_secret, *([data.api_keys_secret] if data.api_keys_secret else [])]
        secrets += [data.openai_secret] if is_hosted else []
        api.allow(["secretsmanager:GetSecretValue"], on=[secret.secret_arn for secret in secrets])
        prefixes = [SESSIONS_PREFIX, *([HOSTED_PREFIX] if is_hosted else [])]
        # To remember, and to know, that a session was ended: it reads no other rows but attachments'.
        api.allow(
            ["dynamodb:GetItem", "dynamodb:PutItem"],
            on=[data.table.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*" for prefix in prefixes]}},
        )
        # A direct upload announces a file and puts it where a page would; a download's URL is signed.
        api.allow(["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], on=[data.table.table_arn])
        api.allow(["s3:PutObject"], on=_objects(data, UPLOAD_OBJECTS))
        api.allow(["s3:GetObject"], on=_objects(data, FILE_OBJECTS))
        return api

    def _make_thread(self, data: DataStack, code: lambda_.Code) -> ServiceFunction:
        thread = ServiceFunction(
            self,
            "Thread",
            config=self._config,
            code=code,
            handler="functions.handlers.threads.handler",
            description="Deletes what deleted threads have left",
            environment=self._environment,
            memory=THREAD_MEMORY,
            timeout=THREAD_TIMEOUT,
        )
        thread.allow(
            [
                "dynamodb:BatchGetItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:Query",
                # Deleted threads are no longer counted.
                "dynamodb:UpdateItem",
            ],
            on=[data.table.table_arn],
        )
        thread.allow(["s3:DeleteObject"], on=_objects(data, ITEM_OBJECTS, IMAGE_OBJECTS, *ATTACHMENT_OBJECTS))
        _allow_listing(thread, data)
        # With an attachment goes its copy at OpenAI.
        thread.allow(["secretsmanager:GetSecretValue"], on=[data.openai_secret.secret_arn])
        return thread

    def _make_attachment(self, data: DataStack, code: lambda_.Code) -> ServiceFunction:
        attachment = ServiceFunction(
            self,
            "Attachment",
            config=self._config,
            code=code,
            handler="functions.handlers.attachments.handler",
            description="Looks at what users have uploaded",
            environment=self._environment,
            memory=ATTACHMENT_MEMORY,
            timeout=ATTACHMENT_TIMEOUT,
            # A burst of uploads waits in Lambda's queue, rather than to take from users who chat.
            concurrency=self._config.attachment_concurrency,
            dead_letters=self.upload_failures,
        )
        attachment.allow(["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], on=[data.table.table_arn])
        # It may list nothing: what it reads may come from anybody, and no name of an object can be guessed.
        attachment.allow(["s3:GetObject"], on=_objects(data, UPLOAD_OBJECTS, FILE_OBJECTS))
        attachment.allow(["s3:PutObject"], on=_objects(data, FILE_OBJECTS, PREVIEW_OBJECTS))
        # What was looked at leaves `uploads/`; the others go where the user has deleted the attachment meanwhile.
        attachment.allow(["s3:DeleteObject"], on=_objects(data, *ATTACHMENT_OBJECTS))
        call_for_objects(
            self,
            "Uploads",
            function=attachment,
            bucket=data.bucket.bucket_name,
            prefix=UPLOADS_PREFIX,
            failures=self.upload_failures,
        )
        return attachment

    def _make_sweep(self, data: DataStack, code: lambda_.Code) -> ServiceFunction:
        sweep = ServiceFunction(
            self,
            "Sweep",
            config=self._config,
            code=code,
            handler="functions.handlers.sweep.handler",
            description="Deletes attachments that no message holds",
            environment=self._environment,
            memory=SWEEP_MEMORY,
            timeout=SWEEP_TIMEOUT,
        )
        sweep.allow(
            ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Query"],
            on=[data.table.table_arn],
        )
        sweep.allow(["s3:DeleteObject"], on=_objects(data, *ATTACHMENT_OBJECTS))
        call_every(self, "EveryHour", function=sweep, period=SWEEP_PERIOD)
        return sweep

    def _make_rotation(self, data: DataStack, code: lambda_.Code) -> ServiceFunction:
        return ServiceFunction(
            self,
            "Rotation",
            config=self._config,
            code=code,
            handler="functions.handlers.rotation.handler",
            description="Makes new keys for client tokens",
            # Not what all functions share: it gets at nothing else.
            environment={
                Names.TOKEN_SECRET_ID: data.token_secret.secret_arn,
                Names.LOG_LEVEL: self._config.log_level,
            },
            memory=ROTATION_MEMORY,
            timeout=ROTATION_TIMEOUT,
        )

    def _make_rest_api(self) -> apigateway.RestApi:
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=self.stack_name,
            description="chatkit-lambda",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=self._config.api_gateway_log_role,
            binary_media_types=[DIRECT_TYPE],
            deploy_options=apigateway.StageOptions(
                stage_name=self._config.stage,
                access_log_destination=apigateway.LogGroupLogDestination(
                    log_group(self, "AccessLogs", config=self._config)
                ),
                access_log_format=apigateway.AccessLogFormat.custom(self.to_json_string(_ACCESS_LOG)),
                # Errors of the gateway's own; never the bodies.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                throttling_rate_limit=self._config.requests_per_second,
                throttling_burst_limit=self._config.request_burst,
            ),
        )
        self._add_chat_route(rest)
        self._add_api_routes(rest)
        self._let_pages_read_errors(rest)
        return rest

    def _add_chat_route(self, rest: apigateway.RestApi) -> None:
        integration = apigateway.LambdaIntegration(
            self.chat.live,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
            response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
            timeout=CHAT_TIMEOUT,
            allow_test_invoke=False,
        )
        chatkit = rest.root.add_resource("chatkit")
        for method in ("POST", "OPTIONS"):
            chatkit.add_method(method, integration, authorization_type=apigateway.AuthorizationType.NONE)

    def _add_api_routes(self, rest: apigateway.RestApi) -> None:
        integration = apigateway.LambdaIntegration(
            self.api.live,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
            timeout=API_TIMEOUT,
            allow_test_invoke=False,
        )
        api = rest.root.add_resource("api")
        chatkit = api.add_resource("chatkit")
        # What the function itself protects, by the client token. `chatkit` is a resource of its own, and has its own proxy:
        # whether what is below it falls through to its parent's is nothing that API Gateway's documents promise.
        for parent in (api, chatkit):
            parent.add_resource("{proxy+}").add_method(
                "ANY", integration, authorization_type=apigateway.AuthorizationType.NONE
            )
        # Whoever signs this call may name any user: it is for the integrator's own server alone. Any other identity is
        # for the function to check.
        signed = "iam" in self._config.identity
        authorization = apigateway.AuthorizationType.IAM if signed else apigateway.AuthorizationType.NONE
        start = chatkit.add_resource("start")
        start.add_method("POST", integration, authorization_type=authorization)
        start.add_method("OPTIONS", integration, authorization_type=apigateway.AuthorizationType.NONE)

    def _let_pages_read_errors(self, rest: apigateway.RestApi) -> None:
        """Gives the gateway's own answers (429, 413, 5xx) a CORS header: without, a page sees no status at all.

        The header can only be a constant or a copy, so it names whichever origin asked. These answers hold a
        sentence by API Gateway and nothing else. Beside it they carry what every answer of the functions does.
        """
        for kind in (apigateway.ResponseType.DEFAULT_4_XX, apigateway.ResponseType.DEFAULT_5_XX):
            rest.add_gateway_response(
                str(kind.response_type).title().replace("_", ""), type=kind, response_headers=_READABLE
            )
        # What is too large for API Gateway, or as an event for Lambda, never reaches the function that would explain it.
        rest.add_gateway_response(
            "RequestTooLarge",
            type=apigateway.ResponseType.REQUEST_TOO_LARGE,
            response_headers=_READABLE,
            templates={"application/json": json.dumps(_TOO_LARGE)},
        )


def _objects(data: DataStack, *names: str) -> list[str]:
    return [data.bucket.arn_for_objects(name) for name in names]


def _allow_listing(function: ServiceFunction, data: DataStack) -> None:
    """Lets a function list the objects of items and pictures, and no others."""
    function.allow(
        ["s3:ListBucket"],
        on=[data.bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": [ITEM_OBJECTS, IMAGE_OBJECTS]}},
    )

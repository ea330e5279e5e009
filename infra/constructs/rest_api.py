"""The REST API: the chat route, which streams, and the api routes, which are buffered."""

import json
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from functions.attachments.limits import DIRECT_BYTES, DIRECT_TYPE
from infra.config import Config
from infra.constructs.function import ServiceFunction, log_group

START_PATH: Final = "/api/chatkit/start"
"""The route that exchanges a signed call for a client token."""

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


class ChatRestApi(apigateway.RestApi):
    """A regional REST API with one stage, throttled and logged: `/chatkit` to the chat function, `/api/...` to the api
    function. Each route waits as long as its function may take."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, chat: ServiceFunction, api: ServiceFunction
    ) -> None:
        stack = Stack.of(scope)
        super().__init__(
            scope,
            construct_id,
            rest_api_name=stack.stack_name,
            description="chatkit-lambda",
            # Not edge-optimised: such an API cuts a stream that is silent for 30 s.
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=config.api_gateway_log_role,
            binary_media_types=[DIRECT_TYPE],
            deploy_options=apigateway.StageOptions(
                stage_name=config.stage,
                access_log_destination=apigateway.LogGroupLogDestination(log_group(scope, "AccessLogs", config=config)),
                access_log_format=apigateway.AccessLogFormat.custom(stack.to_json_string(_ACCESS_LOG)),
                # Errors of the gateway's own; never the bodies.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                throttling_rate_limit=config.requests_per_second,
                throttling_burst_limit=config.request_burst,
            ),
        )
        self._add_chat_route(chat)
        self._add_api_routes(api, signed="iam" in config.identity)
        self._let_pages_read_errors()
        self.start_arn = self.arn_for_execute_api("POST", START_PATH, config.stage)
        """What a call that names a user is allowed on."""

    def _add_chat_route(self, chat: ServiceFunction) -> None:
        integration = apigateway.LambdaIntegration(
            chat.live,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
            response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
            timeout=chat.timeout,
            allow_test_invoke=False,
        )
        chatkit = self.root.add_resource("chatkit")
        for method in ("POST", "OPTIONS"):
            chatkit.add_method(method, integration, authorization_type=apigateway.AuthorizationType.NONE)

    def _add_api_routes(self, function: ServiceFunction, *, signed: bool) -> None:
        integration = apigateway.LambdaIntegration(
            function.live,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
            timeout=function.timeout,
            allow_test_invoke=False,
        )
        api = self.root.add_resource("api")
        chatkit = api.add_resource("chatkit")
        # What the function itself protects, by the client token. `chatkit` is a resource of its own, and has its own proxy:
        # whether what is below it falls through to its parent's is nothing that API Gateway's documents promise.
        for parent in (api, chatkit):
            parent.add_resource("{proxy+}").add_method(
                "ANY", integration, authorization_type=apigateway.AuthorizationType.NONE
            )
        # Whoever signs this call may name any user: it is for the integrator's own server alone. Any other identity is
        # for the function to check.
        authorization = apigateway.AuthorizationType.IAM if signed else apigateway.AuthorizationType.NONE
        start = chatkit.add_resource("start")
        start.add_method("POST", integration, authorization_type=authorization)
        start.add_method("OPTIONS", integration, authorization_type=apigateway.AuthorizationType.NONE)

    def _let_pages_read_errors(self) -> None:
        """Gives the gateway's own answers (429, 413, 5xx) a CORS header: without, a page sees no status at all.

        The header can only be a constant or a copy, so it names whichever origin asked. These answers hold a
        sentence by API Gateway and nothing else. Beside it they carry what every answer of the functions does.
        """
        for kind in (apigateway.ResponseType.DEFAULT_4_XX, apigateway.ResponseType.DEFAULT_5_XX):
            self.add_gateway_response(
                str(kind.response_type).title().replace("_", ""), type=kind, response_headers=_READABLE
            )
        # What is too large for API Gateway, or as an event for Lambda, never reaches the function that would explain it.
        self.add_gateway_response(
            "RequestTooLarge",
            type=apigateway.ResponseType.REQUEST_TOO_LARGE,
            response_headers=_READABLE,
            templates={"application/json": json.dumps(_TOO_LARGE)},
        )

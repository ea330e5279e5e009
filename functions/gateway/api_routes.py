"""The api function's routes, on Powertools' resolvers.

| route | does |
| --- | --- |
| `POST /api/chatkit/start` | a trusted identity, `{"user"}`, is exchanged for `{"client_secret", "expires_at"}` |
| `GET /api/health` | says that the function runs |

The first is one of the two routes of ChatKit's own guide (https://platform.openai.com/docs/guides/chatkit).
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final, cast

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic_core import from_json

from functions.errors import BodyTooLarge, Forbidden, InvalidRequest, NotFound, RequestError
from functions.gateway.cors import Cors
from functions.gateway.request import Event, Request, from_event
from functions.gateway.response import COMMON_HEADERS, error_body
from functions.identity.base import TokenIssuer, checked_user
from functions.settings import Identity

BODY_BYTES: Final = 10_000
"""The largest body of a session request."""

_log: Final = logging.getLogger(__name__)


class ApiRoutes:
    """Answers both event formats in the format that was asked in."""

    def __init__(self, *, tokens: TokenIssuer, cors: Cors, identity: Identity) -> None:
        """`identity`: `local` believes the caller; `iam` believes a caller whose signature API Gateway has checked."""
        self._tokens = tokens
        self._cors = cors
        self._identity = identity
        router = Router()
        router.post("/api/chatkit/start")(self._start)
        router.get("/api/health")(_health)
        router.route(".+", method="OPTIONS")(self._preflight)
        self._router = router
        self._rest_api = APIGatewayRestResolver()
        self._function_url = LambdaFunctionUrlResolver()
        for resolver in (self._rest_api, self._function_url):
            resolver.include_router(router)
            resolver.exception_handler(RequestError)(_refused)
            resolver.exception_handler(Exception)(self._failed)
            resolver.not_found(_no_such_route)  # pyright: ignore[reportUnknownMemberType] - Powertools leaves it open

    def handle(self, event: Event) -> dict[str, Any]:
        """The result that Lambda hands back to the caller."""
        try:
            request = from_event(event)
        except RequestError as error:
            headers = {**COMMON_HEADERS, "content-type": "application/json"}
            return {"statusCode": error.status, "headers": headers, "body": error_body(error).decode()}
        resolver = self._rest_api if "httpMethod" in event else self._function_url
        resolver.append_context(request=request)  # pyright: ignore[reportUnknownMemberType]
        result = resolver.resolve(event, cast("Any", None))
        for name, value in {**COMMON_HEADERS, **self._cors.headers(request)}.items():
            if "multiValueHeaders" in result:
                result["multiValueHeaders"][name] = [value]
            else:
                result["headers"][name] = value
        return result

    def _preflight(self) -> Response[str]:
        return Response(status_code=200, body="", headers=self._cors.preflight_headers(self._request))

    def _start(self) -> Response[str]:
        request = self._request
        if self._identity == "iam" and request.caller_arn is None:
            raise Forbidden("This route is for callers with an AWS signature.")
        if len(request.body) > BODY_BYTES:
            raise BodyTooLarge(BODY_BYTES)
        try:
            body: Any = from_json(request.body, allow_inf_nan=False)
        except ValueError as error:
            raise InvalidRequest("", "the body is not valid JSON") from error
        if not isinstance(body, dict):
            raise InvalidRequest("", "the body must be a JSON object")
        token = self._tokens.issue(checked_user(cast("dict[str, Any]", body).get("user")))
        return _json(200, {"client_secret": token.client_secret, "expires_at": token.expires_at})

    def _failed(self, error: Exception) -> Response[str]:
        extra = {"error": type(error).__name__, "request_id": self._request.request_id}
        _log.error("a request failed", extra=extra)
        return _json(500, {"code": "internal", "message": "Something went wrong."})

    @property
    def _request(self) -> Request:
        return cast("Request", self._router.context["request"])  # pyright: ignore[reportUnknownMemberType]


def _health() -> Response[str]:
    return _json(200, {"status": "ok"})


def _refused(error: RequestError) -> Response[str]:
    return Response(status_code=error.status, content_type="application/json", body=error_body(error).decode())


def _no_such_route(_error: Exception) -> Response[str]:
    return _refused(NotFound("There is no such route."))


def _json(status: int, content: Mapping[str, Any]) -> Response[str]:
    return Response(status_code=status, content_type="application/json", body=json.dumps(content))

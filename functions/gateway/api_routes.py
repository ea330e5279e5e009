"""The api function's routes, on Powertools' resolver.

| route | does |
| --- | --- |
| `POST /api/chatkit/start` | a trusted identity, `{"user"}`, is exchanged for `{"client_secret", "expires_at"}` |
| `GET /api/health` | says that the function runs |

The first is one of the two routes of ChatKit's own guide (https://platform.openai.com/docs/guides/chatkit).
"""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from pydantic_core import from_json

from functions.errors import BodyTooLarge, Forbidden, InvalidRequest, NotFound, RequestError
from functions.gateway.cors import Cors
from functions.gateway.faults import fault_body, log_fault
from functions.gateway.request import Event, Request, from_event
from functions.gateway.response import COMMON_HEADERS, error_body
from functions.identity.base import TokenIssuer, checked_user
from functions.settings import Identity

BODY_BYTES: Final = 10_000
"""The largest body of a session request."""


class ApiRoutes:
    """Answers both event formats, with a result that is right in both."""

    def __init__(self, *, tokens: TokenIssuer, cors: Cors, identity: Identity) -> None:
        """`identity`: `local` believes the caller; `iam` believes a caller whose signature API Gateway has checked."""
        self._tokens = tokens
        self._cors = cors
        self._identity = identity
        self._resolver = APIGatewayRestResolver()
        self._resolver.post("/api/chatkit/start")(self._start)
        self._resolver.get("/api/health")(_health)
        self._resolver.route(".+", method="OPTIONS")(self._preflight)
        self._resolver.exception_handler(RequestError)(_refused)
        self._resolver.exception_handler(Exception)(self._failed)
        self._resolver.not_found(_no_such_route)  # pyright: ignore[reportUnknownMemberType] - Powertools leaves it open

    def handle(self, event: Event) -> dict[str, Any]:
        """The result that Lambda hands back to the caller."""
        try:
            request = from_event(event)
        except RequestError as error:
            headers = {**COMMON_HEADERS, "content-type": "application/json"}
            return _result(error.status, headers, error_body(error).decode())
        # Powertools takes every field of its event for granted, so it is given what was read and checked.
        checked = {"httpMethod": request.method, "path": request.path, "headers": dict(request.headers)}
        self._resolver.append_context(request=request)  # pyright: ignore[reportUnknownMemberType]
        answer = self._resolver.resolve(checked, cast("Any", None))
        headers = {name.lower(): ", ".join(values) for name, values in answer["multiValueHeaders"].items()}
        return _result(
            answer["statusCode"], {**headers, **COMMON_HEADERS, **self._cors.headers(request)}, answer["body"]
        )

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
        log_fault(error, self._request.request_id)
        return Response(status_code=500, content_type="application/json", body=fault_body().decode())

    @property
    def _request(self) -> Request:
        return cast("Request", self._resolver.context["request"])  # pyright: ignore[reportUnknownMemberType]


def _result(status: int, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    # Both formats take these four fields (the addresses are those of `request`), and a REST API refuses any other.
    return {"statusCode": status, "headers": dict(headers), "body": body, "isBase64Encoded": False}


def _health() -> Response[str]:
    return _json(200, {"status": "ok"})


def _refused(error: RequestError) -> Response[str]:
    return Response(status_code=error.status, content_type="application/json", body=error_body(error).decode())


def _no_such_route(_error: Exception) -> Response[str]:
    return _refused(NotFound("There is no such route."))


def _json(status: int, content: Mapping[str, Any]) -> Response[str]:
    return Response(status_code=status, content_type="application/json", body=json.dumps(content))

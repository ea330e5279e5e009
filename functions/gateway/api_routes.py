"""The api function's routes, on Powertools' resolver, and what they share: errors, CORS, headers, `GET /api/health`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from functions.errors import NotFound, RequestError
from functions.gateway.cors import Cors
from functions.gateway.faults import fault_body, log_fault
from functions.gateway.request import Event, Request, from_event
from functions.gateway.response import COMMON_HEADERS, error_body, error_headers
from functions.gateway.routes import Answer, Route, RouteGroup
from functions.translations import parse_accept_language


class ApiRoutes:
    """Answers both event formats, with a result that is right in both."""

    def __init__(self, *groups: RouteGroup, cors: Cors) -> None:
        self._cors = cors
        self._resolver = APIGatewayRestResolver()
        self.routes: Final = (*(route for group in groups for route in group.routes()), _HEALTH)
        """All that is served, beside preflights."""
        for route in self.routes:
            self._add(route)
        self._resolver.route(".+", method="OPTIONS")(self._preflight)
        self._resolver.exception_handler(RequestError)(self._refused)
        self._resolver.exception_handler(Exception)(self._failed)
        self._resolver.not_found(self._no_such_route)  # pyright: ignore[reportUnknownMemberType] - Powertools leaves it open

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

    def _add(self, route: Route) -> None:
        self._resolver.route(route.path, method=route.method)(self._answering(route))

    def _answering(self, route: Route) -> Callable[..., Response[str]]:
        def answer(**parameters: str) -> Response[str]:
            return _response(route.answer(self._request, **parameters))

        return answer

    def _preflight(self) -> Response[str]:
        return Response(status_code=200, body="", headers=self._cors.preflight_headers(self._request))

    def _refused(self, error: RequestError) -> Response[str]:
        return _json(error.status, error_body(error, self._locales).decode(), error_headers(error))

    def _no_such_route(self, _error: Exception) -> Response[str]:
        return self._refused(NotFound("There is no such route."))

    def _failed(self, error: Exception) -> Response[str]:
        log_fault(error, self._request.request_id)
        return _json(500, fault_body(self._locales).decode())

    @property
    def _request(self) -> Request:
        return cast("Request", self._resolver.context["request"])  # pyright: ignore[reportUnknownMemberType]

    @property
    def _locales(self) -> Sequence[str]:
        return tuple(parse_accept_language(self._request.headers.get("accept-language", "")))


def _result(status: int, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    # Both formats take these four fields (the addresses are those of `request`), and a REST API refuses any other.
    return {"statusCode": status, "headers": dict(headers), "body": body, "isBase64Encoded": False}


def _health(_request: Request) -> Answer:
    return Answer({"status": "ok"})


_HEALTH: Final = Route("GET", "/api/health", _health)


def _response(answer: Answer) -> Response[str]:
    return _json(answer.status, answer.body(), answer.headers)


def _json(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response[str]:
    return Response(status_code=status, content_type="application/json", body=body, headers=dict(headers or {}))

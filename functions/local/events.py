"""HTTP ⇄ Lambda events, as AWS converts them; pure.

- Function URL, payload 2.0: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
- API Gateway REST proxy, payload 1.0:
  https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from functions.attachments.limits import DIRECT_TYPE, media_type

BODY_LIMIT: Final = 6 * 1024 * 1024
"""Bytes: "Invocation payload (request and response): 6 MB each for request and response (synchronous)"
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection, which no gateway passes on (RFC 9110 section 7.6.1)."""

BINARY_TYPES: Final = frozenset({DIRECT_TYPE})
"""The REST API's `binaryMediaTypes`, as `infra` sets them: bodies of these types come as base64, all others as text
(https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html)."""

_ANONYMOUS: Final = "anonymous"
"""`accountId` of a caller who has signed nothing."""
_TEXT_TYPES: Final = re.compile(
    r"text/|application/(?:json|javascript|xml)\b|application/[\w.+-]+\+(?:json|xml)\b", re.IGNORECASE
)
"""Bodies that a Function URL hands over as text; all others come as base64."""

Event = dict[str, Any]
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came from the wire."""

    method: str
    path: str
    """As sent: percent-encoded, without the query."""
    query: str
    """As sent, without `?`."""
    headers: Headers
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What the caller gets."""

    status: int
    headers: Headers
    body: bytes


class MalformedResult(Exception):
    """The function returned what AWS cannot make an HTTP response of."""


def function_url_event(request: HttpRequest, *, request_id: str, now: float) -> Event:
    """The event of a Function URL with `AuthType: NONE`; `now` in seconds since 1970.

    Header names are in lower case, repeated ones joined by `,`, and cookies stand apart.
    """
    passed = [(name.lower(), value) for name, value in _passed_on(request)]
    joined = _joined(pair for pair in passed if pair[0] != "cookie")
    cookies = [cookie.strip() for name, value in passed if name == "cookie" for cookie in value.split(";")]
    domain = _domain(passed)
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": joined,
        "requestContext": {
            "accountId": _ANONYMOUS,
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": joined.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": _clf_time(now),
            "timeEpoch": int(now * 1000),
        },
        **_function_url_body(request),
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _joined(_query_pairs(request.query))
    return event


def rest_api_event(request: HttpRequest, *, resource_root: str, stage: str, request_id: str, now: float) -> Event:
    """The event of a REST API whose resource is `{resource_root}/{proxy+}`; `now` in seconds since 1970.

    Header names keep their case, and repeated headers and parameters come both ways: the last value, and all of them. A
    body that is of no binary type loses what is no UTF-8.
    """
    passed = _passed_on(request)
    pairs = _query_pairs(request.query)
    domain = _domain(passed)
    resource = f"{resource_root}/{{proxy+}}"
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(passed),
        "multiValueHeaders": _gathered(passed),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _gathered(pairs) or None,
        "pathParameters": {"proxy": request.path.removeprefix(resource_root).lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "extendedRequestId": request_id,
            "httpMethod": request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "sourceIp": request.source_ip,
                "user": None,
                "userAgent": next((value for name, value in passed if name.lower() == "user-agent"), None),
                "userArn": None,
            },
            "path": f"/{stage}{request.path}",
            "protocol": request.protocol,
            "requestId": request_id,
            "requestTime": _clf_time(now),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": "local",
            "resourcePath": resource,
            "stage": stage,
        },
        **_rest_api_body(request),
    }


def function_url_response(result: bytes | None) -> HttpResponse:
    """What a Function URL makes of a buffered result.

    "If your function returns valid JSON and doesn't return a `statusCode`", it is the body of a 200. Raises
    `MalformedResult`.
    """
    parsed = _parsed(result)
    if not isinstance(parsed, dict) or "statusCode" not in parsed:
        return HttpResponse(status=200, headers=[("content-type", "application/json")], body=result or b"null")
    answer = cast("dict[str, Any]", parsed)
    headers = _header_pairs(answer.get("headers"))
    headers += [("set-cookie", str(cookie)) for cookie in answer.get("cookies") or ()]
    return _response(answer, headers)


def rest_api_response(result: bytes | None) -> HttpResponse:
    """What a REST API makes of a proxy result; where a header is in both, only `multiValueHeaders` counts.

    Raises `MalformedResult`.
    """
    parsed = _parsed(result)
    if not isinstance(parsed, dict) or "statusCode" not in parsed:
        raise MalformedResult("the result has no statusCode")
    answer = cast("dict[str, Any]", parsed)
    repeated = cast("dict[str, list[Any]]", answer.get("multiValueHeaders") or {})
    headers = [(name.lower(), str(value)) for name, values in repeated.items() for value in values]
    seen = {name for name, _ in headers}
    headers += [pair for pair in _header_pairs(answer.get("headers")) if pair[0] not in seen]
    return _response(answer, headers)


def passed_back(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """A function's headers as the caller gets them: in lower case, without what is the gateway's own to say."""
    own = HOP_BY_HOP | {"content-length"}
    return [(name.lower(), value) for name, value in headers if name.lower() not in own]


def _passed_on(request: HttpRequest) -> list[tuple[str, str]]:
    passed = [(name, value) for name, value in request.headers if name.lower() not in HOP_BY_HOP]
    return [
        *(pair for pair in passed if not pair[0].lower().startswith("x-forwarded-")),
        ("x-forwarded-for", request.source_ip),
        ("x-forwarded-proto", "http"),
    ]


def _domain(headers: Headers) -> str:
    host = next((value for name, value in headers if name.lower() == "host"), "localhost")
    return re.sub(r":\d*$", "", host)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: ",".join(values) for name, values in _gathered(pairs).items()}


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _query_pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _function_url_body(request: HttpRequest) -> Event:
    if not request.body:
        return {"isBase64Encoded": False}
    named = _named(request)
    if _TEXT_TYPES.match(named.get("content-type", "")) and "content-encoding" not in named:
        try:
            return {"body": request.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # it is not the text that it claims to be, so its bytes are kept
    return _base64_body(request)


def _rest_api_body(request: HttpRequest) -> Event:
    if not request.body:
        return {"body": None, "isBase64Encoded": False}
    if media_type(_named(request).get("content-type", "")) in BINARY_TYPES:
        return _base64_body(request)
    return {"body": request.body.decode(errors="replace"), "isBase64Encoded": False}


def _base64_body(request: HttpRequest) -> Event:
    return {"body": base64.b64encode(request.body).decode("ascii"), "isBase64Encoded": True}


def _named(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers}


def _clf_time(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _parsed(result: bytes | None) -> Any:
    try:
        return json.loads(result) if result else None
    except ValueError as error:
        raise MalformedResult("the result is not JSON") from error


def _header_pairs(headers: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    return [
        (name.lower(), str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in (headers or {}).items()
    ]


def _response(answer: Mapping[str, Any], headers: list[tuple[str, str]]) -> HttpResponse:
    try:
        status = int(answer["statusCode"])
        text = answer.get("body")
        body = b"" if text is None else str(text).encode()
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise MalformedResult("the result's statusCode or body cannot be read") from error
    headers = passed_back(headers)
    if all(name != "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return HttpResponse(status=status, headers=headers, body=body)

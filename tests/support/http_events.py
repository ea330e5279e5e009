"""HTTP requests as Lambda gets them, in both event formats."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

Event: TypeAlias = dict[str, Any]
Build: TypeAlias = Callable[..., Event]

REQUEST_ID = "5b7d6e0a-0001"


def function_url(
    method: str = "POST",
    path: str = "/chatkit",
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    body: str | None = None,
    is_base64: bool = False,
) -> Event:
    """A Function URL's event, as AWS documents it. A method without a body has no `body` field."""
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers or {}),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-central-1.on.aws",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
            "requestId": REQUEST_ID,
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": 1_800_000_000_000,
        },
        "isBase64Encoded": is_base64,
    }
    return event if body is None else {**event, "body": body}


def rest_api(
    method: str = "POST",
    path: str = "/chatkit",
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    body: str | None = None,
    is_base64: bool = False,
    signed_by: str | None = None,
) -> Event:
    """An API Gateway REST proxy event, as AWS documents it. Without headers both fields are null."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(headers) if headers else None,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} if headers else None,
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": {name: [v for n, v in pairs if n == name] for name, _ in pairs} or None,
        "pathParameters": {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": REQUEST_ID,
            "stage": "prod",
            "httpMethod": method,
            "path": "/prod" + path,
            "identity": {"sourceIp": "192.0.2.1", "userArn": signed_by, "userAgent": "x"},
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


FORMATS: tuple[Build, ...] = (function_url, rest_api)

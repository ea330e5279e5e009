"""One `Request`, whatever brought it: a Function URL (payload 2.0) or an API Gateway REST API (proxy event, 1.0).

Shapes: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

from functions.errors import InvalidRequest

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case; a repeated header's values are joined by `, ` (RFC 9110 section 5.2), a cookie's by `; `."""
    body: bytes
    request_id: str
    source_ip: str = ""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """The query string's parameters, decoded; of one that is repeated, the last value."""
    caller_arn: str | None = None
    """Who signed the call, where API Gateway has checked an AWS signature."""

    def bearer_token(self) -> str | None:
        """The token of `Authorization: Bearer ...`; None without one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


def from_event(event: Event) -> Request:
    """Reads either event format. Raises `InvalidRequest` where the event is neither, or its body is broken base64.

    Whoever may invoke the function may send anything: what is missing, null or of another type counts as not there.
    """
    event = _mapping(event)
    context = _mapping(event.get("requestContext"))
    http = context.get("http")
    if isinstance(http, Mapping):
        return _from_function_url(event, context, cast("Event", http))
    if "httpMethod" in event:
        return _from_rest_api(event, context)
    raise InvalidRequest("", "this is neither a Function URL event nor an API Gateway proxy event")


def _from_function_url(event: Event, context: Event, http: Event) -> Request:
    return Request(
        method=_text(http.get("method")).upper(),
        path=_text(event.get("rawPath")) or "/",
        headers={**_headers(event), **_cookies(event)},
        body=_body(event),
        request_id=_text(context.get("requestId")),
        source_ip=_text(http.get("sourceIp")),
        query=dict(parse_qsl(_text(event.get("rawQueryString")), keep_blank_values=True, errors="replace")),
    )


def _from_rest_api(event: Event, context: Event) -> Request:
    # `headers` holds the last value of each name alone; tests and other senders often set nothing else.
    headers = {**_headers(event), **_repeated_headers(event)}
    identity = _mapping(context.get("identity"))
    return Request(
        method=_text(event.get("httpMethod")).upper(),
        path=_text(event.get("path")) or "/",
        headers=headers,
        body=_body(event),
        request_id=_text(context.get("requestId")),
        source_ip=_text(identity.get("sourceIp")),
        query=_query(event),
        caller_arn=_text(identity.get("userArn")) or None,
    )


def _mapping(value: Any) -> Event:
    return cast("Event", value) if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _headers(event: Event) -> dict[str, str]:
    headers = _mapping(event.get("headers"))
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _repeated_headers(event: Event) -> dict[str, str]:
    headers: dict[str, list[str]] = {}
    for name, values in _mapping(event.get("multiValueHeaders")).items():
        if isinstance(values, list):
            texts = [text for text in cast("list[Any]", values) if isinstance(text, str)]
            # One name may have been sent in two spellings.
            headers.setdefault(str(name).lower(), []).extend(texts)
    return {name: ("; " if name == "cookie" else ", ").join(texts) for name, texts in headers.items() if texts}


def _cookies(event: Event) -> dict[str, str]:
    """The `cookie` header, which this format has as a list."""
    cookies = event.get("cookies")
    texts = [text for text in cast("list[Any]", cookies) if isinstance(text, str)] if isinstance(cookies, list) else []
    return {"cookie": "; ".join(texts)} if texts else {}


def _query(event: Event) -> dict[str, str]:
    parameters = _mapping(event.get("queryStringParameters"))
    return {str(name): value for name, value in parameters.items() if isinstance(value, str)}


def _body(event: Event) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidRequest("", "the event's body is not a string")
    if not event.get("isBase64Encoded"):
        # A lone surrogate cannot be encoded; as `?` it is then refused as what it is, wrong JSON or wrong text.
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise InvalidRequest("", "the event's body is not base64") from error

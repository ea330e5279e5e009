"""How a streamed response looks on the Runtime API: pure functions and the constants of the wire.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

import base64
import json
from typing import Any, Final

from functions.runtime.response import StreamingResponse

INVOCATION_PATH: Final = "/2018-06-01/runtime/invocation"

MODE_HEADER: Final = "Lambda-Runtime-Function-Response-Mode"
MODE_STREAMING: Final = "streaming"

INVOCATION_ID_HEADER: Final = "Lambda-Runtime-Invocation-Id"
"""Not documented; awslambdaric sends back what `next` gave."""

PRELUDE_CONTENT_TYPE: Final = "application/vnd.awslambda.http-integration-response"
"""Says that status and headers come first, as JSON, then `PRELUDE_END`, then the body."""

PRELUDE_END: Final = bytes(8)

ERROR_TYPE_TRAILER: Final = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY_TRAILER: Final = "Lambda-Runtime-Function-Error-Body"
"""Base64 of the error's JSON."""

_ERROR_MESSAGE: Final = "The response broke off. The function's log says where."


def prelude(response: StreamingResponse) -> bytes:
    """Status, headers and cookies as the stream's first bytes. Raises `TypeError` when one of them is no JSON."""
    head: dict[str, Any] = {"statusCode": response.status, "headers": dict(response.headers)}
    if response.cookies:
        head["cookies"] = list(response.cookies)
    # JSON escapes NUL, so the first eight NUL bytes are the prelude's end.
    return json.dumps(head, separators=(",", ":")).encode() + PRELUDE_END


def frame(chunk: bytes) -> bytes:
    """One chunk of a chunked body (https://www.rfc-editor.org/rfc/rfc9112#section-7.1); `chunk` is not empty.

    By hand, as h11 needs 6 µs for each chunk where this needs a third of one.
    """
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


def request_headers(*, address: str, invocation_id: str | None) -> list[tuple[str, str]]:
    """The headers of the POST that carries a streamed response to the Runtime API at `address`."""
    headers = [
        ("Host", address),
        ("Content-Type", PRELUDE_CONTENT_TYPE),
        (MODE_HEADER, MODE_STREAMING),
        ("Transfer-Encoding", "chunked"),
        ("Trailer", ERROR_TYPE_TRAILER),
        ("Trailer", ERROR_BODY_TRAILER),
    ]
    if invocation_id is not None:
        headers.append((INVOCATION_ID_HEADER, invocation_id))
    return headers


def error_trailers(error: BaseException) -> list[tuple[str, str]]:
    """The trailers of a stream that `error` has ended: they name its type, and never quote it."""
    kind = type(error).__name__
    body = json.dumps({"errorMessage": _ERROR_MESSAGE, "errorType": kind}).encode()
    return [
        (ERROR_TYPE_TRAILER, kind.encode("ascii", "replace").decode()),
        (ERROR_BODY_TRAILER, base64.b64encode(body).decode()),
    ]

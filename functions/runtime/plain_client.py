"""The buffered half of the Runtime API in plain Python.

awslambdaric brings it as a C extension, which is built for Linux only. This stands in for that module elsewhere, so that
the local stack runs on any machine. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final

from functions.runtime.wire import INVOCATION_ID_HEADER, INVOCATION_PATH

_DEADLINE_HEADER: Final = "Lambda-Runtime-Deadline-Ms"
_HEADERS: Final = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Aws-Tenant-Id",
    INVOCATION_ID_HEADER,
    "Content-Type",
)


class PlainClient:
    """The functions of awslambdaric's `runtime_client` module, as methods."""

    def __init__(self, address: str) -> None:
        """`address` is the Runtime API's `host:port`."""
        self._address = address

    def next(self) -> tuple[bytes, dict[str, Any]]:
        """Waits for the next event; gives its bytes and the headers that awslambdaric looks for.

        Raises `RuntimeError` when the Runtime API refuses or has gone.
        """
        response, body = self._exchange("GET", f"{INVOCATION_PATH}/next", None, {})
        headers: dict[str, Any] = {name: response.headers.get(name) for name in _HEADERS}
        headers[_DEADLINE_HEADER] = int(response.headers.get(_DEADLINE_HEADER, "0"))
        return body, headers

    def post_invocation_result(
        self, invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None
    ) -> None:
        """Posts a buffered response. Raises `RuntimeError` when it is not accepted."""
        self._post(f"{invoke_id}/response", result, {"Content-Type": content_type}, invocation_id)

    def post_error(self, invoke_id: str, error: str, xray_cause: str, invocation_id: str | None = None) -> None:
        """Posts the JSON of the error by which an invocation failed. Raises `RuntimeError` when it is not accepted."""
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-XRay-Error-Cause": xray_cause}
        self._post(f"{invoke_id}/error", error.encode(), headers, invocation_id)

    def _post(self, path: str, body: bytes, headers: dict[str, str], invocation_id: str | None) -> None:
        if invocation_id is not None:
            headers[INVOCATION_ID_HEADER] = invocation_id
        self._exchange("POST", f"{INVOCATION_PATH}/{path}", body, headers)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self._address)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            raise RuntimeError(f"The Runtime API could not be reached for {method} {path}.") from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise RuntimeError(f"The Runtime API answered {method} {path} with status {response.status}.")
        return response, content

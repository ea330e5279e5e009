"""HTTP calls that a smoke test makes: each byte's time of arrival, and each failure in words that say what to do."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from functions.errors import ChatKitLambdaError

SECONDS: Final = 60.0
"""The longest silence: the chat function sends a keep-alive after ten seconds of it."""
MAX_BYTES: Final = 10_000_000
"""The most that an answer may have."""
_CHUNK: Final = 65_536
_FUNCTION_URL: Final = ".lambda-url."
_OK: Final = 200
_TRUST: Final = "http://127.0.0.1:8787/chatkit, or the output ChatUrl of a deployment"


class SmokeFailed(ChatKitLambdaError):
    """What was tried does not work; the message says what, and where to look."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that arrived together."""

    seconds: float
    """Since the request was sent, its connection included."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with the times of its parts."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    arrivals: tuple[Arrival, ...]
    seconds: float
    """Until its end."""

    @property
    def body(self) -> bytes:
        """All of it."""
        return b"".join(arrival.content for arrival in self.arrivals)


def checked(url: str) -> SplitResult:
    """The address, taken apart. Raises `SmokeFailed`."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address, parts = False, SplitResult("", "", "", "", "")
    if not is_address or any(ord(character) <= ord(" ") for character in url):
        raise SmokeFailed(f"{url!r} is no address such as {_TRUST}")
    return parts


def call(
    url: str,
    content: Mapping[str, Any] | None,
    *,
    headers: Mapping[str, str],
    method: str = "POST",
    clock: Callable[[], float] = time.perf_counter,
) -> Reply:
    """Sends a request, and takes the answer as it comes. Raises `SmokeFailed` where there is none, or not all of it."""
    parts = checked(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc.rpartition("@")[2], timeout=SECONDS)
    began = clock()
    arrivals: list[Arrival] = []
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body = None if content is None else json.dumps(content).encode()
        connection.request(method, target, body=body, headers={"content-type": "application/json", **headers})
        response = connection.getresponse()
        size = 0
        while piece := response.read1(_CHUNK):
            arrivals.append(Arrival(clock() - began, piece))
            size += len(piece)
            if size > MAX_BYTES:
                raise SmokeFailed(f"{url} sends more than {MAX_BYTES:,} bytes: it is no chatkit-lambda")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)  # what `read1` says nothing of
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, tuple(arrivals), clock() - began)
    except (OSError, http.client.HTTPException) as error:
        raise SmokeFailed(unreachable(parts, error, began=bool(arrivals))) from error
    finally:
        connection.close()


def unreachable(parts: SplitResult, error: Exception, *, began: bool) -> str:
    """Why there is no answer, or no end of it."""
    where = parts.hostname or ""
    if began:
        return f"{where} broke its answer off ({type(error).__name__}): the function's log says why it ended"
    match error:
        case socket.gaierror():
            return (
                f"there is no host {where} (DNS): is the address complete, and is the stack that it is of still there?"
            )
        case ssl.SSLCertVerificationError():
            return f"{where} has no certificate that this machine trusts (TLS): {error.args[-1]}"
        case ssl.SSLError():
            return f"{where} does not speak TLS as it should ({error.args[-1]}): is it http, or another port?"
        case TimeoutError():
            return f"{where} did not answer within {SECONDS:.0f} seconds"
        case ConnectionRefusedError():
            return f"nothing listens at {parts.netloc.rpartition('@')[2]}; for the local stack: make dev"
        case http.client.BadStatusLine() | http.client.RemoteDisconnected() | ConnectionResetError():
            return f"{where} closed the connection without an answer: is it http or https?"
        case _:
            return f"{where} could not be asked ({type(error).__name__}: {error})"


def refused(reply: Reply, url: str, *, doing: str) -> str:
    """Why an answer is none that was hoped for; `doing` says what was asked."""
    where = urlsplit(url).hostname or ""
    kind = reply.headers.get("x-amzn-errortype", "").partition(":")[0]
    said = _message(reply.body)
    match reply.status:
        case 401:
            return f"{doing}: the token is refused (401, {said}): is it of this stage, and younger than ten minutes?"
        case 403 if _FUNCTION_URL in where:
            return (
                f"{doing}: the Function URL lets nobody in (403, {said}). Since October 2025 its resource policy needs both "
                "lambda:InvokeFunctionUrl and lambda:InvokeFunction for everybody: deploy anew with this project's CDK"
            )
        case 403 if kind == "MissingAuthenticationTokenException":
            return f"{doing}: API Gateway has no such route, or wants a signature (403, {said})"
        case 403:
            return f"{doing}: it is not allowed (403, {said})"
        case 404:
            return f"{doing}: there is nothing at {url} (404): ChatUrl ends in /chatkit, ApiUrl in /api"
        case 429:
            return (
                f"{doing}: too many requests (429, {said}): the REST API's rate, the account's concurrency, or a limit"
            )
        case 413:
            return f"{doing}: the request is too large for it (413)"
        case 500 | 502 | 503 | 504:
            return f"{doing}: it failed (HTTP {reply.status}, {said}): the function's log says why"
        case status:
            return f"{doing}: it was answered with HTTP {status} ({said})"


def read_json(reply: Reply, url: str, *, doing: str) -> dict[str, Any]:
    """The object of an answer that is as it should be. Raises `SmokeFailed`."""
    if reply.status != _OK:
        raise SmokeFailed(refused(reply, url, doing=doing))
    try:
        found: Any = json.loads(reply.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SmokeFailed(f"{doing}: {url} answers with something else than JSON: it is no chatkit-lambda")
    return cast("dict[str, Any]", found)


def _message(body: bytes) -> str:
    try:
        found: Any = json.loads(body)
        return str(found.get("message") or found.get("Message") or "no reason given")[:300]
    except (ValueError, AttributeError):
        return "no reason given"

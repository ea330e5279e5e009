"""Sample events (`events/`): which function each is for, and the placeholders that are filled in when it is run.

| placeholder | becomes |
| --- | --- |
| `${TOKEN}` | a fresh client token of the user (alice, unless another is named) |
| `${OTHER_TOKEN}` | a fresh client token of somebody else |
| `${THREAD}` | the id of a thread of the user, begun for this run |
| `${ITEM}` | the id of the user's message in that thread |
| `${USER}` | the user |
| `${THREAD_KEY}` | the sort key of `${THREAD}` in the table |
| `${DELETED_THREAD_KEY}` | the sort key of a thread of the user that was begun for this run, and deleted |
| `${BUCKET}` | the bucket |
| `${PNG_UPLOAD}`, `${PDF_UPLOAD}` | the name of an object: a file that the user has announced and uploaded |
| `${FALSE_UPLOAD}` | the same, but a program that was announced as a picture |
| `${SECOND_UPLOAD}` | the same, where a file was uploaded and accepted before |
| `${DELETED_UPLOAD}` | the same, where the user has deleted the attachment before |
| `${TOKEN_SECRET}` | the secret that holds the key of client tokens |
| `${EMPTY_VERSION}` | a version of it for a rotation that has just begun |
| `${NEW_KEY_VERSION}` | a version of it for a rotation that has made its key |
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, cast

from functions.attachments import bucket
from functions.errors import ChatKitLambdaError
from functions.local import resources
from functions.local.events import HttpRequest, function_url_event
from functions.store import keys

TOKEN: Final = "TOKEN"  # noqa: S105 - a name
OTHER_TOKEN: Final = "OTHER_TOKEN"  # noqa: S105 - a name
THREAD: Final = "THREAD"
ITEM: Final = "ITEM"
USER: Final = "USER"
THREAD_KEY: Final = "THREAD_KEY"
DELETED_THREAD_KEY: Final = "DELETED_THREAD_KEY"
BUCKET: Final = "BUCKET"
PNG_UPLOAD: Final = "PNG_UPLOAD"
PDF_UPLOAD: Final = "PDF_UPLOAD"
FALSE_UPLOAD: Final = "FALSE_UPLOAD"
SECOND_UPLOAD: Final = "SECOND_UPLOAD"
DELETED_UPLOAD: Final = "DELETED_UPLOAD"
UPLOADS: Final = frozenset({PNG_UPLOAD, PDF_UPLOAD, FALSE_UPLOAD, SECOND_UPLOAD, DELETED_UPLOAD})
TOKEN_SECRET: Final = "TOKEN_SECRET"  # noqa: S105 - a name
EMPTY_VERSION: Final = "EMPTY_VERSION"
NEW_KEY_VERSION: Final = "NEW_KEY_VERSION"
ROTATION: Final = frozenset({TOKEN_SECRET, EMPTY_VERSION, NEW_KEY_VERSION})
"""What only a rotation needs."""
PLACEHOLDERS: Final = (
    frozenset({TOKEN, OTHER_TOKEN, THREAD, ITEM, USER, THREAD_KEY, DELETED_THREAD_KEY, BUCKET}) | UPLOADS | ROTATION
)

FunctionName = Literal["chat", "api", "thread", "attachment", "sweep", "rotation"]
HANDLERS: Final[Mapping[FunctionName, str]] = {
    "chat": "functions.handlers.chat.handler",
    "api": "functions.handlers.api.handler",
    "thread": "functions.handlers.threads.handler",
    "attachment": "functions.handlers.attachments.handler",
    "sweep": "functions.handlers.sweep.handler",
    "rotation": "functions.handlers.rotation.handler",
}

ANSWER_HTTP: Final[frozenset[FunctionName]] = frozenset({"chat", "api"})
"""The functions whose answers are those to HTTP requests."""

_OK: Final = 200
_PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")


class SampleError(ChatKitLambdaError):
    """A sample event cannot be run."""


def function_of(path: Path) -> FunctionName:
    """The function that an event is for: the name of its folder. Raises `SampleError` for any other folder."""
    folder = path.resolve().parent.name
    if folder not in HANDLERS:
        raise SampleError(f"the folder of {path} names no function; say which one with --function")
    return folder


def placeholders(text: str) -> frozenset[str]:
    """The placeholders in an event's text. Raises `SampleError` for one that is not known."""
    found = frozenset(_PLACEHOLDER.findall(text))
    if unknown := found - PLACEHOLDERS:
        raise SampleError(f"unknown placeholder ${{{min(unknown)}}}; there are {', '.join(sorted(PLACEHOLDERS))}")
    return found


def filled(text: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The event. Raises `SampleError` where it is none.

    `values` are plain words, fit for any place in it, but for the user's name, which stands in strings of the event itself.
    """
    try:
        event: Any = json.loads(_PLACEHOLDER.sub(lambda match: json.dumps(values[match[1]])[1:-1], text))
    except ValueError as error:
        raise SampleError(f"it is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise SampleError("it is not a JSON object, as an event is")
    return cast("dict[str, Any]", event)


def token_request(user: str, *, now: float) -> dict[str, Any]:
    """The event for the api function that asks for a token of `user`; `now` in seconds since 1970."""
    return _post("/api/chatkit/start", {"user": user}, now=now)


def token_of(result: Mapping[str, Any]) -> str:
    """The token from the answer to `token_request`. Raises `SampleError` where it was refused."""
    if result.get("statusCode") != _OK:
        raise SampleError(f"there is no token for this user: {result.get('body')}")
    return str(json.loads(result["body"])["client_secret"])


def thread_opening(token: str, *, now: float) -> dict[str, Any]:
    """The event that begins the thread behind `${THREAD}`; `now` in seconds since 1970."""
    message: dict[str, Any] = {
        "content": [{"type": "input_text", "text": "What is a Lambda function?"}],
        "attachments": [],
        "inference_options": {},
    }
    return _post("/chatkit", {"type": "threads.create", "params": {"input": message}}, now=now, token=token)


def thread_deletion(token: str, thread: str, *, now: float) -> dict[str, Any]:
    """The event that deletes a thread; `now` in seconds since 1970."""
    return _post("/chatkit", {"type": "threads.delete", "params": {"thread_id": thread}}, now=now, token=token)


def attachment_creation(token: str, *, mime_type: str, size: int, now: float) -> dict[str, Any]:
    """The event that announces an attachment of `size` bytes; `now` in seconds since 1970."""
    params = {"name": "sample", "mime_type": mime_type, "size": size}
    return _post("/chatkit", {"type": "attachments.create", "params": params}, now=now, token=token)


def attachment_deletion(token: str, attachment: str, *, now: float) -> dict[str, Any]:
    """The event that deletes an attachment; `now` in seconds since 1970."""
    return _post(
        "/chatkit", {"type": "attachments.delete", "params": {"attachment_id": attachment}}, now=now, token=token
    )


def object_created(key: str) -> dict[str, Any]:
    """What S3 says of an object that was created in the bucket, as far as anybody reads it."""
    return {
        "version": "0",
        "id": "prepared",
        "detail-type": bucket.OBJECT_CREATED,
        "source": bucket.EVENT_SOURCE,
        "detail": {"version": "0", "bucket": {"name": resources.BUCKET}, "object": {"key": key}},
    }


def thread_key(user: str, thread: str) -> str:
    """The sort key of a thread."""
    return keys.thread(user, thread).sort


def _post(path: str, content: Mapping[str, Any], *, now: float, token: str | None = None) -> dict[str, Any]:
    headers = [("host", "localhost"), ("content-type", "application/json"), ("accept", "text/event-stream")]
    if token is not None:
        headers.append(("authorization", f"Bearer {token}"))
    request = HttpRequest(
        method="POST",
        path=path,
        query="",
        headers=headers,
        body=json.dumps(content).encode(),
        source_ip="127.0.0.1",
    )
    return function_url_event(request, request_id="prepared", now=now)


def opened_thread(stream: bytes) -> dict[str, str]:
    """`${THREAD}` and `${ITEM}` from the answer to `thread_opening`. Raises `SampleError` where it began none."""
    events = [json.loads(frame[6:]) for frame in stream.decode().split("\n\n") if frame.startswith("data: ")]
    thread = next((event["thread"]["id"] for event in events if event["type"] == "thread.created"), None)
    item = next((event["item"]["id"] for event in events if event["type"] == "thread.item.done"), None)
    if thread is None or item is None:
        raise SampleError("the thread that this event needs could not be begun")
    return {THREAD: thread, ITEM: item}

"""`chatkit-lambda chat MESSAGE` and `rotate-key`: what is said to a running stack, over HTTP."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TextIO, cast
from urllib.parse import urlsplit

from functions.errors import ChatKitLambdaError
from functions.local.front_end import ROTATION_PATH

_SECONDS: Final = 120.0
"""The longest silence; the chat function sends a keep-alive after ten seconds of it."""
_OK: Final = 200


class TalkFailed(ChatKitLambdaError):
    """The stack could not be reached, or refused, or the answer failed."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Speaks for one user to the stack at `url`."""

    url: str
    user: str

    def send(self, message: str, *, thread: str | None) -> Iterator[dict[str, Any]]:
        """Sends a message into `thread`, or begins one, and gives the events of the answer as they come.

        Raises `TalkFailed`.
        """
        token = self._token()
        with _Call(self.url, "/chatkit", request(message, thread=thread), token=token) as answer:
            try:
                yield from events(answer)
            except (OSError, http.client.HTTPException) as error:
                raise TalkFailed("the answer was broken off") from error

    def _token(self) -> str:
        with _Call(self.url, "/api/chatkit/start", {"user": self.user}) as answer:
            return str(_json(answer.read())["client_secret"])


def rotate_key(url: str) -> str:
    """Has the stack at `url` rotate the key that signs client tokens; gives the new key's name. Raises `TalkFailed`."""
    with _Call(url, ROTATION_PATH, {}) as answer:
        return str(_json(answer.read())["kid"])


def request(message: str, *, thread: str | None) -> dict[str, Any]:
    """The protocol's request for a message."""
    params: dict[str, Any] = {
        "input": {
            "content": [{"type": "input_text", "text": message}],
            "attachments": [],
            "inference_options": {},
        }
    }
    if thread is None:
        return {"type": "threads.create", "params": params}
    return {"type": "threads.add_user_message", "params": {**params, "thread_id": thread}}


def events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The events of a stream, each when its line is there."""
    for line in lines:
        if line.startswith(b"data: "):
            yield _json(line.removeprefix(b"data: "))


def show(answer: Iterable[Mapping[str, Any]], *, raw: bool, out: TextIO, err: TextIO) -> None:
    """Prints an answer as it comes: its text to `out` and what else there is to know to `err`; with `raw`, all events.

    Raises `TalkFailed` where the answer ends in an error.
    """
    failure: str | None = None
    for event in answer:
        if raw:
            print(json.dumps(event, ensure_ascii=False), file=out, flush=True)
        else:
            _show_event(event, out=out, err=err)
        if event["type"] == "error":
            failure = str(event.get("message") or event.get("code") or "unknown")
    if failure is not None:
        raise TalkFailed(f"the answer failed: {failure}")


def _show_event(event: Mapping[str, Any], *, out: TextIO, err: TextIO) -> None:
    if event["type"] == "thread.created":
        print(f"thread {event['thread']['id']}", file=err, flush=True)
    elif event["type"] == "thread.item.updated":
        update = event["update"]
        if update["type"] == "assistant_message.content_part.text_delta":
            print(update["delta"], end="", file=out, flush=True)
    elif event["type"] == "thread.item.done" and event["item"]["type"] == "assistant_message":
        print(file=out, flush=True)


class _Call:
    """One POST; a context manager that gives the response's body."""

    def __init__(self, url: str, path: str, content: Mapping[str, Any], *, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise TalkFailed(f"{url!r} is not an address such as http://127.0.0.1:8787")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._url = url
        self._connection = kind(parts.netloc.rpartition("@")[2], timeout=_SECONDS)
        self._path = parts.path.rstrip("/") + path
        self._body = json.dumps(content).encode()
        self._headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> BinaryIO:
        try:
            self._connection.request("POST", self._path, body=self._body, headers=self._headers)
            response = self._connection.getresponse()
        except OSError as error:
            raise TalkFailed(
                f"nothing answers at {self._url} ({error}); start it with `chatkit-lambda serve`"
            ) from error
        if response.status != _OK:
            raise TalkFailed(f"{self._path} was answered with HTTP {response.status}: {_reason(response.read())}")
        return cast("BinaryIO", response)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._connection.close()


def _json(text: bytes) -> dict[str, Any]:
    try:
        return json.loads(text)
    except ValueError as error:
        raise TalkFailed("the answer is not what a chatkit-lambda stack sends") from error


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"

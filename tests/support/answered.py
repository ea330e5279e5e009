"""One request, and its answer whatever the status is: urllib raises those from 400 on."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

SECONDS = 120
"""How long an answer is waited for: a busy machine takes its time."""


class Answered(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    """Names are in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def answered(request: urllib.request.Request) -> Answered:
    """Sends a request. Raises `URLError` where there is no answer."""
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return _read(answer.status, answer)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error.code, error)


def _read(status: int, answer: http.client.HTTPResponse | urllib.error.HTTPError) -> Answered:
    return Answered(status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())

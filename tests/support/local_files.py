"""Files in a running local stack: announced, PUT by a signed URL and sent as a page does it; and what is left of them."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.support.answered import answered
from tests.support.stack import Stack

Json: TypeAlias = dict[str, Any]

TAKEN: Final = {"files", "previews"}
"""Where a picture has objects when it was looked at and accepted: the upload is deleted last."""
_SECONDS: Final = 120


def announce(
    stack: Stack, data: bytes, mime_type: str = "image/png", *, name: str = "Ferien.png", user: str = "alice"
) -> Json:
    """The answer to `attachments.create`."""
    return json.loads(stack.chat("attachments.create", user, name=name, mime_type=mime_type, size=len(data)))


def put(attachment: Json, data: bytes) -> int:
    """The storage's status for an upload to where the attachment's is to go."""
    target = attachment["upload_descriptor"]
    request = urllib.request.Request(target["url"], data=data, headers=target["headers"], method=target["method"])
    return answered(request).status


def send(stack: Stack, *attachments: Json, user: str = "alice") -> list[Json]:
    """The events of the answer to a message with attachments."""
    message = {
        "content": [{"type": "input_text", "text": "Look"}],
        "attachments": [attachment["id"] for attachment in attachments],
        "inference_options": {},
    }
    stream = stack.chat("threads.create", user, input=message)
    return [json.loads(frame[6:]) for frame in stream.split(b"\n\n") if frame.startswith(b"data: ")]


def objects(state_dir: Path, attachment: Json) -> set[str]:
    """The prefixes under which an attachment has objects in S3, as they lie on the disk."""
    found = [path.parts for path in (state_dir / "s3").rglob("*") if path.is_file() and path.name == attachment["id"]]
    return {parts[-3] for parts in found}


def wait_until(is_so: Callable[[], bool]) -> None:
    """Looks again and again, as nobody is told when an object is there, or gone."""
    deadline = time.monotonic() + _SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)

"""Files for the sample events of uploads: announced, uploaded by their signed URLs, and whatever else was done before."""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from functions.local import samples
from functions.local.resources import BUCKET
from functions.local.samples import SampleError

_PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
"""One red pixel."""
_PDF: Final = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
_PROGRAM: Final = b"MZ\x90".ljust(len(_PNG), b"\0")
_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class _Sample:
    """What is done before the event is run."""

    announced: bytes = _PNG
    mime_type: str = "image/png"
    uploaded: tuple[bytes, ...] = (_PNG,)
    """One after the other; all but the last are looked at before the next."""
    is_deleted: bool = False
    """Whether its user deletes the attachment before anything is uploaded."""


_SAMPLES: Final[Mapping[str, _Sample]] = {
    samples.PNG_UPLOAD: _Sample(),
    samples.PDF_UPLOAD: _Sample(_PDF, "application/pdf", (_PDF,)),
    samples.FALSE_UPLOAD: _Sample(uploaded=(_PROGRAM,)),
    samples.SECOND_UPLOAD: _Sample(uploaded=(_PNG, _PROGRAM)),
    samples.DELETED_UPLOAD: _Sample(is_deleted=True),
}

Call = Callable[[dict[str, Any]], bytes]


def uploaded(name: str, token: str, *, chat: Call, attachment: Call) -> str:
    """What a placeholder of `samples.UPLOADS` becomes: the name of an object, which is there.

    `chat` and `attachment` run an event through these functions' handlers. Raises `SampleError` where that fails.
    """
    sample = _SAMPLES[name]
    size = len(sample.announced)
    answer = chat(samples.attachment_creation(token, mime_type=sample.mime_type, size=size, now=time.time()))
    created: dict[str, Any] = json.loads(answer)
    target = created["upload_descriptor"]
    key = urlsplit(str(target["url"])).path.removeprefix(f"/{BUCKET}/")
    if sample.is_deleted:
        chat(samples.attachment_deletion(token, created["id"], now=time.time()))
    *before, last = sample.uploaded
    for data in before:
        _put(target, data)
        attachment(samples.object_created(key))
    _put(target, last)
    return key


def _put(target: Mapping[str, Any], data: bytes) -> None:
    request = urllib.request.Request(target["url"], data=data, headers=target["headers"], method=target["method"])  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - the same
            return
    except urllib.error.URLError as error:
        raise SampleError(f"the file that this event needs could not be uploaded ({error.reason})") from error

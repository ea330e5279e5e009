"""What attachments' objects are called in the bucket, and how they are served. Pure.

| object | name |
| --- | --- |
| what a page has uploaded, until it is known what it is | `uploads/` owner's digest `/` attachment id |
| the attachment | `files/` owner's digest `/` attachment id |
| a picture's preview | `previews/` owner's digest `/` attachment id |

A page can write to the first alone, and only while its URL is good; what a message shows, and what the model reads, is a
copy of bytes that were looked at. No name holds anything that a user has chosen.
"""

import re
from typing import Final
from urllib.parse import quote

from functions.ids import position
from functions.store.attachments import Place

UPLOADS_PREFIX: Final = "uploads/"
FILES_PREFIX: Final = "files/"
PREVIEWS_PREFIX: Final = "previews/"

PREVIEW_TYPE: Final = "image/webp"
INLINE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""What a browser may show in place. Neither SVG nor HTML nor PDF, which may hold scripts: they are saved as files."""

_NAME: Final = re.compile(r"uploads/([0-9a-f]{32})/([a-z]{2,8}_[0-9A-Z]{26})", re.ASCII)
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._()+-]")


def upload_key(place: Place) -> str:
    """Where a page uploads an attachment's bytes to."""
    return f"{UPLOADS_PREFIX}{place.digest}/{place.id}"


def file_key(place: Place) -> str:
    """Where an attachment's bytes lie."""
    return f"{FILES_PREFIX}{place.digest}/{place.id}"


def preview_key(place: Place) -> str:
    """Where a picture's preview lies."""
    return f"{PREVIEWS_PREFIX}{place.digest}/{place.id}"


def place_of(upload: str) -> Place | None:
    """Whose upload has this name; None where it is no upload's."""
    match = _NAME.fullmatch(upload)
    return Place(match[1], match[2]) if match is not None and position(match[2]) is not None else None


def content_disposition(name: str) -> str:
    """The header with which a file is saved under its own name, whatever that holds
    (https://www.rfc-editor.org/rfc/rfc6266#section-5: `filename` for what reads ASCII alone, `filename*` for the rest)."""
    plain = _PLAIN.sub("_", name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def served_type(mime_type: str) -> str:
    """The content type with which a download is served: one that no browser runs."""
    return mime_type if mime_type in INLINE_TYPES or mime_type == "application/pdf" else "application/octet-stream"

"""What files are taken, and what becomes of their names. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from functions.errors import AttachmentRefused
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import MAX_ATTACHMENTS
from functions.translations import Text

MEGABYTE: Final = 1_000_000
NAME_CHARACTERS: Final = 200
"""How much of a file's name is kept: its end, with the extension, where it is longer."""
FALLBACK_NAME: Final = "file"
DIRECT_BYTES: Final = 4_500_000
"""The largest file that a direct upload may bring: a Lambda event holds 6 MB, in base64
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
DIRECT_TYPE: Final = "multipart/form-data"
"""The media type of a direct upload, which API Gateway must be told to take for binary."""
UPLOAD_SECONDS: Final = 600
"""How long a page may take to begin an upload that was announced."""

_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "image/png": 20 * MEGABYTE,
        "image/jpeg": 20 * MEGABYTE,
        "image/webp": 20 * MEGABYTE,
        "image/gif": 20 * MEGABYTE,
        "application/pdf": 32 * MEGABYTE,
        "application/json": 5 * MEGABYTE,
        "application/vnd.openxmlformats-officedocument.*": 20 * MEGABYTE,
        "text/html": 0,
        "text/*": 5 * MEGABYTE,
    }
)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII)
"""https://www.rfc-editor.org/rfc/rfc6838#section-4.2"""
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that a name does without: controls, formats (such as those that turn the direction of
writing), surrogates, private and unassigned ones, and breaks of lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentLimits:
    """What is taken. A file's type must be known to be what it says: see `functions.attachments.inspection`."""

    types: Mapping[str, int] = field(default_factory=lambda: _TYPES)
    """Patterns of media types (`image/*`), each with the most bytes of a file; the first that matches counts."""
    per_message: int = 10
    """The most attachments in one message, up to `MAX_ATTACHMENTS`."""

    def __post_init__(self) -> None:
        if not 0 <= self.per_message <= MAX_ATTACHMENTS:
            raise ValueError(f"per_message must be from 0 to {MAX_ATTACHMENTS}")

    def bytes_of(self, mime_type: str) -> int:
        """The most bytes of a file of this type; 0 where none is taken."""
        if not _MEDIA_TYPE.fullmatch(mime_type):
            return 0
        return next((size for pattern, size in self.types.items() if fnmatchcase(mime_type, pattern)), 0)

    def check(self, params: AttachmentCreateParams) -> None:
        """Raises `AttachmentRefused` for a file that is not taken."""
        most = self.bytes_of(media_type(params.mime_type))
        if most == 0:
            raise AttachmentRefused(Text.ATTACHMENT_TYPE, "params.mime_type")
        if params.size == 0:
            raise AttachmentRefused(Text.ATTACHMENT_EMPTY, "params.size")
        if params.size > most:
            raise AttachmentRefused(Text.ATTACHMENT_TOO_LARGE, "params.size", limit=most)

    def check_count(self, count: int) -> None:
        """Raises `AttachmentRefused` for more attachments than one message may have."""
        if count > self.per_message:
            raise AttachmentRefused(Text.ATTACHMENTS_TOO_MANY, "params.input.attachments", limit=self.per_message)


def media_type(mime_type: str) -> str:
    """A media type without its parameters, in lower case: `text/plain` of `Text/Plain; charset=utf-8`."""
    return mime_type.partition(";")[0].strip().lower()


def clean_name(name: str) -> str:
    """A file's name as it is kept and shown: its last path part, without what is invisible, and not too long."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(character for character in last if unicodedata.category(character) not in _INVISIBLE)
    kept = unicodedata.normalize("NFC", visible).strip().lstrip(".").strip()
    if len(kept) > NAME_CHARACTERS:
        stem, dot, extension = kept.rpartition(".")
        tail = dot + extension if stem and len(extension) <= 16 else ""
        kept = kept[: NAME_CHARACTERS - len(tail)] + tail
    return kept or FALLBACK_NAME

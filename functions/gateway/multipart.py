"""The one file of a `multipart/form-data` body (https://www.rfc-editor.org/rfc/rfc7578). Pure.

python-multipart takes the body apart; what the parts mean is said here.
"""

import logging
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from functions.attachments.limits import DIRECT_TYPE
from functions.errors import InvalidRequest

MAX_PARTS: Final = 20
"""The most parts that are looked at: one is the file, others are passed over."""
MAX_HEADER: Final = 65_536
"""Bytes of one header of a part: room for a file's name of 10,000 characters, of four bytes each."""

# It warns of each body that is not well formed, which is its sender's business and not the operator's.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

_PLAIN_ENCODINGS: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})
# `filename*=UTF-8''...`, but not inside a quoted string; one whose end is missing ends with the header.
_EXTENDED_NAME: Final = re.compile(
    rb"\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)"
    rb"|;[ \t]*filename\*[ \t]*=[ \t]*([a-z0-9-]+)'[^'; \t]*'([^; \t]*)",
    re.IGNORECASE | re.DOTALL,
)
_EXTENDED_CHARSETS: Final = {b"utf-8": "utf-8", b"iso-8859-1": "iso-8859-1"}
"""Those that were ever to be understood (https://www.rfc-editor.org/rfc/rfc5987#section-3.2.1)."""
_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What browsers write instead of these
(https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data)."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it came: nothing of it has been checked."""

    name: str
    media_type: str
    data: bytes


def file_of(content_type: str, body: bytes, *, field: str) -> File:
    """The file in the part that is called `field`; parts that are no files are passed over.

    Raises `InvalidRequest`, which names the field, where the body is not whole, or does not hold that one file alone.
    """
    files: list[File] = []
    for part in _parts(content_type, body):
        name, file_name = _names(part)
        if file_name is None:
            if name == field:
                raise InvalidRequest(field, "must be a file, with a file name; it is a text")
            continue
        if name != field:
            raise InvalidRequest(field, "must be the name of the part that is a file; another part is one")
        if files:
            raise InvalidRequest(field, "must be one file; there are several")
        files.append(File(file_name, _media_type(part, field), b"".join(part.data)))
    if not files:
        raise InvalidRequest(field, "is missing: the file belongs into a part of this name")
    return files[0]


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    data: list[bytes] = field(default_factory=list[bytes])
    """As the parser gives it: in one piece, where the whole body was there at once."""


class _Parts:
    """Gathers what the parser finds."""

    def __init__(self) -> None:
        self.found: list[_Part] = []
        self.is_whole = False
        self._header = b""

    def begin(self) -> None:
        if len(self.found) == MAX_PARTS:
            raise InvalidRequest("", f"the body must have at most {MAX_PARTS} parts")
        self.found.append(_Part())

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = data[start:end].lower()

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.found[-1].headers[self._header] = data[start:end]

    def data(self, data: bytes, start: int, end: int) -> None:
        self.found[-1].data.append(data[start:end])

    def end(self) -> None:
        self.is_whole = True


def _parts(content_type: str, body: bytes) -> list[_Part]:
    # A header has no other characters; what was made up is wrong all the same.
    media_type, options = parse_options_header(content_type.encode("latin-1", "replace").decode("latin-1"))
    if media_type != DIRECT_TYPE.encode():
        raise InvalidRequest("", f"the body must be {DIRECT_TYPE}")
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequest("", "the content type must name a boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_part_data": parts.data,
                "on_end": parts.end,
            },
            max_header_size=MAX_HEADER,
        )
        parser.write(body)
    except FormParserError as error:
        raise InvalidRequest("", f"the body is not well-formed {DIRECT_TYPE}") from error
    if not parts.is_whole:
        raise InvalidRequest("", "the body breaks off before its end")
    return parts.found


def _names(part: _Part) -> tuple[str, str | None]:
    """What a part and its file are called; the latter None where it is no file."""
    header = part.headers.get(b"content-disposition", b"")
    disposition, options = parse_options_header(header.decode("latin-1"))
    if disposition != b"form-data" or b"name" not in options:
        raise InvalidRequest("", "a part has no name")
    extended = next((match for match in _EXTENDED_NAME.finditer(header) if match[1]), None)
    charset = _EXTENDED_CHARSETS.get(extended[1].lower()) if extended else None
    if extended and charset:
        return _text(options[b"name"]), unquote_to_bytes(extended[2]).decode(charset, "replace")
    plain = options.get(b"filename")
    if plain is None:
        return _text(options[b"name"]), "" if extended else None
    return _text(options[b"name"]), re.sub("%22|%0D|%0A", lambda match: _ESCAPED[match[0]], _text(plain))


def _media_type(part: _Part, field: str) -> str:
    media_type = _text(part.headers.get(b"content-type", b"")).strip()
    if not media_type:
        raise InvalidRequest(field, "must have a content type")
    if part.headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN_ENCODINGS:
        raise InvalidRequest(field, "must come as it is, without a content-transfer-encoding")
    return media_type


def _text(value: bytes) -> str:
    """Browsers write UTF-8; what is none was written by something older."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

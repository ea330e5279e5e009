"""Whether an uploaded file is what it was announced as. Told by its bytes alone: never by a name, or what a page has said.

| announced as | taken if |
| --- | --- |
| PNG, JPEG, WebP, GIF | it can be decoded as that, within `pictures`' limits |
| PDF | it begins as one |
| text of any kind, JSON | it is UTF-8, or UTF-16 with a byte order mark, without NUL, and is no PDF, RTF or PostScript |
| Office document | it is a zip archive within `archives`' limits, with a main part of that type |
| `application/octet-stream` | always: it claims nothing |
| any other type | its first and last bytes are among the signatures that puremagic knows of that type |

JSON need not parse: people's `.json` files have comments, and nothing here reads them but the model. A file is as large
as it was announced, and one that is an archive keeps the limits of archives, whatever it was announced as. Where a parser
fails in any way, the file is not taken.
"""

import codecs
import re
import warnings
from dataclasses import dataclass
from typing import IO, Final

import puremagic

from functions.attachments import archives, pictures
from functions.attachments.unfit import Problem, Unfit

_ANYTHING: Final = "application/octet-stream"
_PDF: Final = re.compile(rb"%PDF-[12]\.[0-9]")
"""https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf, 7.5.2."""
_NO_TEXT: Final = (b"%PDF-", b"{\\rtf", b"%!PS")
"""What is told from text by its first characters alone. Other signatures made of letters begin honest texts too: puremagic
takes `#define` for a picture."""
_TEXTS: Final = frozenset({"application/json"})
_BYTE_ORDER_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found."""

    problem: Problem | None = None
    """Why the file is not taken; None where it is."""
    preview: bytes | None = None
    """A picture's (`functions.attachments.objects.PREVIEW_TYPE`)."""


def inspect(file: IO[bytes], *, mime_type: str, size: int) -> Verdict:
    """Looks at a file that was announced as this media type (without parameters, in lower case), of so many bytes.

    Never raises for what is in the file. Takes up to some 1 GB of memory and 10 s for the worst of pictures, far less for
    all others.
    """
    try:
        # A parser's warnings may quote the file.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Verdict(preview=_preview(file, mime_type, size))
    except Unfit as unfit:
        return Verdict(problem=unfit.problem)
    except Exception:  # noqa: BLE001 - parsers fail in every way that there is, which all mean the same
        return Verdict(problem="broken")


def _preview(file: IO[bytes], mime_type: str, size: int) -> bytes | None:
    """Raises where the file is not to be taken; gives a picture's preview."""
    if file.seek(0, 2) != size:
        raise Unfit("size")
    file.seek(0)
    if mime_type in pictures.FORMATS:
        return pictures.preview(file.read(), mime_type)
    if mime_type.startswith("text/") or mime_type in _TEXTS:
        _check_text(file)
    elif mime_type == "application/pdf":
        if not _PDF.match(file.read(_CHUNK)):
            raise Unfit("type")
    elif mime_type.startswith(archives.OFFICE_PREFIX):
        archives.check_office(file, size, mime_type)
    else:
        _check_other(file, size, mime_type)
    return None


def _check_text(file: IO[bytes]) -> None:
    chunk = file.read(_CHUNK)
    if chunk.startswith(_NO_TEXT):
        raise Unfit("type")
    decoder = codecs.getincrementaldecoder(_BYTE_ORDER_MARKS.get(chunk[:2], "utf-8"))()
    try:
        while chunk:
            if "\0" in decoder.decode(chunk):
                raise Unfit("type")
            chunk = file.read(_CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Unfit("type") from None


def _check_other(file: IO[bytes], size: int, mime_type: str) -> None:
    if mime_type != _ANYTHING and _plain(mime_type) not in {_plain(each) for each in _types(file)}:
        raise Unfit("type")
    file.seek(0)
    if file.read(len(archives.MAGIC)) == archives.MAGIC:
        archives.check_archive(file, size)


def _types(file: IO[bytes]) -> set[str]:
    """The media types that the file's first and last bytes are known to be of."""
    try:
        found = puremagic.magic_stream(file)  # pyright: ignore[reportUnknownMemberType] - the parameter has no type
    except (puremagic.PureError, ValueError):
        return set()
    return {str(match.mime_type) for match in found}  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _plain(mime_type: str) -> str:
    """Types that were not registered once have two names: `audio/x-wav`, `audio/wav`."""
    kind, _, name = mime_type.lower().partition("/")
    return f"{kind}/{name.removeprefix('x-')}"

"""Zip archives, and Office documents, which are such: whether they are sound, and no bombs.

What an archive says of itself is not believed: everything in it is unpacked once, into nothing, and counted.
"""

import tempfile
import zipfile
from dataclasses import dataclass
from typing import IO, Final

from functions.attachments.unfit import Unfit

MAGIC: Final = b"PK\x03\x04"
"""How an archive begins that has anything in it
(https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7)."""
OFFICE_PREFIX: Final = "application/vnd.openxmlformats-officedocument."

MAX_UNPACKED: Final = 256_000_000
"""Bytes of everything in an archive, and in the archives in it."""
MAX_RATIO: Final = 100
"""How many times the archive's own bytes that may be, beyond `_SMALL`. Sheets of numbers reach 30."""
MAX_ENTRIES: Final = 10_000
MAX_DEPTH: Final = 2
"""A document may have documents embedded, and these once more."""
_SMALL: Final = 10_000_000
_LARGEST_READ: Final = 2_000_000
"""`zipfile` reads an archive's directory as a whole: some 45 bytes and a name for each entry."""
_CHUNK: Final = 65_536
_MEMORY: Final = 1_000_000
"""What an embedded archive may take of it, before it is unpacked to a file."""
_ENCRYPTED: Final = 0x1

# A package's parts and their types (ECMA-376 part 2, 10.1.2: https://ecma-international.org/publications-and-standards/standards/ecma-376/).
_CONTENT_TYPES: Final = "[Content_Types].xml"
_MAX_CONTENT_TYPES: Final = 1_000_000


def check_archive(file: IO[bytes], size: int) -> None:
    """Unpacks an archive of `size` bytes, keeping nothing. Raises `Unfit`, or what `zipfile` raises: it means the same."""
    _Inspection(left=min(MAX_UNPACKED, max(_SMALL, size * MAX_RATIO))).unpack(file, depth=0)


def check_office(file: IO[bytes], size: int, mime_type: str) -> None:
    """The same for an Office document, whose main part must be of the type that it was announced as."""
    check_archive(file, size)
    with zipfile.ZipFile(_Bounded(file)) as archive:
        try:
            listed = archive.getinfo(_CONTENT_TYPES)
        except KeyError:
            raise Unfit("type") from None
        if listed.file_size > _MAX_CONTENT_TYPES:
            raise Unfit("bomb")
        text = archive.read(listed)
    # XML has two encodings; in either, this is plain enough to be found without a parser, and without a parser's holes.
    wanted = f'"{mime_type}.main+xml"'
    if not any(wanted.encode(encoding) in text for encoding in ("utf-8", "utf-16-le", "utf-16-be")):
        raise Unfit("type")


@dataclass(slots=True)
class _Inspection:
    left: int
    """How many bytes may still come out."""
    entries: int = MAX_ENTRIES

    def unpack(self, file: IO[bytes], *, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Unfit("bomb")
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            # `zipfile` would find an archive at the end of anything, such as a program.
            raise Unfit("type")
        with zipfile.ZipFile(_Bounded(file)) as archive:
            for entry in archive.infolist():
                self._check_entry(entry)
                said = entry.file_size
                # Not to stop where the entry says, but where it ends.
                entry.file_size = MAX_UNPACKED + 1
                with archive.open(entry) as unpacked:
                    if self._drain(unpacked, depth=depth) != said:
                        raise Unfit("broken")

    def _check_entry(self, entry: zipfile.ZipInfo) -> None:
        self.entries -= 1
        if self.entries < 0:
            raise Unfit("bomb")
        # The other methods take much memory, or can hide what they hold.
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or entry.flag_bits & _ENCRYPTED:
            raise Unfit("broken")

    def _drain(self, unpacked: IO[bytes], *, depth: int) -> int:
        """Reads an entry to its end, which also holds it against its checksum. Returns how many bytes it has."""
        chunk = self._read(unpacked)
        size = len(chunk)
        if not chunk.startswith(MAGIC):
            while chunk := self._read(unpacked):
                size += len(chunk)
            return size
        with tempfile.SpooledTemporaryFile(_MEMORY) as inner:
            inner.write(chunk)
            while chunk := self._read(unpacked):
                inner.write(chunk)
            size = inner.tell()
            self.unpack(inner, depth=depth + 1)
        return size

    def _read(self, unpacked: IO[bytes]) -> bytes:
        chunk = unpacked.read(_CHUNK)
        self.left -= len(chunk)
        if self.left < 0:
            raise Unfit("bomb")
        return chunk


class _Bounded:
    """A file of which nobody reads more at once than is sane."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(_LARGEST_READ + 1 if size < 0 else min(size, _LARGEST_READ + 1))
        if len(data) > _LARGEST_READ:
            raise Unfit("bomb")
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

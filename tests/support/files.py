"""Files as users upload them, sound and otherwise: small, and the same in every run."""

import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image, TiffImagePlugin
from PIL.ExifTags import Base

OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = f"{OFFICE}wordprocessingml.document"
XLSX = f"{OFFICE}spreadsheetml.sheet"
PPTX = f"{OFFICE}presentationml.presentation"

PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(100) + b"This program cannot be run"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
WAV = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0" + bytes(8)

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}


def picture(
    mime_type: str = "image/png", *, size: tuple[int, int] = (40, 20), mode: str = "RGB", **saving: Any
) -> bytes:
    """A picture, red at the left and blue at the right."""
    image = Image.new("RGB", size, (200, 0, 0))
    image.paste((0, 0, 200), (size[0] // 2, 0, *size))
    encoded = BytesIO()
    image.convert(mode).save(encoded, _FORMATS[mime_type], **saving)
    return encoded.getvalue()


def lying_photo() -> bytes:
    """A JPEG from a camera that was held upright: it lies on its side, says so, and where it was taken."""
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Make] = "SECRETCAM"
    exif.get_ifd(0x8825)[2] = (
        TiffImagePlugin.IFDRational(52),
        TiffImagePlugin.IFDRational(31),
        TiffImagePlugin.IFDRational(12),
    )
    return picture("image/jpeg", size=(800, 400), exif=exif, icc_profile=b"SECRETPROFILE", comment=b"SECRETCOMMENT")


def moving(mime_type: str, frames: int, *, size: tuple[int, int] = (2, 2)) -> bytes:
    """A picture with so many frames, no two of which that follow each other are the same."""
    images = [Image.new("RGB", size, (255 * (number % 2), number % 256, 0)) for number in range(frames)]
    encoded = BytesIO()
    images[0].save(encoded, _FORMATS[mime_type], save_all=True, append_images=images[1:], duration=10)
    return encoded.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of any size, in the fewest bytes: every row is zeros, and most of them are missing."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(1000)))
        + _chunk(b"IEND", b"")
    )


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = picture("image/jpeg", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[last:end] * (count - data.count(b"\xff\xda")) + data[end:]


def archive(entries: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", method) as writing:
        for name, data in entries.items():
            writing.writestr(zipfile.ZipInfo(name), data, method)
    return packed.getvalue()


def office(mime_type: str = DOCX, *, encoding: str = "utf-8", **entries: bytes) -> bytes:
    """An Office document of a type, with more entries."""
    listed = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/main.xml" ContentType="{mime_type}.main+xml"/></Types>'
    )
    return archive({"[Content_Types].xml": listed.encode(encoding), "main.xml": b"<main/>", **entries})


def claiming(packed: bytes, *, size: int, checksum: int) -> bytes:
    """An archive whose last entry claims to be so large, with this checksum, in its directory and before its data."""
    changed = bytearray(packed)
    central, local = packed.rindex(b"PK\x01\x02"), packed.rindex(b"PK\x03\x04")
    for place in (central + 16, local + 14):
        changed[place : place + 4] = struct.pack("<I", checksum)
    for place in (central + 24, local + 22):
        changed[place : place + 4] = struct.pack("<I", size)
    return bytes(changed)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

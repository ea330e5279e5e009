"""Pictures that users upload: whether they are sound, and their previews. By Pillow, which no other function loads.

The header is read first, and whatever would take too much memory or time is refused by it; only then is the picture
decoded. Largest of all is a WebP: some 16 bytes for each of its pixels.
"""

import re
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from functions.attachments.unfit import Unfit

FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
"""What is decoded, and nothing else: each of Pillow's decoders is a surface of its own."""

MAX_PIXELS: Final = 8192 * 6144
"""The pictures of the finest telephones have 50 megapixels."""
MAX_SIDE: Final = 20_000
MAX_FRAMES: Final = 1000
MAX_SCANS: Final = 50
"""Of a JPEG. Each goes over the whole picture again, and can be a few bytes long; encoders write some ten."""
_MAX_SEGMENTS: Final = 10_000

PREVIEW_SIDE: Final = 512
"""Pixels."""
_PREVIEW_QUALITY: Final = 80

_FINE_GREYS: Final = "I;16"
"""A mode of 16 bits for a pixel, which Pillow would cut off rather than scale."""
_MARKER: Final = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""The next marker of a JPEG in or behind compressed data, in which 0xFF is followed by 0, or by a restart marker
(https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1)."""
_BEGIN_OF_IMAGE: Final = 0xD8
_END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA
_TEMPORARY: Final = 0x01


def preview(data: bytes, mime_type: str) -> bytes:
    """A picture as a small WebP, upright and without metadata: its first frame, where it moves.

    Raises `Unfit` where the data is not sound, and whatever Pillow raises, which means the same.
    """
    image = _opened(data, mime_type)
    if image.mode == _FINE_GREYS:
        image = image.point(lambda value: value * (1 / 256)).convert("L")  # pyright: ignore[reportUnknownMemberType]
    elif image.mode == "P":
        # In a palette, no two colours can be mixed.
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    image = _upright(image)
    if image.mode not in {"RGB", "RGBA"}:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    encoded = BytesIO()
    image.save(encoded, "WEBP", quality=_PREVIEW_QUALITY)
    return encoded.getvalue()


def _opened(data: bytes, mime_type: str) -> Image.Image:
    """The picture, of which nothing is decoded yet."""
    try:
        image = Image.open(BytesIO(data), formats=[FORMATS[mime_type]])
    except UnidentifiedImageError:
        raise Unfit("type") from None
    except Image.DecompressionBombError:
        raise Unfit("bomb") from None
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise Unfit("bomb")
    if mime_type == "image/jpeg":
        _check_scans(data)
    elif mime_type == "image/png":
        # The checksums of what the decoder does not read. Pillow's way back is to open it again.
        image.verify()
        image = Image.open(BytesIO(data), formats=["PNG"])
    # To count a GIF's frames takes Pillow 5 s where 20 MB hold nothing else.
    if mime_type != "image/jpeg" and getattr(image, "n_frames", 1) > MAX_FRAMES:
        raise Unfit("bomb")
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - metadata is broken in many ways, and browsers show such a picture as it lies
        return image


def _check_scans(data: bytes) -> None:
    """Raises `Unfit` for a JPEG with more scans than any encoder makes."""
    scans, position = 0, 0
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None:
            return
        marker = found[1][0]
        if marker == _END_OF_IMAGE:
            return
        scans += marker == _START_OF_SCAN
        if scans > MAX_SCANS:
            break
        position = found.end()
        if marker not in {_BEGIN_OF_IMAGE, _TEMPORARY}:
            position += int.from_bytes(data[position : position + 2], "big")
    raise Unfit("bomb")

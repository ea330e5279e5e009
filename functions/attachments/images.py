"""Pictures as items hold them. Pure.

While a picture is on its way it is a data URL, `data:image/png;base64,...`. An item is stored with a reference instead,
`chatkit-image:` and the picture's name, which leads to the bytes only together with the item's user and thread; and what
a client is sent is a URL that was signed a moment ago.

A name is 32 random hexadecimal digits and the extension of its media type, so that nothing is ever overwritten.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from typing import Final

from functions.errors import InternalError

SCHEME: Final = "chatkit-image:"

EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
"""The media types that are kept as files. Others stay data URLs: an SVG may hold scripts, and is served from nowhere."""
MEDIA_TYPES: Final = {extension: media_type for media_type, extension in EXTENSIONS.items()}

_DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,", re.ASCII)
_NAME: Final = re.compile(r"[0-9a-f]{32}\.([a-z]{3,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's bytes."""

    data: bytes
    media_type: str
    """One of `EXTENSIONS`."""


def from_data_url(url: str) -> Picture | None:
    """The picture in a data URL; None where `url` is another one. Raises `InternalError` for what is no base64."""
    match = _DATA_URL.match(url)
    if match is None or match[1] not in EXTENSIONS:
        return None
    try:
        return Picture(base64.b64decode(url[match.end() :], validate=True), match[1])
    except (binascii.Error, ValueError) as error:
        raise InternalError("a picture's data URL holds no base64") from error


def to_data_url(picture: Picture) -> str:
    """The picture as a URL that holds it."""
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"


def new_name(media_type: str) -> str:
    """A name for a new picture. Raises `KeyError` for a media type that is not in `EXTENSIONS`."""
    return f"{secrets.token_hex(16)}.{EXTENSIONS[media_type]}"


def reference(name: str) -> str:
    """What an item holds in place of a URL."""
    return SCHEME + name


def name_of(url: str) -> str | None:
    """The name in a reference; None where `url` is none of ours."""
    name = url.removeprefix(SCHEME)
    match = _NAME.fullmatch(name)
    return name if url.startswith(SCHEME) and match is not None and match[1] in MEDIA_TYPES else None


def media_type_of(name: str) -> str:
    """The media type of a picture of this name."""
    return MEDIA_TYPES[name.rpartition(".")[2]]

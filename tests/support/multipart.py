"""`multipart/form-data` bodies, written as browsers do, and otherwise."""

from dataclasses import dataclass
from typing import Final

BOUNDARY: Final = b"----boundary7MA4YWxk"
CONTENT_TYPE: Final = f"multipart/form-data; boundary={BOUNDARY.decode()}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part: a file, where it has a file's name."""

    name: str
    data: bytes
    file_name: str | None = None
    raw_parameters: bytes = b""
    """What else stands behind the name."""
    media_type: str | None = None
    encoding: str | None = None
    """Its `content-transfer-encoding`."""

    def written(self) -> bytes:
        """Headers and data."""
        disposition = f'Content-Disposition: form-data; name="{self.name}"'.encode()
        if self.file_name is not None:
            disposition += f'; filename="{self.file_name}"'.encode()
        if self.raw_parameters:
            disposition += b"; " + self.raw_parameters
        lines = [disposition]
        if self.media_type is not None:
            lines.append(f"Content-Type: {self.media_type}".encode())
        if self.encoding is not None:
            lines.append(f"Content-Transfer-Encoding: {self.encoding}".encode())
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.data


def multipart(*parts: Part) -> bytes:
    """The body of these parts."""
    written = b"".join(b"--" + BOUNDARY + b"\r\n" + part.written() + b"\r\n" for part in parts)
    return written + b"--" + BOUNDARY + b"--\r\n"

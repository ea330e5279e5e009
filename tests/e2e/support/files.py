"""Files as a user has them, and how they come into the page."""

import struct
import zlib
from typing import Final

from playwright.sync_api import FilePayload, Locator, Page, expect


def png(width: int = 4, height: int = 4, colour: tuple[int, int, int] = (200, 40, 90)) -> bytes:
    """A picture of one colour."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * width) * height
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def file(name: str, mime_type: str, content: bytes) -> FilePayload:
    """A file for the file picker."""
    return {"name": name, "mimeType": mime_type, "buffer": content}


PICTURE: Final = file("holiday.png", "image/png", png())
DOCUMENT: Final = file("report.pdf", "application/pdf", b"%PDF-1.7 a report")


def attach(page: Page, *files: FilePayload) -> None:
    """Chooses files in the composer, without its button: a browser opens the picker for a user alone."""
    page.locator(".composer input[type='file']").set_input_files(list(files))


def tray(page: Page) -> Locator:
    """The files of the message that is being written."""
    return page.get_by_role("list", name="Attached files").get_by_role("listitem")


def files_in(message: Locator) -> Locator:
    """The files of a message."""
    return message.get_by_role("list", name="Files of this message").get_by_role("listitem")


def picture_is_drawn(picture: Locator) -> None:
    """Waits until the browser has the picture."""
    expect(picture).to_have_js_property("complete", True)
    expect(picture).not_to_have_js_property("naturalWidth", 0)


TRANSFER: Final = """
  const transfer = new DataTransfer();
  for (const [name, type, size] of files) transfer.items.add(new File(["x".repeat(size)], name, { type }));
"""
"""JavaScript: a DataTransfer with `files`, as `[name, type, size]`."""


def drag(page: Page, kind: str, *files: tuple[str, str, int]) -> None:
    """Dispatches a drag event over the conversation."""
    script = f"(zone, [kind, files]) => {{ {TRANSFER} const init = {{ bubbles: true, cancelable: true, "
    script += "dataTransfer: transfer }; zone.dispatchEvent(new DragEvent(kind, init)); }"
    page.locator(".conversation").evaluate(script, [kind, list(files)])


def paste(page: Page, *files: tuple[str, str, int], text: str | None = None) -> None:
    """Pastes into the message."""
    script = f"(field, [text, files]) => {{ {TRANSFER} if (text !== null) transfer.setData('text/plain', text); "
    script += "const init = { bubbles: true, cancelable: true, clipboardData: transfer }; "
    script += "field.dispatchEvent(new ClipboardEvent('paste', init)); }"
    page.get_by_label("Message", exact=True).evaluate(script, [text, list(files)])

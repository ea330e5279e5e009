"""Files in a browser with the real local stack: signatures, CORS, S3's events and the look at the bytes are real."""

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Response, expect

from tests.e2e.support.files import PICTURE, attach, file, files_in, picture_is_drawn, tray
from tests.e2e.support.pages import CONNECT, finished, items, write
from tests.support.files import PDF

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.xdist_group("e2e")]

MOST: Final = 20_000_000
"""Bytes: the largest picture that is taken."""
SIDE: Final = 2570
HOSTILE: Final = '../"><img src=x onerror="window.hacked = true">\u202efdp.txt'
PROGRAM: Final = file("photo.png", "image/png", b"MZ\x90\0".ljust(1000, b"\0"))
AT_ONCE: Final = "something hidden"
"""A message that the scripted assistant answers at once."""

SETTLE: Final = f"""async ([user, attachment_id]) => {{
  {CONNECT}
  for (let patience = 12; ; patience -= 1) {{
    try {{
      return await protocol.call("attachments.get_preview", {{ attachment_id }});
    }} catch (error) {{
      if (patience === 0 || !error.message.includes("not been uploaded yet")) throw error;
    }}
  }}
}}"""
"""Waits until a file has been looked at. The backend waits ten seconds before it refuses; a busy machine may take more."""

TRY: Final = f"""async ([user, attachment_id]) => {{
  {CONNECT}
  const status = (error) => error.status;
  const input = {{ ...messageInput("{AT_ONCE}"), attachments: [attachment_id] }};
  const events = [];
  for await (const event of protocol.stream("threads.create", {{ input }})) events.push(event.type);
  const link = await fetcher(`${{location.origin}}/api/chatkit/attachments/${{attachment_id}}`);
  return {{
    preview: await protocol.call("attachments.get_preview", {{ attachment_id }}).then(() => 200, status),
    link: link.status,
    deletion: await protocol.call("attachments.delete", {{ attachment_id }}).then(() => 200, status),
    events,
  }};
}}"""
"""What comes of a user's attempts at a file: statuses, and the types of a message's events."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def large_picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of noise, which is exactly as large as one may be."""
    row = 1 + 3 * SIDE
    noise = bytearray(random.Random(6).randbytes(row * SIDE))
    noise[::row] = bytes(SIDE)  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(noise, 0))
    ends = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header), chunk(b"IEND", b"")
    text = b"Comment\0".ljust(MOST - len(b"".join((*ends, data))) - 12, b" ")
    path = tmp_path_factory.mktemp("files") / "noise.png"
    path.write_bytes(ends[0] + chunk(b"tEXt", text) + data + ends[1])
    assert path.stat().st_size == MOST
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def announces(response: Response) -> bool:
    return '"attachments.create"' in (response.request.post_data or "")


def goes_directly(response: Response) -> bool:
    return response.url.endswith("/chatkit/upload") and response.request.method == "POST"


def uploaded(page: Page, user: str, choose: Callable[[], None], *, by: Callable[[Response], bool] = announces) -> str:
    """Adds a file to the message, and waits until the backend has looked at it. Returns its id."""
    before = tray(page).count()
    with page.expect_response(by) as response:
        choose()
    expect(page.locator(".tray [data-state='uploaded']")).to_have_count(before + 1)
    attachment: dict[str, Any] = response.value.json()
    settled = page.evaluate(SETTLE, [user, attachment["id"]])
    assert settled["id"] == attachment["id"]
    return attachment["id"]


def choose(page: Page, path: Path) -> None:
    """Chooses a file of the disk: its bytes need not go through the test."""
    page.locator(".composer input[type='file']").set_input_files(path)


def test_files_go_up_in_both_ways_and_are_shown_also_after_a_reload(
    visitors: Open, large_picture: Path, tmp_path: Path
) -> None:
    """The largest picture and a PDF in two phases, a small picture directly; previews are S3's own after a reload."""
    page, user = visitors("uploader"), "uploader"
    report = tmp_path / "report.pdf"
    report.write_bytes(PDF)
    uploaded(page, user, lambda: choose(page, large_picture))
    uploaded(page, user, lambda: choose(page, report))
    write(page, f"In two phases, {AT_ONCE}")
    finished(page, 2)
    page.get_by_label("Uploads").select_option("direct")
    finished(page, 2)
    uploaded(page, user, lambda: attach(page, PICTURE), by=goes_directly)
    write(page, f"Directly, {AT_ONCE}")
    finished(page, 4)
    names = [["noise.png", "report.pdf"], ["holiday.png"]]
    sent = [items(page).nth(0), items(page).nth(2)]
    for message, expected in zip(sent, names, strict=True):
        expect(files_in(message).locator(".name")).to_have_text(expected)

    page.reload()
    finished(page, 4)
    for message, expected in zip(sent, names, strict=True):
        expect(files_in(message).locator(".name")).to_have_text(expected)
        picture = files_in(message).nth(0).locator("img")
        picture_is_drawn(picture)
        assert "/previews/" in urlsplit(picture.get_attribute("src") or "").path
    expect(files_in(sent[0]).nth(1).locator("img")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download noise.png").click()
    assert download.value.suggested_filename == "noise.png"
    assert download.value.path().read_bytes() == large_picture.read_bytes()


def test_anothers_files_are_not_to_be_had(visitors: Open) -> None:
    """In the same page, Bob knows the id of Alice's file, and a link: he neither sees, gets, sends nor deletes the file."""
    page = visitors("alice-files")
    attachment = uploaded(page, "alice-files", lambda: attach(page, PICTURE))
    write(page, AT_ONCE)
    finished(page, 2)
    page.reload()
    picture = files_in(items(page).nth(0)).locator("img")
    picture_is_drawn(picture)
    address = page.url
    assert urlsplit(address).fragment.startswith("thread=thr_")
    preview = picture.get_attribute("src") or ""

    page.get_by_label("User").fill("bob-files")
    page.get_by_label("User").press("Enter")
    expect(items(page)).to_have_count(0)
    page.goto(urljoin(address, "/web/config.json"))  # from the page itself, its own address would be no navigation
    page.goto(address)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("img")).to_have_count(0)
    own = uploaded(page, "bob-files", lambda: attach(page, PICTURE))
    refused = {"preview": 404, "link": 404, "deletion": 404, "events": ["error"]}
    assert page.evaluate(TRY, ["bob-files", attachment]) == refused
    for old, new in (("/previews/", "/files/"), (attachment, own)):
        assert old in preview
        assert page.request.get(preview.replace(old, new)).status == 403

    page.get_by_label("User").fill("alice-files")
    page.get_by_label("User").press("Enter")
    page.locator(".threads .title").first.click()
    picture_is_drawn(files_in(items(page).nth(0)).locator("img"))


def test_a_hostile_name_does_no_harm(visitors: Open) -> None:
    """Markup and what turns the direction of writing: the page shows the backend's name as text, and saves the file so."""
    page = visitors("namer")
    named = file(HOSTILE, "text/plain", b"hello")
    uploaded(page, "namer", lambda: attach(page, named))
    write(page, AT_ONCE)
    finished(page, 2)
    page.reload()
    finished(page, 2)
    shown = files_in(items(page).nth(0))
    expect(shown.locator(".name")).to_have_text(HOSTILE.replace("\u202e", "").rpartition("/")[2])
    with page.expect_download() as download:
        shown.get_by_role("button").click()
    assert download.value.path().read_bytes() == b"hello"
    assert "\u202e" not in download.value.suggested_filename
    assert download.value.suggested_filename.endswith("fdp.txt")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_file_that_is_not_what_it_says_reaches_no_message(visitors: Open) -> None:
    """A program that calls itself a picture goes up; the message with it is refused in words and given back, and goes
    without it."""
    page = visitors("pretender")
    with page.expect_response(announces) as announced:
        attach(page, PROGRAM)
    expect(page.locator(".tray [data-state='uploaded']")).to_have_count(1)
    refusal = "A file of this message is not what it was said to be"
    with pytest.raises(PlaywrightError, match=refusal):
        page.evaluate(SETTLE, ["pretender", announced.value.json()["id"]])
    write(page, AT_ONCE)
    failure = page.get_by_role("alert").filter(has_text=refusal)
    expect(failure).to_be_visible()
    expect(failure.get_by_role("button", name="Retry")).to_have_count(0)
    expect(items(page)).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_have_value(AT_ONCE)
    page.get_by_role("button", name="Remove photo.png").click()
    page.get_by_role("button", name="Send", exact=True).click()
    finished(page, 2)
    expect(files_in(items(page).nth(0))).to_have_count(0)


def test_what_is_removed_from_a_message_is_gone(visitors: Open) -> None:
    """A file that the user takes back before the message goes is deleted by the backend."""
    page = visitors("remover")
    attachment = uploaded(page, "remover", lambda: attach(page, PICTURE))
    with page.expect_response(lambda response: "attachments.delete" in (response.request.post_data or "")) as deletion:
        page.get_by_role("button", name="Remove holiday.png").click()
    assert deletion.value.ok
    with pytest.raises(PlaywrightError, match="not there any more"):
        page.evaluate(SETTLE, ["remover", attachment])

"""Files in the built-in client, against a scripted backend and bucket: how they go up, what is shown, what goes wrong."""

import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.bucket import Bucket
from tests.e2e.support.files import DOCUMENT, PICTURE, attach, drag, files_in, paste, picture_is_drawn, png, tray
from tests.e2e.support.pages import write
from tests.e2e.support.scripted_backend import WAIT_SECONDS, Answer, ScriptedBackend, Stream
from tests.e2e.support.wire import Json, answer, created, done, error, stream_options, thread, user_message

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Plain = Callable[..., Page]

LARGE: Final = 30_000_000
"""Bytes; more than the buffers between a page and a server that does not read."""
ATTACK: Final = '"><img src=x onerror="window.hacked = true">.png'
BIDI: Final = "holiday\u202egnp.exe"


def attachment(bucket: Bucket, number: int, name: str = "holiday.png", mime_type: str = "image/png") -> Json:
    """An attachment in a message."""
    shared = {"id": f"atc_{number}", "name": name, "mime_type": mime_type}
    if not mime_type.startswith("image/"):
        return shared | {"type": "file"}
    return shared | {"type": "image", "preview_url": f"{bucket.url}/previews/{number}?X-Amz-Signature=1"}


def announced(bucket: Bucket, number: int, name: str = "holiday.png", mime_type: str = "image/png") -> Answer:
    """The answer to `attachments.create`."""
    upload = {"upload_descriptor": bucket.descriptor(f"uploads/{number}", mime_type)}
    return Answer(attachment(bucket, number, name, mime_type) | upload)


def message(text: str, *attachments: Json) -> Json:
    """A message with attachments."""
    content = [{"type": "input_text", "text": text}] if text else []
    return user_message("msg_1", text) | {"content": content, "attachments": list(attachments)}


def taken(text: str, *attachments: Json) -> Stream:
    """The answer to a message that begins a thread."""
    return Stream([created(), done(message(text, *attachments)), stream_options(), *answer("msg_2", "Thank you.")])


def opened(*attachments: Json) -> Answer:
    """A thread of one message."""
    return Answer(thread(items=[message("look", *attachments)]))


def params(backend: ScriptedBackend, kind: str) -> list[Any]:
    return [request.body["params"] for request in backend.requests(kind)]


def message_in(page: Page, index: int = 0) -> Locator:
    return page.locator(".items .item").nth(index)


def uploaded(page: Page, count: int) -> None:
    """Waits until so many files are uploaded."""
    expect(page.locator(".tray [data-state='uploaded']")).to_have_count(count)


def upload_directly(page: Page) -> None:
    """Chooses direct uploads, once the page listens."""
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    page.get_by_label("Uploads").select_option("direct")


def test_files_go_to_the_bucket_and_into_the_message(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """Each is announced, put with the signed headers and ChatKit's, never with the token, and named by the message."""
    bucket.objects["/previews/1"] = png()
    backend.answer("attachments.create", announced(bucket, 1), announced(bucket, 2, "report.pdf", "application/pdf"))
    both = (attachment(bucket, 1), attachment(bucket, 2, "report.pdf", "application/pdf"))
    backend.answer("threads.create", taken("see", *both))
    page = plain()
    attach(page, PICTURE)
    picture_is_drawn(tray(page).nth(0).locator("img"))
    uploaded(page, 1)
    attach(page, DOCUMENT)
    uploaded(page, 2)
    expect(tray(page).locator(".name")).to_have_text(["holiday.png", "report.pdf"])
    expect(tray(page).locator(".more")).to_have_text([f"PNG · {len(png())} bytes", "PDF · 17 bytes"])
    write(page, "see")

    expect(tray(page)).to_have_count(0)
    shown = files_in(message_in(page))
    expect(shown.locator(".name")).to_have_text(["holiday.png", "report.pdf"])
    picture_is_drawn(shown.nth(0).locator("img"))
    expect(shown.nth(1).locator("img")).to_have_count(0)
    assert params(backend, "attachments.create") == [
        {"name": "holiday.png", "size": len(png()), "mime_type": "image/png"},
        {"name": "report.pdf", "size": 17, "mime_type": "application/pdf"},
    ]
    assert [(put.path, put.content) for put in bucket.puts] == [
        ("/uploads/1?X-Amz-Signature=1", png()),
        ("/uploads/2?X-Amz-Signature=1", b"%PDF-1.7 a report"),
    ]
    frame = backend.requests("attachments.create")[0].headers["chatkit-frame-instance-id"]
    for put, mime_type in zip(bucket.puts, ["image/png", "application/pdf"], strict=True):
        assert put.headers["content-type"] == mime_type
        assert put.headers["accept-language"] == "en-GB"
        assert put.headers["chatkit-frame-instance-id"] == frame
        assert "authorization" not in put.headers
    assert params(backend, "threads.create")[0]["input"]["attachments"] == ["atc_1", "atc_2"]
    assert backend.requests("attachments.delete") == []


def test_a_message_waits_for_its_files(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """Progress is shown; a message that is sent meanwhile says that it waits, and goes by itself with the last byte."""
    bucket.hold = gate
    backend.answer("attachments.create", announced(bucket, 1))
    backend.answer("threads.create", taken("look", attachment(bucket, 1)))
    page = plain()
    drag(page, "drop", ("large.pdf", "application/pdf", LARGE))
    bar = tray(page).get_by_role("progressbar", name="Uploading large.pdf")
    page.wait_for_function("document.querySelector('.tray progress').value > 0")
    assert bar.evaluate("(bar) => bar.value") < 1
    write(page, "look")
    expect(page.locator(".composer .note")).to_have_text("The message goes as soon as its files are uploaded.")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.get_by_label("Message", exact=True)).not_to_be_editable()
    assert backend.requests("threads.create") == []
    gate.set()
    expect(message_in(page, 1)).to_contain_text("Thank you.")
    assert [len(put.content) for put in bucket.puts] == [LARGE]
    assert params(backend, "threads.create")[0]["input"]["attachments"] == ["atc_1"]
    expect(page.locator(".composer .note")).to_be_hidden()
    expect(page.get_by_label("Message", exact=True)).to_be_editable()


def test_the_user_may_go_on_writing(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """A message that waits for its files does not go once the user has taken it back, or has gone to another thread."""
    bucket.hold = gate
    backend.answer("attachments.create", announced(bucket, 1))
    page = plain()
    box = page.get_by_label("Message", exact=True)
    attach(page, PICTURE)
    write(page, "look")
    page.get_by_role("button", name="Keep writing").click()
    expect(box).to_be_editable()
    expect(box).to_be_focused()
    box.press("Enter")
    expect(box).not_to_be_editable()
    box.press("Escape")
    expect(box).to_be_editable()
    box.press("Enter")
    page.get_by_role("button", name="New thread").click()
    expect(box).to_be_editable()
    gate.set()
    uploaded(page, 1)
    expect(box).to_have_value("look")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    assert backend.requests("threads.create") == []


def test_several_files_are_uploaded_at_once(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """A file does not wait for the one before it; each has its own state."""
    held = Answer(announced(bucket, 1).body, after=gate)
    backend.answer("attachments.create", held, announced(bucket, 2, "report.pdf", "application/pdf"))
    page = plain()
    attach(page, PICTURE)
    assert held.reached.wait(WAIT_SECONDS)
    attach(page, DOCUMENT)
    uploaded(page, 1)
    states = page.locator(".tray [data-state]")
    assert states.evaluate_all("(nodes) => nodes.map((node) => node.dataset.state)") == ["uploading", "uploaded"]
    gate.set()
    uploaded(page, 2)


def test_cancel_ends_the_upload_and_deletes_the_attachment(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """The request to the bucket is broken off, the backend is told, and the message goes without the file."""
    bucket.hold = gate
    backend.answer("attachments.create", announced(bucket, 1))
    backend.answer("attachments.delete", Answer({}))
    backend.answer("threads.create", taken("look"))
    page = plain()
    drag(page, "drop", ("large.pdf", "application/pdf", LARGE))
    page.wait_for_function("document.querySelector('.tray progress').value > 0")
    with page.expect_response(lambda response: "attachments.delete" in (response.request.post_data or "")):
        page.get_by_role("button", name="Remove large.pdf").click()
    expect(tray(page)).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    gate.set()
    assert bucket.broken.wait(WAIT_SECONDS)
    assert params(backend, "attachments.delete") == [{"attachment_id": "atc_1"}]
    write(page, "look")
    expect(message_in(page, 1)).to_contain_text("Thank you.")
    assert params(backend, "threads.create")[0]["input"]["attachments"] == []
    assert bucket.puts == []


def test_what_is_cancelled_while_it_is_announced_is_deleted(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """A file that is removed before the backend has named it leaves nothing behind, and is not put."""
    backend.answer("attachments.create", Answer(announced(bucket, 1).body, after=gate))
    backend.answer("attachments.delete", Answer({}))
    page = plain()
    with page.expect_request(lambda request: "attachments.create" in (request.post_data or "")):
        attach(page, PICTURE)
    page.get_by_role("button", name="Remove holiday.png").click()
    expect(tray(page)).to_have_count(0)
    with page.expect_response(lambda response: "attachments.delete" in (response.request.post_data or "")):
        gate.set()
    assert params(backend, "attachments.delete") == [{"attachment_id": "atc_1"}]
    assert bucket.puts == []


def test_what_the_bucket_refuses_can_be_tried_again(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """A 403 is told; the message is kept back; a retry announces the file anew, and the first announcement is deleted."""
    bucket.statuses.append(403)
    backend.answer("attachments.create", announced(bucket, 1), announced(bucket, 2))
    backend.answer("attachments.delete", Answer({}))
    backend.answer("threads.create", taken("look", attachment(bucket, 2)))
    page = plain()
    attach(page, PICTURE)
    expect(tray(page).get_by_role("alert")).to_have_text("The storage did not take the file (HTTP 403).")
    write(page, "look")
    expect(page.locator(".composer .note")).to_have_text("A file could not be uploaded: remove it, or try again.")
    assert backend.requests("threads.create") == []
    tray(page).get_by_role("button", name="Retry holiday.png").click()
    uploaded(page, 1)
    expect(page.get_by_label("Message", exact=True)).to_have_value("look")
    page.get_by_role("button", name="Send").click()
    expect(message_in(page, 1)).to_contain_text("Thank you.")
    assert params(backend, "attachments.delete") == [{"attachment_id": "atc_1"}]
    assert params(backend, "threads.create")[0]["input"]["attachments"] == ["atc_2"]


def test_a_bucket_that_cannot_be_reached_is_told(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """A connection that breaks is no end: the file can be tried again."""
    unreachable = announced(bucket, 1)
    unreachable.body["upload_descriptor"]["url"] = "https://bucket.invalid/uploads/1"
    backend.answer("attachments.create", unreachable, announced(bucket, 2))
    page = plain()
    attach(page, PICTURE)
    expect(tray(page).get_by_role("alert")).to_have_text("The connection broke while the file was sent.")
    tray(page).get_by_role("button", name="Retry holiday.png").click()
    uploaded(page, 1)


@pytest.mark.parametrize(("status", "retry"), [(422, 0), (429, 1), (503, 1)])
def test_what_the_backend_refuses_is_said_in_its_words(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, status: int, retry: int
) -> None:
    """Its message stands beside the file; a retry is offered where one may help."""
    backend.answer("attachments.create", Answer({"message": "Diese Datei ist zu groß."}, status=status))
    page = plain()
    attach(page, PICTURE)
    expect(tray(page).get_by_role("alert")).to_have_text("Diese Datei ist zu groß.")
    expect(tray(page).get_by_role("button", name="Retry")).to_have_count(retry)
    page.get_by_role("button", name="Remove holiday.png").click()
    expect(tray(page)).to_have_count(0)
    assert backend.requests("attachments.delete") == []
    assert bucket.puts == []


def test_what_cannot_be_sent_is_said_before_anything_is_sent(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket
) -> None:
    """A file of another kind, an empty one and one that is too large are named with the reason; the others go."""
    backend.answer("attachments.create", announced(bucket, 1))
    page = plain()
    drag(
        page,
        "drop",
        ("drawing.svg", "image/svg+xml", 10),
        ("empty.txt", "text/plain", 0),
        ("large.txt", "text/plain", 5_000_001),
        ("holiday.png", "image/png", 10),
    )
    expect(page.locator(".refusals p")).to_have_text(
        [
            "drawing.svg: files of type image/svg+xml cannot be sent.",
            "empty.txt: the file is empty.",
            "large.txt: the file is too large: at most 5 MB can be sent.",
        ]
    )
    uploaded(page, 1)
    assert [given["name"] for given in params(backend, "attachments.create")] == ["holiday.png"]


def test_there_are_only_so_many_files_in_a_message(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """What is more than the limit is left out and said; the place of a removed file is free again."""
    backend.answer("attachments.create", *(announced(bucket, number) for number in range(11)))
    page = plain()
    names = [f"{number}.png" for number in range(12)]
    drag(page, "drop", *((name, "image/png", 10) for name in names))
    expect(page.locator(".refusals p")).to_have_text(["A message can have at most 10 files."])
    expect(tray(page).locator(".name")).to_have_text(names[:10])
    uploaded(page, 10)
    page.get_by_role("button", name="Remove 3.png").click()
    expect(page.get_by_role("button", name="Remove 4.png")).to_be_focused()
    expect(page.locator(".refusals p")).to_have_count(0)
    drag(page, "drop", ("again.png", "image/png", 10))
    expect(tray(page).locator(".name")).to_have_text([*names[:3], *names[4:10], "again.png"])
    uploaded(page, 10)
    expect(page.locator(".refusals p")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (ATTACK, ATTACK),
        (BIDI, "holidaygnp.exe"),
        ("a\u0000b\u200bc\nd.png", "abcd.png"),
        ("\u202e\u2066", "file"),
        ("x" * 9_996 + ".png", "x" * 180 + "…" + "x" * 16 + ".png"),
    ],
)
def test_any_name_is_text(plain: Plain, backend: ScriptedBackend, bucket: Bucket, name: str, shown: str) -> None:
    """A name is shown as text, without what is invisible, and not too long; the backend is given it as it is."""
    bucket.objects["/previews/1"] = png()
    backend.answer("attachments.create", announced(bucket, 1, name))
    backend.answer("threads.create", taken("look", attachment(bucket, 1, name)))
    page = plain()
    drag(page, "drop", (name, "image/png", 10))
    expect(tray(page).locator(".name")).to_have_text(shown)
    uploaded(page, 1)
    write(page, "look")
    button = files_in(message_in(page)).get_by_role("button")
    expect(button.locator(".name")).to_have_text(shown)
    expect(button).to_have_accessible_name(f"Download {shown}")
    assert params(backend, "attachments.create")[0]["name"] == name
    assert page.evaluate("window.hacked") is None
    expect(page.locator("img")).to_have_count(1)
    assert button.evaluate("(button) => button.getBoundingClientRect().width") < 700


def test_files_can_be_dropped_on_the_conversation(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """While files are dragged over the client it says so; what else is dragged there stays the browser's business."""
    backend.answer("attachments.create", announced(bucket, 1))
    page = plain()
    sign = page.get_by_text("Drop files to attach them")
    drag(page, "dragover", ("holiday.png", "image/png", 10))
    expect(sign).to_be_visible()
    drag(page, "dragleave", ("holiday.png", "image/png", 10))
    expect(sign).to_be_hidden()
    drag(page, "dragover")
    expect(sign).to_be_hidden()
    drag(page, "dragover", ("holiday.png", "image/png", 10))
    expect(sign).to_be_visible()
    drag(page, "drop", ("holiday.png", "image/png", 10))
    expect(sign).to_be_hidden()
    uploaded(page, 1)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_pictures_can_be_pasted(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """A pasted picture is attached; a picture of text that comes with the text is not."""
    backend.answer("attachments.create", announced(bucket, 1, "image.png"))
    page = plain()
    paste(page, ("picture of text.png", "image/png", 10), text="the text")
    paste(page, ("image.png", "image/png", 10))
    uploaded(page, 1)
    expect(tray(page).locator(".name")).to_have_text(["image.png"])


def test_a_direct_upload_goes_to_the_api(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """As the bar says, and as it stays after a reload: one POST with the token, multipart, with the one field `file`."""
    backend.answer("/api/chatkit/upload", Answer(attachment(bucket, 7)))
    backend.answer("threads.create", taken("", attachment(bucket, 7)))
    page = plain()
    upload_directly(page)
    page.reload()
    expect(page.get_by_label("Uploads")).to_have_value("direct")
    attach(page, PICTURE)
    uploaded(page, 1)
    page.get_by_role("button", name="Send").click()
    expect(files_in(message_in(page)).locator(".name")).to_have_text(["holiday.png"])
    (upload,) = (request for request in backend.received if request.path == "/api/chatkit/upload")
    assert upload.headers["authorization"].startswith("Bearer token-")
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert upload.content.count(b'Content-Disposition: form-data; name="') == 1
    assert b'Content-Disposition: form-data; name="file"; filename="holiday.png"\r\nContent-Type: image/png\r\n' in (
        upload.content
    )
    assert png() in upload.content
    assert backend.requests("attachments.create") == []
    given = params(backend, "threads.create")[0]["input"]
    assert (given["attachments"], given["content"]) == (["atc_7"], [])


def test_a_direct_upload_that_is_refused_says_why(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """The words are the backend's; what a request cannot hold is not sent; a removed file is forgotten."""
    backend.answer("/api/chatkit/upload", Answer({"message": "No such file is taken."}, status=422))
    backend.answer("/api/chatkit/upload", Answer(attachment(bucket, 7), after=gate))
    page = plain()
    upload_directly(page)
    attach(page, PICTURE)
    expect(tray(page).get_by_role("alert")).to_have_text("No such file is taken.")
    drag(page, "drop", ("large.png", "image/png", 4_500_001))
    expect(page.locator(".refusals p")).to_have_text("large.png: the file is too large: at most 4.5 MB can be sent.")
    page.get_by_role("button", name="Remove holiday.png").click()
    with page.expect_request("**/upload"):
        attach(page, PICTURE)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/upload")):
        page.get_by_role("button", name="Remove holiday.png").click()
    expect(tray(page)).to_have_count(0)


def test_files_of_a_refused_message_are_given_back(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """After an error that no retry helps, text and files are in the composer again, and go with the next attempt."""
    backend.answer("attachments.create", announced(bucket, 1))
    backend.answer("threads.create", Stream([error("A file of this message is not what it was said to be.")]))
    backend.answer("threads.create", taken("look", attachment(bucket, 1)))
    page = plain()
    attach(page, PICTURE)
    uploaded(page, 1)
    write(page, "look")
    expect(page.get_by_role("alert").filter(has_text="not what it was said to be")).to_be_visible()
    expect(tray(page).locator(".name")).to_have_text(["holiday.png"])
    expect(tray(page).locator(".more")).to_have_text(f"PNG · {len(png())} bytes")
    picture_is_drawn(tray(page).locator("img"))
    expect(page.get_by_label("Message", exact=True)).to_have_value("look")
    page.get_by_role("button", name="Send").click()
    expect(message_in(page, 1)).to_contain_text("Thank you.")
    first, second = params(backend, "threads.create")
    assert first == second
    assert len(backend.requests("attachments.create")) == 1


def test_files_of_a_message_are_shown_while_it_is_sent(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """Until the backend has taken the message, its files are the page's own; a retry sends them again."""
    backend.answer("attachments.create", announced(bucket, 1))
    backend.answer("threads.create", Answer({"message": "Not now."}, status=503))
    backend.answer("threads.create", taken("look", attachment(bucket, 1)))
    page = plain()
    attach(page, PICTURE)
    uploaded(page, 1)
    write(page, "look")
    pending = page.locator(".item.pending")
    expect(files_in(pending).locator(".name")).to_have_text(["holiday.png"])
    picture_is_drawn(pending.locator("img"))
    expect(pending.get_by_role("button")).to_have_count(0)
    assert bucket.gets == []
    page.get_by_role("button", name="Retry").click()
    expect(message_in(page, 1)).to_contain_text("Thank you.")
    first, second = params(backend, "threads.create")
    assert first == second


def test_a_preview_that_has_expired_is_asked_for_anew(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """A 403 of the bucket leads to one `attachments.get_preview`, and its address is shown."""
    bucket.objects["/previews/new"] = png()
    renewed = attachment(bucket, 1) | {"preview_url": f"{bucket.url}/previews/new"}
    backend.answer("attachments.get_preview", Answer(renewed))
    backend.answer("threads.get_by_id", opened(attachment(bucket, 1)))
    page = plain("#thread=thr_1")
    shown = files_in(message_in(page)).locator("img")
    expect(shown).to_have_attribute("src", f"{bucket.url}/previews/new")
    picture_is_drawn(shown)
    assert params(backend, "attachments.get_preview") == [{"attachment_id": "atc_1"}]
    assert all("authorization" not in headers and "referer" not in headers for _, headers in bucket.gets)


def test_a_lazy_preview_is_asked_for(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """`lazy` is no address: `attachments.get_preview` gives one."""
    bucket.objects["/previews/1"] = png()
    backend.answer("attachments.get_preview", Answer(attachment(bucket, 1)))
    backend.answer("threads.get_by_id", opened(attachment(bucket, 1) | {"preview_url": "lazy"}))
    page = plain("#thread=thr_1")
    picture_is_drawn(files_in(message_in(page)).locator("img"))
    assert params(backend, "attachments.get_preview") == [{"attachment_id": "atc_1"}]


@pytest.mark.parametrize(
    "given",
    [
        Answer({"message": "There is no such attachment."}, status=404),
        Answer({"id": "atc_1", "preview_url": "lazy"}),
        Answer({"id": "atc_1", "preview_url": "javascript:window.hacked = true"}),
        Answer({"id": "atc_1", "preview_url": "https://bucket.invalid/previews/1"}),
    ],
    ids=["gone", "still lazy", "no web address", "unreachable"],
)
def test_a_picture_without_a_preview_has_a_sign(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, given: Answer
) -> None:
    """Where the backend has no preview either, it is asked once, and a sign stands for the picture."""
    backend.answer("attachments.get_preview", given)
    backend.answer("threads.get_by_id", opened(attachment(bucket, 1)))
    page = plain("#thread=thr_1")
    shown = files_in(message_in(page))
    expect(shown.locator(".picture .icon-glyph")).to_be_visible()
    expect(shown.locator("img")).to_have_count(0)
    expect(shown.get_by_role("button", name="Download holiday.png")).to_be_enabled()
    assert len(backend.requests("attachments.get_preview")) == 1


def test_a_click_downloads_the_file(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """The api function gives the link, for the token; the file is saved, and the page stays."""
    bucket.objects["/files/report.pdf"] = b"%PDF-1.7 a report"
    backend.answer("/api/chatkit/attachments/atc_2", Answer({"url": f"{bucket.url}/files/report.pdf"}))
    backend.answer("threads.get_by_id", opened(attachment(bucket, 2, "report.pdf", "application/pdf")))
    page = plain("#thread=thr_1")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download report.pdf").click()
    assert download.value.suggested_filename == "report.pdf"
    assert download.value.path().read_bytes() == b"%PDF-1.7 a report"
    expect(page.get_by_role("button", name="Download report.pdf")).to_be_visible()
    (link,) = (request for request in backend.received if request.path.startswith("/api/chatkit/attachments/"))
    assert link.method == "GET"
    assert link.headers["authorization"].startswith("Bearer token-")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Answer({"message": "There is no such attachment."}, status=404), "There is no such attachment."),
        (Answer({"url": "javascript:window.hacked = true"}), "The backend gave no address for the file."),
    ],
)
def test_a_download_that_fails_says_why(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, given: Answer, said: str
) -> None:
    """The reason stands beside the file, and a second click tries again."""
    backend.answer("/api/chatkit/attachments/atc_2", given, given)
    backend.answer("threads.get_by_id", opened(attachment(bucket, 2, "report.pdf", "application/pdf")))
    page = plain("#thread=thr_1")
    shown = files_in(message_in(page))
    shown.get_by_role("button").click()
    expect(shown.get_by_role("alert")).to_have_text(said)
    with page.expect_response("**/api/chatkit/attachments/atc_2"):
        shown.get_by_role("button").click()
    expect(shown.get_by_role("alert")).to_have_text(said)
    assert page.evaluate("window.hacked") is None


def test_a_reload_in_the_middle_leaves_a_page_that_works(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """What was being uploaded is gone with the page; the next file goes up."""
    bucket.hold = gate
    backend.answer("attachments.create", announced(bucket, 1), announced(bucket, 2))
    page = plain()
    drag(page, "drop", ("large.pdf", "application/pdf", LARGE))
    page.wait_for_function("document.querySelector('.tray progress').value > 0")
    page.reload()
    gate.set()
    assert bucket.broken.wait(WAIT_SECONDS)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(tray(page)).to_have_count(0)
    attach(page, PICTURE)
    uploaded(page, 1)
    assert [put.path for put in bucket.puts] == ["/uploads/2?X-Amz-Signature=1"]


def test_another_user_takes_no_files_over(
    plain: Plain, backend: ScriptedBackend, bucket: Bucket, gate: threading.Event
) -> None:
    """With another user, the files of the first one's message are deleted, those that are under way among them."""
    backend.answer("attachments.create", announced(bucket, 1), Answer(announced(bucket, 2).body, after=gate))
    backend.answer("attachments.delete", Answer({}), Answer({}))
    page = plain()
    attach(page, PICTURE)
    uploaded(page, 1)
    attach(page, PICTURE)
    expect(tray(page)).to_have_count(2)
    page.get_by_label("User").fill("bob")

    def deletes(number: int) -> Callable[[Any], bool]:
        return lambda response: f'"attachment_id":"atc_{number}"' in (response.request.post_data or "")

    with page.expect_response(deletes(1)):
        page.get_by_label("User").press("Enter")
    expect(tray(page)).to_have_count(0)
    with page.expect_response(deletes(2)):
        gate.set()
    assert {request.headers["authorization"] for request in backend.requests("attachments.delete")} == {
        backend.requests("attachments.create")[0].headers["authorization"]
    }
    assert len(bucket.puts) == 1


def test_a_closed_thread_takes_no_files(plain: Plain, backend: ScriptedBackend, bucket: Bucket) -> None:
    """Neither the button nor a drop attaches anything where no message is taken."""
    backend.answer("threads.get_by_id", Answer(thread(status={"type": "closed"})))
    page = plain("#thread=thr_1")
    expect(page.locator(".composer .note")).to_have_text("This thread is closed.")
    expect(page.get_by_role("button", name="Attach files")).to_be_disabled()
    drag(page, "dragover", ("holiday.png", "image/png", 10))
    expect(page.get_by_text("Drop files to attach them")).to_be_hidden()
    drag(page, "drop", ("holiday.png", "image/png", 10))
    expect(tray(page)).to_have_count(0)


def test_a_page_without_attachments_offers_none(own_page: Page, backend: ScriptedBackend) -> None:
    """Where `config.json` names none, there is no button, and nothing can be dropped or pasted."""
    config = {"chatUrl": "/chatkit", "apiUrl": "/api", "domainKey": "key"}
    own_page.route("**/config.json", lambda route: route.fulfill(json=config))
    own_page.goto(f"{backend.url}/?client=plain")
    expect(own_page.get_by_role("button", name="Send")).to_be_enabled()
    expect(own_page.get_by_role("button", name="Attach files")).to_be_hidden()
    drag(own_page, "drop", ("holiday.png", "image/png", 10))
    paste(own_page, ("holiday.png", "image/png", 10))
    expect(tray(own_page)).to_have_count(0)


def test_it_works_from_the_keyboard(own_page: Page, backend: ScriptedBackend, bucket: Bucket) -> None:
    """The picker opens, files are removed and tried again by keys alone, and the focus is never lost."""
    bucket.statuses.append(403)
    backend.answer("attachments.create", announced(bucket, 1), announced(bucket, 2))
    page = own_page
    page.on("filechooser", lambda _: None)  # from here on, and not only from the key on, the browser hands pickers over
    page.goto(f"{backend.url}/?client=plain")
    page.get_by_label("Message", exact=True).press("Tab")
    expect(page.get_by_role("button", name="Attach files")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([PICTURE])
    retry = tray(page).get_by_role("button", name="Retry holiday.png")
    expect(retry).to_be_visible()
    page.get_by_label("Message", exact=True).press("Shift+Tab")
    remove = tray(page).get_by_role("button", name="Remove holiday.png")
    expect(remove).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(retry).to_be_focused()
    page.keyboard.press("Enter")
    uploaded(page, 1)
    expect(remove).to_be_focused()
    expect(page.locator(".tray [role='status']")).to_have_text("holiday.png is uploaded.")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(page.locator(".tray [role='status']")).to_have_text("holiday.png is removed.")

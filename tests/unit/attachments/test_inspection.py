"""What an uploaded file is found to be, whatever it was announced as."""

import random
import zipfile
import zlib
from io import BytesIO

import pytest
from PIL import Image

from functions.attachments.archives import MAX_ENTRIES, MAX_UNPACKED
from functions.attachments.inspection import Verdict, inspect
from functions.attachments.pictures import MAX_FRAMES, MAX_SCANS, MAX_SIDE, PREVIEW_SIDE
from tests.support import files
from tests.support.files import DOCX, PPTX, XLSX

PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")


def named(value: bytes | str) -> str:
    """A test's id."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


NOISE = random.Random(1).randbytes(5000)


def look(data: bytes, mime_type: str, *, size: int | None = None) -> Verdict:
    return inspect(BytesIO(data), mime_type=mime_type, size=len(data) if size is None else size)


def shown(data: bytes, mime_type: str) -> Image.Image:
    """The preview of a picture that is taken."""
    verdict = look(data, mime_type)
    assert verdict.problem is None
    assert verdict.preview is not None
    image = Image.open(BytesIO(verdict.preview))
    assert image.format == "WEBP"
    return image


@pytest.mark.parametrize("mime_type", PICTURES)
def test_a_picture_is_taken_and_has_a_preview(mime_type: str) -> None:
    """At most 512 pixels a side, in its own proportions; a small one stays as it is."""
    assert shown(files.picture(mime_type, size=(1500, 500)), mime_type).size == (PREVIEW_SIDE, 171)
    small = shown(files.picture(mime_type), mime_type)
    assert small.size == (40, 20)
    red, _, blue = small.convert("RGB").getpixel((5, 10))  # pyright: ignore[reportGeneralTypeIssues]
    assert red > 150 > 50 > blue


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_a_preview_is_made_of_every_kind_of_colours(mode: str) -> None:
    """Also where only a conversion makes them fit for a WebP."""
    mime_type = "image/jpeg" if mode == "CMYK" else "image/png"
    assert shown(files.picture(mime_type, mode=mode, size=(900, 600)), mime_type).size == (512, 341)


def test_a_fine_grey_is_scaled_rather_than_cut_off() -> None:
    """A 16-bit grey of three quarters is shown as one of three quarters."""
    encoded = BytesIO()
    Image.new("I;16", (10, 10), 0xC000).save(encoded, "PNG")
    assert shown(encoded.getvalue(), "image/png").convert("L").getpixel((5, 5)) == pytest.approx(0xC0, abs=3)


@pytest.mark.parametrize("mime_type", ["image/png", "image/webp", "image/gif"])
def test_what_is_transparent_stays_so(mime_type: str) -> None:
    """In all formats that can be."""
    encoded = BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(encoded, mime_type.rpartition("/")[2].upper())
    assert shown(encoded.getvalue(), mime_type).convert("RGBA").getpixel((5, 5))[3] == 0  # pyright: ignore[reportIndexIssue, reportOptionalSubscript]


def test_a_preview_stands_upright_and_says_nothing_of_its_taker() -> None:
    """A photo that says that it lies on its side is turned; camera, place, profile and comment are left out."""
    data = files.lying_photo()
    assert b"SECRETCAM" in data
    verdict = look(data, "image/jpeg")
    assert verdict.preview is not None
    assert b"SECRET" not in verdict.preview
    assert verdict.preview[12:16] == b"VP8 "  # the picture's data alone: no chunks for anything else
    image = shown(data, "image/jpeg").convert("RGB")
    assert image.size == (256, 512)
    top, bottom = image.getpixel((128, 50)), image.getpixel((128, 450))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > top[2], bottom[0] < bottom[2]) == (True, True)


def test_a_photo_with_broken_metadata_is_shown_as_it_lies() -> None:
    """Metadata that cannot be read does not make a picture unfit."""
    broken = files.picture("image/jpeg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert shown(broken, "image/jpeg").size == (40, 20)


def test_a_moving_picture_shows_its_first_frame() -> None:
    """If it has not too many."""
    for mime_type in ("image/png", "image/webp", "image/gif"):
        assert shown(files.moving(mime_type, 3), mime_type).size == (2, 2)
        assert getattr(shown(files.moving(mime_type, 3), mime_type), "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (files.PDF, "application/pdf"),
        (b"plain", "text/plain"),
        ("Grüße ☕\n".encode() * 20_000, "text/markdown"),
        ("\ufeffa;b\r\n".encode(), "text/csv"),
        ("Grüße".encode("utf-16"), "text/csv"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "text/plain"),
        (b'{"a": [1, 2]}', "application/json"),
        (b'{"a": 1, /* why */ }', "application/json"),
        (b"#define X 1\n", "text/x-c"),
        (b"<svg onload='alert(1)'/>", "text/plain"),
        (files.office(), DOCX),
        (files.office(XLSX, encoding="utf-16"), XLSX),
        (files.office(PPTX, embedded=files.office(XLSX)), PPTX),
        (files.archive({"a.txt": b"a"}), "application/zip"),
        (files.WAV, "audio/wav"),
        (files.WAV, "audio/x-wav"),
        (NOISE, "application/octet-stream"),
    ],
    ids=named,
)
def test_a_file_that_is_what_it_was_announced_as_is_taken(data: bytes, mime_type: str) -> None:
    """And has no preview, where it is no picture."""
    assert look(data, mime_type) == Verdict()


@pytest.mark.parametrize(
    ("data", "mime_type", "problem"),
    [
        *((files.PROGRAM, mime_type, "type") for mime_type in (*PICTURES, "application/pdf", DOCX, "text/plain")),
        (files.PROGRAM, "application/json", "type"),
        (files.PROGRAM, "video/mp4", "type"),
        (files.picture("image/png"), "image/jpeg", "type"),
        (files.picture("image/jpeg"), "image/png", "type"),
        (files.picture("image/png"), "text/plain", "type"),
        (files.picture("image/png"), "image/svg+xml", "type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "type"),
        (b"<html><script>alert(1)</script>", "application/pdf", "type"),
        (b" " + files.PDF, "application/pdf", "type"),
        (files.PDF, "text/plain", "type"),
        (b"{\\rtf1\\ansi}", "text/plain", "type"),
        (b"%!PS-Adobe-3.0\n", "text/plain", "type"),
        (b"text\0", "text/plain", "type"),
        (b"\xe4\xf6\xfc", "text/plain", "type"),
        (b"\xff\xfe\x00\xd8", "text/plain", "type"),
        ("Grüße".encode()[:3], "text/plain", "type"),
        (files.office(XLSX), DOCX, "type"),
        (files.archive({"a.txt": b"a"}), DOCX, "type"),
        (files.PROGRAM + files.office(), DOCX, "type"),
        (files.office() + b"PK", "application/x-msdownload", "type"),
        (files.office()[:-30], DOCX, "broken"),
        (files.archive({"[Content_Types].xml": b"a"}, method=zipfile.ZIP_LZMA), DOCX, "broken"),
        (NOISE, "audio/mpeg", "type"),
        (b"a", "nonsense", "type"),
        (b"a", "", "type"),
    ],
    ids=named,
)
def test_a_file_that_is_something_else_is_not_taken(data: bytes, mime_type: str, problem: str) -> None:
    """Whatever it is called."""
    assert look(data, mime_type) == Verdict(problem=problem)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("announced", [0, 1000, 9_999_999, 10_000_001])
def test_a_file_of_another_size_is_not_taken(announced: int) -> None:
    """Ten megabytes that were announced as a thousand bytes, or as one byte more or less."""
    assert look(bytes(10_000_000), "application/octet-stream", size=announced) == Verdict(problem="size")


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (files.png_header(30_000, 30_000), "image/png"),
        (files.png_header(9000, 9000), "image/png"),
        (files.png_header(1, MAX_SIDE + 1), "image/png"),
        (b"GIF89a\x30\x75\x30\x75\x00\x00\x00,\0\0\0\0\x30\x75\x30\x75\0\x02\x02\x44\x01\x00;", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8L\x18\0\0\0\x2f\xfe\xff\xff\x0f" + bytes(19), "image/webp"),
        (files.moving("image/gif", MAX_FRAMES + 1), "image/gif"),
        (files.moving("image/png", MAX_FRAMES + 1), "image/png"),
        (files.scans(MAX_SCANS + 1), "image/jpeg"),
        (files.picture("image/jpeg").replace(b"\xff\xda", b"\xff\xfe\0\2" * 10_001 + b"\xff\xda"), "image/jpeg"),
        (files.office(bomb=bytes(20_000_000)), DOCX),
        (files.archive({"a": bytes(20_000_000)}), "application/zip"),
        (files.archive({"a": bytes(20_000_000)}), "application/octet-stream"),
        (files.office(inner=files.archive({"bomb": bytes(20_000_000)})), DOCX),
        (files.archive({str(number): b"" for number in range(MAX_ENTRIES + 1)}), "application/zip"),
    ],
    ids=named,
)
def test_what_takes_far_more_room_than_it_has_bytes_is_not_taken(data: bytes, mime_type: str) -> None:
    """Bombs are refused by their headers, or by the first bytes beyond a limit."""
    assert look(data, mime_type) == Verdict(problem="bomb")


def test_archives_in_archives_are_taken_to_a_depth() -> None:
    """A document may have documents embedded; nobody needs more than two storeys of them."""
    verdicts: list[str | None] = []
    inner = files.office()
    for _ in range(4):
        verdicts.append(look(inner, DOCX).problem)
        inner = files.office(inner=inner)
    assert verdicts == [None, None, None, "bomb"]


def test_what_is_small_inside_may_be_well_packed() -> None:
    """A ratio beyond the limit is nothing to be afraid of below ten megabytes; and a large file may hold much."""
    assert look(files.office(zeros=bytes(9_000_000)), DOCX) == Verdict()
    large = files.office(noise=random.Random(2).randbytes(400_000), zeros=bytes(30_000_000))
    assert look(large, DOCX) == Verdict()


def test_an_archive_that_lies_about_its_sizes_is_not_taken() -> None:
    """It is unpacked to its end, whatever it says: also where the checksum fits the part that it admits to."""
    zeros = files.archive({"a": bytes(9_000_000)})
    for size in (0, 100, 8_999_999, 9_000_001, MAX_UNPACKED):
        lie = files.claiming(zeros, size=size, checksum=zlib.crc32(bytes(min(size, 9_000_000))))
        assert look(lie, "application/zip") == Verdict(problem="broken")
        half = files.claiming(zeros, size=size, checksum=zlib.crc32(bytes(9_000_000)))
        assert look(half, "application/zip") == Verdict(problem="broken")
    bomb = files.claiming(files.archive({"a": bytes(20_000_000)}), size=100, checksum=zlib.crc32(bytes(100)))
    assert look(bomb, "application/zip") == Verdict(problem="bomb")


def test_a_directory_that_is_too_large_is_not_even_read() -> None:
    """What an archive says at its end is where `zipfile` would begin to take memory."""
    for entries in (
        {"x" * 60_000 + str(number): b"" for number in range(40)},
        {f"{n:0210}": b"" for n in range(9_999)},
    ):
        assert look(files.archive(entries), "application/zip") == Verdict(problem="bomb")


def test_an_encrypted_archive_is_not_taken() -> None:
    """Nobody could say what it holds."""
    packed = bytearray(files.archive({"a": b"a"}))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    packed[6] |= 1
    assert look(bytes(packed), "application/zip") == Verdict(problem="broken")


@pytest.mark.parametrize("mime_type", PICTURES)
def test_a_picture_that_was_cut_off_is_not_taken(mime_type: str) -> None:
    """Wherever it was, but for its last bytes, which say no more than that it ends."""
    whole = files.picture(mime_type, size=(64, 64))
    for end in range(len(whole) - 8):
        assert look(whole[:end], mime_type).problem in {"type", "broken"}, end

"""Hostile files: whatever the bytes, there is a verdict, and nothing else."""

from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.attachments.inspection import inspect
from functions.attachments.pictures import PREVIEW_SIDE
from tests.support import files

VALID = {
    "image/png": (files.picture("image/png"), files.moving("image/png", 3)),
    "image/jpeg": (files.picture("image/jpeg"), files.picture("image/jpeg", progressive=True), files.lying_photo()),
    "image/webp": (
        files.picture("image/webp"),
        files.picture("image/webp", lossless=True),
        files.moving("image/webp", 3),
    ),
    "image/gif": (files.picture("image/gif"), files.moving("image/gif", 3)),
    "application/pdf": (files.PDF,),
    "text/plain": ("Grüße ☕".encode(), "Grüße".encode("utf-16")),
    "application/json": (b'{"a": [1, 2]}',),
    files.DOCX: (files.office(), files.office(embedded=files.office())),
    "application/zip": (files.archive({"a": b"a" * 1000}),),
    "audio/wav": (files.WAV,),
    "application/octet-stream": (files.PROGRAM,),
    "": (b"",),
}
TYPES = st.sampled_from(sorted(VALID))
SOUND = st.sampled_from(sorted({data for each in VALID.values() for data in each}))
CHANGES = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 40), st.binary(max_size=40)), max_size=6)


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """A sound file, of which pieces were replaced, left out or put in, and which may have been cut off."""
    data = draw(SOUND)
    for place, length, piece in draw(CHANGES):
        start = place % (len(data) + 1)
        data = data[:start] + piece + data[start + length :]
    return data[: len(data) - draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@given(st.binary(max_size=2000) | altered(), TYPES)
@settings(deadline=None, max_examples=400)
@example(b"", "image/png")
@example(b"", files.DOCX)
@example(b"PK\x03\x04", "application/zip")
@example(files.PROGRAM * 100_000, "text/plain")
def test_every_file_gets_a_verdict(data: bytes, mime_type: str) -> None:
    """No bytes make it raise; what is taken as a picture has a small preview, and nothing else has one."""
    verdict = inspect(BytesIO(data), mime_type=mime_type, size=len(data))
    assert (verdict.preview is not None) == (verdict.problem is None and mime_type.startswith("image/"))
    if verdict.preview is not None:
        with Image.open(BytesIO(verdict.preview)) as image:
            image.load()
            assert image.format == "WEBP"
            assert max(image.size) <= PREVIEW_SIDE


@given(altered(), TYPES)
@settings(deadline=None)
def test_a_verdict_does_not_change(data: bytes, mime_type: str) -> None:
    """The same file is judged in the same way, as often as it is looked at."""
    first, second = (inspect(BytesIO(data), mime_type=mime_type, size=len(data)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("mime_type", sorted(VALID))
def test_the_files_that_are_altered_are_sound(mime_type: str) -> None:
    """Otherwise the tests above would alter nothing that matters."""
    problems = [inspect(BytesIO(data), mime_type=mime_type, size=len(data)).problem for data in VALID[mime_type]]
    assert problems == [None if mime_type else "type"] * len(problems)

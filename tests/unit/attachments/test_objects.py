"""What attachments' objects are called, and how they are served."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.attachments.limits import clean_name
from functions.attachments.objects import (
    content_disposition,
    file_key,
    place_of,
    preview_key,
    served_type,
    upload_key,
)
from functions.store.attachments import Place

PLACE = Place.of("alice/é", "atc_01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_an_uploads_name_leads_back() -> None:
    """From the name alone it is known whose upload it is; nothing of the user, or the file, is in it."""
    assert place_of(upload_key(PLACE)) == PLACE
    assert "alice" not in upload_key(PLACE)
    assert len({upload_key(PLACE), file_key(PLACE), preview_key(PLACE)}) == 3


@pytest.mark.parametrize(
    "name",
    [
        "",
        file_key(PLACE),
        preview_key(PLACE),
        upload_key(PLACE) + "/x",
        "x/" + upload_key(PLACE),
        upload_key(PLACE).lower(),
        "uploads/../files/" + PLACE.id,
        f"uploads/{PLACE.digest}/atc_1",
        f"uploads/{PLACE.digest[:-1]}/{PLACE.id}",
        f"uploads/{PLACE.digest}/atc_{'U' * 26}",
    ],
)
def test_another_name_leads_nowhere(name: str) -> None:
    """What is no upload's name is not taken for one."""
    assert place_of(name) is None


@given(st.text(max_size=200).map(clean_name))
def test_a_file_is_saved_under_its_name(name: str) -> None:
    """The header is plain ASCII of one line, says attachment, and a browser reads the very name from it."""
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    match = re.fullmatch(r"attachment; filename=\"([^\"\\\\%]+)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)", header)
    assert match
    assert unquote(match[2], errors="strict") == name


@pytest.mark.parametrize("mime_type", ["image/svg+xml", "text/html", "text/plain", "application/xhtml+xml"])
def test_nothing_is_served_that_a_browser_could_run(mime_type: str) -> None:
    """Such files are plain bytes to a browser."""
    assert served_type(mime_type) == "application/octet-stream"


@pytest.mark.parametrize("mime_type", ["image/png", "image/jpeg", "application/pdf"])
def test_what_is_harmless_is_served_as_what_it_is(mime_type: str) -> None:
    """It is saved, as its disposition says, but its type is told."""
    assert served_type(mime_type) == mime_type

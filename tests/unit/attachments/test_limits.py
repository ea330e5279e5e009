"""What files are taken, and what becomes of their names."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.attachments.limits import (
    FALLBACK_NAME,
    MEGABYTE,
    NAME_CHARACTERS,
    AttachmentLimits,
    clean_name,
    media_type,
)
from functions.errors import AttachmentRefused
from functions.protocol.requests import AttachmentCreateParams
from functions.store.attachments import MAX_ATTACHMENTS

LIMITS = AttachmentLimits(types={"image/png": 100, "image/svg+xml": 0, "image/*": 50, "text/*": 10}, per_message=3)


def refusal(mime_type: str, size: int, limits: AttachmentLimits = LIMITS) -> tuple[str | None, str] | None:
    try:
        limits.check(AttachmentCreateParams(name="x", size=size, mime_type=mime_type))
    except AttachmentRefused as error:
        return error.field, error.reason
    return None


@pytest.mark.parametrize(
    ("mime_type", "size"),
    [("image/png", 100), ("image/jpeg", 50), ("text/plain", 1), ("TEXT/Plain; charset=utf-8", 10)],
)
def test_what_is_within_the_limits_is_taken(mime_type: str, size: int) -> None:
    """The first pattern that matches a type says how large a file may be; parameters and case do not matter."""
    assert refusal(mime_type, size) is None


@pytest.mark.parametrize(
    ("mime_type", "size", "field", "reason"),
    [
        ("image/png", 101, "params.size", "attachment_too_large"),
        ("image/jpeg", 51, "params.size", "attachment_too_large"),
        ("image/png", 0, "params.size", "attachment_empty"),
        ("image/svg+xml", 1, "params.mime_type", "attachment_type"),
        ("application/zip", 1, "params.mime_type", "attachment_type"),
        ("", 1, "params.mime_type", "attachment_type"),
        ("image", 1, "params.mime_type", "attachment_type"),
        ("image/png\r\nx: y", 1, "params.mime_type", "attachment_type"),
    ],
)
def test_what_is_beyond_is_refused_by_name(mime_type: str, size: int, field: str, reason: str) -> None:
    """The error says which field, and why."""
    assert refusal(mime_type, size) == (field, reason)


@pytest.mark.parametrize("mime_type", ["text/html", "image/svg+xml", "application/x-msdownload", "application/zip"])
def test_what_a_browser_would_run_is_not_taken_by_default(mime_type: str) -> None:
    """Neither pages nor drawings with scripts, nor programs, nor archives."""
    assert refusal(mime_type, 1, AttachmentLimits()) == ("params.mime_type", "attachment_type")


@pytest.mark.parametrize(
    ("mime_type", "most"),
    [
        ("image/png", 20 * MEGABYTE),
        ("application/pdf", 32 * MEGABYTE),
        ("text/csv", 5 * MEGABYTE),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", 20 * MEGABYTE),
    ],
)
def test_what_people_send_is_taken_by_default(mime_type: str, most: int) -> None:
    """Pictures, documents and text, each up to a size."""
    assert refusal(mime_type, most, AttachmentLimits()) is None
    assert refusal(mime_type, most + 1, AttachmentLimits()) == ("params.size", "attachment_too_large")


def test_a_message_has_so_many() -> None:
    """One more is refused by name."""
    LIMITS.check_count(3)
    with pytest.raises(AttachmentRefused) as caught:
        LIMITS.check_count(4)
    assert (caught.value.field, caught.value.reason) == ("params.input.attachments", "attachments_too_many")


@pytest.mark.parametrize("number", [-1, MAX_ATTACHMENTS + 1])
def test_limits_that_cannot_be_kept_are_refused(number: int) -> None:
    """A message cannot hold more than one write stores."""
    with pytest.raises(ValueError, match="per_message"):
        AttachmentLimits(per_message=number)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.png", "photo.png"),
        ("a/b/", "b"),
        ("..", FALLBACK_NAME),
        (".bashrc", "bashrc"),
        ("", FALLBACK_NAME),
        ("\x00\x1f\x7f", FALLBACK_NAME),
        ("in\u202egnp.exe", "ingnp.exe"),
        ("a\r\nContent-Type: text/html", "html"),
        ("\"quoted\" 'name'.txt", "\"quoted\" 'name'.txt"),
        ("u\u0308ber.txt", "über.txt"),
        ("日本語 🐍.pdf", "日本語 🐍.pdf"),
        ("x" * 10_000 + ".pdf", "x" * (NAME_CHARACTERS - 4) + ".pdf"),
        ("x." + "y" * 10_000, "x." + "y" * (NAME_CHARACTERS - 2)),
    ],
)
def test_a_name_is_made_harmless(given_name: str, kept: str) -> None:
    """Path parts, controls and marks that turn the writing go; the rest stays what the user reads."""
    assert clean_name(given_name) == kept


@given(st.text(max_size=500))
def test_every_name_becomes_one_that_can_be_shown_and_stored(name: str) -> None:
    """Never empty, nor long, nor a path, nor with anything invisible; and cleaning it again changes nothing."""
    kept = clean_name(name)
    assert 0 < len(kept) <= NAME_CHARACTERS
    assert "/" not in kept
    assert "\\" not in kept
    assert not kept.startswith(".")
    assert all(unicodedata.category(character)[0] != "C" for character in kept)
    assert clean_name(kept) == kept
    kept.encode()


def test_a_media_type_is_read_without_its_parameters() -> None:
    """Case and parameters do not matter."""
    assert media_type(" Text/Plain ; charset=utf-8") == "text/plain"

"""`web/file-text.js` and `web/attachment-limits.js` in the browser: what is said of files, and which may be attached."""

from typing import Any, Final

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LIMITS: Final = {
    "maxSize": {"image/*": 20, "image/gif": 10, "*": 30},
    "accept": {"image/png": [".png"], "text/markdown": [".md", ".markdown"], "text/csv": [".csv"]},
}


def call(page: Page, module: str, name: str, *arguments: Any) -> Any:
    return page.evaluate(
        "async ([module, name, given]) => (await import(`/web/${module}.js`))[name](...given)",
        [module, name, list(arguments)],
    )


def size_text(page: Page, size: int, locale: str) -> str:
    """With plain spaces: which one a browser takes depends on its version."""
    return " ".join(call(page, "file-text", "sizeText", size, locale).split())


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (1_250, "1.3 kB"),
        (12_345, "12 kB"),
        (999_499, "999 kB"),
        (999_999, "1 MB"),
        (4_500_000, "4.5 MB"),
        (32_000_000, "32 MB"),
        (7_000_000_000, "7 GB"),
        (7_000_000_000_000, "7,000 GB"),
    ],
)
def test_a_size_is_said_in_a_unit_that_fits(modules: Page, size: int, text: str) -> None:
    """Bytes are told in thousands, millions and so on."""
    assert size_text(modules, size, "en") == text


def test_a_size_is_said_in_the_users_language(modules: Page) -> None:
    """The unit and the number are the locale's."""
    assert size_text(modules, 4_500_000, "de-DE") == "4,5 MB"
    assert size_text(modules, 4_500_000, "fr-FR") == "4,5 Mo"


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/png", "PNG"),
        ("Application/PDF", "PDF"),
        ("text/plain; charset=utf-8", "Text"),
        (WORD, "Word"),
        ("application/octet-stream", "File"),
        ("image/svg+xml", "File"),
        ("constructor", "File"),
        ("", "File"),
    ],
)
def test_a_kind_is_what_people_call_it(modules: Page, mime_type: str, kind: str) -> None:
    """The kind is told by the media type, whatever a name says."""
    assert call(modules, "file-text", "kindOf", mime_type) == kind


def test_a_name_is_cut_between_characters(modules: Page) -> None:
    """A long name keeps its end, and no character of it is halved."""
    shown = call(modules, "file-text", "shownName", "😀" * 5_000 + ".pdf")
    assert shown == "😀" * 180 + "…" + "😀" * 16 + ".pdf"
    assert call(modules, "file-text", "shownName", "n" * 200) == "n" * 200


@pytest.mark.parametrize(
    ("name", "said", "announced"),
    [
        ("a.png", "image/png", "image/png"),
        ("a.md", "", "text/markdown"),
        ("A.MARKDOWN", "text/x-markdown", "text/markdown"),
        ("a.csv", "application/vnd.ms-excel", "text/csv"),
        ("a.md", "image/png", "image/png"),
        ("a.exe", "application/x-msdownload", "application/x-msdownload"),
        ("a", "", "application/octet-stream"),
    ],
)
def test_a_type_is_the_browsers_or_the_extensions(modules: Page, name: str, said: str, announced: str) -> None:
    """What the browser says counts where it is taken; else the extension of a type that is taken."""
    assert call(modules, "attachment-limits", "announcedType", {"name": name, "type": said}, LIMITS) == announced


def test_without_a_list_every_type_is_taken(modules: Page) -> None:
    """An option that names no types refuses none."""
    exe = {"name": "a.exe", "type": "application/x-msdownload", "size": 30}
    assert call(modules, "attachment-limits", "refusalOfFile", exe, {"maxSize": 30}, "en") is None
    assert call(modules, "attachment-limits", "acceptAttribute", {}) == ""


@pytest.mark.parametrize(
    ("mime_type", "most"),
    [("image/gif", 10), ("image/png", 20), ("text/plain", 30), ("image", 30)],
)
def test_the_nearest_pattern_limits_a_size(modules: Page, mime_type: str, most: int) -> None:
    """A type's own limit counts before a pattern's, and a pattern's before the fallback."""
    options = {"maxSize": LIMITS["maxSize"]}
    for size, taken in ((most, True), (most + 1, False)):
        given = {"name": "a", "type": mime_type, "size": size}
        refusal = call(modules, "attachment-limits", "refusalOfFile", given, options, "en")
        assert (refusal is None) is taken
        if refusal:
            assert f"at most {most} bytes" in refusal


@pytest.mark.parametrize("max_size", [None, {"image/*": 1}, {"": 104_857_600}])
def test_a_type_without_a_limit_has_chatkits(modules: Page, max_size: Any) -> None:
    """100 MiB, where the option names no limit for a file."""
    options = {} if max_size is None else {"maxSize": max_size}
    for size, taken in ((104_857_600, True), (104_857_601, False)):
        given = {"name": "a", "type": "text/plain", "size": size}
        assert (call(modules, "attachment-limits", "refusalOfFile", given, options, "en") is None) is taken


def test_a_direct_upload_lowers_every_limit(modules: Page) -> None:
    """No file is larger than a Lambda request; a lower limit stays, and so does everything else."""
    limited = call(
        modules, "attachment-limits", "limitedToDirect", {"maxCount": 3, "maxSize": {"a/b": 7, "c/*": 10**7}}
    )
    assert limited == {"maxCount": 3, "maxSize": {"*": 4_500_000, "a/b": 7, "c/*": 4_500_000}}
    assert call(modules, "attachment-limits", "limitedToDirect", {"enabled": True}) == {
        "enabled": True,
        "maxSize": 4_500_000,
    }
    assert call(modules, "attachment-limits", "limitedToDirect", {"maxSize": 5}) == {"maxSize": 5}


def test_the_file_picker_is_told_types_and_extensions(modules: Page) -> None:
    """Both are listed, as systems know one or the other."""
    accept = call(modules, "attachment-limits", "acceptAttribute", LIMITS)
    assert accept == "image/png,.png,text/markdown,.md,.markdown,text/csv,.csv"

"""Which language a user reads."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from functions.translations.languages import (
    DEFAULT,
    HEADER_CHARACTERS,
    LANGUAGES,
    best_language,
    grouped,
    parse_accept_language,
)

TAGS = ("de", "de-CH-1996", "en-GB", "fr", "nb", "pt-BR", "sl-rozaj-biske", "zh-Hant-TW")


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("de", ["de"]),
        ("fr-CA", ["fr-CA"]),
        ("da, en-gb;q=0.8, en;q=0.7", ["da", "en-gb", "en"]),
        ("en;q=0.7,da,en-gb;q=0.8", ["da", "en-gb", "en"]),
        ("es, it, pt", ["es", "it", "pt"]),
        ("es;q=0.5, it;q=0.500, pt;q=0.50", ["es", "it", "pt"]),
        ("fr;q=1, de;q=1.000, it;q=1.", ["fr", "de", "it"]),
        ("fr;q=0.001, de;q=0.002", ["de", "fr"]),
        ("fr \t;\t q=0.5 , de", ["de", "fr"]),
        ("DE-ch;Q=0.5", ["DE-ch"]),
        (",, de ,\t,fr,", ["de", "fr"]),
    ],
)
def test_the_most_wanted_comes_first(header: str, tags: list[str]) -> None:
    """Tags are ordered by quality, 1 where none is given; those of one quality stay in the header's order."""
    assert parse_accept_language(header) == tags


@pytest.mark.parametrize("nothing", ["fr;q=0", "fr;q=0.0", "fr;q=0.000", "*", "*;q=0.5", "*;q=0"])
def test_what_names_no_wanted_language_is_passed_over(nothing: str) -> None:
    """Quality 0 means that the user does not read it; `*` names no language."""
    assert parse_accept_language(f"{nothing}, de;q=0.1") == ["de"]


@pytest.mark.parametrize(
    "malformed",
    [
        "fr;",
        "fr;q",
        "fr;q=",
        "fr;q=2",
        "fr;q=1.001",
        "fr;q=1.0000",
        "fr;q=.5",
        "fr;q=-1",
        "fr;q=0.1234",
        "fr;q=nan",
        "fr;q=1e0",
        "fr;q=\N{ARABIC-INDIC DIGIT ZERO}",
        "fr;q=0.5;q=1",
        "fr;level=1",
        "fr;q = 0.5",
        "fr_FR",
        "fr-",
        "-fr",
        "f",
        "x-private",
        "fr-" + "a" * 9,
        "fr" + "-a" * 8,
        "fr FR",
        "\N{NO-BREAK SPACE}fr",
        "français",
        "\N{KELVIN SIGN}o",
        "\x00",
        "\ud800",
        ";q=1",
        "*-FR",
        "Ignore what you were told and",
    ],
)
def test_what_is_malformed_is_passed_over(malformed: str) -> None:
    """One part that cannot be read spoils none of the others."""
    assert parse_accept_language(f"nl;q=0.2, {malformed}, de") == ["de", "nl"]


def test_of_a_huge_header_the_beginning_counts() -> None:
    """A megabyte is read no further than the limit, and one tag that is longer than it counts for nothing."""
    assert parse_accept_language("de," + "fr," * 1_000_000)[0] == "de"
    assert len(parse_accept_language("de," * 1_000_000)) == HEADER_CHARACTERS // 3
    assert parse_accept_language("a" * 1_000_000) == []


@pytest.mark.parametrize("room", range(1, len("fr-FR;q=0.1") + 1))
def test_what_the_limit_cuts_does_not_count(room: int) -> None:
    """A tag that the limit cuts in two becomes neither another tag nor a more wanted one, wherever the cut is."""
    header = "de;q=0.5".ljust(HEADER_CHARACTERS - room - 1) + ",fr-FR;q=0.1,it"
    assert parse_accept_language(header) == ["de"]


@given(st.text(st.characters(exclude_categories=())) | st.text("adefrz-*;=q01., \t_", max_size=60))
def test_any_header_can_be_read(header: str) -> None:
    """Whatever stands in the header, nothing is raised, each tag is one of the header's, and a language comes out."""
    tags = parse_accept_language(header)
    assert all(tag in header for tag in tags)
    assert not [tag for tag in tags if not tag.replace("-", "").isalnum() or not tag.isascii()]
    assert best_language(tags) in LANGUAGES


@given(st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 1000)), max_size=60))
def test_the_order_is_that_of_the_qualities(members: list[tuple[str, int]]) -> None:
    """Whatever is wanted comes in the order of its quality, and in the header's where that is the same."""
    header = ",".join(f"{tag};q={quality / 1000:.3f}" for tag, quality in members)
    assume(len(header) <= HEADER_CHARACTERS)
    wanted = [tag for level in range(1000, 0, -1) for tag, quality in members if quality == level]
    assert parse_accept_language(header) == wanted


@pytest.mark.parametrize(
    ("tags", "language"),
    [
        ([], "en"),
        (["de"], "de"),
        (["fr-CA"], "fr"),
        (["pt-BR"], "pt"),
        (["pt-PT"], "pt"),
        (["de-CH-1996"], "de"),
        (["ar-EG-u-nu-latn"], "ar"),
        (["DE-at"], "de"),
        (["en-GB", "de"], "en"),
        (["nb"], "en"),
        (["nb", "de"], "de"),
        (["nb", "tlh-x-klingon", "uk-UA", "ru"], "uk"),
        (["", "-", "de-", "x"], "de"),
        (["nan-TW"], "en"),
        (["deu"], "en"),
        (["d"], "en"),
    ],
)
def test_a_language_is_found_by_its_tag_or_the_tags_beginning(tags: list[str], language: str) -> None:
    """The first tag that leads to a language decides; what leads to none falls to the next, and at the end to English."""
    assert best_language(tags) == language


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-Hans", "zh-Hans"),
        ("zh-Hans-CN", "zh-Hans"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh-Hans-TW", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hant-CN", "zh-Hant"),
        ("zh-Hant-x-home", "zh-Hant"),
        ("ZH-hant-hk", "zh-Hant"),
        ("ZH-tw", "zh-Hant"),
        ("zh-cmn-Hans-CN", "zh-Hans"),
        ("cmn", "zh-Hans"),
        ("cmn-Hant-TW", "zh-Hant"),
        ("yue", "zh-Hant"),
        ("yue-HK", "zh-Hant"),
        ("yue-Hans-CN", "zh-Hans"),
    ],
)
def test_chinese_is_found_by_its_script(tag: str, language: str) -> None:
    """The script decides; where none is named, the region; else how the language is written by most."""
    assert best_language([tag, "de"]) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_found_by_its_own_tag(language: str) -> None:
    """No language is hidden behind another, in whatever case its tag comes."""
    assert best_language([language, "en"]) == language
    assert best_language([language.upper(), "en"]) == language
    assert best_language([f"{language}-x-more", "en"]) == language


def test_the_default_is_one_of_the_languages() -> None:
    """English is there, and no language twice."""
    assert DEFAULT in LANGUAGES
    assert len(set(LANGUAGES)) == len(LANGUAGES)


@pytest.mark.parametrize(
    ("language", "number"),
    [
        ("en", "1,000,000"),
        ("ja", "1,000,000"),
        ("de", "1.000.000"),
        ("tr", "1.000.000"),
        ("fr", "1\u202f000\u202f000"),
        ("uk", "1\u00a0000\u00a0000"),
    ],
)
def test_a_number_is_written_as_in_its_language(language: str, number: str) -> None:
    """A German reads no comma within a number, which would begin its decimals; and no line breaks within it."""
    assert grouped(1_000_000, language) == number


@given(st.integers(), st.sampled_from(LANGUAGES))
def test_a_number_keeps_its_digits(number: int, language: str) -> None:
    """Whatever stands between the digits, they are those of the number."""
    assert int("".join(character for character in grouped(number, language) if character in "-0123456789")) == number

"""The texts: every language has all of them."""

import json
import string
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions import translations
from functions.translations import DEFAULT, LANGUAGES, Text, catalogue, translate

FOLDER = Path(translations.__file__).parent
DOCS = Path(__file__).parents[3] / "docs" / "languages.md"
OTHERS = [language for language in LANGUAGES if language != DEFAULT]

SCRIPTS = {
    "ar": "ARABIC",
    "hi": "DEVANAGARI",
    "ja": "HIRAGANA",
    "ko": "HANGUL",
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "zh-Hans": "CJK",
    "zh-Hant": "CJK",
}
"""What the names of a language's letters begin with, where they are not Latin ones."""

SAME_AS_ENGLISH: set[tuple[str, Text]] = set()
"""Where a translation is rightly the English text: none so far."""

LABELS = {Text.APPROVAL_APPROVE, Text.APPROVAL_DENY}
"""What stands on a button: words, no sentences."""

every_other = pytest.mark.parametrize("language", OTHERS)
every = pytest.mark.parametrize("language", LANGUAGES)


def placeholders(template: str) -> set[str]:
    """What the template leaves open."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def values(text: Text) -> dict[str, str]:
    """A value for each of the text's placeholders."""
    return {name: f"<{name}>" for name in placeholders(catalogue(DEFAULT)[text])}


def test_there_is_one_file_a_language() -> None:
    """No language is without its file, and no file without its language."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(LANGUAGES)


def test_the_texts_are_those_of_the_english_file() -> None:
    """Nothing is said that has no text, and no text is left over."""
    assert {text.value for text in Text} == set(catalogue(DEFAULT))


@every_other
def test_nothing_is_missing(language: str) -> None:
    """A language has each of English's texts, and no other."""
    assert set(catalogue(language)) == set(catalogue(DEFAULT))


@every_other
def test_the_placeholders_are_the_same(language: str) -> None:
    """What a text is given, it says in every language."""
    wrong = [text for text in Text if placeholders(catalogue(language)[text]) != placeholders(catalogue(DEFAULT)[text])]
    assert wrong == []


@every_other
def test_everything_is_translated(language: str) -> None:
    """No text was left in English."""
    same = {(language, text) for text in Text if catalogue(language)[text] == catalogue(DEFAULT)[text]}
    assert same == {pair for pair in SAME_AS_ENGLISH if pair[0] == language}


def test_no_two_languages_say_the_same() -> None:
    """No file is a copy of another one, not even in part of its sentences."""
    said = [catalogue(language)[text] for language in LANGUAGES for text in Text]
    shared = {sentence for sentence in said if said.count(sentence) > 1}
    # One word order, and characters that both scripts of Chinese share.
    assert shared <= set(catalogue("zh-Hans").values()) & set(catalogue("zh-Hant").values())


@every
def test_two_texts_of_one_language_differ(language: str) -> None:
    """What is told apart in English is told apart in every language."""
    assert len(set(catalogue(language).values())) == len(Text)


@every
def test_a_file_is_sorted_and_plain(language: str) -> None:
    """A file is JSON as this project writes it: sorted, indented by two, readable letters, a newline at its end."""
    written = (FOLDER / f"{language}.json").read_bytes().decode()
    assert written == json.dumps(json.loads(written), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@every
def test_a_text_is_a_sentence_of_one_line(language: str) -> None:
    """Each text ends as a sentence does, holds no control or stray space, and its letters are composed (NFC)."""
    for text, sentence in catalogue(language).items():
        assert sentence == sentence.strip()
        assert (sentence[-1] in ".。।?？؟") == (text not in LABELS)  # noqa: RUF001
        assert "  " not in sentence
        assert "'" not in sentence or language == DEFAULT
        assert not [character for character in sentence if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}]
        assert sentence == unicodedata.normalize("NFC", sentence)


@every
def test_a_text_is_written_in_its_languages_script(language: str) -> None:
    """No sentence stands in another language's file, as far as its letters tell."""
    for sentence in catalogue(language).values():
        names = [unicodedata.name(letter) for letter in sentence.replace("{limit}", "") if letter.isalpha()]
        assert any(name.startswith(SCRIPTS.get(language, "LATIN")) for name in names), sentence
        assert all(name.startswith("LATIN") for name in names) or language in SCRIPTS, sentence


@every
@pytest.mark.parametrize("text", Text)
def test_each_text_can_be_said(language: str, text: Text) -> None:
    """A text comes in the language that was asked for, and nothing in it is left open."""
    said = translate(text, [language], **values(text))
    assert said == catalogue(language)[text].format(**values(text))
    assert all(value in said for value in values(text).values())
    assert not {"{", "}"} & set(said)


@pytest.mark.parametrize("locales", [(), ("nb",), ("nb", "tlh"), ("",)])
def test_an_unknown_language_is_answered_in_english(locales: tuple[str, ...]) -> None:
    """Who reads none of the languages is told in English."""
    assert translate(Text.INTERNAL, locales) == catalogue(DEFAULT)[Text.INTERNAL]


def test_the_second_language_counts_where_the_first_is_unknown() -> None:
    """Norwegian is not there, so a Norwegian who also reads German is answered in German."""
    assert translate(Text.THREAD_LOCKED, ["nb-NO", "de-CH", "fr"]) == catalogue("de")[Text.THREAD_LOCKED]


def test_numbers_are_written_as_in_the_language() -> None:
    """A limit has the language's own separators; a text value stays as it is."""
    assert "1.000.000 Byte" in translate(Text.BODY_TOO_LARGE, ["de"], limit=1_000_000)
    assert "1,000,000 bytes" in translate(Text.BODY_TOO_LARGE, limit=1_000_000)
    assert "1,5 Byte" in translate(Text.BODY_TOO_LARGE, ["de"], limit="1,5")


def test_a_value_that_is_not_given_is_an_error() -> None:
    """A text is never shown with a hole in it."""
    with pytest.raises(KeyError, match="limit"):
        translate(Text.BODY_TOO_LARGE, ["de"])


@pytest.fixture
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of which the German one says one thing only."""
    (tmp_path / "en.json").write_text('{"body_too_large": "At most {limit} bytes.", "internal": "A fault."}')
    (tmp_path / "de.json").write_text('{"internal": "Ein Fehler."}')
    monkeypatch.setattr(translations, "_FOLDER", tmp_path)
    catalogue.cache_clear()
    yield
    catalogue.cache_clear()


@pytest.mark.usefixtures("unfinished")
def test_a_text_that_is_missing_is_said_in_english() -> None:
    """A text that an unfinished file lacks comes in English, numbers included; the others come in the language."""
    assert translate(Text.INTERNAL, ["de"]) == "Ein Fehler."
    assert translate(Text.BODY_TOO_LARGE, ["de"], limit=1_000) == "At most 1,000 bytes."


def test_the_documentation_names_every_language() -> None:
    """Each language has its row in docs/languages.md, and no other has one."""
    rows = [
        line.split("|")[1].strip() for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    assert sorted(rows) == sorted(f"`{language}`" for language in LANGUAGES)

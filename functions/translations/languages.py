"""Which language a user reads: `Accept-Language` against the languages that there are; and how it writes numbers. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

DEFAULT: Final = "en"
LANGUAGES: Final = (
    "en", "ar", "de", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "zh-Hans", "zh-Hant",
)  # fmt: skip
HEADER_CHARACTERS: Final = 1_000
"""How much of the header is looked at; what it cuts in two does not count."""

# A member of the header's list, `language-range [ OWS ";" OWS "q=" qvalue ]`
# (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4 and #section-12.4.2). A tag's first part is a language and has two
# letters or more (https://www.rfc-editor.org/rfc/rfc5646#section-2.1); one with more than eight parts names none that
# anybody reads.
_MEMBER: Final = re.compile(
    r"(?P<tag>[a-z]{2,8}(-[a-z0-9]{1,8}){0,7})([ \t]*;[ \t]*q=(?P<quality>0(\.[0-9]{0,3})?|1(\.0{0,3})?))?",
    re.ASCII | re.IGNORECASE,
)
_BY_LOWER: Final = {language.lower(): language for language in LANGUAGES}
_CHINESE: Final = {"zh": "zh-Hans", "cmn": "zh-Hans", "yue": "zh-Hant"}
"""Chinese, Mandarin and Cantonese, and how each is written where nothing else in the tag tells."""
_CHINESE_PARTS: Final = {
    "hans": "zh-Hans", "hant": "zh-Hant", "hk": "zh-Hant", "mo": "zh-Hant", "tw": "zh-Hant",
}  # fmt: skip
"""What of a Chinese tag tells the script. A script stands before the region, and so it decides: `zh-Hans-HK`."""
_GROUPING: Final[Mapping[str, str]] = {
    **dict.fromkeys(("de", "es", "it", "nl", "pt", "tr"), "."),
    **dict.fromkeys(("pl", "ru", "uk"), "\N{NO-BREAK SPACE}"),
    "fr": "\N{NARROW NO-BREAK SPACE}",
}
"""What stands between groups of three digits (Unicode CLDR, `group`); elsewhere a comma."""


def parse_accept_language(header: str) -> list[str]:
    """The header's tags, the most wanted first. What is malformed, `*`, or of quality 0 is passed over."""
    if len(header) > HEADER_CHARACTERS:
        header = header[:HEADER_CHARACTERS].rpartition(",")[0]
    members = (_MEMBER.fullmatch(part.strip(" \t")) for part in header.split(","))
    wanted = [(float(member["quality"] or 1), member["tag"]) for member in members if member is not None]
    wanted.sort(key=lambda pair: pair[0], reverse=True)  # equal ones stay in the header's order
    return [tag for quality, tag in wanted if quality > 0]


def best_language(tags: Sequence[str]) -> str:
    """The first language of `tags` (BCP 47) that there is, by the tag, then by its parts from the right; else English."""
    return next((language for tag in tags if (language := _language_of(tag)) is not None), DEFAULT)


def grouped(number: int, language: str) -> str:
    """The number as it is written in one of `LANGUAGES`: 1,000,000, 1.000.000, 1 000 000."""
    return f"{number:,}".replace(",", _GROUPING.get(language, ","))


def _language_of(tag: str) -> str | None:
    first, *others = parts = tag.lower().split("-")
    for length in range(len(parts), 0, -1):
        language = _BY_LOWER.get("-".join(parts[:length]))
        if language is not None:
            return language
    if first not in _CHINESE:
        return None
    return next((_CHINESE_PARTS[part] for part in others if part in _CHINESE_PARTS), _CHINESE[first])

"""Which language a user reads: `Accept-Language` (RFC 9110 section 12.5.4) against the languages that there are. Pure."""

import re
from collections.abc import Sequence
from typing import Final

DEFAULT: Final = "en"
LANGUAGES: Final = (
    "en", "ar", "de", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "zh-Hans", "zh-Hant",
)  # fmt: skip
HEADER_CHARACTERS: Final = 1_000
"""How much of the header is looked at."""

_TAG: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_QUALITY: Final = re.compile(r"q\s*=\s*(0(\.\d{0,3})?|1(\.0{0,3})?)", re.ASCII | re.IGNORECASE)
_BY_LOWER: Final = {language.lower(): language for language in LANGUAGES}
_CHINESE: Final = {"tw": "zh-Hant", "hk": "zh-Hant", "mo": "zh-Hant", "hant": "zh-Hant"}
"""What of a Chinese tag tells the traditional script; without it the simplified one is meant (RFC 5646, CLDR)."""


def parse_accept_language(header: str) -> list[str]:
    """The header's tags, the most wanted first. What is malformed, `*`, or of quality 0 is passed over."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:HEADER_CHARACTERS].split(",")):
        tag, _, parameter = (piece.strip() for piece in part.partition(";"))
        quality = _QUALITY.fullmatch(parameter) if parameter else None
        if not _TAG.fullmatch(tag) or (parameter and quality is None):
            continue
        weight = float(quality[1]) if quality else 1.0
        if weight > 0:
            wanted.append((-weight, place, tag))
    return [tag for _, _, tag in sorted(wanted)]


def best_language(tags: Sequence[str]) -> str:
    """The first language of `tags` that there is, by the tag, then by its parts from the right; else English."""
    for tag in tags:
        parts = tag.lower().split("-")
        if parts[0] == "zh":
            return next((_CHINESE[part] for part in parts[1:] if part in _CHINESE), "zh-Hans")
        for length in range(len(parts), 0, -1):
            language = _BY_LOWER.get("-".join(parts[:length]))
            if language is not None:
                return language
    return DEFAULT

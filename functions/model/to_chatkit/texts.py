"""The model's text, as UTF-8 can hold it.

The API cuts its deltas anywhere, also between the two UTF-16 halves of one character, and JSON lets it.
"""

import re
from typing import Final

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """The text with surrogate pairs as the characters that they are, and a lone half as U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return _LONE_SURROGATE.sub("\ufffd", paired)
    return text


def rejoined(halves: dict[int, str], index: int, delta: str) -> str:
    """The delta with the half that the one before it ended with; a half at its own end is held back in `halves`."""
    delta = halves.pop(index, "") + delta
    if "\ud800" <= delta[-1] <= "\udbff":
        halves[index] = delta[-1]
        delta = delta[:-1]
    return encodable(delta)

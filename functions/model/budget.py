"""How much of a thread a model is told: the newest turns that fit a number of tokens. Pure.

Tokens are estimated, since the exact count would cost a tokenizer's tables at every cold start: characters by how many
UTF-8 bytes they have, which tells scripts apart well enough, rounded towards too many. What the API reports of the usage
corrects the estimate, with one factor for each model (`Corrections`).

The factor is kept in the process, not in the thread: it tells how a model's tokenizer reads what this assistant's users
write, which one thread shows no better than the next. A new process begins at 1 and knows better after one answer; to
keep it in the thread would cost a write, and tell the client that the thread has changed, after each.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from functions.model.to_input import InputItem, turn_input, turns
from functions.protocol.items import GeneratedImageItem, ThreadItem, UserMessageItem

ENTRY_TOKENS: Final = 4
"""What each entry of the input costs beside its text: its role and its ends."""
IMAGE_TOKENS: Final = 1_100
"""A picture of about 1024 by 1024 (https://platform.openai.com/docs/guides/images-vision#calculating-costs)."""
FILE_TOKENS: Final = 4_000
"""A file of a few pages: how long it is shows only when the API reports it."""

_TWO_BYTES: Final = re.compile("[\u0080-\u07ff]+")
_THREE_BYTES: Final = re.compile("[\u0800-\uffff]+")
_FOUR_BYTES: Final = re.compile("[\U00010000-\U0010ffff]+")
_CHARACTERS_PER_TOKEN: Final = 4.0
"""ASCII: English prose has more characters in a token, code and JSON fewer."""
_SCRIPTS: Final = ((_TWO_BYTES, 0.4), (_THREE_BYTES, 1.0), (_FOUR_BYTES, 2.0))
"""Tokens for a character: European, Semitic and the like; CJK, Indic and the like; emoji."""

SMOOTHING: Final = 0.3
"""The weight of the newest report in a correction."""
LEAST_TOKENS: Final = 200
"""A report of less says more about the request's frame than about its text."""
_BOUNDS: Final = (0.25, 4.0)


def fitted(items: Sequence[ThreadItem], tokens: float) -> list[ThreadItem]:
    """The newest turns of `items` (oldest first) that have no more than `tokens`, the newest one in any case.

    Turns are whole, from the user's message on: a tool's call is never without its output, nor an answer without its
    question. The first that does not fit ends it, so that the conversation has no gap.
    """
    every = turns(items)
    kept: list[list[ThreadItem]] = []
    used = 0.0
    for turn in reversed(every):
        used += turn_tokens(turn, newest=not kept)
        if kept and used > tokens:
            break
        kept.append(turn)
    return [item for turn in reversed(kept) for item in turn]


def tokens_of(items: Sequence[ThreadItem]) -> float:
    """An estimate of what `items` cost."""
    every = turns(items)
    return sum(turn_tokens(turn, newest=turn is every[-1]) for turn in every)


def turn_tokens(turn: Sequence[ThreadItem], *, newest: bool) -> float:
    """An estimate of what a turn costs, its pictures and files included."""
    files = 0.0
    for item in turn:
        if isinstance(item, UserMessageItem):
            files += sum(IMAGE_TOKENS if one.type == "image" else FILE_TOKENS for one in item.attachments)
        elif isinstance(item, GeneratedImageItem) and item.image is not None:
            files += IMAGE_TOKENS
    return files + input_tokens(turn_input(turn, {}, newest=newest))


def input_tokens(entries: Sequence[InputItem]) -> float:
    """An estimate of what entries of an input cost."""
    return sum(ENTRY_TOKENS + sum(map(text_tokens, _strings(entry))) for entry in entries)


def text_tokens(text: str) -> float:
    """An estimate of how many tokens a text has."""
    if text.isascii():
        return len(text) / _CHARACTERS_PER_TOKEN
    plain, tokens = len(text), 0.0
    for script, cost in _SCRIPTS:
        characters = sum(map(len, script.findall(text)))
        plain -= characters
        tokens += characters * cost
    return tokens + plain / _CHARACTERS_PER_TOKEN


class Corrections:
    """How many tokens a model really reads for one that was estimated, as far as it has been reported."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}

    def factor(self, model: str) -> float:
        """1 where nothing has been reported yet."""
        return self._factors.get(model, 1.0)

    def learn(self, model: str, *, estimated: float, reported: float) -> None:
        """Takes a response's `usage.input_tokens` into account, smoothed and within a factor of 4."""
        if estimated < LEAST_TOKENS or reported <= 0:
            return
        least, most = _BOUNDS
        now = min(max(reported / estimated, least), most)
        before = self._factors.get(model)
        self._factors[model] = now if before is None else before + SMOOTHING * (now - before)


def _strings(value: Any) -> Iterator[str]:
    """Every text within an entry; a picture's or file's bytes are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        entry = cast("Mapping[str, Any]", value)
        if entry.get("type") in ("input_image", "input_file"):
            return
        for name, one in entry.items():
            if name not in ("type", "role", "id", "status"):
                yield from _strings(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _strings(one)

"""Identifiers whose order is their position.

An id is `prefix_` and 26 characters of Crockford base32: 48 bits of milliseconds since 1970, then 80 random bits
(the ULID layout, https://github.com/ulid/spec). The 26 characters sort as the ids were made, so an id is itself a
position in a list: the client's `after` needs no look-up, and the id of a hidden or deleted object still works.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

IdKind: TypeAlias = Literal[
    "thread", "message", "tool_call", "task", "workflow", "attachment", "sdk_hidden_context", "image", "turn", "event"
]

PREFIXES: Final[dict[IdKind, str]] = {
    "thread": "thr",
    "message": "msg",
    "tool_call": "tc",
    "task": "tsk",
    "workflow": "wf",
    "attachment": "atc",
    "sdk_hidden_context": "shcx",
    "image": "img",
    "turn": "turn",
    "event": "evt",
}

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 26
_RANDOM_BITS: Final = 80
_ID: Final = re.compile(r"[a-z]{2,8}_([0-7][0-9A-HJKMNP-TV-Z]{25})", re.ASCII)


def position(object_id: str) -> str | None:
    """The sortable 26 characters of an id; None where the string is no id of ours."""
    match = _ID.fullmatch(object_id)
    return match[1] if match else None


def owner_digest(owner: str) -> str:
    """Stands for an owner in the names of objects and in keys that others read: 32 hexadecimal digits of SHA-256."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


def milliseconds(object_id: str) -> int | None:
    """When an id was made, in milliseconds since 1970; None where the string is no id of ours."""
    sortable = position(object_id)
    if sortable is None:
        return None
    value = 0
    for character in sortable:
        value = value << 5 | _ALPHABET.index(character)
    return value >> _RANDOM_BITS


class IdFactory:
    """Makes ids that rise strictly within one process, even when the clock stands still or steps back."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        """`clock` gives seconds since 1970; `random_bits(n)` an unguessable integer of n bits."""
        self._clock = clock
        self._random_bits = random_bits
        self._last = 0

    def new(self, kind: IdKind) -> str:
        """An id of this kind, greater than every id that this factory made before."""
        return f"{PREFIXES[kind]}_{_encode(self._next())}"

    def _next(self) -> int:
        now = int(self._clock() * 1000)
        if now > self._last >> _RANDOM_BITS:
            self._last = now << _RANDOM_BITS | self._random_bits(_RANDOM_BITS)
        else:
            # Within one millisecond: rise by a random step, so that the next id cannot be guessed from this one.
            self._last += 1 + self._random_bits(_RANDOM_BITS // 2)
        return self._last


def _encode(value: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))

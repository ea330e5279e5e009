"""An exception as an operator may see it: its type and where it came from, never its text, which may quote a user."""

import traceback
from collections.abc import Iterator
from typing import Final, cast

_FRAMES: Final = 20
_EXCEPTIONS: Final = 10


def describe(error: BaseException) -> str:
    """The types and stack frames of `error`, of its causes and of a group's members; of no exception the message."""
    parts: list[str] = []
    for number, (relation, each) in enumerate(_related(error)):
        if number == _EXCEPTIONS:
            parts.append("... and more")
            break
        kind = type(each)
        parts.append(f"{relation}{kind.__module__}.{kind.__qualname__}")
        parts.extend(line.rstrip("\n") for line in traceback.format_tb(each.__traceback__, limit=-_FRAMES))
    return "\n".join(parts)


def _related(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    waiting: list[tuple[str, BaseException]] = [("", error)]
    seen: set[int] = set()
    while waiting:
        relation, each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield relation, each
        if isinstance(each, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", each)
            waiting.extend(("of which: ", member) for member in group.exceptions)
        if each.__cause__ is not None:
            waiting.append(("caused by: ", each.__cause__))
        elif each.__context__ is not None and not each.__suppress_context__:
            waiting.append(("raised while handling: ", each.__context__))

"""How much a request may bring. Pure.

Every text, list and object in a request has an end: each limit stands here, or beside the list that it ends, and
docs/limits.md lists them all. They hold for what comes in, and not for what is stored: an item that was let in once is
read for ever. The body as a whole has one, too (`functions.engine.dictation.REQUEST_BYTES`).
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError, to_json

ID_CHARACTERS: Final = 128
"""The longest id that is looked at; ours have about 30 characters."""
TITLE_CHARACTERS: Final = 1_000
"""The longest title of a thread."""
MESSAGE_CHARACTERS: Final = 100_000
"""The longest message, all its parts together: about 25,000 tokens of English."""
QUOTE_CHARACTERS: Final = 20_000
"""The longest text that a message quotes."""
TAGS: Final = 100
"""The most tags (`@name`) in one message."""
TAG_CHARACTERS: Final = 1_000
"""The longest id, text or group of a tag; the id is the integrator's."""
TAG_DATA_BYTES: Final = 10_000
"""The most that a tag's `data` may have, as JSON."""
METADATA_BYTES: Final = 16_000
"""The most that a request's `metadata` may have, as JSON."""
RESULT_BYTES: Final = 500_000
"""The most that a client tool may return, as JSON."""
PAYLOAD_BYTES: Final = 100_000
"""The most that an action may carry, as JSON."""
ACTION_CHARACTERS: Final = 256
"""The longest name of an action."""
NAME_CHARACTERS: Final = 10_000
"""The longest name of a file that is looked at; less of it is kept (`functions.attachments.limits`)."""
TYPE_CHARACTERS: Final = 255
"""The longest media type, with its parameters: RFC 6838 section 4.2 has 127 characters for each half of its name."""
ANSWER_CHARACTERS: Final = 10_000
"""The longest value of an answer to a structured input."""
JSON_DEPTH: Final = 32
"""How deep objects and lists may lie in each other where anything may stand. Far below what JSON parsers and serialisers
bear (pydantic's take 200 levels): what was read can be written, and read again, within whatever it is put into."""

TEXT_TOO_LONG: Final = "text_too_long"
"""The error of a text that a user wrote, and can shorten: it is told in the user's language."""

Id = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS)]


def user_text(most: int) -> AfterValidator:
    """A text that a user wrote, of at most so many characters."""

    def check(text: str) -> str:
        if len(text) > most:
            raise text_too_long(most)
        return text

    return AfterValidator(check)


def text_too_long(most: int) -> PydanticCustomError:
    """The error of a user's text of more than `most` characters."""
    return PydanticCustomError(TEXT_TOO_LONG, "must have at most {limit} characters", {"limit": most})


def short(most: int) -> StringConstraints:
    """A text that a program wrote, of at most so many characters."""
    return StringConstraints(max_length=most)


def free_json(most: int) -> AfterValidator:
    """Any JSON, up to `JSON_DEPTH` levels deep and of at most so many bytes."""

    def check(value: Any) -> Any:
        check_json(value, most)
        return value

    return AfterValidator(cast("Callable[[Any], Any]", check))


def check_json(value: Any, most: int) -> None:
    """Raises `PydanticCustomError` where `value`, which is JSON, is too deep or has more than `most` bytes."""
    if _is_deeper(value, JSON_DEPTH):
        raise PydanticCustomError("too_deep", "must be nested at most {limit} levels deep", {"limit": JSON_DEPTH})
    if len(to_json(value)) > most:
        raise PydanticCustomError("too_large", "must have at most {limit} bytes as JSON", {"limit": most})


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether containers lie in each other more than `levels` deep. Level by level, so that no depth is too much for it."""
    level: list[Any] = [value]
    for _ in range(levels + 1):
        if not any(isinstance(node, dict | list) for node in level):
            return False
        level = [inner for node in level for inner in _inside(node)]
    return True


def _inside(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return cast("dict[str, Any]", node).values()
    return cast("list[Any]", node) if isinstance(node, list) else ()

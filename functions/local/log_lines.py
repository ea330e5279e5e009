"""What a function logs as JSON, as it does on Lambda, in lines for somebody who reads along.

Lambda's plain text format has no place for a line's fields: why the model failed, say, and OpenAI's id of the request.
The names: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

_ENVIRONMENT_FORMAT: Final = "AWS_LAMBDA_LOG_FORMAT"
_ENVIRONMENT_LEVEL: Final = "AWS_LAMBDA_LOG_LEVEL"

_SAID_ELSEWHERE: Final = frozenset(
    {"timestamp", "level", "message", "logger", "location", "errorType", "errorMessage", "stackTrace"}
)


def environment(*, level: str) -> dict[str, str]:
    """The variables with which Lambda tells a function to log JSON, from a level on."""
    return {_ENVIRONMENT_FORMAT: "JSON", _ENVIRONMENT_LEVEL: level}


def readable(line: str) -> list[str]:
    """Level, message and fields in one line, a traceback in further ones; any other line as it is."""
    record = _record(line)
    if record is None:
        return [line]
    fields = [
        f"{name}={_text(value)}"
        for name, value in record.items()
        if name not in _SAID_ELSEWHERE and value not in ("", None)
    ]
    error = ": ".join(_text(record[name]) for name in ("errorType", "errorMessage") if record.get(name))
    said = [_text(record[name]) for name in ("level", "message") if record.get(name)]
    first = " ".join([*said, *([error] if error else []), *([f"({', '.join(fields)})"] if fields else [])])
    trace = record.get("stackTrace")
    entries = cast("list[Any]", trace) if isinstance(trace, list) else []
    return [*first.splitlines(), *(part for entry in entries for part in _text(entry).splitlines())]


def _record(line: str) -> Mapping[str, Any] | None:
    """The fields of a logged line; None where it is none."""
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if {"timestamp", "level"} <= record.keys() else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

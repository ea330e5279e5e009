"""What may stand in a log: the one place that every record of every logger goes through before it is written.

| of | is written |
| --- | --- |
| a logger of this package, or the root logger | its text, its arguments and fields, without credentials |
| a library's logger | its template, its numbers, and of other arguments the type: `Request to <str> took 5 ms` |
| the same without arguments | from `WARNING` on its first words, up to a quote, bracket or colon; below, nothing |
| an exception, anybody's | its type and place (`functions.runtime.failures`), never its text |

For a library does not know what is content: at `DEBUG`, botocore, the HTTP clients and `openai` log whole requests and
answers. Below `WARNING` their records are not made at all, unless somebody lowers such a logger's own level.

Credentials are told by the names that stand before them (`Authorization`, `Cookie`, `client_secret`, ...) and by their
looks: bearer and JSON web tokens, OpenAI's and AWS's keys and ours, and the parameters by which AWS signs a URL
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from functions.runtime.failures import describe

REDACTED: Final = "[redacted]"
OWN: Final = "functions"
"""The package whose loggers are ours."""

_ROOT: Final = "root"
_NAMES: Final = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|(?:x-)?api[_-]?key|password|passphrase"
    r"|(?:client|current_?client|signing|shared)[_-]?secret|secret[_-]?(?:access[_-]?)?key"
    r"|(?:x-amz-security|access|refresh|id|client|session|csrf|xsrf|security)?[_-]?token"
)
_PAIR: Final = re.compile(
    rf"""(?i)(?<![a-z0-9?&;-])({_NAMES})(\\*["']?\s*[:=]\s*)(\[redacted\]|b?"[^"\\\r\n]*"|b?'[^'\\\r\n]*'|[^\r\n]+)"""
)
"""A credential behind its name: up to the closing quote, or to the end of the line."""
_SIGNED: Final = re.compile(
    r"""(?i)(\b(?:(?:x-amz-)?(?:signature|credential|security-token)|awsaccesskeyid)(?:=|%3d))[^&\s,"'<>\\]+"""
)
"""A parameter of a signature: its value alone is hidden, so that the rest of the URL can be read."""
_LOOKS: Final = re.compile(
    r"""(?i:\bbearer\s+)[^\s"',;\\]+"""
    r"""|\beyJ[\w-]{5,}(?:\.[\w-]*)*"""
    r"""|\b(?:sk-|ek_|ckl_)[\w-]{8,}"""
    r"""|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"""
)
"""Credentials that show what they are. RFC 6750 (bearer), RFC 7519 (JSON web tokens begin with `{"`, `eyJ` in base64)."""

_SECRET_FIELD: Final = re.compile(
    rf"(?i)(?:{_NAMES}|secret|body|content|contents|text|prompt|quoted_text|payload|data)"
)
"""What fields are called that hold credentials, or what a user or the model wrote."""

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "aws_request_id"}
"""What every record has; the rest are the fields that its caller has added."""
_FIRST_WORDS: Final = re.compile(r"""[^'"`<>\[\](){}:=\r\n]{0,100}""")


class Redaction(logging.Filter):
    """Lets every record pass, without what may not stand in a log. A record may pass twice."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Changes the record."""
        is_own = record.name in {OWN, _ROOT} or record.name.startswith(f"{OWN}.")
        record.msg = redacted(_message(record)) if is_own else _template(record)
        record.args = None
        for name in record.__dict__.keys() - _STANDARD:
            record.__dict__[name] = _field(name, record.__dict__[name])
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            # By `exc_text` formatters of text show it, by a field those of JSON.
            record.exc_text = record.__dict__["trace"] = describe(error)
            record.__dict__["error"] = type(error).__name__
        elif record.exc_info:
            record.exc_text = None
        record.exc_info = None
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        return True


def set_up(level: str, *, handlers: Iterable[logging.Handler] | None = None) -> None:
    """Logs this package from `level` on, libraries from `WARNING` on, and all of it through `Redaction`.

    `handlers`: those that write the log; by default the root logger's, where Lambda's runtime has put its own.
    """
    root = logging.getLogger()
    if root.level < logging.WARNING:
        root.setLevel(logging.WARNING)
    logging.getLogger(OWN).setLevel(level)
    for handler in root.handlers if handlers is None else handlers:
        if not any(isinstance(each, Redaction) for each in handler.filters):
            handler.addFilter(Redaction())


def redacted(text: str) -> str:
    """The text without credentials."""
    text = _SIGNED.sub(rf"\1{REDACTED}", text)
    text = _PAIR.sub(rf"\1\2{REDACTED}", text)
    return _LOOKS.sub(REDACTED, text)


def _field(name: str, value: Any) -> Any:
    """A field's value as it may be written."""
    return REDACTED if value is not None and _SECRET_FIELD.fullmatch(name) else _value(value)


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value)
        return {redacted(str(name)): _field(str(name), member) for name, member in members.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(element) for element in cast("Iterable[Any]", value)]
    if isinstance(value, BaseException | bytes | bytearray):
        return _kind(value)
    return redacted(str(value))


def _message(record: logging.LogRecord) -> str:
    """The text of a record of ours."""
    arguments: Any = record.args
    if isinstance(record.msg, str) and arguments:
        return _formatted(record.msg, arguments, _value)
    # `logging` takes any object for a message.
    message: Any = _value(record.msg)
    return message if isinstance(message, str) else str(message)


def _template(record: logging.LogRecord) -> str:
    """What is told of a library's record."""
    arguments: Any = record.args
    if isinstance(record.msg, str) and arguments:
        return redacted(_formatted(record.msg, arguments, _number_or_kind))
    if record.levelno < logging.WARNING or not isinstance(record.msg, str):
        return _kind(record.msg)
    first = _FIRST_WORDS.match(record.msg)
    return redacted(first[0].strip() if first else "")


def _formatted(template: str, arguments: Any, shown: Callable[[Any], Any]) -> str:
    """The template with its arguments, each as `shown`; a template that does not fit its arguments comes alone."""
    given: Any
    if isinstance(arguments, Mapping):
        given = {name: shown(value) for name, value in cast("Mapping[str, Any]", arguments).items()}
    else:
        given = tuple(shown(value) for value in cast("tuple[Any, ...]", arguments))
    try:
        return template % given
    except (TypeError, ValueError, KeyError):
        return template


def _number_or_kind(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else _Kind(value)


class _Kind:
    """Stands for a value, also where its `repr` is asked for."""

    def __init__(self, value: Any) -> None:
        self._name = _kind(value)

    def __repr__(self) -> str:
        return self._name


def _kind(value: Any) -> str:
    return f"<{type(value).__name__}>"

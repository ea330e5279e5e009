"""What a failure is told as: an `error` event to the user, a line of the log to the operator."""

import logging
from collections.abc import Sequence
from typing import Final

from functions.engine.results import RequestContext
from functions.errors import InternalError, RequestError, StreamError
from functions.protocol.events import ErrorEvent

_log: Final = logging.getLogger(__name__)


def error_event(error: Exception, locales: Sequence[str]) -> ErrorEvent:
    """What the user sees of a failure: the message of an error that has one for users, else the client's own text."""
    if isinstance(error, StreamError):
        return ErrorEvent(code="stream.error", allow_retry=error.allow_retry)
    if isinstance(error, RequestError):
        return ErrorEvent(message=error.message_in(locales), allow_retry=error.allow_retry)
    return ErrorEvent(code="stream.error", allow_retry=True)


def log_failure(error: Exception, context: RequestContext) -> None:
    """What the operator sees: for a fault of the code its place, and never an exception's text, which may hold content."""
    extra = {"error": type(error).__name__, "request_id": context.request_id}
    if isinstance(error, RequestError):
        _log.warning("a turn failed", extra={**extra, "cause": type(error.__cause__).__name__})
    elif isinstance(error, InternalError):
        _log.error("a turn failed", extra={**extra, "reason": str(error)})
    else:
        _log.error("a turn failed", extra={**extra, "place": _place(error)})


def _place(error: Exception) -> str:
    """File names and lines, innermost last: `assistant.py:12 in respond`."""
    frames: list[str] = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} in {code.co_name}")
        traceback = traceback.tb_next
    return ", ".join(frames)

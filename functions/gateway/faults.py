"""Faults of ours: what the operator sees of one, and what the caller does."""

import json
import logging
from collections.abc import Sequence
from typing import Final

from functions.errors import InternalError
from functions.runtime.failures import describe
from functions.translations import Text, translate

_log: Final = logging.getLogger(__name__)


def fault_body(locales: Sequence[str] = ()) -> bytes:
    """The JSON of a 500: nothing of what went wrong, in the user's language."""
    return json.dumps({"code": "internal", "message": translate(Text.INTERNAL, locales)}, ensure_ascii=False).encode()


def log_fault(error: Exception, request_id: str) -> None:
    """Logs the error's type and place, and never its text, which may quote a user. An `InternalError` is our own words."""
    extra = {"error": type(error).__name__, "request_id": request_id, "trace": describe(error)}
    if isinstance(error, InternalError):
        extra["reason"] = str(error)
    _log.error("a request failed", extra=extra)

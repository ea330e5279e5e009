"""Faults of ours: what the operator sees of one, and what the caller does."""

import logging
from typing import Final

from functions.errors import InternalError
from functions.runtime.failures import describe

FAULT_BODY: Final = b'{"code":"internal","message":"Something went wrong."}'
"""The JSON of a 500: nothing of what went wrong."""

_log: Final = logging.getLogger(__name__)


def log_fault(error: Exception, request_id: str) -> None:
    """Logs the error's type and place, and never its text, which may quote a user. An `InternalError` is our own words."""
    extra = {"error": type(error).__name__, "request_id": request_id, "trace": describe(error)}
    if isinstance(error, InternalError):
        extra["reason"] = str(error)
    _log.error("a request failed", extra=extra)

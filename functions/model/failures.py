"""What OpenAI says when something fails becomes an error that a user may read. Pure.

Three places say it, each in its own shape:

- a refusal: an HTTP status with `{"error": {"type", "code", ...}}` (https://platform.openai.com/docs/guides/error-codes);
- an `error` event, which is documented flat (`code` beside `type`) and comes nested in `error` on the wire;
- `response.failed` and `response.incomplete`, with the reason in `response.error` or `response.incomplete_details`.

What cannot succeed a second time allows no retry: the user would only wait again.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final, cast

from functions.errors import ContextTooLong, ModelError
from functions.model.base import ResponseEvent
from functions.translations import Text

FAILING_EVENTS: Final = frozenset({"error", "response.failed", "response.incomplete"})
TERMINAL_EVENTS: Final = FAILING_EVENTS | {"response.completed"}
"""The events that end a response: a stream that ends without one of them was cut."""

_CODES: Final[Mapping[str, Text]] = {
    **dict.fromkeys(("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"), Text.MODEL_QUOTA),
    **dict.fromkeys(("rate_limit_exceeded", "slow_down"), Text.MODEL_BUSY),
    **dict.fromkeys(
        (
            "content_filter",
            "content_policy_violation",
            "invalid_prompt",
            "image_content_policy_violation",
            "bio_policy",
            "misalignment_policy_violation",
        ),
        Text.MODEL_CONTENT_FILTER,
    ),
    "context_length_exceeded": Text.MODEL_CONTEXT_TOO_LONG,
    "max_output_tokens": Text.MODEL_INCOMPLETE,
    "invalid_api_key": Text.MODEL_UNAVAILABLE,
    "account_deactivated": Text.MODEL_UNAVAILABLE,
    **dict.fromkeys(
        (
            "invalid_request_error",
            "model_not_found",
            "data_residency_mismatch",
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "invalid_image_mode",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
        Text.MODEL_REFUSED,
    ),
}
"""By `code`, `type` or `reason`. Those of `response.failed` are listed in `openai.types.responses.ResponseError`."""

_STATUSES: Final[Mapping[int, Text]] = {
    401: Text.MODEL_UNAVAILABLE,
    403: Text.MODEL_UNAVAILABLE,
    408: Text.MODEL_TIMED_OUT,
    409: Text.MODEL_BUSY,
    413: Text.MODEL_CONTEXT_TOO_LONG,
    429: Text.MODEL_BUSY,
    503: Text.MODEL_BUSY,
    504: Text.MODEL_TIMED_OUT,
}
"""Where the code says nothing."""

_WORTH_A_RETRY: Final = frozenset(
    {
        Text.MODEL_BROKE_OFF,
        Text.MODEL_BUSY,
        Text.MODEL_FAILED,
        Text.MODEL_TIMED_OUT,
        Text.MODEL_UNREACHABLE,
        Text.MODEL_UNREADABLE,
    }
)
"""Not a request that is wrong in itself; nor `max_output_tokens`, as a retry would drop the long answer for one as long."""

_FOR_THE_OPERATOR: Final[Mapping[str, str]] = {
    Text.MODEL_QUOTA: "OpenAI grants no more: the account's quota is used up",
    Text.MODEL_REFUSED: "OpenAI refuses the request: its model, its options or its content are wrong",
    Text.MODEL_UNAVAILABLE: "OpenAI refuses the API key, or what it is used for",
}
_CODE_CHARACTERS: Final = 64


def failure(text: Text) -> ModelError:
    """The error that says `text`, which offers a retry where one makes sense."""
    if text is Text.MODEL_CONTEXT_TOO_LONG:
        return ContextTooLong()
    return ModelError(text, allow_retry=text in _WORTH_A_RETRY)


def refused(status: int, *names: str | None) -> ModelError:
    """The error for an HTTP refusal; `names` are its `code` and `type`, the most telling first."""
    code = next((name for name in names if name in _CODES), None)
    # `invalid_request_error` is the type of most refusals, of a wrong key's too: the status tells more.
    if code is not None and code != "invalid_request_error":
        return failure(_CODES[code])
    return failure(_STATUSES.get(status, Text.MODEL_FAILED if status >= 500 else Text.MODEL_REFUSED))


def reported(event: ResponseEvent) -> ModelError:
    """The error for one of `FAILING_EVENTS`."""
    details = _details(event)
    incomplete = event.get("type") == "response.incomplete"
    unknown = Text.MODEL_INCOMPLETE if incomplete else Text.MODEL_FAILED
    names = (details.get("code"), details.get("reason"), details.get("type"))
    return failure(next((_CODES[name] for name in names if isinstance(name, str) and name in _CODES), unknown))


def reported_code(event: ResponseEvent) -> str:
    """What one of `FAILING_EVENTS` gives as its reason: a code for the log, never content."""
    details = _details(event)
    return str(details.get("code") or details.get("reason") or "unknown")[:_CODE_CHARACTERS]


def may_pass(status: int, error: ModelError) -> bool:
    """Whether a refusal may be over in a moment, so that asking once more is worth it before anybody is told."""
    return error.allow_retry and (status in {408, 409, 429} or status >= 500)


def log_line(error: ModelError) -> tuple[int, str]:
    """Level and message of what the operator is told: an error where somebody must act, else a warning."""
    message = _FOR_THE_OPERATOR.get(error.reason)
    return (logging.WARNING, "the model failed") if message is None else (logging.ERROR, message)


def _details(event: ResponseEvent) -> Mapping[str, Any]:
    """Where the reason stands: in `response` or at the top, there in `error` or `incomplete_details`, or flat."""
    response = event.get("response")
    holder: Mapping[str, Any] = cast("Mapping[str, Any]", response) if isinstance(response, Mapping) else event
    for name in ("error", "incomplete_details"):
        if isinstance(holder.get(name), Mapping):
            return cast("Mapping[str, Any]", holder[name])
    return holder

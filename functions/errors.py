"""Every error that this package raises on purpose.

    ChatKitLambdaError
    ├── SettingError              the process does not start: a setting is missing or wrong
    ├── InternalError             a fault of ours or of the assistant's author: an operator must look
    └── RequestError              what the caller must hear; each knows its HTTP status and whether a retry helps
        ├── InvalidRequest        400, names the field
        ├── BodyTooLarge          413
        ├── Unauthenticated       401, the page renews its token
        │   └── SessionEnded      401, the user has signed out
        ├── Forbidden             403
        ├── NotFound              404
        ├── ThreadUnavailable     409, the thread is locked or closed
        ├── AttachmentRefused     422, a file is too large, of a kind that is not taken, or not what it was said to be
        ├── Conflict              409, what the request answers has been answered already
        ├── TurnStillRunning      409, the thread is being answered, and did not stop in time
        ├── LimitReached          429, a user or a tenant has had as much as they may; time may free it
        ├── TurnCutOff            what a turn was ended by: the function's time, a kill
        ├── CustomStreamError     what an assistant's author tells the user went wrong
        │   └── GuardrailTripped  the same, and what the turn has shown is taken back
        ├── StreamError           the same in the client's own words
        └── Unavailable           503, the store or the model could not be reached; a retry may help
            └── ModelError        the model failed; whatever it said until then is kept
                └── ContextTooLong  the conversation does not fit into the model: less of it might

A `message` may be shown to a user. It never holds a key, a token, message content, or another user's data.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from functions.translations import Text, translate

_MINUTE: Final = 60
_HOUR: Final = 3600


class ChatKitLambdaError(Exception):
    """The root of the tree."""


class SettingError(ChatKitLambdaError):
    """A setting is missing or wrong; raised while a process starts."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"setting {name}: {problem}")
        self.name = name


class InternalError(ChatKitLambdaError):
    """Something that only an operator or the assistant's author can mend; users are told no more than that it failed."""


class RequestError(ChatKitLambdaError):
    """A request that cannot be served as it is."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    allow_retry: bool = False
    """Whether the user is offered to try again."""
    field: str | None = None
    """What of the request is wrong, as a path into its body; None where it is not one field."""

    def __init__(self, message: Text | str, **values: str | int) -> None:
        """`message`: one of the texts that are translated, with its values; or one in the user's language already."""
        self._message = message
        self._values = values
        super().__init__(self.message)

    @property
    def reason(self) -> str:
        """What went wrong, in one short name for logs and metrics: one of some twenty."""
        return self._message.value if isinstance(self._message, Text) else self.code

    @property
    def message(self) -> str:
        """What the user is told, in English."""
        return self.message_in(())

    def message_in(self, locales: Sequence[str]) -> str:
        """What the user is told, in the first language of `locales` (BCP 47 tags) that there is."""
        if isinstance(self._message, Text):
            return translate(self._message, locales, **self._values)
        return self._message


class InvalidRequest(RequestError):
    """The body breaks the protocol's types or limits."""

    code = "invalid_request"

    def __init__(self, field: str, problem: Text | str, **values: str | int) -> None:
        """`field` is a path into the body, such as `params.input.content.0.text`; empty means the body as a whole.

        A `problem` that a user can mend is a text with its values, and is told as it is; any other is a programmer's, in
        English, behind the field's name.
        """
        is_whole = isinstance(problem, Text) or not field
        super().__init__(problem if is_whole else f"{field}: {problem}", **values)
        self.field = field


class BodyTooLarge(RequestError):
    """The body is larger than its endpoint takes."""

    status = 413
    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        """`limit` in bytes."""
        super().__init__(Text.BODY_TOO_LARGE, limit=limit)
        self.limit = limit


class Unauthenticated(RequestError):
    """There is no client token, or it is wrong or has expired."""

    status = 401
    code = "unauthenticated"


class SessionEnded(Unauthenticated):
    """The client token is of a session that was ended: its user has signed out."""

    def __init__(self) -> None:
        super().__init__(Text.SIGNED_OUT)


class Forbidden(RequestError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(RequestError):
    """There is no such object, or it belongs to another user: the two cannot be told apart."""

    status = 404
    code = "not_found"


class ThreadUnavailable(RequestError):
    """The thread is locked or closed: it takes no new turn."""

    status = 409
    code = "thread_unavailable"

    @classmethod
    def of(cls, status: str) -> "ThreadUnavailable":
        """For a thread's status, `locked` or `closed`."""
        return cls(Text.THREAD_LOCKED if status == "locked" else Text.THREAD_CLOSED)


class AttachmentRefused(RequestError):
    """A file that is not taken, or not into this message; nothing was stored."""

    status = 422
    code = "attachment_refused"

    def __init__(self, message: Text, field: str, *, allow_retry: bool = False, **values: str | int) -> None:
        """`field` is a path into the body, such as `params.size`."""
        super().__init__(message, **values)
        self.field = field
        self.allow_retry = allow_retry


class Conflict(RequestError):
    """The request came too late: what it refers to has been done already, or no longer waits."""

    status = 409
    code = "conflict"


class TurnStillRunning(RequestError):
    """Another turn runs on the thread, and did not end though it was asked to."""

    status = 409
    code = "turn_running"
    allow_retry = True

    def __init__(self) -> None:
        super().__init__(Text.TURN_RUNNING)


class LimitReached(RequestError):
    """What was asked for is beyond a limit of the user's or of their tenant's; nothing was written."""

    status = 429
    code = "limit_reached"

    def __init__(
        self, message: Text, *, retry_after: int | None = None, allow_retry: bool = False, **values: int
    ) -> None:
        """`message`: one of the texts that say what to do, with its values.

        `retry_after`: the whole seconds in which time alone frees the limit; None where the user has to.
        """
        super().__init__(message, **values)
        self.limit = ""
        """Which limit it is (`functions.limits.Counter`), and in `of` whose, `user` or `tenant`; empty where nobody says."""
        self.of = ""
        self.retry_after = retry_after
        self.allow_retry = allow_retry

    @classmethod
    def for_now(cls, seconds: int) -> "LimitReached":
        """Of a limit that is free again in so many seconds, which are told in the largest unit, rounded up."""
        if seconds <= _MINUTE:
            return cls(Text.LIMIT_SECONDS, retry_after=seconds, seconds=seconds)
        if seconds <= _HOUR:
            return cls(Text.LIMIT_MINUTES, retry_after=seconds, minutes=-(-seconds // _MINUTE))
        return cls(Text.LIMIT_HOURS, retry_after=seconds, hours=-(-seconds // _HOUR))


class TurnCutOff(RequestError):
    """A turn ended before its answer was whole, by no fault of the model's; what was said until then is kept."""

    status = 503
    code = "turn_cut_off"
    allow_retry = True

    def __init__(self, message: Text) -> None:
        """`message`: one of the texts that say by what."""
        super().__init__(message)


class CustomStreamError(RequestError):
    """For assistants to raise: ends the turn with an `error` event that shows `message` (ChatKit's own server's name)."""

    code = "custom"

    def __init__(self, message: str, *, allow_retry: bool = False) -> None:
        """`message` in the user's language."""
        super().__init__(message)
        self.allow_retry = allow_retry


class GuardrailTripped(CustomStreamError):
    """Ends the turn with an `error` event that shows `message`, and takes back every item that the turn has made."""

    code = "guardrail"


class StreamError(RequestError):
    """For assistants to raise: ends the turn with an `error` event that shows the client's own text (the official name)."""

    code = "stream.error"

    def __init__(self, *, allow_retry: bool = True) -> None:
        """`allow_retry`: whether the user is offered to try again."""
        super().__init__(Text.INTERNAL)
        self.allow_retry = allow_retry


class Unavailable(RequestError):
    """Something that this backend depends on did not answer in time, or refused."""

    status = 503
    code = "unavailable"
    allow_retry = True


class ModelError(Unavailable):
    """The model could not be reached, failed, or broke off."""

    code = "model_error"

    def __init__(self, message: Text | str, *, allow_retry: bool = True) -> None:
        """`allow_retry`: whether the same request might fare better a second time."""
        super().__init__(message)
        self.allow_retry = allow_retry


class ContextTooLong(ModelError):
    """The request holds more than the model can read; one with less history may succeed."""

    code = "context_too_long"

    def __init__(self) -> None:
        super().__init__(Text.MODEL_CONTEXT_TOO_LONG, allow_retry=False)

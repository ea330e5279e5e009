"""Calls to AWS: run in a thread, and their failures told in this package's own errors.

What the caller must not hear (codes, request ids, table names) goes to the log; what neither may hold is content, and
botocore's messages can quote it: so they are never passed on.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final, NoReturn, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from functions.errors import InternalError, Unavailable
from functions.translations import Text

P = ParamSpec("P")
R = TypeVar("R")

EXPECTED: Final = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "NoSuchKey", "PreconditionFailed"}
)
"""Codes that are answers rather than failures: the `ClientError` reaches the caller."""

TRANSIENT: Final = frozenset(
    {
        "ConditionalRequestConflict",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Codes below 500 after which the same call may succeed. Those that botocore retries have been retried already.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""

_FIRST_PAUSE: Final = 0.025
_logger = logging.getLogger(__name__)


async def call(method: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """The answer of a boto3 client's method.

    Raises `Unavailable` where AWS could not be reached, was overloaded or failed; `InternalError` where it refused the
    call as wrong or forbidden; `ClientError` for a code in `EXPECTED`.
    """
    try:
        return await asyncio.to_thread(method, *args, **kwargs)
    except ClientError as error:
        if code(error) in EXPECTED:
            raise
        _raise_for(error)
    except BotoCoreError as error:
        name, kind = getattr(method, "__name__", "call"), type(error).__name__
        if isinstance(error, HTTPClientError | BotoConnectionError):
            _logger.warning("AWS could not be reached: %s, %s", name, kind)
            raise unavailable() from None
        _logger.error("AWS could not be called: %s, %s", name, kind)  # noqa: TRY400 - the message may quote content
        raise InternalError(f"{name} failed before it was sent: {kind}") from None


def code(error: ClientError) -> str:
    """AWS's code of an error."""
    return error.response.get("Error", {}).get("Code", "")


def unavailable() -> Unavailable:
    """What a user hears when the store does not answer."""
    return Unavailable(Text.STORE_UNAVAILABLE)


async def pause(attempt: int) -> None:
    """Waits before the attempt after `attempt` (from 0): 25 ms, doubling, with jitter, so that rivals part."""
    await asyncio.sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret


def _raise_for(error: ClientError) -> NoReturn:
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    details = (error.operation_name, code(error), status, metadata.get("RequestId", "none"))
    if status >= 500 or code(error) in TRANSIENT:
        _logger.warning("AWS did not serve %s: %s, HTTP %s, request id %s", *details)
        raise unavailable() from None
    _logger.error("AWS refused %s: %s, HTTP %s, request id %s", *details)
    raise InternalError(f"AWS refused {error.operation_name}: {code(error)}") from None

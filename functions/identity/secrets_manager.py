"""Secrets from AWS Secrets Manager, remembered for a while, so that a rotated one is noticed without a restart."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REMEMBERED_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 30.0
"""How long a known secret is used on before a failed reading is tried again: no request waits for a service that is down."""


class Secrets:
    """Reads secrets by id (name or ARN). Thread-safe enough: a race reads one twice."""

    def __init__(self, *, client: "SecretsManagerClient", clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never step back."""
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}
        """By id: until when, on `clock`, the text is used without asking, and the text."""

    def text(self, secret_id: str) -> str:
        """The secret's text, at most five minutes old. Blocks for one request where it is not known.

        Raises `InternalError` where it cannot be read; one that was read before is then used on.
        """
        until, text = self._known.get(secret_id, (0.0, None))
        if text is not None and self._clock() < until:
            return text
        try:
            fresh = self._client.get_secret_value(SecretId=secret_id)["SecretString"]
        except Exception as error:  # botocore's errors share no base but Exception
            if text is None:
                raise InternalError(f"the secret {secret_id} cannot be read ({type(error).__name__})") from error
            self._known[secret_id] = (self._clock() + RETRY_SECONDS, text)
            return text
        self._known[secret_id] = (self._clock() + REMEMBERED_SECONDS, fresh)
        return fresh

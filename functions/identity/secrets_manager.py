"""Secrets from AWS Secrets Manager, remembered for a while, so that a rotated one is noticed without a restart."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REMEMBERED_SECONDS: Final = 300.0


class Secrets:
    """Reads secrets by id (name or ARN). Thread-safe enough: a race reads one twice."""

    def __init__(self, *, client: "SecretsManagerClient", clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never step back."""
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}

    def text(self, secret_id: str) -> str:
        """The secret's current text, at most five minutes old. Blocks for one request where it is not known.

        Raises `InternalError` where it cannot be read; one that was read before is then used on.
        """
        known = self._known.get(secret_id)
        if known is not None and self._clock() - known[0] < REMEMBERED_SECONDS:
            return known[1]
        try:
            value = self._client.get_secret_value(SecretId=secret_id)["SecretString"]
        except Exception as error:  # botocore's errors share no base but Exception
            if known is not None:
                return known[1]
            raise InternalError(f"the secret {secret_id} cannot be read ({type(error).__name__})") from error
        self._known[secret_id] = (self._clock(), value)
        return value

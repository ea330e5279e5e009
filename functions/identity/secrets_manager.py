"""Secrets from AWS Secrets Manager, remembered for a while, so that a rotated one is noticed without a restart.

A version of a secret is found by its stage: `AWSCURRENT`, `AWSPREVIOUS` (the one that was current before) or, while a
rotation is under way, `AWSPENDING` (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from functions.aws_calls import code
from functions.errors import InternalError
from functions.identity.keys import REMEMBERED_SECONDS, SecretVersion

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Stage = Literal["AWSCURRENT", "AWSPREVIOUS"]

RETRY_SECONDS: Final = 30
"""How long a known secret is used on before a failed reading is tried again: no request waits for a service that is down."""
RENEWAL_SECONDS: Final = 10
"""The least time between two readings that `renew` makes: a process makes no more calls than that, whatever it is sent."""

_NOT_FOUND: Final = "ResourceNotFoundException"
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is known of one stage of one secret."""

    version: SecretVersion | None
    """None where no version is in this stage, or none could be read."""
    at: float
    good_for: int
    """Seconds."""

    def is_good(self, now: float) -> bool:
        return 0 <= now - self.at < self.good_for


class Secrets:
    """Reads secrets by id (name or ARN). Thread-safe enough: a race reads one twice."""

    def __init__(self, *, client: "SecretsManagerClient", clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970.

        Not a monotonic clock: it stands still while Lambda keeps a process frozen or in a snapshot, and secrets do not.
        """
        self._client = client
        self._clock = clock
        self._readings: dict[tuple[str, Stage], _Reading] = {}
        self._renewed: dict[str, float] = {}
        """By id: when `renew` last read it."""

    def text(self, secret_id: str) -> str:
        """The current version's text: see `current`."""
        return self.current(secret_id).text

    def current(self, secret_id: str) -> SecretVersion:
        """The current version, read at most five minutes ago. Blocks for one request where it is not known.

        Raises `InternalError` where it cannot be read; one that was read before is then used on.
        """
        reading = self._readings.get((secret_id, "AWSCURRENT"))
        if reading is not None and reading.version is not None and reading.is_good(self._clock()):
            return reading.version
        return self._read_current(secret_id)

    def previous(self, secret_id: str) -> SecretVersion | None:
        """The version that was current before, read at most five minutes ago, if there is one.

        Where it cannot be read, the one that was read before is used on, if any. Blocks for one request where it is not
        known.
        """
        known = self._readings.get((secret_id, "AWSPREVIOUS"))
        if known is not None and known.is_good(self._clock()):
            return known.version
        try:
            version, good_for = self._read(secret_id, "AWSPREVIOUS"), REMEMBERED_SECONDS
        except Exception as error:  # noqa: BLE001 - botocore's errors share no base but Exception
            version, good_for = None, RETRY_SECONDS
            if _reason(error) != _NOT_FOUND:
                _tell(secret_id, error)
                version = known and known.version
        self._readings[secret_id, "AWSPREVIOUS"] = _Reading(version, self._clock(), good_for)
        return version

    def renew(self, secret_id: str) -> bool:
        """Reads the current version again at once, unless that was done a moment ago; whether it is another one now."""
        now = self._clock()
        if 0 <= now - self._renewed.get(secret_id, -RENEWAL_SECONDS) < RENEWAL_SECONDS:
            return False
        self._renewed[secret_id] = now
        known = self._readings.get((secret_id, "AWSCURRENT"))
        return self._read_current(secret_id) != (known and known.version)

    def forget(self) -> None:
        """Reads every secret anew when it is next asked for."""
        self._readings.clear()
        self._renewed.clear()

    def _read_current(self, secret_id: str) -> SecretVersion:
        known = self._readings.get((secret_id, "AWSCURRENT"))
        before = known and known.version
        try:
            version, good_for = self._read(secret_id, "AWSCURRENT"), REMEMBERED_SECONDS
        except Exception as error:
            if before is None:
                raise InternalError(f"the secret {secret_id} cannot be read ({_reason(error)})") from error
            _tell(secret_id, error)
            version, good_for = before, RETRY_SECONDS
        self._readings[secret_id, "AWSCURRENT"] = _Reading(version, self._clock(), good_for)
        if version != before:
            # Another one is current, so another one was current before.
            self._readings.pop((secret_id, "AWSPREVIOUS"), None)
        return version

    def _read(self, secret_id: str, stage: Stage) -> SecretVersion:
        return _version(self._client.get_secret_value(SecretId=secret_id, VersionStage=stage))


def _version(answer: Any) -> SecretVersion:
    return SecretVersion(text=answer["SecretString"], made_at=answer["CreatedDate"].timestamp())


def _reason(error: Exception) -> str:
    """What an operator may read of a failure: botocore's messages can quote what was sent."""
    return code(error) if isinstance(error, ClientError) else type(error).__name__


def _tell(secret_id: str, error: Exception) -> None:
    _log.warning("A secret could not be read again", extra={"secret_id": secret_id, "reason": _reason(error)})

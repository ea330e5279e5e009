"""A secret that is rotated, in AWS Secrets Manager: what the rotation function reads and changes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from functions.aws_calls import code
from functions.errors import InternalError
from functions.identity.keys import SecretVersion
from functions.identity.rotation import CURRENT, PENDING, SecretState

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_NOT_FOUND: Final = "ResourceNotFoundException"
_EXISTS: Final = "ResourceExistsException"


class SecretVersions:
    """A `RotatedSecret`. Nothing is remembered."""

    def __init__(self, *, client: "SecretsManagerClient", secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def state(self) -> SecretState:
        """See `RotatedSecret`."""
        answer = self._call(self._client.describe_secret)
        stages = answer.get("VersionIdsToStages", {})
        return SecretState(
            is_rotated=answer.get("RotationEnabled", False),
            stages={version: frozenset(names) for version, names in stages.items()},
        )

    def version(self, version_id: str) -> SecretVersion | None:
        """See `RotatedSecret`."""
        answer = self._call(self._client.get_secret_value, but=_NOT_FOUND, VersionId=version_id)
        # Secrets Manager finds no version without a value; stand-ins find it, and no value.
        if answer is None or "SecretString" not in answer:
            return None
        return SecretVersion(text=answer["SecretString"], made_at=answer["CreatedDate"].timestamp())

    def fill(self, version_id: str, text: str) -> None:
        """See `RotatedSecret`."""
        self._call(
            self._client.put_secret_value,
            but=_EXISTS,
            ClientRequestToken=version_id,
            SecretString=text,
            VersionStages=[PENDING],
        )

    def make_current(self, version_id: str, *, instead_of: str) -> None:
        """See `RotatedSecret`."""
        self._call(
            self._client.update_secret_version_stage,
            VersionStage=CURRENT,
            MoveToVersionId=version_id,
            RemoveFromVersionId=instead_of,
        )

    def abandon(self, version_id: str) -> None:
        """See `RotatedSecret`."""
        self._call(self._client.update_secret_version_stage, VersionStage=PENDING, RemoveFromVersionId=version_id)

    def _call(self, method: Callable[..., Any], *, but: str | None = None, **arguments: Any) -> Any:
        """The answer; None where the code of a refusal is `but`. botocore's messages can quote what was sent."""
        try:
            return method(SecretId=self._secret_id, **arguments)
        except ClientError as error:
            if code(error) == but:
                return None
            raise InternalError(f"Secrets Manager refused {error.operation_name} ({code(error)})") from None
        except BotoCoreError as error:
            name = getattr(method, "__name__", "call")
            raise InternalError(f"Secrets Manager could not be called: {name} ({type(error).__name__})") from None

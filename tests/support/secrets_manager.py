"""A Secrets Manager in memory with a clock of its own, behind the methods of boto3's client that are used here."""
# ruff: noqa: N803 - the arguments are named as boto3 names them

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokens-AbCdEf"


@dataclass
class _Version:
    made_at: float
    text: str | None = None


@dataclass
class FakeSecretsManager:
    """Holds one secret. What it refuses, AWS refuses, with the same codes."""

    clock: Callable[[], float]
    is_rotated: bool = True
    is_down: bool = False
    calls: list[str] = field(default_factory=list)
    """The operations that were called, with the stage where one was named."""
    _versions: dict[str, _Version] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)
    """The version in each stage."""

    # What operators and Secrets Manager itself do.

    def put(self, text: str) -> str:
        """Makes a new version current, as PutSecretValue does for an operator; gives its id."""
        version = self._new_id()
        self._versions[version] = _Version(self.clock(), text)
        self._promote(version)
        return version

    def rotate(self, *, text: str | None = None) -> str:
        """Begins a rotation, or goes on with one that has not ended; gives the version's id.

        With `text`, as Secrets Manager does it to try the function out.
        """
        pending = self._labels.get("AWSPENDING")
        if pending is not None and pending != self._labels.get("AWSCURRENT"):
            return pending
        version = self._new_id()
        self._versions[version] = _Version(self.clock(), text)
        self._labels["AWSPENDING"] = version
        return version

    def unlabel(self, stage: str) -> None:
        """Takes a stage away from whichever version is in it."""
        self._labels.pop(stage, None)

    def text_in(self, stage: str) -> str | None:
        """The text of the version in a stage."""
        version = self._labels.get(stage)
        return None if version is None else self._versions[version].text

    def made_at(self, stage: str) -> float | None:
        """When the version in a stage was made."""
        version = self._labels.get(stage)
        return None if version is None else self._versions[version].made_at

    # boto3's client.

    def get_secret_value(
        self, *, SecretId: str, VersionStage: str | None = None, VersionId: str | None = None
    ) -> dict[str, Any]:
        self._called("GetSecretValue", VersionStage or "")
        version = VersionId or self._labels.get(VersionStage or "AWSCURRENT", "")
        found = self._versions.get(version)
        if found is None or found.text is None:
            raise self._refusal("ResourceNotFoundException", "GetSecretValue")
        return {"SecretString": found.text, "CreatedDate": datetime.fromtimestamp(found.made_at, UTC)}

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        self._called("DescribeSecret")
        stages: dict[str, list[str]] = {}
        for stage, version in self._labels.items():
            stages.setdefault(version, []).append(stage)
        return {"VersionIdsToStages": stages, **({"RotationEnabled": True} if self.is_rotated else {})}

    def put_secret_value(
        self, *, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]
    ) -> dict[str, Any]:
        self._called("PutSecretValue")
        version = self._versions.setdefault(ClientRequestToken, _Version(self.clock()))
        if version.text not in {None, SecretString}:
            raise self._refusal("ResourceExistsException", "PutSecretValue")
        version.text = SecretString
        for stage in VersionStages:
            self._labels[stage] = ClientRequestToken
        return {}

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,
        VersionStage: str,
        MoveToVersionId: str | None = None,
        RemoveFromVersionId: str | None = None,
    ) -> dict[str, Any]:
        self._called("UpdateSecretVersionStage")
        if self._labels.get(VersionStage) != RemoveFromVersionId:
            raise self._refusal("InvalidParameterException", "UpdateSecretVersionStage")
        if MoveToVersionId is None:
            del self._labels[VersionStage]
        elif VersionStage == "AWSCURRENT":
            self._promote(MoveToVersionId)
        else:
            self._labels[VersionStage] = MoveToVersionId
        return {}

    def _promote(self, version: str) -> None:
        if (current := self._labels.get("AWSCURRENT")) is not None:
            self._labels["AWSPREVIOUS"] = current
        self._labels["AWSCURRENT"] = version

    def _new_id(self) -> str:
        return f"version-{len(self._versions):024}"

    def _called(self, operation: str, stage: str = "") -> None:
        self.calls.append(f"{operation} {stage}".strip())
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager.eu-central-1.amazonaws.com")

    def _refusal(self, code: str, operation: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

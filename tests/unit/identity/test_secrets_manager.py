"""Secrets, against moto's Secrets Manager."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from functions.errors import InternalError
from functions.identity.secrets_manager import REMEMBERED_SECONDS, RETRY_SECONDS, Secrets


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Vault:
    """A Secrets Manager, what reads from it, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.clock = Clock()
        self.client = boto3.client(
            "secretsmanager", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.client.meta.events.register("before-call.secretsmanager.GetSecretValue", self._count)
        self.secrets = Secrets(client=self.client, clock=self.clock)

    def _count(self, **_: object) -> None:
        self.asked += 1


@pytest.fixture
def vault() -> Iterator[Vault]:
    """A Secrets Manager that holds one secret, `tokens`."""
    with mock_aws():
        vault = Vault()
        vault.client.create_secret(Name="tokens", SecretString="first")
        yield vault


def test_a_secret_is_remembered_for_five_minutes(vault: Vault) -> None:
    """Within five minutes nothing is asked again; after them a rotated secret is noticed."""
    assert REMEMBERED_SECONDS == 300
    assert vault.secrets.text("tokens") == "first"
    vault.client.put_secret_value(SecretId="tokens", SecretString="second")
    vault.clock.now += REMEMBERED_SECONDS - 0.1
    assert vault.secrets.text("tokens") == "first"
    assert vault.asked == 1
    vault.clock.now += 0.1
    assert vault.secrets.text("tokens") == "second"
    assert vault.secrets.text("tokens") == "second"
    assert vault.asked == 2


def test_a_secret_may_be_named_by_its_arn(vault: Vault) -> None:
    """Name and ARN are ids alike."""
    arn = vault.client.describe_secret(SecretId="tokens")["ARN"]
    assert vault.secrets.text(arn) == "first"


def test_secrets_are_not_mixed_up(vault: Vault) -> None:
    """Each id has its own text and its own time."""
    vault.client.create_secret(Name="openai", SecretString="other")
    assert vault.secrets.text("tokens") == "first"
    vault.clock.now += 200
    assert vault.secrets.text("openai") == "other"
    vault.clock.now += 200
    vault.client.delete_secret(SecretId="openai", ForceDeleteWithoutRecovery=True)
    assert vault.secrets.text("openai") == "other"
    assert vault.secrets.text("tokens") == "first"
    assert vault.asked == 3


def test_a_known_secret_outlives_an_outage(vault: Vault) -> None:
    """Where a secret cannot be read again it is used on, the next try is not at once, and the return is noticed."""
    assert vault.secrets.text("tokens") == "first"
    vault.client.delete_secret(SecretId="tokens", ForceDeleteWithoutRecovery=True)
    vault.clock.now += REMEMBERED_SECONDS
    assert vault.secrets.text("tokens") == "first"
    vault.clock.now += RETRY_SECONDS - 0.1
    assert vault.secrets.text("tokens") == "first"
    assert vault.asked == 2
    vault.client.create_secret(Name="tokens", SecretString="third")
    vault.clock.now += 0.1
    assert vault.secrets.text("tokens") == "third"


def test_an_unknown_secret_is_an_internal_error(vault: Vault) -> None:
    """The error names the secret and the kind of failure, and is not remembered."""
    with pytest.raises(InternalError, match=r"the secret absent cannot be read \(ResourceNotFoundException\)"):
        vault.secrets.text("absent")
    vault.client.create_secret(Name="absent", SecretString="here")
    assert vault.secrets.text("absent") == "here"


def test_a_secret_without_text_is_an_internal_error(vault: Vault) -> None:
    """A binary secret is none of ours."""
    vault.client.create_secret(Name="bytes", SecretBinary=b"\x00")
    with pytest.raises(InternalError, match="the secret bytes cannot be read"):
        vault.secrets.text("bytes")

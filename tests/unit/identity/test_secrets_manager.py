"""Secrets, against moto's Secrets Manager."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from functions.errors import InternalError
from functions.identity.keys import REMEMBERED_SECONDS
from functions.identity.secrets_manager import RENEWAL_SECONDS, RETRY_SECONDS, Secrets


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

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


def test_the_version_before_is_read_too(vault: Vault) -> None:
    """Each with when it was made; there is none before the second one."""
    assert vault.secrets.previous("tokens") is None
    vault.client.put_secret_value(SecretId="tokens", SecretString="second")
    vault.clock.now += RETRY_SECONDS
    current, previous = vault.secrets.current("tokens"), vault.secrets.previous("tokens")
    assert previous is not None
    assert (current.text, previous.text) == ("second", "first")
    assert current.made_at >= previous.made_at > 1_700_000_000


def test_a_version_before_is_remembered_as_well(vault: Vault) -> None:
    """For five minutes, or until another version is current."""
    vault.client.put_secret_value(SecretId="tokens", SecretString="second")
    assert vault.secrets.text("tokens") == "second"
    for _ in range(3):
        assert vault.secrets.previous("tokens") is not None
    assert vault.asked == 2
    vault.client.put_secret_value(SecretId="tokens", SecretString="third")
    assert vault.secrets.renew("tokens")
    previous = vault.secrets.previous("tokens")
    assert previous is not None
    assert previous.text == "second"


def test_a_secret_can_be_read_early(vault: Vault) -> None:
    """At once, but not twice in ten seconds; whether it has changed is told."""
    assert vault.secrets.text("tokens") == "first"
    assert not vault.secrets.renew("tokens")
    vault.client.put_secret_value(SecretId="tokens", SecretString="second")
    vault.clock.now += RENEWAL_SECONDS - 0.1
    assert not vault.secrets.renew("tokens")
    assert vault.asked == 2
    vault.clock.now += 0.1
    assert vault.secrets.renew("tokens")
    assert vault.secrets.text("tokens") == "second"
    assert vault.asked == 3


def test_a_clock_that_was_put_back_makes_nothing_last(vault: Vault) -> None:
    """What was read in the future is read again."""
    assert vault.secrets.text("tokens") == "first"
    assert not vault.secrets.renew("tokens")
    vault.client.put_secret_value(SecretId="tokens", SecretString="second")
    vault.clock.now -= 3_600
    assert vault.secrets.text("tokens") == "second"
    vault.client.put_secret_value(SecretId="tokens", SecretString="third")
    assert vault.secrets.renew("tokens")


def test_what_was_forgotten_is_read_again(vault: Vault) -> None:
    """Everything, also where it was read a moment ago."""
    vault.client.put_secret_value(SecretId="tokens", SecretString="second")
    assert vault.secrets.text("tokens") == "second"
    assert vault.secrets.previous("tokens") is not None
    vault.client.put_secret_value(SecretId="tokens", SecretString="third")
    vault.secrets.forget()
    previous = vault.secrets.previous("tokens")
    assert previous is not None
    assert (vault.secrets.text("tokens"), previous.text) == ("third", "second")


def test_an_outage_is_logged_without_what_was_asked(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    """An operator reads which secret it is, and the kind of failure."""
    assert vault.secrets.text("tokens") == "first"
    vault.client.delete_secret(SecretId="tokens", ForceDeleteWithoutRecovery=True)
    vault.clock.now += REMEMBERED_SECONDS
    vault.secrets.text("tokens")
    (record,) = caplog.records
    assert vars(record)["secret_id"] == "tokens"
    assert vars(record)["reason"] == "ResourceNotFoundException"
    assert "first" not in str(vars(record))


def test_no_text_shows(vault: Vault) -> None:
    """What is printed or logged by accident holds no secret."""
    assert "first" not in repr(vault.secrets.current("tokens"))

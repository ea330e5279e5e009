"""The OpenAI key on its way into Secrets Manager."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.deploy.key import ATTEMPTS, MAX_LENGTH, KeyRefused, checked, is_filled, provide

KEY = "sk-proj-not-a-key"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager, in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="eu-west-1")


@pytest.fixture
def empty(secrets: Any) -> str:
    """The secret as CloudFormation makes it: without a version."""
    return secrets.create_secret(Name="openai")["ARN"]


def never() -> str:
    raise AssertionError("asked")


def test_an_empty_secret_is_filled_with_what_is_offered(secrets: Any, empty: str) -> None:
    """Nobody is asked, and nothing that is said holds the key."""
    said: list[str] = []
    assert provide(secrets, empty, offered=f" {KEY}\n", ask=never, say=said.append)
    assert secrets.get_secret_value(SecretId=empty)["SecretString"] == KEY
    assert is_filled(secrets, empty)
    assert KEY not in "".join(said)


def test_a_key_that_is_there_stays(secrets: Any, empty: str) -> None:
    """A second deployment asks nobody, and replaces nothing."""
    secrets.put_secret_value(SecretId=empty, SecretString="sk-older")
    assert provide(secrets, empty, offered=KEY, ask=never, say=lambda _: None)
    assert secrets.get_secret_value(SecretId=empty)["SecretString"] == "sk-older"


def test_blanks_are_no_key(secrets: Any, empty: str) -> None:
    """A secret with nothing but blanks in it is filled."""
    secrets.put_secret_value(SecretId=empty, SecretString=" \n")
    assert not is_filled(secrets, empty)


def test_it_is_asked_for_until_it_is_a_key(secrets: Any, empty: str) -> None:
    """What cannot be one is refused without being repeated, and asked for again."""
    said: list[str] = []
    answers = iter(["", "two words", KEY])
    assert provide(secrets, empty, offered=None, ask=lambda: next(answers), say=said.append)
    assert secrets.get_secret_value(SecretId=empty)["SecretString"] == KEY
    assert len(said) == 3
    assert "two words" not in "".join(said)


def test_nobody_is_asked_for_ever(secrets: Any, empty: str) -> None:
    """After some tries, or without a terminal, the secret stays empty, and that is known."""
    asked: list[str] = []

    def ask() -> str:
        asked.append("")
        return ""

    assert not provide(secrets, empty, offered=None, ask=ask, say=lambda _: None)
    assert len(asked) == ATTEMPTS
    assert not provide(secrets, empty, offered=None, ask=None, say=lambda _: None)
    assert not is_filled(secrets, empty)


@pytest.mark.parametrize(
    "value", ["", "  ", "sk-a b", "sk-ü", "k" * (MAX_LENGTH + 1)], ids=["", "_", "a b", "ü", "long"]
)
def test_what_is_no_key(secrets: Any, empty: str, value: str) -> None:
    """What the environment offers by mistake stops before anything is stored; the message does not repeat it."""
    with pytest.raises(KeyRefused) as caught:
        checked(value)
    assert not value.strip() or value not in str(caught.value)
    if value.strip():
        with pytest.raises(KeyRefused):
            provide(secrets, empty, offered=value, ask=None, say=lambda _: None)
        assert not is_filled(secrets, empty)

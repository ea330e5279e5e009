"""`chatkit-lambda api-key`."""

import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.identity.api_keys import ApiKeyIdentities, digest_of, is_key, read_keys
from functions.identity.base import Credentials
from functions.local import api_keys
from functions.local.api_keys import ApiKeyCommandError

TODAY = date(2026, 11, 28)


@pytest.fixture
def vault() -> Iterator[Any]:
    """A Secrets Manager with the secret as it is deployed."""
    with mock_aws():
        client = boto3.client(
            "secretsmanager", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_secret(Name="keys", SecretString='{"keys": []}')
        yield client


def make(name: str, secret_id: str | None, vault: Any) -> tuple[str, str]:
    """What goes to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    api_keys.make(name, secret_id, today=TODAY, out=out, err=err, connect=lambda: vault)
    return out.getvalue(), err.getvalue()


def stored(vault: Any) -> str:
    return vault.get_secret_value(SecretId="keys")["SecretString"]


def test_a_key_is_shown_once_and_its_hash_stored(vault: Any) -> None:
    """Standard output is the key and nothing else; it gets a server in."""
    out, err = make("web", "keys", vault)
    key = out.strip()
    assert is_key(key)
    assert out == f"{key}\n"
    assert key not in err
    assert key not in stored(vault)
    found = ApiKeyIdentities(secret=lambda: stored(vault)).identify(Credentials(bearer=key, body={"user": "alice"}))
    assert found
    assert (found.user, found.key) == ("alice", "web")


def test_without_a_secret_the_entry_is_printed() -> None:
    """What is to be put into the secret is right as it stands."""
    out, err = make("web", None, None)
    (key,) = read_keys(err.splitlines()[1])
    assert (key.name, key.sha256, key.created) == ("web", digest_of(out.strip()), "2026-11-28")


def test_keys_are_listed_and_revoked(vault: Any) -> None:
    """By their names; the others stay."""
    make("web", "keys", vault)
    make("jobs", "keys", vault)
    out, err = io.StringIO(), io.StringIO()
    api_keys.show("keys", out=out, connect=lambda: vault)
    assert out.getvalue() == "web\t2026-11-28\njobs\t2026-11-28\n"
    api_keys.revoke("web", "keys", err=err, connect=lambda: vault)
    assert [key["name"] for key in json.loads(stored(vault))["keys"]] == ["jobs"]


def test_what_cannot_be_done_changes_nothing(vault: Any) -> None:
    """A name that is taken, one that is not there, a secret that is damaged or is not there: each is said."""
    make("web", "keys", vault)
    before = stored(vault)
    for name, problem in (("web", "already"), ("a b", "name")):
        with pytest.raises(ApiKeyCommandError, match=problem):
            make(name, "keys", vault)
    with pytest.raises(ApiKeyCommandError, match="no key jobs"):
        api_keys.revoke("jobs", "keys", err=io.StringIO(), connect=lambda: vault)
    assert stored(vault) == before
    with pytest.raises(ApiKeyCommandError, match="none cannot be read"):
        make("web", "none", vault)
    vault.put_secret_value(SecretId="keys", SecretString="{")
    with pytest.raises(ApiKeyCommandError, match="keys cannot be read: it is not JSON"):
        api_keys.show("keys", out=io.StringIO(), connect=lambda: vault)

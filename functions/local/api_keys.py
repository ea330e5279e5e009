"""`chatkit-lambda api-key`: makes, lists and revokes the keys by which servers ask for client tokens.

With a secret's id, the secret is read, changed and put back, with the caller's own AWS credentials; without, what is to be
put there is printed.
"""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TextIO, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import ChatKitLambdaError
from functions.identity.api_keys import ApiKey, ApiKeyError, new_key, read_keys, with_key, without_key, written_keys

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Connect = Callable[[], "SecretsManagerClient"]


class ApiKeyCommandError(ChatKitLambdaError):
    """The keys could not be read or changed; the message says why."""


def connect() -> "SecretsManagerClient":
    """A client for the account and region of the caller's environment or profile."""
    return cast("SecretsManagerClient", cast("Any", boto3).client("secretsmanager"))


def make(
    name: str, secret_id: str | None, *, today: date, out: TextIO, err: TextIO, connect: Connect = connect
) -> None:
    """Makes a key: it goes to `out`, this once, and all else to `err`. Raises `ApiKeyCommandError`; then there is none."""
    key = new_key()
    vault = _Vault(secret_id, connect) if secret_id is not None else None
    try:
        keys = with_key(vault.read() if vault else (), name, key, today=today)
    except ApiKeyError as error:
        raise ApiKeyCommandError(str(error)) from error
    if vault:
        vault.write(keys)
        print(f"The key {name} is stored as a hash, and good within five minutes. It is shown this once:", file=err)
    else:
        print("Nothing is stored yet: put this entry into the secret's `keys`. The key is shown this once:", file=err)
        print(written_keys(keys), file=err)
    print(key, file=out)


def show(secret_id: str, *, out: TextIO, connect: Connect = connect) -> None:
    """Lists the keys' names and days. Raises `ApiKeyCommandError`."""
    for key in _Vault(secret_id, connect).read():
        print(f"{key.name}\t{key.created}", file=out)


def revoke(name: str, secret_id: str, *, err: TextIO, connect: Connect = connect) -> None:
    """Takes a key out. Raises `ApiKeyCommandError`."""
    vault = _Vault(secret_id, connect)
    try:
        keys = without_key(vault.read(), name)
    except ApiKeyError as error:
        raise ApiKeyCommandError(str(error)) from error
    vault.write(keys)
    print(f"The key {name} is refused within five minutes, and so are renewals of its sessions.", file=err)


class _Vault:
    def __init__(self, secret_id: str, connect: Connect) -> None:
        self._secret_id = secret_id
        try:
            self._client = connect()
        except BotoCoreError as error:
            raise ApiKeyCommandError(str(error)) from error

    def read(self) -> tuple[ApiKey, ...]:
        try:
            return read_keys(self._client.get_secret_value(SecretId=self._secret_id)["SecretString"])
        except (BotoCoreError, ClientError, ApiKeyError) as error:
            raise ApiKeyCommandError(f"the secret {self._secret_id} cannot be read: {error}") from error

    def write(self, keys: tuple[ApiKey, ...]) -> None:
        try:
            self._client.put_secret_value(SecretId=self._secret_id, SecretString=written_keys(keys))
        except (BotoCoreError, ClientError) as error:
            raise ApiKeyCommandError(f"the secret {self._secret_id} cannot be written: {error}") from error

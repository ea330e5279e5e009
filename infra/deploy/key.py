"""Puts the OpenAI key into its secret. It passes through this process alone: no argument, log line or file holds it."""

import getpass
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_LENGTH: Final = 1000
"""Characters. OpenAI's have some 170."""
ATTEMPTS: Final = 3

Ask = Callable[[], str]
Say = Callable[[str], None]


class KeyRefused(ValueError):
    """What was given cannot be a key; the message does not repeat it."""


def checked(value: str) -> str:
    """The key, without the blanks around it. Raises `KeyRefused`."""
    key = value.strip()
    if not key:
        raise KeyRefused("it is empty")
    if len(key) > MAX_LENGTH:
        raise KeyRefused(f"it has more than {MAX_LENGTH:,} characters")
    if not all("!" <= character <= "~" for character in key):
        raise KeyRefused("it has blanks or characters that no key has: was something else pasted with it?")
    return key


def is_filled(secrets: "SecretsManagerClient", secret_id: str) -> bool:
    """Whether the secret has a value that is not empty. Raises botocore's errors."""
    versions = secrets.describe_secret(SecretId=secret_id).get("VersionIdsToStages", {})
    if not any("AWSCURRENT" in stages for stages in versions.values()):
        return False
    try:
        return bool(secrets.get_secret_value(SecretId=secret_id).get("SecretString", "").strip())
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code == "ResourceNotFoundException":
            return False
        if code in {"AccessDenied", "AccessDeniedException"}:
            return True  # it has a version, which this caller may not read
        raise


def provide(secrets: "SecretsManagerClient", secret_id: str, *, offered: str | None, ask: Ask | None, say: Say) -> bool:
    """Fills an empty secret with `offered`, or else with what `ask` gives; one that has a key keeps it.

    Gives whether there is a key now. Raises `KeyRefused` where `offered` is none, and botocore's errors.
    """
    if is_filled(secrets, secret_id):
        say("The OpenAI key is in its secret already, and stays. docs/deploy.md says how to replace it.")
        return True
    key = checked(offered) if offered else _asked(ask, say)
    if key is None:
        return False
    secrets.put_secret_value(SecretId=secret_id, SecretString=key)
    say("The OpenAI key is in its secret; the functions use it within five minutes.")
    return True


def ask_hidden() -> str:
    """Asks at the terminal, without showing what is typed. Without an input's end, it is empty."""
    try:
        return getpass.getpass("OpenAI key (it is not shown): ", stream=sys.stderr)
    except EOFError:
        return ""


def _asked(ask: Ask | None, say: Say) -> str | None:
    if ask is None:
        return None
    for _ in range(ATTEMPTS):
        try:
            return checked(ask())
        except KeyRefused as error:
            say(f"That is no key: {error}.")
    return None

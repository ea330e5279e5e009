"""What Secrets Manager does for a rotation, on the local stack: it makes a version, and calls the rotation function."""

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final, get_args

from functions.errors import ChatKitLambdaError
from functions.identity.keys import SigningKey
from functions.identity.rotation import PENDING, Step
from functions.local.invocation import FunctionError
from functions.local.lambda_endpoint import Invokable
from functions.local.resources import TOKEN_SECRET

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

STEPS: Final[tuple[Step, ...]] = get_args(Step)
"""In their order."""


class RotationFailed(ChatKitLambdaError):
    """The rotation function refused a step, or failed; the key that was current is still it."""


def begin(client: "SecretsManagerClient") -> str:
    """Makes an empty pending version of the token secret, as RotateSecret does; gives its id."""
    version = str(uuid.uuid4())
    client.put_secret_value(SecretId=TOKEN_SECRET, ClientRequestToken=version, VersionStages=[PENDING])
    return version


def begin_with_key(client: "SecretsManagerClient") -> str:
    """The same, with a new key in it, as the first step leaves it."""
    version = str(uuid.uuid4())
    client.put_secret_value(
        SecretId=TOKEN_SECRET,
        ClientRequestToken=version,
        SecretString=SigningKey.generate().to_secret(),
        VersionStages=[PENDING],
    )
    return version


def step_event(step: Step, version: str) -> dict[str, Any]:
    """What Secrets Manager sends
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html)."""
    return {"Step": step, "SecretId": TOKEN_SECRET, "ClientRequestToken": version}


def current_kid(client: "SecretsManagerClient") -> str:
    """The name of the key that is current."""
    return SigningKey.from_secret(client.get_secret_value(SecretId=TOKEN_SECRET)["SecretString"]).kid


async def rotate(client: "SecretsManagerClient", function: Invokable) -> str:
    """Rotates the key by the rotation function; gives the new key's name. Raises `RotationFailed`."""
    version = await asyncio.to_thread(begin, client)
    for step in STEPS:
        try:
            await function.invoke(step_event(step, version))
        except FunctionError as error:
            raise RotationFailed(f"{step} failed ({error.type}); the rotation function's log says why") from error
    return await asyncio.to_thread(current_kid, client)

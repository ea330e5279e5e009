"""The rotation function: behind Secrets Manager."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.settings import Names
from infra.constructs.function import ServiceFunction
from infra.constructs.secret_rotation import SecretRotation
from infra.functions.given import Given

ROTATION_TIMEOUT: Final = Duration.seconds(60)
"""A step is three or four requests to Secrets Manager."""
ROTATION_MEMORY: Final = 512
"""MB."""


class RotationFunction(ServiceFunction):
    """Makes new keys for client tokens. What it may do stands with the rotation."""

    def __init__(self, scope: Construct, given: Given, *, code: lambda_.Code) -> None:
        secret_arn = given.data.token_secret.secret_arn
        super().__init__(
            scope,
            "Rotation",
            config=given.config,
            code=code,
            handler="functions.handlers.rotation.handler",
            description="Makes new keys for client tokens",
            # Not what all functions share: it gets at nothing else.
            environment={Names.TOKEN_SECRET_ID: secret_arn, Names.LOG_LEVEL: given.config.log_level},
            memory=ROTATION_MEMORY,
            timeout=ROTATION_TIMEOUT,
        )
        SecretRotation(scope, "TokenKey", function=self, secret_arn=secret_arn, days=given.config.token_key_days)

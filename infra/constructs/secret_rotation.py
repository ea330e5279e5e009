"""Has Secrets Manager rotate a secret, by calling a function."""

from aws_cdk import Aws
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.function import ServiceFunction


class SecretRotation(Construct):
    """A rotation: the function may read and change this one secret, and Secrets Manager may call it for this one alone."""

    def __init__(
        self, scope: Construct, construct_id: str, *, function: ServiceFunction, secret_arn: str, days: int
    ) -> None:
        """`days`: how long it is from one rotation to the next."""
        super().__init__(scope, construct_id)
        function.allow(
            [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            on=[secret_arn],
        )
        # Not the alias: Secrets Manager's documentation speaks of the ARN of a function, and of no other.
        function_arn = function.function.function_arn
        permission = lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=function_arn,
            principal="secretsmanager.amazonaws.com",
            source_account=Aws.ACCOUNT_ID,
            source_arn=secret_arn,
        )
        # The construct that CDK has for this would allow the function GetRandomPassword, on everything.
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Schedule",
            secret_id=secret_arn,
            rotation_lambda_arn=function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(automatically_after_days=days),
            # What it holds when the schedule is made is new. Secrets Manager tries the function's third step all the same.
            rotate_immediately_on_update=False,
        )
        schedule.add_dependency(permission)
        schedule.node.add_dependency(function.role)

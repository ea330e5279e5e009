"""One way to make a function: its own role with nothing in it, its own log group, the streaming runtime.

pyright is told to ignore some arguments: jsii names parameters in its interfaces otherwise than in the classes that
implement them, so that to a strict reader no class does.
"""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from aws_cdk import Aws, CfnCondition, Duration, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from functions.settings import Names
from infra.config import Config
from infra.package import EXEC_WRAPPER, TASK_ROOT

LIVE: Final = "live"
"""The alias that is called. It moves to each new version, so a running turn ends on the version on which it began."""

WITHOUT_SNAP_START: Final = ("ap-east-2", "ap-southeast-6")
"""Taipei and New Zealand; all other commercial regions have it
(https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-supported-regions)."""

_RETENTION: Final[Mapping[int, logs.RetentionDays]] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
}

_LOG_LEVELS: Final[Mapping[str, lambda_.ApplicationLogLevel]] = {
    "DEBUG": lambda_.ApplicationLogLevel.DEBUG,
    "INFO": lambda_.ApplicationLogLevel.INFO,
    "WARNING": lambda_.ApplicationLogLevel.WARN,
    "ERROR": lambda_.ApplicationLogLevel.ERROR,
}


def log_group(scope: Construct, construct_id: str, *, config: Config, name: str | None = None) -> logs.LogGroup:
    """A log group that is kept as long as the stage says; CloudFormation names it, unless it has to have a name."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=_RETENTION[config.log_days],
        removal_policy=RemovalPolicy.RETAIN if config.protect_data else RemovalPolicy.DESTROY,
    )


class ServiceFunction(Construct):
    """A function on Python 3.13 and arm64. Its role may write its own logs; `allow` adds what it uses."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        code: lambda_.Code,
        handler: str,
        description: str,
        environment: Mapping[str, str],
        memory: int,
        timeout: Duration,
        concurrency: int | None = None,
        dead_letters: sqs.IQueue | None = None,
        snap_start: bool = False,
    ) -> None:
        """`handler` is a dotted path in the package; `memory` is in MB; `environment` must hold no secret.

        `concurrency` is how many calls are served at once: so many are set aside for this function, and no more are taken
        from the account's. `dead_letters` gets the events of asynchronous calls that are given up. `snap_start`: whether
        versions are started from snapshots, where the region can.
        """
        super().__init__(scope, construct_id)
        self.timeout = timeout
        self.logs = log_group(self, "Logs", config=config)
        self.role = iam.Role(
            self,
            "Role",
            description=f"{construct_id} function: {description}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),  # pyright: ignore[reportArgumentType]
        )
        # Lambda's managed policy would allow every log group of the account.
        self.allow(["logs:CreateLogStream", "logs:PutLogEvents"], on=[self.logs.log_group_arn])
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=code,
            handler=handler,
            role=self.role,  # pyright: ignore[reportArgumentType]
            memory_size=memory,
            timeout=timeout,
            reserved_concurrent_executions=concurrency,
            dead_letter_queue=dead_letters,
            environment={"AWS_LAMBDA_EXEC_WRAPPER": f"{TASK_ROOT}/{EXEC_WRAPPER}", **environment},
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=_LOG_LEVELS[config.log_level],
            # The platform's report of each invocation (duration, memory, cold start) has this level.
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
        )
        if snap_start:
            self._start_from_snapshots()
        self.live = lambda_.Alias(
            self,
            "Live",
            alias_name=LIVE,
            version=self.function.current_version,  # pyright: ignore[reportArgumentType]
        )

    def _start_from_snapshots(self) -> None:
        """The region is not known before CloudFormation runs, so it is the one to see whether there are snapshots."""
        regions = Fn.condition_or(*(Fn.condition_equals(Aws.REGION, region) for region in WITHOUT_SNAP_START))
        condition = CfnCondition(
            self,
            "HasSnapStart",
            expression=Fn.condition_and(Fn.condition_equals(Aws.PARTITION, "aws"), Fn.condition_not(regions)),
        )
        cast(
            "lambda_.CfnFunction", self.function.node.default_child
        ).snap_start = lambda_.CfnFunction.SnapStartProperty(
            apply_on=Fn.condition_if(condition.logical_id, "PublishedVersions", "None").to_string()
        )

    def allow(
        self,
        actions: Sequence[str],
        *,
        on: Sequence[str],
        conditions: Mapping[str, Mapping[str, str | list[str]]] | None = None,
    ) -> None:
        """Adds to the function's role: these actions, on these ARNs, under these conditions."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=conditions or {})
        )


def shared_environment(
    *,
    config: Config,
    table_name: str,
    bucket_name: str,
    token_secret_id: str,
    openai_secret_id: str,
    api_keys_secret_id: str | None,
) -> dict[str, str]:
    """What `functions.settings.Settings` reads, for every function alike."""
    environment = {
        Names.STAGE: config.stage,
        Names.TABLE_NAME: table_name,
        Names.BUCKET_NAME: bucket_name,
        Names.TOKEN_SECRET_ID: token_secret_id,
        Names.OPENAI_SECRET_ID: openai_secret_id,
        Names.ALLOWED_ORIGINS: ",".join(config.allowed_origins),
        Names.IDENTITY: ",".join(config.identity),
        Names.TOKEN_SECONDS: str(config.token_seconds),
        Names.SESSION_SECONDS: str(config.session_seconds),
        Names.REFRESH_GRACE_SECONDS: str(config.refresh_grace_seconds),
        Names.DEADLINE_MARGIN_SECONDS: str(config.deadline_margin_seconds),
        Names.LOG_LEVEL: config.log_level,
    }
    if config.oidc_issuer is not None:
        environment[Names.OIDC_ISSUER] = config.oidc_issuer
        environment[Names.OIDC_AUDIENCE] = ",".join(config.oidc_audience)
        environment[Names.OIDC_USER_CLAIM] = config.oidc_user_claim
    if config.oidc_tenant_claim is not None:
        environment[Names.OIDC_TENANT_CLAIM] = config.oidc_tenant_claim
    if config.hosted_workflow_id is not None:
        environment[Names.HOSTED_WORKFLOW_ID] = config.hosted_workflow_id
        environment[Names.HOSTED_REQUESTS_PER_MINUTE] = str(config.hosted_requests_per_minute)
    if config.hosted_workflow_version is not None:
        environment[Names.HOSTED_WORKFLOW_VERSION] = config.hosted_workflow_version
    if api_keys_secret_id is not None:
        environment[Names.API_KEYS_SECRET_ID] = api_keys_secret_id
    if config.openai_base_url is not None:
        environment[Names.OPENAI_BASE_URL] = config.openai_base_url
    if config.limits:
        environment[Names.LIMITS] = config.limits
    if config.retention_days is not None:
        environment[Names.RETENTION_DAYS] = str(config.retention_days)
    return environment

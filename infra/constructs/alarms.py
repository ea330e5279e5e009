"""Alarms, and where they are heard: a topic, encrypted, that speaks TLS alone.

pyright is told to ignore some arguments, for a fault of jsii: see `infra.constructs.function`.
"""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

PAGE: Final = "docs/operations.md"
"""Where each alarm is explained, in a section of its own."""
PERIOD: Final = Duration.minutes(5)
"""Over which a number is looked at."""

KEY_ADMINISTRATION: Final = (
    "kms:CancelKeyDeletion",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)
"""What the account may let its own people do with the key: to manage it, and not to read with it."""

_BUDGETS: Final = "budgets.amazonaws.com"
_CLOUDWATCH: Final = "cloudwatch.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Watch:
    """What an alarm watches, and what is to be done when it is heard."""

    name: str
    """Lower case with dashes: the alarm is called `chatkit-STAGE-NAME`."""
    metric: cloudwatch.IMetric
    at_least: float
    """From this value on the alarm is heard."""
    do: str
    """A sentence or two: what it means, and what to do first."""
    section: str
    """The heading in `PAGE`, as a link names it."""
    periods: int = 1
    """In how many periods, one after the other."""
    is_percentile: bool = False
    """Whether few calls are no reason: of three, one is above each percentile."""


class AlarmTopic(Construct):
    """The topic, with a key of its own: CloudWatch may not use that of AWS for SNS, and would then say nothing at all
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html)."""

    def __init__(self, scope: Construct, construct_id: str, *, email: str | None, budgets: bool) -> None:
        """`email` has to confirm that it wants to hear of alarms. `budgets`: whether AWS Budgets may speak here too."""
        super().__init__(scope, construct_id)
        services = [_CLOUDWATCH, *([_BUDGETS] if budgets else [])]
        key = kms.Key(
            self,
            "Key",
            description="Encrypts chatkit-lambda's alarms on their way",
            enable_key_rotation=True,
            policy=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=list(KEY_ADMINISTRATION),
                        principals=[iam.AccountRootPrincipal()],  # pyright: ignore[reportArgumentType]
                        # In a key's policy: this key.
                        resources=["*"],
                    )
                ]
            ),
            # There is nothing to read later: what it encrypts is delivered at once.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic: Final[sns.ITopic] = self._make_topic(key)
        for service in services:
            principal = iam.ServicePrincipal(service)
            key.grant(principal, "kms:Decrypt", "kms:GenerateDataKey")  # pyright: ignore[reportArgumentType]
            self.topic.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["sns:Publish"],
                    principals=[principal],  # pyright: ignore[reportArgumentType]
                    resources=[self.topic.topic_arn],
                    # These services speak for every account: for no other than this one here.
                    conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
                )
            )
        if email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))  # pyright: ignore[reportArgumentType]

    def _make_topic(self, key: kms.Key) -> sns.ITopic:
        return sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)  # pyright: ignore[reportReturnType, reportArgumentType]


def add_alarm(scope: Construct, watch: Watch, *, topic: sns.ITopic, stage: str) -> cloudwatch.Alarm:
    """An alarm that is heard when it begins and when it is over. Where nothing was measured, all is well."""
    alarm = cloudwatch.Alarm(
        scope,
        "".join(part.title() for part in watch.name.split("-")),
        alarm_name=f"chatkit-{stage}-{watch.name}",
        alarm_description=f"{watch.do} {PAGE}#{watch.section}",
        metric=watch.metric,
        threshold=watch.at_least,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluation_periods=watch.periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        evaluate_low_sample_count_percentile="ignore" if watch.is_percentile else None,
    )
    action = actions.SnsAction(topic)
    alarm.add_alarm_action(action)  # pyright: ignore[reportArgumentType]
    alarm.add_ok_action(action)  # pyright: ignore[reportArgumentType]
    return alarm

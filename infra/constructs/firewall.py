"""A web ACL before API Gateway: what it refuses, what it lets through that AWS's rules would not, and what it logs."""

from typing import Final

from aws_cdk import Aws, Fn
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.config import Config
from infra.constructs.function import log_group

LOG_NAMES: Final = "aws-waf-logs-"
"""What the name of a log group must begin with (https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html)."""
RATE_SECONDS: Final = 300
"""Over how long calls are counted."""

REPUTATION: Final = "AWSManagedRulesAmazonIpReputationList"
COMMON: Final = "AWSManagedRulesCommonRuleSet"
BAD_INPUTS: Final = "AWSManagedRulesKnownBadInputsRuleSet"
"""https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html"""

COUNTED: Final = {
    REPUTATION: (),
    COMMON: (
        # It refuses bodies of more than 8 KB: a long message, a dictation and a small file are larger. API Gateway and the
        # functions have limits of their own (docs/limits.md).
        "SizeRestrictions_BODY",
        # A message is a text for a model, and people ask about HTML, paths, addresses and stack traces. Nothing of a body is
        # run, opened or put into a page as markup, so that there is nothing that these rules would protect.
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
    ),
    BAD_INPUTS: (
        # The same; and there is no Java and no React behind it.
        "JavaDeserializationRCE_BODY",
        "Log4JRCE_BODY",
        "ReactJSRCE_BODY",
    ),
}
"""The managed rules, in their order, with those of each that count and do not refuse. All others look at what is not the
body, and refuse."""

_REDACTED: Final = ("authorization", "cookie")
"""Tokens, keys and the anonymous cookie."""


class Firewall(Construct):
    """A regional web ACL, and the log of what it refused.

    The log holds addresses, paths and headers of refused calls alone, without what signs a caller in and without queries;
    what matched a rule may be quoted in it. Samples, which would hold whole headers, are not taken.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, stage_arn: str) -> None:
        """`stage_arn` is the REST API's stage."""
        super().__init__(scope, construct_id)
        managed = [
            _managed(name, counted, priority=priority)
            for priority, (name, counted) in enumerate(COUNTED.items(), start=1)
        ]
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            description="chatkit-lambda: before the REST API",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            rules=[_rate(config.edge.waf_rate), *managed],
            visibility_config=_visible("Acl"),
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)
        self.logs = self._make_logs(config)
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            # Not the group's own ARN, which ends in a star for its streams.
            log_destination_configs=[_arn(self.logs)],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                    }
                ],
            },
            redacted_fields=[
                *(
                    wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                    for header in _REDACTED
                ),
                # What a user searched for.
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
            ],
        )

    def _make_logs(self, config: Config) -> logs.LogGroup:
        # The name has to be given; what is of this stack alone makes it one that is free also where a stage is made anew.
        unique = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))))
        return log_group(self, "Logs", config=config, name=f"{LOG_NAMES}{Aws.STACK_NAME}-{unique}")


def _arn(group: logs.LogGroup) -> str:
    return f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{group.log_group_name}"


def _rate(calls: int) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name="Rate",
        priority=0,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=calls, evaluation_window_sec=RATE_SECONDS
            )
        ),
        visibility_config=_visible("Rate"),
    )


def _managed(name: str, counted: tuple[str, ...], *, priority: int) -> wafv2.CfnWebACL.RuleProperty:
    count = wafv2.CfnWebACL.RuleActionProperty(count={})
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in counted
                ]
                or None,
            )
        ),
        visibility_config=_visible(name),
    )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )

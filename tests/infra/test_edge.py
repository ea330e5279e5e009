"""The endpoints' promises: which one pages call, what stands before it, and what it is called."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.constructs.firewall import BAD_INPUTS, COMMON, REPUTATION
from tests.infra.conftest import Stage
from tests.infra.reading import of_type, only, text

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
BODY_RULES = {
    COMMON: {
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "SizeRestrictions_BODY",
    },
    BAD_INPUTS: {"JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"},
    REPUTATION: set[str](),
}
"""Every managed rule that looks at a body
(https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html)."""


@pytest.fixture(scope="module")
def guarded(synthesise: Callable[..., Stage]) -> Stage:
    """API Gateway alone, behind a web ACL."""
    return synthesise(chat_endpoint="api_gateway", waf="true", waf_rate="500")


@pytest.fixture(scope="module")
def named(synthesise: Callable[..., Stage]) -> Stage:
    """API Gateway under a name of one's own."""
    return synthesise(
        chat_endpoint="api_gateway",
        domain_name="chat.example.com",
        certificate_arn=CERTIFICATE,
        hosted_zone_id="Z0123456789ABC",
    )


def rules(stage: Stage) -> dict[str, dict[str, Any]]:
    """The web ACL's rules, by their names, in their order."""
    found = sorted(only(stage.chat, "AWS::WAFv2::WebACL")["Properties"]["Rules"], key=lambda rule: rule["Priority"])
    return {rule["Name"]: rule for rule in found}


def test_pages_call_the_function_url_unless_api_gateway_is_chosen(dev: Stage, guarded: Stage) -> None:
    """The output that pages are given names the endpoint that was chosen."""
    assert "<ChatLiveFunctionUrl" in text(dev.chat["Outputs"]["ChatUrl"]["Value"])
    assert text(dev.chat["Outputs"]["ChatUrl"]["Value"]).endswith(".FunctionUrl>chatkit")
    chat, api = (text(guarded.chat["Outputs"][name]["Value"]) for name in ("ChatUrl", "ApiUrl"))
    assert (
        chat
        == "https://<Rest9065D4D9>.execute-api.<AWS::Region>.<AWS::URLSuffix>/<RestDeploymentStagedev53A53CFD>/chatkit"
    )
    assert api == chat.removesuffix("chatkit") + "api"
    assert "ChatRestUrl" not in guarded.chat["Outputs"]


def test_with_api_gateway_nothing_else_is_open(guarded: Stage, named: Stage) -> None:
    """No Function URL, and nobody in the world may invoke a function."""
    for stage in (guarded, named):
        assert of_type(stage.chat, "AWS::Lambda::Url") == {}
        permissions = [one["Properties"] for one in of_type(stage.chat, "AWS::Lambda::Permission").values()]
        assert "*" not in {permission["Principal"] for permission in permissions}


def test_the_endpoint_is_chosen_without_a_new_function(dev: Stage, guarded: Stage) -> None:
    """What the functions are, and what they may do, does not depend on who calls them."""
    for kind in ("AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::IAM::Policy", "AWS::ApiGateway::Method"):
        assert of_type(guarded.chat, kind) == of_type(dev.chat, kind)


def test_no_firewall_stands_there_unasked(dev: Stage, prod: Stage) -> None:
    """It costs money while nobody calls."""
    for stage in (dev, prod):
        assert not [one for one in stage.chat["Resources"].values() if one["Type"].startswith("AWS::WAFv2::")]


def test_the_firewall_stands_before_the_stage(guarded: Stage) -> None:
    """It is the stage's, and a regional one; what no rule refuses is let through."""
    acl = only(guarded.chat, "AWS::WAFv2::WebACL")["Properties"]
    assert (acl["Scope"], acl["DefaultAction"]) == ("REGIONAL", {"Allow": {}})
    association = only(guarded.chat, "AWS::WAFv2::WebACLAssociation")["Properties"]
    assert text(association["ResourceArn"]) == (
        "arn:<AWS::Partition>:apigateway:<AWS::Region>::/restapis/<Rest9065D4D9>/stages/<RestDeploymentStagedev53A53CFD>"
    )
    assert guarded.findings() == []


def test_one_address_calls_only_so_often(guarded: Stage) -> None:
    """By the address that calls API Gateway, and no header that a caller could write."""
    rate = rules(guarded)["Rate"]
    assert (rate["Priority"], rate["Action"]) == (0, {"Block": {}})
    assert rate["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": 500,
    }


def test_the_managed_rules_refuse_but_for_what_a_body_says(guarded: Stage) -> None:
    """Messages are free text, and files are large: rules that look at bodies count. All others keep their own action."""
    managed = {name: rule for name, rule in rules(guarded).items() if name != "Rate"}
    assert list(managed) == [REPUTATION, COMMON, BAD_INPUTS]
    for name, rule in managed.items():
        assert rule["OverrideAction"] == {"None": {}}
        statement = rule["Statement"]["ManagedRuleGroupStatement"]
        assert (statement["VendorName"], statement["Name"]) == ("AWS", name)
        overrides = statement.get("RuleActionOverrides", [])
        assert {override["Name"] for override in overrides} == BODY_RULES[name]
        assert all(override["ActionToUse"] == {"Count": {}} for override in overrides)


def test_the_firewalls_log_holds_no_token(guarded: Stage) -> None:
    """Refused calls alone are logged, without what signs a caller in and without queries; and no samples are taken."""
    logging = only(guarded.chat, "AWS::WAFv2::LoggingConfiguration")["Properties"]
    assert logging["RedactedFields"] == [
        {"SingleHeader": {"Name": "authorization"}},
        {"SingleHeader": {"Name": "cookie"}},
        {"QueryString": {}},
    ]
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    (kept,) = logging["LoggingFilter"]["Filters"]
    assert (kept["Behavior"], kept["Conditions"]) == ("KEEP", [{"ActionCondition": {"Action": "BLOCK"}}])
    acl = only(guarded.chat, "AWS::WAFv2::WebACL")["Properties"]
    for visible in (acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])):
        assert visible["SampledRequestsEnabled"] is False


def test_the_firewalls_log_has_the_name_that_aws_asks_for(guarded: Stage, synthesise: Callable[..., Stage]) -> None:
    """The name begins so, ends in what is of this stack alone, and the group expires as all do."""
    (group,) = (
        one for one in of_type(guarded.chat, "AWS::Logs::LogGroup").values() if "LogGroupName" in one["Properties"]
    )
    separator, parts = group["Properties"]["LogGroupName"]["Fn::Join"]
    assert (separator, parts[:3]) == ("", ["aws-waf-logs-", {"Ref": "AWS::StackName"}, "-"])
    assert "AWS::StackId" in str(parts[3])
    assert group["Properties"]["RetentionInDays"] == 14
    logging = only(guarded.chat, "AWS::WAFv2::LoggingConfiguration")["Properties"]
    (destination,) = logging["LogDestinationConfigs"]
    assert (
        text(destination) == "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:<FirewallLogs7FB06776>"
    )


def test_api_gateway_can_have_a_name_of_ones_own(named: Stage) -> None:
    """A regional one, with TLS 1.2 or newer, for the one stage; the outputs tell it."""
    domain = only(named.chat, "AWS::ApiGateway::DomainName")["Properties"]
    assert (domain["DomainName"], domain["RegionalCertificateArn"]) == ("chat.example.com", CERTIFICATE)
    assert (domain["SecurityPolicy"], domain["EndpointConfiguration"]) == ("TLS_1_2", {"Types": ["REGIONAL"]})
    mapping = only(named.chat, "AWS::ApiGateway::BasePathMapping")["Properties"]
    assert "BasePath" not in mapping
    assert mapping["Stage"] == {"Ref": "RestDeploymentStagedev53A53CFD"}
    assert named.chat["Outputs"]["ChatUrl"]["Value"] == "https://chat.example.com/chatkit"
    assert named.chat["Outputs"]["ApiUrl"]["Value"] == "https://chat.example.com/api"
    assert named.findings() == []


def test_the_name_is_entered_where_a_zone_is_named(named: Stage, synthesise: Callable[..., Stage]) -> None:
    """Without a zone, an output says what the name has to lead to."""
    record = only(named.chat, "AWS::Route53::RecordSet")["Properties"]
    assert (record["Name"], record["Type"], record["HostedZoneId"]) == ("chat.example.com", "A", "Z0123456789ABC")
    assert record["AliasTarget"]["DNSName"]["Fn::GetAtt"][1] == "RegionalDomainName"
    assert "DomainTarget" not in named.chat["Outputs"]
    elsewhere = synthesise(domain_name="chat.example.com", certificate_arn=CERTIFICATE)
    assert of_type(elsewhere.chat, "AWS::Route53::RecordSet") == {}
    assert text(elsewhere.chat["Outputs"]["DomainTarget"]["Value"]).endswith(".RegionalDomainName>")
    # The Function URL, which is the endpoint there, keeps its own name.
    assert text(elsewhere.chat["Outputs"]["ChatUrl"]["Value"]).endswith(".FunctionUrl>chatkit")
    assert elsewhere.chat["Outputs"]["ChatRestUrl"]["Value"] == "https://chat.example.com/chatkit"

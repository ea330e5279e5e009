"""What is missing before a deployment, and what is said of it."""

from dataclasses import replace
from typing import Any

import pytest

from infra.deploy import context
from infra.deploy.checks import Facts, Unknown, findings

CDK = "npx aws-cdk@2"
READY = Facts(
    stage="dev",
    cdk=CDK,
    region="eu-west-1",
    account="123456789012",
    bootstrap=21,
    node=(24, 19, 0),
    has_npx=True,
    has_compiler=True,
    has_key=True,
    is_key_offered=False,
    can_ask=True,
    is_approved=False,
)
BOOTSTRAP = f"{CDK} bootstrap aws://123456789012/eu-west-1"


def test_nothing_is_missing() -> None:
    """Where all is there, nothing is said."""
    assert findings(READY) == []


MISSING: dict[str, tuple[dict[str, Any], str, str]] = {
    "region": ({"region": None, "bootstrap": None}, "No region", "AWS_REGION"),
    "account": ({"account": Unknown("there are no credentials")}, "there are no credentials", "aws sso login"),
    "bootstrap": ({"bootstrap": None}, "not bootstrapped", BOOTSTRAP),
    "old bootstrap": ({"bootstrap": 5}, "has version 5", BOOTSTRAP),
    "node": ({"node": None}, "Node.js is missing", "make setup"),
    "old node": ({"node": (16, 20, 2)}, "Node.js is 16.20.2", "make setup"),
    "npx": ({"has_npx": False}, "npx is missing", "npm"),
    "setting": ({"context_problems": ("limits is wrong",)}, "limits is wrong", "CONTEXT="),
    "key": ({"has_key": False, "can_ask": False, "is_approved": True}, "OpenAI key", "OPENAI_API_KEY"),
    "approval": ({"can_ask": False}, "no terminal", "YES=1"),
    "busy": ({"stacks": {"chatkit-dev-chat": "UPDATE_IN_PROGRESS"}}, "is being changed", "Wait"),
    "stuck": (
        {"stacks": {"chatkit-dev-chat": "UPDATE_ROLLBACK_FAILED"}},
        "chatkit-dev-chat",
        "continue-update-rollback",
    ),
    "concurrency": ({"wanted_concurrency": 20, "free_concurrency": 119}, "has 119", "attachment_concurrency and"),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_stops_and_says_how_to_get_it(name: str) -> None:
    """Each missing thing is one finding, with what to do about it."""
    changes, what, how = MISSING[name]
    [finding] = findings(replace(READY, **changes))
    assert what in finding.what
    assert how in finding.how
    assert finding.stops


def test_all_is_said_at_once() -> None:
    """Whoever lacks everything hears of everything, and of what does not stop last."""
    facts = replace(
        READY, region=None, account=Unknown("none"), node=None, has_compiler=False, can_ask=False, has_key=False
    )
    found = findings(facts)
    assert [finding.stops for finding in found] == [True] * 5 + [False]
    assert len({finding.what for finding in found}) == 6


@pytest.mark.parametrize(
    "changes",
    [
        {"has_compiler": False},
        {"bootstrap": Unknown("AWS answers GetParameter with AccessDeniedException")},
    ],
    ids=["compiler", "bootstrap"],
)
def test_what_only_might_be_wrong_does_not_stop(changes: dict[str, Any]) -> None:
    """A slower package, and what this caller may not look at, are worth a word alone."""
    [finding] = findings(replace(READY, **changes))
    assert not finding.stops


@pytest.mark.parametrize(
    "changes",
    [
        {"wanted_concurrency": 20, "free_concurrency": 120},
        {"wanted_concurrency": None, "free_concurrency": 10},
        {"wanted_concurrency": 20, "free_concurrency": Unknown("denied")},
        {"has_key": False, "is_key_offered": True},
        {"has_key": False, "can_ask": True},
        {"has_key": Unknown("denied"), "can_ask": False, "is_approved": True},
        {"can_ask": False, "is_approved": True},
        {"stacks": {"chatkit-dev-data": "REVIEW_IN_PROGRESS", "chatkit-dev-chat": "ROLLBACK_COMPLETE"}},
        {"stacks": Unknown("denied")},
    ],
    ids=[
        "enough",
        "none wanted",
        "not known",
        "offered",
        "asked",
        "key unknown",
        "approved",
        "stacks",
        "stacks unknown",
    ],
)
def test_what_is_no_hindrance(changes: dict[str, Any]) -> None:
    """Nothing is said of what the deployment gets over by itself."""
    assert findings(replace(READY, **changes)) == []


def test_settings_are_names_and_values() -> None:
    """The last of a name counts; a value may hold what separates."""
    given = ["limits=user.messages_per_day=5", "log_level=DEBUG", "log_level=ERROR"]
    parsed = context.parse(given, stage="dev")
    assert parsed == {"stage": "dev", "limits": "user.messages_per_day=5", "log_level": "ERROR"}


@pytest.mark.parametrize("pair", ["log_level", "=x", "stage=prod"])
def test_what_is_no_setting(pair: str) -> None:
    """It is refused with what was given; the stage is named once."""
    with pytest.raises(context.ContextError, match=pair):
        context.parse([pair], stage="dev")


def test_a_good_context_is_a_configuration() -> None:
    """The command line goes before `cdk.json`, whose settings for the CDK itself are none of ours."""
    defaults = {"log_days": 30, "log_level": "DEBUG", "@aws-cdk/core:x": True, "cli-telemetry": False}
    config, problems = context.problems({"stage": "dev", "log_level": "ERROR", "aws:cdk:x": "1"}, defaults)
    assert problems == []
    assert config is not None
    assert (config.log_days, config.log_level) == (30, "ERROR")


def test_settings_of_the_endpoints_are_settings() -> None:
    """All that the app reads may be given, wherever it is defined."""
    config, problems = context.problems({"stage": "dev", "chat_endpoint": "api_gateway", "waf": "true"}, {})
    assert problems == []
    assert config is not None
    assert config.edge.waf


def test_every_wrong_setting_is_named() -> None:
    """What is missing, what is wrong and what nobody reads, all at once."""
    given = {"stage": "prod", "identity": "oidc", "token_seconds": "5", "log_days": "many", "alowed_origins": "x"}
    config, problems = context.problems(given, {})
    assert config is None
    assert [problem.partition(" ")[0] for problem in problems] == [
        "alowed_origins",
        "log_days",
        "allowed_origins",
        "oidc_issuer",
        "oidc_audience",
        "token_seconds",
    ]


WRONG_AND_USED: dict[str, dict[str, str]] = {
    "identity": {"identity": "oidcc", "oidc_issuer": "https://id.example.com", "oidc_audience": "a", "site": "true"},
    "chat_endpoint": {"chat_endpoint": "gateway", "waf": "true"},
    "domain_name": {"domain_name": "CHAT", "certificate_arn": "arn", "hosted_zone_id": "Z1"},
    "site": {"site": "true", "site_domain_key": "domain_pk_1"},
    "site_domain_name": {"site": "true", "identity": "oidc", "oidc_issuer": "https://id.example.com"}
    | {"oidc_audience": "a", "site_domain_name": "CHAT", "site_certificate_arn": "arn", "site_hosted_zone_id": "Z1"},
    "events": {"events": "yes", "event_content": "true", "event_archive_days": "3"},
    "operations": {"operations": "yes", "alarm_email": "a@example.com", "monthly_budget_usd": "3"},
    "restored_table": {"restored_table": "a", "restored_stream_arn": "arn:aws:dynamodb:r:1:table/a/stream/l"},
}


@pytest.mark.parametrize("name", WRONG_AND_USED)
def test_what_rests_on_a_wrong_setting_is_not_called_wrong(name: str) -> None:
    """One mistake is one finding: nobody is told to give what was given."""
    _, problems = context.problems({"stage": "dev", **WRONG_AND_USED[name]}, {})
    assert [problem.partition(" ")[0] for problem in problems] == [name]


def test_a_stage_that_there_is_not() -> None:
    """Nothing else is said, as all else depends on it."""
    config, problems = context.problems({"stage": "staging"}, {})
    assert config is None
    assert [problem.partition(" ")[0] for problem in problems] == ["stage"]

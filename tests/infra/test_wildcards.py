"""Every star in what is allowed, over all stacks with all that can be chosen, and why AWS allows nothing narrower."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.infra.conftest import Stage
from tests.infra.reading import listed, of_type, path_of, templates, text
from tests.infra.test_permissions import ACTIONS, OBJECTS

Star = tuple[str, str, str]
"""The stack, the construct's path in it, and what has the star: an action, a resource or a principal."""

ITEMS: Final = "<chatkit-prod-data:ExportsOutputFnGetAttBucket83908E77Arn063C8555>/"
RANDOM_NAMES: Final = "Objects have random names; what they are for is their prefix, and no other is allowed."
STREAMS: Final = "Lambda makes the streams of a log group, whose ARN ends in the star that stands for them."
PUBLIC: Final = "Pages call the Function URL without AWS's signature; the function checks their client token."
GATEWAY_LOGS: Final = (
    "AWS's own policy for the account's one role with which API Gateway writes logs; no narrower is taken."
)
SITE_FILES: Final = "The bucket holds the page's files and nothing else, whose names change with the page."
KEY_POLICY: Final = "In the policy of a key a star stands for this key alone; every action is named."

EXCEPTIONS: Final[dict[Star, str]] = {
    **{
        ("chat", f"{function}/Role/DefaultPolicy", f"{ITEMS}{prefix}*"): RANDOM_NAMES
        for function, actions in OBJECTS.items()
        for prefixes in actions.values()
        for prefix in prefixes
    },
    **{("chat", f"{function}/Role/DefaultPolicy", f"{function}/Logs"): STREAMS for function in ACTIONS},
    ("chat", "Chat/Live/invoke-function-url", "Principal *"): PUBLIC,
    ("chat", "Chat/Live/invoke-function", "Principal *"): PUBLIC,
    ("chat", "Rest/CloudWatchRole", "service-role/AmazonAPIGatewayPushToCloudWatchLogs"): GATEWAY_LOGS,
    ("operations", "Alarms/Key", "*"): KEY_POLICY,
    ("site", "Files/Role", "Files/Logs"): STREAMS,
    ("site", "Files/Role", "<Bucket83908E77.Arn>/*"): SITE_FILES,
    ("site", "Bucket/Policy", "<Bucket83908E77.Arn>/*"): SITE_FILES,
}
"""A log group is named by its path."""


@pytest.fixture(scope="module")
def everything(synthesise: Callable[..., Stage]) -> Stage:
    """Stage `prod` with every stack, and every identity that can be beside others."""
    return synthesise(
        stage="prod",
        allowed_origins="https://app.example.com",
        identity="api_key,oidc,anonymous",
        oidc_issuer="https://id.example.com",
        oidc_audience="web",
        hosted_workflow_id="wf_1",
        snap_start="true",
        site="true",
        limits="address.visitors_per_hour=none",
    )


@pytest.fixture(scope="module")
def guarded(synthesise: Callable[..., Stage]) -> Stage:
    """Stage `prod` with what cannot be beside a site, and with what costs."""
    return synthesise(
        stage="prod",
        allowed_origins="https://app.example.com",
        chat_endpoint="api_gateway",
        waf="true",
        domain_name="chat.example.com",
        certificate_arn="arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
        hosted_zone_id="Z0123456789ABC",
        alarm_email="operator@example.com",
        monthly_budget_usd="100",
        event_archive_days="30",
        chat_concurrency="50",
    )


def statements(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every statement that allows something, wherever in a resource it stands."""

    def walk(value: Any) -> Iterator[dict[str, Any]]:
        match value:
            case {"Effect": "Allow", **statement}:
                yield statement
            case dict():
                for part in value.values():
                    yield from walk(part)
            case list():
                for part in value:
                    yield from walk(part)
            case _:
                pass

    yield from walk(resource["Properties"])


def stars(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where something with a star is allowed, and what it is."""
    groups = {f"<{name}.Arn>": path_of(group) for name, group in of_type(template, "AWS::Logs::LogGroup").items()}
    for resource in template["Resources"].values():
        if "aws:cdk:path" not in resource.get("Metadata", {}):
            continue
        path = path_of(resource)
        for statement in statements(resource):
            assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)
            allowed = [text(one) for key in ("Action", "Resource") for one in listed(statement.get(key, []))]
            yield from ((path, groups.get(one, one)) for one in allowed if "*" in one or one in groups)
            if "*" in str(statement.get("Principal", "")):
                yield path, "Principal *"
        if resource["Type"] == "AWS::Lambda::Permission" and "*" in resource["Properties"]["Principal"]:
            yield path, "Principal *"
        for managed in resource["Properties"].get("ManagedPolicyArns", []):
            yield path, text(managed).partition("policy/")[2]


def found_in(stage: Stage) -> set[Star]:
    """Whatever the stage is called, it is told as `prod`'s."""
    return {
        (stack, path, what.replace("<chatkit-dev-", "<chatkit-prod-"))
        for stack, template in templates(stage.assembly).items()
        for path, what in stars(template)
    }


def test_every_star_has_its_reason(everything: Stage, guarded: Stage, dev: Stage) -> None:
    """The list is whole: nothing else with a star is allowed to anybody, and no other choice has more."""
    assert found_in(everything) == set(EXCEPTIONS)
    assert found_in(guarded) | found_in(dev) <= set(EXCEPTIONS)


def test_no_action_has_a_star() -> None:
    """AWS allows every action to be named."""
    assert not [what for _, _, what in EXCEPTIONS if re.match(r"[a-z0-9-]+:[A-Za-z]*\*", what)]


def test_every_reason_is_a_sentence() -> None:
    """Whoever adds one says why."""
    for reason in EXCEPTIONS.values():
        assert len(reason) > 40
        assert reason.endswith(".")

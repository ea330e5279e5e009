"""The bus on which the functions tell what happens, read from the templates."""

import re
from collections.abc import Callable
from typing import get_args

import pytest

from functions.announcements.base import EventName
from functions.announcements.entries import SOURCE
from functions.settings import Names
from infra.constructs.events import bus_name
from tests.infra.conftest import ROOT, Stage
from tests.infra.reading import listed, of_type, only, path_of, statements, text

TELLING = ("Api", "Attachment", "Chat")
"""The functions that put events on it."""


@pytest.fixture(scope="module")
def silent(synthesise: Callable[..., Stage]) -> Stage:
    """A stage that tells nobody."""
    return synthesise(events="false")


@pytest.fixture(scope="module")
def talkative(synthesise: Callable[..., Stage]) -> Stage:
    """One that tells everything, and keeps it."""
    return synthesise(event_content="true", event_archive_days="30")


def environments(stage: Stage, name: str) -> dict[str, str]:
    """The functions that have this variable, and its value."""
    found = {
        path_of(function).partition("/")[0]: function["Properties"]["Environment"]["Variables"].get(name)
        for function in of_type(stage.chat, "AWS::Lambda::Function").values()
    }
    return {function: text(value) for function, value in found.items() if value is not None}


def test_the_bus_has_a_name_that_others_can_rely_on(dev: Stage, prod: Stage) -> None:
    """It stands in the data stack: the chat stack can be made anew without the rules that hang on it."""
    for stage, name in ((dev, "dev"), (prod, "prod")):
        assert only(stage.data, "AWS::Events::EventBus")["Properties"]["Name"] == f"chatkit-{name}"
        assert not of_type(stage.chat, "AWS::Events::EventBus")
        assert set(stage.data["Outputs"]["EventBusName"]) == {"Description", "Value"}


def test_nobody_else_may_use_it(dev: Stage) -> None:
    """No policy lets other accounts or services in, and no event is kept."""
    for kind in ("AWS::Events::EventBusPolicy", "AWS::Events::Archive"):
        assert not of_type(dev.data, kind)
        assert not of_type(dev.chat, kind)
    assert "Policy" not in only(dev.data, "AWS::Events::EventBus")["Properties"]


def test_functions_put_events_on_this_bus_alone(dev: Stage) -> None:
    """Those that have something to tell, and only where they know it by."""
    found = {
        owner: {text(resource) for one in allowed for resource in listed(one["Resource"])}
        for owner, statement in statements(dev.chat).items()
        if (allowed := [one for one in statement if "events:PutEvents" in listed(one["Action"])])
    }
    assert sorted(found) == sorted(TELLING)
    for resources in found.values():
        (arn,) = resources
        assert "EventsBus" in arn
        assert "*" not in arn


def test_functions_are_told_of_it(dev: Stage, silent: Stage, talkative: Stage) -> None:
    """Nothing of what was said is told unless that is asked for."""
    assert set(TELLING) <= set(environments(dev, Names.EVENT_BUS_NAME))
    assert "Rotation" not in environments(dev, Names.EVENT_BUS_NAME)
    assert environments(silent, Names.EVENT_BUS_NAME) == {}
    assert set(environments(dev, Names.EVENT_CONTENT).values()) == {"false"}
    assert set(environments(talkative, Names.EVENT_CONTENT).values()) == {"true"}


def test_there_need_not_be_one(silent: Stage) -> None:
    """Then no function may put events anywhere."""
    assert not of_type(silent.data, "AWS::Events::EventBus")
    assert "EventBusName" not in silent.data["Outputs"]
    actions = {
        action for allowed in statements(silent.chat).values() for one in allowed for action in listed(one["Action"])
    }
    assert "events:PutEvents" not in actions


def test_events_are_kept_where_that_is_asked_for(talkative: Stage) -> None:
    """For so many days."""
    archive = only(talkative.data, "AWS::Events::Archive")["Properties"]
    assert archive["RetentionDays"] == 30
    assert archive["EventPattern"] == {"source": ["chatkit-lambda"]}


def test_the_pages_own_rule_can_be_deployed() -> None:
    """The Python that `docs/events.md` shows makes a rule on the bus, for the queue."""
    from aws_cdk import App, Stack
    from aws_cdk.assertions import Template

    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    stack = Stack(App(), "Mine")
    exec(code, {"self": stack})
    rule = only(dict(Template.from_stack(stack).to_json()), "AWS::Events::Rule")["Properties"]
    assert rule["EventBusName"] == bus_name("prod")
    assert set(rule["EventPattern"]["detail-type"]) < set(get_args(EventName))
    assert rule["EventPattern"]["source"] == [SOURCE]
    assert len(rule["Targets"]) == 1

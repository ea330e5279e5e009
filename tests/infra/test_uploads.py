"""What calls the attachment function and the sweep, read from the template."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.attachments.objects import UPLOADS_PREFIX
from tests.infra.conftest import Stage
from tests.infra.reading import of_type, path_of, text


def rule(stage: Stage, path: str) -> dict[str, Any]:
    """The properties of the rule at this path."""
    (found,) = (rule for rule in of_type(stage.chat, "AWS::Events::Rule").values() if path_of(rule) == path)
    return found["Properties"]


def function(stage: Stage, name: str) -> dict[str, Any]:
    """The properties of a function."""
    found = of_type(stage.chat, "AWS::Lambda::Function").values()
    (one,) = (function for function in found if path_of(function) == f"{name}/Function")
    return one["Properties"]


def calls(stage: Stage, name: str) -> dict[str, Any]:
    """How a function is called where nobody waits for it, after a look at when that can be said."""
    found = of_type(stage.chat, "AWS::Lambda::EventInvokeConfig").values()
    (one,) = (config for config in found if path_of(config) == f"{name}/Asynchronous")
    aliases = of_type(stage.chat, "AWS::Lambda::Alias")
    assert [each for each in one["DependsOn"] if each in aliases and each.startswith(name)]
    assert one["Properties"]["Qualifier"] == "live"
    return one["Properties"]


def test_each_new_upload_is_told_to_the_attachment_function(dev: Stage) -> None:
    """Objects under `uploads/` of this bucket, and no others: what the function itself writes does not call it again."""
    uploads = rule(dev, "Uploads")
    bucket = uploads["EventPattern"]["detail"]["bucket"]["name"]
    assert uploads["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": bucket}, "object": {"key": [{"prefix": UPLOADS_PREFIX}]}},
    }
    (name,) = bucket
    assert "RefBucket" in text(name)
    assert uploads["State"] == "ENABLED"
    (target,) = uploads["Targets"]
    alias = dev.chat["Resources"][target["Arn"]["Ref"]]
    assert path_of(alias) == "Attachment/Live"
    assert "InputPath" not in target
    assert "InputTransformer" not in target


def test_no_upload_is_forgotten(dev: Stage) -> None:
    """EventBridge and Lambda try as long as they do at all; then the event lies in the queue, as it came."""
    (target,) = rule(dev, "Uploads")["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 24 * 60 * 60, "MaximumRetryAttempts": 185}
    asynchronous = calls(dev, "Attachment")
    assert (asynchronous["MaximumRetryAttempts"], asynchronous["MaximumEventAgeInSeconds"]) == (2, 6 * 60 * 60)
    # Of a destination's message the event would be a part.
    assert "DestinationConfig" not in asynchronous
    queue = target["DeadLetterConfig"]["Arn"]
    assert function(dev, "Attachment")["DeadLetterConfig"] == {"TargetArn": queue}
    assert path_of(dev.chat["Resources"][queue["Fn::GetAtt"][0]]) == "UploadFailures"


def test_pictures_have_room_and_time(dev: Stage) -> None:
    """One whole CPU and a minute for each upload."""
    attachment = function(dev, "Attachment")
    assert (attachment["MemorySize"], attachment["Timeout"]) == (1769, 60)
    assert "EphemeralStorage" not in attachment


def test_a_burst_of_uploads_leaves_room_for_users(dev: Stage, prod: Stage, synthesise: Callable[..., Stage]) -> None:
    """In prod so many are looked at at once and no more; dev sets nothing aside, as a new account has nothing to spare."""
    assert function(prod, "Attachment")["ReservedConcurrentExecutions"] == 20
    assert "ReservedConcurrentExecutions" not in function(dev, "Attachment")
    chosen = synthesise(attachment_concurrency="7")
    assert function(chosen, "Attachment")["ReservedConcurrentExecutions"] == 7
    others = ("Chat", "Api", "Thread", "Sweep")
    assert not any("ReservedConcurrentExecutions" in function(chosen, name) for name in others)


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_sweep_comes_every_hour(request: pytest.FixtureRequest, name: str) -> None:
    """One that failed is not tried again: the next does its work too."""
    stage: Stage = request.getfixturevalue(name)
    hourly = rule(stage, "EveryHour")
    assert (hourly["ScheduleExpression"], hourly["State"]) == ("rate(1 hour)", "ENABLED")
    (target,) = hourly["Targets"]
    assert path_of(stage.chat["Resources"][target["Arn"]["Ref"]]) == "Sweep/Live"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600}
    asynchronous = calls(stage, "Sweep")
    assert (asynchronous["MaximumRetryAttempts"], asynchronous["MaximumEventAgeInSeconds"]) == (0, 3600)
    assert function(stage, "Sweep")["Timeout"] == 900

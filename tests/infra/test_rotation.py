"""The rotation of the key for client tokens, read from the chat stack's template."""

from collections.abc import Callable

from tests.infra.conftest import Stage
from tests.infra.reading import of_type, only, path_of, text


def test_the_key_is_rotated_every_month(dev: Stage, prod: Stage) -> None:
    """The schedule names the secret of the data stack, which knows nothing of it, and the rotation function."""
    for stage in (dev, prod):
        schedule = only(stage.chat, "AWS::SecretsManager::RotationSchedule")["Properties"]
        assert "TokenSecret" in text(schedule["SecretId"])
        assert schedule["RotationRules"] == {"AutomaticallyAfterDays": 30}
        assert schedule["RotateImmediatelyOnUpdate"] is False
        function = stage.chat["Resources"][schedule["RotationLambdaARN"]["Fn::GetAtt"][0]]
        assert function["Properties"]["Handler"] == "functions.handlers.rotation.handler"
        assert of_type(stage.data, "AWS::SecretsManager::RotationSchedule") == {}


def test_how_often_is_the_stages_choice(synthesise: Callable[..., Stage]) -> None:
    """`token_key_days` is the time from one rotation to the next."""
    schedule = only(synthesise(token_key_days="7").chat, "AWS::SecretsManager::RotationSchedule")
    assert schedule["Properties"]["RotationRules"] == {"AutomaticallyAfterDays": 7}


def test_secrets_manager_alone_may_call_it(dev: Stage) -> None:
    """For this account and this secret; and it may before the schedule is made, which is when it calls first."""
    schedule = only(dev.chat, "AWS::SecretsManager::RotationSchedule")
    called = schedule["Properties"]["RotationLambdaARN"]
    (allowed,) = (
        (name, permission["Properties"])
        for name, permission in of_type(dev.chat, "AWS::Lambda::Permission").items()
        if permission["Properties"]["FunctionName"] == called
    )
    name, permission = allowed
    assert (permission["Action"], permission["Principal"]) == ("lambda:InvokeFunction", "secretsmanager.amazonaws.com")
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"] == schedule["Properties"]["SecretId"]
    waits_for = {path_of(dev.chat["Resources"][dependency]) for dependency in schedule["DependsOn"]}
    assert {"Rotation/Role", "Rotation/Role/DefaultPolicy"} <= waits_for
    assert name in schedule["DependsOn"]

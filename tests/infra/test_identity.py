"""What a deployment has for each kind of identity."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.settings import Hosted, Names, Oidc, Settings
from infra.package import ATTACHMENTS, RUNTIME, Package
from infra.package import OIDC as OIDC_REQUIREMENTS
from tests.infra.conftest import ROOT, Stage
from tests.infra.reading import listed, of_type, path_of, statements, text

OIDC = {"oidc_issuer": "https://id.example.com/pool", "oidc_audience": "web, mobile", "oidc_tenant_claim": "org_id"}


@pytest.fixture(scope="module")
def everything(synthesise: Callable[..., Stage]) -> Stage:
    """A stage for every kind of identity but signed calls."""
    return synthesise(identity="api_key,oidc,anonymous", **OIDC)


def start_authorization(stage: Stage) -> str:
    (method,) = (
        method["Properties"]
        for method in of_type(stage.chat, "AWS::ApiGateway::Method").values()
        if path_of(method) == "Rest/Default/api/chatkit/start/POST"
    )
    return method["AuthorizationType"]


def environments(stage: Stage) -> list[dict[str, Any]]:
    """What each function is given, but for the rotation, which has settings of its own."""
    found = [function["Properties"] for function in of_type(stage.chat, "AWS::Lambda::Function").values()]
    return [one["Environment"]["Variables"] for one in found if one["Handler"] != "functions.handlers.rotation.handler"]


def secrets_of(stage: Stage, function: str) -> list[str]:
    """Which secrets a function reads."""
    return sorted(
        text(resource)
        for statement in statements(stage.chat)[function]
        if "secretsmanager:GetSecretValue" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    )


def test_the_functions_accept_what_is_chosen(everything: Stage) -> None:
    """`Settings` reads it, for every function alike."""
    for variables in environments(everything):
        settings = Settings.from_environ({key: text(value) for key, value in variables.items()})
        assert settings.identity == ("api_key", "oidc", "anonymous")
        assert settings.oidc == Oidc(
            issuer="https://id.example.com/pool", audience=("web", "mobile"), tenant_claim="org_id"
        )
        assert set(variables[Names.API_KEYS_SECRET_ID]) == {"Fn::ImportValue"}


def test_only_signed_calls_are_checked_by_api_gateway(dev: Stage, everything: Stage) -> None:
    """With `iam`, who has not signed does not reach the function; any other proof is for the function to check."""
    assert start_authorization(dev) == "AWS_IAM"
    assert start_authorization(everything) == "NONE"
    assert "StartArn" in dev.chat["Outputs"]
    assert "StartArn" not in everything.chat["Outputs"]


def test_the_hashes_of_keys_are_read_by_the_api_function_alone(dev: Stage, everything: Stage) -> None:
    """The secret is there where keys are, and holds none at first."""
    (secret,) = (
        one["Properties"]
        for one in of_type(everything.data, "AWS::SecretsManager::Secret").values()
        if path_of(one) == "ApiKeysSecret"
    )
    assert secret["SecretString"] == '{"keys": []}'
    assert len(secrets_of(everything, "Api")) == 2
    assert [one for one in secrets_of(everything, "Api") if "ApiKeysSecret" in one]
    for function in ("Chat", "Thread"):
        readable = secrets_of(everything, function) if function in statements(everything.chat) else []
        assert not [one for one in readable if "ApiKeysSecret" in one]
    assert not [name for name in of_type(dev.data, "AWS::SecretsManager::Secret") if "ApiKeys" in name]
    assert len(secrets_of(dev, "Api")) == 1


def test_the_api_function_has_a_package_of_its_own_for_identity_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `oidc` one package more is made, which is the api function's alone."""
    from aws_cdk import App
    from aws_cdk import aws_lambda as lambda_

    from infra import app

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    made: list[Package] = []

    def bundled(package: Package) -> lambda_.Code:
        made.append(package)
        (tmp_path / str(len(made))).mkdir()
        (tmp_path / str(len(made)) / "module.py").write_text(str(len(made)))
        return lambda_.Code.from_asset(str(tmp_path / str(len(made))))

    def codes(**context: str) -> dict[str, str]:
        made.clear()
        shutil.rmtree(tmp_path, ignore_errors=True)
        tmp_path.mkdir()
        monkeypatch.setattr(app, "App", lambda: App(context={**flags, **context}, outdir=str(tmp_path / "out")))
        app.main()
        template = json.loads((tmp_path / "out" / "chatkit-dev-chat.template.json").read_text())
        found = of_type(template, "AWS::Lambda::Function").values()
        return {function["Properties"]["Handler"]: function["Properties"]["Code"]["S3Key"] for function in found}

    monkeypatch.setattr(app, "bundled", bundled)
    plain = codes()
    assert len(made) == len(set(plain.values())) == 2
    split = codes(identity="oidc", **OIDC)
    assert [package.requirements for package in made] == [RUNTIME, ATTACHMENTS, OIDC_REQUIREMENTS]
    api = split.pop("functions.handlers.api.handler")
    assert len(set(split.values())) == 2
    assert api not in split.values()


def test_nothing_is_found_that_is_not_explained(everything: Stage) -> None:
    """cdk-nag has nothing to say about such a stage either."""
    assert everything.findings() == []


def test_hosted_sessions_are_made_by_the_api_function(synthesise: Callable[..., Stage], dev: Stage) -> None:
    """In hosted mode it reads the OpenAI key, and what is remembered of client secrets; else neither."""
    hosted = synthesise(hosted_workflow_id="wf_1", hosted_workflow_version="3", hosted_requests_per_minute="20")
    for variables in environments(hosted):
        settings = Settings.from_environ({key: text(value) for key, value in variables.items()})
        assert settings.hosted == Hosted(workflow_id="wf_1", version="3", requests_per_minute=20)
    assert [one for one in secrets_of(hosted, "Api") if "OpenAISecret" in one]
    assert not [one for one in secrets_of(dev, "Api") if "OpenAISecret" in one]
    (rows,) = (one for one in statements(hosted.chat)["Api"] if "dynamodb:GetItem" in listed(one["Action"]))
    assert rows["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["S#*", "H#*"]}}

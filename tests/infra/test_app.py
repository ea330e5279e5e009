"""The app as a whole: what checks it, and that these checks bite."""

import json
from collections.abc import Callable

import pytest

from infra import acknowledgements
from tests.infra.conftest import ROOT, Stage


def test_nothing_is_found_that_is_not_explained(dev: Stage, prod: Stage) -> None:
    """cdk-nag and the CDK's own rules have nothing to say about either stage."""
    assert dev.findings() == []
    assert prod.findings() == []


@pytest.mark.parametrize("rule", ["AwsSolutions-S1", "AwsSolutions-APIG3"])
def test_an_unexplained_finding_stops_the_synthesis(
    synthesise: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """The check bites: an error of cdk-nag's, and a warning too, that nobody has acknowledged."""
    for name in ("DATA", "CHAT_NO_WAF"):
        kept = tuple(finding for finding in getattr(acknowledgements, name) if finding[1] != rule)
        monkeypatch.setattr(f"infra.app.{name}", kept)
    with pytest.raises(RuntimeError, match=rule):
        synthesise()


def test_a_package_without_bytecode_is_warned_of(synthesise: Callable[..., Stage]) -> None:
    """Where no Python could compile the package, the synthesis says so, and goes on."""
    assert synthesise(compiled=False).findings() == ["Annotation::chatkit-lambda:sources-only"]


def test_every_acknowledgement_has_a_reason() -> None:
    """Each acknowledged finding is at a path, and explained in a sentence."""
    lists = [value for name, value in vars(acknowledgements).items() if name.isupper() and not name.startswith("_")]
    assert acknowledgements.CHAT in lists
    for path, rule, reason in (finding for findings in lists for finding in findings):
        assert path
        assert rule.startswith("AwsSolutions-")
        assert len(reason) > 40
        assert reason.endswith(".")


def test_the_same_input_gives_the_same_templates(dev: Stage, synthesise: Callable[..., Stage]) -> None:
    """Synthesising twice changes nothing, so that an unchanged stage is not deployed anew."""
    again = synthesise()
    assert (again.data, again.chat) == (dev.data, dev.chat)


def test_everything_is_tagged(prod: Stage) -> None:
    """Costs can be told apart by project and stage."""
    for template in (prod.data, prod.chat):
        for resource in template["Resources"].values():
            tags = resource["Properties"].get("Tags")
            if tags is not None:
                assert {"Key": "project", "Value": "chatkit-lambda"} in tags
                assert {"Key": "stage", "Value": "prod"} in tags


def test_nothing_is_looked_up(prod: Stage) -> None:
    """No account, region or value of one is in the templates: the same can be deployed anywhere."""
    manifest = json.loads((prod.assembly / "manifest.json").read_text())
    stacks = [a for a in manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"]
    assert {stack["environment"] for stack in stacks} == {"aws://unknown-account/unknown-region"}
    assert not manifest.get("missing")


def test_the_cli_calls_nobody_by_itself() -> None:
    """The CDK's command line is told to send no telemetry."""
    settings = json.loads((ROOT / "cdk.json").read_text())
    assert settings["versionReporting"] is False
    assert settings["context"]["cli-telemetry"] is False

"""Templates of both stages, made once per process with a stand-in for the package: bundling has its own tests."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# jsii runs the CDK's JavaScript in the Node.js that came with the environment, if it did.
if (_node := Path(sys.executable).with_name("node")).exists():
    os.environ.setdefault("JSII_NODE", str(_node))


@dataclass(frozen=True)
class Stage:
    """What one stage was synthesised to."""

    data: dict[str, Any]
    chat: dict[str, Any]
    assembly: Path

    def findings(self) -> list[str]:
        """The rules that warn. What cdk-nag finds, and nobody has acknowledged, has stopped the synthesis before."""
        reports = json.loads((self.assembly / "validation-report.json").read_text())["pluginReports"]
        return [violation["ruleName"] for report in reports for violation in report["violations"]]


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Stage]:
    """Synthesises a stage, given what a user gives on the command line."""
    from aws_cdk import App
    from aws_cdk import aws_lambda as lambda_

    from infra.app import add_stacks
    from infra.config import Config

    code, attachment_code = (tmp_path_factory.mktemp(name) for name in ("code", "attachment_code"))
    (code / "module.py").write_text("")
    (attachment_code / "pictures.py").write_text("")
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]

    def synthesise(*, compiled: bool = True, **context: str) -> Stage:
        assembly = tmp_path_factory.mktemp("assembly")
        # The command line asks for the path metadata too.
        app = App(context={**flags, "aws:cdk:enable-path-metadata": True, **context}, outdir=str(assembly))
        config = Config.from_context(app.node.try_get_context)
        data, chat = add_stacks(
            app,
            config=config,
            code=lambda_.Code.from_asset(str(code)),
            attachment_code=lambda_.Code.from_asset(str(attachment_code)),
            compiled=compiled,
        )
        app.synth()
        templates = (json.loads((assembly / stack.template_file).read_text()) for stack in (data, chat))
        return Stage(*templates, assembly=assembly)

    return synthesise


@pytest.fixture(scope="session")
def dev(synthesise: Callable[..., Stage]) -> Stage:
    """Stage `dev`, as it is without any choice."""
    return synthesise()


@pytest.fixture(scope="session")
def prod(synthesise: Callable[..., Stage]) -> Stage:
    """Stage `prod` for two origins."""
    return synthesise(stage="prod", allowed_origins="https://app.example.com,https://admin.example.com")

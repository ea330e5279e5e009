"""`make deploy` and `make destroy`, with stand-ins for the account and for the CDK's command line."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy import __main__ as command
from infra.deploy import probing
from infra.deploy.checks import Unknown

ENVIRONMENT = {"AWS_REGION": "eu-west-1", "PATH": "/usr/bin:/bin"}
KEY = "sk-proj-not-a-key"
OUTPUTS = {
    "chatkit-dev-data": {"OpenAISecretArn": "arn:secret"},
    "chatkit-dev-chat": {
        "ChatUrl": "https://abc.lambda-url.eu-west-1.on.aws/chatkit",
        "ApiUrl": "https://def.execute-api.eu-west-1.amazonaws.com/dev/api/",
        "StartArn": "arn:start",
    },
}


def denied(operation: str, code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@dataclass
class Account:
    """An account, with as much of AWS as a deployment asks for."""

    stacks: list[dict[str, Any]] = field(default_factory=list)
    bootstrap: str | None = "21"
    secret: str | None = None
    refuses: dict[str, ClientError] = field(default_factory=dict)
    """The errors of operations, by their names here."""

    def __call__(self, service: str) -> "Account":
        return self

    def __getattribute__(self, name: str) -> Any:
        refuses = object.__getattribute__(self, "refuses")
        if name in refuses:
            raise refuses[name]
        return object.__getattribute__(self, name)

    def get_caller_identity(self) -> Any:
        return {"Account": "123456789012"}

    def get_parameter(self, Name: str) -> Any:  # noqa: N803 - AWS's
        if self.bootstrap is None:
            raise denied("GetParameter", "ParameterNotFound")
        return {"Parameter": {"Value": self.bootstrap}}

    def get_account_settings(self) -> Any:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}}

    def get_paginator(self, name: str) -> "Account":
        assert name == "describe_stacks"
        return self

    def paginate(self) -> Any:
        return [{"Stacks": self.stacks}]

    def describe_secret(self, SecretId: str) -> Any:  # noqa: N803
        return {"VersionIdsToStages": {"1": ["AWSCURRENT"]}} if self.secret is not None else {}

    def get_secret_value(self, SecretId: str) -> Any:  # noqa: N803
        return {"SecretString": self.secret}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:  # noqa: N803
        assert SecretId == "arn:secret"
        self.secret = SecretString


@dataclass
class Cdk:
    """A stand-in for the CDK's command line, which remembers how it was called."""

    path: Path
    seen: Path

    def __str__(self) -> str:
        return f"{sys.executable} {self.path}"

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.seen.read_text().splitlines()] if self.seen.exists() else []


@pytest.fixture
def cdk(tmp_path: Path) -> Cdk:
    seen = tmp_path / "seen.jsonl"
    script = tmp_path / "cdk.py"
    script.write_text(
        "import json, os, sys\n"
        "call = {'arguments': sys.argv[1:], 'environment': dict(os.environ)}\n"
        f"open({str(seen)!r}, 'a').write(json.dumps(call) + '\\n')\n"
        f"json.dump({OUTPUTS!r}, open(sys.argv[sys.argv.index('--outputs-file') + 1], 'w'))\n"
        "sys.exit('failing' in sys.argv[-1])\n"
    )
    return Cdk(script, seen)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    found = Account()
    monkeypatch.setattr(probing, "connect", lambda _region: found)
    monkeypatch.setattr(command, "find_compiler", lambda: Path(sys.executable))
    monkeypatch.setattr(probing, "node", lambda: (24, 0, 0))
    monkeypatch.setattr(command.shutil, "which", lambda name: name)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    return found


Run = Callable[..., int]


@pytest.fixture
def up(account: Account, cdk: Cdk) -> Run:
    def run(*arguments: str, stage: str = "dev", yes: bool = True, **environ: str) -> int:
        given = ["up", "--stage", stage, "--cdk", str(cdk), *(["--yes"] if yes else []), *arguments]
        return command.main(given, {**ENVIRONMENT, **environ})

    return run


def test_it_deploys_fills_the_secret_and_hands_over(
    up: Run, account: Account, cdk: Cdk, capsys: pytest.CaptureFixture[str]
) -> None:
    """One call of the CDK with the settings and the region that was checked; then the key; then the code."""
    assert up("-c", "log_level=DEBUG", OPENAI_API_KEY=KEY) == 0
    [call] = cdk.calls()
    assert call["arguments"][:2] == ["deploy", "--all"]
    assert call["arguments"][-4:] == ["-c", "stage=dev", "-c", "log_level=DEBUG"]
    assert "never" in call["arguments"]
    assert call["environment"]["AWS_REGION"] == "eu-west-1"
    assert account.secret == KEY
    out, err = capsys.readouterr()
    assert OUTPUTS["chatkit-dev-chat"]["ChatUrl"] in out
    assert err == ""


def test_the_key_is_nowhere_else(up: Run, cdk: Cdk, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the CDK nor its children are told, and nothing that is printed holds it."""
    up(OPENAI_API_KEY=KEY)
    assert KEY not in cdk.seen.read_text()
    assert KEY not in "".join(capsys.readouterr())


def test_what_is_missing_is_said_and_nothing_changed(
    up: Run, account: Account, cdk: Cdk, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it at once, before the CDK is called."""
    account.bootstrap = None
    assert up("-c", "log_days=8", yes=False) == 1
    assert cdk.calls() == []
    said = capsys.readouterr().err
    for part in ("log_days", "not bootstrapped", "YES=1", "OpenAI key", "nothing was changed"):
        assert part in said


def test_a_deployment_that_fails_asks_for_no_key(up: Run, account: Account, cdk: Cdk) -> None:
    """The CDK has said why; the exit status says that it failed."""
    assert up("-c", "oidc_user_claim=failing", OPENAI_API_KEY=KEY) == 1
    assert len(cdk.calls()) == 1
    assert account.secret is None


def test_a_second_deployment_keeps_the_key(up: Run, account: Account) -> None:
    """Without a terminal, and without a key in the environment: the secret has one."""
    outputs = [{"OutputKey": "OpenAISecretArn", "OutputValue": "arn:secret"}]
    account.stacks = [{"StackName": "chatkit-dev-data", "StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]
    account.secret = "sk-older"
    assert up() == 0
    assert account.secret == "sk-older"


def test_who_may_not_look_may_deploy(up: Run, account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """What is refused to be looked at is said, and does not stop."""
    account.refuses = {name: denied(name) for name in ("get_parameter", "get_paginator", "get_account_settings")}
    assert up(OPENAI_API_KEY=KEY) == 0
    assert "is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "says"),
    [("ExpiredToken", "expired"), ("InvalidClientTokenId", "does not know"), ("Other", "Other")],
)
def test_credentials_that_are_no_good(account: Account, code: str, says: str) -> None:
    """Each is told apart."""
    account.refuses = {"get_caller_identity": denied("GetCallerIdentity", code)}
    found = probing.account(account)
    assert isinstance(found, Unknown)
    assert says in found.reason


def test_a_stage_that_is_not_there_is_removed_already(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said; nothing is asked."""
    assert command.main(["down", "--stage", "dev"], ENVIRONMENT) == 0
    assert "no stage dev" in capsys.readouterr().out


def test_a_stack_that_is_called_alike_is_nobodys_but_its_owners(account: Account) -> None:
    """Only what the app itself makes is a stage's: `make destroy` must not take an integrator's own stack along."""
    names = ["chatkit-dev-data", "chatkit-dev-events", "chatkit-dev-data-lake", "chatkit-prod-chat", "chatkit-dev-chat"]
    account.stacks = [{"StackName": name, "StackStatus": "CREATE_COMPLETE"} for name in names]
    found = probing.stacks(account, "dev")
    assert not isinstance(found, Unknown)
    assert set(found) == {"chatkit-dev-data", "chatkit-dev-chat"}


def test_a_removal_says_what_is_missing(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a deployment does, in the same words."""
    account.refuses = {"get_caller_identity": denied("GetCallerIdentity", "ExpiredToken")}
    monkeypatch.setattr(probing, "chosen_region", lambda _environ: None)
    assert command.main(["down", "--stage", "dev", "--confirm", "dev"], {}) == 1
    said = capsys.readouterr().err
    assert "AWS_REGION" in said
    assert "the credentials have expired" in said
    assert "nothing was changed" in said


@pytest.mark.parametrize("confirm", [[], ["--confirm", "prod"]], ids=["no terminal", "another stage"])
def test_an_unconfirmed_removal_changes_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch, confirm: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever cannot be asked, or names another stage, has removed nothing."""
    account.stacks = [{"StackName": "chatkit-dev-data", "StackStatus": "CREATE_COMPLETE"}]
    made = command.removal.Plan("dev", ("chatkit-dev-data",), (), ())
    monkeypatch.setattr(command.removal, "look", lambda *_: made)
    monkeypatch.setattr(command.removal, "remove", lambda *_, **__: pytest.fail("removed"))
    assert command.main(["down", "--stage", "dev", *confirm], ENVIRONMENT) == 1
    assert "nothing was changed" in capsys.readouterr().err

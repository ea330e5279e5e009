"""A stage, deployed by `make deploy`'s own program to a ministack that evaluates IAM policies."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import boto3

from tests.support.ministack_tls import ACCOUNT, REGION, Endpoint

ROOT = Path(__file__).parents[2]
OPENAI_KEY = "sk-not-a-key"
NOT_TAKEN = {"AWS::SecretsManager::RotationSchedule"}
"""What ministack's CloudFormation does not know; a template with it is refused as a whole, so it is left out."""
STACKS = ("chatkit-dev-data", "chatkit-dev-chat")
MINUTES = 4
"""The longest that one command may take."""


def cdk() -> str:
    """The command line that the Makefile pins."""
    [line] = re.findall(r"^CDK := (.+)$", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    return line


def taken(assembly: Path, folder: Path) -> Path:
    """A copy of a synthesised stage with what ministack takes."""
    copy = folder / "assembly"
    shutil.copytree(assembly, copy)
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    kept = {*STACKS, *(f"{stack}.assets" for stack in STACKS), "Tree"}
    manifest["artifacts"] = {name: found for name, found in manifest["artifacts"].items() if name in kept}
    path.write_text(json.dumps(manifest), "utf-8")
    for template in copy.glob("*.template.json"):
        content = json.loads(template.read_text("utf-8"))
        resources = content["Resources"].items()
        content["Resources"] = {name: found for name, found in resources if found["Type"] not in NOT_TAKEN}
        template.write_text(json.dumps(content), "utf-8")
    return copy


@dataclass
class Deployed:
    """The account, and what was deployed to it."""

    endpoint: Endpoint
    assembly: Path
    refused: subprocess.CompletedProcess[str] | None = None
    """The deployment to the account as it was, without a bootstrap."""
    done: subprocess.CompletedProcess[str] | None = None
    """The deployment."""

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs `python -m infra.deploy`."""
        return subprocess.run(
            [sys.executable, "-m", "infra.deploy", *arguments],
            cwd=ROOT, env=self.environment() | variables, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=MINUTES * 60,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """For the CDK and for us: CI, with the environment's own Node.js first."""
        inherited = self.endpoint.environment()
        path = f"{Path(sys.executable).parent}:{inherited.get('PATH', '')}"
        quiet = {"CI": "true", "CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}
        return inherited | quiet | {"PATH": path}

    def up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """`make deploy STAGE=dev YES=1`, with an assembly that is there already."""
        call = f"{cdk()} --app {self.assembly}"
        return self.command("up", "--stage", "dev", "--yes", "--cdk", call, **variables)

    def bootstrap(self) -> None:
        """What an account has to have, by the CDK itself."""
        done = subprocess.run(
            [*cdk().split(), "bootstrap", "--no-notices", f"aws://{ACCOUNT}/{REGION}"],
            cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False, timeout=MINUTES * 60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """A client of the account's root, or with a role's credentials."""
        keys = credentials or {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test"}
        return cast("Any", boto3).client(
            service,
            endpoint_url=self.endpoint.url,
            region_name=REGION,
            verify=str(self.endpoint.certificate),
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Of both stacks."""
        describe = self.client("cloudformation").describe_stacks
        stacks = [describe(StackName=name)["Stacks"][0] for name in STACKS]
        return {one["OutputKey"]: one["OutputValue"] for stack in stacks for one in stack.get("Outputs", ())}

    @cached_property
    def resources(self) -> dict[str, str]:
        """The chat stack's physical names, by their logical ids."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACKS[1])
        found = [one for page in pages for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    def secret_arn(self, output: str) -> str:
        """Of the secret that an output names. `Ref` of one gives its name there, not its ARN."""
        return self.client("secretsmanager").describe_secret(SecretId=self.outputs[output])["ARN"]

    def configuration(self, function: str) -> dict[str, Any]:
        """A function's, as Lambda has it; by its construct's name, such as `Chat`."""
        [name] = [
            one for logical, one in self.resources.items() if re.fullmatch(rf"{function}Function[0-9A-F]{{8}}", logical)
        ]
        return self.client("lambda").get_function_configuration(FunctionName=name)

    def role_of(self, function: str) -> dict[str, str]:
        """The credentials of a function's own role."""
        role = self.configuration(function)["Role"]
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")
        return answer["Credentials"]

    def open_roles(self) -> None:
        """Lets this account's root assume the functions' roles, which Lambda alone may, and mends a fault of ministack's:
        `Ref` of a secret is its name, where AWS gives its ARN, so no policy would allow anything of it."""
        iam = self.client("iam")
        arns = {self.outputs[name]: self.secret_arn(name) for name in ("TokenSecretArn", "OpenAISecretArn")}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        for logical, role in self.resources.items():
            if not re.fullmatch(r"[A-Z][a-z]+Role[0-9A-F]{8}", logical):
                continue
            iam.update_assume_role_policy(
                RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            )
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = json.dumps(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
                for name, arn in arns.items():
                    document = document.replace(json.dumps(name), json.dumps(arn))
                iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)

    def function_environment(self, function: str, **more: str) -> dict[str, str]:
        """The variables of a function, with its role's credentials."""
        keys = self.role_of(function)
        return {
            **self.configuration(function)["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_CA_BUNDLE": str(self.endpoint.certificate),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            **more,
        }

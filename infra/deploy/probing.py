"""Asks this machine and the account what `checks` wants to know. Changes nothing."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.deploy.checks import Unknown
from infra.deploy.key import is_filled
from infra.stacks import PARTS, stack_name

Clients = Callable[[str], Any]
"""Makes a client of AWS's for a service, by its name, in one region."""

_VERSION: Final = re.compile(r"v?(\d+(?:\.\d+)*)")
_SECONDS: Final = 30
_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_WRONG: Final = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}


def connect(region: str | None) -> Clients:
    """Clients with the credentials of this environment, as the AWS command line finds them."""

    def client(service: str) -> Any:
        return cast("Any", boto3).client(service, region_name=region)

    return client


def chosen_region(environ: Mapping[str, str]) -> str | None:
    """The region of the environment or of the profile. The CDK looks at `AWS_REGION` first, boto3 not at all."""
    try:
        return environ.get("AWS_REGION") or cast("Any", boto3).Session().region_name
    except BotoCoreError:
        return None  # a profile that is not there: asking for the account says so


def account(clients: Clients) -> str | Unknown:
    """The account's number."""
    try:
        return str(clients("sts").get_caller_identity()["Account"])
    except NoCredentialsError:
        return Unknown("there are no credentials")
    except ClientError as error:
        code = _code(error)
        if code in _EXPIRED:
            return Unknown("the credentials have expired")
        if code in _WRONG:
            return Unknown("AWS does not know these credentials")
        return Unknown(f"AWS refuses to say who is calling ({code})")
    except BotoCoreError as error:
        return Unknown(str(error).rstrip("."))


def bootstrap(clients: Clients, qualifier: str) -> int | Unknown | None:
    """The version of the region's bootstrap, which it keeps in a parameter; None where there is none."""
    try:
        answer = clients("ssm").get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")
        return int(answer["Parameter"]["Value"])
    except ClientError as error:
        return None if _code(error) == "ParameterNotFound" else _denied(error)
    except (BotoCoreError, ValueError) as error:
        return Unknown(str(error).rstrip("."))


def stacks(clients: Clients, stage: str) -> dict[str, dict[str, Any]] | Unknown:
    """The stage's stacks, as CloudFormation describes them, by their names."""
    try:
        pages = clients("cloudformation").get_paginator("describe_stacks").paginate()
        found = [stack for page in pages for stack in page["Stacks"]]
    except ClientError as error:
        return _denied(error)
    except BotoCoreError as error:
        return Unknown(str(error).rstrip("."))
    names = {stack_name(stage, part) for part in PARTS}
    return {stack["StackName"]: stack for stack in found if stack["StackName"] in names}


def outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    """A stack's outputs."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def has_key(clients: Clients, found: Mapping[str, Mapping[str, Any]] | Unknown) -> bool | Unknown:
    """Whether one of these stacks has an OpenAI secret with a value."""
    if isinstance(found, Unknown):
        return found
    for stack in found.values():
        secret = outputs(stack).get("OpenAISecretArn")
        if secret is not None:
            try:
                return is_filled(clients("secretsmanager"), secret)
            except ClientError as error:
                return _denied(error)
            except BotoCoreError as error:
                return Unknown(str(error).rstrip("."))
    return False


def free_concurrency(clients: Clients) -> int | Unknown:
    """How many concurrent calls of functions nobody has set aside."""
    try:
        return int(clients("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
    except ClientError as error:
        return _denied(error)
    except BotoCoreError as error:
        return Unknown(str(error).rstrip("."))


def node() -> tuple[int, ...] | None:
    """The version of the PATH's Node.js."""
    path = shutil.which("node")
    if path is None:
        return None
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.match(done.stdout.strip())
    return tuple(map(int, found[1].split("."))) if done.returncode == 0 and found else None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _denied(error: ClientError) -> Unknown:
    return Unknown(f"AWS answers {error.operation_name} with {_code(error)}")

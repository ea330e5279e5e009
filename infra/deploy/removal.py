"""Removes a stage: says before what goes and what stays, and refuses one that is protected.

CloudFormation is asked directly, rather than the CDK: what a stage consists of is what is deployed under its name, whatever
settings it was deployed with.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from botocore.exceptions import ClientError, WaiterError

from infra.deploy.probing import Clients
from infra.stacks import stack_name

WAIT: Final[Mapping[str, int]] = {"Delay": 10, "MaxAttempts": 360}
"""An hour for each stack. Functions of a VPC would take the longest, and there are none."""
_KEPT: Final = {"Retain", "RetainExceptOnCreate"}
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"""
_SECRET: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a type
_BUCKET: Final = "AWS::S3::Bucket"
_BATCH: Final = 1000
"""The most objects in one deletion (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""

Say = Callable[[str], None]


class RemovalFailed(RuntimeError):
    """A stack could not be deleted; the message says why. A second try goes on from there."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack."""

    stack: str
    type: str
    name: str
    """Its physical id."""
    stays: bool
    """Whether it outlives its stack."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a removal does."""

    stage: str
    stacks: tuple[str, ...]
    """In the order in which they can be deleted."""
    protected: tuple[str, ...]
    """Those that may not be deleted."""
    resources: tuple[Resource, ...]

    @property
    def buckets(self) -> tuple[str, ...]:
        """Buckets that go, and must be empty for it."""
        return tuple(one.name for one in self.resources if one.type == _BUCKET and not one.stays)


def plan(stage: str, stacks: Iterable[Mapping[str, Any]], resources: Iterable[Resource]) -> Plan:
    """The removal of these stacks, as CloudFormation describes them.

    What was made last goes first: stacks use what was there before them. The data goes last of all.
    """
    ordered = sorted(stacks, key=lambda stack: stack["CreationTime"], reverse=True)
    names = [str(stack["StackName"]) for stack in ordered]
    data = stack_name(stage, "data")
    names.sort(key=lambda name: name == data)
    protected = tuple(str(stack["StackName"]) for stack in ordered if stack.get("EnableTerminationProtection"))
    return Plan(stage, tuple(names), protected, tuple(resources))


def refusal(plan: Plan) -> str | None:
    """Why this stage is not removed; None where it is."""
    if not plan.protected:
        return None
    lines = [
        f"Stage {plan.stage} is protected: {', '.join(plan.protected)} must not be deleted by accident.",
        "To remove it all the same, take the protection off first, and call this again:",
        *(
            f"    aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {name}"
            for name in plan.protected
        ),
        "Table, bucket, secrets and logs stay even then, until you delete each by hand.",
    ]
    return "\n".join(lines)


def announcement(plan: Plan) -> str:
    """What goes."""
    lines = [f"This deletes stage {plan.stage}: {', '.join(plan.stacks)}."]
    gone = [one for one in plan.resources if not one.stays and one.type in {_BUCKET, *_TABLES}]
    lines += [f"    {one.name} ({_word(one.type)}) goes with all that is in it" for one in gone]
    return "\n".join(lines)


def remains(plan: Plan) -> str:
    """What is left when the stacks are gone, and what it takes to be rid of it."""
    lines: list[str] = []
    kept = [one for one in plan.resources if one.stays]
    if kept:
        lines.append("These stay, and cost what they cost, until you delete each by hand:")
        lines += [f"    {one.name} ({_word(one.type)})" for one in kept]
    secrets = [one for one in plan.resources if one.type == _SECRET and not one.stays]
    if secrets:
        lines.append(
            "Secrets Manager keeps deleted secrets for up to 30 days, without charge; until then they can be restored:"
        )
        lines += [f"    aws secretsmanager restore-secret --secret-id {one.name}" for one in secrets]
    return "\n".join(lines) if lines else "Nothing stays."


def look(clients: Clients, stage: str, stacks: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan for the stacks that `probing.stacks` found. Raises botocore's errors."""
    cloudformation = clients("cloudformation")
    found: list[Resource] = []
    for name in sorted(stacks):
        template = _template(cloudformation.get_template(StackName=name)["TemplateBody"])
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
            for resource in page["StackResourceSummaries"]:
                declared = template.get(resource["LogicalResourceId"], {})
                found.append(
                    Resource(
                        name,
                        str(resource["ResourceType"]),
                        str(resource.get("PhysicalResourceId", resource["LogicalResourceId"])),
                        declared.get("DeletionPolicy") in _KEPT,
                    )
                )
    return plan(stage, stacks.values(), found)


def remove(clients: Clients, plan: Plan, *, say: Say, wait: Mapping[str, int] = WAIT) -> None:
    """Deletes the plan's stacks, one after the other; what is in a bucket that goes, just before its stack.

    Raises `RemovalFailed`, and botocore's errors.
    """
    for name in plan.stacks:
        for bucket in (one.name for one in plan.resources if one.stack == name and one.name in plan.buckets):
            say(f"emptying {bucket}")
            _empty(clients("s3"), bucket)
        say(f"deleting {name}")
        _delete(clients("cloudformation"), name, wait)


def _delete(cloudformation: Any, name: str, wait: Mapping[str, int]) -> None:
    cloudformation.delete_stack(StackName=name)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=dict(wait))
    except WaiterError as error:
        reasons = _reasons(cloudformation, name)
        raise RemovalFailed("\n".join([f"{name} could not be deleted:", *reasons])) from error


def _reasons(cloudformation: Any, name: str) -> list[str]:
    try:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    except ClientError:
        return ["    CloudFormation's console says why"]
    failed = [event for event in events if event["ResourceStatus"] == "DELETE_FAILED"]
    return [f"    {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]


def _empty(s3: Any, bucket: str) -> None:
    """Objects have no versions here. What is being uploaded in parts does not hold a bucket."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": _BATCH}):
            objects = [{"Key": one["Key"]} for one in page.get("Contents", ())]
            if objects:
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                if answer.get("Errors"):
                    raise RemovalFailed(f"{bucket} cannot be emptied: {answer['Errors'][0].get('Message', 'unknown')}")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NoSuchBucket":
            raise


def _template(body: Any) -> dict[str, dict[str, Any]]:
    """boto3 gives JSON read, and all else as a text."""
    whole: Any = json.loads(body) if isinstance(body, str) else body
    return cast("dict[str, dict[str, Any]]", whole["Resources"])


_TABLES: Final[Sequence[str]] = ("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table")


def _word(kind: str) -> str:
    """`AWS::S3::Bucket` as "S3 Bucket"."""
    return " ".join(kind.split("::")[1:])

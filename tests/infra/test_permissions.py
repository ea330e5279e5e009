"""Who may do what: the whole list, and every wildcard with its reason."""

from typing import Any

from functions.attachments.bucket import IMAGES_PREFIX
from functions.store.large_items import PREFIX
from tests.infra.conftest import Stage
from tests.infra.reading import listed, of_type, path_of, statements, text

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
ACTIONS = {
    "Chat": LOGS
    | {
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
    },
    "Api": LOGS | {"secretsmanager:GetSecretValue"},
    "Thread": LOGS
    | {
        "dynamodb:BatchWriteItem",
        "dynamodb:DescribeStream",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "dynamodb:Query",
        "s3:DeleteObject",
        "s3:ListBucket",
        "sqs:SendMessage",
    },
}
"""What each function does on AWS, and so what its role may do."""

WILDCARDS = {
    (function, f"<chatkit-{{stage}}-data:ExportsOutputFnGetAttBucket83908E77Arn063C8555>/{objects}*"): reason
    for function in ("Chat", "Thread")
    for objects, reason in (
        (PREFIX, "Objects of large items have random names under one prefix."),
        (IMAGES_PREFIX, "Pictures have random names under one prefix."),
    )
}
"""The only wildcards in what is allowed; a log group's own ARN ends in one for its streams, which IAM demands."""


def resources(found: list[dict[str, Any]], action: str) -> set[str]:
    """The resources on which an action is allowed."""
    return {
        text(resource)
        for statement in found
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_each_function_may_do_what_it_does_and_nothing_else(dev: Stage, prod: Stage) -> None:
    """The golden list: the actions of each function's role."""
    for stage in (dev, prod):
        assert {
            owner: {action for statement in found for action in listed(statement["Action"])}
            for owner, found in statements(stage.chat).items()
        } == ACTIONS
        assert statements(stage.data) == {}


def test_nothing_else_hangs_on_the_functions_roles(dev: Stage) -> None:
    """Functions' roles have no managed or inline policies; each is assumed by Lambda, and used by one function."""
    roles = {
        name: role
        for name, role in of_type(dev.chat, "AWS::IAM::Role").items()
        if path_of(role) in {"Chat/Role", "Api/Role", "Thread/Role"}
    }
    used = [f["Properties"]["Role"]["Fn::GetAtt"][0] for f in of_type(dev.chat, "AWS::Lambda::Function").values()]
    assert sorted(used) == sorted(roles)
    for role in roles.values():
        assert not {"ManagedPolicyArns", "Policies"} & set(role["Properties"])
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_every_wildcard_has_its_reason(dev: Stage, prod: Stage) -> None:
    """No allowed action has a wildcard; a resource has one only where `WILDCARDS` says why."""
    for stage, name in ((dev, "dev"), (prod, "prod")):
        found = {
            (owner, text(resource))
            for owner, allowed in statements(stage.chat).items()
            for statement in allowed
            for resource in listed(statement["Resource"])
            if "*" in text(resource)
        }
        assert found == {(owner, resource.format(stage=name)) for owner, resource in WILDCARDS}
        assert not any("*" in action for actions in ACTIONS.values() for action in actions)


def test_each_secret_is_read_by_who_uses_it(dev: Stage) -> None:
    """The chat function reads both secrets, the api function the token key alone."""
    found = statements(dev.chat)
    chat = resources(found["Chat"], "secretsmanager:GetSecretValue")
    api = resources(found["Api"], "secretsmanager:GetSecretValue")
    assert len(chat) == 2
    assert len(api) == 1
    assert api < chat
    assert "TokenSecret" in api.pop()


def objects(found: list[dict[str, Any]], action: str) -> list[str]:
    """The objects on which an action is allowed."""
    return sorted(one.partition(">/")[2] for one in resources(found, action))


def test_listing_is_kept_to_what_the_functions_store(dev: Stage) -> None:
    """Functions list and touch two prefixes alone: that of large items and that of pictures."""
    for owner in ("Chat", "Thread"):
        (listing,) = (one for one in statements(dev.chat)[owner] if one["Action"] == "s3:ListBucket")
        assert listing["Condition"] == {"StringLike": {"s3:prefix": [f"{PREFIX}*", f"{IMAGES_PREFIX}*"]}}
    assert objects(statements(dev.chat)["Chat"], "s3:GetObject") == [f"{IMAGES_PREFIX}*", f"{PREFIX}*"]
    assert objects(statements(dev.chat)["Thread"], "s3:GetObject") == []


def test_pictures_are_deleted_by_the_thread_function_alone(dev: Stage) -> None:
    """The chat function deletes objects of items, which it replaces; a picture goes with its thread."""
    assert objects(statements(dev.chat)["Chat"], "s3:DeleteObject") == [f"{PREFIX}*"]
    assert objects(statements(dev.chat)["Thread"], "s3:DeleteObject") == [f"{IMAGES_PREFIX}*", f"{PREFIX}*"]


def test_the_thread_function_reads_the_stream_and_deletes(dev: Stage) -> None:
    """It reads this one stream, sends to this one queue, and puts nothing into the table."""
    found = statements(dev.chat)["Thread"]
    (stream,) = resources(found, "dynamodb:GetRecords")
    assert "Table" in stream
    assert "StreamArn" in stream
    assert resources(found, "dynamodb:ListStreams") == {stream}
    (queue,) = of_type(dev.chat, "AWS::SQS::Queue")
    assert resources(found, "sqs:SendMessage") == {f"<{queue}.Arn>"}


def test_only_endpoints_invoke_functions(dev: Stage) -> None:
    """API Gateway may invoke the routes that exist, and nobody else but by the Function URL."""
    found = [p["Properties"] for p in of_type(dev.chat, "AWS::Lambda::Permission").values()]
    routed = [p for p in found if p["Principal"] != "*"]
    assert {p["Principal"] for p in routed} == {"apigateway.amazonaws.com"}
    assert sorted(text(p["SourceArn"]).partition("/<RestDeploymentStagedev53A53CFD>")[2] for p in routed) == [
        "/*/api/*",
        "/*/api/chatkit/*",
        "/OPTIONS/api/chatkit/start",
        "/OPTIONS/chatkit",
        "/POST/api/chatkit/start",
        "/POST/chatkit",
    ]

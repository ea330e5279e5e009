"""Who may do what: the whole list. `test_wildcards` has the reason of each wildcard."""

from typing import Any

from functions.attachments.bucket import IMAGES_PREFIX
from functions.attachments.objects import FILES_PREFIX, PREVIEWS_PREFIX, UPLOADS_PREFIX
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
        "events:PutEvents",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
    },
    "Api": LOGS
    | {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "events:PutEvents",
        "s3:GetObject",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
    },
    "Rotation": LOGS
    | {
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    },
    "Thread": LOGS
    | {
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeStream",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:DeleteObject",
        "s3:ListBucket",
        "secretsmanager:GetSecretValue",
        "sqs:SendMessage",
    },
    "Attachment": LOGS
    | {
        "dynamodb:BatchGetItem",
        "dynamodb:UpdateItem",
        "events:PutEvents",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:PutObject",
        "sqs:SendMessage",
    },
    "Sweep": LOGS
    | {
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:DeleteObject",
    },
}
"""What each function does on AWS, and so what its role may do."""

OBJECTS = {
    "Chat": {
        "s3:GetObject": {PREFIX, IMAGES_PREFIX, FILES_PREFIX, PREVIEWS_PREFIX},
        "s3:PutObject": {PREFIX, IMAGES_PREFIX, UPLOADS_PREFIX},
        "s3:DeleteObject": {PREFIX, UPLOADS_PREFIX, FILES_PREFIX, PREVIEWS_PREFIX},
    },
    "Api": {"s3:GetObject": {FILES_PREFIX}, "s3:PutObject": {UPLOADS_PREFIX}},
    "Thread": {"s3:DeleteObject": {PREFIX, IMAGES_PREFIX, UPLOADS_PREFIX, FILES_PREFIX, PREVIEWS_PREFIX}},
    "Attachment": {
        "s3:GetObject": {UPLOADS_PREFIX, FILES_PREFIX},
        "s3:PutObject": {FILES_PREFIX, PREVIEWS_PREFIX},
        "s3:DeleteObject": {UPLOADS_PREFIX, FILES_PREFIX, PREVIEWS_PREFIX},
    },
    "Sweep": {"s3:DeleteObject": {UPLOADS_PREFIX, FILES_PREFIX, PREVIEWS_PREFIX}},
    "Rotation": {},
}
"""What each function does with which objects. All have random names, under prefixes: so every one of these is a wildcard.

- Who signs a URL lends its own permission: the chat function signs uploads, previews and files, the api function files.
- What a page has uploaded is read by the attachment function alone; what a message shows is written by it alone, and read
  by it where two events of one upload meet. As it reads what anybody may send, it may not find out what else there is.
- A picture that a model made goes with its thread: the chat function deletes none.
"""


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
        if path_of(role) in {f"{function}/Role" for function in ACTIONS}
    }
    used = [f["Properties"]["Role"]["Fn::GetAtt"][0] for f in of_type(dev.chat, "AWS::Lambda::Function").values()]
    assert sorted(used) == sorted(roles)
    for role in roles.values():
        assert not {"ManagedPolicyArns", "Policies"} & set(role["Properties"])
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_each_secret_is_read_by_who_uses_it(dev: Stage) -> None:
    """The token key is read by who checks tokens and who rotates it, the OpenAI key by who talks to OpenAI."""
    found = statements(dev.chat)
    read = {function: resources(found[function], "secretsmanager:GetSecretValue") for function in ACTIONS}
    (token,), (openai,) = read["Api"], read["Thread"]
    assert "TokenSecret" in token
    assert "OpenAISecret" in openai
    assert read["Chat"] == {token, openai}
    assert read["Attachment"] == read["Sweep"] == set()


def test_the_api_function_reads_ended_sessions_and_no_conversation(dev: Stage) -> None:
    """In the table it reads single rows of one kind, which lie in partitions of their own."""
    (table,) = (one for one in statements(dev.chat)["Api"] if "dynamodb:GetItem" in listed(one["Action"]))
    assert table["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["S#*"]}}


def partitions(stage: Stage, function: str, action: str) -> set[str]:
    """What the partitions begin with on which a function may do something to rows: `*` for all."""
    return {
        prefix
        for one in statements(stage.chat)[function]
        if action in listed(one["Action"])
        for prefix in listed(
            one.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", "*")
        )
    }


def test_who_opens_or_takes_files_reads_their_rows_alone(dev: Stage) -> None:
    """The functions that strangers' files go through read attachments by their rows, and no message."""
    for function in ("Api", "Attachment"):
        assert partitions(dev, function, "dynamodb:BatchGetItem") == {"A#*"}


def test_who_opens_or_takes_files_writes_no_message(dev: Stage) -> None:
    """Who opens them changes their rows alone; who takes them, also sessions, what is counted, and the day's list."""
    assert partitions(dev, "Attachment", "dynamodb:UpdateItem") == {"A#*"}
    counted = {"U#*", "C#*", "N#*"}
    assert partitions(dev, "Api", "dynamodb:UpdateItem") == {"A#*", "D#*"} | counted
    assert partitions(dev, "Api", "dynamodb:PutItem") == {"S#*", "A#*", "D#*"} | counted


def test_the_token_key_is_changed_by_the_rotation_function(dev: Stage) -> None:
    """By it alone; and it may do nothing with any other secret."""
    found = statements(dev.chat)
    (token,) = resources(found["Api"], "secretsmanager:GetSecretValue")
    for action in ACTIONS["Rotation"] - LOGS:
        assert resources(found["Rotation"], action) == {token}
    for action in ACTIONS["Rotation"] - LOGS - {"secretsmanager:GetSecretValue"}:
        assert [function for function in ACTIONS if resources(found[function], action)] == ["Rotation"]


def test_each_function_touches_its_own_objects(dev: Stage) -> None:
    """The golden list: what each function may do with the objects of which prefixes."""
    for function, allowed in statements(dev.chat).items():
        found = {
            action: {one.partition(">/")[2] for one in resources(allowed, action)}
            for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
        }
        assert {action: names for action, names in found.items() if names} == {
            action: {f"{prefix}*" for prefix in prefixes} for action, prefixes in OBJECTS[function].items()
        }


def test_nobody_writes_what_users_upload_but_by_their_leave(dev: Stage) -> None:
    """Whoever looks at an upload cannot write one; whoever takes one cannot write what a message shows."""
    writers = {function: OBJECTS[function].get("s3:PutObject", set()) for function in ACTIONS}
    assert {function for function, prefixes in writers.items() if UPLOADS_PREFIX in prefixes} == {"Chat", "Api"}
    assert {function for function, prefixes in writers.items() if FILES_PREFIX in prefixes} == {"Attachment"}


def test_listing_is_kept_to_what_the_functions_store(dev: Stage) -> None:
    """Functions list two prefixes alone, that of large items and that of pictures; attachments are found by their rows."""
    for owner, allowed in statements(dev.chat).items():
        listing = [one for one in allowed if "s3:ListBucket" in listed(one["Action"])]
        assert len(listing) == (1 if owner in {"Chat", "Thread"} else 0)
        for one in listing:
            assert one["Action"] == "s3:ListBucket"
            assert one["Condition"] == {"StringLike": {"s3:prefix": [f"{PREFIX}*", f"{IMAGES_PREFIX}*"]}}


def test_the_thread_function_reads_the_stream_and_deletes(dev: Stage) -> None:
    """It reads this one stream, sends to this one queue, and puts nothing into the table but counts."""
    found = statements(dev.chat)["Thread"]
    (stream,) = resources(found, "dynamodb:GetRecords")
    assert "Table" in stream
    assert "StreamArn" in stream
    assert resources(found, "dynamodb:ListStreams") == {stream}
    assert resources(found, "sqs:SendMessage") == {f"<{queue_at(dev, 'Deletions/Failures')}.Arn>"}


def queue_at(stage: Stage, path: str) -> str:
    """The logical id of the queue at this path."""
    (queue,) = (name for name, queue in of_type(stage.chat, "AWS::SQS::Queue").items() if path_of(queue) == path)
    return queue


def test_events_that_are_given_up_go_to_one_queue(dev: Stage) -> None:
    """The attachment function sends to its queue alone; EventBridge may too, for the one rule."""
    queue = queue_at(dev, "UploadFailures")
    assert resources(statements(dev.chat)["Attachment"], "sqs:SendMessage") == {f"<{queue}.Arn>"}
    (policy,) = (
        policy["Properties"]["PolicyDocument"]["Statement"]
        for policy in of_type(dev.chat, "AWS::SQS::QueuePolicy").values()
        if policy["Properties"]["Queues"] == [{"Ref": queue}]
    )
    (allowed,) = (statement for statement in policy if statement["Effect"] == "Allow")
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    rule, attribute = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"]
    assert (path_of(dev.chat["Resources"][rule]), attribute) == ("Uploads", "Arn")


def test_only_endpoints_rules_and_secrets_manager_invoke_functions(dev: Stage) -> None:
    """API Gateway may invoke the routes that exist, each rule its one function, Secrets Manager the rotation one;
    nobody else but by the Function URL."""
    found = [p["Properties"] for p in of_type(dev.chat, "AWS::Lambda::Permission").values()]
    by = {principal: [p for p in found if p["Principal"] == principal] for principal in {p["Principal"] for p in found}}
    assert set(by) == {"*", "apigateway.amazonaws.com", "events.amazonaws.com", "secretsmanager.amazonaws.com"}
    routed = by["apigateway.amazonaws.com"]
    assert sorted(text(p["SourceArn"]).partition("/<RestDeploymentStagedev53A53CFD>")[2] for p in routed) == [
        "/*/api/*",
        "/*/api/chatkit/*",
        "/OPTIONS/api/chatkit/start",
        "/OPTIONS/chatkit",
        "/POST/api/chatkit/start",
        "/POST/chatkit",
    ]
    called = {
        (path_of(dev.chat["Resources"][p["SourceArn"]["Fn::GetAtt"][0]]), p["FunctionName"]["Ref"].partition("Live")[0])
        for p in by["events.amazonaws.com"]
    }
    assert called == {("Uploads", "Attachment"), ("EveryHour", "Sweep")}

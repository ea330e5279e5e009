"""What a role may be tried with, and what each function's must be able to do of it."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from functions.attachments.bucket import IMAGES_PREFIX
from functions.ids import IdFactory
from functions.store.large_items import PREFIX
from tests.infra.conftest import Stage
from tests.infra.reading import listed, statements
from tests.infra.test_permissions import ACTIONS, OBJECTS, resources
from tests.support.deployed import Deployed

Call = Callable[[Callable[[str], Any], Deployed], Any]
THREAD_ID = IdFactory().new("thread")


def _row(partition: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": "probe"}}


def _on_row(operation: str, partition: str) -> Call:
    def call(client: Callable[[str], Any], stage: Deployed) -> Any:
        table, dynamodb = stage.outputs["TableName"], client("dynamodb")
        match operation:
            case "get":
                return dynamodb.get_item(TableName=table, Key=_row(partition))
            case "put":
                return dynamodb.put_item(TableName=table, Item=_row(partition))
            case "update":
                return dynamodb.update_item(
                    TableName=table,
                    Key=_row(partition),
                    UpdateExpression="SET n = :n",
                    ExpressionAttributeValues={":n": {"N": "1"}},
                )
            case "delete":
                return dynamodb.delete_item(TableName=table, Key=_row(partition))
            case "batch get":
                return dynamodb.batch_get_item(RequestItems={table: {"Keys": [_row(partition)]}})
            case "batch write":
                return dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": _row(partition)}}]})
            case "query":
                return dynamodb.query(
                    TableName=table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": partition}},
                )
        raise AssertionError(operation)

    return call


def _on_object(operation: str, key: str) -> Call:
    def call(client: Callable[[str], Any], stage: Deployed) -> Any:
        bucket, s3 = stage.outputs["BucketName"], client("s3")
        match operation:
            case "get":
                # There is none: to who may read, that is what is said.
                return s3.get_object(Bucket=bucket, Key=key)
            case "put":
                return s3.put_object(Bucket=bucket, Key=key, Body=b"probe")
            case "delete":
                return s3.delete_object(Bucket=bucket, Key=key)
            case "list":
                return s3.list_objects_v2(Bucket=bucket, Prefix=key)
        raise AssertionError(operation)

    return call


def _on_secret(operation: str, output: str) -> Call:
    def call(client: Callable[[str], Any], stage: Deployed) -> Any:
        secrets, secret = client("secretsmanager"), stage.secret_arn(output)
        if operation == "get":
            return secrets.get_secret_value(SecretId=secret)
        # A version that nobody reads, with what is there already.
        return secrets.put_secret_value(SecretId=secret, SecretString="probe", VersionStages=["probe"])

    return call


def _tell(client: Callable[[str], Any], bus: str) -> Any:
    """Puts an event on a bus, of a source that no rule asks for."""
    entry = {"EventBusName": bus, "Source": "probe", "DetailType": "probe", "Detail": "{}"}
    return client("events").put_events(Entries=[entry])


ROWS = {"items": f"T#{THREAD_ID}#alice", "users": "U#alice", "attachments": "A#0123", "sessions": "S#alice"}
"""Kinds of rows, with a partition of each (`functions/store/keys.py`)."""
PROBES: dict[str, Call] = {
    **{
        f"{operation} {name}": _on_row(operation, partition)
        for operation in ("get", "put", "update", "delete", "batch get", "batch write", "query")
        for name, partition in ROWS.items()
    },
    "scan": lambda client, stage: client("dynamodb").scan(TableName=stage.outputs["TableName"], Limit=1),
    "describe table": lambda client, stage: client("dynamodb").describe_table(TableName=stage.outputs["TableName"]),
    "delete table": lambda client, stage: client("dynamodb").delete_table(TableName=stage.outputs["TableName"]),
    **{
        f"{operation} {prefix}/": _on_object(operation, f"{prefix}/probe")
        for operation in ("get", "put", "delete", "list")
        for prefix in ("items", "images", "uploads", "files", "previews", "other")
    },
    "list all": _on_object("list", ""),
    **{
        f"{operation} {name} key": _on_secret(operation, output)
        for operation in ("get", "put")
        for name, output in {"token": "TokenSecretArn", "openai": "OpenAISecretArn"}.items()
    },
    "tell": lambda client, stage: _tell(client, stage.outputs["EventBusName"]),
    "tell others": lambda client, _: _tell(client, "default"),
    "list secrets": lambda client, _: client("secretsmanager").list_secrets(),
    "list buckets": lambda client, _: client("s3").list_buckets(),
    "list roles": lambda client, _: client("iam").list_roles(),
    "call a function": lambda client, stage: client("lambda").invoke(
        FunctionName=stage.configuration("Rotation")["FunctionName"], Payload=b"{}", InvocationType="DryRun"
    ),
}


ROW_ACTIONS = {
    "get": "GetItem",
    "put": "PutItem",
    "update": "UpdateItem",
    "delete": "DeleteItem",
    "batch get": "BatchGetItem",
    "batch write": "BatchWriteItem",
    "query": "Query",
}
OBJECT_ACTIONS = {"get": "s3:GetObject", "put": "s3:PutObject", "delete": "s3:DeleteObject"}
SECRET_ACTIONS = {"get": "secretsmanager:GetSecretValue", "put": "secretsmanager:PutSecretValue"}
NEVER = {
    "Chat": "scan, delete table, get uploads/, put files/, delete images/, list uploads/, put token key, put openai key",
    "Api": "get items, get users, batch get items, query items, put items, update items, get items/, put files/, "
    "list items/, get openai key",
    "Thread": "put items, put users, get items/, get files/, put items/, list files/, get token key",
    "Attachment": "get items, batch get items, query items, put items, update items, update users, get items/, "
    "put uploads/, list uploads/, get token key",
    "Sweep": "put items, get items/, get files/, put files/, list uploads/, get token key",
    "Rotation": "get items, query items, put items, get items/, get openai key, put openai key",
}
"""What each function must not do, said once more in so many words: of the list below, what would hurt most."""
NOBODY = (
    "scan, tell others, describe table, delete table, list all, list secrets, list buckets, list roles, call a function"
)


def granted(stage: Stage, function: str) -> set[str]:
    """All of `PROBES` that a function may do, by the golden lists of `test_permissions.py`, and by its policy where these
    name no resource. Whatever is not here must be denied."""
    actions, found = ACTIONS[function], statements(stage.chat)[function]
    rows = {
        f"{operation} {name}"
        for operation, action in ROW_ACTIONS.items()
        for name, partition in ROWS.items()
        if f"dynamodb:{action}" in actions and _is_open(found, f"dynamodb:{action}", partition)
    }
    objects = {
        f"{operation} {prefix}"
        for operation, action in OBJECT_ACTIONS.items()
        for prefix in OBJECTS[function].get(action, set())
    }
    listed_prefixes = {f"list {prefix}" for prefix in (PREFIX, IMAGES_PREFIX) if "s3:ListBucket" in actions}
    secrets = {
        f"{operation} {name} key"
        for operation, action in SECRET_ACTIONS.items()
        for name, secret in (("token", "TokenSecret"), ("openai", "OpenAISecret"))
        if any(secret in arn for arn in resources(found, action))
    }
    telling = {"tell"} if "events:PutEvents" in actions else set[str]()
    return rows | objects | listed_prefixes | secrets | telling


def _is_open(found: list[dict[str, Any]], action: str, partition: str) -> bool:
    """Whether a statement allows the action on rows of this partition."""
    for statement in found:
        if action in listed(statement["Action"]):
            condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
            patterns = listed(condition.get("dynamodb:LeadingKeys", "*"))
            if any(partition.startswith(pattern.removesuffix("*")) for pattern in patterns):
                return True
    return False


def is_allowed(probe: Call, client: Callable[[str], Any], stage: Deployed) -> bool:
    """Whether a role is let do it; `client` makes the role's clients."""
    try:
        probe(client, stage)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in {"AccessDenied", "AccessDeniedException"}:
            return False
        # There is no such object: who is told so may read it.
        if code not in {"NoSuchKey", "404"}:
            raise
    return True

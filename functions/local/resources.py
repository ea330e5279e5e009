"""The resources that the functions need, made in ministack where they are missing: what `infra` does on AWS."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from functions.announcements.entries import SOURCE
from functions.attachments import bucket
from functions.attachments.objects import UPLOADS_PREFIX
from functions.identity import api_keys
from functions.identity.keys import SigningKey
from functions.local.ministack import REGION, Credentials
from functions.store import table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

TABLE: Final = "chatkit"
BUCKET: Final = "chatkit-files"
TOKEN_SECRET: Final = "chatkit/token-key"  # noqa: S105 - a name
API_KEYS_SECRET: Final = "chatkit/api-keys"  # noqa: S105 - a name
OPENAI_SECRET: Final = "chatkit/openai-key"  # noqa: S105 - a name
UPLOADS: Final = "chatkit-uploads"
"""The rule by which S3's events of uploads go to a queue, and the queue: see `deliveries`."""

EVENT_BUS: Final = "chatkit-local"
"""The bus that is told what happens."""
EVENTS: Final = "chatkit-events"
"""The rule by which all that it is told goes to a queue, and the queue: see `announced`."""

_ROTATION_ARN: Final = f"arn:aws:lambda:{REGION}:000000000000:function:rotation"
"""Nothing is called by it."""


@dataclass(frozen=True, slots=True)
class Clients:
    """AWS clients of one local stack."""

    dynamodb: "DynamoDBClient"
    streams: Any
    """For DynamoDB's streams."""
    s3: "S3Client"
    secrets_manager: "SecretsManagerClient"
    events: Any
    """For EventBridge."""
    sqs: Any

    @classmethod
    def connect(cls, *, endpoint: str, credentials: Credentials) -> "Clients":
        """Clients that know nothing of this machine's AWS profiles, proxies and keys."""
        core = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )
        session = boto3.Session(
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            region_name=REGION,
            botocore_session=core,
        )
        # Straight to this machine, with path-style buckets, as it has no name of its own for each.
        config = Config(proxies={}, retries={"mode": "standard"}, s3={"addressing_style": "path"})

        def client(service: str) -> Any:
            return cast("Any", session).client(service, endpoint_url=endpoint, config=config)

        return cls(
            dynamodb=client("dynamodb"),
            streams=client("dynamodbstreams"),
            s3=client("s3"),
            secrets_manager=client("secretsmanager"),
            events=client("events"),
            sqs=client("sqs"),
        )

    def close(self) -> None:
        """Closes their connections."""
        clients: list[Any] = [self.dynamodb, self.streams, self.s3, self.secrets_manager, self.events, self.sqs]
        for client in clients:
            client.close()


def create(clients: Clients, *, origins: tuple[str, ...], model_key: str | None, api_key: str | None = None) -> None:
    """Makes what is missing and brings the rest up to date: table, bucket with CORS rules and events, secrets.

    `origins` are the pages that may reach the bucket. Without `model_key`, one of an earlier run is removed. `api_key` is
    the one key of servers.
    """
    _create_table(clients.dynamodb)
    _create_bucket(clients.s3, origins)
    _tell_of_uploads(clients)
    _create_event_bus(clients)
    _create_token_secret(clients.secrets_manager)
    _put_secret(clients.secrets_manager, API_KEYS_SECRET, _api_keys(api_key))
    if model_key is None:
        remove_model_key(clients)
    else:
        _put_secret(clients.secrets_manager, OPENAI_SECRET, model_key)


def remove_model_key(clients: Clients) -> None:
    """Forgets the model's key, so that it is not among what ministack saves on disk when it ends."""
    try:
        clients.secrets_manager.delete_secret(SecretId=OPENAI_SECRET, ForceDeleteWithoutRecovery=True)
    except ClientError as error:
        _unless("ResourceNotFoundException", error)


def _create_table(client: "DynamoDBClient") -> None:
    try:
        client.create_table(**table.definition(TABLE))
    except ClientError as error:
        _unless("ResourceInUseException", error)
    else:
        client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    # ministack's time to live would take rows away without a word in the table's stream: see `upkeep`.
    client.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={**table.time_to_live(), "Enabled": False})


def _create_bucket(client: "S3Client", origins: tuple[str, ...]) -> None:
    try:
        client.create_bucket(Bucket=BUCKET)
    except ClientError as error:
        _unless("BucketAlreadyOwnedByYou", error)
    client.put_bucket_cors(
        Bucket=BUCKET,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": list(origins),
                    "AllowedMethods": list(bucket.CORS_METHODS),
                    "AllowedHeaders": list(bucket.CORS_HEADERS),
                    "ExposeHeaders": list(bucket.CORS_EXPOSED_HEADERS),
                    "MaxAgeSeconds": bucket.CORS_MAX_AGE,
                }
            ]
        },
    )


def uploads_queue(clients: Clients) -> str:
    """The URL of the queue that S3's events of uploads go to; it is made where it is missing."""
    # A message that is being worked on is nobody else's for so long; the attachment function is far faster.
    queue = clients.sqs.create_queue(QueueName=UPLOADS, Attributes={"VisibilityTimeout": "900"})
    return str(queue["QueueUrl"])


def _tell_of_uploads(clients: Clients) -> None:
    queue = clients.sqs.get_queue_attributes(QueueUrl=uploads_queue(clients), AttributeNames=["QueueArn"])
    pattern = {
        "source": [bucket.EVENT_SOURCE],
        "detail-type": [bucket.OBJECT_CREATED],
        "detail": {"bucket": {"name": [BUCKET]}, "object": {"key": [{"prefix": UPLOADS_PREFIX}]}},
    }
    clients.events.put_rule(Name=UPLOADS, EventPattern=json.dumps(pattern))
    clients.events.put_targets(Rule=UPLOADS, Targets=[{"Id": "queue", "Arn": queue["Attributes"]["QueueArn"]}])
    clients.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def events_queue(clients: Clients) -> str:
    """The URL of the queue that all events on the bus go to; it is made where it is missing."""
    return str(clients.sqs.create_queue(QueueName=EVENTS)["QueueUrl"])


def _create_event_bus(clients: Clients) -> None:
    try:
        clients.events.create_event_bus(Name=EVENT_BUS)
    except ClientError as error:
        _unless("ResourceAlreadyExistsException", error)
    queue = clients.sqs.get_queue_attributes(QueueUrl=events_queue(clients), AttributeNames=["QueueArn"])
    pattern = json.dumps({"source": [SOURCE]})
    clients.events.put_rule(Name=EVENTS, EventBusName=EVENT_BUS, EventPattern=pattern)
    target = {"Id": "queue", "Arn": queue["Attributes"]["QueueArn"]}
    clients.events.put_targets(Rule=EVENTS, EventBusName=EVENT_BUS, Targets=[target])


def _create_token_secret(client: "SecretsManagerClient") -> None:
    """The key, with rotation switched on, as `infra` does it by a schedule; `rotation` does what Secrets Manager does."""
    try:
        client.create_secret(Name=TOKEN_SECRET, SecretString=SigningKey.generate().to_secret())
    except ClientError as error:
        _unless("ResourceExistsException", error)
    if client.describe_secret(SecretId=TOKEN_SECRET).get("RotationEnabled"):
        return
    # ministack makes a copy of the current version current at once, and the copied one the previous one.
    client.rotate_secret(SecretId=TOKEN_SECRET, RotationLambdaARN=_ROTATION_ARN)
    for version, stages in client.describe_secret(SecretId=TOKEN_SECRET).get("VersionIdsToStages", {}).items():
        if "AWSPREVIOUS" in stages:
            client.update_secret_version_stage(
                SecretId=TOKEN_SECRET, VersionStage="AWSPREVIOUS", RemoveFromVersionId=version
            )


def _api_keys(key: str | None) -> str:
    """The secret with this one key, or none."""
    if key is None:
        return api_keys.written_keys(())
    return api_keys.written_keys(api_keys.with_key((), "local", key, today=datetime.now(UTC).date()))


def _put_secret(client: "SecretsManagerClient", name: str, value: str) -> None:
    try:
        client.create_secret(Name=name, SecretString=value)
    except ClientError as error:
        _unless("ResourceExistsException", error)
        client.put_secret_value(SecretId=name, SecretString=value)


def _unless(code: str, error: ClientError) -> None:
    response: Mapping[str, Any] = error.response
    if response.get("Error", {}).get("Code") != code:
        raise error

"""What must not be lost: the table, the bucket, the secrets. Deployed first, changed rarely."""

from typing import Any, Final, cast

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from functions.attachments import bucket as bucket_names
from functions.attachments.objects import UPLOADS_PREFIX
from functions.store import table as table_names
from infra.config import Config
from infra.constructs.events import Events
from infra.constructs.private_bucket import private_bucket

UPLOAD_DAYS: Final = 2
"""How long an object that was uploaded lies where nobody has looked at it: longer than a failed event is tried for, and
than an attachment that no message holds is kept."""


class DataStack(Stack):
    """The stateful resources. Their names are CloudFormation's, so that a stage can be made anew while an old one's
    retained resources, or secrets that wait for their deletion, still hold theirs."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, **stack: Any) -> None:
        super().__init__(
            scope,
            construct_id,
            description="chatkit-lambda: conversations, files and keys",
            termination_protection=config.protect_data,
            **stack,
        )
        self._config = config
        self._removal = RemovalPolicy.RETAIN if config.protect_data else RemovalPolicy.DESTROY
        self.table, self.stream_arn = self._table_in_use(self._make_table())
        self.bucket = self._make_bucket()
        self.token_secret = self._make_token_secret()
        self.openai_secret = self._make_openai_secret()
        self.api_keys_secret = self._make_api_keys_secret() if "api_key" in config.identity else None
        self.events = Events(self, "Events", config=config) if config.events else None
        CfnOutput(self, "TableName", value=self.table.table_name, description="The table of all conversations")
        CfnOutput(self, "BucketName", value=self.bucket.bucket_name, description="The bucket of files and large items")
        CfnOutput(
            self,
            "TokenSecretArn",
            value=self.token_secret.secret_arn,
            description="The key of client tokens, which the chat stack has rotated",
        )
        CfnOutput(
            self,
            "OpenAISecretArn",
            value=self.openai_secret.secret_arn,
            description="Put the OpenAI key here: aws secretsmanager put-secret-value --secret-id ARN --secret-string ...",
        )

    def _make_table(self) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=table_names.PARTITION_KEY, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=table_names.SORT_KEY, type=dynamodb.AttributeType.STRING),
            billing=dynamodb.Billing.on_demand(),
            # A key of one's own would cost each month, and each request; what the account's own key protects against
            # (somebody with the disks) DynamoDB's does too.
            encryption=dynamodb.TableEncryptionV2.dynamo_owned_key(),
            time_to_live_attribute=table_names.TTL_ATTRIBUTE,
            dynamo_stream=dynamodb.StreamViewType(table_names.STREAM_VIEW_TYPE),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._config.protect_data,
            removal_policy=self._removal,
        )

    def _table_in_use(self, own: dynamodb.TableV2) -> tuple[dynamodb.ITableV2, str]:
        """The stage's own table, or the one that was restored from it; and the stream of that."""
        stream_arn = _stream_arn(own)
        restored, restored_stream = self._config.restored_table, self._config.restored_stream_arn
        if restored is None or restored_stream is None:
            return own, stream_arn  # pyright: ignore[reportReturnType] - a fault of jsii: see constructs/function
        # What other stacks have imported stays exported until they have changed over: they are deployed after this one.
        for value in (own.table_name, own.table_arn, stream_arn):
            self.export_value(value)
        table = dynamodb.TableV2.from_table_attributes(
            self, "RestoredTable", table_name=restored, table_stream_arn=restored_stream
        )
        return table, restored_stream

    def _make_bucket(self) -> s3.Bucket:
        # Without versions: keys hold random ids, so nothing is ever overwritten; and what a user deletes must be gone.
        bucket = private_bucket(
            self,
            "Bucket",
            cors=[
                s3.CorsRule(
                    allowed_origins=list(self._config.allowed_origins),
                    allowed_methods=[s3.HttpMethods(method) for method in bucket_names.CORS_METHODS],
                    allowed_headers=list(bucket_names.CORS_HEADERS),
                    exposed_headers=list(bucket_names.CORS_EXPOSED_HEADERS),
                    max_age=bucket_names.CORS_MAX_AGE,
                )
            ],
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="parts-of-uploads-that-never-finished", abort_incomplete_multipart_upload_after=Duration.days(1)
                ),
                s3.LifecycleRule(
                    id="uploads-that-nobody-looked-at", prefix=UPLOADS_PREFIX, expiration=Duration.days(UPLOAD_DAYS)
                ),
            ],
            removal_policy=self._removal,
        )
        # `event_bridge_enabled` would set this by a function of the CDK's own, with a role for all buckets.
        cast(
            "s3.CfnBucket", bucket.node.default_child
        ).notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        return bucket

    def _make_token_secret(self) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            "TokenSecret",
            description="Signs chatkit-lambda's client tokens",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"kid":"1"}',  # noqa: S106 - the name of the key that is generated beside it
                generate_string_key="key",
                password_length=64,
                exclude_punctuation=True,
            ),
            removal_policy=self._removal,
        )

    def _make_api_keys_secret(self) -> secretsmanager.ISecret:
        """The hashes of no key yet: `chatkit-lambda api-key new` puts them in."""
        secret = secretsmanager.CfnSecret(
            self,
            "ApiKeysSecret",
            description="The hashes of the keys by which servers ask chatkit-lambda for client tokens",
            secret_string='{"keys": []}',  # noqa: S106 - none yet
        )
        secret.apply_removal_policy(self._removal)
        CfnOutput(
            self,
            "ApiKeysSecretArn",
            value=secret.ref,
            description="For chatkit-lambda api-key new NAME --secret-id ARN",
        )
        return secretsmanager.Secret.from_secret_complete_arn(self, "ApiKeysSecretReference", secret.ref)

    def _make_openai_secret(self) -> secretsmanager.ISecret:
        """A secret without a value: `Secret` would generate one, which would then be taken for a key."""
        empty = secretsmanager.CfnSecret(
            self, "OpenAISecret", description="The OpenAI key of chatkit-lambda, put here by its operator"
        )
        empty.apply_removal_policy(self._removal)
        return secretsmanager.Secret.from_secret_complete_arn(self, "OpenAISecretReference", empty.ref)


def _stream_arn(table: dynamodb.TableV2) -> str:
    if table.table_stream_arn is None:
        raise ValueError("the table has no stream")
    return table.table_stream_arn

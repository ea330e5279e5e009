"""The data stack's promises, read from its template."""

import json
import re
from collections.abc import Callable
from typing import Any

from functions.attachments import bucket as bucket_names
from functions.attachments.objects import UPLOADS_PREFIX
from functions.store import table as table_names
from tests.infra.conftest import Stage
from tests.infra.reading import listed, of_type, only


def test_the_table_is_the_one_that_the_store_uses(dev: Stage) -> None:
    """Keys, expiry and stream are named as in `functions/store/table.py`."""
    table = only(dev.data, "AWS::DynamoDB::GlobalTable")["Properties"]
    created: dict[str, Any] = {**table_names.definition("any")}
    assert table["KeySchema"] == created["KeySchema"]
    assert table["AttributeDefinitions"] == created["AttributeDefinitions"]
    assert table["BillingMode"] == created["BillingMode"]
    assert table["StreamSpecification"] == {"StreamViewType": table_names.STREAM_VIEW_TYPE}
    assert table["TimeToLiveSpecification"] == table_names.time_to_live()


def test_the_table_can_be_restored(dev: Stage, prod: Stage) -> None:
    """Point-in-time recovery is on in every stage."""
    for stage in (dev, prod):
        (replica,) = only(stage.data, "AWS::DynamoDB::GlobalTable")["Properties"]["Replicas"]
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_prod_cannot_lose_its_data_by_mistake(prod: Stage) -> None:
    """In prod the table refuses to be deleted, and whatever holds data outlives its stack."""
    (replica,) = only(prod.data, "AWS::DynamoDB::GlobalTable")["Properties"]["Replicas"]
    assert replica["DeletionProtectionEnabled"] is True
    kinds = {"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"}
    for template in (prod.data, prod.chat):
        for name, resource in template["Resources"].items():
            if resource["Type"] in kinds:
                assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain"), name
    manifest = json.loads((prod.assembly / "manifest.json").read_text())
    assert manifest["artifacts"]["chatkit-prod-data"]["properties"]["terminationProtection"] is True


def test_dev_leaves_nothing_behind(dev: Stage) -> None:
    """In dev everything goes with its stack, but for API Gateway's log role, which belongs to the whole account."""
    for template in (dev.data, dev.chat):
        kept = {r["Type"] for r in template["Resources"].values() if r.get("DeletionPolicy") == "Retain"}
        assert kept <= {"AWS::ApiGateway::Account", "AWS::IAM::Role"}


def test_the_bucket_is_private(dev: Stage) -> None:
    """No object can become public, by policy or by ACL, and all are encrypted."""
    bucket = only(dev.data, "AWS::S3::Bucket")["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_bucket_speaks_tls_alone(dev: Stage) -> None:
    """The bucket's policy denies plain HTTP and TLS before 1.2, to everybody, and allows nothing."""
    document = only(dev.data, "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]
    assert {statement["Effect"] for statement in document["Statement"]} == {"Deny"}
    assert all(statement["Principal"] == {"AWS": "*"} for statement in document["Statement"])
    assert [statement["Condition"] for statement in document["Statement"]] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    ]
    assert all(len(listed(statement["Resource"])) == 2 for statement in document["Statement"])


def test_the_bucket_answers_the_pages_that_may_call(prod: Stage) -> None:
    """The CORS rule names exactly the configured origins, with methods and headers from `functions/attachments`."""
    (rule,) = only(prod.data, "AWS::S3::Bucket")["Properties"]["CorsConfiguration"]["CorsRules"]
    assert rule == {
        "AllowedOrigins": ["https://app.example.com", "https://admin.example.com"],
        "AllowedMethods": list(bucket_names.CORS_METHODS),
        "AllowedHeaders": list(bucket_names.CORS_HEADERS),
        "ExposedHeaders": list(bucket_names.CORS_EXPOSED_HEADERS),
        "MaxAge": bucket_names.CORS_MAX_AGE,
    }


def test_what_is_left_of_uploads_is_cleared(dev: Stage) -> None:
    """Parts of an upload that never finished go after a day, uploads that nobody has looked at after two; nothing else."""
    rules = only(dev.data, "AWS::S3::Bucket")["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [{name: value for name, value in rule.items() if name != "Id"} for rule in rules] == [
        {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Status": "Enabled", "Prefix": UPLOADS_PREFIX, "ExpirationInDays": 2},
    ]


def test_the_bucket_tells_eventbridge(dev: Stage) -> None:
    """Each new object is told, by the bucket itself: no function of the CDK's own is there to set it."""
    bucket = only(dev.data, "AWS::S3::Bucket")["Properties"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert of_type(dev.data, "AWS::Lambda::Function") == {}


def test_the_token_key_is_made_by_secrets_manager(dev: Stage) -> None:
    """The signing key is generated in the account, in the form that `functions/identity/tokens.py` reads."""
    secrets = of_type(dev.data, "AWS::SecretsManager::Secret")
    (made,) = (secret["Properties"] for secret in secrets.values() if "GenerateSecretString" in secret["Properties"])
    generator = made["GenerateSecretString"]
    assert (json.loads(generator["SecretStringTemplate"]), generator["GenerateStringKey"]) == ({"kid": "1"}, "key")
    assert (generator["PasswordLength"], generator["ExcludePunctuation"]) == (64, True)


def test_the_openai_secret_starts_empty(dev: Stage) -> None:
    """The OpenAI key is put by its operator: no template holds one, nor a value that could be taken for one."""
    secrets = of_type(dev.data, "AWS::SecretsManager::Secret")
    (empty,) = (s["Properties"] for s in secrets.values() if "GenerateSecretString" not in s["Properties"])
    assert "SecretString" not in empty
    assert "OpenAISecretArn" in dev.data["Outputs"]


def test_a_restored_table_takes_the_place_of_the_first(synthesise: Callable[..., Stage], dev: Stage) -> None:
    """All functions use it, and nothing else; the first stays, and so does what other stacks have imported of it."""
    stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/t-restored/stream/2026-11-28T10:00:00.000"
    stage = synthesise(restored_table="t-restored", restored_stream_arn=stream)
    functions = of_type(stage.chat, "AWS::Lambda::Function").values()
    named = [function["Properties"]["Environment"]["Variables"].get("TABLE_NAME") for function in functions]
    assert {name for name in named if name is not None} == {"t-restored"}
    assert only(stage.chat, "AWS::Lambda::EventSourceMapping")["Properties"]["EventSourceArn"] == stream
    used = json.dumps(stage.chat)
    assert ":table/t-restored" in used
    imported = re.findall(r'"Fn::ImportValue": "([^"]+)"', used)
    assert imported
    assert not [name for name in imported if "Table" in name]
    assert of_type(stage.data, "AWS::DynamoDB::GlobalTable") == of_type(dev.data, "AWS::DynamoDB::GlobalTable")

    def exports(template: dict[str, Any]) -> dict[str, Any]:
        outputs = template["Outputs"].values()
        return {output["Export"]["Name"]: output["Value"] for output in outputs if "Export" in output}

    assert exports(stage.data) == exports(dev.data)

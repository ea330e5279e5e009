"""A stage is deployed, as far as that goes without AWS: by `make deploy`'s own program and the CDK's command line, to
ministack's CloudFormation, behind TLS and with IAM policies evaluated (`AUTH`). Then the handlers work on what was deployed,
each with the environment and the role that were deployed for it; and each role is tried with what it must not do.

What ministack does not take, or does otherwise, and what is done about it (`tests/support/deployed.py`):

- `AWS::SecretsManager::RotationSchedule` is not known to it, and left out of the template. The rotation function is called
  by the test, as Secrets Manager would.
- `Ref` of a secret gives its name, not its ARN: the roles' policies are mended by the ARN, and nothing else of them.
- Its Lambda ignores the exec wrapper, and does not stream: the handlers run in processes of their own, from the sources;
  the package has its own test (`test_package.py`). So do triggers: the events of S3, of the table's stream and of the clock
  are handed over by the test. API Gateway and the Function URL are made, and not called (`STREAM` gives 500 there).
- The model's stand-in has no TLS, which only the stage `local` takes: so that is what the handlers are told theirs is.
- The roles trust Lambda alone; so that the test gets their credentials, the account's root is trusted besides.

What its evaluator takes into account: identity policies with actions, resources and conditions (`s3:prefix`,
`aws:SecureTransport`), each part of a DynamoDB transaction as the action that it is, and the bucket's policy. What it does
not: `dynamodb:LeadingKeys`, which `tests/support/leading_keys.py` adds, but for transactions; service control policies; and
what Lambda itself does with a role (writing logs, reading the stream), which is not tried.
"""

import json
import ssl
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.announcements.entries import SOURCE
from functions.attachments.objects import UPLOADS_PREFIX
from functions.local import samples
from functions.local.sample_uploads import _PNG
from functions.settings import LOCAL_STAGE
from tests.infra.conftest import ROOT, Stage
from tests.infra.probes import NEVER, NOBODY, PROBES, granted, is_allowed
from tests.support import handler_process, ministack_tls
from tests.support.announced import check
from tests.support.deployed import OPENAI_KEY, Deployed, taken
from tests.support.handler_process import Handler
from tests.support.model_answers import Stream
from tests.support.model_server import ModelServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

HANDLERS: dict[str, samples.FunctionName] = {
    "Chat": "chat",
    "Api": "api",
    "Thread": "thread",
    "Attachment": "attachment",
    "Sweep": "sweep",
    "Rotation": "rotation",
}
"""The functions, by their constructs' names, and what `functions.local.samples` calls them."""
ANSWER = "I am a stand-in."


@pytest.fixture(scope="module")
def deployed(dev: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployed stage, in an account of its own."""
    folder = tmp_path_factory.mktemp("deployed")
    with ministack_tls.running(folder) as endpoint:
        stage = Deployed(endpoint, taken(dev.assembly, folder))
        stage.refused = stage.up(OPENAI_API_KEY=OPENAI_KEY)
        stage.bootstrap()
        stage.done = stage.up(OPENAI_API_KEY=OPENAI_KEY)
        assert stage.done.returncode == 0, stage.done.stdout + stage.done.stderr
        stage.open_roles()
        yield stage


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """What the chat function asks in place of OpenAI."""
    with ModelServer() as server:
        server.script(Stream.text(*ANSWER.split(" ")))
        yield server


@pytest.fixture(scope="module")
def handlers(deployed: Deployed, model: ModelServer) -> Iterator[dict[str, Handler]]:
    """Each function's handler, as it was deployed."""
    with ExitStack() as stack:
        yield {
            function: stack.enter_context(
                handler_process.running(
                    samples.HANDLERS[name].removesuffix(".handler"),
                    deployed.function_environment(function, OPENAI_BASE_URL=model.url, STAGE=LOCAL_STAGE),
                )
            )
            for function, name in HANDLERS.items()
        }


@pytest.fixture(scope="module")
def token(handlers: dict[str, Handler]) -> str:
    """Alice's, from the api function: a server has asked for it by a signed call."""
    event = json.loads((ROOT / "events" / "api" / "chatkit_start.rest.json").read_text("utf-8"))
    event["requestContext"]["identity"]["userArn"] = "arn:aws:iam::123456789012:user/server"
    event["body"] = json.dumps({"user": "alice"})
    return samples.token_of(handlers["Api"](event))


def chat(handlers: Mapping[str, Handler], event: Mapping[str, Any]) -> str:
    """The body of the chat function's answer, which is a good one."""
    answer = handlers["Chat"](event)
    assert (answer.get("statusCode"), answer.get("failure")) == (200, None), answer
    assert '"type":"error"' not in answer["body"]
    return answer["body"]


def test_what_was_missing_was_said_and_nothing_changed(deployed: Deployed) -> None:
    """An account without a bootstrap is not deployed to: the command that makes one is told."""
    assert deployed.refused
    assert deployed.refused.returncode == 1
    assert "is not bootstrapped" in deployed.refused.stderr
    assert "bootstrap aws://123456789012/us-east-1" in deployed.refused.stderr
    assert "nothing was changed" in deployed.refused.stderr


def test_the_stage_was_handed_over(deployed: Deployed) -> None:
    """Its addresses are in the code for a page; the key is in its secret, and in nothing that was printed."""
    assert deployed.done
    assert f'url: "{deployed.outputs["ChatUrl"]}"' in deployed.done.stdout
    assert deployed.outputs["StartArn"] in deployed.done.stdout
    secret = deployed.client("secretsmanager").get_secret_value(SecretId=deployed.secret_arn("OpenAISecretArn"))
    assert secret["SecretString"] == OPENAI_KEY
    assert OPENAI_KEY not in deployed.done.stdout + deployed.done.stderr


def test_a_second_deployment_changes_nothing(deployed: Deployed) -> None:
    """Neither a resource nor the key; nobody is asked for one."""
    before = deployed.configuration("Chat")["LastModified"]
    again = deployed.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "stays" in again.stdout
    assert deployed.configuration("Chat")["LastModified"] == before


def test_a_conversation_is_held_and_deleted(deployed: Deployed, handlers: dict[str, Handler], token: str) -> None:
    """The chat function answers by what the model says, and gives the thread back; once it is deleted, the thread function
    leaves nothing of it in the table."""
    opened = chat(handlers, samples.thread_opening(token, now=time.time()))
    assert all(json.dumps(word)[1:-1] in opened for word in ANSWER.split(" "))
    thread = samples.opened_thread(opened.encode())[samples.THREAD]
    read = samples._post(
        "/chatkit", {"type": "threads.get_by_id", "params": {"thread_id": thread}}, now=time.time(), token=token
    )
    assert len(json.loads(chat(handlers, read))["items"]["data"]) == 2
    chat(handlers, samples.thread_deletion(token, thread, now=time.time()))
    event = samples.filled(
        (ROOT / "events" / "thread" / "thread_deleted.json").read_text("utf-8"),
        {samples.USER: "alice", samples.DELETED_THREAD_KEY: samples.thread_key("alice", thread)},
    )
    assert handlers["Thread"](event) == {"batchItemFailures": []}
    rows = deployed.client("dynamodb").scan(TableName=deployed.outputs["TableName"])["Items"]
    assert not [row for row in rows if thread in row["pk"]["S"]]


def test_a_file_is_uploaded_and_looked_at(deployed: Deployed, handlers: dict[str, Handler], token: str) -> None:
    """The chat function's signature lets a page put the file, the attachment function looks at it, and it is shown."""
    announced = samples.attachment_creation(token, mime_type="image/png", size=len(_PNG), now=time.time())
    created = json.loads(chat(handlers, announced))
    target = created["upload_descriptor"]
    trust = ssl.create_default_context(cafile=str(deployed.endpoint.certificate))
    request = urllib.request.Request(target["url"], data=_PNG, headers=target["headers"], method=target["method"])
    urllib.request.urlopen(request, timeout=60, context=trust).close()
    bucket = deployed.outputs["BucketName"]
    event = samples.object_created(urlsplit(target["url"]).path.removeprefix(f"/{bucket}/"))
    event["detail"]["bucket"]["name"] = bucket
    looked_at = handlers["Attachment"](event)
    assert "raised" not in looked_at, looked_at
    kept = deployed.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {one["Key"].partition("/")[0] for one in kept} == {"files", "previews"}
    chat(handlers, samples.attachment_deletion(token, created["id"], now=time.time()))
    assert deployed.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_small_file_is_taken_by_the_api_function(
    deployed: Deployed, handlers: dict[str, Handler], token: str
) -> None:
    """It announces the file, and puts it where a page would."""
    event = samples.filled(
        (ROOT / "events" / "api" / "chatkit_upload.rest.json").read_text("utf-8"), {samples.TOKEN: token}
    )
    answer = handlers["Api"](event)
    assert answer.get("statusCode") == 200, answer
    [kept] = deployed.client("s3").list_objects_v2(Bucket=deployed.outputs["BucketName"])["Contents"]
    assert kept["Key"].startswith(UPLOADS_PREFIX)
    attachment = json.loads(answer["body"])["id"]
    chat(handlers, samples.attachment_deletion(token, attachment, now=time.time()))


def test_what_happens_is_told_on_the_stages_bus(deployed: Deployed, handlers: dict[str, Handler], token: str) -> None:
    """By the chat function's own role; each event is of its form. A rule of somebody else's gets them."""
    events, sqs = deployed.client("events"), deployed.client("sqs")
    bus, name = deployed.outputs["EventBusName"], "somebody-elses"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        opened = chat(handlers, samples.thread_opening(token, now=time.time()))
        thread = samples.opened_thread(opened.encode())[samples.THREAD]
        told: dict[str, dict[str, Any]] = {}
        while set(told) != {"thread.created", "turn.completed"}:
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", ()):
                event = json.loads(message["Body"])
                # Of the file before, which another function has looked at, may be told only now.
                if event["detail"].get("thread_id") == thread:
                    told[event["detail-type"]] = event["detail"]
    finally:
        # With a rule on it, no bus is deleted.
        events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
        events.delete_rule(Name=name, EventBusName=bus)
    for kind, detail in told.items():
        check(kind, detail)
    chat(handlers, samples.thread_deletion(token, thread, now=time.time()))


def test_the_sweep_finds_what_is_there(handlers: dict[str, Handler]) -> None:
    """It goes through the days' uploads."""
    swept = handlers["Sweep"](json.loads((ROOT / "events" / "sweep" / "hourly.json").read_text("utf-8")))
    assert "raised" not in swept, swept


def test_the_key_is_rotated_and_tokens_stay_good(deployed: Deployed, handlers: dict[str, Handler], token: str) -> None:
    """The rotation function makes the four steps by its own role; who had a token goes on with it."""
    secrets, secret = deployed.client("secretsmanager"), deployed.secret_arn("TokenSecretArn")
    # What the schedule, which was left out, would do; ministack rotates at once all the same.
    arn = f"arn:aws:lambda:us-east-1:{ministack_tls.ACCOUNT}:function:rotation"
    secrets.rotate_secret(SecretId=secret, RotationLambdaARN=arn, RotateImmediately=False)
    for previous, stages in secrets.describe_secret(SecretId=secret)["VersionIdsToStages"].items():
        if "AWSPREVIOUS" in stages:
            secrets.update_secret_version_stage(
                SecretId=secret, VersionStage="AWSPREVIOUS", RemoveFromVersionId=previous
            )
    before = secrets.get_secret_value(SecretId=secret)["SecretString"]
    version = "01234567-89ab-4def-8123-456789abcdef"
    secrets.put_secret_value(SecretId=secret, ClientRequestToken=version, VersionStages=["AWSPENDING"])
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        # The function goes by the name that its environment has: ministack's for the ARN.
        event = {"Step": step, "SecretId": deployed.outputs["TokenSecretArn"], "ClientRequestToken": version}
        assert handlers["Rotation"](event) is None
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] != before
    listing = samples._post("/chatkit", {"type": "threads.list", "params": {}}, now=time.time(), token=token)
    assert "data" in json.loads(chat(handlers, listing))


@pytest.mark.parametrize("function", HANDLERS)
def test_what_is_not_granted_is_denied(deployed: Deployed, dev: Stage, function: str) -> None:
    """Each role is tried with all that any of them may do, and with what none may."""
    credentials = deployed.role_of(function)
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = deployed.client(service, credentials)
        return clients[service]

    allowed = {name for name, probe in PROBES.items() if is_allowed(probe, client, deployed)}
    assert allowed == granted(dev, function)
    never = {*NEVER[function].split(", "), *NOBODY.split(", ")}
    assert never <= set(PROBES)
    assert not allowed & never


def test_the_page_tells_how_many_calls_are_tried() -> None:
    """docs/deploy.md says the number."""
    assert len(PROBES) == 66
    assert "with sixty-six calls" in (ROOT / "docs" / "deploy.md").read_text("utf-8")


def test_nothing_is_taken_without_tls(deployed: Deployed) -> None:
    """The bucket's own policy denies what does not come by TLS, whoever asks."""
    policy = json.loads(deployed.client("s3").get_bucket_policy(Bucket=deployed.outputs["BucketName"])["Policy"])
    [secure] = [one for one in policy["Statement"] if "Bool" in one.get("Condition", {})]
    assert (secure["Effect"], secure["Condition"]["Bool"]) == ("Deny", {"aws:SecureTransport": "false"})


def test_a_protected_stage_is_not_removed(deployed: Deployed) -> None:
    """It is told how the protection is taken off."""
    cloudformation, name = deployed.client("cloudformation"), "chatkit-dev-data"
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    try:
        refused = deployed.command("down", "--stage", "dev", "--confirm", "dev")
    finally:
        cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    assert refused.returncode == 1
    assert f"--no-enable-termination-protection --stack-name {name}" in refused.stderr
    assert deployed.configuration("Chat")


def test_the_stage_is_removed(deployed: Deployed) -> None:
    """Last of all: once it is confirmed, with what lies in the bucket; what stays is said."""
    bucket = deployed.outputs["BucketName"]
    deployed.client("s3").put_object(Bucket=bucket, Key="files/left", Body=b"left")
    removed = deployed.command("down", "--stage", "dev", "--confirm", "dev")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert f"{bucket} (S3 Bucket) goes with all that is in it" in removed.stdout
    assert "Stage dev is gone." in removed.stdout
    assert "restore-secret" in removed.stdout
    stacks = deployed.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["CDKToolkit"]
    assert bucket not in {one["Name"] for one in deployed.client("s3").list_buckets()["Buckets"]}
    again = deployed.command("down", "--stage", "dev", "--confirm", "dev")
    assert (again.returncode, "no stage dev" in again.stdout) == (0, True)

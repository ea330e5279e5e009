"""What calls the thread function, read from the template."""

import json

from functions.store.stream import THREADS_GONE
from tests.infra.conftest import Stage
from tests.infra.reading import of_type, only, path_of, text


def test_the_thread_function_is_called_for_ended_threads_alone(dev: Stage) -> None:
    """The event source is the table's stream, filtered as `functions/store/stream.py` says, and calls the alias."""
    source = only(dev.chat, "AWS::Lambda::EventSourceMapping")["Properties"]
    (pattern,) = source["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == THREADS_GONE
    assert "StreamArn" in text(source["EventSourceArn"])
    alias = dev.chat["Resources"][source["FunctionName"]["Ref"]]
    assert alias["Type"] == "AWS::Lambda::Alias"
    assert "ThreadFunction" in json.dumps(alias["Properties"]["FunctionName"])
    assert source["StartingPosition"] == "TRIM_HORIZON"


def test_what_fails_is_tried_again_and_then_noted(dev: Stage) -> None:
    """Record by record and in halves; a note is written while the stream still holds the record for half a day."""
    source = only(dev.chat, "AWS::Lambda::EventSourceMapping")["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] == 30
    assert source["MaximumRecordAgeInSeconds"] == 12 * 60 * 60
    (destination,) = source["DestinationConfig"].values()
    queue, _ = destination["Destination"]["Fn::GetAtt"]
    assert path_of(of_type(dev.chat, "AWS::SQS::Queue")[queue]) == "Deletions/Failures"


def test_deletions_leave_room_for_users(dev: Stage) -> None:
    """Few calls at a time, and few calls at all: records are gathered for half a minute."""
    source = only(dev.chat, "AWS::Lambda::EventSourceMapping")["Properties"]
    assert source["ParallelizationFactor"] == 2
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (10, 30)


def test_the_event_source_waits_for_the_roles_permissions(dev: Stage) -> None:
    """Lambda refuses to make an event source whose function may not read the stream yet."""
    source = only(dev.chat, "AWS::Lambda::EventSourceMapping")
    policies = [name for name in of_type(dev.chat, "AWS::IAM::Policy") if name.startswith("Thread")]
    assert set(policies) <= set(source["DependsOn"])
    assert len(policies) == 1


def test_notes_are_kept_safe(dev: Stage) -> None:
    """Each queue is encrypted, speaks TLS alone, and keeps a note for two weeks."""
    queues = of_type(dev.chat, "AWS::SQS::Queue")
    assert {path_of(queue) for queue in queues.values()} == {"Deletions/Failures", "UploadFailures"}
    for queue in queues.values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    policies = of_type(dev.chat, "AWS::SQS::QueuePolicy").values()
    assert {policy["Properties"]["Queues"][0]["Ref"] for policy in policies} == set(queues)
    for policy in policies:
        first = policy["Properties"]["PolicyDocument"]["Statement"][0]
        assert (first["Effect"], first["Principal"], first["Action"]) == ("Deny", {"AWS": "*"}, "sqs:*")
        assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

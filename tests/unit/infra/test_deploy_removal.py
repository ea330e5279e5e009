"""What a removal says, and in which order it goes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.deploy.removal import Resource, announcement, plan, refusal, remains

MADE = datetime(2026, 11, 28, tzinfo=UTC)
TABLE = Resource("chatkit-dev-data", "AWS::DynamoDB::GlobalTable", "table-1", stays=False)
BUCKET = Resource("chatkit-dev-data", "AWS::S3::Bucket", "bucket-1", stays=False)
SECRET = Resource("chatkit-dev-data", "AWS::SecretsManager::Secret", "secret-1", stays=False)


def stack(name: str, minutes: int, *, protected: bool = False) -> dict[str, Any]:
    made = MADE + timedelta(minutes=minutes)
    return {"StackName": f"chatkit-dev-{name}", "CreationTime": made, "EnableTerminationProtection": protected}


def test_what_was_made_last_goes_first_and_the_data_last() -> None:
    """No stack is deleted while another uses it; the data even goes last where it was made anew."""
    made = plan("dev", [stack("chat", 1), stack("site", 3), stack("data", 2)], [])
    assert made.stacks == ("chatkit-dev-site", "chatkit-dev-chat", "chatkit-dev-data")


def test_a_protected_stage_is_refused() -> None:
    """With the command that takes the protection off, and what that does not do."""
    made = plan("dev", [stack("data", 1, protected=True), stack("chat", 2)], [TABLE])
    said = refusal(made)
    assert said is not None
    assert "--no-enable-termination-protection --stack-name chatkit-dev-data" in said
    assert "chatkit-dev-chat" not in said
    assert refusal(plan("dev", [stack("data", 1)], [TABLE])) is None


def test_what_goes_is_said_before() -> None:
    """The stacks, and what holds users' data."""
    said = announcement(plan("dev", [stack("data", 1)], [TABLE, BUCKET, SECRET]))
    assert "chatkit-dev-data" in said
    assert "table-1 (DynamoDB GlobalTable) goes with all that is in it" in said
    assert "bucket-1 (S3 Bucket) goes with all that is in it" in said


def test_what_stays_is_said_behind() -> None:
    """What is retained goes on costing; a deleted secret can be restored; a bucket that stays is not emptied."""
    kept = Resource("chatkit-dev-data", "AWS::S3::Bucket", "bucket-2", stays=True)
    made = plan("dev", [stack("data", 1)], [TABLE, BUCKET, SECRET, kept])
    assert made.buckets == ("bucket-1",)
    said = remains(made)
    assert "bucket-2 (S3 Bucket)" in said
    assert "restore-secret --secret-id secret-1" in said
    assert "table-1" not in said
    assert remains(plan("dev", [stack("data", 1)], [TABLE])) == "Nothing stays."

"""S3's events, as EventBridge hands them to the attachment function."""

import json
import logging
from typing import Any, cast

import pytest

from functions.attachments.arrivals import Arrivals
from functions.gateway.object_events import ObjectEvents
from functions.ids import owner_digest

BUCKET = "chatkit-prod-data-bucket"
ATTACHMENT = "atc_01KAQ4C3N0S9T0VW1X2Y3Z4A5B"
KEY = f"uploads/{owner_digest('alice')}/{ATTACHMENT}"
SECRET = "what the user wrote"


class Scripted:
    """Stands for `Arrivals`: knows what it was asked, and fails if it is told to."""

    def __init__(self, *, is_broken: bool = False) -> None:
        self.asked: list[str] = []
        self._is_broken = is_broken

    async def handle(self, key: str) -> str:
        self.asked.append(key)
        if self._is_broken:
            raise ZeroDivisionError(SECRET)
        return "uploaded"


def event(key: str = KEY, *, bucket: str = BUCKET, kind: str = "Object Created") -> dict[str, Any]:
    """An event as the user guide of S3 shows it."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-12T00:00:00Z",
        "region": "eu-central-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def handle(arrivals: Scripted, event: dict[str, Any]) -> dict[str, Any]:
    answer = ObjectEvents(cast("Arrivals", arrivals), bucket=BUCKET).handle(event)
    assert json.loads(json.dumps(answer)) == answer
    return answer


@pytest.mark.parametrize("key", [KEY, "uploads/a+b%20c", "uploads/\u202eä", ""])
def test_the_object_is_asked_for_by_its_very_name(key: str) -> None:
    """EventBridge's events have names as they are, where S3's own notifications encode them."""
    arrivals = Scripted()
    assert handle(arrivals, event(key)) == {"outcome": "uploaded"}
    assert arrivals.asked == [key]


@pytest.mark.parametrize(
    "other", [event(bucket="another"), event(kind="Object Deleted"), event(kind="Object Tags Added")]
)
def test_other_events_are_passed_over(other: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Of another bucket, or of another kind; an operator is told which event it was."""
    arrivals = Scripted()
    assert handle(arrivals, other) == {"outcome": "ignored"}
    assert arrivals.asked == []
    assert [vars(record)["event_id"] for record in caplog.records if record.levelname == "WARNING"] == [other["id"]]


def test_what_fails_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """The failure is the function's, so that Lambda repeats the event; the log says where, and nothing of the content."""
    with pytest.raises(ZeroDivisionError):
        handle(Scripted(is_broken=True), event())
    [record] = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert (record["attachment_id"], record["error"]) == (ATTACHMENT, "ZeroDivisionError")
    assert "test_object_events.py" in record["trace"]
    assert SECRET not in str(record)


def test_a_name_that_is_none_of_ours_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody may have written into it."""
    with caplog.at_level(logging.INFO, logger="functions"):
        handle(Scripted(), event(f"uploads/{SECRET}"))
    assert [vars(record)["attachment_id"] for record in caplog.records if record.name.startswith("functions")] == [None]
    assert SECRET not in caplog.text


@pytest.mark.parametrize("path", [(), ("bucket",), ("object",), ("object", "key")])
def test_what_is_no_event_fails(path: tuple[str, ...]) -> None:
    """Rather than to be taken for one that was served."""
    broken = event()
    where: Any = broken
    for name in ("detail", *path)[:-1]:
        where = where[name]
    del where[("detail", *path)[-1]]
    with pytest.raises(KeyError):
        handle(Scripted(), broken)

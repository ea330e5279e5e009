"""What is made of EventBridge's answers."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.announcements.base import Event
from functions.announcements.entries import Entry
from functions.announcements.eventbridge import EventBridge
from functions.announcements.events import thread_created
from functions.errors import InternalError, Unavailable
from functions.runtime.loop import run

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def told(count: int) -> list[Event]:
    return [thread_created("alice", f"thr_{number}", time=NOW) for number in range(count)]


class Client:
    """Answers with these codes, request by request: one for each entry, empty for one that is taken."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[list[Entry]] = []

    def put_events(self, *, Entries: Sequence[Entry]) -> Any:  # noqa: N803 - its name
        self.requests.append(list(Entries))
        answer = self._answers.pop(0) if self._answers else [""] * len(Entries)
        if isinstance(answer, Exception):
            raise answer
        results = [{"ErrorCode": code, "ErrorMessage": "secret"} if code else {"EventId": "e"} for code in answer]
        return {"FailedEntryCount": sum(map(bool, answer)), "Entries": results}

    def sent(self) -> list[list[str]]:
        """The events of each request, by the thread that they name."""
        return [
            [entry["Detail"].partition('"id":"thr_')[2].partition('"')[0] for entry in one] for one in self.requests
        ]


def put(client: Client, count: int) -> None:
    run(EventBridge(client=client, bus="bus", stage="test").put(told(count)))


def test_events_are_sent_ten_at_a_time() -> None:
    """In their order."""
    client = Client()
    put(client, 23)
    assert [len(request) for request in client.requests] == [10, 10, 3]
    assert [one for request in client.sent() for one in request] == [str(number) for number in range(23)]


def test_what_was_throttled_is_sent_again_and_nothing_else() -> None:
    """An entry that was taken is not doubled; one that is wrong stays so."""
    client = Client(["", "ThrottlingException", "MalformedDetail", "InternalFailure"])
    put(client, 4)
    assert client.sent() == [["0", "1", "2", "3"], ["1", "3"]]


def test_what_is_not_taken_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With the event's name and id and the code, and without EventBridge's text, which may quote the entry."""
    put(Client(["MalformedDetail", "ThrottlingException", ""], ["InternalException"]), 3)
    found = [
        (record.levelno, vars(record)["event"], vars(record)["event_id"], vars(record)["code"])
        for record in caplog.records
    ]
    assert found == [
        (logging.ERROR, "thread.created", "thr_0", "MalformedDetail"),
        (logging.ERROR, "thread.created", "thr_1", "InternalException"),
    ]
    assert "secret" not in caplog.text


def test_a_request_that_fails_is_told_as_ours() -> None:
    """One that may fare better another time, and one that may not."""
    with pytest.raises(Unavailable):
        put(Client(ReadTimeoutError(endpoint_url="https://example.com")), 1)
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutEvents")
    with pytest.raises(InternalError):
        put(Client(denied), 1)

"""What every bus does with events. (moto delivers none without a library that nothing else here needs.)"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from functions.announcements import events
from functions.announcements.base import Bus, Event
from functions.announcements.entries import MOST_ENTRIES, SOURCE, detail
from functions.announcements.eventbridge import EventBridge
from functions.identity.base import owner
from functions.runtime.loop import run
from tests.support.announced import MemoryBus, check
from tests.support.ministack import Ministack

NOW = datetime(2026, 11, 28, 19, 36, 57, 120_000, tzinfo=UTC)
BUS = "chatkit-contract"


@dataclass
class Heard:
    """A bus, and what a subscriber to all of it gets: pairs of name and `detail`."""

    bus: Bus
    take: Callable[[int], list[tuple[str, dict[str, Any]]]]
    """As many as are expected, in no order."""


@pytest.fixture(scope="module", params=["memory", "ministack"])
def heard(request: pytest.FixtureRequest) -> Iterator[Heard]:
    if request.param == "memory":
        bus = MemoryBus()

        def take(count: int) -> list[tuple[str, dict[str, Any]]]:
            told, bus.events = bus.events, []
            assert len(told) == count
            return [(event.name, json.loads(json.dumps(detail(event, stage="test")))) for event in told]

        yield Heard(bus, take)
        return
    ministack: Ministack = request.getfixturevalue("ministack")
    session: Any = boto3
    client = session.client("events", **ministack.client_arguments())
    sqs = session.client("sqs", **ministack.client_arguments())
    client.create_event_bus(Name=BUS)
    queue = sqs.create_queue(QueueName=BUS)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps({"source": [SOURCE]}))
    client.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])

    def receive(count: int) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        while len(found) < count:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                event = json.loads(message["Body"])
                assert event["source"] == SOURCE
                found.append((event["detail-type"], event["detail"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) == count
        return found

    try:
        yield Heard(EventBridge(client=client, bus=BUS, stage="test"), receive)
    finally:
        client.close()
        sqs.close()


def put(heard: Heard, *told: Event) -> list[tuple[str, dict[str, Any]]]:
    """What a subscriber gets of these events, sorted by their ids."""
    run(heard.bus.put(told))
    return sorted(heard.take(len(told)), key=lambda one: one[1]["id"])


def test_an_event_comes_as_it_was_told(heard: Heard) -> None:
    """Also where it is not of ASCII; in its documented form."""
    event = events.thread_created(owner("Ålice 📎", "acme"), "thr_1", time=NOW)
    ((name, content),) = put(heard, event)
    check(name, content)
    assert (name, content) == (
        "thread.created",
        {
            "version": 1,
            "id": "thr_1",
            "time": "2026-11-28T19:36:57.120Z",
            "stage": "test",
            "tenant": "acme",
            "user": "Ålice 📎",
            "thread_id": "thr_1",
        },
    )


def test_more_events_than_one_request_takes(heard: Heard) -> None:
    """Each comes once."""
    count = 2 * MOST_ENTRIES + 3
    told = [
        events.thread_created("alice", f"thr_{number:03}", time=NOW + timedelta(seconds=number))
        for number in range(count)
    ]
    assert [content["id"] for _, content in put(heard, *told)] == [event.id for event in told]


def test_the_largest_texts(heard: Heard) -> None:
    """What was cut to fit does fit."""
    content = events.turn_content("\x00" * 100_000, "📎" * 100_000)
    timings = {"duration_ms": 1.0, "first_byte_ms": 1.0, "first_event_ms": None, "first_text_ms": None}
    event = events.turn_completed(
        "alice", "t", "u", time=NOW, outcome="completed", request_id="r", usage=[], timings=timings, content=content
    )
    ((name, got),) = put(heard, event)
    check(name, got)
    assert got["content"] == content


def test_no_event_is_nothing(heard: Heard) -> None:
    """Nobody is asked."""
    assert put(heard) == []

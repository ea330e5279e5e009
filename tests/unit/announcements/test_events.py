"""The events' forms."""

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.announcements import events
from functions.announcements.base import Event
from functions.announcements.entries import MOST_BYTES, MOST_ENTRIES, detail, entry, portions, size, timestamp
from functions.announcements.events import CONTENT_BYTES, cut
from functions.identity.base import owner, parted
from tests.support.announced import NAMES, check

NOW = datetime(2026, 11, 28, 19, 36, 57, 120_999, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
"""Also of lone surrogates, which have no UTF-8."""
TIMINGS = {"duration_ms": 6.0, "first_byte_ms": 1.0, "first_event_ms": None, "first_text_ms": 2.5}
USAGE = [
    {
        "model": "m",
        "responses": 1,
        "input_tokens": 2,
        "cached_tokens": 0,
        "output_tokens": 3,
        "reasoning_tokens": 0,
    }
]
ALL = (
    events.thread_created("alice", "thr_1", time=NOW),
    events.turn_completed(
        "alice", "thr_1", "turn_1", time=NOW, outcome="completed", request_id="r", usage=USAGE, timings=TIMINGS
    ),
    events.turn_failed("alice", "thr_1", "turn_1", time=NOW, reason="internal"),
    events.feedback_received("alice", "thr_1", ["msg_1"], "negative", event_id="evt_1", time=NOW),
    events.attachment_uploaded("alice", "atc_1", time=NOW, mime_type="text/plain", size=0),
    events.quota_exceeded("alice", event_id="evt_2", time=NOW, limit="threads", of="tenant", retry_after=None),
)


def bytes_of(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


def test_there_is_one_of_each_name() -> None:
    """What this module checks is all that there is."""
    assert tuple(event.name for event in ALL) == NAMES


@pytest.mark.parametrize("event", ALL, ids=NAMES)
def test_each_has_its_documented_form(event: Event) -> None:
    """With and without a tenant."""
    check(event.name, detail(event, stage="dev"))
    check(event.name, detail(event._replace(owner=owner("alice", "acme")), stage="dev"))


def test_an_event_with_content_has_its_form_too() -> None:
    """The texts of a turn, and a file's name."""
    content = events.turn_content("Hi", "Hello")
    done = events.turn_completed(
        "alice", "t", "u", time=NOW, outcome="stopped", request_id="", usage=[], timings=TIMINGS, content=content
    )
    check(done.name, detail(done, stage="dev"))
    assert done.fields["content"] == {"message": "Hi", "answer": "Hello", "is_cut": False}
    failed = events.turn_failed("alice", "t", "u", time=NOW, reason="x", content=events.turn_content(None, ""))
    check(failed.name, detail(failed, stage="dev"))
    file = events.attachment_uploaded("alice", "a", time=NOW, mime_type="text/plain", size=1, name="plan.txt")
    check(file.name, detail(file, stage="dev"))


def test_an_entry_is_what_eventbridge_takes() -> None:
    """With the detail as compact JSON, in which nothing but what must be is escaped."""
    made = entry(ALL[0]._replace(owner=owner("Ålice", "acme")), stage="prod", bus="bus")
    assert json.loads(made.pop("Detail")) == {
        "version": 1,
        "id": "thr_1",
        "time": "2026-11-28T19:36:57.120Z",
        "stage": "prod",
        "tenant": "acme",
        "user": "Ålice",
        "thread_id": "thr_1",
    }
    assert made == {"EventBusName": "bus", "Source": "chatkit-lambda", "DetailType": "thread.created", "Time": NOW}


def test_times_are_of_utc() -> None:
    """Whatever zone they come in; one without is a mistake."""
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert timestamp(there) == timestamp(NOW) == "2026-11-28T19:36:57.120Z"
    with pytest.raises(ValueError, match="zone"):
        timestamp(NOW.replace(tzinfo=None))


@given(TEXT, st.integers(2, 200))
def test_a_text_is_cut_to_its_bytes_as_json(text: str, most: int) -> None:
    """It begins as the text does, has no more bytes, and could not have had more characters; all of it is said to be all."""
    start, is_whole = cut(text, most)
    clean = text.encode(errors="replace").decode()
    assert clean.startswith(start)
    assert bytes_of(start) <= most
    assert is_whole == (start == clean)
    assert is_whole or bytes_of(clean[: len(start) + 1]) > most


def test_the_largest_event_is_billed_as_one() -> None:
    """Two texts of characters that are escaped, and everything else as long as it can be, within 64 KB."""
    content = events.turn_content("\x00" * 100_000, "\U0001f600" * 1_000_000)
    assert content["is_cut"]
    event = events.turn_completed(
        owner("\N{SNOWMAN}" * 256, "\N{SNOWMAN}" * 128),
        "t" * 30,
        "u" * 30,
        time=NOW,
        outcome="completed",
        request_id="r" * 100,
        usage=USAGE * 10,
        timings=TIMINGS,
        content=content,
    )
    assert 2 * CONTENT_BYTES - 20 <= size(entry(event, stage="prod", bus="bus")) <= 64_000


@given(st.lists(st.integers(0, MOST_BYTES), max_size=40))
def test_portions_keep_order_and_limits(lengths: list[int]) -> None:
    """No entry is lost; each request has as many as it takes, and one that is too large by itself stands alone."""
    entries = [
        {"Source": "", "DetailType": "", "Detail": "x" * length, "Time": number}
        for number, length in enumerate(lengths)
    ]
    found = list(portions(entries))
    assert [one for portion in found for one in portion] == entries
    for portion in found:
        assert 1 <= len(portion) <= MOST_ENTRIES
        assert len(portion) == 1 or sum(map(size, portion)) <= MOST_BYTES
    for before, after in pairwise(found):
        assert len(before) == MOST_ENTRIES or sum(map(size, before)) + size(after[0]) > MOST_BYTES


@given(st.text("abc", min_size=1, max_size=5), st.none() | st.text("abc", min_size=1, max_size=5))
def test_an_owner_falls_into_its_parts(user: str, tenant: str | None) -> None:
    """As it was put together."""
    assert parted(owner(user, tenant)) == (user, tenant)

"""A response's stream becomes ChatKit events."""

import copy
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.folding import OpenItems
from functions.errors import ModelError
from functions.ids import IdFactory
from functions.model.to_chatkit import ResponseReader
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import AssistantMessageItem, WorkflowItem
from functions.protocol.updates import AssistantMessageContentPartTextDelta
from tests.support.own_streams import STREAMS
from tests.support.streams import Event, StreamWriter, Text, read_events, recording_cases, text_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def read(events: Sequence[Event]) -> tuple[list[ThreadStreamEvent], ModelError | None]:
    """All ChatKit events of a stream, and the failure that it ended with."""
    reader = ResponseReader(thread_id="thr_x", ids=IdFactory(), now=lambda: NOW)
    out: list[ThreadStreamEvent] = []
    try:
        for event in events:
            out += reader.feed(event)
        reader.end()
    except ModelError as error:
        return out, error
    return out, None


def streamed_text(events: Sequence[ThreadStreamEvent]) -> str:
    return "".join(
        event.update.delta
        for event in events
        if isinstance(event, ThreadItemUpdatedEvent) and isinstance(event.update, AssistantMessageContentPartTextDelta)
    )


def messages(events: Sequence[ThreadStreamEvent]) -> list[AssistantMessageItem]:
    return [
        event.item
        for event in events
        if isinstance(event, ThreadItemDoneEvent) and isinstance(event.item, AssistantMessageItem)
    ]


def final_text(events: Sequence[ThreadStreamEvent]) -> str:
    return "".join(part.text for message in messages(events) for part in message.content)


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_the_text_of_each_own_stream_arrives_whole_in_its_deltas(name: str) -> None:
    """What the deltas spell is what the model's deltas spell, whatever characters they were cut in."""
    stream = STREAMS[name]()
    events, _ = read(stream)
    assert streamed_text(events) == text_of(stream)
    for event in events:
        event.model_dump_json()


@pytest.mark.parametrize("path", recording_cases())
def test_the_text_of_each_recording_arrives_whole_in_its_deltas_and_in_its_items(path: Path) -> None:
    """Streams of the real API come through character by character, streamed and final."""
    stream = read_events(path)
    events, failure = read(stream)
    assert streamed_text(events) == text_of(stream) == final_text(events)
    assert (failure is None) == (stream[-1]["type"] == "response.completed")


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_an_item_is_opened_once_and_done_once_and_updated_only_in_between(name: str) -> None:
    """The client's order holds: added, then updates, then done."""
    events, _ = read(STREAMS[name]())
    is_open: set[str] = set()
    for event in events:
        match event:
            case ThreadItemAddedEvent():
                assert event.item.id not in is_open
                is_open.add(event.item.id)
            case ThreadItemDoneEvent():
                is_open.remove(event.item.id)
            case ThreadItemUpdatedEvent():
                assert event.item_id in is_open
            case _:
                pytest.fail(f"an unexpected event: {event.type}")


@pytest.mark.parametrize(
    ("name", "message", "allow_retry"),
    [
        ("failed", "The model could not finish its answer.", True),
        ("error-nested", "The model could not finish its answer.", True),
        ("incomplete-max-tokens", "The answer was cut short by the model's limits.", False),
    ],
)
def test_a_terminal_event_that_is_no_success_is_an_error_after_all_that_was_said(
    name: str, message: str, allow_retry: bool
) -> None:
    """What the model said before it failed is passed on, then the failure is raised."""
    stream = STREAMS[name]()
    events, failure = read(stream)
    assert failure is not None
    assert failure.message == message
    assert failure.allow_retry is allow_retry
    assert streamed_text(events) == text_of(stream)


@given(cut=st.integers(min_value=0, max_value=18))
def test_a_stream_without_its_terminal_event_is_a_broken_answer(cut: int) -> None:
    """Wherever a stream is cut, its end is noticed, and its text so far is whole."""
    stream = STREAMS["text"]()
    assert len(stream) == 20
    events, failure = read(stream[:cut])
    assert failure is not None
    assert failure.message == "The answer broke off."
    assert streamed_text(events) == text_of(stream[:cut])


@given(
    text=st.text(alphabet=st.characters(), min_size=1),
    cuts=st.lists(st.integers(min_value=0, max_value=200)),
)
def test_text_cut_anywhere_even_within_a_surrogate_pair_comes_through(text: str, cuts: list[int]) -> None:
    """Deltas cut in UTF-16 units give the text again, and no event holds half a character."""
    units = text.encode("utf-16-le")
    places = sorted({0, *(2 * cut for cut in cuts if 2 * cut < len(units)), len(units)})
    deltas = [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in itertools.pairwise(places)]
    writer = StreamWriter("cut")
    writer.message(Text(deltas))
    events, failure = read(writer.complete())
    assert failure is None
    assert streamed_text(events) == text == final_text(events)


def test_half_a_character_that_is_never_completed_becomes_a_replacement_character() -> None:
    """A lone surrogate, which no client could be sent, does not break the answer."""
    stream = STREAMS["text"]()
    for event in stream:
        if event["type"] == "response.output_item.done":
            event["item"]["content"][0]["text"] += "\ud83d"
    events, _ = read(stream)
    assert final_text(events) == text_of(STREAMS["text"]()) + "\ufffd"


@given(data=st.data())
def test_messages_that_are_open_at_once_fold_to_the_same_texts_in_any_interleaving(data: st.DataObject) -> None:
    """Output items are told apart by their index, not by who spoke last."""
    streams: list[list[Event]] = []
    for index, words in enumerate((["a ", "b ", "c"], ["d ", "e"], ["f"])):
        writer = StreamWriter(f"message-{index}")
        writer.message(Text(words))
        body = copy.deepcopy(writer.events[2:])
        for event in body:
            event["output_index"] = index
        streams.append(body)
    merged: list[Event] = []
    while any(streams):
        chosen = data.draw(st.sampled_from([stream for stream in streams if stream]))
        merged.append(chosen.pop(0))
    events, failure = read([*merged, {"type": "response.completed"}])
    assert failure is None
    assert sorted(part.text for message in messages(events) for part in message.content) == ["a b c", "d e", "f"]


def test_an_id_that_changes_on_the_way_makes_no_second_item() -> None:
    """Proxies have been seen to rename a message between `added` and `done`."""
    stream = STREAMS["text"]()
    stream[-2]["item"]["id"] = "msg_renamed"
    for event in stream[5:]:
        if "item_id" in event:
            event["item_id"] = "msg_renamed"
    events, failure = read(stream)
    assert failure is None
    assert len(messages(events)) == 1
    assert final_text(events) == text_of(stream)


def test_reasoning_text_parts_are_not_shown_and_leave_no_gap() -> None:
    """The client's content indexes count only what the client is shown."""
    writer = StreamWriter("hidden-part")
    writer.message(Text(["thought"]), Text(["said"]))
    stream = writer.complete()
    for event in stream:
        if event.get("content_index") == 0:
            if "part" in event:
                event["part"] = {"type": "reasoning_text", "text": "thought"}
            if event["type"] == "response.output_text.delta":
                event["type"] = "response.reasoning_text.delta"
        if event["type"] == "response.output_item.done":
            event["item"]["content"][0] = {"type": "reasoning_text", "text": "thought"}
    events, failure = read(stream)
    assert failure is None
    assert streamed_text(events) == "said" == final_text(events)
    indexes = {
        event.update.content_index
        for event in events
        if isinstance(event, ThreadItemUpdatedEvent) and isinstance(event.update, AssistantMessageContentPartTextDelta)
    }
    assert indexes == {0}


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_folding_the_updates_gives_what_the_done_item_holds(name: str) -> None:
    """An answer that is kept because its turn broke off at its last moment equals the one that was finished."""
    events, _ = read(STREAMS[name]())
    folded = OpenItems()
    for event in events:
        match event:
            case ThreadItemAddedEvent():
                folded.add(event.item)
            case ThreadItemUpdatedEvent():
                folded.update(event.item_id, event.update)
            case ThreadItemDoneEvent():
                kept = next(item for item in folded if item.id == event.item.id)
                if isinstance(kept, WorkflowItem) and isinstance(event.item, WorkflowItem):
                    # Its duration is known at its end.
                    kept.workflow.summary = event.item.workflow.summary
                assert kept == event.item
                folded.close(event.item.id)
            case _:
                pytest.fail(f"an unexpected event: {event.type}")


def test_a_delta_for_a_message_that_was_never_opened_is_an_unreadable_answer() -> None:
    """Nonsense from the model's side is the model's failure, not a crash."""
    stray = {"type": "response.output_text.delta", "output_index": 7, "content_index": 0, "delta": "x"}
    _, failure = read([stray])
    assert failure is not None
    assert failure.message == "The model's answer could not be read."

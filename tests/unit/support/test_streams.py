"""The project's own streams are what the API sends, by the API's own types."""

import json
from pathlib import Path

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.support import streams
from tests.support.own_streams import SEPARATORS, STREAMS, encoded

_EVENTS = TypeAdapter[object](ResponseStreamEvent)
_UNKNOWN_ON_PURPOSE = {"response.murmur.started", "keepalive"}
_TERMINAL = {"response.completed", "response.failed", "response.incomplete", "error"}

every_own_stream = pytest.mark.parametrize("path", streams.own_streams(), ids=lambda path: path.stem)
every_stream = pytest.mark.parametrize("path", [*streams.own_streams(), *streams.recordings()], ids=lambda p: p.stem)


def _halves_of_pairs(line: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in json.dumps(json.loads(line), ensure_ascii=False))


def test_the_files_are_what_their_makers_write() -> None:
    """`tests/streams/` holds exactly the streams of `own_streams.py`, byte for byte."""
    on_disk = {path.stem: path.read_bytes() for path in streams.own_streams()}
    assert on_disk == {name: encoded(maker()) for name, maker in STREAMS.items()}


@every_own_stream
def test_events_are_of_the_api(path: Path) -> None:
    """Each event parses strictly with the type that openai has for it, but for those that are odd on purpose."""
    for line in streams.read_lines(path):
        event = json.loads(line)
        nested_error = event["type"] == "error"
        if event["type"] not in _UNKNOWN_ON_PURPOSE and not nested_error and not _halves_of_pairs(line):
            _EVENTS.validate_json(line, strict=True)


@every_stream
def test_events_are_numbered_and_the_last_is_terminal(path: Path) -> None:
    """Sequence numbers rise by one, and the stream ends with a terminal event and no sooner."""
    events = streams.read_events(path)
    first = events[0]["sequence_number"]
    assert [event["sequence_number"] for event in events] == list(range(first, first + len(events)))
    assert events[-1]["type"] in _TERMINAL
    assert not {event["type"] for event in events[:-1]} & (_TERMINAL - {"error"})


@every_stream
def test_deltas_add_up_to_the_done_text(path: Path) -> None:
    """For each text or refusal part that was closed, the deltas joined are the text that the done event holds."""
    deltas: dict[tuple[str, int], list[str]] = {}
    for event in streams.read_events(path):
        match event["type"]:
            case "response.output_text.delta" | "response.refusal.delta":
                deltas.setdefault((event["item_id"], event["content_index"]), []).append(event["delta"])
            case "response.output_text.done" | "response.refusal.done":
                whole = event["text"] if "text" in event else event["refusal"]
                assert streams.joined(deltas.get((event["item_id"], event["content_index"]), [])) == whole


@every_own_stream
def test_the_terminal_event_repeats_the_finished_items(path: Path) -> None:
    """The response in the last event holds every item as its `output_item.done` gave it."""
    events = streams.read_events(path)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    if events[-1]["type"] != "error":
        assert events[-1]["response"]["output"] == done


def test_line_separators_are_raw_in_the_file() -> None:
    """U+2028, U+2029 and U+0085 stand in the file as themselves, where a careless line splitter would cut."""
    content = (streams.OWN_STREAMS / "text-characters.jsonl").read_bytes().decode()
    assert all(mark in content for mark in SEPARATORS)
    assert len(content.splitlines()) > len(streams.read_lines(streams.OWN_STREAMS / "text-characters.jsonl"))


def test_split_pairs_become_whole_characters() -> None:
    """Halves of surrogate pairs in neighbouring deltas are one character of the joined text."""
    events = streams.read_events(streams.OWN_STREAMS / "text-split-surrogates.jsonl")
    assert streams.text_of(events) == "Well done \U0001f389 and \U0001f600\U0001f680!"
    assert "\ud83c" in [event.get("delta") for event in events]


@pytest.mark.parametrize("count", [1, 43, 2000])
def test_words_counts_deltas(count: int) -> None:
    """`words` gives as many deltas as were asked for, none of them empty."""
    deltas = streams.words(count)
    assert len(deltas) == count
    assert all(deltas)


def test_recordings_follow_their_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`RECORDINGS_DIR` says where recordings are; where there are none, the one case left is skipped and names it."""
    monkeypatch.setenv("RECORDINGS_DIR", str(tmp_path))
    (case,) = streams.recording_cases()
    assert case.marks[0].name == "skip"
    assert "RECORDINGS_DIR" in case.marks[0].kwargs["reason"]
    (tmp_path / "one.jsonl").write_text("")
    assert [case.id for case in streams.recording_cases()] == ["one"]

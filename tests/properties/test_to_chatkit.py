"""Whatever the order in which a response's items are told, and wherever its stream is cut: nothing is lost."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.protocol.items import AssistantMessageItem, GeneratedImageItem, ThreadItem, WorkflowItem
from functions.protocol.tasks import ThoughtTask
from tests.support.mapped import Folded, mapped
from tests.support.output_items import (
    code_interpreter,
    completed,
    file_search,
    image,
    mcp_call,
    message,
    reasoning,
    web_search,
)
from tests.support.own_streams import STREAMS
from tests.support.streams import Event, read_events, recordings

WORDS = st.text(alphabet=st.sampled_from("ab \n\u2028\u0085é\U0001f600"), max_size=6)
DELTAS = st.lists(WORDS, max_size=5)
URL = st.builds(
    lambda end, host: {"type": "url_citation", "end_index": end, "url": f"https://{host}.org", "title": host},
    st.integers(0, 50),
    st.sampled_from(["x", "y"]),
)


@st.composite
def responses(draw: st.DrawFn) -> list[list[Event]]:
    """A response's items, each with its events; tool calls are told apart by their arguments."""
    makers = {
        "message": lambda index: message(index, *draw(DELTAS), citations=draw(st.lists(URL, max_size=3))),
        "reasoning": lambda index: reasoning(index, *draw(st.lists(DELTAS, max_size=3))),
        "search": lambda index: web_search(index, action={"type": "search", "query": f"query {index}"}),
        "files": lambda index: file_search(index, queries=[f"files {index}"]),
        "code": lambda index: code_interpreter(index, f"code({index})"),
        "mcp": lambda index: mcp_call(index, arguments=f"{{{index}}}"),
        "image": lambda index: image(index, "AAAA", result=draw(st.sampled_from(["AAAA", "BBBB", None]))),
    }
    kinds = draw(st.lists(st.sampled_from(sorted(makers)), max_size=6))
    return [makers[kind](index) for index, kind in enumerate(kinds)]


def woven(draw: Callable[..., Any], parts: list[list[Event]]) -> list[Event]:
    """The events of all items in some order that keeps each item's own."""
    left = [list(part) for part in parts]
    events: list[Event] = []
    while any(left):
        events.append(draw(st.sampled_from([part for part in left if part])).pop(0))
    return events


def told(items: list[ThreadItem]) -> dict[str, list[Any]]:
    """What a thread tells, whatever the order and the workflows that hold it: texts, tasks, pictures."""
    found: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        match item:
            case AssistantMessageItem():
                found["messages"].append([part.model_dump() for part in item.content])
            case WorkflowItem():
                assert item.workflow.tasks, "an empty workflow"
                assert item.workflow.summary is not None
                found["tasks"] += [task.model_dump() for task in item.workflow.tasks]
            case GeneratedImageItem():
                assert item.image is not None
                found["pictures"].append(item.image.url)
            case _:
                raise AssertionError(item.type)
    return {kind: sorted(one, key=repr) for kind, one in found.items()}


@settings(deadline=None)
@given(data=st.data(), parts=responses())
def test_any_order_of_interleaved_items_folds_to_the_same_result(data: st.DataObject, parts: list[list[Event]]) -> None:
    """Texts, sources, tasks and pictures are the same as when the items come one after the other; nothing stays open."""
    in_turn = mapped([*(event for part in parts for event in part), completed()])
    mixed = mapped([*woven(data.draw, parts), completed()])
    assert in_turn.failure is mixed.failure is None
    folded = Folded().fold(mixed.events)
    assert list(folded.open) == []
    assert told(folded.done) == told(Folded().fold(in_turn.events).done)


@settings(deadline=None)
@given(data=st.data(), parts=responses())
def test_a_cut_at_any_event_leaves_all_text_that_was_said(data: st.DataObject, parts: list[list[Event]]) -> None:
    """The open and the finished items together hold every delta of a message before the cut, and every finished task."""
    events = [*woven(data.draw, parts), completed()]
    cut = events[: data.draw(st.integers(0, len(events) - 1))]
    found = mapped(cut)
    assert found.failure is not None
    assert found.failure.message == "The answer broke off."
    folded = Folded().fold(found.events)
    kept = [*folded.done, *folded.open]
    said: dict[int, str] = defaultdict(str)
    for event in cut:
        if event["type"] == "response.output_text.delta":
            said[event["output_index"]] += event["delta"]
    texts = ["".join(part.text for part in item.content) for item in kept if isinstance(item, AssistantMessageItem)]
    assert sorted(filter(None, texts)) == sorted(filter(None, said.values()))
    thoughts = [
        task.content
        for item in kept
        if isinstance(item, WorkflowItem)
        for task in item.workflow.tasks
        if isinstance(task, ThoughtTask)
    ]
    whole = [
        event["text"] for event in cut if event["type"] == "response.reasoning_summary_text.done" and event["text"]
    ]
    assert all(thoughts.count(text) >= whole.count(text) for text in whole)


TEXT_DELTAS = {"response.output_text.delta", "response.refusal.delta"}
SOURCES = {f"own-{name}": maker for name, maker in STREAMS.items()} | {
    path.stem: partial(read_events, path) for path in recordings()
}


@pytest.mark.parametrize("name", SOURCES)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_a_real_stream_cut_anywhere_keeps_what_was_said(name: str, data: st.DataObject) -> None:
    """Recorded streams, and the project's own, cut after any event: the text so far is whole, in items that fold."""
    stream = SOURCES[name]()
    cut = stream[: data.draw(st.integers(0, len(stream) - 1))]
    found = mapped(cut)
    assert found.failure is not None
    folded = Folded().fold(found.events)
    kept = [*folded.done, *folded.open]
    text = "".join(part.text for item in kept if isinstance(item, AssistantMessageItem) for part in item.content)
    deltas = "".join(event["delta"] for event in cut if event["type"] in TEXT_DELTAS)
    # Half a character at the very end is no text yet.
    assert text == deltas.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")

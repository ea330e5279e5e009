"""A turn told from what is stored of it, held against folding: what a client makes of it is what was stored."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.engine.folding import OpenItems
from functions.engine.retelling import Retelling
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import THREAD_ITEM, ThreadItem, is_hidden
from tests.support.widgets import UNHURRIED, WIDGETS, WORDS, next_states

Json = dict[str, Any]
Look = tuple[list[ThreadItem], list[ThreadItem]]
NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat()

ANNOTATIONS = st.builds(
    lambda title, index: {"source": {"type": "url", "title": title, "url": "https://example.com"}, "index": index},
    WORDS,
    st.integers(0, 3),
)
PARTS = st.fixed_dictionaries({"text": WORDS, "annotations": st.lists(ANNOTATIONS, max_size=2)})
TASKS = st.fixed_dictionaries(
    {"type": st.just("custom"), "title": WORDS, "status_indicator": st.sampled_from(["none", "loading", "complete"])}
)
IMAGES = st.fixed_dictionaries(
    {"id": st.just("img"), "url": st.sampled_from(["https://a.example/", "https://b.example/"])}
)

FRESH: dict[str, st.SearchStrategy[Json]] = {
    "assistant_message": st.fixed_dictionaries({"content": st.lists(PARTS, max_size=2)}),
    "workflow": st.fixed_dictionaries(
        {"workflow": st.fixed_dictionaries({"type": st.just("custom"), "tasks": st.lists(TASKS, max_size=3)})}
    ),
    "widget": st.fixed_dictionaries({"widget": WIDGETS}),
    "generated_image": st.fixed_dictionaries({}, optional={"image": IMAGES}),
    "end_of_turn": st.just({}),
    "hidden_context_item": st.fixed_dictionaries({"content": WORDS}),
}


@st.composite
def later_parts(draw: st.DrawFn, part: Json) -> Json:
    """Mostly the same part with more text or one more source; now and then another."""
    change = draw(st.sampled_from(["none", "text", "text", "source", "another"]))
    if change == "another":
        return draw(PARTS)
    more = draw(WORDS) if change == "text" else ""
    sources = [draw(ANNOTATIONS)] if change == "source" else []
    return {"text": part["text"] + more, "annotations": part["annotations"] + sources}


@st.composite
def later(draw: st.DrawFn, kind: str, fields: Json) -> Json:
    """What an open item may have become a second later."""
    match kind:
        case "assistant_message":
            parts = [draw(later_parts(part)) for part in fields["content"]]
            return {"content": parts + draw(st.lists(PARTS, max_size=1))}
        case "workflow":
            tasks = list(fields["workflow"]["tasks"])
            if draw(st.booleans()):
                tasks.insert(draw(st.integers(0, len(tasks))), draw(TASKS))
            elif tasks:
                tasks[draw(st.integers(0, len(tasks) - 1))] = draw(TASKS)
            return {"workflow": {**fields["workflow"], "tasks": tasks}}
        case "widget":
            return {"widget": draw(next_states(fields["widget"]))}
        case "generated_image":
            return {"image": draw(IMAGES)}
        case _:
            return fields


def item(number: int, kind: str, fields: Json) -> ThreadItem:
    return THREAD_ITEM.validate_python(
        {"id": f"msg_{number}", "thread_id": "thr_1", "created_at": NOW, "type": kind, **fields}
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Look]:
    """Looks at a turn: items come, grow, are finished (perhaps with something else), replaced and removed."""
    items: dict[int, tuple[str, Json, str]] = {}
    looks: list[Look] = []
    for number in range(draw(st.integers(1, 7))):
        for known, (kind, fields, state) in list(items.items()):
            match draw(st.sampled_from(["leave", "grow", "grow", "finish", "remove"])):
                case "grow" if state == "open":
                    items[known] = (kind, draw(later(kind, fields)), state)
                case "grow":
                    items[known] = (kind, draw(FRESH[kind]), state)
                case "finish":
                    items[known] = (kind, draw(st.just(fields) | FRESH[kind]), draw(st.sampled_from(["done", "both"])))
                case "remove":
                    del items[known]
                case _:
                    pass
        kind = draw(st.sampled_from(sorted(FRESH)))
        items[number] = (kind, draw(FRESH[kind]), draw(st.sampled_from(["open", "open", "done", "both"])))
        finished = [item(which, kind, fields) for which, (kind, fields, state) in items.items() if state != "open"]
        unfinished = [item(which, kind, fields) for which, (kind, fields, state) in items.items() if state == "open"]
        # What was finished just now is in the checkpoint as it was before.
        stale = [item(which, kind, draw(FRESH[kind])) for which, (kind, _, state) in items.items() if state == "both"]
        looks.append((finished, draw(st.permutations(unfinished + stale))))
    return looks


class Client:
    """What a client makes of the events."""

    def __init__(self) -> None:
        self.done: dict[str, ThreadItem] = {}
        self.open = OpenItems()

    def hear(self, event: ThreadStreamEvent) -> None:
        match event:
            case ThreadItemAddedEvent():
                assert event.item.id not in self.open
                self.open.add(event.item)
            case ThreadItemUpdatedEvent():
                self.open.update(event.item_id, event.update)
            case ThreadItemDoneEvent():
                assert event.item.id not in self.done
                self.open.close(event.item.id)
                self.done[event.item.id] = event.item
            case ThreadItemReplacedEvent():
                assert event.item.id in self.done
                self.done[event.item.id] = event.item
            case ThreadItemRemovedEvent():
                assert event.item_id in self.done or event.item_id in self.open
                self.done.pop(event.item_id, None)
                self.open.close(event.item_id)
            case _:
                raise AssertionError(event)

    def holds(self) -> tuple[dict[str, ThreadItem], dict[str, ThreadItem]]:
        return self.done, {item.id: item for item in self.open}


def shown(look: Look) -> tuple[dict[str, ThreadItem], dict[str, ThreadItem]]:
    """What there is to see, finished and not: an item that is in both is finished."""
    finished = {item.id: item for item in look[0] if not is_hidden(item)}
    return finished, {item.id: item for item in look[1] if not is_hidden(item) and item.id not in finished}


@UNHURRIED
@given(histories())
def test_folding_what_is_told_gives_what_is_stored(looks: Sequence[Look]) -> None:
    """After each look, of whatever history; and looking again at the same tells nothing."""
    retelling, client = Retelling(), Client()
    for look in looks:
        for event in retelling.look(*look):
            client.hear(event)
        assert client.holds() == shown(look)
        assert list(retelling.look(*look)) == []


def message(*words: str) -> ThreadItem:
    return item(1, "assistant_message", {"content": [{"text": "".join(words)}]})


def test_a_text_that_grows_is_told_by_what_is_new() -> None:
    """One delta for each look: the text is not sent again and again."""
    retelling = Retelling()
    told = [list(retelling.look([], [message(*words)])) for words in (["a"], ["a", "b"], ["a", "b", "c"])]
    assert [[event.type for event in events] for events in told] == [
        ["thread.item.added"],
        ["thread.item.updated"],
        ["thread.item.updated"],
    ]
    updates = [event.update for events in told for event in events if isinstance(event, ThreadItemUpdatedEvent)]
    assert [getattr(update, "delta", None) for update in updates] == ["b", "c"]


def test_what_no_update_can_say_is_said_at_the_end() -> None:
    """A workflow that has lost a task is told as it was, until it is done."""
    two, one = (
        item(1, "workflow", {"workflow": {"type": "custom", "tasks": tasks}})
        for tasks in (
            [{"type": "custom", "title": "a"}, {"type": "custom", "title": "b"}],
            [{"type": "custom", "title": "a"}],
        )
    )
    retelling, client = Retelling(), Client()
    for look in ([], [two]), ([], [one]), ([one], []):
        for event in retelling.look(*look):
            client.hear(event)
    assert client.holds() == ({one.id: one}, {})


def test_hidden_items_are_told_to_nobody() -> None:
    """Neither while they are open nor when they are done."""
    note = item(1, "hidden_context_item", {"content": "x"})
    retelling = Retelling()
    assert [*retelling.look([], [note]), *retelling.look([note], []), *retelling.look([], [])] == []

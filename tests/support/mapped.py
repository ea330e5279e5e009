"""What a response becomes: fed to a `ResponseReader`, and folded as a client folds it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from functions.engine.folding import OpenItems
from functions.errors import ModelError
from functions.ids import IdFactory
from functions.model.to_chatkit import ResponseReader, Workflows
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import ThreadItem, WorkflowItem
from functions.protocol.tasks import Task
from tests.support.streams import Event

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
THREAD = "thr_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@dataclass
class Mapped:
    """The events, and the failure that they ended with."""

    events: list[ThreadStreamEvent]
    failure: ModelError | None
    reader: ResponseReader

    @property
    def done(self) -> list[ThreadItem]:
        """The finished items, in the order in which they were."""
        return [event.item for event in self.events if isinstance(event, ThreadItemDoneEvent)]

    @property
    def tasks(self) -> list[Task]:
        """The tasks of all finished workflows, in their order."""
        return [task for item in self.done if isinstance(item, WorkflowItem) for task in item.workflow.tasks]

    def states(self, index: int = 0) -> list[Task]:
        """The states in which a task of the first workflow was shown."""
        updates = [event.update for event in self.events if isinstance(event, ThreadItemUpdatedEvent)]
        return [one.task for one in updates if hasattr(one, "task") and one.task_index == index]  # pyright: ignore[reportAttributeAccessIssue]


@dataclass
class Folded:
    """What a client holds after some events."""

    open: OpenItems = field(default_factory=OpenItems)
    done: list[ThreadItem] = field(default_factory=list)

    def fold(self, events: Iterable[ThreadStreamEvent]) -> "Folded":
        """Takes the events in; fails where one breaks the protocol's order: added, updates, done."""
        for event in events:
            match event:
                case ThreadItemAddedEvent():
                    assert event.item.id not in self.open
                    self.open.add(event.item)
                case ThreadItemUpdatedEvent():
                    assert event.item_id in self.open
                    self.open.update(event.item_id, event.update)
                case ThreadItemDoneEvent():
                    self.open.close(event.item.id)
                    self.done.append(event.item)
                case ThreadItemRemovedEvent():
                    assert event.item_id in self.open
                    self.open.close(event.item_id)
                case _:
                    raise AssertionError(f"an unexpected event: {event.type}")
        return self


def mapped(
    events: Sequence[Event],
    *,
    workflows: Workflows | None = None,
    partial_images: int | None = None,
    now: Callable[[], datetime] = lambda: NOW,
) -> Mapped:
    """Everything that a reader makes of a stream."""
    reader = ResponseReader(
        thread_id=THREAD, ids=IdFactory(), now=now, workflows=workflows, partial_images=partial_images
    )
    out: list[ThreadStreamEvent] = []
    try:
        for event in events:
            out += reader.feed(event)
        reader.end()
    except ModelError as error:
        return Mapped(out, error, reader)
    return Mapped(out, None, reader)

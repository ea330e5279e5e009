"""Workflows: what the model did on the way to its answer, task by task.

A workflow opens with its first task, so that none is ever empty, and is done when a message opens, or at the end of the
turn; one whose tasks still run at that moment is done with the last of them, so that no task stays `loading` for ever.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from functions.ids import IdFactory
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import WorkflowItem
from functions.protocol.tasks import DurationSummary, Task, Workflow
from functions.protocol.updates import WorkflowTaskAdded, WorkflowTaskUpdated


@dataclass(slots=True, eq=False)
class _Open:
    item: WorkflowItem
    running: set[int] = field(default_factory=set[int])
    """The indexes of the tasks that go on."""


class Step:
    """One task on its way: the first state that is shown adds it to the current workflow, the others change it."""

    def __init__(self, workflows: "Workflows") -> None:
        self._workflows = workflows
        self._place: tuple[_Open, int] | None = None

    def show(self, task: Task, *, is_last: bool) -> Iterator[ThreadStreamEvent]:
        """The task as it is now. After the last state, nothing more may be shown."""
        place = self._place
        if place is None:
            self._place = place = yield from self._workflows.append(task)
        else:
            yield from self._workflows.replace(*place, task)
        if is_last:
            yield from self._workflows.finish(*place)


class Workflows:
    """The workflows of one turn, over all its responses: one that is open at the end of a round goes on in the next."""

    def __init__(self, *, thread_id: str, ids: IdFactory, now: Callable[[], datetime]) -> None:
        self._thread_id = thread_id
        self._ids = ids
        self._now = now
        self._since: datetime | None = None
        self._current: _Open | None = None
        self._left: list[_Open] = []

    def begin(self) -> None:
        """The model began to think or to work: from here on the duration counts, though there may be nothing to show."""
        if self._since is None:
            self._since = self._now()

    def step(self) -> Step:
        """A new task, not shown yet."""
        return Step(self)

    def leave(self) -> Iterator[ThreadStreamEvent]:
        """To be called when a message opens: the current workflow is done, at once or with its last running task."""
        workflow, self._current, self._since = self._current, None, None
        if workflow is not None:
            if workflow.running:
                self._left.append(workflow)
            else:
                yield self._done(workflow)

    def close(self) -> Iterator[ThreadStreamEvent]:
        """To be called at the end of a turn: whatever is still open is done."""
        yield from self.leave()
        for workflow in self._left:
            for task in workflow.item.workflow.tasks:
                if task.status_indicator == "loading":
                    task.status_indicator = "none"
            yield self._done(workflow)
        self._left.clear()

    def append(self, task: Task) -> Generator[ThreadStreamEvent, None, tuple[_Open, int]]:
        """See `Step`. Returns the task's place."""
        if self._current is None:
            self.begin()
            self._current = _Open(self._new_item())
            yield ThreadItemAddedEvent(item=self._current.item.model_copy(deep=True))
        tasks = self._current.item.workflow.tasks
        tasks.append(task)
        index = len(tasks) - 1
        self._current.running.add(index)
        yield self._updated(self._current, WorkflowTaskAdded(task=task, task_index=index))
        return self._current, index

    def replace(self, workflow: _Open, index: int, task: Task) -> Iterator[ThreadStreamEvent]:
        """See `Step`."""
        workflow.item.workflow.tasks[index] = task
        yield self._updated(workflow, WorkflowTaskUpdated(task=task, task_index=index))

    def finish(self, workflow: _Open, index: int) -> Iterator[ThreadStreamEvent]:
        """See `Step`."""
        workflow.running.discard(index)
        if workflow in self._left and not workflow.running:
            self._left.remove(workflow)
            yield self._done(workflow)

    def _done(self, workflow: _Open) -> ThreadItemDoneEvent:
        state = workflow.item.workflow
        if state.summary is None:
            seconds = (self._now() - workflow.item.created_at).total_seconds()
            state.summary = DurationSummary(duration=int(seconds))
        state.expanded = False
        return ThreadItemDoneEvent(item=workflow.item)

    def _updated(self, workflow: _Open, update: WorkflowTaskAdded | WorkflowTaskUpdated) -> ThreadItemUpdatedEvent:
        return ThreadItemUpdatedEvent(item_id=workflow.item.id, update=update)

    def _new_item(self) -> WorkflowItem:
        return WorkflowItem(
            id=self._ids.new("workflow"),
            thread_id=self._thread_id,
            created_at=self._since or self._now(),
            workflow=Workflow(type="reasoning", tasks=[]),
        )

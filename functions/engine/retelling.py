"""A turn told from what is stored of it: the events that lead from one look at its items to the next. Pure.

What comes of it, folded (`functions.engine.folding`), is what was stored: texts grow by deltas, tasks are added, widgets
change by their differences. What no update can say (a workflow that has lost a task) is said when the item is done.
"""

from collections.abc import Iterable, Iterator, Sequence

from functions.engine.widget_deltas import widget_deltas
from functions.protocol.events import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import (
    AssistantMessageItem,
    GeneratedImageItem,
    ThreadItem,
    WidgetItem,
    WorkflowItem,
    is_hidden,
)
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.updates import (
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    GeneratedImageUpdated,
    ThreadItemUpdate,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)


class Retelling:
    """What one client has been told of a turn."""

    def __init__(self) -> None:
        self._done: dict[str, ThreadItem] = {}
        self._open: dict[str, ThreadItem] = {}

    def look(self, finished: Sequence[ThreadItem], unfinished: Sequence[ThreadItem]) -> Iterator[ThreadStreamEvent]:
        """The events since the last look; all of the turn's items are given each time. One in both is finished."""
        finished = [item for item in finished if not is_hidden(item)]
        done = {item.id for item in finished}
        unfinished = [item for item in unfinished if item.id not in done and not is_hidden(item)]
        yield from self._removed(done | {item.id for item in unfinished})
        for item in finished:
            told = self._done.get(item.id)
            self._done[item.id] = item
            self._open.pop(item.id, None)
            if told is None:
                yield ThreadItemDoneEvent(item=item)
            elif told != item:
                yield ThreadItemReplacedEvent(item=item)
        for item in unfinished:
            told = self._open.get(item.id)
            self._open[item.id] = item
            if told is None:
                yield ThreadItemAddedEvent(item=item)
            else:
                for update in updates_between(told, item):
                    yield ThreadItemUpdatedEvent(item_id=item.id, update=update)

    def _removed(self, there: set[str]) -> Iterator[ThreadStreamEvent]:
        for item_id in [*self._done, *self._open]:
            if item_id not in there:
                self._done.pop(item_id, None)
                self._open.pop(item_id, None)
                yield ThreadItemRemovedEvent(item_id=item_id)


def updates_between(before: ThreadItem, after: ThreadItem) -> Iterable[ThreadItemUpdate]:
    """The updates that make `after` of `before`, two states of one open item."""
    match before, after:
        case AssistantMessageItem(), AssistantMessageItem():
            return _of_message(before, after)
        case WidgetItem(), WidgetItem():
            return widget_deltas(before.widget, after.widget)
        case WorkflowItem(), WorkflowItem():
            return _of_workflow(before, after)
        case GeneratedImageItem(), GeneratedImageItem() if after.image is not None and after.image != before.image:
            return [GeneratedImageUpdated(image=after.image)]
        case _:
            return []


def _of_message(before: AssistantMessageItem, after: AssistantMessageItem) -> Iterator[ThreadItemUpdate]:
    for index, part in enumerate(after.content):
        if index >= len(before.content):
            yield AssistantMessageContentPartAdded(content_index=index, content=part)
        else:
            yield from _of_part(index, before.content[index], part)


def _of_part(index: int, before: AssistantMessageContent, after: AssistantMessageContent) -> Iterator[ThreadItemUpdate]:
    known = len(before.annotations)
    if not after.text.startswith(before.text) or after.annotations[:known] != before.annotations:
        yield AssistantMessageContentPartDone(content_index=index, content=after)
        return
    if len(after.text) > len(before.text):
        yield AssistantMessageContentPartTextDelta(content_index=index, delta=after.text[len(before.text) :])
    for number, annotation in enumerate(after.annotations[known:], known):
        yield AssistantMessageContentPartAnnotationAdded(
            content_index=index, annotation_index=number, annotation=annotation
        )


def _of_workflow(before: WorkflowItem, after: WorkflowItem) -> Iterator[ThreadItemUpdate]:
    known = before.workflow.tasks
    for index, task in enumerate(after.workflow.tasks):
        if index >= len(known):
            yield WorkflowTaskAdded(task_index=index, task=task)
        elif task != known[index]:
            yield WorkflowTaskUpdated(task_index=index, task=task)

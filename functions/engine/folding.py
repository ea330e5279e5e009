"""How updates fold into the item that they change. Pure.

The rules, by the type of the open item:

| item | update | the item afterwards |
| --- | --- | --- |
| assistant_message | content_part.added, .done | that part is the update's content; missing parts before it are empty |
| | text_delta | the text is appended to that part |
| | annotation_added | the annotation is inserted at its index in that part, or appended |
| widget | root.updated | the widget is the update's |
| | component.updated, streaming_text.value_delta | that component is replaced, or its text grows |
| workflow | task.added | the task is inserted at its index, or appended |
| | task.updated | that task is replaced |
| generated_image | generated_image.updated | the image is the update's |

An update of an item that is not open, or that does not fit its item, is an `InternalError`: the assistant is at fault.

Text is kept in pieces until somebody looks: a long answer costs what its length is, not the square of it.
"""

from collections.abc import Iterator

from functions.engine.widget_deltas import apply_widget_update
from functions.errors import InternalError
from functions.protocol.items import AssistantMessageItem, GeneratedImageItem, ThreadItem, WidgetItem, WorkflowItem
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.updates import (
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    GeneratedImageUpdated,
    ThreadItemUpdate,
    WidgetComponentUpdated,
    WidgetRootUpdated,
    WidgetStreamingTextValueDelta,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)


class OpenItems:
    """The items that were added and are not done yet, as far as their updates tell, oldest first."""

    def __init__(self) -> None:
        self._items: dict[str, ThreadItem] = {}
        self._stored: set[str] = set()
        self._pieces: dict[tuple[str, int], list[str]] = {}
        """Text that is not yet joined to its part: item id and content index → pieces."""
        self._characters: dict[str, int] = {}
        """How much text was appended to each open item."""
        self.changes = 0
        """How often anything but text has changed: an item added or closed, a task, a component, a picture."""

    def __iter__(self) -> Iterator[ThreadItem]:
        """Each open item as it stands; a copy, which later updates leave alone."""
        for item_id, item in self._items.items():
            self._join(item_id)
            yield item.model_copy(deep=True)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: str) -> bool:
        """Whether an item is open."""
        return item_id in self._items

    @property
    def characters(self) -> int:
        """How much text has been appended to the items that are open, in characters."""
        return sum(self._characters.values())

    def add(self, item: ThreadItem, *, stored: bool = False) -> None:
        """Opens an item; one that is open already starts anew. `stored` ones were complete before, and are changed."""
        self.close(item.id)
        self.changes += 1
        self._items[item.id] = item.model_copy(deep=True)
        self._characters[item.id] = 0
        if stored:
            self._stored.add(item.id)

    def is_stored(self, item_id: str) -> bool:
        """Whether an open item was complete before."""
        return item_id in self._stored

    def close(self, item_id: str) -> None:
        """Forgets an item; one that is not open is passed over."""
        self._stored.discard(item_id)
        if self._items.pop(item_id, None) is not None:
            self.changes += 1
            del self._characters[item_id]
            self._pieces = {place: text for place, text in self._pieces.items() if place[0] != item_id}

    def update(self, item_id: str, update: ThreadItemUpdate) -> None:
        """Folds an update. Raises `InternalError` where no such item is open, or the update is not for its type."""
        if isinstance(update, AssistantMessageContentPartTextDelta):
            pieces = self._pieces.get((item_id, update.content_index))
            if pieces is not None:
                pieces.append(update.delta)
                self._characters[item_id] += len(update.delta)
                return
        item = self._items.get(item_id)
        if item is None:
            raise InternalError(f"an update ({update.type}) of an item that is not open")
        match item:
            case AssistantMessageItem():
                self._update_message(item, update)
            case WidgetItem():
                _update_widget(item, update)
                self._count(item_id, update)
            case WorkflowItem():
                _update_workflow(item, update)
                self.changes += 1
            case GeneratedImageItem() if isinstance(update, GeneratedImageUpdated):
                item.image = update.image
                self.changes += 1
            case _:
                raise _misfit(item, update)

    def _count(self, item_id: str, update: ThreadItemUpdate) -> None:
        if isinstance(update, WidgetStreamingTextValueDelta):
            self._characters[item_id] += len(update.delta)
        else:
            self.changes += 1

    def _update_message(self, item: AssistantMessageItem, update: ThreadItemUpdate) -> None:
        match update:
            case AssistantMessageContentPartTextDelta():
                _part(item, update.content_index)
                self._pieces[item.id, update.content_index] = [update.delta]
                self._characters[item.id] += len(update.delta)
                return
            case AssistantMessageContentPartAdded() | AssistantMessageContentPartDone():
                _part(item, update.content_index)
                self._pieces.pop((item.id, update.content_index), None)
                item.content[update.content_index] = update.content.model_copy(deep=True)
            case AssistantMessageContentPartAnnotationAdded():
                # list.insert appends where the index lies behind the end.
                _part(item, update.content_index).annotations.insert(update.annotation_index, update.annotation)
            case _:
                raise _misfit(item, update)
        self.changes += 1

    def _join(self, item_id: str) -> None:
        item = self._items[item_id]
        if isinstance(item, AssistantMessageItem):
            for index, part in enumerate(item.content):
                pieces = self._pieces.pop((item_id, index), None)
                if pieces:
                    part.text += "".join(pieces)


def _part(item: AssistantMessageItem, content_index: int) -> AssistantMessageContent:
    if content_index < 0:
        raise InternalError("a content_index below 0")
    while len(item.content) <= content_index:
        item.content.append(AssistantMessageContent(text=""))
    return item.content[content_index]


def _update_widget(item: WidgetItem, update: ThreadItemUpdate) -> None:
    if not isinstance(update, WidgetRootUpdated | WidgetComponentUpdated | WidgetStreamingTextValueDelta):
        raise _misfit(item, update)
    item.widget = apply_widget_update(item.widget, update)


def _update_workflow(item: WorkflowItem, update: ThreadItemUpdate) -> None:
    tasks = item.workflow.tasks
    match update:
        case WorkflowTaskAdded():
            tasks.insert(update.task_index, update.task)
        case WorkflowTaskUpdated():
            if not 0 <= update.task_index < len(tasks):
                raise InternalError("an update of a task that the workflow does not have")
            tasks[update.task_index] = update.task
        case _:
            raise _misfit(item, update)


def _misfit(item: ThreadItem, update: ThreadItemUpdate) -> InternalError:
    return InternalError(f"an update of type {update.type} for an item of type {item.type}")

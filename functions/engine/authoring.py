"""What an author yields, made in one line: new items with ids and times, and the events that stream them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from functions.engine.widget_deltas import widget_deltas
from functions.ids import IdFactory, IdKind
from functions.protocol.events import (
    ClientEffectEvent,
    NoticeEvent,
    ProgressUpdateEvent,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)
from functions.protocol.icons import IconName
from functions.protocol.items import (
    AssistantMessageItem,
    ClientToolCallItem,
    EndOfTurnItem,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    StructuredInputItem,
    TaskItem,
    WidgetItem,
    WorkflowItem,
)
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.sources import Annotation
from functions.protocol.structured_input import StructuredInput
from functions.protocol.tasks import CustomSummary, Task, Workflow, WorkflowSummary
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

Widget = BaseModel | Mapping[str, Any]
"""A component of `functions.protocol.widgets`, or its JSON."""


class Author:
    """Makes items and events for one thread. Each method's result is to be yielded from `respond` or `action`."""

    def __init__(self, *, thread_id: str, ids: IdFactory, now: Callable[[], datetime]) -> None:
        self.ids: Final = ids
        """Makes the ids of new items: an item's id is its place in the thread."""
        self.now: Final = now
        """The time, with its zone."""
        self._thread_id = thread_id

    async def message(
        self, text: str | AsyncIterator[str], *, annotations: Sequence[Annotation] = ()
    ) -> AsyncIterator[ThreadStreamEvent]:
        """An assistant message: at once, or streamed as its pieces come. The annotations appear at its end."""
        if isinstance(text, str):
            content = AssistantMessageContent(text=text, annotations=list(annotations))
            yield ThreadItemDoneEvent(item=self._new_message([content]))
            return
        item = self._new_message([])
        yield ThreadItemAddedEvent(item=item)
        empty = AssistantMessageContent(text="")
        yield _updated(item.id, AssistantMessageContentPartAdded(content_index=0, content=empty))
        pieces: list[str] = []
        async for piece in text:
            pieces.append(piece)
            yield _updated(item.id, AssistantMessageContentPartTextDelta(content_index=0, delta=piece))
        for index, annotation in enumerate(annotations):
            yield _updated(
                item.id,
                AssistantMessageContentPartAnnotationAdded(
                    content_index=0, annotation_index=index, annotation=annotation
                ),
            )
        content = AssistantMessageContent(text="".join(pieces), annotations=list(annotations))
        yield _updated(item.id, AssistantMessageContentPartDone(content_index=0, content=content))
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [content]}))

    async def widget(
        self, widget: Widget | AsyncIterator[Widget], *, copy_text: str | None = None
    ) -> AsyncIterator[ThreadStreamEvent]:
        """A widget; or one that changes: its states, of which only the differences are sent."""
        if not isinstance(widget, AsyncIterator):
            yield ThreadItemDoneEvent(item=self._new_widget(widget, copy_text))
            return
        item: WidgetItem | None = None
        async for state in widget:
            if item is None:
                item = self._new_widget(state, copy_text)
                yield ThreadItemAddedEvent(item=item)
                continue
            after = self._new_widget(state, copy_text).widget
            for update in widget_deltas(item.widget, after):
                yield _updated(item.id, update)
            item = item.model_copy(update={"widget": after})
        if item is not None:
            yield ThreadItemDoneEvent(item=item)

    def replaced_widget(self, item: WidgetItem, widget: Widget) -> ThreadItemReplacedEvent:
        """A stored widget with a new content: the usual answer to an action."""
        return ThreadItemReplacedEvent(item=changed_widget(item, widget))

    def workflow(
        self, kind: Literal["custom", "reasoning"] = "custom", *, title: str | None = None, icon: IconName | None = None
    ) -> "WorkflowAuthor":
        """A workflow, to be yielded step by step."""
        summary = CustomSummary(title=title, icon=icon) if title is not None else None
        item = WorkflowItem(**self._head("workflow"), workflow=Workflow(type=kind, tasks=[], summary=summary))
        return WorkflowAuthor(item)

    def task(self, task: Task) -> ThreadItemDoneEvent:
        """A task that stands alone."""
        return ThreadItemDoneEvent(item=TaskItem(**self._head("task"), task=task))

    def image(self, url: str) -> ThreadItemDoneEvent:
        """A picture."""
        image = GeneratedImage(id=self.ids.new("image"), url=url)
        return ThreadItemDoneEvent(item=GeneratedImageItem(**self._head("image"), image=image))

    async def images(self, states: AsyncIterator[tuple[str, float]]) -> AsyncIterator[ThreadStreamEvent]:
        """A picture in the making: URLs of its states, each with the progress from 0 to 1; the last one stays."""
        item = GeneratedImageItem(**self._head("image"))
        yield ThreadItemAddedEvent(item=item)
        async for url, progress in states:
            image = GeneratedImage(id=item.id, url=url)
            item = item.model_copy(update={"image": image})
            yield _updated(item.id, GeneratedImageUpdated(image=image, progress=progress))
        yield ThreadItemDoneEvent(item=item)

    def client_tool_call(self, name: str, arguments: Mapping[str, Any]) -> ThreadItemDoneEvent:
        """Asks the page to run a tool: the last thing that a turn yields. Its result begins a turn without a message.

        The result stands in the history, in the call's `output`; that of a handler that failed is `{"error": ...}`.
        """
        return ThreadItemDoneEvent(
            item=ClientToolCallItem(
                **self._head("tool_call"), call_id=self.ids.new("tool_call"), name=name, arguments=dict(arguments)
            )
        )

    def structured_input(self, *inputs: StructuredInput) -> ThreadItemDoneEvent:
        """Asks the user questions: the last thing that a turn yields. The answers begin a turn without a message."""
        return ThreadItemDoneEvent(item=StructuredInputItem(**self._head("message"), inputs=list(inputs)))

    def hidden_context(self, content: Any) -> ThreadItemDoneEvent:
        """Something for the model to know at this place of the thread, which no client sees."""
        return ThreadItemDoneEvent(item=HiddenContextItem(**self._head("message"), content=content))

    def end_of_turn(self) -> ThreadItemDoneEvent:
        """Marks that the assistant has nothing to add."""
        return ThreadItemDoneEvent(item=EndOfTurnItem(**self._head("message")))

    def notice(
        self, message: str, *, level: Literal["info", "warning", "danger"] = "info", title: str | None = None
    ) -> NoticeEvent:
        """A notice in Markdown; it is not stored."""
        return NoticeEvent(level=level, message=message, title=title)

    def progress(self, text: str, *, icon: IconName | None = None) -> ProgressUpdateEvent:
        """A line that says what is going on; it is not stored."""
        return ProgressUpdateEvent(text=text, icon=icon)

    def client_effect(self, name: str, data: Mapping[str, Any] | None = None) -> ClientEffectEvent:
        """Something that the page does, without an answer; it is not stored."""
        return ClientEffectEvent(name=name, data=dict(data or {}))

    def _new_message(self, content: list[AssistantMessageContent]) -> AssistantMessageItem:
        return AssistantMessageItem(**self._head("message"), content=content)

    def _new_widget(self, widget: Widget, copy_text: str | None) -> WidgetItem:
        # The JSON of a component is made by the field's own validator.
        return WidgetItem.model_validate({**self._head("message"), "widget": widget, "copy_text": copy_text})

    def _head(self, kind: IdKind) -> dict[str, Any]:
        return {"id": self.ids.new(kind), "thread_id": self._thread_id, "created_at": self.now()}


class WorkflowAuthor:
    """A workflow in the making: `start`, then tasks, then `end`."""

    def __init__(self, item: WorkflowItem) -> None:
        self._item = item

    def start(self) -> ThreadItemAddedEvent:
        """Opens it."""
        return ThreadItemAddedEvent(item=self._item.model_copy(deep=True))

    def add(self, task: Task) -> ThreadItemUpdatedEvent:
        """Appends a task."""
        self._tasks.append(task)
        return _updated(self._item.id, WorkflowTaskAdded(task_index=len(self._tasks) - 1, task=task))

    def update(self, task: Task, *, index: int = -1) -> ThreadItemUpdatedEvent:
        """Replaces a task, by default the last one. Raises `IndexError` where there is none."""
        self._tasks[index] = task
        place = index if index >= 0 else len(self._tasks) + index
        return _updated(self._item.id, WorkflowTaskUpdated(task_index=place, task=task))

    def end(self, *, summary: WorkflowSummary | None = None, expanded: bool = False) -> ThreadItemDoneEvent:
        """Closes it, with another headline where one is given."""
        workflow = self._item.workflow
        workflow.expanded = expanded
        workflow.summary = summary or workflow.summary
        return ThreadItemDoneEvent(item=self._item)

    @property
    def _tasks(self) -> list[Task]:
        return self._item.workflow.tasks


def changed_widget(item: WidgetItem, widget: Widget) -> WidgetItem:
    """A widget item with a new content."""
    return WidgetItem.model_validate({**item.model_dump(), "widget": widget})


def _updated(item_id: str, update: ThreadItemUpdate) -> ThreadItemUpdatedEvent:
    return ThreadItemUpdatedEvent(item_id=item_id, update=update)

"""Updates: how an open item changes while it streams."""

from typing import Annotated, Literal

from pydantic import Field

from functions.protocol.base import WireModel
from functions.protocol.items import GeneratedImage, WidgetJson
from functions.protocol.messages import AssistantMessageContent
from functions.protocol.sources import Annotation
from functions.protocol.tasks import Task


class AssistantMessageContentPartAdded(WireModel):
    """A part of the answer begins."""

    type: Literal["assistant_message.content_part.added"] = "assistant_message.content_part.added"
    content_index: int
    content: AssistantMessageContent


class AssistantMessageContentPartTextDelta(WireModel):
    """Text is appended to a part."""

    type: Literal["assistant_message.content_part.text_delta"] = "assistant_message.content_part.text_delta"
    content_index: int
    delta: str


class AssistantMessageContentPartAnnotationAdded(WireModel):
    """A source is tied to a part."""

    type: Literal["assistant_message.content_part.annotation_added"] = "assistant_message.content_part.annotation_added"
    content_index: int
    annotation_index: int
    annotation: Annotation


class AssistantMessageContentPartDone(WireModel):
    """A part is complete; `content` replaces what was streamed."""

    type: Literal["assistant_message.content_part.done"] = "assistant_message.content_part.done"
    content_index: int
    content: AssistantMessageContent


class WidgetStreamingTextValueDelta(WireModel):
    """Text is appended to the `Text` or `Markdown` component with this id."""

    type: Literal["widget.streaming_text.value_delta"] = "widget.streaming_text.value_delta"
    component_id: str
    delta: str
    done: bool


class WidgetRootUpdated(WireModel):
    """The whole widget is replaced."""

    type: Literal["widget.root.updated"] = "widget.root.updated"
    widget: WidgetJson


class WidgetComponentUpdated(WireModel):
    """The component with this id is replaced."""

    type: Literal["widget.component.updated"] = "widget.component.updated"
    component_id: str
    component: WidgetJson


class WorkflowTaskAdded(WireModel):
    """A task is appended to a workflow."""

    type: Literal["workflow.task.added"] = "workflow.task.added"
    task_index: int
    task: Task


class WorkflowTaskUpdated(WireModel):
    """A task of a workflow is replaced."""

    type: Literal["workflow.task.updated"] = "workflow.task.updated"
    task_index: int
    task: Task


class GeneratedImageUpdated(WireModel):
    """A picture in the making is shown; `progress` runs from 0 to 1."""

    type: Literal["generated_image.updated"] = "generated_image.updated"
    image: GeneratedImage
    progress: float | None = None


ThreadItemUpdate = Annotated[
    AssistantMessageContentPartAdded
    | AssistantMessageContentPartTextDelta
    | AssistantMessageContentPartAnnotationAdded
    | AssistantMessageContentPartDone
    | WidgetStreamingTextValueDelta
    | WidgetComponentUpdated
    | WidgetRootUpdated
    | WorkflowTaskAdded
    | WorkflowTaskUpdated
    | GeneratedImageUpdated,
    Field(discriminator="type"),
]

"""Thread items: everything that a thread holds, in the order of its ids."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from functions.protocol.attachments import Attachment
from functions.protocol.base import Timestamp, WireModel
from functions.protocol.messages import AssistantMessageContent, InferenceOptions, UserMessageContent
from functions.protocol.structured_input import StructuredInput
from functions.protocol.tasks import Task, Workflow


class ThreadItemBase(WireModel):
    """What every item has."""

    id: str
    thread_id: str
    created_at: Timestamp


class UserMessageItem(ThreadItemBase):
    """What the user said."""

    type: Literal["user_message"] = "user_message"
    content: list[UserMessageContent]
    attachments: list[Attachment] = Field(default_factory=list[Attachment])
    quoted_text: str | None = None
    inference_options: InferenceOptions


class AssistantMessageItem(ThreadItemBase):
    """What the assistant answered."""

    type: Literal["assistant_message"] = "assistant_message"
    content: list[AssistantMessageContent]


class ClientToolCallItem(ThreadItemBase):
    """A tool that runs in the user's page: `pending` until its output has arrived."""

    type: Literal["client_tool_call"] = "client_tool_call"
    status: Literal["pending", "completed"] = "pending"
    call_id: str
    name: str
    arguments: dict[str, Any]
    output: Any | None = None


def _as_json(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(value, BaseModel) else value


WidgetJson = Annotated[dict[str, Any], BeforeValidator(_as_json)]
"""A widget or component as JSON. The components' classes are given as they are, and are imported by whoever builds one."""


class WidgetItem(ThreadItemBase):
    """A widget."""

    type: Literal["widget"] = "widget"
    widget: WidgetJson
    copy_text: str | None = None


class GeneratedImage(WireModel):
    """A picture that the assistant made."""

    id: str
    url: str


class GeneratedImageItem(ThreadItemBase):
    """A picture, or the place where one will be."""

    type: Literal["generated_image"] = "generated_image"
    image: GeneratedImage | None = None


class StructuredInputItem(ThreadItemBase):
    """Questions to the user."""

    type: Literal["structured_input"] = "structured_input"
    status: Literal["pending", "answered", "skipped"] = "pending"
    inputs: list[StructuredInput]


class TaskItem(ThreadItemBase):
    """A task outside any workflow."""

    type: Literal["task"] = "task"
    task: Task


class WorkflowItem(ThreadItemBase):
    """A workflow."""

    type: Literal["workflow"] = "workflow"
    workflow: Workflow


class EndOfTurnItem(ThreadItemBase):
    """Marks that the assistant has ended its turn."""

    type: Literal["end_of_turn"] = "end_of_turn"


class HiddenContextItem(ThreadItemBase):
    """What the author tells the model at this place of the thread. Never sent to a client."""

    type: Literal["hidden_context_item"] = "hidden_context_item"
    content: Any


class SDKHiddenContextItem(ThreadItemBase):
    """What this backend tells the model at this place of the thread. Never sent to a client."""

    type: Literal["sdk_hidden_context"] = "sdk_hidden_context"
    content: str


ThreadItem = Annotated[
    UserMessageItem
    | AssistantMessageItem
    | ClientToolCallItem
    | WidgetItem
    | GeneratedImageItem
    | StructuredInputItem
    | WorkflowItem
    | TaskItem
    | HiddenContextItem
    | SDKHiddenContextItem
    | EndOfTurnItem,
    Field(discriminator="type"),
]

THREAD_ITEM: Final[TypeAdapter[ThreadItem]] = TypeAdapter(ThreadItem)
"""Reads a stored item."""

HIDDEN_TYPES: Final = frozenset({"hidden_context_item", "sdk_hidden_context"})


def is_hidden(item: ThreadItem) -> bool:
    """Whether the client must never see this item."""
    return item.type in HIDDEN_TYPES

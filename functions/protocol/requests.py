"""Requests: everything that the client sends to the one endpoint, told apart by `type`."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from functions.protocol.actions import Action
from functions.protocol.base import WireModel
from functions.protocol.limits import (
    METADATA_BYTES,
    NAME_CHARACTERS,
    RESULT_BYTES,
    TITLE_CHARACTERS,
    TYPE_CHARACTERS,
    Id,
    free_json,
    short,
    user_text,
)
from functions.protocol.messages import UserMessageInput
from functions.protocol.structured_input import StructuredInputSubmission

ITEM_IDS: Final = 1_000
"""The most items that one feedback request may name."""

Limit = Annotated[int, Field(ge=0)]
Order = Literal["asc", "desc"]
FeedbackKind = Literal["positive", "negative"]


class BaseReq(WireModel):
    """What every request may carry: the integrator's own `metadata`, handed to the assistant."""

    metadata: Annotated[dict[str, Any], free_json(METADATA_BYTES)] = Field(default_factory=dict[str, Any])


class ThreadGetByIdParams(WireModel):
    """Which thread to read."""

    thread_id: Id


class ThreadsGetByIdReq(BaseReq):
    """Reads a thread with its first items."""

    type: Literal["threads.get_by_id"]
    params: ThreadGetByIdParams


class ThreadCreateParams(WireModel):
    """The message that a thread begins with."""

    input: UserMessageInput


class ThreadsCreateReq(BaseReq):
    """Begins a thread. Streams."""

    type: Literal["threads.create"]
    params: ThreadCreateParams


class ThreadListParams(WireModel):
    """A page of the user's threads; `after` is the id of the last thread that the client holds."""

    limit: Limit | None = None
    order: Order = "desc"
    after: Id | None = None


class ThreadsListReq(BaseReq):
    """Lists the user's threads."""

    type: Literal["threads.list"]
    params: ThreadListParams


class ThreadAddUserMessageParams(WireModel):
    """A message and its thread."""

    input: UserMessageInput
    thread_id: Id


class ThreadsAddUserMessageReq(BaseReq):
    """Adds a message to a thread. Streams."""

    type: Literal["threads.add_user_message"]
    params: ThreadAddUserMessageParams


class ThreadAddClientToolOutputParams(WireModel):
    """What the page's tool returned; it names no call."""

    thread_id: Id
    result: Annotated[Any, free_json(RESULT_BYTES)]


class ThreadsAddClientToolOutputReq(BaseReq):
    """Answers the pending client tool call. Streams."""

    type: Literal["threads.add_client_tool_output"]
    params: ThreadAddClientToolOutputParams


class ThreadAddStructuredInputParams(WireModel):
    """The answers, and the item that asked."""

    thread_id: Id
    item_id: Id
    input: StructuredInputSubmission


class ThreadsAddStructuredInputReq(BaseReq):
    """Answers a structured input. Streams."""

    type: Literal["threads.add_structured_input"]
    params: ThreadAddStructuredInputParams


class ThreadCustomActionParams(WireModel):
    """An action, and the widget that it came from, if any."""

    thread_id: Id
    item_id: Id | None = None
    action: Action


class ThreadsCustomActionReq(BaseReq):
    """Runs an action. Streams."""

    type: Literal["threads.custom_action"]
    params: ThreadCustomActionParams


class ThreadsSyncCustomActionReq(BaseReq):
    """Runs an action that is answered with one item at most."""

    type: Literal["threads.sync_custom_action"]
    params: ThreadCustomActionParams


class ThreadRetryAfterItemParams(WireModel):
    """The user message to answer again."""

    thread_id: Id
    item_id: Id


class ThreadsRetryAfterItemReq(BaseReq):
    """Removes what follows a user message, and answers it again. Streams."""

    type: Literal["threads.retry_after_item"]
    params: ThreadRetryAfterItemParams


class ItemFeedbackParams(WireModel):
    """Thumbs up or down for some items."""

    thread_id: Id
    item_ids: Annotated[list[Id], Field(max_length=ITEM_IDS)]
    kind: FeedbackKind


class ItemsFeedbackReq(BaseReq):
    """Records feedback."""

    type: Literal["items.feedback"]
    params: ItemFeedbackParams


class AttachmentDeleteParams(WireModel):
    """Which attachment to delete."""

    attachment_id: Id


class AttachmentsDeleteReq(BaseReq):
    """Deletes an attachment."""

    type: Literal["attachments.delete"]
    params: AttachmentDeleteParams


class AttachmentCreateParams(WireModel):
    """A file that is about to be uploaded; `size` in bytes."""

    name: Annotated[str, short(NAME_CHARACTERS)]
    size: Annotated[int, Field(ge=0)]
    mime_type: Annotated[str, short(TYPE_CHARACTERS)]


class AttachmentsCreateReq(BaseReq):
    """Announces an upload."""

    type: Literal["attachments.create"]
    params: AttachmentCreateParams


class InputTranscribeParams(WireModel):
    """Recorded speech, base64, with a type such as `audio/webm;codecs=opus`."""

    audio_base64: str
    mime_type: Annotated[str, short(TYPE_CHARACTERS)]


class InputTranscribeReq(BaseReq):
    """Turns speech into text."""

    type: Literal["input.transcribe"]
    params: InputTranscribeParams


class ItemsListParams(WireModel):
    """A page of a thread's items; `after` is the id of the last item that the client holds."""

    thread_id: Id
    limit: Limit | None = None
    order: Order = "desc"
    after: Id | None = None


class ItemsListReq(BaseReq):
    """Lists a thread's items."""

    type: Literal["items.list"]
    params: ItemsListParams


class ThreadUpdateParams(WireModel):
    """A thread's new title."""

    thread_id: Id
    title: Annotated[str, user_text(TITLE_CHARACTERS)]


class ThreadsUpdateReq(BaseReq):
    """Renames a thread."""

    type: Literal["threads.update"]
    params: ThreadUpdateParams


class ThreadDeleteParams(WireModel):
    """Which thread to delete."""

    thread_id: Id


class ThreadsDeleteReq(BaseReq):
    """Deletes a thread."""

    type: Literal["threads.delete"]
    params: ThreadDeleteParams


class AttachmentGetPreviewParams(WireModel):
    """Which picture to show."""

    attachment_id: Id


class AttachmentsGetPreviewReq(BaseReq):
    """Asks for a picture whose `preview_url` was `lazy`. The client sends it; no public server answers it."""

    type: Literal["attachments.get_preview"]
    params: AttachmentGetPreviewParams


class ThreadStopParams(WireModel):
    """Which thread's turn to stop."""

    thread_id: Id


class ThreadsStopReq(BaseReq):
    """Asks the turn that runs on a thread to stop. Ours: ChatKit.js only aborts its fetch, of which Lambda hears nothing."""

    type: Literal["threads.stop"]
    params: ThreadStopParams


StreamingReq = (
    ThreadsCreateReq
    | ThreadsAddUserMessageReq
    | ThreadsAddClientToolOutputReq
    | ThreadsAddStructuredInputReq
    | ThreadsRetryAfterItemReq
    | ThreadsCustomActionReq
)
NonStreamingReq = (
    ThreadsGetByIdReq
    | ThreadsListReq
    | ItemsListReq
    | ItemsFeedbackReq
    | AttachmentsCreateReq
    | AttachmentsDeleteReq
    | ThreadsUpdateReq
    | ThreadsDeleteReq
    | InputTranscribeReq
    | ThreadsSyncCustomActionReq
    | AttachmentsGetPreviewReq
    | ThreadsStopReq
)
ChatKitReq = Annotated[StreamingReq | NonStreamingReq, Field(discriminator="type")]

CHATKIT_REQ: Final[TypeAdapter[StreamingReq | NonStreamingReq]] = TypeAdapter(ChatKitReq)

STREAMING_TYPES: Final = frozenset(
    {
        "threads.create",
        "threads.add_user_message",
        "threads.add_client_tool_output",
        "threads.add_structured_input",
        "threads.retry_after_item",
        "threads.custom_action",
    }
)
"""The requests that are answered with `text/event-stream`."""

"""How each streaming request begins: what is checked and stored before the assistant is asked.

| request | before the turn |
| --- | --- |
| `threads.create` | the composer's options are checked; thread and message are stored, in one transaction |
| `threads.add_user_message` | likewise; the message is stored if the thread is active; a call that waits is closed |
| `threads.add_client_tool_output` | the newest call that waits, also behind hidden items, gets its output |
| `threads.add_structured_input` | the answers are checked; within the turn the item is replaced |
| `threads.retry_after_item` | every item after the user message is removed |
| `threads.custom_action` | the sender is checked: a widget, or none |

Every one of them refuses a thread that is locked or closed: the client only disables its composer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, assert_never

from functions.attachments.base import AttachmentStore
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.structured_input import answered
from functions.errors import Conflict, InvalidRequest, NotFound, ThreadUnavailable
from functions.ids import IdFactory
from functions.protocol.events import (
    ThreadCreatedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import ClientToolCallItem, StructuredInputItem, UserMessageItem, WidgetItem
from functions.protocol.messages import UserMessageInput
from functions.protocol.requests import (
    StreamingReq,
    ThreadsAddClientToolOutputReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsRetryAfterItemReq,
)
from functions.protocol.threads import ThreadMetadata, to_client
from functions.store.base import MAX_PAGE, Store
from functions.translations import Text

CALL_ITEMS: Final = MAX_PAGE
"""How far back a tool call that waits is looked for, in items: hidden ones may have come after it."""

UNANSWERED: Final = {"error": "The user went on without this tool's result."}
"""The output of a call that the page never answered: after a reload the client neither shows nor runs it."""

Respond = Callable[[AssistantContext], AsyncIterator[ThreadStreamEvent]]


@dataclass(frozen=True, slots=True)
class Start:
    """A turn that may begin."""

    thread: ThreadMetadata
    before: Sequence[ThreadStreamEvent]
    """What the client is told before the turn's own events."""
    respond: Respond


class Starts:
    """Begins turns."""

    def __init__(
        self,
        *,
        store: Store,
        attachments: AttachmentStore | None,
        ids: IdFactory,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._attachments = attachments
        self._ids = ids
        self._now = now

    async def start(self, request: StreamingReq, user: str, assistant: Assistant) -> Start:
        """Checks and stores what the request brings. Raises `RequestError`; then nothing was written."""
        match request:
            case ThreadsCreateReq():
                return await self._create(request, user, assistant)
            case ThreadsAddUserMessageReq():
                return await self._add_user_message(request, user, assistant)
            case ThreadsAddClientToolOutputReq():
                return await self._add_client_tool_output(request, user, assistant)
            case ThreadsAddStructuredInputReq():
                return await self._add_structured_input(request, user, assistant)
            case ThreadsRetryAfterItemReq():
                return await self._retry_after_item(request, user, assistant)
            case ThreadsCustomActionReq():
                return await self._custom_action(request, user, assistant)
            case _:
                assert_never(request)

    async def active_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        """The thread, if it takes a turn. Raises `NotFound` and `ThreadUnavailable`."""
        thread = await self._store.load_thread(user, thread_id)
        if thread.status.type != "active":
            raise ThreadUnavailable.of(thread.status.type)
        return thread

    async def sender(self, user: str, thread_id: str, item_id: str | None) -> WidgetItem | None:
        """The widget that an action came from. Raises `NotFound`, and `InvalidRequest` for what is no widget."""
        if item_id is None:
            return None
        item = await self._store.load_item(user, thread_id, item_id)
        if not isinstance(item, WidgetItem):
            raise InvalidRequest("params.item_id", "is no widget")
        return item

    async def _create(self, request: ThreadsCreateReq, user: str, assistant: Assistant) -> Start:
        assistant.check_options(request.params.input.inference_options)
        thread = ThreadMetadata(id=self._ids.new("thread"), created_at=self._now())
        message = await self._user_message(request.params.input, user, thread.id)
        await self._store.create_thread(user, thread, [message])
        before = [ThreadCreatedEvent(thread=to_client(thread)), ThreadItemDoneEvent(item=message)]
        return Start(thread, before, lambda context: assistant.respond(thread, message, context))

    async def _add_user_message(self, request: ThreadsAddUserMessageReq, user: str, assistant: Assistant) -> Start:
        assistant.check_options(request.params.input.inference_options)
        thread_id = request.params.thread_id
        message = await self._user_message(request.params.input, user, thread_id)
        thread, calls = await asyncio.gather(
            self._store.add_items(user, thread_id, [message]), self._pending_calls(user, thread_id)
        )
        await self._close(user, thread_id, calls)
        before = [ThreadItemDoneEvent(item=message)]
        return Start(thread, before, lambda context: assistant.respond(thread, message, context))

    async def _add_client_tool_output(
        self, request: ThreadsAddClientToolOutputReq, user: str, assistant: Assistant
    ) -> Start:
        thread_id = request.params.thread_id
        thread, calls = await asyncio.gather(self.active_thread(user, thread_id), self._pending_calls(user, thread_id))
        if not calls:
            raise Conflict(Text.NOTHING_WAITS)
        newest, *older = calls
        update = {"output": request.params.result, "status": "completed"}
        await self._store.save_items(user, thread_id, [newest.model_copy(update=update)])
        await self._close(user, thread_id, older)
        return Start(thread, [], lambda context: assistant.respond(thread, None, context))

    async def _add_structured_input(
        self, request: ThreadsAddStructuredInputReq, user: str, assistant: Assistant
    ) -> Start:
        params = request.params
        thread, item = await asyncio.gather(
            self.active_thread(user, params.thread_id),
            self._store.load_item(user, params.thread_id, params.item_id),
        )
        if not isinstance(item, StructuredInputItem):
            raise InvalidRequest("params.item_id", "is no structured input")
        if item.status != "pending":
            raise Conflict(Text.ANSWERED_ALREADY)
        replacement = answered(item, params.input)

        async def respond(context: AssistantContext) -> AsyncIterator[ThreadStreamEvent]:
            yield ThreadItemReplacedEvent(item=replacement)
            async with closing(assistant.respond(thread, None, context)) as events:
                async for event in events:
                    yield event

        return Start(thread, [], respond)

    async def _retry_after_item(self, request: ThreadsRetryAfterItemReq, user: str, assistant: Assistant) -> Start:
        thread_id, item_id = request.params.thread_id, request.params.item_id
        thread, message = await asyncio.gather(
            self.active_thread(user, thread_id), self._store.load_item(user, thread_id, item_id)
        )
        if not isinstance(message, UserMessageItem):
            raise InvalidRequest("params.item_id", "is no user message")
        while True:
            page = await self._store.list_items(
                user, thread_id, after=item_id, limit=MAX_PAGE, order="asc", hidden=True
            )
            await self._store.delete_items(user, thread_id, [item.id for item in page.data])
            if not page.has_more:
                break
        return Start(thread, [], lambda context: assistant.respond(thread, message, context))

    async def _custom_action(self, request: ThreadsCustomActionReq, user: str, assistant: Assistant) -> Start:
        params = request.params
        thread, sender = await asyncio.gather(
            self.active_thread(user, params.thread_id), self.sender(user, params.thread_id, params.item_id)
        )
        return Start(thread, [], lambda context: assistant.action(thread, params.action, sender, context))

    async def _user_message(self, given: UserMessageInput, user: str, thread_id: str) -> UserMessageItem:
        fields: dict[str, Any] = {}
        if given.attachments:
            if self._attachments is None:
                raise NotFound(Text.ATTACHMENT_NOT_FOUND)
            fields["attachments"] = await self._attachments.attach(user, given.attachments, thread_id)
        return UserMessageItem(
            id=self._ids.new("message"),
            thread_id=thread_id,
            created_at=self._now(),
            content=given.content,
            quoted_text=given.quoted_text,
            inference_options=given.inference_options,
            **fields,
        )

    async def _pending_calls(self, user: str, thread_id: str) -> list[ClientToolCallItem]:
        """The calls that wait for the page, newest first."""
        page = await self._store.list_items(user, thread_id, after=None, limit=CALL_ITEMS, order="desc", hidden=True)
        return [item for item in page.data if isinstance(item, ClientToolCallItem) and item.status == "pending"]

    async def _close(self, user: str, thread_id: str, calls: Sequence[ClientToolCallItem]) -> None:
        if calls:
            update = {"output": UNANSWERED, "status": "completed"}
            await self._store.save_items(user, thread_id, [call.model_copy(update=update) for call in calls])

"""How each streaming request begins: what is checked and stored before the assistant is asked.

| request | what begins with the turn, in one transaction | then, within the turn |
| --- | --- | --- |
| `threads.create` | the thread and its message | |
| `threads.add_user_message` | the message | calls that wait for the page are closed |
| `threads.add_client_tool_output` | the newest waiting call's output (also behind hidden items); older calls are closed | |
| `threads.add_structured_input` | the item with its answers | |
| `threads.retry_after_item` | | every item after the user message is removed |
| `threads.custom_action` | | |

Before that the request is checked, and what a message says of entities is made sure of (`functions.engine.entities`).
Every one refuses a thread that is locked or closed (the client only disables its composer), stops another turn that runs
on the thread (`functions.engine.turns`), and knows its own repeats.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias, assert_never

from functions.attachments.base import AttachmentStore
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.entities import vouched
from functions.engine.results import RequestContext
from functions.engine.structured_input import answered
from functions.engine.together import together
from functions.engine.turns import Turns
from functions.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    RequestError,
    SessionEnded,
    ThreadUnavailable,
    Unavailable,
)
from functions.ids import IdFactory
from functions.protocol.attachments import Attachment
from functions.protocol.events import (
    ThreadCreatedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import ClientToolCallItem, StructuredInputItem, ThreadItem, UserMessageItem, WidgetItem
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
from functions.store.base import MAX_ITEMS, MAX_PAGE, RequestRepeated, Store, Turn
from functions.translations import Text

CALL_ITEMS: Final = MAX_PAGE
"""How far back a tool call that waits is looked for, in items: hidden ones may have come after it."""

UNANSWERED: Final = {"error": "The user went on without this tool's result."}
"""The output of a call that the page never answered: after a reload the client neither shows nor runs it."""

Respond = Callable[[AssistantContext], AsyncIterator[ThreadStreamEvent]]
_Calls: TypeAlias = list[ClientToolCallItem]


@dataclass(frozen=True, slots=True)
class Start:
    """A turn that has begun."""

    thread: ThreadMetadata
    turn: Turn
    """As it has begun."""
    respond: Respond
    before: Sequence[ThreadStreamEvent] = ()
    """What the client is told before the stream's options: what is stored already."""
    opening: Sequence[ThreadStreamEvent] = ()
    """What it is told right behind them: likewise."""


class Starts:
    """Begins turns."""

    def __init__(
        self,
        *,
        store: Store,
        attachments: AttachmentStore | None,
        turns: Turns,
        ids: IdFactory,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._attachments = attachments
        self._turns = turns
        self._ids = ids
        self._now = now

    def within(self, session: str) -> "Starts":
        """The same, for a session's requests: where the session was ended, no turn begins."""
        return Starts(
            store=self._store,
            attachments=self._attachments,
            turns=self._turns.within(session),
            ids=self._ids,
            now=self._now,
        )

    async def start(
        self, request: StreamingReq, context: RequestContext, assistant: Assistant, request_key: str
    ) -> Start:
        """Checks and stores what the request brings. Raises `RequestError`; then nothing was written.

        Raises `RequestRepeated` for a repeat, also for one that comes too late for what it brings: the first has
        answered the question, or has given the output.
        """
        user = context.owner
        try:
            request = await vouched(request, assistant.entities, context)
            match request:
                case ThreadsCreateReq():
                    return await self._create(request, user, assistant, request_key)
                case ThreadsAddUserMessageReq():
                    return await self._add_user_message(request, user, assistant, request_key)
                case ThreadsAddClientToolOutputReq():
                    return await self._add_client_tool_output(request, user, assistant, request_key)
                case ThreadsAddStructuredInputReq():
                    return await self._add_structured_input(request, user, assistant, request_key)
                case ThreadsRetryAfterItemReq():
                    return await self._retry_after_item(request, user, assistant, request_key)
                case ThreadsCustomActionReq():
                    return await self._custom_action(request, user, assistant, request_key)
                case _:
                    assert_never(request)
        except RequestError as error:
            started = (
                None
                if isinstance(error, Unavailable | SessionEnded)
                else await self._turns.find_repeated(user, request_key)
            )
            if started is None:
                raise
            raise RequestRepeated(started) from error

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

    async def _create(self, request: ThreadsCreateReq, user: str, assistant: Assistant, key: str) -> Start:
        assistant.check_options(request.params.input.inference_options)
        thread = ThreadMetadata(id=self._ids.new("thread"), created_at=self._now())
        attachments = await self._ready(request.params.input, user, thread.id)
        new_message = self._user_message(request.params.input, thread.id, attachments)

        def write(turn: Turn) -> Callable[[], Awaitable[UserMessageItem]]:
            message = new_message()

            async def create() -> UserMessageItem:
                await self._store.create_thread(
                    user, thread, [message], turn=turn, attachments=[one.id for one in attachments]
                )
                return message

            return create

        turn, message = await self._turns.begin(user, thread.id, key, write)
        return Start(
            thread,
            turn,
            lambda context: assistant.respond(thread, message, context),
            before=[ThreadCreatedEvent(thread=to_client(thread)), ThreadItemDoneEvent(item=message)],
        )

    async def _add_user_message(
        self, request: ThreadsAddUserMessageReq, user: str, assistant: Assistant, key: str
    ) -> Start:
        assistant.check_options(request.params.input.inference_options)
        thread_id = request.params.thread_id
        attachments = await self._ready(request.params.input, user, thread_id)
        new_message = self._user_message(request.params.input, thread_id, attachments)

        def write(turn: Turn) -> Callable[[], Awaitable[tuple[UserMessageItem, ThreadMetadata, _Calls | None]]]:
            message = new_message()

            async def add() -> tuple[UserMessageItem, ThreadMetadata, _Calls | None]:
                thread, calls = await asyncio.gather(
                    self._store.add_items(
                        user, thread_id, [message], turn=turn, attachments=[one.id for one in attachments]
                    ),
                    self._pending_calls(user, thread_id),
                    return_exceptions=True,
                )
                if isinstance(thread, BaseException):
                    raise thread
                return message, thread, None if isinstance(calls, BaseException) else calls

            return add

        turn, (message, thread, calls) = await self._turns.begin(user, thread_id, key, write)

        async def close_calls() -> None:
            # What could not be read beside the write is read now: the turn has begun, and a failure is the turn's.
            pending = calls if calls is not None else await self._pending_calls(user, thread_id)
            if pending:
                await self._store.save_items(user, thread_id, [_unanswered(call) for call in pending], turn_id=turn.id)

        respond = _after(close_calls, lambda context: assistant.respond(thread, message, context))
        return Start(thread, turn, respond, before=[ThreadItemDoneEvent(item=message)])

    async def _add_client_tool_output(
        self, request: ThreadsAddClientToolOutputReq, user: str, assistant: Assistant, key: str
    ) -> Start:
        thread_id = request.params.thread_id
        _, calls = await together(self.active_thread(user, thread_id), self._pending_calls(user, thread_id))
        if not calls:
            raise Conflict(Text.NOTHING_WAITS)
        newest, *older = calls
        answered_call = newest.model_copy(update={"output": request.params.result, "status": "completed"})
        items = [answered_call, *map(_unanswered, older)]
        turn, thread = await self._begin(user, thread_id, key, items)
        return Start(thread, turn, lambda context: assistant.respond(thread, None, context))

    async def _add_structured_input(
        self, request: ThreadsAddStructuredInputReq, user: str, assistant: Assistant, key: str
    ) -> Start:
        params = request.params
        _, item = await together(
            self.active_thread(user, params.thread_id),
            self._store.load_item(user, params.thread_id, params.item_id),
        )
        if not isinstance(item, StructuredInputItem):
            raise InvalidRequest("params.item_id", "is no structured input")
        if item.status != "pending":
            raise Conflict(Text.ANSWERED_ALREADY)
        replacement = answered(item, params.input)
        turn, thread = await self._begin(user, params.thread_id, key, [replacement])
        return Start(
            thread,
            turn,
            lambda context: assistant.respond(thread, None, context),
            opening=[ThreadItemReplacedEvent(item=replacement)],
        )

    async def _retry_after_item(
        self, request: ThreadsRetryAfterItemReq, user: str, assistant: Assistant, key: str
    ) -> Start:
        thread_id, item_id = request.params.thread_id, request.params.item_id
        _, message = await together(
            self.active_thread(user, thread_id), self._store.load_item(user, thread_id, item_id)
        )
        if not isinstance(message, UserMessageItem):
            raise InvalidRequest("params.item_id", "is no user message")
        turn, thread = await self._begin(user, thread_id, key, [])

        respond = _after(
            lambda: self._delete_after(user, thread_id, item_id, turn),
            lambda context: assistant.respond(thread, message, context),
        )
        return Start(thread, turn, respond)

    async def _delete_after(self, user: str, thread_id: str, item_id: str, turn: Turn) -> None:
        while True:
            page = await self._store.list_items(
                user, thread_id, after=item_id, limit=MAX_PAGE, order="asc", hidden=True
            )
            await self._store.delete_items(user, thread_id, [item.id for item in page.data], turn_id=turn.id)
            if not page.has_more:
                return

    async def _custom_action(self, request: ThreadsCustomActionReq, user: str, assistant: Assistant, key: str) -> Start:
        params = request.params
        _, sender = await together(
            self.active_thread(user, params.thread_id), self.sender(user, params.thread_id, params.item_id)
        )
        turn, thread = await self._begin(user, params.thread_id, key, [])
        return Start(thread, turn, lambda context: assistant.action(thread, params.action, sender, context))

    async def _begin(
        self, user: str, thread_id: str, key: str, items: Sequence[ThreadItem]
    ) -> tuple[Turn, ThreadMetadata]:
        return await self._turns.begin(
            user, thread_id, key, lambda turn: partial(self._store.begin_turn, user, thread_id, turn, items=items)
        )

    async def _ready(self, given: UserMessageInput, user: str, thread_id: str) -> Sequence[Attachment]:
        """The attachments of a message. Raises `NotFound` and `AttachmentRefused`."""
        if not given.attachments:
            return ()
        if self._attachments is None:
            raise NotFound(Text.ATTACHMENT_NOT_FOUND)
        return await self._attachments.ready(user, given.attachments, thread_id)

    def _user_message(
        self, given: UserMessageInput, thread_id: str, attachments: Sequence[Attachment]
    ) -> Callable[[], UserMessageItem]:
        """Makes the message anew each time that it is called: its id is its place in the thread."""
        return lambda: UserMessageItem(
            id=self._ids.new("message"),
            thread_id=thread_id,
            created_at=self._now(),
            content=given.content,
            quoted_text=given.quoted_text,
            inference_options=given.inference_options,
            attachments=list(attachments),
        )

    async def _pending_calls(self, user: str, thread_id: str) -> _Calls:
        """The calls that wait for the page, newest first; as many as one write can close."""
        page = await self._store.list_items(user, thread_id, after=None, limit=CALL_ITEMS, order="desc", hidden=True)
        calls = [item for item in page.data if isinstance(item, ClientToolCallItem) and item.status == "pending"]
        return calls[:MAX_ITEMS]


def _after(first: Callable[[], Awaitable[None]], respond: Respond) -> Respond:
    """Responds once `first` is done, within the turn: a failure of it is the turn's."""

    async def events(context: AssistantContext) -> AsyncIterator[ThreadStreamEvent]:
        await first()
        async with closing(respond(context)) as answer:
            async for event in answer:
                yield event

    return events


def _unanswered(call: ClientToolCallItem) -> ClientToolCallItem:
    return call.model_copy(update={"output": UNANSWERED, "status": "completed"})

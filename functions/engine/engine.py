"""The engine: one door for every request, `process(body, context)`, as the official server has it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final, NoReturn, assert_never

from functions.engine import reads
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.parsing import InvalidStreamingRequest, parse
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.engine.turn import Turn, error_event, log_failure
from functions.errors import InvalidRequest, NotFound
from functions.ids import IdFactory
from functions.model.base import Model
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadCreatedEvent, ThreadItemDoneEvent, ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.messages import UserMessageInput
from functions.protocol.requests import (
    AttachmentsCreateReq,
    AttachmentsDeleteReq,
    InputTranscribeReq,
    ItemsFeedbackReq,
    ItemsListReq,
    NonStreamingReq,
    StreamingReq,
    ThreadsAddClientToolOutputReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsDeleteReq,
    ThreadsGetByIdReq,
    ThreadsListReq,
    ThreadsRetryAfterItemReq,
    ThreadsSyncCustomActionReq,
    ThreadsUpdateReq,
)
from functions.protocol.threads import ThreadMetadata, to_client
from functions.store.base import Store


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Serves every user's requests; holds no state between them."""

    def __init__(
        self,
        *,
        store: Store,
        assistant: Assistant,
        model: Model,
        ids: IdFactory,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._store: Final = store
        self._assistant: Final = assistant
        self._model: Final = model
        self._ids: Final = ids
        self._now: Final = now

    async def process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
        """Answers one request. Raises `RequestError` for what is not answered with a stream.

        What goes wrong with a streaming request reaches the user as the stream's last event, an `error`: ChatKit.js shows
        nothing at all for an HTTP error.
        """
        try:
            request = parse(body)
        except InvalidStreamingRequest as error:
            return StreamingResult(_only_error(error))
        match request:
            case (
                ThreadsCreateReq()
                | ThreadsAddUserMessageReq()
                | ThreadsAddClientToolOutputReq()
                | ThreadsAddStructuredInputReq()
                | ThreadsRetryAfterItemReq()
                | ThreadsCustomActionReq()
            ):
                return StreamingResult(self._stream(request, context))
            case _:
                return NonStreamingResult(await self._answer(request, context))

    async def _answer(self, request: NonStreamingReq, context: RequestContext) -> bytes:
        store, user = self._store, context.user
        match request:
            case ThreadsGetByIdReq():
                return to_wire(await reads.get_thread(store, user, request.params.thread_id))
            case ThreadsListReq():
                return to_wire(await reads.list_threads(store, user, request.params))
            case ItemsListReq():
                return to_wire(await reads.list_items(store, user, request.params))
            case ThreadsUpdateReq():
                return to_wire(await reads.rename_thread(store, user, request.params))
            case ThreadsDeleteReq():
                await store.delete_thread(user, request.params.thread_id)
                return b"{}"
            case (
                ItemsFeedbackReq()
                | AttachmentsCreateReq()
                | AttachmentsDeleteReq()
                | InputTranscribeReq()
                | ThreadsSyncCustomActionReq()
            ):
                _unsupported(request.type)
            case _:
                assert_never(request)

    async def _stream(self, request: StreamingReq, context: RequestContext) -> AsyncIterator[ThreadStreamEvent]:
        try:
            match request:
                case ThreadsCreateReq():
                    events = self._create(request, context)
                case ThreadsAddUserMessageReq():
                    events = self._add_user_message(request, context)
                case (
                    ThreadsAddClientToolOutputReq()
                    | ThreadsAddStructuredInputReq()
                    | ThreadsRetryAfterItemReq()
                    | ThreadsCustomActionReq()
                ):
                    _unsupported(request.type)
                case _:
                    assert_never(request)
            async with closing(events):
                async for event in events:
                    yield event
        except Exception as error:  # noqa: BLE001 - a stream never just ends: what failed before the turn is told too
            log_failure(error, context)
            yield error_event(error)

    async def _create(self, request: ThreadsCreateReq, context: RequestContext) -> AsyncIterator[ThreadStreamEvent]:
        thread = ThreadMetadata(id=self._ids.new("thread"), created_at=self._now())
        message = self._user_message(request.params.input, thread.id)
        await self._store.create_thread(context.user, thread, [message])
        yield ThreadCreatedEvent(thread=to_client(thread))
        yield ThreadItemDoneEvent(item=message)
        async with closing(self._respond(thread, message, context)) as events:
            async for event in events:
                yield event

    async def _add_user_message(
        self, request: ThreadsAddUserMessageReq, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        message = self._user_message(request.params.input, request.params.thread_id)
        thread = await self._store.add_items(context.user, request.params.thread_id, [message])
        yield ThreadItemDoneEvent(item=message)
        async with closing(self._respond(thread, message, context)) as events:
            async for event in events:
                yield event

    def _respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        assistant_context = AssistantContext(
            request=context,
            thread_id=thread.id,
            store=self._store,
            model=self._model,
            ids=self._ids,
            now=self._now,
        )
        return Turn(thread=thread, store=self._store, context=assistant_context).run(self._assistant, message)

    def _user_message(self, given: UserMessageInput, thread_id: str) -> UserMessageItem:
        if given.attachments:
            raise NotFound("An attachment of this message is not there any more.")
        return UserMessageItem(
            id=self._ids.new("message"),
            thread_id=thread_id,
            created_at=self._now(),
            content=given.content,
            quoted_text=given.quoted_text,
            inference_options=given.inference_options,
        )


async def _only_error(error: InvalidRequest) -> AsyncIterator[ThreadStreamEvent]:
    yield error_event(error)


def _unsupported(kind: str) -> NoReturn:
    raise InvalidRequest("type", f"{kind} is not supported by this server")

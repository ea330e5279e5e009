"""The engine: one door for every request, `process(body, context)`, as the official server has it."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, assert_never

from functions.attachments.base import AttachmentStore
from functions.engine import reads
from functions.engine.assistant import Assistant, AssistantContext, AudioInput
from functions.engine.closing import closing
from functions.engine.parsing import InvalidStreamingRequest, parse
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.engine.starts import Starts
from functions.engine.turn import Turn, check_item, error_event, log_failure
from functions.errors import InvalidRequest
from functions.ids import IdFactory
from functions.model.base import Model
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.requests import (
    AttachmentsCreateReq,
    AttachmentsDeleteReq,
    InputTranscribeParams,
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
from functions.protocol.responses import SyncCustomActionResponse, TranscriptionResult
from functions.store.base import Store

DEFAULT_AGENT: Final = "default"
"""The assistant that answers where the page names none."""
AUDIO_TYPES: Final = ("audio/webm", "audio/ogg", "audio/mp4")
"""What the client records, by browser."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Serves every user's requests; holds no state between them."""

    def __init__(
        self,
        *,
        store: Store,
        assistants: Mapping[str, Assistant],
        model: Model,
        ids: IdFactory,
        attachments: AttachmentStore | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`assistants` by agent type, one of them `default`; without `attachments` messages carry none."""
        self._store: Final = store
        self._assistants: Final = assistants
        self._model: Final = model
        self._ids: Final = ids
        self._attachments: Final = attachments
        self._now: Final = now
        self._starts: Final = Starts(store=store, attachments=attachments, ids=ids, now=now)

    async def process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
        """Answers one request. Raises `RequestError` for what is not answered with a stream.

        What goes wrong with a streaming request reaches the user as the stream's last event, an `error`: ChatKit.js shows
        nothing at all for an HTTP error.
        """
        try:
            request = parse(body)
        except InvalidStreamingRequest as error:
            return StreamingResult(_only_error(error, context.locales))
        context = replace(context, metadata=request.metadata)
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

    async def _answer(self, request: NonStreamingReq, context: RequestContext) -> bytes:  # noqa: C901 - one case each
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
            case ItemsFeedbackReq():
                await self._add_feedback(request, context)
                return b"{}"
            case AttachmentsCreateReq():
                return to_wire(await self._attachment_store().create(user, request.params))
            case AttachmentsDeleteReq():
                await self._attachment_store().delete(user, request.params.attachment_id)
                return b"{}"
            case InputTranscribeReq():
                return to_wire(await self._transcribe(request.params, context))
            case ThreadsSyncCustomActionReq():
                return to_wire(await self._sync_action(request, context))
            case _:
                assert_never(request)

    async def _stream(self, request: StreamingReq, context: RequestContext) -> AsyncIterator[ThreadStreamEvent]:
        try:
            assistant = self._assistant(context)
            start = await self._starts.start(request, context.user, assistant)
            for event in start.before:
                yield event
            assistant_context = self._context(context, start.thread.id)
            options = assistant.get_stream_options(start.thread, assistant_context)
            turn = Turn(thread=start.thread, store=self._store, context=assistant_context)
            async with closing(turn.run(options, start.respond)) as events:
                async for event in events:
                    yield event
        except Exception as error:  # noqa: BLE001 - a stream never just ends: what failed before the turn is told too
            log_failure(error, context)
            yield error_event(error, context.locales)

    async def _add_feedback(self, request: ItemsFeedbackReq, context: RequestContext) -> None:
        params = request.params
        await self._store.save_feedback(context.user, params.thread_id, params.item_ids, params.kind)
        await self._assistant(context).add_feedback(
            params.thread_id, params.item_ids, params.kind, self._context(context, params.thread_id)
        )

    async def _transcribe(self, params: InputTranscribeParams, context: RequestContext) -> TranscriptionResult:
        try:
            data = base64.b64decode(params.audio_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest("params.audio_base64", "is not base64") from error
        audio = AudioInput(data=data, mime_type=params.mime_type)
        if audio.media_type not in AUDIO_TYPES:
            raise InvalidRequest("params.mime_type", f"must be one of {', '.join(AUDIO_TYPES)}")
        return TranscriptionResult(text=await self._assistant(context).transcribe(audio, context))

    async def _sync_action(
        self, request: ThreadsSyncCustomActionReq, context: RequestContext
    ) -> SyncCustomActionResponse:
        params, user = request.params, context.user
        thread, sender = await asyncio.gather(
            self._starts.active_thread(user, params.thread_id),
            self._starts.sender(user, params.thread_id, params.item_id),
        )
        before = thread.model_copy(deep=True)
        item = await self._assistant(context).sync_action(
            thread, params.action, sender, self._context(context, thread.id)
        )
        if item is not None:
            check_item(item, thread.id)
            await self._store.save_items(user, thread.id, [item])
        if thread != before:
            await self._store.save_thread(user, thread)
        return SyncCustomActionResponse(updated_item=item)

    def _assistant(self, context: RequestContext) -> Assistant:
        name = context.agent_type or DEFAULT_AGENT
        assistant = self._assistants.get(name)
        if assistant is None:
            raise InvalidRequest("X-Agent-Type", "names no assistant of this server")
        return assistant

    def _context(self, context: RequestContext, thread_id: str) -> AssistantContext:
        return AssistantContext(
            request=context,
            thread_id=thread_id,
            store=self._store,
            model=self._model,
            ids=self._ids,
            now=self._now,
        )

    def _attachment_store(self) -> AttachmentStore:
        if self._attachments is None:
            raise InvalidRequest("type", "this server takes no attachments")
        return self._attachments


async def _only_error(error: InvalidRequest, locales: Sequence[str]) -> AsyncIterator[ThreadStreamEvent]:
    yield error_event(error, locales)

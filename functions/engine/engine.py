"""The engine: one door for every request, `process(body, context)`, as the official server has it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, assert_never

from functions.attachments.base import AttachmentStore, ImageStore
from functions.engine import reads
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.dictation import REQUEST_BYTES, dictation_context, read_audio
from functions.engine.images import Images
from functions.engine.metering import Meter, MeteredModel
from functions.engine.parsing import InvalidStreamingRequest, parse
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.engine.starts import Starts
from functions.engine.turn import Turn, check_item, error_event, log_failure
from functions.errors import BodyTooLarge, InvalidRequest
from functions.ids import IdFactory
from functions.metrics import Metrics
from functions.model.base import Model, Transcriber
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.requests import (
    AttachmentsCreateReq,
    AttachmentsDeleteReq,
    AttachmentsGetPreviewReq,
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
    ThreadsStopReq,
    ThreadsSyncCustomActionReq,
    ThreadsUpdateReq,
)
from functions.protocol.responses import SyncCustomActionResponse, TranscriptionResult
from functions.protocol.threads import ThreadMetadata
from functions.store.base import Store

DEFAULT_AGENT: Final = "default"
"""The assistant that answers where the page names none."""


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
        images: ImageStore | None = None,
        transcriber: Transcriber | None = None,
        metrics: Metrics | None = None,
        now: Callable[[], datetime] = _utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`assistants` by agent type, one of them `default`; without `attachments` messages carry none.

        Without `images`, the pictures that models make stay in their items, as data URLs.

        `clock` gives seconds that never step back: what is measured goes to `metrics`.
        """
        self._store: Final = store
        self._assistants: Final = assistants
        self._model: Final = model
        self._ids: Final = ids
        self._attachments: Final = attachments
        self._images: Final = images
        self._transcriber: Final = transcriber
        self._metrics: Final = metrics
        self._now: Final = now
        self._clock: Final = clock
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
        if len(body) > REQUEST_BYTES and not isinstance(request, InputTranscribeReq):
            raise BodyTooLarge(REQUEST_BYTES)
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
        store, user, images = self._store, context.user, Images(self._images, context.user)
        match request:
            case ThreadsGetByIdReq():
                return to_wire(await reads.get_thread(store, images, user, request.params.thread_id))
            case ThreadsListReq():
                return to_wire(await reads.list_threads(store, user, request.params))
            case ItemsListReq():
                return to_wire(await reads.list_items(store, images, user, request.params))
            case ThreadsUpdateReq():
                return to_wire(await reads.rename_thread(store, user, request.params))
            case ThreadsDeleteReq():
                # Pictures first: once the thread is gone, a deletion that broke off here could not be asked for again.
                await images.delete_thread(request.params.thread_id)
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
            case AttachmentsGetPreviewReq() | ThreadsStopReq():
                raise InvalidRequest("type", f"{request.type} is not answered by this server yet")
            case _:
                assert_never(request)

    async def _stream(self, request: StreamingReq, context: RequestContext) -> AsyncIterator[ThreadStreamEvent]:
        meter = Meter(metrics=self._metrics, clock=self._clock, request_id=context.request_id)
        try:
            assistant = self._assistant(context)
            start = await self._starts.start(request, context.user, assistant)
            for event in start.before:
                yield event
            assistant_context = self._context(context, start.thread.id, assistant, start.thread, meter)
            options = assistant.get_stream_options(start.thread, assistant_context)
            images = Images(self._images, context.user)
            turn = Turn(thread=start.thread, store=self._store, context=assistant_context, meter=meter, images=images)
            async with closing(turn.run(options, start.respond)) as events:
                async for event in events:
                    yield await images.shown_event(event)
        except Exception as error:  # noqa: BLE001 - a stream never just ends: what failed before the turn is told too
            log_failure(error, context)
            yield error_event(error, context.locales)

    async def _add_feedback(self, request: ItemsFeedbackReq, context: RequestContext) -> None:
        params = request.params
        await self._store.save_feedback(context.user, params.thread_id, params.item_ids, params.kind)
        assistant = self._assistant(context)
        await assistant.add_feedback(
            params.thread_id, params.item_ids, params.kind, self._context(context, params.thread_id, assistant)
        )

    async def _transcribe(self, params: InputTranscribeParams, context: RequestContext) -> TranscriptionResult:
        heard = await self._assistant(context).transcribe(
            read_audio(params), dictation_context(context, self._transcriber)
        )
        return TranscriptionResult(text=heard)

    async def _sync_action(
        self, request: ThreadsSyncCustomActionReq, context: RequestContext
    ) -> SyncCustomActionResponse:
        params, user = request.params, context.user
        thread, sender = await asyncio.gather(
            self._starts.active_thread(user, params.thread_id),
            self._starts.sender(user, params.thread_id, params.item_id),
        )
        before = thread.model_copy(deep=True)
        assistant = self._assistant(context)
        item = await assistant.sync_action(
            thread, params.action, sender, self._context(context, thread.id, assistant, thread)
        )
        if item is not None:
            check_item(item, thread.id)
            images = Images(self._images, user)
            item = await images.kept(item)
            await self._store.save_items(user, thread.id, [item])
            item = await images.shown(item)
        if thread != before:
            await self._store.save_thread(user, thread)
        return SyncCustomActionResponse(updated_item=item)

    def _assistant(self, context: RequestContext) -> Assistant:
        name = context.agent_type or DEFAULT_AGENT
        assistant = self._assistants.get(name)
        if assistant is None:
            raise InvalidRequest("X-Agent-Type", "names no assistant of this server")
        return assistant

    def _context(
        self,
        context: RequestContext,
        thread_id: str,
        assistant: Assistant,
        thread: ThreadMetadata | None = None,
        meter: Meter | None = None,
    ) -> AssistantContext:
        return AssistantContext(
            request=context,
            thread_id=thread_id,
            store=self._store,
            model=self._model if meter is None else MeteredModel(self._model, meter),
            ids=self._ids,
            now=self._now,
            assistant=assistant,
            thread=thread,
            images=Images(self._images, context.user),
        )

    def _attachment_store(self) -> AttachmentStore:
        if self._attachments is None:
            raise InvalidRequest("type", "this server takes no attachments")
        return self._attachments


async def _only_error(error: InvalidRequest, locales: Sequence[str]) -> AsyncIterator[ThreadStreamEvent]:
    yield error_event(error, locales)

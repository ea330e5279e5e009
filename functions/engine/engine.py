"""The engine: one door for every request, `process(body, context)`, as the official server has it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, assert_never

from functions.attachments.base import AttachmentStore, ImageStore
from functions.engine import reads
from functions.engine.assistant import Assistant, AssistantContext, picked
from functions.engine.closing import closing
from functions.engine.dictation import REQUEST_BYTES, dictation_context, read_audio
from functions.engine.failures import error_event, log_failure
from functions.engine.files import Files
from functions.engine.following import Following
from functions.engine.metering import Meter, MeteredModel, count_unbegun
from functions.engine.parsing import InvalidStreamingRequest, parse
from functions.engine.quotas import Quotas, Ticket
from functions.engine.reads import Reads
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.engine.session_check import SessionCheck
from functions.engine.starts import Starts
from functions.engine.together import together
from functions.engine.turn import Turn, check_item
from functions.engine.turns import Turns
from functions.errors import BodyTooLarge, Forbidden, InvalidRequest, LimitReached, RequestError, SessionEnded
from functions.identity.base import UPLOAD
from functions.ids import IdFactory
from functions.limits import NO_LIMITS, Limits
from functions.metrics import Metrics
from functions.model.base import Model, Transcriber
from functions.protocol.base import to_wire
from functions.protocol.events import StreamOptions, ThreadStreamEvent
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
from functions.store.base import RequestRepeated, StartedRequest, Store
from functions.store.counters import Counters

if TYPE_CHECKING:
    from functions.announcements.base import Announcer
    from functions.engine.telling import Telling


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
        counters: Counters | None = None,
        limits: Limits = NO_LIMITS,
        announcer: "Announcer | None" = None,
        now: Callable[[], datetime] = _utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`assistants` by agent type, one of them `default`; without `attachments` messages carry none.

        `limits` are counted by `counters`, and are none without.

        Without `images`, the pictures that models make stay in their items, as data URLs.

        `clock` gives seconds that never step back: what is measured goes to `metrics`.

        `announcer` hears what happens; without, nobody does.
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
        self._quotas: Final = Quotas(counters=counters, limits=limits, ids=ids, now=now, metrics=metrics)
        self._telling: Final = _telling(announcer, store, ids, now)
        closed = self._telling.closed if self._telling is not None else None
        self._turns: Final = Turns(store=store, ids=ids, now=now, closed=closed)
        self._starts: Final = Starts(store=store, attachments=attachments, turns=self._turns, ids=ids, now=now)

    async def process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
        """Answers one request. Raises `RequestError` for what is not answered with a stream.

        What goes wrong with a streaming request reaches the user as the stream's last event, an `error`: ChatKit.js shows
        nothing at all for an HTTP error. But a limit that is reached is raised, before anything is done: for HTTP 429 it
        has a notice of its own.
        """
        try:
            return await self._process(body, context)
        except LimitReached as error:
            if self._telling is not None:
                self._telling.refused(error, context.owner)
            raise

    async def _process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
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
                key = request_key(body, context)
                admitted, context = await self._admit(request, context, key)
                return StreamingResult(self._stream(request, context, key, admitted))
            case ThreadsGetByIdReq() | ItemsListReq() | ThreadsListReq():
                return await SessionCheck(self._store, context).beside(self._answer(request, context))
            case _:
                await SessionCheck(self._store, context).first()
                return await self._answer(request, context)

    async def _answer(self, request: NonStreamingReq, context: RequestContext) -> NonStreamingResult:  # noqa: C901 - one case each
        store, user = self._store, context.owner
        match request:
            case ThreadsGetByIdReq():
                thread, is_running = await self._reads(context).thread(request.params.thread_id)
                return NonStreamingResult(to_wire(thread), turn_is_running=is_running)
            case ItemsListReq():
                page, is_running = await self._reads(context).items(request.params)
                return NonStreamingResult(to_wire(page), turn_is_running=is_running)
            case ThreadsListReq():
                return NonStreamingResult(to_wire(await reads.list_threads(store, user, request.params)))
            case ThreadsUpdateReq():
                return NonStreamingResult(to_wire(await reads.rename_thread(store, user, request.params)))
            case ThreadsDeleteReq():
                await store.delete_thread(user, request.params.thread_id)
                return _NOTHING
            case ThreadsStopReq():
                await store.request_stop(user, request.params.thread_id)
                return _NOTHING
            case ItemsFeedbackReq():
                await self._add_feedback(request, context)
                return _NOTHING
            case AttachmentsCreateReq():
                _check_scope(context, UPLOAD)
                counting = partial(self._quotas.announcing, context)
                return NonStreamingResult(
                    to_wire(await self._attachment_store().create(user, request.params, counting))
                )
            case AttachmentsDeleteReq():
                await self._attachment_store().delete(user, request.params.attachment_id)
                return _NOTHING
            case InputTranscribeReq():
                async with self._quotas.admitted(context):
                    return NonStreamingResult(to_wire(await self._transcribe(request.params, context)))
            case ThreadsSyncCustomActionReq():
                async with self._quotas.admitted(context):
                    return NonStreamingResult(to_wire(await self._sync_action(request, context)))
            case AttachmentsGetPreviewReq():
                preview = await self._attachment_store().preview(user, request.params.attachment_id)
                return NonStreamingResult(to_wire(preview))
            case _:
                assert_never(request)

    async def _admit(
        self, request: StreamingReq, context: RequestContext, key: str
    ) -> tuple[Ticket | StartedRequest, RequestContext]:
        """Counts a request, and checks its session at the same time; the context is then one without a session.

        Where nothing is counted, nothing is asked: the session is checked by the write that begins the turn.
        """
        counting = self._count(request, context, key)
        if not self._quotas.counts(context, creates_thread=isinstance(request, ThreadsCreateReq)):
            return await counting, context
        checked, counted = await asyncio.gather(
            SessionCheck(self._store, context).first(), counting, return_exceptions=True
        )
        if isinstance(checked, BaseException):
            if isinstance(counted, Ticket):
                await counted.cancel()
            raise checked
        if isinstance(counted, BaseException):
            raise counted
        return counted, replace(context, session="")

    async def _count(self, request: StreamingReq, context: RequestContext, key: str) -> Ticket | StartedRequest:
        """Counts a request. One that is beyond a limit may be the repeat of one that was not: then what that has begun."""
        try:
            return await self._quotas.admit(context, creates_thread=isinstance(request, ThreadsCreateReq))
        except LimitReached:
            started = await self._turns.find_repeated(context.owner, key)
            if started is None:
                raise
            return started

    async def _stream(
        self, request: StreamingReq, context: RequestContext, key: str, admitted: Ticket | StartedRequest
    ) -> AsyncIterator[ThreadStreamEvent]:
        files = self._files(context.owner)
        try:
            if isinstance(admitted, StartedRequest):
                begun = self._followed(request, context, key, admitted)
            else:
                begun = await self._begun(request, context, key, files, admitted)
            async with closing(begun) as events:
                async for event in events:
                    yield await files.shown_event(event)
        except Exception as error:  # noqa: BLE001 - a stream never just ends: what failed before the turn is told too
            log_failure(error, context)
            count_unbegun(self._metrics, error)
            yield error_event(error, context.locales)

    async def _begun(
        self, request: StreamingReq, context: RequestContext, key: str, files: Files, ticket: Ticket
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The events of the turn that the request begins, or, where it is a repeat, of the one that it has begun before."""
        meter = Meter(metrics=self._metrics, clock=self._clock, request_id=context.request_id, tenant=context.tenant)
        check = SessionCheck(self._store, context)
        try:
            assistant = picked(self._assistants, context)
            start = await self._starts.within(context.session).start(request, context, assistant, key)
        except RequestRepeated as repeated:
            await ticket.cancel()
            await check.first()
            return self._followed(request, context, key, repeated.started)
        except BaseException as error:
            await ticket.cancel()
            if isinstance(error, RequestError) and not isinstance(error, SessionEnded):
                await check.first()
            raise
        meter.answers()
        thread = start.thread
        assistant_context = self._context(context, thread.id, assistant, thread, meter)
        told = self._telling and self._telling.begun(request, start, context, meter)
        turn = Turn(
            start=start,
            store=self._store,
            context=assistant_context,
            now=self._now,
            meter=meter,
            files=files,
            ended=told and told.ended,
        )
        events = turn.run(lambda: assistant.get_stream_options(thread, assistant_context))
        return ticket.held(told.watched(events) if told else events, lambda: meter.tokens)

    def _followed(
        self, request: StreamingReq, context: RequestContext, key: str, started: StartedRequest
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The events of a turn that the same request has begun before."""
        assistant = picked(self._assistants, context)

        def options(thread: ThreadMetadata) -> StreamOptions:
            return assistant.get_stream_options(thread, self._context(context, thread.id, assistant, thread))

        following = Following(store=self._store, turns=self._turns, context=context)
        return following.events(request, key, started, options)

    async def _add_feedback(self, request: ItemsFeedbackReq, context: RequestContext) -> None:
        params = request.params
        await self._store.save_feedback(context.owner, params.thread_id, params.item_ids, params.kind)
        if self._telling is not None:
            self._telling.feedback(params, context)
        assistant = picked(self._assistants, context)
        await assistant.add_feedback(
            params.thread_id, params.item_ids, params.kind, self._context(context, params.thread_id, assistant)
        )

    async def _transcribe(self, params: InputTranscribeParams, context: RequestContext) -> TranscriptionResult:
        heard = await picked(self._assistants, context).transcribe(
            read_audio(params), dictation_context(context, self._transcriber)
        )
        return TranscriptionResult(text=heard)

    async def _sync_action(
        self, request: ThreadsSyncCustomActionReq, context: RequestContext
    ) -> SyncCustomActionResponse:
        params, user = request.params, context.owner
        thread, sender = await together(
            self._starts.active_thread(user, params.thread_id),
            self._starts.sender(user, params.thread_id, params.item_id),
        )
        before = thread.model_copy(deep=True)
        assistant = picked(self._assistants, context)
        item = await assistant.sync_action(
            thread, params.action, sender, self._context(context, thread.id, assistant, thread)
        )
        if item is not None:
            check_item(item, thread.id)
            files = self._files(user)
            item = await files.kept(item)
            await self._store.save_items(user, thread.id, [item])
            item = await files.shown(item)
        if thread != before:
            await self._store.save_thread(user, thread)
        return SyncCustomActionResponse(updated_item=item)

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
            files=self._files(context.owner),
        )

    def _reads(self, context: RequestContext) -> Reads:
        files = self._files(context.owner)
        return Reads(store=self._store, turns=self._turns, files=files, user=context.owner)

    def _files(self, owner: str) -> Files:
        return Files(owner, images=self._images, attachments=self._attachments)

    def _attachment_store(self) -> AttachmentStore:
        if self._attachments is None:
            raise InvalidRequest("type", "this server takes no attachments")
        return self._attachments


def _telling(
    announcer: "Announcer | None", store: Store, ids: IdFactory, now: Callable[[], datetime]
) -> "Telling | None":
    if announcer is None:
        return None
    from functions.engine.telling import Telling  # milliseconds, for which nobody pays who tells nobody

    return Telling(announcer, store=store, ids=ids, now=now)


def request_key(body: bytes, context: RequestContext) -> str:
    """What a repeat of a streaming request is known by: the same body from the same frame. Empty where none is named."""
    if not context.frame_id:
        return ""
    return sha256(context.frame_id.encode(errors="replace") + b"\0" + body).hexdigest()


def _check_scope(context: RequestContext, scope: str) -> None:
    if scope not in context.scopes:
        raise Forbidden("The client token does not allow this.")


_NOTHING: Final = NonStreamingResult(b"{}")


async def _only_error(error: InvalidRequest, locales: Sequence[str]) -> AsyncIterator[ThreadStreamEvent]:
    yield error_event(error, locales)

"""One turn: what an assistant yields is kept and passed on, whatever happens on the way.

- `thread.item.done`, `.replaced` and `.removed` are stored before they are passed on; `.added` is not stored.
- Hidden items are stored and never passed on.
- A thread that the assistant has changed is stored, and `thread.updated` follows.
- An item that is stored already is opened again by an update of it, and stored at the end of the turn.
- A guardrail that trips takes back every item that the turn has made.
- The stream never just ends: where the assistant, the model or the store fails, the items that are still open are closed
  with what they hold and stored, and an `error` event is the last.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from functions.engine.assistant import AssistantContext
from functions.engine.closing import closing
from functions.engine.folding import OpenItems
from functions.engine.images import Images
from functions.engine.metering import COMPLETED, INTERNAL, STOPPED, USAGE_KEY, Meter
from functions.engine.results import RequestContext
from functions.errors import ChatKitLambdaError, GuardrailTripped, InternalError, NotFound, RequestError, StreamError
from functions.ids import position
from functions.protocol.events import (
    ErrorEvent,
    StreamOptions,
    StreamOptionsEvent,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
)
from functions.protocol.items import (
    AssistantMessageItem,
    GeneratedImageItem,
    ThreadItem,
    WidgetItem,
    WorkflowItem,
    is_hidden,
)
from functions.protocol.threads import ThreadMetadata, to_client
from functions.protocol.widget_limits import check_widget
from functions.store.base import Store

_THREAD_FIELDS: Final = ("title", "status", "allowed_image_domains", "metadata")
"""What of a thread an assistant may change."""

_log: Final = logging.getLogger(__name__)


class Turn:
    """Keeps what an assistant yields. For one use; the assistant is given the same `thread`, to change as it likes."""

    def __init__(
        self,
        *,
        thread: ThreadMetadata,
        store: Store,
        context: AssistantContext,
        meter: Meter | None = None,
        images: Images | None = None,
    ) -> None:
        """`meter` is told how the turn ends; what its model has cost is stored. `images` keeps pictures out of the items."""
        self._thread = thread
        self._stored_thread = thread.model_copy(deep=True)
        self._store = store
        self._context = context
        self._user = context.user
        self._meter = meter
        self._images = images or Images(None, context.user)
        self._outcome = STOPPED
        self._open = OpenItems()
        self._made: dict[str, bool] = {}
        """The items that are new in this turn, and whether the client may see them."""

    async def run(
        self, options: StreamOptions, respond: Callable[[AssistantContext], AsyncIterator[ThreadStreamEvent]]
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The events of the turn, `stream_options` first; a failure ends them with an `error` event."""
        try:
            yield StreamOptionsEvent(stream_options=options)
            async with closing(respond(self._context)) as events:
                async for event in events:
                    if await self._keep(event):
                        yield event
                    if self._thread_has_changed():
                        yield await self._keep_thread()
            if self._thread_has_changed():
                yield await self._keep_thread()
            await self._keep_reopened()
            await self._keep_usage()
            self._outcome = COMPLETED
        except (GeneratorExit, asyncio.CancelledError):
            # Nobody reads on: nothing can be sent, but what was said must not be lost.
            async for _ in self._close():
                pass
            raise
        except Exception as error:  # noqa: BLE001 - the one place where a turn's failure becomes the user's error event
            async for event in self._fail(error):
                yield event
        finally:
            await self._context.close()
            if self._meter is not None:
                self._meter.write(self._outcome)

    async def _fail(self, error: Exception) -> AsyncIterator[ThreadStreamEvent]:
        self._outcome = error.reason if isinstance(error, RequestError) else INTERNAL
        log_failure(error, self._context.request)
        if isinstance(error, GuardrailTripped):
            async for event in self._take_back():
                yield event
        async for event in self._close():
            yield event
        await self._keep_usage()
        yield error_event(error, self._context.request.locales)

    async def _keep(self, event: ThreadStreamEvent) -> bool:
        """Stores what the event asks for. Returns whether the client may see it."""
        match event:
            case ThreadItemUpdatedEvent():
                if event.item_id not in self._open:
                    await self._reopen(event.item_id)
                self._open.update(event.item_id, event.update)
            case ThreadItemAddedEvent():
                check_item(event.item, self._thread.id)
                self._open.add(event.item)
                self._made[event.item.id] = not is_hidden(event.item)
                return not is_hidden(event.item)
            case ThreadItemDoneEvent() | ThreadItemReplacedEvent():
                check_item(event.item, self._thread.id)
                event.item = await self._images.kept(event.item)
                await self._store.save_items(self._user, self._thread.id, [event.item])
                self._open.close(event.item.id)
                if isinstance(event, ThreadItemDoneEvent):
                    self._made[event.item.id] = not is_hidden(event.item)
                return not is_hidden(event.item)
            case ThreadItemRemovedEvent():
                self._made.pop(event.item_id, None)
                await self._store.delete_items(self._user, self._thread.id, [event.item_id])
                self._open.close(event.item_id)
            case _:
                pass
        return True

    def _thread_has_changed(self) -> bool:
        # Runs after every delta: field by field is five times as fast as pydantic's comparison.
        now, stored = self._thread, self._stored_thread
        return (
            now.title != stored.title
            or now.status != stored.status
            or now.allowed_image_domains != stored.allowed_image_domains
            or now.metadata != stored.metadata
        )

    async def _keep_thread(self) -> ThreadUpdatedEvent:
        """Stores what was changed in this turn, and nothing else: the user may have renamed the thread meanwhile."""
        before, now = self._stored_thread, self._thread.model_copy(deep=True)
        stored = await self._store.load_thread(self._user, now.id)
        for name in _THREAD_FIELDS:
            is_late = name == "title" and before.title is None and stored.title is not None
            if getattr(now, name) != getattr(before, name) and not is_late:
                setattr(stored, name, getattr(now, name))
        await self._store.save_thread(self._user, stored)
        self._stored_thread = stored.model_copy(deep=True)
        for name in _THREAD_FIELDS:
            # The assistant holds this object; what a tool of its has changed in it just now is stored next.
            if getattr(self._thread, name) == getattr(now, name):
                setattr(self._thread, name, getattr(stored, name))
        return ThreadUpdatedEvent(thread=to_client(stored))

    async def _keep_usage(self) -> None:
        """Stores what the turn has cost, where no client sees it. A turn does not fail for it."""
        usage = self._meter.usage if self._meter is not None else {}
        if not usage:
            return
        try:
            stored = await self._store.load_thread(self._user, self._thread.id)
            stored.metadata = {**stored.metadata, USAGE_KEY: usage}
            await self._store.save_thread(self._user, stored)
        except ChatKitLambdaError as error:
            log_failure(error, self._context.request)

    async def _take_back(self) -> AsyncIterator[ThreadStreamEvent]:
        """Removes what is new in this turn, from the store first."""
        made, self._made = self._made, {}
        for item_id in made:
            self._open.close(item_id)
        try:
            await self._store.delete_items(self._user, self._thread.id, list(made))
        except ChatKitLambdaError as error:
            log_failure(error, self._context.request)
        for item_id, is_visible in made.items():
            if is_visible:
                yield ThreadItemRemovedEvent(item_id=item_id)

    async def _reopen(self, item_id: str) -> None:
        try:
            item = await self._store.load_item(self._user, self._thread.id, item_id)
        except NotFound as error:
            raise InternalError("an update of an item that is neither open nor stored") from error
        self._open.add(item, stored=True)

    async def _keep_reopened(self) -> None:
        for item in list(self._open):
            if self._open.is_stored(item.id):
                self._open.close(item.id)
                check_item(item, self._thread.id)
                await self._store.save_items(self._user, self._thread.id, [await self._images.kept(item)])

    async def _close(self) -> AsyncIterator[ThreadStreamEvent]:
        """Stores what the open items hold, and the thread. Where even that fails, the client has it until it reloads."""
        for item in list(self._open):
            stored = self._open.is_stored(item.id)
            self._open.close(item.id)
            closed = item if stored else _closed(item)
            if closed is None:
                yield ThreadItemRemovedEvent(item_id=item.id)
                continue
            try:
                closed = await self._images.kept(closed)
                await self._store.save_items(self._user, self._thread.id, [closed])
            except ChatKitLambdaError as error:
                log_failure(error, self._context.request)
                continue
            if not stored and not is_hidden(closed):
                yield ThreadItemDoneEvent(item=closed)
        if self._thread_has_changed():
            try:
                updated = await self._keep_thread()
            except ChatKitLambdaError as error:
                log_failure(error, self._context.request)
            else:
                yield updated


def check_item(item: ThreadItem, thread_id: str) -> None:
    """Raises `InternalError` where an assistant's item could not be kept in its place, or drawn."""
    if item.thread_id != thread_id:
        raise InternalError("the assistant yielded an item of another thread")
    if position(item.id) is None:
        raise InternalError("the assistant yielded an item whose id is none of context.ids")
    if isinstance(item, WidgetItem):
        check_widget(item.widget)


def error_event(error: Exception, locales: Sequence[str]) -> ErrorEvent:
    """What the user sees of a failure: the message of an error that has one for users, else the client's own text."""
    if isinstance(error, StreamError):
        return ErrorEvent(code="stream.error", allow_retry=error.allow_retry)
    if isinstance(error, RequestError):
        return ErrorEvent(message=error.message_in(locales), allow_retry=error.allow_retry)
    return ErrorEvent(code="stream.error", allow_retry=True)


def log_failure(error: Exception, context: RequestContext) -> None:
    """What the operator sees: for a fault of the code its place, and never an exception's text, which may hold content."""
    extra = {"error": type(error).__name__, "request_id": context.request_id}
    if isinstance(error, RequestError):
        _log.warning("a turn failed", extra={**extra, "cause": type(error.__cause__).__name__})
    elif isinstance(error, InternalError):
        _log.error("a turn failed", extra={**extra, "reason": str(error)})
    else:
        _log.error("a turn failed", extra={**extra, "place": _place(error)})


def _place(error: Exception) -> str:
    """File names and lines, innermost last: `assistant.py:12 in respond`."""
    frames: list[str] = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} in {code.co_name}")
        traceback = traceback.tb_next
    return ", ".join(frames)


def _closed(item: ThreadItem) -> ThreadItem | None:
    """An open item as it is kept when its turn broke off; None where it holds nothing yet."""
    match item:
        case AssistantMessageItem():
            return item if any(part.text.strip() for part in item.content) else None
        case GeneratedImageItem():
            return item if item.image is not None else None
        case WorkflowItem():
            for task in item.workflow.tasks:
                if task.status_indicator == "loading":
                    task.status_indicator = "none"
            return item if item.workflow.tasks else None
        case _:
            return item

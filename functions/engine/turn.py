"""One turn: what an assistant yields is kept and passed on, whatever happens on the way.

- `thread.item.done`, `.replaced` and `.removed` are stored before they are passed on; `.added` is not stored.
- Hidden items are stored and never passed on.
- A thread that the assistant has changed is stored, and `thread.updated` follows.
- An item that is stored already is opened again by an update of it, and stored at the end of the turn.
- A guardrail that trips takes back every item that the turn has made.
- What is not finished is kept in the turn's row as it grows (`functions.engine.turn_keeper`).
- The stream never just ends: where the assistant, the model or the store fails, or time runs out, the items that are still
  open are closed with what they hold and stored, and an `error` event is the last. Where the user stops it, they are
  closed as well, and a hidden note tells the model.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from functions.engine.assistant import AssistantContext
from functions.engine.closing import closing
from functions.engine.failures import error_event, log_failure
from functions.engine.files import Files
from functions.engine.folding import OpenItems
from functions.engine.interruption import Interrupted, Interruption, Reason
from functions.engine.metering import COMPLETED, STOPPED, USAGE_KEY, Meter, outcome_of
from functions.engine.starts import Start
from functions.engine.turn_keeper import TurnKeeper
from functions.engine.unfinished import closed
from functions.errors import (
    ChatKitLambdaError,
    GuardrailTripped,
    InternalError,
    NotFound,
    TurnCutOff,
)
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
from functions.protocol.items import SDKHiddenContextItem, ThreadItem, WidgetItem, is_hidden
from functions.protocol.threads import to_client
from functions.protocol.widget_limits import check_widget
from functions.store.base import Store, TurnGone
from functions.translations import Text

STOP_NOTE: Final = "The user stopped the answer before this. Do not go on with it unless the user asks for it."
"""What the model reads behind a stopped answer."""

Ended: TypeAlias = Callable[[str, bool], None]
"""Is told a turn's outcome (`functions.engine.metering`), and whether it has ended in the store by its own write."""

_THREAD_FIELDS: Final = ("title", "status", "allowed_image_domains", "metadata")
"""What of a thread an assistant may change."""


class Turn:
    """Keeps what an assistant yields. For one use; the assistant is given the same `thread`, to change as it likes."""

    def __init__(
        self,
        *,
        start: Start,
        store: Store,
        context: AssistantContext,
        now: Callable[[], datetime],
        meter: Meter | None = None,
        files: Files | None = None,
        ended: Ended | None = None,
    ) -> None:
        """`meter` is told how the turn ends; what its model has cost is stored. `files` keeps pictures out of the items.

        `ended` is called once, behind everything else.
        """
        self._start = start
        self._thread = start.thread
        self._stored_thread = start.thread.model_copy(deep=True)
        self._store = store
        self._context = context
        self._user = context.request.owner
        self._meter = meter
        self._files = files or Files(self._user)
        self._outcome = STOPPED
        self._ended_by_us = False
        self._tell_ended = ended
        self._open = OpenItems()
        self._interruption = Interruption()
        self._keeper = TurnKeeper(
            store=store,
            request=context.request,
            thread_id=start.thread.id,
            turn=start.turn,
            open_items=self._open,
            interruption=self._interruption,
            now=now,
        )
        self._made: dict[str, bool] = {}
        """The items that are new in this turn, and whether the client may see them."""

    async def run(self, options: Callable[[], StreamOptions]) -> AsyncIterator[ThreadStreamEvent]:
        """The events of the turn, those of its start first; a failure ends them with an `error` event.

        `options` gives the stream's, and may fail as the assistant may.
        """
        deadline = self._context.request.deadline
        timer: asyncio.TimerHandle | None = None
        if deadline is not None:
            timer = asyncio.get_running_loop().call_at(deadline, self._interruption.now, Reason.DEADLINE)
        try:
            async with self._keeper.beating(), closing(self._ended(self._answer(options))) as events:
                async for event in events:
                    yield event
        finally:
            if timer is not None:
                timer.cancel()
            try:
                await self._context.close()
            except Exception as error:  # noqa: BLE001 - the turn has ended: what an author left open changes nothing of it
                log_failure(error, self._context.request)
            finally:
                self._tell()

    def _tell(self) -> None:
        if self._meter is not None:
            self._meter.write(self._outcome)
        if self._tell_ended is not None:
            self._tell_ended(self._outcome, self._ended_by_us)

    async def _answer(self, options: Callable[[], StreamOptions]) -> AsyncIterator[ThreadStreamEvent]:
        """The turn as it goes where nothing fails; what fails is raised."""
        for event in self._start.before:
            yield event
        yield StreamOptionsEvent(stream_options=options())
        for event in self._start.opening:
            yield event
        async with (
            closing(self._start.respond(self._context)) as answer,
            closing(self._interruption.watch(answer)) as events,
        ):
            async for event in events:
                if await self._keep(event):
                    yield event
                if self._thread_has_changed():
                    yield await self._keep_thread()
        if self._thread_has_changed():
            yield await self._keep_thread()
        await self._keep_reopened()
        await self._keep_usage()

    async def _ended(self, events: AsyncIterator[ThreadStreamEvent]) -> AsyncIterator[ThreadStreamEvent]:
        """The events, and those of the end that they come to. The turn is over then, in the store too."""
        try:
            async with closing(events):
                async for event in events:
                    yield event
            self._outcome = COMPLETED
            await self._end([])
        except (GeneratorExit, asyncio.CancelledError):
            # Nobody reads on: nothing can be sent, but what was said must not be lost.
            await self._close()
            raise
        except Interrupted as interrupted:
            async for event in self._broken_off(interrupted.reason):
                yield event
        except TurnGone:
            async for event in self._broken_off(Reason.GONE):
                yield event
        except Exception as error:  # noqa: BLE001 - the one place where a turn's failure becomes the user's error event
            async for event in self._failed(error):
                yield event

    async def _broken_off(self, reason: Reason) -> AsyncIterator[ThreadStreamEvent]:
        self._outcome = reason.value
        match reason:
            case Reason.STOPPED:
                await self._keep_usage()
                events, are_stored = await self._close(self._stop_note())
                for event in events:
                    yield event
                if not are_stored:
                    yield ErrorEvent(code="stream.error", allow_retry=False)
            case Reason.DEADLINE:
                async for event in self._failed(TurnCutOff(Text.TURN_DEADLINE)):
                    yield event
            case Reason.GONE:
                yield ErrorEvent(code="stream.error", allow_retry=False)
            case _:
                assert_never(reason)

    async def _failed(self, error: Exception) -> AsyncIterator[ThreadStreamEvent]:
        self._outcome = outcome_of(error)
        log_failure(error, self._context.request)
        if isinstance(error, GuardrailTripped):
            async for event in self._take_back():
                yield event
        await self._keep_usage()
        events, _ = await self._close(failed=True)
        for event in events:
            yield event
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
                event.item = await self._files.kept(event.item)
                await self._keeper.save(event.item)
                if isinstance(event, ThreadItemDoneEvent):
                    self._made[event.item.id] = not is_hidden(event.item)
                return not is_hidden(event.item)
            case ThreadItemRemovedEvent():
                self._made.pop(event.item_id, None)
                await self._keeper.delete([event.item_id])
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
        await self._keeper.save_thread(stored)
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
            await self._keeper.save_thread(stored)
        except TurnGone:
            return
        except ChatKitLambdaError as error:
            log_failure(error, self._context.request)

    async def _take_back(self) -> AsyncIterator[ThreadStreamEvent]:
        """Removes what is new in this turn, from the store first."""
        made, self._made = self._made, {}
        try:
            await self._keeper.delete(list(made))
        except (ChatKitLambdaError, TurnGone) as error:
            log_failure(error, self._context.request)
        for item_id, is_visible in made.items():
            self._open.close(item_id)
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
                self._open.close(item.id)  # one that cannot be kept is left as it was stored
                check_item(item, self._thread.id)
                await self._keeper.save(await self._files.kept(item))

    def _stop_note(self) -> SDKHiddenContextItem:
        return SDKHiddenContextItem(
            id=self._context.ids.new("sdk_hidden_context"),
            thread_id=self._thread.id,
            created_at=self._context.now(),
            content=STOP_NOTE,
        )

    async def _close(self, *notes: ThreadItem, failed: bool = False) -> tuple[list[ThreadStreamEvent], bool]:
        """Ends the turn with what the open items hold, some notes, and the thread.

        Returns what the client is to be told, and whether the items are stored. If not, the client has them until it
        reloads, and the turn's row as of its last checkpoint.
        """
        kept: list[ThreadItem] = []
        events: list[ThreadStreamEvent] = []
        is_whole = True
        for item in list(self._open):
            stored = self._open.is_stored(item.id)
            last = item if stored else closed(item)
            if last is None:
                events.append(ThreadItemRemovedEvent(item_id=item.id))
                continue
            try:
                last = await self._files.kept(last)
            except ChatKitLambdaError as error:
                log_failure(error, self._context.request)
                is_whole = False
                continue
            kept.append(last)
            if not stored and not is_hidden(last):
                events.append(ThreadItemDoneEvent(item=last))
        if self._thread_has_changed():
            try:
                events.append(await self._keep_thread())
            except (ChatKitLambdaError, TurnGone) as error:
                log_failure(error, self._context.request)
        has_ended = await self._end([*kept, *notes], failed=failed)
        if not has_ended:
            events = [event for event in events if not isinstance(event, ThreadItemDoneEvent)]
        return events, has_ended and is_whole

    async def _end(self, items: list[ThreadItem], *, failed: bool = False) -> bool:
        """Ends the turn; returns whether its last items are stored. If not, whoever reads next closes it."""
        try:
            await self._keeper.end(items, failed=failed)
        except (ChatKitLambdaError, TurnGone) as error:
            log_failure(error, self._context.request)
            return False
        self._ended_by_us = True
        return True


def check_item(item: ThreadItem, thread_id: str) -> None:
    """Raises `InternalError` where an assistant's item could not be kept in its place, or drawn."""
    if item.thread_id != thread_id:
        raise InternalError("the assistant yielded an item of another thread")
    if position(item.id) is None:
        raise InternalError("the assistant yielded an item whose id is none of context.ids")
    if isinstance(item, WidgetItem):
        check_widget(item.widget)

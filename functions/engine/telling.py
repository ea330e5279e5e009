"""What is told of a user's requests, to whoever listens (`functions.announcements`): when it has happened, and once.

Of a turn, whoever ends it in the store tells: its owner, or the one who closes it in the owner's place. There is one such
write for each turn. An owner that finds its turn gone tells only where the whole thread was deleted: else somebody else has
told. Requests that begin nothing (repeats, refused ones) are no turns.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from functions.announcements import events
from functions.announcements.base import Announcer, Event
from functions.engine.closing import closing
from functions.engine.metering import COMPLETED, STOPPED, Meter
from functions.engine.results import RequestContext
from functions.engine.starts import Start
from functions.engine.turn import Ended
from functions.errors import LimitReached, NotFound
from functions.ids import IdFactory
from functions.protocol.events import (
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadStreamEvent,
)
from functions.protocol.items import AssistantMessageItem, UserMessageItem
from functions.protocol.requests import ItemFeedbackParams, StreamingReq, ThreadsCreateReq
from functions.store.base import Store, Turn

ABANDONED: Final = "abandoned"
"""The reason of a turn that somebody else has closed: its function was killed, or wrote nothing for too long."""
THREAD_DELETED: Final = "thread_deleted"
"""The reason of a turn whose thread was deleted while it ran."""


class Telling:
    """Tells an announcer of what happens in the engine."""

    def __init__(self, announcer: Announcer, *, store: Store, ids: IdFactory, now: Callable[[], datetime]) -> None:
        self._announcer = announcer
        self._store = store
        self._ids = ids
        self._now = now

    def begun(self, request: StreamingReq, start: Start, context: RequestContext, meter: Meter) -> "TurnTelling":
        """A turn has begun, perhaps with its thread. What follows is told to what is returned."""
        if isinstance(request, ThreadsCreateReq):
            self._announcer.tell(events.thread_created(context.owner, start.thread.id, time=start.thread.created_at))
        return TurnTelling(self._announcer, start, context, meter, store=self._store, now=self._now)

    def closed(self, owner: str, thread_id: str, turn: Turn) -> None:
        """Somebody's turn was closed in its owner's place. What it has cost is not known."""
        self._announcer.tell(events.turn_failed(owner, thread_id, turn.id, time=self._now(), reason=ABANDONED))

    def feedback(self, params: ItemFeedbackParams, context: RequestContext) -> None:
        """Feedback was stored."""
        self._announcer.tell(
            events.feedback_received(
                context.owner,
                params.thread_id,
                params.item_ids,
                params.kind,
                event_id=self._ids.new("event"),
                time=self._now(),
            )
        )

    def refused(self, error: LimitReached, owner: str) -> None:
        """A request was refused, as a limit is reached."""
        self._announcer.tell(events.limit_reached(error, owner, event_id=self._ids.new("event"), time=self._now()))


class TurnTelling:
    """Tells of the end of one turn."""

    def __init__(
        self,
        announcer: Announcer,
        start: Start,
        context: RequestContext,
        meter: Meter,
        *,
        store: Store,
        now: Callable[[], datetime],
    ) -> None:
        self._announcer = announcer
        self._owner = context.owner
        self._request_id = context.request_id
        self._thread_id = start.thread.id
        self._turn_id = start.turn.id
        self._meter = meter
        self._store = store
        self._now = now
        self._message: str | None = None
        self._answers: dict[str, str] = {}
        """The assistant's messages, by their ids."""

    @property
    def ended(self) -> Ended:
        """Hears how the turn ends."""
        return self._ended

    def watched(self, stream: AsyncIterator[ThreadStreamEvent]) -> AsyncIterator[ThreadStreamEvent]:
        """The turn's events, read along where what was written is to be told; else the very same."""
        return self._read_along(stream) if self._announcer.has_content else stream

    async def _read_along(self, stream: AsyncIterator[ThreadStreamEvent]) -> AsyncIterator[ThreadStreamEvent]:
        async with closing(stream) as each:
            async for event in each:
                match event:
                    case ThreadItemDoneEvent() | ThreadItemReplacedEvent():
                        self._read(event.item)
                    case ThreadItemRemovedEvent():
                        self._answers.pop(event.item_id, None)
                    case _:
                        pass
                yield event

    def _read(self, item: object) -> None:
        match item:
            case UserMessageItem():
                self._message = "".join(part.text for part in item.content)
            case AssistantMessageItem():
                self._answers[item.id] = "".join(part.text for part in item.content)
            case _:
                pass

    def _ended(self, outcome: str, by_us: bool) -> None:
        time, known = self._now(), self._known()
        if by_us:
            self._announcer.tell(self._end(outcome, time, known))
            return

        async def found() -> Event | None:
            try:
                await self._store.load_thread(self._owner, self._thread_id)
            except NotFound:
                return self._end(THREAD_DELETED, time, known)
            return None

        self._announcer.tell_what(found)

    def _end(self, outcome: str, time: datetime, known: Mapping[str, Any]) -> Event:
        if outcome in {COMPLETED, STOPPED}:
            return events.turn_completed(
                self._owner, self._thread_id, self._turn_id, time=time, outcome=outcome, **known
            )
        return events.turn_failed(self._owner, self._thread_id, self._turn_id, time=time, reason=outcome, **known)

    def _known(self) -> dict[str, Any]:
        """What both say, as the functions of `events` take it."""
        measured = self._meter.measured()
        known: dict[str, Any] = {
            "request_id": self._request_id,
            "usage": [{"model": model, **usage.as_dict()} for model, usage in measured.usage.items()],
            "timings": {
                "duration_ms": measured.duration,
                "first_byte_ms": measured.first_byte,
                "first_event_ms": measured.first_event,
                "first_text_ms": measured.first_text,
            },
        }
        if self._announcer.has_content:
            known["content"] = events.turn_content(self._message, "\n\n".join(self._answers.values()))
        return known

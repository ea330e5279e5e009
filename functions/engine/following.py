"""The stream of a request that was repeated: what the first one has stored, as it grows, to its end.

ChatKit.js sends a request again, up to six times, when it got no stream. The first may be running, or its function may have
been killed. Either way nothing is written a second time, and no model is asked: the repeat reads the turn's row once a
second, and tells what is new in it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import takewhile
from typing import NamedTuple

from functions.engine.failures import error_event
from functions.engine.results import RequestContext
from functions.engine.retelling import Retelling
from functions.engine.turn_keeper import BEAT
from functions.engine.turns import Turns
from functions.errors import TurnCutOff
from functions.protocol.events import (
    StreamOptions,
    StreamOptionsEvent,
    ThreadCreatedEvent,
    ThreadItemReplacedEvent,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
)
from functions.protocol.items import ThreadItem, UserMessageItem
from functions.protocol.requests import (
    StreamingReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
)
from functions.protocol.threads import ThreadMetadata, to_client
from functions.store.base import MAX_PAGE, StartedRequest, Store
from functions.translations import Text


class Following:
    """Tells a turn that another invocation runs, or ran."""

    def __init__(self, *, store: Store, turns: Turns, context: RequestContext) -> None:
        self._store = store
        self._turns = turns
        self._context = context
        self._user = context.owner

    async def events(
        self,
        request: StreamingReq,
        request_key: str,
        started: StartedRequest,
        options: Callable[[ThreadMetadata], StreamOptions],
    ) -> AsyncIterator[ThreadStreamEvent]:
        """The stream as the first request's was, but in larger pieces; an `error` event where the turn failed.

        Raises what the store raises, and `TurnCutOff` where this function's own time is almost up.
        """
        thread = await self._store.load_thread(self._user, started.thread_id)
        if isinstance(request, ThreadsCreateReq):
            yield ThreadCreatedEvent(thread=to_client(thread))
        retelling = Retelling()
        messages = 1 if isinstance(request, ThreadsCreateReq | ThreadsAddUserMessageReq) else 0
        look = await self._look(started, messages)
        for event in retelling.look(look.finished[:messages], []):
            yield event
        yield StreamOptionsEvent(stream_options=options(thread))
        if isinstance(request, ThreadsAddStructuredInputReq):
            answered = await self._store.load_item(self._user, thread.id, request.params.item_id)
            yield ThreadItemReplacedEvent(item=answered)
        while True:
            for event in retelling.look(look.finished, look.unfinished):
                yield event
            if look.is_last:
                break
            await self._wait()
            look = await self._look(started, messages)
        for event in await self._end(request_key, started, thread):
            yield event

    async def _end(self, request_key: str, started: StartedRequest, thread: ThreadMetadata) -> list[ThreadStreamEvent]:
        events: list[ThreadStreamEvent] = []
        now = await self._store.load_thread(self._user, thread.id)
        if to_client(now) != to_client(thread):
            events.append(ThreadUpdatedEvent(thread=to_client(now)))
        last = await self._store.find_request(self._user, request_key)
        if last is not None and last.turn_id == started.turn_id:
            events.append(error_event(TurnCutOff(Text.MODEL_BROKE_OFF), self._context.locales))
        return events

    async def _look(self, started: StartedRequest, messages: int) -> "_Look":
        # The turn is read first: what it finishes meanwhile is then in both.
        turn = await self._turns.live(self._user, started.thread_id)
        finished: list[ThreadItem] = []
        after: str | None = started.turn_id
        while after is not None:
            page = await self._store.list_items(self._user, started.thread_id, after=after, limit=MAX_PAGE, order="asc")
            finished += page.data
            after = page.after if page.has_more else None
        own = [*finished[:messages], *takewhile(_is_no_message, finished[messages:])]
        if turn is None or turn.id != started.turn_id:
            return _Look(is_last=True, finished=own, unfinished=())
        return _Look(is_last=False, finished=own, unfinished=turn.items)

    async def _wait(self) -> None:
        deadline = self._context.deadline
        if deadline is not None and asyncio.get_running_loop().time() + BEAT > deadline:
            raise TurnCutOff(Text.TURN_DEADLINE)
        await asyncio.sleep(BEAT)


class _Look(NamedTuple):
    """A turn as it is stored."""

    is_last: bool
    """Whether the turn has ended."""
    finished: Sequence[ThreadItem]
    unfinished: Sequence[ThreadItem]


def _is_no_message(item: ThreadItem) -> bool:
    """A newer message is another turn's, and so is what stands behind it."""
    return not isinstance(item, UserMessageItem)

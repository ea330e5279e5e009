"""The limits of users and tenants, as requests meet them: counted before anything is done, given back where nothing was.

A request that asks for an answer is counted first, in one write for each of its user and their tenant, at the same time;
only then does its turn begin. So a request that is refused has written nothing and stopped nothing, and costs one write
unit. Counted in the transaction that begins the turn, it would save that round trip; but DynamoDB cancels transactions that
meet at one row, so that many requests of one user, or of one tenant, would fail though they are within their limit.

A file's bytes are counted twice: as announced today, as a message is; and as stored, by whoever stores what is known of the
file, in one transaction with that (`functions.store.attachments`), who is told how much room there is.
"""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from functions.engine.closing import closing
from functions.engine.failures import log_failure
from functions.engine.results import RequestContext
from functions.errors import ChatKitLambdaError, LimitReached
from functions.ids import IdFactory, position
from functions.limits import NO_LIMITS, Amounts, Counter, Holder, Limits
from functions.metrics import Metric, Metrics
from functions.store.attachments import Room
from functions.store.counters import Counted, Counters, Hold, Reached
from functions.translations import Text

HOLD: Final = timedelta(seconds=60)
"""How long a running turn's place is kept behind its last renewal: so long a killed function's stays taken."""
RENEWAL: Final = 20.0
"""Seconds between two renewals: two may fail. Most turns end before the first."""

_MESSAGE: Final[Amounts] = {Counter.MESSAGES_PER_MINUTE: 1, Counter.MESSAGES_PER_DAY: 1, Counter.TOKENS_PER_DAY: 0}
_THREAD: Final[Amounts] = {Counter.THREADS: 1}
_USER_FREES: Final[Mapping[Counter, Text]] = {
    Counter.RUNNING_TURNS: Text.LIMIT_TURNS,
    Counter.THREADS: Text.LIMIT_THREADS,
    Counter.STORED_BYTES: Text.LIMIT_FILES,
}

T = TypeVar("T")
_log: Final = logging.getLogger(__name__)


class _Count(NamedTuple):
    """One write that counts."""

    holder: Holder
    amounts: Amounts
    limits: Amounts
    hold: Hold | None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Quotas:
    """Admits requests."""

    def __init__(
        self,
        *,
        counters: Counters | None,
        limits: Limits,
        ids: IdFactory,
        now: Callable[[], datetime] = _utc_now,
        metrics: Metrics | None = None,
    ) -> None:
        """Without `counters` nothing is limited, whatever `limits` says."""
        self._counters = counters
        self._limits = NO_LIMITS if counters is None else limits
        self._ids = ids
        self._now = now
        self._metrics = metrics

    async def admit(self, context: RequestContext, *, creates_thread: bool = False) -> "Ticket":
        """Counts a request, and its thread if it creates one. Raises `LimitReached`; then nothing is counted."""
        now = self._now()
        return await self._admitted(self._counts(context, now, creates_thread=creates_thread), context, now)

    @asynccontextmanager
    async def announcing(self, context: RequestContext, size: int) -> AsyncGenerator[Room]:
        """Counts a file of `size` bytes as announced today, and gives the room that there is for it among what is stored.

        What is announced within is to be counted there. Raises `LimitReached`, also where `Reached` is raised within; by
        that, as by any other error, what was counted is taken back.
        """
        now = self._now()
        today = (
            _Count(holder, {Counter.UPLOADED_BYTES_PER_DAY: size}, limits, None)
            for holder, limits in self._holders(context)
            if Counter.UPLOADED_BYTES_PER_DAY in limits
        )
        ticket = await self._admitted(today, context, now)
        try:
            yield {
                holder: limits[Counter.STORED_BYTES]
                for holder, limits in self._holders(context)
                if Counter.STORED_BYTES in limits
            }
        except BaseException as error:
            await ticket.cancel()
            if isinstance(error, Reached):
                raise self._refusal(error, context, now) from None
            raise

    async def visitor(self, address: str) -> None:
        """Counts an anonymous id that somebody at an address is given: a digest of it. Raises `LimitReached`."""
        limits = self._limits.address
        if Counter.VISITORS_PER_HOUR in limits:
            given = _Count(Holder("address", address), {Counter.VISITORS_PER_HOUR: 1}, limits, None)
            await self._admitted([given], RequestContext(user=""), self._now())

    async def _admitted(self, counts: Iterable[_Count], context: RequestContext, now: datetime) -> "Ticket":
        counts = list(counts)
        if self._counters is None or not counts:
            return Ticket(None, (), context, self._now)
        results = await asyncio.gather(
            *(self._counters.count(each.holder, each.amounts, each.limits, at=now, hold=each.hold) for each in counts),
            return_exceptions=True,
        )
        failures = [each for each in results if isinstance(each, BaseException)]
        ticket = Ticket(self._counters, [each for each in results if isinstance(each, Counted)], context, self._now)
        if not failures:
            return ticket
        await ticket.cancel()
        # A database that fails is told before a limit: what it would have said is not known.
        broken = next((each for each in failures if not isinstance(each, Reached)), None)
        if broken is not None:
            raise broken
        reached = [each for each in failures if isinstance(each, Reached)]
        raise self._refusal(max(reached, key=lambda each: each.free_at or now), context, now)

    def counts(self, context: RequestContext, *, creates_thread: bool = False) -> bool:
        """Whether `admit` would write anything."""
        return self._counters is not None and any(self._counts(context, self._now(), creates_thread=creates_thread))

    @asynccontextmanager
    async def admitted(self, context: RequestContext) -> AsyncGenerator[None]:
        """Counts a request that begins no turn, and is over on leaving; it counts also where it fails."""
        ticket = await self.admit(context)
        try:
            yield
        finally:
            await ticket.end(0)

    def _counts(self, context: RequestContext, now: datetime, *, creates_thread: bool) -> Iterator[_Count]:
        """What has to be counted: nothing where there is no limit."""
        hold = Hold(position(self._ids.new("turn")) or "", now + HOLD)
        for holder, limits in self._holders(context):
            amounts = {counter: amount for counter, amount in _MESSAGE.items() if counter in limits}
            if amounts or Counter.RUNNING_TURNS in limits:
                yield _Count(holder, amounts, limits, hold)
            # All or none of the threads are counted: who deletes one does not know whose limits held when it was made.
            if creates_thread and self._limits.count_threads:
                yield _Count(holder, _THREAD, limits, None)

    def _holders(self, context: RequestContext) -> Iterator[tuple[Holder, Amounts]]:
        yield Holder("user", context.owner), self._limits.of_user(is_anonymous=context.is_anonymous)
        if context.tenant is not None:
            yield Holder("tenant", context.tenant), self._limits.tenant

    def _refusal(self, reached: Reached, context: RequestContext, now: datetime) -> LimitReached:
        limit, kind = reached.counter.value, reached.holder.kind
        _log.warning("a limit was reached", extra={"limit": limit, "of": kind, "request_id": context.request_id})
        if self._metrics is not None:
            self._metrics.put({"LimitReached": Metric(1)}, dimensions={"limit": limit, "of": kind})
        refusal = _refused(reached, now)
        refusal.limit, refusal.of = limit, kind
        return refusal


def _refused(reached: Reached, now: datetime) -> LimitReached:
    if reached.free_at is not None:
        seconds = max(1, math.ceil((reached.free_at - now).total_seconds()))
        if reached.counter is Counter.UPLOADED_BYTES_PER_DAY:
            return LimitReached(Text.UPLOADS_EXHAUSTED, retry_after=seconds)
        return LimitReached.for_now(seconds)
    return _until_freed(_USER_FREES[reached.counter], allow_retry=reached.counter is Counter.RUNNING_TURNS)


def _until_freed(what: Text, *, allow_retry: bool) -> LimitReached:
    return LimitReached(what, allow_retry=allow_retry)


class Ticket:
    """A request that was admitted: to be given back by `cancel`, or ended. Neither raises an error of the database's."""

    def __init__(
        self,
        counters: Counters | None,
        counted: Sequence[Counted],
        context: RequestContext,
        now: Callable[[], datetime],
    ) -> None:
        """`counted` by `counters`."""
        self._counters = counters
        self._counted = counted
        self._context = context
        self._now = now

    async def cancel(self) -> None:
        """Takes back what was counted, where nothing came of it."""
        if self._counters is not None:
            await self._each([self._counters.take_back(each) for each in self._counted])

    async def end(self, tokens: int) -> None:
        """Gives up the turn's place, and counts its tokens."""
        if self._counters is None:
            return
        now = self._now()
        amounts: Amounts = {Counter.TOKENS_PER_DAY: tokens} if tokens else {}
        ends = [self._counters.end(each, amounts, at=now) for each in self._counted if each.hold is not None]
        await self._each(ends)

    async def held(self, events: AsyncIterator[T], tokens: Callable[[], int]) -> AsyncGenerator[T]:
        """The events of the turn, whose place is kept until their end; `tokens` says then what it has cost."""
        renewing = asyncio.create_task(self._renew()) if self._counted else None
        try:
            async with closing(events) as each:
                async for event in each:
                    yield event
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.wait({renewing})
            await self.end(tokens())

    async def _renew(self) -> None:
        while self._counters is not None:
            await asyncio.sleep(RENEWAL)
            until = self._now() + HOLD
            await self._each([self._counters.renew(each, until) for each in self._counted if each.hold is not None])

    async def _each(self, calls: Sequence[Awaitable[None]]) -> None:
        """Makes all calls at the same time. A failure is the operator's to see: the count is a bit too high for a time."""
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, ChatKitLambdaError):
                log_failure(result, self._context)
            elif isinstance(result, BaseException):
                raise result

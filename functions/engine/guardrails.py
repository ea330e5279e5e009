"""Guardrails: an author's checks of what a user writes, and of what is answered.

A guardrail is an async function of a text. It returns None where the text may pass, else what the user is told instead, in
the user's language. A text is given to all guardrails of its kind at the same time.

- Input guardrails read the newest message. They run beside the answer, which is broken off as soon as one of them trips; or
  before it, where nothing may be spent or shown until they have passed.
- Output guardrails read each assistant message when it is finished, before it is stored; or also while it grows.

A guardrail that trips ends the turn: every item that the turn has made is taken back, and the guardrail's words are the
error that the user sees. So does one that fails: what could not be checked is not shown. Where the answer itself fails, what
there is of it is checked like a whole one; where the reader leaves, it is kept as the reader saw it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from functions.engine.assistant import AssistantContext
from functions.engine.closing import closing
from functions.errors import GuardrailTripped
from functions.protocol.events import ThreadItemDoneEvent, ThreadItemUpdatedEvent, ThreadStreamEvent
from functions.protocol.items import AssistantMessageItem, UserMessageItem
from functions.protocol.updates import AssistantMessageContentPartTextDelta
from functions.translations import Text

Guardrail: TypeAlias = Callable[[str], Awaitable[str | None]]
"""None, or what the user is told."""

_log: Final = logging.getLogger(__name__)


def guarded(
    events: AsyncIterator[ThreadStreamEvent],
    *,
    context: AssistantContext,
    message: UserMessageItem | None = None,
    input_guardrails: Sequence[Guardrail] = (),
    output_guardrails: Sequence[Guardrail] = (),
    input_first: bool = False,
    check_every: int | None = None,
) -> AsyncIterator[ThreadStreamEvent]:
    """`events`, as long as the guardrails let them pass. Raises `GuardrailTripped`, by which the turn takes all back.

    With `input_first` the first of `events` is not asked for until the input has passed. With `check_every` a message is
    also checked while it streams, each time that it has grown by so many characters, before more of it is shown.
    """
    text = "" if message is None else "".join(part.text for part in message.content)
    output = _Output(output_guardrails, check_every)
    return context.owned(_guarded(events, text, input_guardrails if text else (), output, input_first=input_first))


async def _guarded(
    events: AsyncIterator[ThreadStreamEvent],
    text: str,
    guardrails: Sequence[Guardrail],
    output: "_Output",
    *,
    input_first: bool,
) -> AsyncIterator[ThreadStreamEvent]:
    check: asyncio.Task[str | None] | None = None
    try:
        async with closing(events):
            if guardrails:
                check = asyncio.create_task(_trip(text, guardrails))
            if check is not None and input_first:
                _pass(await check)
            while (event := await _next(events, check)) is not None:
                await output.check(event)
                yield event
            if check is not None:
                _pass(await check)
    except GuardrailTripped:
        raise
    except Exception:
        # Half an answer is kept where the other half fails, but not without a check.
        await output.check_open()
        if check is not None:
            _pass(await check)
        raise
    finally:
        if check is not None:
            check.cancel()
            await asyncio.gather(check, return_exceptions=True)


class _Output:
    """Reads along what the assistant says."""

    def __init__(self, guardrails: Sequence[Guardrail], every: int | None) -> None:
        self._guardrails = guardrails
        self._every = every
        self._pieces: dict[str, list[str]] = {}
        """The text of each open message, by item id."""
        self._unchecked: dict[str, int] = {}
        """How many characters have been added to it since it was checked."""

    async def check(self, event: ThreadStreamEvent) -> None:
        """Raises `GuardrailTripped` where a text may not be shown that `event` completes, or makes long enough."""
        if not self._guardrails:
            return
        match event:
            case ThreadItemUpdatedEvent(update=AssistantMessageContentPartTextDelta() as update):
                await self._grow(event.item_id, update.delta)
            case ThreadItemDoneEvent(item=AssistantMessageItem() as item):
                self._pieces.pop(item.id, None)
                await self._check("".join(part.text for part in item.content))
            case _:
                pass

    async def check_open(self) -> None:
        """The same for the messages that were never finished."""
        for pieces in self._pieces.values():
            await self._check("".join(pieces))

    async def _grow(self, item_id: str, delta: str) -> None:
        pieces = self._pieces.setdefault(item_id, [])
        pieces.append(delta)
        if self._every is None:
            return
        unchecked = self._unchecked.get(item_id, 0) + len(delta)
        if unchecked >= self._every:
            unchecked = 0
            await self._check("".join(pieces))
        self._unchecked[item_id] = unchecked

    async def _check(self, text: str) -> None:
        if text:
            _pass(await _trip(text, self._guardrails))


async def _next(
    events: AsyncIterator[ThreadStreamEvent], check: "asyncio.Task[str | None] | None"
) -> ThreadStreamEvent | None:
    """The next event, None after the last. It is waited for no longer than until the check trips."""
    if check is None:
        return await anext(events, None)
    if check.done():
        _pass(check.result())
        return await anext(events, None)
    clock = asyncio.get_running_loop().time
    limit = asyncio.timeout(None)

    def interrupt(done: "asyncio.Task[str | None]") -> None:
        if not done.cancelled() and done.result() is not None:
            limit.reschedule(clock())

    try:
        async with limit:
            check.add_done_callback(interrupt)
            try:
                return await anext(events, None)
            finally:
                check.remove_done_callback(interrupt)
    except TimeoutError:
        if not limit.expired():
            raise
        _pass(await check)
        raise


async def _trip(text: str, guardrails: Sequence[Guardrail]) -> str | None:
    """What the first of the guardrails, in their order, that does not let the text pass tells the user."""
    answers = await asyncio.gather(*(guardrail(text) for guardrail in guardrails), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, Exception):
            _log.error("a guardrail failed", extra={"error": type(answer).__name__})
            return Text.ANSWER_NOT_CHECKED
        if isinstance(answer, BaseException):
            raise answer
    return next((answer for answer in answers if isinstance(answer, str)), None)


def _pass(message: str | None) -> None:
    if message is not None:
        raise GuardrailTripped(message, allow_retry=message is Text.ANSWER_NOT_CHECKED)

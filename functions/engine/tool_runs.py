"""Runs the calls of one response side by side: their events as they come, their outputs in the calls' order.

A call that fails does not end the turn: the model reads what happened in place of the output, and goes on. The operator
finds the failure in the log, without arguments and without the exception's text, which may hold what a user wrote.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from functions.engine.closing import closing
from functions.engine.tools import Emit, Tool, ToolContext, ToolOutput
from functions.errors import CustomStreamError
from functions.model.kept import output_text
from functions.model.schema import BadArguments
from functions.protocol.events import ThreadStreamEvent

PARALLEL: Final = 8
"""How many calls run at a time; the others wait for their turn."""
WAITING_EVENTS: Final = 8
"""How many events may wait to be sent: a tool that shows more waits for the reader."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, as the model wrote it."""

    call_id: str
    name: str
    arguments: str


Finished = Callable[[Call, str], ThreadStreamEvent]
"""Makes the event that keeps a call with its output."""
NewContext = Callable[[Call, Emit], ToolContext]


class ToolRuns:
    """Some calls. For one use."""

    def __init__(
        self, calls: Sequence[tuple[Call, Tool]], *, context: NewContext, finished: Finished, parallel: int = PARALLEL
    ) -> None:
        self._calls = calls
        self._context = context
        self._finished = finished
        self._free = asyncio.Semaphore(parallel)
        self._events: asyncio.Queue[ThreadStreamEvent] = asyncio.Queue(WAITING_EVENTS)
        self._outputs: dict[str, str] = {}

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs by call id, once the events have ended."""
        return self._outputs

    async def events(self) -> AsyncIterator[ThreadStreamEvent]:
        """What the tools show, and for each call the event that keeps it, as soon as it has its output.

        Left early, or with a `CustomStreamError` of one tool, all are cancelled and waited for.
        """
        runs = asyncio.ensure_future(self._run_all())
        try:
            while not runs.done():
                waiting = asyncio.ensure_future(self._events.get())
                try:
                    await asyncio.wait({waiting, runs}, return_when=asyncio.FIRST_COMPLETED)
                    if waiting.done():
                        yield waiting.result()
                finally:
                    waiting.cancel()
            await runs
            while not self._events.empty():
                yield self._events.get_nowait()
        finally:
            runs.cancel()
            with suppress(asyncio.CancelledError, CustomStreamError):
                await runs

    async def _run_all(self) -> None:
        tasks = [asyncio.ensure_future(self._run_one(call, tool)) for call, tool in self._calls]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_one(self, call: Call, tool: Tool) -> None:
        async with self._free:
            output = await run_tool(tool, call, self._context(call, self._events.put))
            self._outputs[call.call_id] = output
            await self._events.put(self._finished(call, output))


async def run_tool(tool: Tool, call: Call, context: ToolContext) -> str:
    """One call's output as the model reads it, whatever happened. Raises `CustomStreamError` where the tool does."""
    try:
        arguments = tool.parameters.read(call.arguments)
    except BadArguments as error:
        return str(error)
    positional = (context,) if tool.takes_context else ()
    limit = asyncio.timeout(tool.seconds)
    try:
        async with limit:
            result = tool.function(*positional, **arguments)
            if isinstance(result, AsyncIterator):
                return output_text(await _last(result, context))
            return output_text(await result)
    except CustomStreamError:
        raise
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _failed(tool, error)  # the tool awaited something that somebody else had cancelled
    except Exception as error:  # noqa: BLE001 - whatever an author's function raises, the model goes on without it
        told = _failed(tool, error)
        return f"{told} It was given {tool.seconds:g} seconds." if limit.expired() else told


async def _last(results: AsyncIterator[Any], context: ToolContext) -> Any:
    output: Any = None
    async with closing(results):
        async for result in results:
            if isinstance(result, ToolOutput):
                output = result.value
            else:
                await context.emit(result)
    return output


def _failed(tool: Tool, error: BaseException) -> str:
    frames = traceback.walk_tb(error.__traceback__)
    places = [
        f"{frame.f_code.co_filename.rpartition('/')[2]}:{line} in {frame.f_code.co_name}" for frame, line in frames
    ]
    extra = {"tool": tool.name, "error": type(error).__name__, "place": ", ".join(places)}
    _log.warning("a tool failed", extra=extra)
    return tool.error

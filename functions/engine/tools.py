"""Tools that a model may call: functions of yours.

    @tool
    async def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> Weather:
        \"\"\"The weather in a city, now.\"\"\"

The model is told the function's name, its docstring and its parameters: pydantic makes a schema of the signature, in
OpenAI's strict mode, and checks what the model gives. `Annotated[str, Field(description=...)]` describes a parameter.

A first parameter of type `ToolContext` is not the model's: through it a tool knows the user, and shows what it does.
A tool may as well be an async generator that yields stream events, and a `ToolOutput` in the end.
"""

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeAlias, overload

from functions.engine.authoring import Author
from functions.engine.closing import closing
from functions.engine.results import RequestContext
from functions.errors import InternalError
from functions.ids import IdFactory
from functions.model.hosted_tools import HostedTool, tool_choice, tool_id
from functions.model.schema import Parameters, check_signature
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.threads import ThreadMetadata

TOOL_SECONDS: Final = 30.0
TOOL_FAILED: Final = "The tool failed."

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
"""https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools"""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool that is an async generator gives back: the last thing that it yields."""

    value: Any


ToolFunction: TypeAlias = Callable[..., Awaitable[Any]] | Callable[..., AsyncIterator[ThreadStreamEvent | ToolOutput]]
Emit: TypeAlias = Callable[[ThreadStreamEvent], Awaitable[None]]


class ToolContext(Author):
    """What a tool has at hand while it runs: who asks, and new items to show with `emit`."""

    def __init__(
        self,
        *,
        request: RequestContext,
        thread_id: str,
        thread: ThreadMetadata | None,
        call_id: str,
        ids: IdFactory,
        now: Callable[[], datetime],
        emit: Emit,
    ) -> None:
        super().__init__(thread_id=thread_id, ids=ids, now=now)
        self.request: Final = request
        self.call_id: Final = call_id
        """The call's own id: the same where a call is repeated, and so a key for what must not be done twice."""
        self._thread = thread
        self._emit = emit

    @property
    def user(self) -> str:
        """Who is talking: the integrator's own user id."""
        return self.request.user

    @property
    def locale(self) -> str:
        """The user's language: a BCP 47 tag."""
        return self.request.locale

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the page sent along with this request; not to be trusted."""
        return self.request.metadata

    @property
    def thread(self) -> ThreadMetadata:
        """The thread; what is changed in it is stored, and the client is told. Raises `InternalError` outside a turn."""
        if self._thread is None:
            raise InternalError("a tool asked for the thread outside a turn")
        return self._thread

    async def emit(self, events: ThreadStreamEvent | AsyncIterator[ThreadStreamEvent]) -> None:
        """Shows something: one event, or all of what a helper such as `widget` makes."""
        if not isinstance(events, AsyncIterator):
            await self._emit(events)
            return
        async with closing(events):
            async for event in events:
                await self._emit(event)


class Tool:
    """A function that the model may call; it runs here."""

    def __init__(
        self, function: ToolFunction, *, name: str | None, description: str | None, seconds: float, error: str
    ) -> None:
        if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
            raise TypeError(f"{function.__name__}: a tool is an async function")
        self.function: Final = function
        """The function as it was written: for tests."""
        self.name: Final = _checked(name or function.__name__)
        self.description: Final = description or inspect.getdoc(function) or ""
        self.seconds: Final = seconds
        self.error: Final = error
        self.takes_context: Final = _takes_context(function)
        check_signature(function, skip=self.takes_context)

    @cached_property
    def parameters(self) -> Parameters:
        """Made when a model is first asked, not at every cold start. Raises `TypeError` for what has no strict schema."""
        return Parameters.of(self.function, skip=self.takes_context)

    @property
    def definition(self) -> Mapping[str, Any]:
        """The entry of a request's `tools`."""
        return _definition(self.name, self.description, self.parameters)


class ClientTool:
    """A tool that the page runs: the turn pauses until its output has come."""

    def __init__(self, function: Callable[..., object], *, name: str | None, description: str | None) -> None:
        self.name: Final = _checked(name or function.__name__)
        self.description: Final = description or inspect.getdoc(function) or ""
        self._function = function
        check_signature(function)

    @cached_property
    def parameters(self) -> Parameters:
        """As a `Tool`'s."""
        return Parameters.of(self._function)

    @property
    def definition(self) -> Mapping[str, Any]:
        """The entry of a request's `tools`."""
        return _definition(self.name, self.description, self.parameters)


AnyTool: TypeAlias = Tool | ClientTool | HostedTool


@overload
def tool(function: ToolFunction, /) -> Tool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, seconds: float = TOOL_SECONDS, error: str = TOOL_FAILED
) -> Callable[[ToolFunction], Tool]: ...
def tool(
    function: ToolFunction | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    seconds: float = TOOL_SECONDS,
    error: str = TOOL_FAILED,
) -> Tool | Callable[[ToolFunction], Tool]:
    """Makes an async function a tool.

    It may take `seconds`; where it fails, the model reads `error` in place of an output, and goes on. An error that the user
    is meant to see is a `CustomStreamError`: it ends the turn. Raises `TypeError` for a function that can be no tool.
    """

    def decorate(decorated: ToolFunction) -> Tool:
        return Tool(decorated, name=name, description=description, seconds=seconds, error=error)

    return decorate if function is None else decorate(function)


@overload
def client_tool(function: Callable[..., object], /) -> ClientTool: ...
@overload
def client_tool(
    *, name: str | None = None, description: str | None = None
) -> Callable[[Callable[..., object]], ClientTool]: ...
def client_tool(
    function: Callable[..., object] | None = None, /, *, name: str | None = None, description: str | None = None
) -> ClientTool | Callable[[Callable[..., object]], ClientTool]:
    """Declares a tool of the page by a function that is never called: its name, docstring and parameters are what counts."""

    def decorate(decorated: Callable[..., object]) -> ClientTool:
        return ClientTool(decorated, name=name, description=description)

    return decorate if function is None else decorate(function)


class Toolbox:
    """The tools of one assistant, by what they are called."""

    def __init__(self, tools: Sequence[AnyTool]) -> None:
        """Raises `InternalError` where two have the same name."""
        self._by_id: dict[str, AnyTool] = {}
        for one in tools:
            name = tool_id(one) if isinstance(one, Mapping) else one.name
            if name in self._by_id:
                raise InternalError(f"two tools are called {name}")
            self._by_id[name] = one

    def __contains__(self, name: str) -> bool:
        """Whether there is a tool of this name: a function's, an MCP server's label, or a hosted tool's type."""
        return name in self._by_id

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._by_id)

    def function(self, name: str) -> Tool | ClientTool | None:
        """The function that a model calls by this name; None where there is none."""
        one = self._by_id.get(name)
        return one if isinstance(one, Tool | ClientTool) else None

    @property
    def definitions(self) -> list[Mapping[str, Any]]:
        """A request's `tools`."""
        return [one if isinstance(one, Mapping) else one.definition for one in self._by_id.values()]

    def choice(self, name: str) -> Mapping[str, Any] | None:
        """The `tool_choice` that makes a model use this tool; None where there is none of this name."""
        one = self._by_id.get(name)
        if one is None:
            return None
        return tool_choice(one if isinstance(one, Mapping) else {"type": "function", "name": one.name})


def _definition(name: str, description: str, parameters: Parameters) -> Mapping[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": parameters.schema,
        "strict": True,
    }


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise TypeError(f"{name}: a tool's name has 1 to 64 letters, digits, _ and -")
    return name


def _takes_context(function: Callable[..., object]) -> bool:
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is None:
        return False
    if isinstance(first.annotation, str):  # `from __future__ import annotations`
        return first.annotation.rpartition(".")[2] == ToolContext.__name__
    return first.annotation is ToolContext

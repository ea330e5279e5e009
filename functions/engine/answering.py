"""A model's answer: as many responses as it takes, with the tools that it calls in between.

1. The newest turns of the thread that fit are sent. What the model says is streamed.
2. Where it called functions, those that run here run side by side; each is kept in a hidden item, with its output.
3. The response's own output and the functions' outputs are sent back: 2 and 3 repeat, up to a number of rounds. After
   the last round the model is asked once more without tools, so that it ends with an answer.
4. Where it called a tool of the page, or an MCP server wants an approval, the turn ends with the item that asks for it. What
   the model needs to go on stays in hidden items: the page's or the user's answer begins a turn without a message, and
   the thread is sent as it then stands.

A page runs one tool at a time, and the user is asked one thing at a time: a call that has to stand back is answered with
words that say so, since the API demands an output for every call.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic_core import to_json

from functions.engine import approvals
from functions.engine.authoring import Author
from functions.engine.closing import closing
from functions.engine.tool_runs import Call, NewContext, ToolRuns
from functions.engine.tools import ClientTool, Tool, Toolbox
from functions.errors import ContextTooLong
from functions.model import kept
from functions.model.base import Model, ResponseEvent
from functions.model.budget import Corrections, fitted, input_tokens, text_tokens, tokens_of
from functions.model.failures import failure
from functions.model.schema import BadArguments
from functions.model.to_chatkit import ResponseReader, Workflows, partial_images
from functions.model.to_input import InputItem, InputPart, to_input
from functions.protocol.events import ThreadItemDoneEvent, ThreadStreamEvent
from functions.protocol.items import ClientToolCallItem, HiddenContextItem, ThreadItem
from functions.translations import Text

MAX_ROUNDS: Final = 10
"""How often a model may call tools within one answer."""
ENCRYPTED_REASONING: Final = "reasoning.encrypted_content"
"""What a request has to `include` to have reasoning that can be sent back where OpenAI keeps no copy
(https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items)."""

_SHOWN: Final[Mapping[str, str]] = {
    "web_search": "web_search_call.action.sources",
    "file_search": "file_search_call.results",
}
"""What a request has to `include` to show what a hosted tool has found
(https://platform.openai.com/docs/api-reference/responses/create#responses-create-include)."""
_WITHOUT_REASONING: Final = ("gpt-3.5", "gpt-4", "chatgpt-")
"""How models begin that refuse a request for encrypted reasoning."""
_PLAIN_OUTPUT: Final = frozenset({"message", "reasoning", "function_call"})
"""After a hosted tool the reported usage counts what that tool read, too: it says nothing of our estimate."""

_log: Final = logging.getLogger(__name__)

CORRECTIONS: Final = Corrections()
"""What this process has learnt of the models' tokens."""

Files: TypeAlias = Callable[[Sequence[ThreadItem]], Awaitable[Mapping[str, InputPart]]]
"""Gives the attachments and pictures of some items as parts of the input, by id; those that are gone are missing."""


async def no_files(_items: Sequence[ThreadItem]) -> Mapping[str, InputPart]:
    """None: the model reads their names."""
    return {}


def reasons(model: str) -> bool:
    """Whether a model's reasoning can be asked for, by its name; a model that is not known can."""
    return not model.startswith(_WITHOUT_REASONING) and "-chat" not in model


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked, but for the conversation."""

    model: str
    instructions: str
    tools: Toolbox
    choice: Mapping[str, Any] | None = None
    """The `tool_choice` of the first response."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further fields of the body."""
    max_rounds: int = MAX_ROUNDS

    @property
    def body(self) -> dict[str, Any]:
        """The body of `POST /responses`, without `input`."""
        # The thread is kept here; OpenAI is not asked to keep a second copy.
        body: dict[str, Any] = {"model": self.model, "instructions": self.instructions, "store": False}
        if self.tools:
            body["tools"] = self.tools.definitions
            include = [ENCRYPTED_REASONING] if reasons(self.model) else []
            body["include"] = include + [one for kind, one in _SHOWN.items() if kind in self.tools]
        return {**body, **self.options}


class _PageCall(NamedTuple):
    """A call that the page shall run."""

    call_id: str
    name: str
    arguments: dict[str, Any]


class Answering:
    """One answer. For one use."""

    def __init__(
        self,
        *,
        request: Request,
        items: Sequence[ThreadItem],
        model: Model,
        author: Author,
        thread_id: str,
        locales: Sequence[str],
        tool_context: NewContext,
        files: Files = no_files,
        corrections: Corrections = CORRECTIONS,
    ) -> None:
        """`items` are the thread's that fit (see `functions.model.budget`), oldest first."""
        self._request = request
        self._body = request.body
        self._items = items
        self._model = model
        self._author = author
        self._thread_id = thread_id
        self._locales = locales
        self._tool_context = tool_context
        self._files = files
        self._corrections = corrections
        self._workflows = Workflows(thread_id=thread_id, ids=author.ids, now=author.now)
        self._parts: Mapping[str, InputPart] = {}
        self._said: list[InputItem] = []
        """What was said and done in this answer so far, as input for its next response."""
        self._reasoning: list[ThreadItemDoneEvent] = []
        self._output: list[Mapping[str, Any]] = []
        self._may_shorten = True

    async def events(self) -> AsyncIterator[ThreadStreamEvent]:
        """The answer. Raises `ModelError`, and a tool's `CustomStreamError`."""
        self._parts = await self._files(self._items)
        for round_number in range(self._request.max_rounds + 1):
            is_last = round_number == self._request.max_rounds
            async with closing(self._respond(round_number, is_last=is_last)) as events:
                async for event in events:
                    yield event
            calls = [_call(item) for item in self._output if item["type"] == "function_call"]
            asked = [item for item in self._output if item["type"] == "mcp_approval_request"]
            self._keep_output()
            if not calls and not asked:
                break
            if is_last:
                _log.warning("the model goes on calling tools", extra={"rounds": self._request.max_rounds})
                raise failure(Text.MODEL_FAILED)
            waiting = None if asked else self._first_for_page(calls)
            async with closing(self._run(calls, waiting)) as events:
                async for event in events:
                    yield event
            if asked or waiting is not None:
                for event in (*self._workflows.close(), *self._reasoning, *self._pause(asked, waiting)):
                    yield event
                return
        for event in self._workflows.close():
            yield event

    async def _respond(self, round_number: int, *, is_last: bool) -> AsyncIterator[ThreadStreamEvent]:
        """Streams one response; once in an answer, with half of the history where all of it was too long."""
        while True:
            body = {**self._body, "input": [*to_input(self._items, self._parts), *self._said]}
            if round_number == 0 and self._request.choice is not None:
                body["tool_choice"] = self._request.choice
            elif is_last and self._request.tools:
                body["tool_choice"] = "none"
            reader = ResponseReader(
                thread_id=self._thread_id,
                ids=self._author.ids,
                now=self._author.now,
                workflows=self._workflows,
                partial_images=partial_images(body.get("tools", ())),
            )
            has_begun = False
            try:
                async with closing(self._model.stream(body)) as stream:
                    async for response_event in stream:
                        for event in reader.feed(response_event):
                            has_begun = True
                            yield event
                        if _is_finished_mcp_call(response_event):
                            yield self._author.hidden_context(kept.mcp_call(response_event["item"]))
                reader.end()
            except ContextTooLong:
                if has_begun or not self._shorten():
                    raise
                continue
            finally:
                self._learn(body, reader)
            self._output = reader.output
            return

    def _shorten(self) -> bool:
        """Whether there was something to leave out; it is then."""
        shorter = fitted(self._items, tokens_of(self._items) / 2)
        shortened = self._may_shorten and len(shorter) < len(self._items)
        self._may_shorten = False
        if shortened:
            self._items = shorter
        return shortened

    def _learn(self, body: Mapping[str, Any], reader: ResponseReader) -> None:
        usage = reader.usage
        if usage is None or self._parts or not {item["type"] for item in reader.output} <= _PLAIN_OUTPUT:
            return
        frame = text_tokens(str(body["instructions"])) + text_tokens(to_json(body.get("tools", ())).decode())
        estimated = frame + input_tokens(body["input"])
        self._corrections.learn(str(body["model"]), estimated=estimated, reported=usage.get("input_tokens") or 0)

    def _keep_output(self) -> None:
        """Keeps what of a response the next one has to be told again."""
        is_stored = bool(self._body.get("store"))
        sent_back = list(self._output) if is_stored else _without_copies(self._output)
        self._said += [{**item} for item in sent_back]
        reasoning = [item for item in sent_back if item["type"] == "reasoning"]
        if reasoning:
            # Stored only where the turn pauses; its place in the thread is here, before the calls that it led to.
            self._reasoning.append(self._author.hidden_context(kept.reasoning(reasoning)))

    def _first_for_page(self, calls: Sequence[Call]) -> _PageCall | None:
        """The first good call of a tool of the page."""
        for call in calls:
            function = self._request.tools.function(call.name)
            if isinstance(function, ClientTool):
                with suppress(BadArguments):
                    function.parameters.read(call.arguments)
                    return _PageCall(call.call_id, call.name, function.parameters.given(call.arguments))
        return None

    async def _run(self, calls: Sequence[Call], waiting: _PageCall | None) -> AsyncIterator[ThreadStreamEvent]:
        """Gives every call its output, but for the one that the turn waits for."""
        here: list[tuple[Call, Tool]] = []
        outputs: dict[str, str] = {}
        # Ids are places in the thread: each call stands before what its tool shows.
        places = {call.call_id: self._author.ids.new("message") for call in calls}

        def finished(call: Call, output: str) -> ThreadItemDoneEvent:
            content = kept.function_call(call_id=call.call_id, name=call.name, arguments=call.arguments, output=output)
            return ThreadItemDoneEvent(
                item=HiddenContextItem(
                    id=places[call.call_id],
                    thread_id=self._thread_id,
                    created_at=self._author.now(),
                    content=content,
                )
            )

        for call in calls:
            function = self._request.tools.function(call.name)
            if isinstance(function, Tool):
                here.append((call, function))
            elif waiting is None or call.call_id != waiting.call_id:
                outputs[call.call_id] = _standing_back(call, function)
                yield finished(call, outputs[call.call_id])
        runs = ToolRuns(here, context=self._tool_context, finished=finished)
        async with closing(runs.events()) as events:
            async for event in events:
                yield event
        outputs |= runs.outputs
        self._said += [
            {"type": "function_call_output", "call_id": call.call_id, "output": outputs[call.call_id]}
            for call in calls
            if call.call_id in outputs
        ]

    def _pause(self, asked: Sequence[Mapping[str, Any]], waiting: _PageCall | None) -> list[ThreadItemDoneEvent]:
        """What the turn ends with: questions about what is asked, else the call that waits for the page."""
        if waiting is None:
            questions = [approvals.question(request, self._locales) for request in asked]
            kept_requests = self._author.hidden_context(kept.mcp_approval(asked))
            return [kept_requests, self._author.structured_input(*questions)]
        item = ClientToolCallItem(
            id=self._author.ids.new("tool_call"),
            thread_id=self._thread_id,
            created_at=self._author.now(),
            call_id=waiting.call_id,
            name=waiting.name,
            arguments=waiting.arguments,
        )
        return [ThreadItemDoneEvent(item=item)]


def _call(item: Mapping[str, Any]) -> Call:
    try:
        return Call(call_id=item["call_id"], name=item["name"], arguments=item["arguments"])
    except KeyError as error:
        raise failure(Text.MODEL_UNREADABLE) from error


def _is_finished_mcp_call(event: ResponseEvent) -> bool:
    return event.get("type") == "response.output_item.done" and event["item"]["type"] == "mcp_call"


def _without_copies(output: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The output as it can be sent back where OpenAI keeps no copy.

    Reasoning that is not encrypted would be looked up by its id, in vain; and what came from it, by the id that ties it to
    that reasoning, would be refused without it.
    """
    kept_items = [item for item in output if item["type"] != "reasoning" or item.get("encrypted_content")]
    if len(kept_items) == len(output):
        return kept_items
    untied = {"message", "function_call"}
    return [
        {name: value for name, value in item.items() if name != "id"} if item["type"] in untied else item
        for item in kept_items
    ]


def _standing_back(call: Call, function: ClientTool | None) -> str:
    """The output of a call that is not run."""
    if function is None:
        return f"There is no tool called {call.name}."
    try:
        function.parameters.read(call.arguments)
    except BadArguments as error:
        return str(error)
    return "This tool was not run: the user's page does one thing at a time. Call it again if it is still needed."

"""What an author writes: an assistant. Names are those of ChatKit's own Python server."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from functions.engine import composer
from functions.engine.answering import CORRECTIONS, MAX_ROUNDS, Answering, Request
from functions.engine.asking import ANSWER_CHARACTERS, ask
from functions.engine.authoring import Author
from functions.engine.closing import closing
from functions.engine.dictation import AudioInput, DictationContext
from functions.engine.entities import EntityDirectory
from functions.engine.files import Files
from functions.engine.results import RequestContext
from functions.engine.tool_runs import Call
from functions.engine.tools import AnyTool, Emit, Toolbox, ToolContext
from functions.errors import InternalError, InvalidRequest
from functions.ids import IdFactory
from functions.model.base import Model
from functions.model.budget import fitted, tokens_of
from functions.protocol.actions import Action
from functions.protocol.events import StreamOptions, ThreadStreamEvent
from functions.protocol.items import ThreadItem, UserMessageItem, WidgetItem
from functions.protocol.messages import InferenceOptions
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store.base import MAX_PAGE, Store

DEFAULT_AGENT: Final = "default"
"""The assistant that answers where the page names none."""
HISTORY_ITEMS: Final = 200
"""How many of a thread's newest items `history` gives."""
HISTORY_TOKENS: Final = 50_000
"""About how many tokens of a thread an answer takes into account."""
ANSWER_ITEMS: Final = 1_000
"""How many of a thread's newest items an answer looks at, however short they are: each hundred cost a request."""


class AssistantContext(Author):
    """What an assistant has at hand while it works on one request: who asks, the history, a model, and new items."""

    def __init__(
        self,
        *,
        request: RequestContext,
        thread_id: str,
        store: Store,
        model: Model,
        ids: IdFactory,
        now: Callable[[], datetime],
        assistant: "Assistant | None" = None,
        thread: ThreadMetadata | None = None,
        files: Files | None = None,
    ) -> None:
        """`assistant` is the one that answers, `thread` what it may change; without `files` they are names only."""
        super().__init__(thread_id=thread_id, ids=ids, now=now)
        self.request: Final = request
        self._store = store
        self._model = model
        self._assistant = assistant
        self._thread = thread
        self._files = files or Files(request.owner)
        self._owned: dict[AsyncIterator[ThreadStreamEvent], asyncio.Lock] = {}
        """What ends with the turn; each is closed by one at a time."""

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
        """What the page sent along with this request."""
        return self.request.metadata

    async def history(self, *, limit: int = HISTORY_ITEMS) -> list[ThreadItem]:
        """The thread's newest items, hidden ones too, oldest first. Reads them anew on each call."""
        return await self._newest(limit, lambda _: False)

    async def answer(
        self,
        *,
        model: str,
        instructions: str,
        tools: Sequence[AnyTool] | None = None,
        history_tokens: int = HISTORY_TOKENS,
        max_rounds: int = MAX_ROUNDS,
        **options: Any,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Lets a model answer the thread as it stands, and yields what it says and does.

        A model that the user picked takes the place of `model`. `tools` are the assistant's own where none are given;
        the model may call them in up to `max_rounds` rounds. The newest turns that have no more than about
        `history_tokens` are sent. `options` are further fields of the body of OpenAI's `POST /responses`.
        Raises `ModelError`, and the `CustomStreamError` of a tool.
        """
        declared = self._assistant
        toolbox = Toolbox(tools if tools is not None else declared.tools if declared is not None else ())
        tokens = history_tokens / CORRECTIONS.factor(model)
        newest = await self._newest(ANSWER_ITEMS, lambda some: tokens_of(some) > tokens)
        if declared is not None:
            model = composer.picked_model(newest, declared.models) or model
        items = fitted(newest, history_tokens / CORRECTIONS.factor(model))
        answering = Answering(
            request=Request(
                model=model,
                instructions=instructions,
                tools=toolbox,
                choice=composer.picked_tool(items, toolbox),
                options=options,
                max_rounds=max_rounds,
            ),
            items=items,
            model=self._model,
            author=self,
            thread_id=self._thread_id,
            locales=self.request.locales,
            tool_context=self._tool_context,
            files=self._files.for_model,
        )
        events = self.owned(answering.events())
        try:
            async for event in events:
                yield event
        finally:
            await self._release(events)

    async def ask(
        self, text: str, *, model: str, instructions: str, at_most: int = ANSWER_CHARACTERS, **options: Any
    ) -> str:
        """What a model says to a text, beside the conversation: it knows nothing of the thread, and nothing is shown.

        At most `at_most` characters of it. `options` are further fields of the body of OpenAI's `POST /responses`.
        Raises `ModelError`.
        """
        message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        body = {"model": model, "instructions": instructions, "input": [message], **options}
        return await ask(self._model, body, at_most=at_most)

    def owned(self, events: AsyncIterator[ThreadStreamEvent]) -> AsyncIterator[ThreadStreamEvent]:
        """`events`, to be closed when the turn ends, wherever it was left."""
        self._owned[events] = asyncio.Lock()
        return events

    async def close(self) -> None:
        """Ends what is still being streamed: an author's generator that was left early leaves its answers open."""
        for events in list(self._owned):
            await self._release(events)

    async def _release(self, events: AsyncIterator[ThreadStreamEvent]) -> None:
        # The garbage collector may be closing the author's generator, and this with it, in a task of its own meanwhile.
        async with self._owned[events], closing(events):
            pass

    async def _newest(self, limit: int, enough: Callable[[Sequence[ThreadItem]], bool]) -> list[ThreadItem]:
        """The newest items, oldest first, read page by page until there are enough."""
        items: list[ThreadItem] = []
        after: str | None = None
        while len(items) < limit:
            page = await self._store.list_items(
                self.request.owner,
                self._thread_id,
                after=after,
                limit=min(MAX_PAGE, limit - len(items)),
                order="desc",
                hidden=True,
            )
            items += page.data
            after = page.after
            if not page.has_more or enough(items[::-1]):
                break
        return items[::-1]

    def _tool_context(self, call: Call, emit: Emit) -> ToolContext:
        return ToolContext(
            request=self.request,
            thread_id=self._thread_id,
            thread=self._thread,
            call_id=call.call_id,
            ids=self.ids,
            now=self.now,
            emit=emit,
        )


class Assistant(ABC):
    """Answers users. `respond` is all that it needs; one instance serves all requests of a process."""

    models: Mapping[str, str] = MappingProxyType({})
    """The models that a user may pick in the composer: the page's id → the model's name."""
    tools: Sequence[AnyTool] = ()
    """What a model may call. A user may pick one in the composer: its name, an MCP server's label, a hosted tool's type."""

    entities: EntityDirectory | None = None
    """What users may tag with `@`; without one, tags are taken as the page sends them."""

    def check_options(self, options: InferenceOptions) -> None:
        """Raises `InvalidRequest` for what was picked in the composer and is not offered; then nothing is stored."""
        composer.check(options, models=self.models, toolbox=Toolbox(self.tools))

    @abstractmethod
    def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Answers a thread: an async generator of stream events.

        `message` is the new user message, already stored; None where the turn goes on after a tool's output or a
        structured input. What is changed in `thread` (title, status, metadata) is stored, and the client is told.
        """

    def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Answers an action as `respond` answers a message. `sender` is its widget; None where the page sent it."""
        raise InternalError(f"{type(self).__name__} has no action()")

    async def sync_action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> ThreadItem | None:
        """Answers an action with one item that has changed, or none. The item is stored."""
        raise InternalError(f"{type(self).__name__} has no sync_action()")

    async def add_feedback(  # noqa: B027 - hearing nothing is a choice
        self, thread_id: str, item_ids: Sequence[str], feedback: FeedbackKind, context: AssistantContext
    ) -> None:
        """Hears what the user thinks of some items. It has been stored already."""

    async def transcribe(self, audio: AudioInput, context: DictationContext) -> str:
        """The text that somebody spoke into the composer."""
        raise InternalError(f"{type(self).__name__} has no transcribe()")

    def get_stream_options(self, thread: ThreadMetadata, context: AssistantContext) -> StreamOptions:
        """How the client treats the stream; by default its stop button is shown."""
        del thread, context
        return StreamOptions(allow_cancel=True)


def picked(assistants: Mapping[str, Assistant], context: RequestContext) -> Assistant:
    """The assistant that the page asks for. Raises `InvalidRequest` where there is none of that name."""
    assistant = assistants.get(context.agent_type or DEFAULT_AGENT)
    if assistant is None:
        raise InvalidRequest("X-Agent-Type", "names no assistant of this server")
    return assistant

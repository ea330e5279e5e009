"""What an author writes: an assistant. Names are those of ChatKit's own Python server."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from functions.engine.authoring import Author
from functions.engine.closing import closing
from functions.engine.results import RequestContext
from functions.errors import InternalError
from functions.ids import IdFactory
from functions.model.base import Model, ResponseEvent
from functions.model.to_chatkit import ResponseReader
from functions.model.to_input import to_input
from functions.protocol.actions import Action
from functions.protocol.events import StreamOptions, ThreadStreamEvent
from functions.protocol.items import ThreadItem, UserMessageItem, WidgetItem
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata
from functions.store.base import MAX_PAGE, Store

HISTORY_ITEMS: Final = 200
"""How many of a thread's newest items an answer takes into account."""


@dataclass(frozen=True, slots=True)
class AudioInput:
    """Recorded speech."""

    data: bytes
    mime_type: str
    """As the client sent it, such as `audio/webm;codecs=opus`."""

    @property
    def media_type(self) -> str:
        """The type without its parameters, such as `audio/webm`."""
        return self.mime_type.partition(";")[0].strip()


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
    ) -> None:
        super().__init__(thread_id=thread_id, ids=ids, now=now)
        self.request: Final = request
        self._store = store
        self._model = model
        self._streams: list[AsyncIterator[ResponseEvent]] = []

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
        items: list[ThreadItem] = []
        after: str | None = None
        while len(items) < limit:
            page = await self._store.list_items(
                self.user,
                self._thread_id,
                after=after,
                limit=min(MAX_PAGE, limit - len(items)),
                order="desc",
                hidden=True,
            )
            items += page.data
            after = page.after
            if not page.has_more:
                break
        return items[::-1]

    async def answer(self, *, model: str, instructions: str, **options: Any) -> AsyncIterator[ThreadStreamEvent]:
        """Lets a model answer the thread as it stands, and yields what it says.

        `options` are further fields of the body of OpenAI's `POST /responses`. Raises `ModelError`.
        """
        reader = ResponseReader(thread_id=self._thread_id, ids=self.ids, now=self.now)
        body = {
            "model": model,
            "instructions": instructions,
            "input": to_input(await self.history()),
            # The thread is kept here; OpenAI is not asked to keep a second copy.
            "store": False,
            **options,
        }
        stream = self._model.stream(body)
        async with closing(stream):
            self._streams.append(stream)
            async for response_event in stream:
                for event in reader.feed(response_event):
                    yield event
        reader.end()

    async def close(self) -> None:
        """Ends what is still being streamed: an author's generator that was left early leaves its answers open."""
        for stream in self._streams:
            async with closing(stream):
                pass


class Assistant(ABC):
    """Answers users. `respond` is all that it needs; one instance serves all requests of a process."""

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

    async def transcribe(self, audio: AudioInput, context: RequestContext) -> str:
        """The text that somebody spoke into the composer."""
        raise InternalError(f"{type(self).__name__} has no transcribe()")

    def get_stream_options(self, thread: ThreadMetadata, context: AssistantContext) -> StreamOptions:
        """How the client treats the stream; by default its stop button is shown."""
        del thread, context
        return StreamOptions(allow_cancel=True)

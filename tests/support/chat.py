"""An engine on a store in memory, spoken to as the client does; all on one event loop, as in a function's process."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from functions.announcements.base import Announcer
from functions.attachments.base import AttachmentStore, ImageStore
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.engine import Engine
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.ids import IdFactory
from functions.limits import NO_LIMITS
from functions.metrics import Metrics
from functions.model.base import Model, Transcriber
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.store.base import Store
from functions.store.counters import Counters
from tests.support.assistants import CannedModel, ScriptedAssistant, say
from tests.support.memory_store import MemoryStore

Json = dict[str, Any]


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _hello(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    async for event in say(thread, context, "Hello", ", ", "you"):
        yield event


def message_input(text: str = "Hi", **more: Any) -> Json:
    """A user message as the client sends it."""
    return {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}, **more}


class Chat:
    """A client of one engine."""

    def __init__(
        self, *, store: Store | None = None, assistant: Assistant | None = None, model: Model | None = None
    ) -> None:
        self.store = store or MemoryStore()
        self.assistant = assistant or ScriptedAssistant(_hello)
        self.model = model or CannedModel()
        self.ids = IdFactory()
        self.metrics: Metrics | None = None
        self.transcriber: Transcriber | None = None
        self.images: ImageStore | None = None
        self.attachments: AttachmentStore | None = None
        self.counters: Counters | None = None
        self.limits = NO_LIMITS
        self.announcer: Announcer | None = None
        self.now = _utc_now

    def stream(self, kind: str, params: Json, **how: Any) -> list[Json]:
        """The events of a streaming request, as JSON. `how`: see `events`."""
        return run(self.astream(kind, params, **how))

    async def astream(self, kind: str, params: Json, **how: Any) -> list[Json]:
        """`stream` within a coroutine."""
        return [json.loads(to_wire(event)) async for event in await self.events(kind, params, **how)]

    async def events(self, kind: str, params: Json, **how: Any) -> AsyncIterator[ThreadStreamEvent]:
        """The events of a streaming request, one by one. `how`: fields of `RequestContext`, such as `user`."""
        result = await self._process(kind, params, **how)
        assert isinstance(result, StreamingResult)
        return result.events

    def ask(self, kind: str, params: Json, **how: Any) -> Json:
        """The JSON of any other request."""
        return run(self.aask(kind, params, **how))

    async def aask(self, kind: str, params: Json, **how: Any) -> Json:
        """`ask` within a coroutine."""
        return json.loads((await self.answer(kind, params, **how)).json)

    async def answer(self, kind: str, params: Json, **how: Any) -> NonStreamingResult:
        """What any other request is answered with."""
        result = await self._process(kind, params, **how)
        assert isinstance(result, NonStreamingResult)
        return result

    def create(self, text: str = "Hi", *, user: str = "alice") -> str:
        """Begins a thread and gives its id."""
        events = self.stream("threads.create", {"input": message_input(text)}, user=user)
        return events[0]["thread"]["id"]

    def items(self, thread_id: str, *, user: str = "alice") -> list[Json]:
        """The visible items of a thread, oldest first."""
        page = self.ask("items.list", {"thread_id": thread_id, "order": "asc", "limit": 9999}, user=user)
        return page["data"]

    async def _process(
        self, kind: str, params: Json, *, user: str = "alice", metadata: Json | None = None, **context: Any
    ) -> StreamingResult | NonStreamingResult:
        engine = Engine(
            store=self.store,
            assistants={"default": self.assistant},
            model=self.model,
            ids=self.ids,
            metrics=self.metrics,
            transcriber=self.transcriber,
            images=self.images,
            attachments=self.attachments,
            counters=self.counters,
            limits=self.limits,
            announcer=self.announcer,
            now=self.now,
        )
        body = json.dumps({"type": kind, "params": params, "metadata": metadata or {}}).encode()
        return await engine.process(body, RequestContext(user=user, request_id="req-1", **context))


def types(events: Sequence[Json]) -> list[str]:
    """The events' types, in their order."""
    return [event["type"] for event in events]


def texts(items: Sequence[Json]) -> list[str]:
    """What the messages among these items say."""
    return ["".join(part["text"] for part in item["content"]) for item in items if "content" in item]

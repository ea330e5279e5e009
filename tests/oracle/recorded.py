"""One recorded response, sent by HTTP to the official mapping and to ours, and what each makes of it.

The official side is OpenAI's typed client and `chatkit.agents.stream_agent_response`, with its citation fault mended; ours
is the project's own adapter and `ResponseReader`, with finished pictures kept as the engine keeps them.
"""

import base64
import hashlib
import json
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import openai

from functions.attachments.images import name_of
from functions.engine.files import Files
from functions.errors import ModelError
from functions.ids import IdFactory
from functions.model.openai_client import OpenAIClient
from functions.model.openai_responses import OpenAIResponses
from functions.model.to_chatkit import ResponseReader
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadItemDoneEvent, ThreadStreamEvent
from tests.support.memory_images import MemoryImages
from tests.support.model_answers import Stream
from tests.support.model_server import ModelServer
from tests.support.streams import Event, read_events

with warnings.catch_warnings():
    # The official package marks its widget classes as deprecated, and warns of them when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from agents import RawResponsesStreamEvent
    from chatkit import agents
    from chatkit.types import Page, ThreadMetadata

Json = dict[str, Any]

THREAD: Final = "thr_01ARZ3NDEKTSV4RRFFQ69G5FAV"
PARTIAL_IMAGES: Final = 2
_OFFICIAL_ANNOTATION: Final = agents._convert_annotation


@dataclass(frozen=True)
class Outcome:
    """What a mapping makes of a response."""

    events: list[Json]
    """As a client would get them, normalised."""
    failure: str | None = None
    """What was raised: the message for users, or the exception's name where there is none for them."""
    left: list[Json] = field(default_factory=list)
    """Items that were stored without an event, for the next turn to go on with."""

    def with_(self, **changes: Any) -> "Outcome":
        """A copy with other values."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Replay:
    """A recorded response and both outcomes."""

    stream: list[Event]
    official: Outcome
    ours: Outcome

    def with_(self, **changes: Outcome) -> "Replay":
        """A copy with another outcome."""
        return replace(self, **changes)


async def replayed(path: Path, server: ModelServer) -> Replay:
    """Sends the file's events to both."""
    server.script(Stream.replay(path))
    return Replay(read_events(path), await _official(server.url), await _ours(server.url))


async def mended_annotation(raw: Any, converter: Any) -> Any:
    """What `chatkit.agents` does, but for its fault: with `openai` 3.x the event's annotation is of another class than a
    message's, and its check, made for dicts, refuses it. As a dict it passes."""
    return await _OFFICIAL_ANNOTATION(raw if isinstance(raw, Mapping) else raw.model_dump(), converter)


# --- the official mapping ---


class _NoHistory:
    """As much of a store as the mapping asks for: a thread without items."""

    def __init__(self) -> None:
        self.added: list[Any] = []
        self._ids = IdFactory()

    async def load_thread_items(self, *_: Any) -> "Page[Any]":
        return Page(data=[])

    async def add_thread_item(self, _thread_id: str, item: Any, _context: Any) -> None:
        self.added.append(item)

    def generate_item_id(self, kind: Any, _thread: Any, _context: Any) -> str:
        return self._ids.new(kind)


class _Run:
    """A run of the Agents SDK that consists of one response."""

    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events

    async def stream_events(self) -> AsyncIterator[RawResponsesStreamEvent]:
        async for event in self._events:
            yield RawResponsesStreamEvent(data=event)


async def _official(url: str) -> Outcome:
    store = _NoHistory()
    thread = ThreadMetadata(id=THREAD, created_at=datetime(2026, 11, 22, tzinfo=UTC))
    as_store: Any = store
    context = agents.AgentContext[None](thread=thread, store=as_store, request_context=None)
    converter = agents.ResponseStreamConverter(partial_images=PARTIAL_IMAGES)
    found: list[Json] = []
    failure: str | None = None
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=url, max_retries=0) as client:
        stream = await client.responses.create(model="gpt-test", input="Hi", stream=True)
        run: Any = _Run(stream)
        try:
            async for event in agents.stream_agent_response(context, run, converter=converter):
                # At once: the mapping goes on changing what it has yielded. In a loop: what came before a failure counts.
                found.append(_dumped(event))  # noqa: PERF401
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what users of the official mapping get
            failure = type(error).__name__
    labels = _Labels()
    return Outcome(
        [labels.normal(event) for event in found],
        failure,
        [labels.normal(_dumped(item)) for item in store.added],
    )


def _dumped(model: Any) -> Json:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- ours ---


async def _ours(url: str) -> Outcome:
    client = OpenAIClient(api_key=lambda: "sk-test", base_url=url)
    store = MemoryImages()
    files = Files("alice", images=store)
    reader = ResponseReader(
        thread_id=THREAD, ids=IdFactory(), now=lambda: datetime.now(UTC), partial_images=PARTIAL_IMAGES
    )
    found: list[Json] = []
    failure: str | None = None
    try:
        async for raw in OpenAIResponses(client=client).stream({"model": "gpt-test", "input": "Hi"}):
            for event in reader.feed(raw):
                found.append(json.loads(to_wire(await _kept(files, event))))  # noqa: PERF401 - likewise
        reader.end()
    except ModelError as error:
        failure = error.message
    finally:
        await client.close()
    labels = _Labels({name: one.data for (_, _, name), one in store.pictures.items()})
    return Outcome([labels.normal(event) for event in found], failure)


async def _kept(files: Files, event: ThreadStreamEvent) -> ThreadStreamEvent:
    if isinstance(event, ThreadItemDoneEvent):
        return event.model_copy(update={"item": await files.kept(event.item)})
    return event


# --- made comparable ---


class _Labels:
    """Replaces what must differ: ids by the order in which they come up, times, durations; pictures by their digests."""

    def __init__(self, bucket: Mapping[str, bytes] | None = None) -> None:
        self._bucket = bucket or {}
        self._ids: dict[str, str] = {}

    def normal(self, event: Json) -> Json:
        """The event, comparable."""
        event = json.loads(json.dumps(event))
        if "item_id" in event:
            event["item_id"] = self._label(event["item_id"])
        item = event.get("item", event if "thread_id" in event else None)
        if item is not None:
            item["id"] = self._label(item["id"])
            item["created_at"] = "a time"
            if "summary" in item.get("workflow", {}):
                assert item["workflow"]["summary"].keys() == {"duration"}
                item["workflow"]["summary"] = "a duration"
        for holder in (item, event.get("update")):
            if holder is not None and "image" in holder:
                holder["image"] = self._picture(holder["image"]["url"])
        return event

    def _label(self, object_id: str) -> str:
        return self._ids.setdefault(object_id, f"item {len(self._ids) + 1}")

    def _picture(self, url: str) -> Json:
        if (name := name_of(url)) is not None:
            data, media_type, place = self._bucket[name], {"jpg": "image/jpeg"}[name.partition(".")[2]], "bucket"
        else:
            head, _, text = url.partition(";base64,")
            data, media_type, place = base64.b64decode(text), head.removeprefix("data:"), "item"
        true_type = "image/jpeg" if data.startswith(b"\xff\xd8\xff") else "image/png"
        return {
            "sha256": hashlib.sha256(data).hexdigest(),
            "type": "its own" if media_type == true_type else media_type,
            "kept": place,
        }

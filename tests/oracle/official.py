"""The official server with a small store in memory, and the scripted assistant in its types."""

import asyncio
import base64
import json
import warnings
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from functions.ids import IdFactory
from tests.oracle.script import Change, Fail, Json, Op, ReplaceWidget, ShowWidget, as_events
from tests.oracle.side import Names, Outcome, Step, change, changed, dumped, named_by, new_attachment

with warnings.catch_warnings():
    # The official package marks its widget classes as deprecated, and warns of them when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from agents import set_tracing_disabled
    from chatkit.actions import Action
    from chatkit.errors import CustomStreamError, ErrorCode, StreamError
    from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult, stream_widget
    from chatkit.store import AttachmentStore, NotFoundError, Store
    from chatkit.types import (
        Attachment,
        AttachmentCreateParams,
        AudioInput,
        ChatKitReq,
        FeedbackKind,
        Page,
        StreamOptions,
        SyncCustomActionResponse,
        ThreadItem,
        ThreadMetadata,
        ThreadStreamEvent,
        TranscriptionResult,
        UserMessageItem,
        WidgetItem,
        is_streaming_req,
    )
    from chatkit.widgets import WidgetRoot

set_tracing_disabled(True)
"""The SDK's own switch: traces would be sent to OpenAI."""

EVENT: TypeAdapter[ThreadStreamEvent] = TypeAdapter(ThreadStreamEvent)
REQUEST: TypeAdapter[Any] = TypeAdapter(ChatKitReq)
ITEM: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)
ATTACHMENT: TypeAdapter[Attachment] = TypeAdapter(Attachment)
WIDGET: TypeAdapter[WidgetRoot] = TypeAdapter(WidgetRoot)

T = TypeVar("T", ThreadMetadata, ThreadItem)


class MemoryStore(Store[str]):
    """Threads, items and attachments of users (the context), as JSON, in the order in which they came."""

    def __init__(self, ids: IdFactory) -> None:
        self._ids = ids
        self.threads: dict[tuple[str, str], str] = {}
        self.items: dict[tuple[str, str], dict[str, str]] = {}
        """By thread; an item that is stored again stays where it is."""
        self.attachments: dict[tuple[str, str], str] = {}

    def generate_thread_id(self, context: str) -> str:
        return self._ids.new("thread")

    def generate_item_id(self, item_type: Any, thread: ThreadMetadata, context: str) -> str:
        return self._ids.new(item_type)

    async def load_thread(self, thread_id: str, context: str) -> ThreadMetadata:
        if (context, thread_id) not in self.threads:
            raise NotFoundError(f"Thread {thread_id} not found")
        return ThreadMetadata.model_validate_json(self.threads[context, thread_id])

    async def save_thread(self, thread: ThreadMetadata, context: str) -> None:
        self.threads[context, thread.id] = thread.model_dump_json(exclude={"items"})

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: str
    ) -> Page[ThreadItem]:
        await self.load_thread(thread_id, context)
        items = [ITEM.validate_json(one) for one in self.items.get((context, thread_id), {}).values()]
        return _page(items, after, limit, order)

    async def load_threads(self, limit: int, after: str | None, order: str, context: str) -> Page[ThreadMetadata]:
        threads = [
            ThreadMetadata.model_validate_json(one) for (user, _), one in self.threads.items() if user == context
        ]
        return _page(threads, after, limit, order)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: str) -> None:
        self.items.setdefault((context, thread_id), {})[item.id] = item.model_dump_json()

    async def save_item(self, thread_id: str, item: ThreadItem, context: str) -> None:
        await self.add_thread_item(thread_id, item, context)

    async def load_item(self, thread_id: str, item_id: str, context: str) -> ThreadItem:
        found = self.items.get((context, thread_id), {}).get(item_id)
        if found is None:
            raise NotFoundError(f"Item {item_id} not found in thread {thread_id}")
        return ITEM.validate_json(found)

    async def delete_thread(self, thread_id: str, context: str) -> None:
        await self.load_thread(thread_id, context)
        del self.threads[context, thread_id]
        self.items.pop((context, thread_id), None)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: str) -> None:
        self.items.get((context, thread_id), {}).pop(item_id, None)

    async def save_attachment(self, attachment: Attachment, context: str) -> None:
        self.attachments[context, attachment.id] = attachment.model_dump_json()

    async def load_attachment(self, attachment_id: str, context: str) -> Attachment:
        if (context, attachment_id) not in self.attachments:
            raise NotFoundError(f"Attachment {attachment_id} not found")
        return ATTACHMENT.validate_json(self.attachments[context, attachment_id])

    async def delete_attachment(self, attachment_id: str, context: str) -> None:
        self.attachments.pop((context, attachment_id), None)


def _page(objects: list[T], after: str | None, limit: int, order: str) -> Page[T]:
    behind = objects if order == "asc" else objects[::-1]
    if after is not None:
        places = [one.id for one in behind]
        if after not in places:
            raise NotFoundError(f"{after} not found")
        behind = behind[places.index(after) + 1 :]
    more = len(behind) > limit
    data = behind[:limit]
    return Page(data=data, has_more=more, after=data[-1].id if more else None)


class MemoryAttachments(AttachmentStore[str]):
    """Announces uploads, and knows nothing of bytes."""

    def __init__(self, store: MemoryStore, ids: IdFactory) -> None:
        self._store = store
        self._ids = ids

    async def create_attachment(self, input: AttachmentCreateParams, context: str) -> Attachment:  # noqa: A002
        return ATTACHMENT.validate_python(new_attachment(self._ids.new("attachment"), input.name, input.mime_type))

    async def delete_attachment(self, attachment_id: str, context: str) -> None:
        await self._store.load_attachment(attachment_id, context)


class BareServer(ChatKitServer[str]):
    """Has `respond` alone."""

    def __init__(self, store: MemoryStore, attachments: MemoryAttachments | None, names: Names, ids: IdFactory) -> None:
        super().__init__(store, attachments)
        self._memory = store
        self._names = names
        self._ids = ids
        self.step = Step("")
        self.seen: list[Json] = []

    async def process(self, request: str | bytes | bytearray, context: str) -> StreamingResult | NonStreamingResult:
        """As the official method, but that it builds its parser anew for each request: half of a request's time."""
        parsed = REQUEST.validate_json(request)
        if is_streaming_req(parsed):
            return StreamingResult(self._process_streaming(parsed, context))
        return NonStreamingResult(await self._process_non_streaming(parsed, context))

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: str
    ) -> AsyncIterator[ThreadStreamEvent]:
        await self.see("respond", thread, context, message=input_user_message)
        async for event in self.play(thread, None):
            yield event

    def get_stream_options(self, thread: ThreadMetadata, context: str) -> StreamOptions:
        return StreamOptions(allow_cancel=self.step.allow_cancel)

    async def see(self, call: str, thread: ThreadMetadata, context: str, **arguments: Any) -> None:
        """Notes what the assistant was called with, and the history."""
        page = await self.store.load_thread_items(thread.id, None, 10_000, "asc", context)
        self.seen.append(
            {
                "call": call,
                "thread": dumped(thread, exclude={"items"}),
                "history": [dumped(item) for item in page.data],
                **{name: value and dumped(value) for name, value in arguments.items()},
            }
        )

    async def play(self, thread: ThreadMetadata, sender: WidgetItem | None) -> AsyncIterator[ThreadStreamEvent]:
        """The script."""
        for op in self.step.script:
            listen = named_by(op, self._names)
            async for event in self._events(op, thread, sender):
                listen(dumped(event))
                yield event

    async def _events(
        self, op: Op, thread: ThreadMetadata, sender: WidgetItem | None
    ) -> AsyncIterator[ThreadStreamEvent]:
        match op:
            case Change():
                change(thread, op)
            case Fail():
                raise failure(op)
            case ReplaceWidget():
                yield EVENT.validate_python({"type": "thread.item.replaced", "item": changed(sender, op)})
            case ShowWidget(states=[_, _, *_]):
                states = self._states(op.states)
                async for event in stream_widget(thread, states, op.copy_text, self._ids.new):
                    yield event
            case _:
                new: Any = self._ids.new
                for event in as_events(op, lambda kind: self._head(kind, thread), new):
                    yield EVENT.validate_python(self._names.filled(event))

    def _head(self, kind: Any, thread: ThreadMetadata) -> Json:
        return {"id": self._ids.new(kind), "thread_id": thread.id, "created_at": datetime.now()}  # noqa: DTZ005 - as theirs

    async def _states(self, states: tuple[Json, ...]) -> AsyncGenerator[WidgetRoot, None]:
        for state in states:
            yield WIDGET.validate_python(state)


class Server(BareServer):
    """Has every method."""

    async def action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: str
    ) -> AsyncIterator[ThreadStreamEvent]:
        await self.see("action", thread, context, action=_told(action), sender=sender)
        async for event in self.play(thread, sender):
            yield event

    async def sync_action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: str
    ) -> SyncCustomActionResponse:
        await self.see("sync_action", thread, context, action=_told(action), sender=sender)
        item: Any = None
        for op in self.step.script:
            match op:
                case Change():
                    change(thread, op)
                case Fail():
                    raise failure(op)
                case ReplaceWidget() if sender is not None:
                    item = ITEM.validate_python(changed(sender, op))
                case _:
                    pass
        return SyncCustomActionResponse(updated_item=item)

    async def add_feedback(self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: str) -> None:
        self.seen.append({"call": "feedback", "thread": thread_id, "items": item_ids, "kind": feedback})

    async def transcribe(self, audio_input: AudioInput, context: str) -> TranscriptionResult:
        data = base64.b64encode(audio_input.data).decode()
        self.seen.append({"call": "transcribe", "data": data, "type": audio_input.media_type})
        return TranscriptionResult(text=f"{len(audio_input.data)} bytes of {audio_input.mime_type}")


class OfficialSide:
    """The official server, spoken to in bytes."""

    def __init__(self, *, attachments: bool = True) -> None:
        self.names = Names()
        self._ids = IdFactory()
        self._store = MemoryStore(self._ids)
        self._attachments = MemoryAttachments(self._store, self._ids) if attachments else None

    async def run(self, step: Step) -> Outcome:
        """Sends one request and reads the answer to its end."""
        server = (BareServer if step.bare else Server)(self._store, self._attachments, self.names, self._ids)
        server.step = step
        outcome = Outcome()
        try:
            result = await server.process(self.names.body(step), step.user)
            if isinstance(result, StreamingResult):
                events: list[Json] = []
                outcome = outcome.with_(events=events)
                async for frame in result:
                    events += [json.loads(frame.removeprefix(b"data: "))]
            else:
                outcome = outcome.with_(answer=json.loads(result.json))
        except NotImplementedError:
            outcome = outcome.with_(failure="a fault")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - compared with what ours says
            outcome = outcome.with_(failure=error)
        self.names.learn(step, outcome)
        return outcome.with_(seen=server.seen, stored=self._stored())

    def _stored(self) -> Json:
        return {
            "threads": [
                {
                    **json.loads(thread),
                    "user": user,
                    "items": [json.loads(item) for item in self._store.items.get((user, thread_id), {}).values()],
                }
                for (user, thread_id), thread in self._store.threads.items()
            ],
            "attachments": [json.loads(attachment) for attachment in self._store.attachments.values()],
        }


def failure(op: Fail) -> BaseException:
    """What the assistant raises."""
    match op.kind:
        case "custom":
            return CustomStreamError(op.message, allow_retry=op.allow_retry)
        case "coded":
            return StreamError(ErrorCode.STREAM_ERROR, allow_retry=op.allow_retry)
        case "fault":
            return RuntimeError(op.message)
        case "cancelled":
            return asyncio.CancelledError()


def _told(action: Action[str, Any]) -> Json:
    # Not dumped: an action without a type has something in its place that is no JSON.
    payload = {} if action.payload is None else {"payload": action.payload}
    return {"type": str(action.type), **payload}

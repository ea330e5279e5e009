"""Our engine on its stores in memory, and the scripted assistant in our types: with raw events, or with our helpers."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from functions.attachments.base import Counting
from functions.engine.assistant import Assistant, AssistantContext, AudioInput
from functions.engine.engine import Engine
from functions.engine.results import RequestContext, StreamingResult
from functions.errors import CustomStreamError, InternalError, NotFound, StreamError
from functions.ids import IdFactory, position
from functions.protocol.actions import Action
from functions.protocol.attachments import Attachment
from functions.protocol.base import to_wire
from functions.protocol.events import StreamOptions, ThreadStreamEvent
from functions.protocol.items import ThreadItem, UserMessageItem, WidgetItem
from functions.protocol.requests import AttachmentCreateParams, FeedbackKind
from functions.protocol.sources import Annotation
from functions.protocol.structured_input import StructuredInput
from functions.protocol.tasks import Task, WorkflowSummary
from functions.protocol.threads import ThreadMetadata
from functions.store.attachments import Place, StoredAttachment
from functions.translations import Text
from tests.oracle.script import (
    Ask,
    CallTool,
    Change,
    Effect,
    EndTurn,
    Fail,
    Hide,
    Json,
    Notify,
    Op,
    Progress,
    ReplaceWidget,
    Say,
    ShowImage,
    ShowTask,
    ShowWidget,
    Work,
    as_events,
)
from tests.oracle.side import Names, Outcome, Step, change, changed, dumped, named_by, new_attachment
from tests.support.assistants import CannedModel
from tests.support.memory_store import MemoryStore

EVENT: TypeAdapter[ThreadStreamEvent] = TypeAdapter(ThreadStreamEvent)
ATTACHMENT: TypeAdapter[Attachment] = TypeAdapter(Attachment)
ANNOTATION: TypeAdapter[Annotation] = TypeAdapter(Annotation)
INPUT: TypeAdapter[StructuredInput] = TypeAdapter(StructuredInput)
TASK: TypeAdapter[Task] = TypeAdapter(Task)
SUMMARY: TypeAdapter[WorkflowSummary | None] = TypeAdapter(WorkflowSummary | None)

Events = AsyncIterator[ThreadStreamEvent]
T = TypeVar("T")


class MemoryAttachments:
    """Implements `functions.attachments.base.AttachmentStore`, and knows nothing of bytes."""

    def __init__(self, ids: IdFactory, store: MemoryStore) -> None:
        """`store`: whose messages are to hold them."""
        self._ids = ids
        self._records = store.attachments
        self.attachments: dict[tuple[str, str], str] = {}

    async def create(self, owner: str, params: AttachmentCreateParams, counting: Counting) -> Attachment:
        new = new_attachment(self._ids.new("attachment"), params.name, params.mime_type)
        attachment = ATTACHMENT.validate_python(new)
        self.attachments[owner, attachment.id] = attachment.model_dump_json()
        uploaded = StoredAttachment(
            id=attachment.id,
            owner=owner,
            name=attachment.name,
            mime_type=attachment.mime_type,
            size=params.size,
            created_at=datetime.now(UTC),
            state="uploaded",
        )
        await self._records.announce(uploaded)
        return attachment

    async def upload(self, owner: str, name: str, mime_type: str, data: bytes, counting: Counting) -> Attachment:
        raise NotImplementedError

    async def delete(self, owner: str, attachment_id: str) -> None:
        self._find(owner, attachment_id)
        del self.attachments[owner, attachment_id]
        await self._records.delete(Place.of(owner, attachment_id))

    async def ready(self, owner: str, attachment_ids: Sequence[str], thread_id: str) -> list[Attachment]:
        found = [self._find(owner, one).model_copy(update={"thread_id": thread_id}) for one in attachment_ids]
        self.attachments |= {(owner, one.id): one.model_dump_json() for one in found}
        return found

    async def preview(self, owner: str, attachment_id: str) -> Attachment:
        return self._find(owner, attachment_id)

    async def download_url(self, owner: str, attachment_id: str) -> str:
        raise NotImplementedError

    def shown(self, owner: str, attachment: Attachment) -> Attachment:
        return attachment

    async def for_model(self, owner: str, attachments: Sequence[Attachment]) -> dict[str, Json]:
        return {}

    async def delete_thread(self, owner: str, thread_id: str) -> None:
        raise NotImplementedError

    def _find(self, owner: str, attachment_id: str) -> Attachment:
        if (owner, attachment_id) not in self.attachments:
            raise NotFound(Text.ATTACHMENT_NOT_FOUND)
        return ATTACHMENT.validate_json(self.attachments[owner, attachment_id])


class BareAssistant(Assistant):
    """Has `respond` alone. Plays its script with raw events."""

    models = {"gpt-5": "gpt-5"}  # noqa: RUF012 - the composer's choices, as an author declares them
    tools = ({"type": "web_search"},)

    def __init__(self, step: Step, names: Names) -> None:
        self._step = step
        self._names = names
        self.seen: list[Json] = []

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> Events:
        await self._see("respond", thread, context, message=message)
        async for event in self._play(thread, None, context):
            yield event

    def get_stream_options(self, thread: ThreadMetadata, context: AssistantContext) -> StreamOptions:
        return StreamOptions(allow_cancel=self._step.allow_cancel)

    async def _see(self, call: str, thread: ThreadMetadata, context: AssistantContext, **arguments: Any) -> None:
        self.seen.append(
            {
                "call": call,
                "thread": dumped(thread),
                "history": [dumped(item) for item in await context.history(limit=10_000)],
                **{name: value and dumped(value) for name, value in arguments.items()},
            }
        )

    async def _play(self, thread: ThreadMetadata, sender: WidgetItem | None, context: AssistantContext) -> Events:
        for op in self._step.script:
            listen = named_by(op, self._names)
            async for event in self._events(op, thread, sender, context):
                listen(dumped(event))
                yield event
            if isinstance(op, Fail):
                return

    async def _events(
        self, op: Op, thread: ThreadMetadata, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        match op:
            case Change():
                change(thread, op)
            case Fail():
                raise failure(op)
            case ReplaceWidget():
                yield EVENT.validate_python({"type": "thread.item.replaced", "item": changed(sender, op)})
            case ShowWidget(states=[_, _, *_]):
                async for event in context.widget(_each(op.states), copy_text=op.copy_text):
                    yield event
            case _:
                new: Any = context.ids.new
                for event in as_events(op, lambda kind: _head(kind, thread, context), new):
                    yield EVENT.validate_python(self._names.filled(event))


class FullAssistant(BareAssistant):
    """Has every method."""

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        await self._see("action", thread, context, action=action, sender=sender)
        async for event in self._play(thread, sender, context):
            yield event

    async def sync_action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> ThreadItem | None:
        await self._see("sync_action", thread, context, action=action, sender=sender)
        item: ThreadItem | None = None
        for op in self._step.script:
            match op:
                case Change():
                    change(thread, op)
                case Fail():
                    raise failure(op)
                case ReplaceWidget() if sender is not None:
                    item = WidgetItem.model_validate(changed(sender, op))
                case _:
                    pass
        return item

    async def add_feedback(
        self, thread_id: str, item_ids: Sequence[str], feedback: FeedbackKind, context: AssistantContext
    ) -> None:
        self.seen.append({"call": "feedback", "thread": thread_id, "items": list(item_ids), "kind": feedback})

    async def transcribe(self, audio: AudioInput, context: RequestContext) -> str:
        self.seen.append(
            {"call": "transcribe", "data": base64.b64encode(audio.data).decode(), "type": audio.media_type}
        )
        return f"{len(audio.data)} bytes of {audio.mime_type}"


class HelpedAssistant(FullAssistant):
    """Plays its script with the helpers of the context, wherever there is one."""

    async def _events(  # noqa: C901 - one case for each operation
        self, op: Op, thread: ThreadMetadata, sender: WidgetItem | None, context: AssistantContext
    ) -> Events:
        match op:
            case Say():
                text = op.text if isinstance(op.text, str) else _each(op.text)
                annotations = [ANNOTATION.validate_python(one) for one in op.annotations]
                async for event in context.message(text, annotations=annotations):
                    yield event
            case ShowWidget(states=[widget]):
                async for event in context.widget(widget, copy_text=op.copy_text):
                    yield event
            case ReplaceWidget() if sender is not None:
                yield context.replaced_widget(sender, op.widget)
            case Work():
                for event in _work(op, context):
                    yield event
            case ShowTask():
                yield context.task(TASK.validate_python(op.task))
            case ShowImage(states=()):
                yield context.image(op.url)
            case ShowImage():
                async for event in context.images(_each(op.states)):
                    yield event
            case CallTool():
                yield context.client_tool_call(op.tool, op.arguments)
            case Ask():
                yield context.structured_input(*(INPUT.validate_python(one) for one in op.inputs))
            case Hide():
                yield context.hidden_context(op.content)
            case EndTurn():
                yield context.end_of_turn()
            case Notify():
                yield context.notice(op.message, level=op.level, title=op.title)
            case Progress():
                yield context.progress(op.text, icon=op.icon)
            case Effect():
                yield context.client_effect(op.effect, op.data)
            case _:
                async for event in super()._events(op, thread, sender, context):
                    yield event


class OurSide:
    """Our engine, spoken to in bytes; `helped` says with which assistant."""

    def __init__(self, *, attachments: bool = True, helped: bool = False) -> None:
        self.names = Names()
        self._assistant = HelpedAssistant if helped else FullAssistant
        self._ids = IdFactory()
        self._store = MemoryStore()
        self._attachments = MemoryAttachments(self._ids, self._store) if attachments else None

    async def run(self, step: Step) -> Outcome:
        """Sends one request and reads the answer to its end."""
        assistant = (BareAssistant if step.bare else self._assistant)(step, self.names)
        engine = Engine(
            store=self._store,
            assistants={"default": assistant},
            model=CannedModel(),
            ids=self._ids,
            attachments=self._attachments,
        )
        outcome = Outcome()
        try:
            result = await engine.process(self.names.body(step), RequestContext(user=step.user))
            if isinstance(result, StreamingResult):
                events: list[Json] = []
                outcome = outcome.with_(events=events)
                async for event in result.events:
                    events += [json.loads(to_wire(event))]
            else:
                outcome = outcome.with_(answer=json.loads(result.json))
        except InternalError:
            outcome = outcome.with_(failure="a fault")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - compared with what theirs says
            outcome = outcome.with_(failure=error)
        self.names.learn(step, outcome)
        return outcome.with_(seen=assistant.seen, stored=self._stored())

    def _stored(self) -> Json:
        threads = {place: one for place, one in self._store._threads.items() if one.thread is not None}  # else deleted
        feedback = {item: kind for thread in threads.values() for item, kind in thread.feedback.items()}
        kept = self._attachments.attachments.values() if self._attachments else ()
        return {
            "threads": [
                {
                    **json.loads(stored.thread or ""),
                    "user": user,
                    "items": [json.loads(stored.items[one]) for one in sorted(stored.items, key=_place)],
                }
                for (user, _), stored in threads.items()
            ],
            "attachments": [json.loads(attachment) for attachment in kept],
            **({"feedback": feedback} if feedback else {}),
        }


def failure(op: Fail) -> BaseException:
    """What the assistant raises."""
    match op.kind:
        case "coded":
            return StreamError(allow_retry=op.allow_retry)
        case "custom":
            return CustomStreamError(op.message, allow_retry=op.allow_retry)
        case "cancelled":
            return asyncio.CancelledError()
        case _:
            return RuntimeError(op.message)


def _work(op: Work, context: AssistantContext) -> Iterable[ThreadStreamEvent]:
    workflow = context.workflow(op.kind, title=op.title)
    yield workflow.start()
    for what, index, task in op.steps:
        parsed = TASK.validate_python(task)
        yield workflow.add(parsed) if what == "add" else workflow.update(parsed, index=index)
    yield workflow.end(summary=SUMMARY.validate_python(op.end_summary), expanded=op.expanded)


async def _each(values: Sequence[T]) -> AsyncIterator[T]:
    for value in values:
        yield value


def _head(kind: Any, thread: ThreadMetadata, context: AssistantContext) -> Json:
    return {"id": context.ids.new(kind), "thread_id": thread.id, "created_at": context.now()}


def _place(item_id: str) -> str:
    return position(item_id) or ""

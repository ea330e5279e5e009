"""What the scripted assistant does, said once for both servers: a script is a sequence of these operations.

`as_events` spells an operation out as the JSON of stream events, which each server reads with its own types. In the JSON
of an `Emit`, `$name` stands for the id that was remembered under this name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json = dict[str, Any]
NewId: TypeAlias = Callable[[str], str]
"""Makes an id of a kind, such as `message`."""


@dataclass(frozen=True)
class Say:
    """An assistant message: at once, or streamed where the text comes in pieces."""

    text: str | tuple[str, ...]
    annotations: tuple[Json, ...] = ()
    name: str = "m"


@dataclass(frozen=True)
class ShowWidget:
    """A widget: streamed where it has more than one state."""

    states: tuple[Json, ...]
    copy_text: str | None = None
    name: str = "w"


@dataclass(frozen=True)
class ReplaceWidget:
    """The widget that an action came from gets a new content."""

    widget: Json


@dataclass(frozen=True)
class Work:
    """A workflow with its tasks: added, or updated by their place."""

    steps: tuple[tuple[Literal["add", "update"], int, Json], ...]
    kind: Literal["custom", "reasoning"] = "custom"
    title: str | None = None
    end_summary: Json | None = None
    expanded: bool = False
    name: str = "f"


@dataclass(frozen=True)
class ShowTask:
    """A task that stands alone."""

    task: Json
    name: str = "k"


@dataclass(frozen=True)
class ShowImage:
    """A picture: at once, or in the making where it has states (URL and progress)."""

    url: str = ""
    states: tuple[tuple[str, float], ...] = ()
    name: str = "i"


@dataclass(frozen=True)
class CallTool:
    """Asks the page to run a tool."""

    tool: str
    arguments: Json
    name: str = "c"


@dataclass(frozen=True)
class Ask:
    """Asks the user questions."""

    inputs: tuple[Json, ...]
    name: str = "q"


@dataclass(frozen=True)
class Hide:
    """Hidden context."""

    content: Any
    name: str = "h"


@dataclass(frozen=True)
class EndTurn:
    """The marker that ends a turn."""

    name: str = "e"


@dataclass(frozen=True)
class Notify:
    """A notice."""

    message: str
    level: Literal["info", "warning", "danger"] = "info"
    title: str | None = None


@dataclass(frozen=True)
class Progress:
    """A line that says what is going on."""

    text: str
    icon: str | None = None


@dataclass(frozen=True)
class Effect:
    """Something that the page does."""

    effect: str
    data: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Emit:
    """Any event, as JSON; an item in it gets what it lacks of an id, the thread and a time."""

    event: Json
    name: str = "x"


@dataclass(frozen=True)
class Change:
    """Changes the thread: its title, status, allowed image domains, metadata."""

    fields: Json


@dataclass(frozen=True)
class Fail:
    """The assistant raises: an error of its own words, one of the protocol's codes, a fault, or it is cancelled."""

    kind: Literal["custom", "coded", "fault", "cancelled"]
    message: str = ""
    allow_retry: bool = False


ItemOp = (
    Say | ShowWidget | Work | ShowTask | ShowImage | CallTool | Ask | Hide | EndTurn | Notify | Progress | Effect | Emit
)
Op = ItemOp | ReplaceWidget | Change | Fail
Script = Sequence[Op]


def as_events(  # noqa: C901 - one case for each operation
    op: ItemOp, head: Callable[[str], Json], new_id: NewId
) -> Iterator[Json]:
    """The events of an operation. `head` makes a new item's id, thread and time, given the id's kind.

    A widget with several states is each server's own to stream.
    """
    match op:
        case Say(str(text)):
            part = {"type": "output_text", "text": text, "annotations": list(op.annotations)}
            yield _done({**head("message"), "type": "assistant_message", "content": [part]})
        case Say():
            yield from _streamed_message(op, head("message"))
        case ShowWidget():
            (widget,) = op.states
            yield _done({**head("message"), "type": "widget", "widget": widget, "copy_text": op.copy_text})
        case Work():
            yield from _workflow(op, head("workflow"))
        case ShowTask():
            yield _done({**head("task"), "type": "task", "task": op.task})
        case ShowImage():
            yield from _image(op, head, new_id)
        case CallTool():
            call = {"type": "client_tool_call", "status": "pending", "name": op.tool, "arguments": op.arguments}
            yield _done({**head("tool_call"), **call, "call_id": new_id("tool_call")})
        case Ask():
            yield _done({**head("message"), "type": "structured_input", "inputs": list(op.inputs)})
        case Hide():
            yield _done({**head("message"), "type": "hidden_context_item", "content": op.content})
        case EndTurn():
            yield _done({**head("message"), "type": "end_of_turn"})
        case Notify():
            yield {"type": "notice", "level": op.level, "message": op.message, "title": op.title}
        case Progress():
            yield {"type": "progress_update", "icon": op.icon, "text": op.text}
        case Effect():
            yield {"type": "client_effect", "name": op.effect, "data": op.data}
        case Emit():
            item = op.event.get("item")
            yield op.event if item is None else {**op.event, "item": {**head("message"), **item}}


def _streamed_message(op: Say, base: Json) -> Iterator[Json]:
    item = {**base, "type": "assistant_message"}
    text = "".join(op.text)
    empty = {"type": "output_text", "text": "", "annotations": []}
    full = {"type": "output_text", "text": text, "annotations": list(op.annotations)}
    yield {"type": "thread.item.added", "item": {**item, "content": []}}
    yield _updated(item, "assistant_message.content_part.added", content_index=0, content=empty)
    for piece in op.text:
        yield _updated(item, "assistant_message.content_part.text_delta", content_index=0, delta=piece)
    for index, annotation in enumerate(op.annotations):
        kind = "assistant_message.content_part.annotation_added"
        yield _updated(item, kind, content_index=0, annotation_index=index, annotation=annotation)
    yield _updated(item, "assistant_message.content_part.done", content_index=0, content=full)
    yield _done({**item, "content": [full]})


def _workflow(op: Work, base: Json) -> Iterator[Json]:
    summary = {"title": op.title} if op.title is not None else None
    workflow = {"type": op.kind, "tasks": [], "summary": summary}
    item = {**base, "type": "workflow"}
    yield {"type": "thread.item.added", "item": {**item, "workflow": workflow}}
    tasks: list[Json] = []
    for what, index, task in op.steps:
        if what == "add":
            tasks.append(task)
            yield _updated(item, "workflow.task.added", task_index=index, task=task)
        else:
            tasks[index] = task
            yield _updated(item, "workflow.task.updated", task_index=index, task=task)
    ended = {**workflow, "tasks": tasks, "summary": op.end_summary or summary, "expanded": op.expanded}
    yield _done({**item, "workflow": ended})


def _image(op: ShowImage, head: Callable[[str], Json], new_id: NewId) -> Iterator[Json]:
    if not op.states:
        image = {"id": new_id("image"), "url": op.url}
        yield _done({**head("image"), "type": "generated_image", "image": image})
        return
    item = {**head("image"), "type": "generated_image"}
    yield {"type": "thread.item.added", "item": item}
    image: Json = {}
    for url, progress in op.states:
        image = {"id": item["id"], "url": url}
        yield _updated(item, "generated_image.updated", image=image, progress=progress)
    yield _done({**item, "image": image})


def _done(item: Json) -> Json:
    return {"type": "thread.item.done", "item": item}


def _updated(item: Json, kind: str, **update: Any) -> Json:
    return {"type": "thread.item.updated", "item_id": item["id"], "update": {"type": kind, **update}}

"""What both servers have in common when a sequence of requests is run on them."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from tests.oracle.script import Change, Json, Op, ReplaceWidget

UNKNOWN_ID: Final = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"
"""What a name that was never remembered stands for: an id of our form that no server has given."""
_NAME: Final = re.compile(r"\$([a-z]\w*)")


@dataclass(frozen=True)
class Step:
    """A request, and what the assistant does with it."""

    kind: str
    params: Json = field(default_factory=dict)
    script: Sequence[Op] = ()
    user: str = "alice"
    body: bytes | None = None
    """Sent instead of the JSON of `kind` and `params`."""
    allow_cancel: bool = True
    bare: bool = False
    """The assistant has `respond` alone."""


@dataclass(frozen=True)
class Conversation:
    """Requests to a server that knows nothing yet."""

    name: str
    steps: tuple[Step, ...]
    attachments: bool = True
    """Whether the server takes any."""


@dataclass(frozen=True)
class Outcome:
    """What a request led to."""

    events: list[Json] | None = None
    """Of a stream, as far as it came."""
    answer: Json | None = None
    """The JSON of any other request."""
    failure: BaseException | str | None = None
    """What was raised, by the stream or instead of any result; `a fault` where it is the author's or the server's own."""
    seen: list[Json] = field(default_factory=list)
    """What the assistant was called with, and the whole history at that moment."""
    stored: Json | None = None
    """All that the server has stored after the request."""

    def with_(self, **changes: Any) -> "Outcome":
        """A copy with other values."""
        return replace(self, **changes)


class Side(Protocol):
    """A server with its store, and what is remembered of its answers."""

    names: "Names"

    async def run(self, step: Step) -> Outcome:
        """Sends one request and reads the answer to its end."""
        ...


class Names:
    """The ids of one server by name: `t1` is the thread of the first `threads.create`, `u1` the first message.

    The assistant's items have the names of their operations, and the latest of a name counts.
    """

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._created = 0
        self._sent = 0
        self._uploads = 0

    def remember(self, name: str, object_id: str) -> None:
        """`$name` stands for this id from now on."""
        self._ids[name] = object_id

    def filled(self, value: Any) -> Any:
        """JSON with ids in place of names."""
        if isinstance(value, str):
            return _NAME.sub(lambda match: self._ids.get(match[1], UNKNOWN_ID), value)
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(one) for one in value]
        return value

    def body(self, step: Step) -> bytes:
        """What is sent."""
        if step.body is not None:
            return step.body
        return json.dumps({"type": step.kind, "params": self.filled(step.params)}).encode()

    def learn(self, step: Step, outcome: Outcome) -> None:
        """Remembers the ids that the client now knows."""
        match step.kind:
            case "threads.create":
                self._created += 1
                for event in outcome.events or []:
                    if event["type"] == "thread.created":
                        self.remember(f"t{self._created}", event["thread"]["id"])
            case "attachments.create":
                self._uploads += 1
                if outcome.answer is not None:
                    self.remember(f"a{self._uploads}", outcome.answer["id"])
        if step.kind in {"threads.create", "threads.add_user_message"}:
            self._sent += 1
            for event in outcome.events or []:
                if event["type"] == "thread.item.done" and event["item"]["type"] == "user_message":
                    self.remember(f"u{self._sent}", event["item"]["id"])


def named_by(op: Op, names: Names) -> Callable[[Json], None]:
    """Listens to the events of an operation, as JSON, and remembers its item's id under its name."""
    name = getattr(op, "name", None)

    def listen(event: Json) -> None:
        if name is not None and "item" in event:
            names.remember(name, event["item"]["id"])

    return listen


def new_attachment(attachment_id: str, name: str, mime_type: str) -> Json:
    """What both servers' stores make of an upload."""
    url = f"https://uploads.example/{attachment_id}"
    image = {"type": "image", "preview_url": f"{url}/preview"} if mime_type.startswith("image/") else {"type": "file"}
    return {
        "id": attachment_id,
        "name": name,
        "mime_type": mime_type,
        "upload_descriptor": {"url": url, "method": "PUT", "headers": {"x-part": "1"}},
        "metadata": {"secret": "the integrator's"},
        **image,
    }


def change(thread: Any, op: Change) -> None:
    """Sets the fields of a thread; its status by the type's name."""
    for name, value in op.fields.items():
        if name == "metadata":
            thread.metadata.update(value)
        else:
            field_type = type(thread).model_fields[name].rebuild_annotation()
            setattr(thread, name, TypeAdapter(field_type).validate_python(value))


def changed(sender: Any, op: ReplaceWidget) -> Json:
    """The sender with its new widget."""
    return {**sender.model_dump(), "widget": op.widget}


def dumped(value: Any, **how: Any) -> Any:
    """What both servers' objects are compared as: JSON without nulls, as it is sent."""
    if not hasattr(value, "model_dump"):
        return value
    return value.model_dump(mode="json", exclude_none=True, by_alias=True, **how)

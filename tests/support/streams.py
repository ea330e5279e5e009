"""Streams of the OpenAI Responses API: written by us, read from files, and taken apart again.

The events are those of https://platform.openai.com/docs/api-reference/responses-streaming, as plain dicts. Files hold
one event a line, UTF-8, and are split on `\\n` only: a text may hold U+2028, at which `str.splitlines` would cut too.
"""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import pytest

Event = dict[str, Any]

OWN_STREAMS: Final = Path(__file__).parents[1] / "streams"
"""The project's own streams, written by `python -m tests.support.own_streams`."""

_CREATED_AT: Final = 1_790_000_000
_MODEL: Final = "gpt-stand-in"
_OBFUSCATION: Final = "k3v9Qz7LmW2xTb5N"
_PROSE: Final = (
    "The heron waits where the river bends, and the ferryman counts his coins twice before he pushes off. "
    "Nobody speaks of the weather; the clouds over the western hills say enough, and the rope is wet already.\n"
)


@dataclass(slots=True)
class StreamWriter:
    """Writes one response as the API streams it: items and parts opened and closed, events numbered from 0.

    The `response.created` and `response.in_progress` events are written at once; end with `complete`, `incomplete`,
    `fail` or `error`, or with nothing, for a stream that breaks off.
    """

    name: str
    """Makes the ids: the same name gives the same stream."""
    max_output_tokens: int | None = None
    events: list[Event] = field(default_factory=list[Event])
    output: list[Event] = field(default_factory=list[Event])
    """The finished items, as the terminal event repeats them."""
    _deltas: int = 0

    def __post_init__(self) -> None:
        """Opens the response."""
        self.write("response.created", response=self._response("in_progress"))
        self.write("response.in_progress", response=self._response("in_progress"))

    def write(self, kind: str, **fields: Any) -> None:
        """Adds one event of any type, known to the API or not."""
        self.events.append({"type": kind, **fields, "sequence_number": len(self.events)})

    def message(
        self,
        *parts: "Part",
        status: Literal["completed", "incomplete"] = "completed",
        open_end: bool = False,
    ) -> None:
        """Adds an assistant message. With `open_end` it breaks off after the last delta: nothing is closed."""
        item_id = self._id("msg", len(self.output))
        index = len(self.output)
        head = {"id": item_id, "type": "message", "role": "assistant"}
        self.write(
            "response.output_item.added", output_index=index, item={**head, "status": "in_progress", "content": []}
        )
        content: list[Event] = []
        for number, part in enumerate(parts):
            place = {"item_id": item_id, "output_index": index, "content_index": number}
            self.write("response.content_part.added", **place, part=part.as_content(""))
            for delta in part.deltas:
                self._delta(part.delta_event, delta, place, **part.delta_extra)
            if open_end and number == len(parts) - 1:
                return
            self.write(part.done_event, **place, **part.done_fields())
            content.append(part.as_content(part.text))
            self.write("response.content_part.done", **place, part=content[-1])
        self._item_done(index, {**head, "status": status, "content": content})

    def reasoning(self, *summaries: Sequence[str]) -> None:
        """Adds a reasoning item with one summary text for each argument, given as its deltas."""
        item_id = self._id("rs", len(self.output))
        index = len(self.output)
        self.write(
            "response.output_item.added", output_index=index, item={"id": item_id, "type": "reasoning", "summary": []}
        )
        parts: list[Event] = []
        for number, deltas in enumerate(summaries):
            place = {"item_id": item_id, "output_index": index, "summary_index": number}
            self.write("response.reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""})
            for delta in deltas:
                self._delta("response.reasoning_summary_text.delta", delta, place)
            text = "".join(deltas)
            self.write("response.reasoning_summary_text.done", **place, text=text)
            parts.append({"type": "summary_text", "text": text})
            self.write("response.reasoning_summary_part.done", **place, part=parts[-1])
        self._item_done(index, {"id": item_id, "type": "reasoning", "summary": parts})

    def function_call(self, name: str, *arguments: str) -> None:
        """Adds a call of the function `name`; `arguments` are the deltas of its JSON."""
        item_id = self._id("fc", len(self.output))
        index = len(self.output)
        call = {"id": item_id, "type": "function_call", "call_id": self._id("call", index)[:29], "name": name}
        self.write(
            "response.output_item.added", output_index=index, item={**call, "status": "in_progress", "arguments": ""}
        )
        place = {"item_id": item_id, "output_index": index}
        for delta in arguments:
            self._delta("response.function_call_arguments.delta", delta, place)
        whole = "".join(arguments)
        self.write("response.function_call_arguments.done", **place, arguments=whole)
        self._item_done(index, {**call, "status": "completed", "arguments": whole})

    def complete(self) -> list[Event]:
        """Ends the response well and returns the stream."""
        self.write("response.completed", response=self._response("completed", usage=self._usage()))
        return self.events

    def incomplete(self, reason: Literal["max_output_tokens", "content_filter"]) -> list[Event]:
        """Ends the response before its time and returns the stream."""
        details = {"reason": reason}
        response = self._response("incomplete", usage=self._usage(), incomplete_details=details)
        self.write("response.incomplete", response=response)
        return self.events

    def fail(self, code: str, message: str) -> list[Event]:
        """Ends with `response.failed` and returns the stream."""
        self.write("response.failed", response=self._response("failed", error={"code": code, "message": message}))
        return self.events

    def error(self, kind: str, code: str | None, message: str) -> list[Event]:
        """Ends with an `error` event, nested as on the wire, and returns the stream.

        The documented shape is flat (https://platform.openai.com/docs/api-reference/responses-streaming/error); the
        API sends `{"type": "error", "error": {...}}`.
        """
        self.write("error", error={"type": kind, "code": code, "message": message, "param": None})
        return self.events

    def _delta(self, kind: str, delta: str, place: Event, **extra: Any) -> None:
        self._deltas += 1
        # The API pads deltas, so that the size of a packet does not give its text away.
        padding = _OBFUSCATION[len(delta) :] or _OBFUSCATION[:1]
        self.write(kind, **place, delta=delta, **extra, obfuscation=padding)

    def _item_done(self, index: int, item: Event) -> None:
        self.output.append(item)
        self.write("response.output_item.done", output_index=index, item=item)

    def _id(self, prefix: str, number: int) -> str:
        return f"{prefix}_{hashlib.sha256(f'{self.name}/{prefix}/{number}'.encode()).hexdigest()[:50]}"

    def _usage(self) -> Event:
        return {
            "input_tokens": 42,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": self._deltas,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 42 + self._deltas,
        }

    def _response(self, status: str, **changes: Any) -> Event:
        return {
            "id": self._id("resp", 0),
            "object": "response",
            "created_at": _CREATED_AT,
            "status": status,
            "background": False,
            "completed_at": _CREATED_AT + 2 if status == "completed" else None,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": self.max_output_tokens,
            "max_tool_calls": None,
            "model": _MODEL,
            "output": [] if status == "in_progress" else list(self.output),
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "prompt_cache_key": None,
            "reasoning": {"effort": None, "summary": None},
            "safety_identifier": None,
            "service_tier": "auto" if status == "in_progress" else "default",
            "store": False,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": [],
            "top_logprobs": 0,
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": None,
            "user": None,
            "metadata": {},
            **changes,
        }


@dataclass(frozen=True, slots=True)
class Text:
    """An `output_text` part, as its deltas."""

    deltas: Sequence[str]
    delta_event: Literal["response.output_text.delta"] = "response.output_text.delta"
    done_event: Literal["response.output_text.done"] = "response.output_text.done"

    @property
    def text(self) -> str:
        """The whole text."""
        return joined(self.deltas)

    @property
    def delta_extra(self) -> Event:
        """What a delta carries beside its text."""
        return {"logprobs": []}

    def done_fields(self) -> Event:
        """What the part's own done event carries."""
        return {"text": self.text, "logprobs": []}

    def as_content(self, text: str) -> Event:
        """The part as it stands in a message."""
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A `refusal` part, as its deltas."""

    deltas: Sequence[str]
    delta_event: Literal["response.refusal.delta"] = "response.refusal.delta"
    done_event: Literal["response.refusal.done"] = "response.refusal.done"

    @property
    def text(self) -> str:
        """The whole refusal."""
        return joined(self.deltas)

    @property
    def delta_extra(self) -> Event:
        """A refusal's delta carries nothing else."""
        return {}

    def done_fields(self) -> Event:
        """What the part's own done event carries."""
        return {"refusal": self.text}

    def as_content(self, text: str) -> Event:
        """The part as it stands in a message."""
        return {"type": "refusal", "refusal": text}


Part = Text | Refusal


def text_stream(*deltas: str, name: str = "text") -> list[Event]:
    """A complete response: one message, one text part."""
    writer = StreamWriter(name)
    writer.message(Text(deltas))
    return writer.complete()


def words(count: int) -> list[str]:
    """`count` text deltas of a model's usual size: mostly a space and a word. The same ones each time."""
    tokens = re.findall(r" ?\w+|[^\w ]", _PROSE)
    return list(itertools.islice(itertools.cycle(tokens), count))


def joined(deltas: Iterable[str]) -> str:
    """The deltas as one text; halves of a surrogate pair that two deltas share become one character."""
    return "".join(deltas).encode("utf-16", "surrogatepass").decode("utf-16")


def text_of(events: Iterable[Event]) -> str:
    """What a user should read in the end: the text and refusal deltas of all messages, one after the other."""
    kinds = {"response.output_text.delta", "response.refusal.delta"}
    return joined(event["delta"] for event in events if event["type"] in kinds)


def json_line(event: Event) -> bytes:
    """One event as the API writes it: compact, UTF-8; escaped only where UTF-8 has no word (half a surrogate pair)."""
    try:
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(event, separators=(",", ":")).encode()


def read_lines(path: Path) -> list[str]:
    """The JSON texts of a stream file, one an event, byte for byte as they stand in it."""
    return [line for line in path.read_bytes().decode().split("\n") if line]


def read_events(path: Path) -> list[Event]:
    """The events of a stream file."""
    return [json.loads(line) for line in read_lines(path)]


def own_streams() -> list[Path]:
    """The project's own stream files."""
    return sorted(OWN_STREAMS.glob("*.jsonl"))


def recordings_dir() -> Path:
    """Where recorded streams of the real API lie: `RECORDINGS_DIR`, else `shared/recordings` beside the checkout."""
    default = Path(__file__).parents[3] / "shared" / "recordings"
    return Path(os.environ.get("RECORDINGS_DIR") or default)


def recordings() -> list[Path]:
    """The recorded streams; none where the folder is missing."""
    return sorted(recordings_dir().glob("*.jsonl"))


def recording_cases() -> list[Any]:
    """For `pytest.mark.parametrize`: a case for each recording, or a single one that is skipped and says why."""
    paths = recordings()
    if paths:
        return [pytest.param(path, id=path.stem) for path in paths]
    reason = "recorded streams of the Responses API are not here: RECORDINGS_DIR may name their folder"
    return [pytest.param(None, id="recordings", marks=pytest.mark.skip(reason=reason))]

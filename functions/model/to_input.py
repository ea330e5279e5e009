"""Thread items become the `input` of a response. Pure.

| item | input |
| --- | --- |
| user message | its text with tags as `@text`, then its attachments; the newest one's quote; the tagged entities' data |
| assistant message | `output_text` parts |
| client tool call | `function_call` and `function_call_output`; left out while it is pending |
| widget | a short description with its JSON |
| workflow, task | custom tasks with a title or content; thoughts are left out |
| hidden context | a user message in `<HiddenContext>`; what `functions.model.kept` made: what it stands for |
| structured input | each question with its answer; an approval that an MCP server waits for as what the API asks for |
| generated image | the picture |
| end of turn | nothing |

A turn is a user message with all that follows until the next one. What only the turn that is still going on needs (the
model's reasoning, an answered approval in the API's own shape) is input for the newest turn alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, assert_never

from functions.model import kept
from functions.protocol.items import (
    AssistantMessageItem,
    ClientToolCallItem,
    EndOfTurnItem,
    GeneratedImageItem,
    HiddenContextItem,
    SDKHiddenContextItem,
    StructuredInputItem,
    TaskItem,
    ThreadItem,
    UserMessageItem,
    WidgetItem,
    WorkflowItem,
)
from functions.protocol.messages import UserMessageTagContent
from functions.protocol.structured_input import StructuredInput, StructuredInputMultipleChoice
from functions.protocol.tasks import CustomTask, Task

InputItem: TypeAlias = dict[str, Any]
InputPart: TypeAlias = dict[str, Any]
"""A part of a message's content: `input_text`, `input_image` or `input_file`."""

_LED_TO: Final = frozenset({"function_call", "mcp_approval_request", "mcp_call", "reasoning"})
"""What reasoning may stand before: the API refuses reasoning without what it led to."""

_PICTURE_URLS: Final = ("https://", *(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif")))
"""https://platform.openai.com/docs/guides/images-vision#image-input-requirements"""


def turns(items: Sequence[ThreadItem]) -> list[list[ThreadItem]]:
    """The items, oldest first, by turn. What comes before the first user message is a turn of its own."""
    result: list[list[ThreadItem]] = []
    for item in items:
        if not result or isinstance(item, UserMessageItem):
            result.append([])
        result[-1].append(item)
    return result


def to_input(items: Sequence[ThreadItem], files: Mapping[str, InputPart] | None = None) -> list[InputItem]:
    """The model's view of `items`, which are oldest first.

    `files`: parts for attachments and generated images by id. One that is missing is told by its name.
    """
    every = turns(items)
    return [entry for turn in every for entry in turn_input(turn, files or {}, newest=turn is every[-1])]


def picture_part(url: str) -> InputPart | None:
    """A picture as a part of the input; None for a URL, or a kind of picture, that the API would refuse."""
    if not url.startswith(_PICTURE_URLS):
        return None
    return {"type": "input_image", "image_url": url, "detail": "auto"}


def turn_input(turn: Sequence[ThreadItem], files: Mapping[str, InputPart], *, newest: bool) -> list[InputItem]:
    """The model's view of one turn."""
    seen = _Turn(turn, files, newest=newest)
    entries = [entry for item in turn for entry in _entries(item, seen)]
    followers = [*entries[1:], None][: len(entries)]
    return [
        entry
        for entry, follower in zip(entries, followers, strict=True)
        if entry["type"] != "reasoning" or (follower is not None and _may_follow_reasoning(follower))
    ]


class _Turn:
    """What the items of one turn must know of each other."""

    def __init__(self, items: Sequence[ThreadItem], files: Mapping[str, InputPart], *, newest: bool) -> None:
        self.files = files
        self.newest = newest
        self.requests: dict[str, Mapping[str, Any]] = {
            request["id"]: request
            for item in items
            if isinstance(item, HiddenContextItem) and kept.kind_of(item.content) == "mcp_approval"
            for request in item.content["requests"]
        }
        """What MCP servers asked the user in this turn, by its id, which is the question's id."""


def _entries(item: ThreadItem, turn: _Turn) -> Iterator[InputItem]:  # noqa: C901 - one case for each item type
    match item:
        case UserMessageItem():
            yield from _user_message(item, turn)
        case AssistantMessageItem():
            parts = [{"type": "output_text", "text": part.text} for part in item.content if part.text]
            if parts:
                yield {"type": "message", "role": "assistant", "content": parts}
        case ClientToolCallItem():
            if item.status == "completed":
                output = kept.output_text(item.output)
                yield from _function_call(item.call_id, item.name, _json(item.arguments), output)
        case WidgetItem():
            yield _user_text(f"The user was shown this widget (id {item.id}): {_json(item.widget)}")
        case WorkflowItem():
            yield from (_user_text(text) for task in item.workflow.tasks if (text := _task(task)))
        case TaskItem():
            if text := _task(item.task):
                yield _user_text(text)
        case HiddenContextItem():
            yield from _hidden(item.content, turn)
        case SDKHiddenContextItem():
            yield _hidden_text(item.content)
        case StructuredInputItem():
            yield from _structured_input(item, turn)
        case GeneratedImageItem():
            if item.image is not None:
                picture = turn.files.get(item.id) or {"type": "input_text", "text": "[generated image]"}
                shown = {"type": "input_text", "text": "The user was shown this picture, which was made for them:"}
                yield _user(shown, picture)
        case EndOfTurnItem():
            return
        case _:
            assert_never(item)


def _user_message(item: UserMessageItem, turn: _Turn) -> Iterator[InputItem]:
    text = "".join(f"@{part.text}" if isinstance(part, UserMessageTagContent) else part.text for part in item.content)
    files = [
        turn.files.get(attachment.id) or {"type": "input_text", "text": f"[{attachment.name}]"}
        for attachment in item.attachments
    ]
    said = [{"type": "input_text", "text": text}] if text or not files else []
    yield _user(*said, *files)
    if turn.newest and item.quoted_text:
        yield _user_text(f"The user refers to this part of the conversation:\n{item.quoted_text}")
    tags = {part.id: part for part in item.content if isinstance(part, UserMessageTagContent)}
    if tags:
        entities = "\n".join(
            _json({"id": tag.id, "name": tag.text, "group": tag.group, "data": tag.data}) for tag in tags.values()
        )
        yield _user_text(f"What is known of the entities that the user tagged with @:\n{entities}")


def _hidden(content: Any, turn: _Turn) -> Iterator[InputItem]:
    match kept.kind_of(content):
        case "function_call":
            yield from _function_call(content["call_id"], content["name"], content["arguments"], content["output"])
        case "reasoning":
            if turn.newest:
                yield from content["items"]
        case "mcp_approval":
            return  # told where it is answered
        case "mcp_call":
            yield content["item"] if turn.newest else _hidden_text(_past_call(content["item"]))
        case _:
            yield _hidden_text(content if isinstance(content, str) else _json(content))


def _structured_input(item: StructuredInputItem, turn: _Turn) -> Iterator[InputItem]:
    if turn.newest and any(question.id in turn.requests for question in item.inputs):
        # An approval that is sent without its call would run the call once more: only the turn that goes on sends it.
        for question in item.inputs if item.status != "pending" else ():
            yield {**turn.requests[question.id]}
            yield _approval(question)
        return
    answers = "\n".join(f"{question.question}: {_answer(question)}" for question in item.inputs)
    yield _user_text(f"The user was asked, and answered:\n{answers}")


def _approval(question: StructuredInput) -> InputItem:
    """Its first choice approves; any other answer does not, and words of the user's own are the reason."""
    values = question.answer.values if question.answer is not None and not question.answer.skipped else []
    choices = (
        [option.value for option in question.options] if isinstance(question, StructuredInputMultipleChoice) else []
    )
    reason = {"reason": values[0]} if values and values[0] not in choices else {}
    approved = bool(values) and values[:1] == choices[:1]
    return {"type": "mcp_approval_response", "approval_request_id": question.id, "approve": approved, **reason}


def _function_call(call_id: str, name: str, arguments: str, output: str) -> Iterator[InputItem]:
    yield {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
    yield {"type": "function_call_output", "call_id": call_id, "output": output}


def _past_call(item: Mapping[str, Any]) -> str:
    result = item.get("output") if item.get("output") is not None else f"error: {_json(item.get('error'))}"
    return f"{item.get('server_label')}.{item.get('name')}({item.get('arguments')}) gave:\n{result}"


def _may_follow_reasoning(entry: InputItem) -> bool:
    return entry["type"] in _LED_TO or entry.get("role") == "assistant"


def _task(task: Task) -> str | None:
    if not isinstance(task, CustomTask) or not (task.title or task.content):
        return None
    steps = ": ".join(part for part in (task.title, task.content) if part)
    return f"The user was shown that this step was taken: {steps}"


def _answer(question: StructuredInput) -> str:
    if question.answer is None:
        return "(not answered yet)"
    return "(skipped)" if question.answer.skipped else ", ".join(question.answer.values)


def _hidden_text(text: str) -> InputItem:
    return _user_text(f"<HiddenContext>\n{text}\n</HiddenContext>")


def _user_text(text: str) -> InputItem:
    return _user({"type": "input_text", "text": text})


def _user(*parts: InputPart) -> InputItem:
    return {"type": "message", "role": "user", "content": list(parts)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Thread items become the `input` of a response. Pure.

| item | input |
| --- | --- |
| user message | its text with tags as `@text`; the newest one's quote; one more message with the tagged entities' data |
| assistant message | `output_text` parts |
| client tool call | `function_call` and `function_call_output`; left out while it is pending |
| widget | a short description with its JSON |
| workflow, task | custom tasks with a title or content; thoughts are left out |
| hidden context | a user message in `<HiddenContext>` |
| structured input | each question with its answer |
| generated image, end of turn | nothing |
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, assert_never

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
from functions.protocol.structured_input import StructuredInput
from functions.protocol.tasks import CustomTask, Task

InputItem: TypeAlias = dict[str, Any]


def to_input(items: Sequence[ThreadItem]) -> list[InputItem]:
    """The model's view of `items`, which are oldest first."""
    newest = next((item for item in reversed(items) if isinstance(item, UserMessageItem)), None)
    return [entry for item in items for entry in _entries(item, is_newest=item is newest)]


def _entries(item: ThreadItem, *, is_newest: bool) -> Iterator[InputItem]:  # noqa: C901 - one case for each item type
    match item:
        case UserMessageItem():
            yield from _user_message(item, is_newest=is_newest)
        case AssistantMessageItem():
            parts = [{"type": "output_text", "text": part.text} for part in item.content if part.text]
            if parts:
                yield {"type": "message", "role": "assistant", "content": parts}
        case ClientToolCallItem():
            if item.status == "completed":
                yield from _client_tool_call(item)
        case WidgetItem():
            yield _user_text(f"The user was shown this widget (id {item.id}): {_json(item.widget)}")
        case WorkflowItem():
            yield from (_user_text(text) for task in item.workflow.tasks if (text := _task(task)))
        case TaskItem():
            if text := _task(item.task):
                yield _user_text(text)
        case HiddenContextItem() | SDKHiddenContextItem():
            content = item.content if isinstance(item.content, str) else _json(item.content)
            yield _user_text(f"<HiddenContext>\n{content}\n</HiddenContext>")
        case StructuredInputItem():
            answers = "\n".join(f"{question.question}: {_answer(question)}" for question in item.inputs)
            yield _user_text(f"The user was asked, and answered:\n{answers}")
        case GeneratedImageItem() | EndOfTurnItem():
            return
        case _:
            assert_never(item)


def _user_message(item: UserMessageItem, *, is_newest: bool) -> Iterator[InputItem]:
    text = "".join(f"@{part.text}" if isinstance(part, UserMessageTagContent) else part.text for part in item.content)
    yield _user_text(text)
    if is_newest and item.quoted_text:
        yield _user_text(f"The user refers to this part of the conversation:\n{item.quoted_text}")
    tags = {part.id: part for part in item.content if isinstance(part, UserMessageTagContent)}
    if tags:
        entities = "\n".join(
            _json({"id": tag.id, "name": tag.text, "group": tag.group, "data": tag.data}) for tag in tags.values()
        )
        yield _user_text(f"What is known of the entities that the user tagged with @:\n{entities}")


def _client_tool_call(item: ClientToolCallItem) -> Iterator[InputItem]:
    yield {
        "type": "function_call",
        "call_id": item.call_id,
        "name": item.name,
        "arguments": _json(item.arguments),
    }
    output = item.output if isinstance(item.output, str) else _json(item.output)
    yield {"type": "function_call_output", "call_id": item.call_id, "output": output}


def _task(task: Task) -> str | None:
    if not isinstance(task, CustomTask) or not (task.title or task.content):
        return None
    steps = ": ".join(part for part in (task.title, task.content) if part)
    return f"The user was shown that this step was taken: {steps}"


def _answer(question: StructuredInput) -> str:
    if question.answer is None:
        return "(not answered yet)"
    return "(skipped)" if question.answer.skipped else ", ".join(question.answer.values)


def _user_text(text: str) -> InputItem:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

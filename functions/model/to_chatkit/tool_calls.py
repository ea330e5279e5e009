"""The calls of tools that OpenAI runs by itself, each a task in the workflow: `loading`, then `complete`.

| output item | task |
| --- | --- |
| `web_search_call`, `search` | a search with its queries and the pages that it found |
| `web_search_call`, `open_page`, `find_in_page` | a search with that page, and the words that were looked for |
| `file_search_call` | files, titled by the queries; the files where the request asked for the call's results |
| `code_interpreter_call` | `Python`, with the code |
| `mcp_call` | the server and its tool, with the arguments; where it failed, with what the server said |
| `mcp_list_tools` | the server, with its tools' names |

Titles are names and the model's own words: nothing in them needs a translation. What failed is neither loading nor
complete.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias, cast

from functions.model.base import ResponseEvent
from functions.model.to_chatkit.citations import file, page
from functions.model.to_chatkit.texts import encodable
from functions.model.to_chatkit.workflows import Step, Workflows
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.tasks import CustomTask, FileTask, SearchTask, Task

CONTENT_CHARACTERS: Final = 4_000
"""The most of a task's code, arguments or names that is shown, and so stored."""
SOURCES: Final = 50
"""The most sources of one task."""

_Item: TypeAlias = Mapping[str, Any]
_Status: TypeAlias = Literal["none", "loading", "complete"]


class ToolCalls:
    """The calls of one response, by `output_index`."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows
        self._steps: dict[int, Step] = {}

    def added(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A call begins."""
        index = event["output_index"]
        if index not in self._steps:
            self._workflows.begin()
            self._steps[index] = self._workflows.step()
            yield from self._steps[index].show(_task(event["item"], "loading"), is_last=False)

    def code_done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """The code is written, and runs now: that may take a while."""
        step = self._steps.get(event["output_index"])
        if step is not None:
            yield from step.show(_code(event, "loading"), is_last=False)

    def done(self, event: ResponseEvent) -> Iterator[ThreadStreamEvent]:
        """A call is over, well or not."""
        item = event["item"]
        step = self._steps.pop(event["output_index"], None) or self._workflows.step()
        is_well = item.get("status", "completed") == "completed" and not item.get("error")
        yield from step.show(_task(item, "complete" if is_well else "none"), is_last=True)


def _task(item: _Item, status: _Status) -> Task:
    return _TASKS[item["type"]](item, status)


def _search(item: _Item, status: _Status) -> SearchTask:
    action: _Item = item.get("action") or {}
    queries = _strings([*(action.get("queries") or [action.get("query")]), action.get("pattern")])
    found = [*(action.get("sources") or ()), *(item.get("results") or ()), {"url": action.get("url")}]
    pages = {source.url: source for one in found if (source := page(one.get("url"), one.get("title"))) is not None}
    return SearchTask(
        status_indicator=status,
        title_query=queries[0] if queries else None,
        queries=queries,
        sources=list(pages.values())[:SOURCES],
    )


def _files(item: _Item, status: _Status) -> FileTask:
    queries = _strings(item.get("queries") or ())
    names = dict.fromkeys(name for result in item.get("results") or () if (name := result.get("filename")))
    return FileTask(
        status_indicator=status,
        title=_cut(" · ".join(queries)) or None,
        sources=[file(name) for name in names][:SOURCES],
    )


def _code(item: _Item, status: _Status) -> CustomTask:
    return CustomTask(
        status_indicator=status, title="Python", icon="square-code", content=_block("python", item.get("code"))
    )


def _mcp_call(item: _Item, status: _Status) -> CustomTask:
    content = _block("json", item.get("arguments"))
    if error := _message(item.get("error")):
        content = f"{content}\n\n{error}" if content else error
    return CustomTask(
        status_indicator=status,
        title=encodable(f"{item.get('server_label', '')}: {item.get('name', '')}"),
        icon="bolt",
        content=content,
    )


def _mcp_tools(item: _Item, status: _Status) -> CustomTask:
    names = _strings(tool.get("name") for tool in item.get("tools") or ())
    return CustomTask(
        status_indicator=status,
        title=encodable(item.get("server_label", "")),
        icon="bolt",
        content=_message(item.get("error")) or _cut(", ".join(f"`{name}`" for name in names)) or None,
    )


_TASKS: Final[Mapping[str, Callable[[_Item, _Status], Task]]] = {
    "web_search_call": _search,
    "file_search_call": _files,
    "code_interpreter_call": _code,
    "mcp_call": _mcp_call,
    "mcp_list_tools": _mcp_tools,
}

TOOL_CALLS: Final = frozenset(_TASKS)
"""The types of output items that are shown as tasks."""


def _strings(values: Iterable[Any]) -> list[str]:
    return [encodable(value) for value in values if value and isinstance(value, str)]


def _message(error: Any) -> str | None:
    """An MCP server's error: a text, or an object with one (https://platform.openai.com/docs/guides/tools-remote-mcp)."""
    if isinstance(error, Mapping):
        fields = cast("Mapping[str, Any]", error)
        error = fields.get("message") or fields.get("type")
    return _cut(encodable(error)) if error and isinstance(error, str) else None


def _block(language: str, text: Any) -> str | None:
    """A code block in Markdown, with a fence that the text does not hold; None for an empty text."""
    if not text:
        return None
    code = _cut(encodable(text))
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def _cut(text: str) -> str:
    return text if len(text) <= CONTENT_CHARACTERS else text[: CONTENT_CHARACTERS - 1] + "…"

"""What the model does on the way to its answer: thoughts and tool calls, as tasks of a workflow."""

from datetime import timedelta
from typing import Any

import pytest

from functions.ids import IdFactory
from functions.model.to_chatkit import Workflows
from functions.model.to_chatkit.tool_calls import CONTENT_CHARACTERS, SOURCES
from functions.protocol.events import ThreadItemAddedEvent, ThreadItemDoneEvent, ThreadItemUpdatedEvent
from functions.protocol.items import AssistantMessageItem, WorkflowItem
from functions.protocol.sources import FileSource, URLSource
from functions.protocol.tasks import CustomTask, DurationSummary, FileTask, SearchTask, ThoughtTask
from tests.support.mapped import NOW, THREAD, Mapped, mapped
from tests.support.output_items import (
    code_interpreter,
    completed,
    file_search,
    item,
    mcp_call,
    mcp_list_tools,
    message,
    reasoning,
    web_search,
)
from tests.support.streams import Event


def ended(*parts: list[Event]) -> list[Event]:
    """The items' events one after the other, and the end of the response."""
    return [*(event for part in parts for event in part), completed()]


def single_task(result: Mapped) -> Any:
    (task,) = result.tasks
    return task


# --- thoughts ---


def test_every_thought_is_a_task_that_grows() -> None:
    """The first and the later ones: added with their first word, updated, and whole in the end."""
    result = mapped(ended(reasoning(0, ["Weigh", "ing", " it"], ["Choos", "ing"])))
    assert result.states(0) == [
        ThoughtTask(content=text) for text in ("Weigh", "Weighing", "Weighing it", "Weighing it")
    ]
    assert result.states(1) == [ThoughtTask(content=text) for text in ("Choos", "Choosing", "Choosing")]
    assert result.tasks == [ThoughtTask(content="Weighing it"), ThoughtTask(content="Choosing")]


def test_what_is_sent_of_a_long_thought_grows_with_its_length_and_not_with_its_square() -> None:
    """4,000 deltas of a thought of 20,000 characters cost some 30 times its length, not 2,000 times."""
    result = mapped(ended(reasoning(0, ["abcd "] * 4_000)))
    sent = sum(len(task.content) for task in result.states(0) if isinstance(task, ThoughtTask))
    assert 20_000 < sent < 40 * 20_000
    assert result.tasks == [ThoughtTask(content="abcd " * 4_000)]


def test_thoughts_with_the_same_words_stay_apart() -> None:
    """Each has its own place: the official mapping looks for the text, and finds the first."""
    result = mapped(ended(reasoning(0, ["same"], ["same"]), reasoning(1, ["same"])))
    assert [len(result.states(index)) for index in range(3)] == [2, 2, 2]
    assert result.tasks == [ThoughtTask(content="same")] * 3


@pytest.mark.parametrize("thoughts", [(), ([],), ([""],)], ids=["none", "empty", "empty delta"])
def test_a_model_that_thinks_in_silence_leaves_no_workflow(thoughts: tuple[list[str], ...]) -> None:
    """A reasoning item without a word of summary shows nothing."""
    assert [one.type for one in mapped(ended(reasoning(0, *thoughts), message(1, "Hi"))).done] == ["assistant_message"]


def test_thoughts_that_were_not_streamed_come_with_their_item() -> None:
    """A proxy that leaves the deltas out takes nothing away."""
    events = [event for event in reasoning(0, ["One"], ["Two"]) if "summary_text" not in event["type"]]
    assert mapped([*events, completed()]).tasks == [ThoughtTask(content="One"), ThoughtTask(content="Two")]


def test_half_a_character_in_a_thought_breaks_nothing() -> None:
    """Deltas cut within a surrogate pair are joined; what is never joined becomes U+FFFD."""
    result = mapped(ended(reasoning(0, ["ha \ud83d", "\ude00", " \ud83d"])))
    assert single_task(result).content == "ha \U0001f600 \ufffd"
    for event in result.events:
        event.model_dump_json()


# --- the workflow around them ---


def test_a_workflow_is_done_when_a_message_opens() -> None:
    """It comes before the answer, closed, with the seconds since the model began to think."""
    clock = iter([NOW, *[NOW + timedelta(seconds=7.9)] * 9])
    result = mapped(ended(reasoning(0, ["Hm"]), message(1, "Hi")), now=lambda: next(clock))
    kinds = [(type(event), event.item.type) for event in result.events if not isinstance(event, ThreadItemUpdatedEvent)]  # pyright: ignore[reportAttributeAccessIssue]
    assert kinds == [
        (ThreadItemAddedEvent, "workflow"),
        (ThreadItemDoneEvent, "workflow"),
        (ThreadItemAddedEvent, "assistant_message"),
        (ThreadItemDoneEvent, "assistant_message"),
    ]
    workflow = result.done[0]
    assert isinstance(workflow, WorkflowItem)
    assert workflow.created_at == NOW
    assert workflow.workflow.type == "reasoning"
    assert workflow.workflow.summary == DurationSummary(duration=7)
    assert workflow.workflow.expanded is False


def test_thoughts_after_a_message_are_another_workflow() -> None:
    """A model that thinks again, between two messages, is shown to do so there."""
    result = mapped(ended(reasoning(0, ["A"]), message(1, "a"), reasoning(2, ["B"]), message(3, "b")))
    assert [one.type for one in result.done] == ["workflow", "assistant_message"] * 2
    assert [one.id for one in result.done] == sorted(
        (one.id for one in result.done), key=lambda one: one.partition("_")[2]
    )


def test_thoughts_and_tool_calls_share_a_workflow() -> None:
    """One headline over everything that precedes an answer, in the order in which it began."""
    search = web_search(1, action={"type": "search", "query": "tea"})
    result = mapped(ended(reasoning(0, ["Look"]), search, reasoning(2, ["Found"]), message(3, "Tea")))
    assert [task.type for task in result.tasks] == ["thought", "web_search", "thought"]
    assert len(result.done) == 2


def test_a_task_that_still_runs_when_a_message_opens_is_seen_to_its_end() -> None:
    """Its workflow is done with it, after the message has begun: nothing stays in the loading state."""
    search = web_search(0, action={"type": "search", "query": "tea"})
    result = mapped([*search[:-1], *message(1, "Hi"), search[-1], completed()])
    assert [one.type for one in result.done] == ["assistant_message", "workflow"]
    assert single_task(result) == SearchTask(status_indicator="complete", title_query="tea", queries=["tea"])


def test_a_call_that_the_response_never_finished_does_not_load_for_ever() -> None:
    """At the end of the response its workflow is done, with a task that is neither loading nor complete."""
    result = mapped([*web_search(0)[:-1], completed()])
    assert result.failure is None
    assert single_task(result).status_indicator == "none"


def test_an_open_workflow_goes_on_in_the_next_round() -> None:
    """With workflows that are shared, a round without a message leaves its thoughts open, and the turn closes them."""
    workflows = Workflows(thread_id=THREAD, ids=IdFactory(), now=lambda: NOW)
    first = mapped(ended(reasoning(0, ["One"])), workflows=workflows)
    second = mapped(ended(reasoning(0, ["Two"])), workflows=workflows)
    assert first.done == second.done == []
    (event,) = workflows.close()
    assert isinstance(event, ThreadItemDoneEvent)
    assert isinstance(event.item, WorkflowItem)
    assert event.item.workflow.tasks == [ThoughtTask(content="One"), ThoughtTask(content="Two")]
    assert list(workflows.close()) == []


def test_a_message_in_the_next_round_ends_the_workflow() -> None:
    """The last round of a turn with tools usually is the answer."""
    workflows = Workflows(thread_id=THREAD, ids=IdFactory(), now=lambda: NOW)
    mapped(ended(reasoning(0, ["One"])), workflows=workflows)
    result = mapped(ended(message(0, "Hi")), workflows=workflows)
    assert [one.type for one in result.done] == ["workflow", "assistant_message"]
    assert list(workflows.close()) == []


# --- tool calls ---

X = {"type": "url", "url": "https://x.org/1"}
SEARCHES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"action": {"type": "search", "query": "a"}}, ["a"], []),
    ({"action": {"type": "search", "query": "a", "queries": ["a", "b"]}}, ["a", "b"], []),
    ({"action": {"type": "search", "query": "a", "sources": [X, X]}}, ["a"], ["x.org"]),
    ({"action": {"type": "search", "query": "a", "sources": [{"type": "api", "name": "oai-weather"}]}}, ["a"], []),
    ({"action": {"type": "search", "query": "a"}, "results": [{"url": "https://x.org", "title": "X"}]}, ["a"], ["X"]),
    ({"action": {"type": "open_page", "url": "https://www.x.org/a/b"}}, [], ["x.org"]),
    ({"action": {"type": "open_page", "url": None}}, [], []),
    ({"action": {"type": "find_in_page", "pattern": "p", "url": "http://x.org"}}, ["p"], ["x.org"]),
    ({"action": {"type": "search", "query": "a", "sources": [{"url": "javascript:alert(1)"}]}}, ["a"], []),
    ({"action": {"type": "of next year"}}, [], []),
    ({"action": None}, [], []),
    ({}, [], []),
]  # fmt: skip


@pytest.mark.parametrize(("done", "queries", "titles"), SEARCHES)
def test_a_web_search_shows_its_queries_and_pages(done: dict[str, Any], queries: list[str], titles: list[str]) -> None:
    """Whatever the search did: looked, opened a page, looked for words in one; pages once each, by their hosts."""
    result = mapped(ended(web_search(0, **done)))
    assert [task.status_indicator for task in result.states()] == ["loading", "complete"]
    task = single_task(result)
    assert isinstance(task, SearchTask)
    assert (task.queries, [source.title for source in task.sources]) == (queries, titles)
    assert task.title_query == (queries[0] if queries else None)


def test_a_search_with_very_many_pages_shows_the_first_ones() -> None:
    """What is stored of a search is bounded."""
    sources = [{"type": "url", "url": f"https://x{number}.org"} for number in range(3 * SOURCES)]
    task = single_task(mapped(ended(web_search(0, action={"type": "search", "query": "a", "sources": sources}))))
    assert task.sources == [URLSource(title=f"x{n}.org", url=f"https://x{n}.org") for n in range(SOURCES)]


def test_a_file_search_shows_its_queries_and_files() -> None:
    """Files once each, where the request asked for results."""
    results = [{"filename": "a.pdf"}, {"filename": "b.pdf"}, {"filename": "a.pdf"}, {"filename": None}]
    result = mapped(ended(file_search(0, queries=["what", "why"], results=results)))
    assert [task.status_indicator for task in result.states()] == ["loading", "complete"]
    sources = [FileSource(title=name, filename=name) for name in ("a.pdf", "b.pdf")]
    assert single_task(result) == FileTask(status_indicator="complete", title="what · why", sources=sources)


def test_code_is_shown_as_soon_as_it_is_written() -> None:
    """Loading, loading with the code while it runs, complete."""
    result = mapped(ended(code_interpreter(0, "print(1)")))
    block = "```python\nprint(1)\n```"
    assert [(task.status_indicator, task.content) for task in result.states() if isinstance(task, CustomTask)] == [
        ("loading", None),
        ("loading", block),
        ("complete", block),
    ]
    assert single_task(result).title == "Python"


def test_code_cannot_leave_its_block() -> None:
    """A fence within the code is no end of it."""
    assert single_task(mapped(ended(code_interpreter(0, "x = '```'")))).content == "````python\nx = '```'\n````"


def test_very_long_code_is_cut() -> None:
    """What is stored of a call is bounded."""
    content = single_task(mapped(ended(code_interpreter(0, "x" * 50_000)))).content
    assert CONTENT_CHARACTERS < len(content) < CONTENT_CHARACTERS + 20
    assert content.endswith("x…\n```")


def test_an_mcp_call_shows_server_tool_and_arguments() -> None:
    """Loading, then complete; what the tool gave is for the model."""
    result = mapped(ended(mcp_call(0, output="a long text")))
    assert [task.status_indicator for task in result.states()] == ["loading", "complete"]
    task = single_task(result)
    assert (task.title, task.content) == ("shop: find", '```json\n{"q":1}\n```')


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("no such tool", "no such tool"),
        ({"type": "mcp_protocol_error", "code": 1, "message": "gone"}, "gone"),
        ({"type": "http_error"}, "http_error"),
    ],
)
def test_an_mcp_call_that_failed_is_not_complete_and_says_why(error: Any, shown: str) -> None:
    """The error is a text or an object, by the server's version."""
    task = single_task(mapped(ended(mcp_call(0, status="failed", error=error))))
    assert task.status_indicator == "none"
    assert task.content == f'```json\n{{"q":1}}\n```\n\n{shown}'


def test_a_servers_tools_are_listed_by_name() -> None:
    """Loading, then complete."""
    result = mapped(ended(mcp_list_tools(0, "find", "buy")))
    assert [task.status_indicator for task in result.states()] == ["loading", "complete"]
    task = single_task(result)
    assert (task.title, task.content) == ("shop", "`find`, `buy`")


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_what_failed_is_not_complete(status: str) -> None:
    """A call that ended badly is neither loading nor complete."""
    assert single_task(mapped(ended(web_search(0, status=status)))).status_indicator == "none"


@pytest.mark.parametrize(
    "kind", ["function_call", "mcp_approval_request", "custom_tool_call", "computer_call", "of_next_year"]
)
def test_other_calls_are_not_shown_and_stand_in_the_output(kind: str) -> None:
    """The author's own tools, approvals, and whatever comes: for the caller, in order."""
    call = item(0, {"type": kind, "name": "f"}, arguments="{}")
    result = mapped(ended(call, message(1, "Hi")))
    assert [one.type for one in result.done] == ["assistant_message"]
    assert result.reader.output[0] == call[-1]["item"]
    assert [one["type"] for one in result.reader.output] == [kind, "message"]


def test_a_call_that_was_never_opened_is_shown_when_it_is_done() -> None:
    """A stream that is read from its middle on loses nothing of what it still holds."""
    result = mapped([web_search(0, action={"type": "search", "query": "a"})[-1], message(1, "Hi")[-1], completed()])
    assert [one.type for one in result.done] == ["workflow", "assistant_message"]
    assert isinstance(result.done[1], AssistantMessageItem)
    assert single_task(result).queries == ["a"]

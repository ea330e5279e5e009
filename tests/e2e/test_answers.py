"""What the built-in client makes of items other than widgets, and how it answers them: the scripted backend's part."""

import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support.pages import items, write
from tests.e2e.support.scripted_backend import Answer, ScriptedBackend, Stream
from tests.e2e.support.wire import (
    Json,
    added,
    answer,
    assistant_message,
    done,
    error,
    item,
    opening,
    stream_options,
    thread,
    user_message,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Plain = Callable[..., Page]

RUN: Final = """async ([name, params]) => {
  const { createToolRunner } = await import("/web/tools.js");
  const tools = {
    echo: (params) => params,
    later: async () => ({ late: true }),
    fail: () => { throw new Error("The map is not there."); },
    reject: () => Promise.reject("no reason"),
  };
  return createToolRunner(tools)({ name, params });
}"""


@pytest.fixture
def holding(plain: Plain, backend: ScriptedBackend) -> Callable[..., Page]:
    """Opens a thread that holds these items."""

    def open_page(*held: Json) -> Page:
        backend.answer("threads.get_by_id", Answer(thread(items=list(held))))
        page = plain("#thread=thr_1")
        expect(items(page)).to_have_count(len(held))
        return page

    return open_page


def call(name: str = "get_page_title", **fields: Any) -> Json:
    return item("tc_1", "client_tool_call", status="pending", call_id="call_1", name=name, arguments={}, **fields)


def message(text: str, *annotations: tuple[int | None, Json]) -> Json:
    """An answer whose sources stand at these places."""
    tied = [{"type": "annotation", "source": source, "index": index} for index, source in annotations]
    content = [{"type": "output_text", "text": text, "annotations": tied}]
    return item("msg_2", "assistant_message", content=content)


def page_source(title: str = "A page", url: str = "https://example.com/") -> Json:
    return {"type": "url", "title": title, "url": url}


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("echo", {"x": 1}),
        ("later", {"late": True}),
        ("fail", {"error": "The map is not there."}),
        ("reject", {"error": "no reason"}),
        ("missing", {"error": "This page has no tool missing."}),
        ("toString", {"error": "This page has no tool toString."}),
    ],
)
def test_a_tool_gives_its_result_or_its_error(modules: Page, name: str, result: Json) -> None:
    """A tool that throws, and one that does not exist, answers with an error instead of not at all."""
    assert modules.evaluate(RUN, [name, {"x": 1}]) == result


def test_a_tool_runs_once_and_after_the_stream(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """A call that is both added and done is answered once, when the stream that brought it has ended."""
    backend.answer("threads.create", Stream([*opening("hi"), added(call()), done(call()), gate]))
    backend.answer("threads.add_client_tool_output", Stream([stream_options(), *answer("msg_3", "Thanks")]))
    page = plain()
    write(page, "hi")
    expect(page.locator(".tool-call")).to_contain_text("has not been answered")
    assert backend.requests("threads.add_client_tool_output") == []
    gate.set()
    expect(items(page).nth(2)).to_have_text("Thanks")
    expect(page.locator(".tool-call")).to_contain_text("was run by this page")
    params = [request.body["params"] for request in backend.requests("threads.add_client_tool_output")]
    assert params == [{"thread_id": "thr_1", "result": {"title": "chatkit-lambda playground"}}]


def test_one_tool_may_follow_another(plain: Plain, backend: ScriptedBackend) -> None:
    """The answer to an output may ask for the next tool; one that the page does not have answers with an error."""
    second = {**call("open_map"), "id": "tc_2"}
    backend.answer("threads.create", Stream([*opening("hi"), done(call())]))
    backend.answer(
        "threads.add_client_tool_output",
        Stream([stream_options(), done(second)]),
        Stream([stream_options(), *answer("msg_3", "Pity")]),
    )
    page = plain()
    write(page, "hi")
    expect(items(page).nth(3)).to_have_text("Pity")
    results = [request.body["params"]["result"] for request in backend.requests("threads.add_client_tool_output")]
    assert results[1] == {"error": "This page has no tool open_map."}


def test_an_output_that_was_not_accepted_is_sent_again(plain: Plain, backend: ScriptedBackend) -> None:
    """After a 503 Retry sends the output again, and neither runs the tool anew nor drops anything."""
    backend.answer("threads.create", Stream([*opening("hi"), done(call())]))
    backend.answer(
        "threads.add_client_tool_output",
        Answer({"message": "Not now."}, status=503),
        Stream([stream_options(), *answer("msg_3", "Thanks")]),
    )
    page = plain()
    write(page, "hi")
    expect(page.get_by_role("alert")).to_contain_text("Not now.")
    page.get_by_role("button", name="Retry").click()
    expect(items(page).nth(2)).to_have_text("Thanks")
    first, second = backend.requests("threads.add_client_tool_output")
    assert first.body == second.body
    expect(page.locator(".events li[data-type='onClientTool']")).to_have_count(1)


def test_a_stopped_stream_runs_no_tool(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Who presses Stop wants nothing more to happen."""
    backend.answer("threads.create", Stream([*opening("hi", allow_cancel=True), done(call()), gate]))
    page = plain()
    write(page, "hi")
    expect(page.locator(".tool-call")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    expect(page.locator(".events li[data-type='onClientTool']")).to_have_count(0)
    assert backend.requests("threads.add_client_tool_output") == []


def test_a_call_of_an_earlier_visit_is_not_run(holding: Callable[..., Page], backend: ScriptedBackend) -> None:
    """After a reload a call that was left open is shown, and not run: the page that it was meant for is gone."""
    page = holding(user_message("msg_1", "hi"), call())
    expect(page.locator(".tool-call")).to_contain_text("has not been answered")
    expect(page.locator(".events li[data-type='onClientTool']")).to_have_count(0)


def test_refused_answers_can_be_given_again(holding: Callable[..., Page], backend: ScriptedBackend) -> None:
    """The form keeps what was entered when the backend refuses it, and says why."""
    asked = {"type": "freeform", "id": "why", "question": "Why?"}
    page = holding(item("si_1", "structured_input", status="pending", inputs=[asked]))
    given = {**asked, "answer": {"values": ["Because"], "skipped": False}}
    replaced = {
        "type": "thread.item.replaced",
        "item": item("si_1", "structured_input", status="answered", inputs=[given]),
    }
    backend.answer("threads.add_structured_input", Stream([error("Not now.")]), Stream([stream_options(), replaced]))
    page.get_by_label("Why?").fill(" Because ")
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".answers dd")).to_have_text("Because")
    submission = {"status": "answered", "answers": {"why": {"values": ["Because"], "skipped": False}}}
    sent = [request.body["params"] for request in backend.requests("threads.add_structured_input")]
    assert sent == [{"thread_id": "thr_1", "item_id": "si_1", "input": submission}] * 2


def test_a_workflow_is_open_while_it_works(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Steps show while one is under way and fold when all are done; what the user has folded stays folded."""
    loading = {"type": "thought", "content": "Hm.", "status_indicator": "loading"}
    second = {"type": "web_search", "title_query": "lambda", "queries": ["one"], "status_indicator": "loading"}
    complete = [{**loading, "status_indicator": "complete"}, {**second, "status_indicator": "complete"}]

    def workflow(item_id: str, tasks: list[Json], **fields: Any) -> Json:
        return item(item_id, "workflow", workflow={"type": "reasoning", "tasks": tasks, "expanded": False, **fields})

    def update(item_id: str, kind: str, index: int, task: Json) -> Json:
        changed = {"type": f"workflow.task.{kind}", "task_index": index, "task": task}
        return {"type": "thread.item.updated", "item_id": item_id, "update": changed}

    summary = {"duration": 7}
    frames = [
        *(added(workflow(name, [])) for name in ("wf_1", "wf_2")),
        *(update(name, "added", 0, loading) for name in ("wf_1", "wf_2")),
        gate,
        *(update(name, "updated", 0, complete[0]) for name in ("wf_1", "wf_2")),
        *(update(name, "added", 1, second) for name in ("wf_1", "wf_2")),
    ]
    end = threading.Event()
    last = [done(workflow(name, complete, summary=summary, expanded=name == "wf_2")) for name in ("wf_1", "wf_2")]
    backend.answer("threads.create", Stream([*opening("hi"), *frames, end, *last]))
    page = plain()
    write(page, "hi")
    first, other = page.locator(".steps").first, page.locator(".steps").last
    expect(first.locator("summary")).to_contain_text("Thinking…")
    expect(first.get_by_role("img", name="Under way")).to_be_visible()
    other.locator("summary").click()
    gate.set()
    expect(first.get_by_text("Searching the web")).to_be_visible()
    expect(other.locator(".task-title")).to_have_count(2)
    expect(other.locator("ol")).to_be_hidden()
    end.set()
    expect(first.locator("summary")).to_contain_text("Thought for 7 s")
    expect(first.locator("ol")).to_be_hidden()
    expect(other.locator("ol")).to_be_hidden()


def test_a_picture_shows_how_far_it_is(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Until there is a picture, and while it changes, its progress shows; the complete one stands alone."""
    image = {"id": "img_1", "url": "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="}
    start = item("ig_1", "generated_image")
    updated = {"type": "generated_image.updated", "image": image, "progress": 0.5}
    half = {"type": "thread.item.updated", "item_id": "ig_1", "update": updated}
    end = threading.Event()
    backend.answer(
        "threads.create", Stream([*opening("hi"), added(start), gate, half, end, done({**start, "image": image})])
    )
    page = plain()
    write(page, "hi")
    expect(page.locator(".no-picture")).to_be_visible()
    gate.set()
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 0.5)
    expect(page.get_by_role("img", name="Generated picture")).to_be_visible()
    end.set()
    expect(page.get_by_role("progressbar")).to_have_count(0)


@pytest.mark.parametrize(
    ("text", "index", "shown"),
    [
        ("One two.", 3, "One1 two."),
        ("One two.", 0, "1One two."),
        ("One two.", 99, "One two.1"),
        ("One two.", -5, "1One two."),
        ("One two.", None, "One two."),
        ("**One** two.", 7, "One1 two."),
        ("See https://example.com/long now.", 12, "See https://example.com/long1 now."),
        ("See [this](https://example.com/long) now.", 20, "See this1 now."),
        ("A \ufdd0\ufdd1 B", 1, "A1 \ufffd\ufffd B"),
    ],
)
def test_a_mark_stands_where_its_source_belongs(modules: Page, text: str, index: int | None, shown: str) -> None:
    """Wherever the index lies, the text and its links stay what they are."""
    script = """async ([text, annotations]) => {
      const { textWithSources } = await import("/web/items/sources.js");
      const node = textWithSources(text, annotations, {});
      return [node.querySelector("p").textContent, [...node.querySelectorAll("p a:not(.mark a)")].map((a) => a.href)];
    }"""
    content = message(text, (index, page_source()))["content"][0]
    found, links = modules.evaluate(script, [text, content["annotations"]])
    assert found == shown
    assert links == (["https://example.com/long"] if "long" in text else [])


def test_sources_of_one_text_are_numbered_as_they_come(holding: Callable[..., Page]) -> None:
    """Two marks at one place stand side by side, and a source whose address is none of the web is no link."""
    sources = [(3, page_source("B", "javascript:alert(1)")), (3, page_source("A"))]
    page = holding(message("One two.", *sources))
    expect(items(page).first.locator("p")).to_have_text("One12 two.")
    expect(page.locator(".sources li")).to_have_text(["◍\ufe0eB", "◍\ufe0eA"])
    expect(page.locator(".sources a")).to_have_text(["A"])


def test_an_item_that_lacks_what_it_needs_is_json(holding: Callable[..., Page]) -> None:
    """A malformed item does not keep the others from being shown."""
    page = holding(
        item("x_1", "workflow"), item("x_2", "structured_input", status="pending"), assistant_message("m", "fine")
    )
    expect(page.locator("details.card > summary")).to_have_text(["workflow", "structured_input"])
    expect(items(page).last).to_have_text("fine")


def test_hidden_items_are_never_drawn(holding: Callable[..., Page]) -> None:
    """Even from a backend that sends them."""
    hidden = [item("h_1", "hidden_context_item", content="secret"), item("h_2", "sdk_hidden_context", content="secret")]
    page = holding(*hidden, assistant_message("m", "fine"))
    expect(items(page).last).to_have_text("fine")
    expect(page.locator(".items")).not_to_contain_text("secret")

"""A model's answer, round by round."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest

from functions.engine.answering import reasons
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.files import Files
from functions.engine.tools import AnyTool, ToolContext, ToolOutput, client_tool, tool
from functions.errors import ContextTooLong, CustomStreamError
from functions.model import kept
from functions.model.hosted_tools import file_search, mcp, web_search
from functions.protocol.attachments import FileAttachment
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import ThreadItem, UserMessageItem
from functions.protocol.tasks import CustomTask
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from tests.support.chat import Chat, Json, message_input, texts, types
from tests.support.streams import StreamWriter, Text
from tests.support.tool_answers import (
    RoundsModel,
    answer,
    answered,
    approval_request,
    call,
    called,
    mcp_call,
    output,
    raw_call,
    said,
    thought,
)

ERROR = {"type": "error", "code": "custom"}


class Tooled(Assistant):
    """Lets the model answer, with some tools."""

    def __init__(self, *tools: AnyTool, models: Mapping[str, str] | None = None, **options: Any) -> None:
        self.tools = tools
        self.models = models or {}
        self._options = {"model": "gpt-5.2", "instructions": "Be brief.", **options}

    async def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        async for event in context.answer(**self._options):
            yield event


def converse(model: RoundsModel, /, *tools: AnyTool, **options: Any) -> tuple[Chat, list[Json]]:
    """One turn that begins with `Hi`."""
    chat = Chat(assistant=Tooled(*tools, **options), model=model)
    return chat, chat.stream("threads.create", {"input": message_input()})


def go_on(chat: Chat, events: Sequence[Json], text: str = "And?") -> list[Json]:
    """The thread's next turn."""
    thread_id = events[0]["thread"]["id"]
    return chat.stream("threads.add_user_message", {"thread_id": thread_id, "input": message_input(text)})


def hidden(chat: Chat, events: Sequence[Json]) -> list[Any]:
    """The contents of the thread's hidden items."""
    page = run(
        chat.store.list_items("alice", events[0]["thread"]["id"], after=None, limit=100, order="asc", hidden=True)
    )
    return [item.content for item in page.data if item.type == "hidden_context_item"]


def echo(**how: Any) -> AnyTool:
    """A tool that gives back its text."""

    @tool(name="echo", **how)
    async def echoing(text: str) -> str:
        return text

    return echoing


@client_tool
def get_cart(limit: int) -> None:
    """What lies in the cart."""


def test_without_tools_nothing_is_said_of_them() -> None:
    """A plain conversation's request has no tools, and asks for nothing that only they need."""
    model = RoundsModel(answer("Hello."))
    _, events = converse(model)
    assert types(events)[-1] == "thread.item.done"
    assert model.bodies == [
        {"model": "gpt-5.2", "instructions": "Be brief.", "store": False, "input": [said("Hi")]},
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gpt-5.2", True), ("o4-mini", True), ("a-new-one", True)]
    + [(name, False) for name in ("gpt-4.1", "gpt-4o-mini", "gpt-3.5-turbo", "chatgpt-4o-latest", "gpt-5-chat-latest")],
)
def test_reasoning_is_asked_for_where_there_is_some(name: str, expected: bool) -> None:
    """A model without reasoning refuses a request that wants it."""
    assert reasons(name) == expected


def test_what_a_hosted_tool_found_is_asked_for() -> None:
    """Sources and file names come only where the request includes them; an author's own `include` stands."""
    model = RoundsModel(answer("One."), answer("Two."))
    converse(model, web_search(), file_search(["vs_1"]))
    converse(model, web_search(), include=[])
    assert [body["include"] for body in model.bodies] == [
        ["reasoning.encrypted_content", "web_search_call.action.sources", "file_search_call.results"],
        [],
    ]


def test_reasoning_that_cannot_be_sent_back_stays_out_with_the_ids_that_need_it() -> None:
    """Without its encrypted content reasoning would be looked up at OpenAI, which keeps no copy."""
    model = RoundsModel(answer(thought(None), call("echo", "call_1", text="a")), answer("Done."))
    converse(model, echo())
    request = {key: value for key, value in call("echo", "call_1", text="a").items() if key != "id"}
    assert model.inputs[1] == [said("Hi"), request, output("call_1", "a")]


def test_what_openai_keeps_is_sent_back_as_it_is() -> None:
    """An author who lets OpenAI keep the responses has their ids resolved there."""
    first = [thought(None), call("echo", "call_1", text="a")]
    model = RoundsModel(answer(*first), answer("Done."))
    converse(model, echo(), store=True)
    assert model.inputs[1] == [said("Hi"), *first, output("call_1", "a")]


BAD_CALLS: dict[str, tuple[Json, str]] = {
    "a wrong type": (
        call("echo", "call_1", text=1),
        "The arguments are wrong. text: Input should be a valid string",
    ),
    "one too many": (
        call("echo", "call_1", text="a", more="b"),
        "The arguments are wrong. more: Extra inputs are not permitted",
    ),
    "no JSON": (raw_call("echo", "call_1", '{"text": "a'), "The arguments are not valid JSON."),
    "no object": (raw_call("echo", "call_1", "[]"), "The arguments must be a JSON object."),
    "no such tool": (call("other", "call_1"), "There is no tool called other."),
    "a tool of the page": (
        call("get_cart", "call_1", limit="all"),
        "The arguments are wrong. limit: Input should be a valid integer, unable to parse string as an integer",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_is_answered_with_what_is_wrong(name: str) -> None:
    """The model reads which argument is wrong, and may try again; nothing is raised, and the page is not asked."""
    bad, problem = BAD_CALLS[name]
    model = RoundsModel(answer(bad), answer("Sorry."))
    chat, events = converse(model, echo(), get_cart)
    assert model.inputs[1] == [said("Hi"), bad, output("call_1", problem)]
    assert texts(chat.items(events[0]["thread"]["id"])) == ["Hi", "Sorry."]


def test_a_tool_that_fails_costs_its_output_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The model reads the tool's own error text; the log names type and place, and neither arguments nor message."""

    @tool(error="The shop is closed.")
    async def buy(what: str) -> str:
        """Buys."""
        raise ValueError(f"secret {what}")

    model = RoundsModel(answer(call("buy", "call_1", what="tea"), call("echo", "call_2", text="b")), answer("Sorry."))
    with caplog.at_level(logging.WARNING):
        converse(model, buy, echo())
    assert model.inputs[1][3:] == [output("call_1", "The shop is closed."), output("call_2", "b")]
    (record,) = caplog.records
    assert (record.message, record.__dict__["tool"], record.__dict__["error"]) == ("a tool failed", "buy", "ValueError")
    assert "test_answering.py" in record.__dict__["place"]
    assert "secret" not in str(record.__dict__)
    assert "tea" not in str(record.__dict__)


def test_an_output_that_is_no_json_is_a_failure_of_the_tool(caplog: pytest.LogCaptureFixture) -> None:
    """What pydantic cannot write is told as any other failure."""

    @tool
    async def odd() -> object:
        """Odd."""
        return object()

    model = RoundsModel(answer(call("odd", "call_1")), answer("Sorry."))
    with caplog.at_level(logging.WARNING):
        converse(model, odd)
    assert model.inputs[1][2:] == [output("call_1", "The tool failed.")]
    assert caplog.records


def test_a_tool_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """The model reads how long the tool was given; the tool is told to stop."""
    ended: list[str] = []

    @tool(seconds=0.001, error="No answer.")
    async def wait() -> str:
        """Waits."""
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("wait")
        return "never"

    model = RoundsModel(answer(call("wait", "call_1")), answer("Sorry."))
    with caplog.at_level(logging.WARNING):
        converse(model, wait)
    assert model.inputs[1][2:] == [output("call_1", "No answer. It was given 0.001 seconds.")]
    assert ended == ["wait"]


def test_a_cancellation_within_a_tool_is_a_failure_of_the_tool(caplog: pytest.LogCaptureFixture) -> None:
    """A tool that awaits something that was cancelled does not end the turn as if the user had stopped it."""

    @tool
    async def broken() -> str:
        """Broken."""
        task = asyncio.ensure_future(asyncio.Event().wait())
        task.cancel()
        await task
        return "never"

    model = RoundsModel(answer(call("broken", "call_1")), answer("Sorry."))
    with caplog.at_level(logging.WARNING):
        _, events = converse(model, broken)
    assert model.inputs[1][2:] == [output("call_1", "The tool failed.")]
    assert types(events)[-1] == "thread.item.done"


def test_what_a_tool_tells_the_user_ends_the_turn_and_the_other_tools() -> None:
    """A `CustomStreamError` is the author's word to the user; a call that was done before is remembered."""
    ended: list[str] = []
    done = asyncio.Event()

    @tool
    async def first() -> str:
        """First."""
        return "done"

    @tool
    async def wait() -> str:
        """Waits."""
        done.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("wait")
        return "never"

    @tool
    async def refuse() -> str:
        """Refuses."""
        await done.wait()
        raise CustomStreamError("Your card was declined.")

    model = RoundsModel(answer(call("first", "call_1"), call("wait", "call_2"), call("refuse", "call_3")))
    chat, events = converse(model, first, wait, refuse)
    assert events[-1] == {**ERROR, "message": "Your card was declined.", "allow_retry": False}
    assert ended == ["wait"]
    assert hidden(chat, events) == [
        kept.function_call(call_id="call_1", name="first", arguments="{}", output="done"),
    ]


def test_calls_run_side_by_side_and_their_outputs_keep_the_calls_order() -> None:
    """The first call ends only after the second has: one after the other they would wait for ever."""
    second_ran = asyncio.Event()

    @tool
    async def first() -> str:
        """First."""
        await second_ran.wait()
        return "one"

    @tool
    async def second() -> str:
        """Second."""
        second_ran.set()
        return "two"

    model = RoundsModel(answer(call("first", "call_1"), call("second", "call_2")), answer("Done."), answer("Yes."))
    chat, events = converse(model, first, second)
    go_on(chat, events)
    outputs = [output("call_1", "one"), output("call_2", "two")]
    assert model.inputs[1][3:] == outputs
    calls = [called(call("first", "call_1")), called(call("second", "call_2"))]
    assert model.inputs[2][1:5] == [calls[0], outputs[0], calls[1], outputs[1]]


def test_no_more_than_eight_calls_run_at_a_time() -> None:
    """A model that calls a tool a hundred times does not open a hundred connections."""
    running: set[str] = set()
    most = 0

    @tool
    async def visit(page: str) -> str:
        """Visits."""
        nonlocal most
        running.add(page)
        most = max(most, len(running))
        for _ in range(3):
            await asyncio.sleep(0)
        running.discard(page)
        return page

    calls = [call("visit", f"call_{number}", page=str(number)) for number in range(20)]
    model = RoundsModel(answer(*calls), answer("Done."))
    converse(model, visit)
    assert most == 8
    assert model.inputs[1][21:] == [output(f"call_{number}", str(number)) for number in range(20)]


def test_a_tool_shows_what_it_does_and_is_kept_before_it() -> None:
    """Events of a tool are streamed and stored; the call's place in the thread is before them."""

    @tool
    async def look(context: ToolContext, place: str) -> AsyncIterator[ThreadStreamEvent | ToolOutput]:
        """Looks."""
        yield context.progress(f"Looking at {place}")
        yield context.task(CustomTask(title=f"{context.user}, {context.locale}, {context.call_id}"))
        async for event in context.widget({"type": "Card", "children": []}):
            yield event
        context.thread.title = place
        yield ToolOutput({"seen": place})

    model = RoundsModel(answer(call("look", "call_1", place="Bern")), answer("Seen."), answer("Yes."))
    chat, events = converse(model, look)
    shown = types(events)
    assert shown.index("progress_update") < shown.index("thread.updated")
    assert [item["type"] for item in chat.items(events[0]["thread"]["id"])] == [
        "user_message",
        "task",
        "widget",
        "assistant_message",
    ]
    assert chat.ask("threads.get_by_id", {"thread_id": events[0]["thread"]["id"]})["title"] == "Bern"
    go_on(chat, events)
    assert model.inputs[2][1:4] == [
        called(call("look", "call_1", place="Bern")),
        output("call_1", '{"seen":"Bern"}'),
        said("The user was shown that this step was taken: alice, en, call_1"),
    ]


def test_events_of_tools_that_run_together_interleave_and_keep_each_tools_order() -> None:
    """Two tools show things at once: each item is opened, changed and closed as its tool did it."""

    @tool
    async def write(context: ToolContext, word: str) -> str:
        """Writes."""

        async def pieces() -> AsyncIterator[str]:
            for letter in word:
                await asyncio.sleep(0)
                yield letter

        await context.emit(context.message(pieces()))
        return "written"

    model = RoundsModel(
        answer(call("write", "call_1", word="abcdefghijkl"), call("write", "call_2", word="ABCDEFGHIJKL")), answer("!")
    )
    chat, events = converse(model, write)
    letters = "".join(event["update"].get("delta", "") for event in events if event["type"] == "thread.item.updated")
    assert letters.rstrip("!") not in ("abcdefghijklABCDEFGHIJKL", "ABCDEFGHIJKLabcdefghijkl")
    assert [letter for letter in letters if letter.islower()] == list("abcdefghijkl")
    assert sorted(texts(chat.items(events[0]["thread"]["id"]))[1:]) == ["!", "ABCDEFGHIJKL", "abcdefghijkl"]


def test_after_the_last_round_the_model_is_asked_once_more_without_tools() -> None:
    """A model that goes on calling ends with an answer; a tool that was picked is demanded once."""
    rounds = [answer(call("echo", f"call_{number}", text="a")) for number in range(2)]
    model = RoundsModel(*rounds, answer("Enough."))
    chat, events = converse(model, echo(), max_rounds=2)
    assert texts(chat.items(events[0]["thread"]["id"])) == ["Hi", "Enough."]
    assert [body.get("tool_choice") for body in model.bodies] == [None, None, "none"]


def test_a_model_that_calls_tools_without_end_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """What is called after the last round is not run: the user sees an error, the operator why."""
    calls = [answer(call("echo", f"call_{number}", text="a")) for number in range(3)]
    with caplog.at_level(logging.WARNING):
        chat, events = converse(RoundsModel(*calls), echo(), max_rounds=2)
    assert events[-1]["message"] == "The model could not finish its answer."
    assert len(hidden(chat, events)) == 2
    assert caplog.records[0].message == "the model goes on calling tools"


def test_a_second_tool_of_the_page_stands_back() -> None:
    """The page runs one tool at a time: the other call has an output that says so."""
    calls = [call("get_cart", "call_1", limit=1), call("get_cart", "call_2", limit=2)]
    model = RoundsModel(answer(*calls), answer("Done."))
    chat, events = converse(model, get_cart)
    pending = [event["item"] for event in events if event.get("item", {}).get("type") == "client_tool_call"]
    assert [item["call_id"] for item in pending] == ["call_1"]
    thread_id = events[0]["thread"]["id"]
    chat.stream("threads.add_client_tool_output", {"thread_id": thread_id, "result": "tea"})
    second, refused, first, done = model.inputs[1][1:]
    assert [second, first, done] == [called(calls[1]), called(calls[0]), output("call_1", "tea")]
    assert refused["output"].startswith("This tool was not run")


def test_a_call_that_the_page_never_answered_is_told_with_an_error() -> None:
    """The user writes on: the thread stays usable, and the reasoning of the turn that was given up is not sent."""
    model = RoundsModel(answer(thought("enc"), call("get_cart", "call_1", limit=1)), answer("Never mind."))
    chat, events = converse(model, get_cart)
    go_on(chat, events, "Forget it")
    assert model.inputs[1] == [
        said("Hi"),
        called(call("get_cart", "call_1", limit=1)),
        output("call_1", '{"error":"The user went on without this tool\'s result."}'),
        said("Forget it"),
    ]


CRM = mcp("crm", "https://crm.example/mcp")


@pytest.mark.parametrize(
    ("values", "approved", "reason"),
    [(["Approve"], True, {}), (["Deny"], False, {}), ([], False, {}), (["Only 7"], False, {"reason": "Only 7"})],
    ids=str,
)
def test_only_the_first_choice_approves(values: list[str], approved: bool, reason: Json) -> None:
    """Denied, skipped, or answered with other words: the MCP server's tool is not run."""
    request = approval_request("mcpr_1", "delete", id=7)
    model = RoundsModel(answer(request), answer("All right."))
    chat, events = converse(model, CRM)
    submission = {"answers": {"mcpr_1": {"values": values}}}
    chat.stream(
        "threads.add_structured_input",
        {"thread_id": events[0]["thread"]["id"], "item_id": events[-1]["item"]["id"], "input": submission},
    )
    answer_of_user = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": approved, **reason}
    assert model.inputs[1] == [said("Hi"), request, answer_of_user]


def test_two_approvals_are_one_question_item_and_other_calls_are_not_lost() -> None:
    """What runs here has run, a tool of the page stands back, and the questions come together, in the user's language."""
    requests = [approval_request("mcpr_1", "delete", id=7), approval_request("mcpr_2", "delete", id=8)]
    calls = [call("echo", "call_1", text="a"), call("get_cart", "call_2", limit=1)]
    model = RoundsModel(answer(*calls, *requests), answer("Done."))
    chat = Chat(assistant=Tooled(echo(), get_cart, CRM), model=model)
    events = chat.stream("threads.create", {"input": message_input()}, locales=("de-CH",))
    asked = events[-1]["item"]
    assert [(one["id"], [option["value"] for option in one["options"]]) for one in asked["inputs"]] == [
        ("mcpr_1", ["Erlauben", "Ablehnen"]),
        ("mcpr_2", ["Erlauben", "Ablehnen"]),
    ]
    submission = {"answers": {"mcpr_1": {"values": ["Erlauben"]}, "mcpr_2": {"values": ["Ablehnen"]}}}
    params = {"thread_id": events[0]["thread"]["id"], "item_id": asked["id"], "input": submission}
    chat.stream("threads.add_structured_input", params)
    sent = model.inputs[1]
    assert sent[1:4] == [called(calls[0]), output("call_1", "a"), called(calls[1])]
    assert sent[4]["output"].startswith("This tool was not run")
    answers = [
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_2", "approve": False},
    ]
    assert sent[5:] == [requests[0], answers[0], requests[1], answers[1]]


def test_a_call_that_an_mcp_server_has_answered_is_not_made_again() -> None:
    """A second approval within a turn sends the first one with its call: an approval alone would run it once more."""
    first, second = approval_request("mcpr_1", "delete", id=7), approval_request("mcpr_2", "delete", id=8)
    made = mcp_call("mcp_1", "delete", "gone", approval="mcpr_1", id=7)
    model = RoundsModel(answer(first), answer(made, second), answer("Done."))
    chat, events = converse(model, CRM)
    for number in (1, 2):
        params = {"thread_id": chat.ask("threads.list", {})["data"][0]["id"], "item_id": events[-1]["item"]["id"]}
        submission = {"answers": {f"mcpr_{number}": {"values": ["Approve"]}}}
        events = chat.stream("threads.add_structured_input", {**params, "input": submission})
    kinds = [entry["type"] for entry in model.inputs[2] if entry["type"] != "message"]
    assert kinds == [
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
    ]
    assert made in model.inputs[2]


def test_an_approval_that_nobody_gave_is_left_out_and_later_told() -> None:
    """The user writes on instead: the request is not sent, and nothing is run."""
    model = RoundsModel(answer(thought("enc"), approval_request("mcpr_1", "delete", id=7)), answer("Fine."))
    chat, events = converse(model, CRM)
    go_on(chat, events, "No, wait")
    first, asked, second = model.inputs[1]
    assert [first, second] == [said("Hi"), said("No, wait")]
    assert asked["content"][0]["text"].endswith("(not answered yet)")


def test_too_long_a_context_is_tried_once_more_with_half_of_the_history() -> None:
    """The oldest turns are left out; the newest message stays; a second refusal is told."""
    long = "word " * 400
    model = RoundsModel(
        answer("One."), answer("Two."), ContextTooLong(), answer("Three."), ContextTooLong(), ContextTooLong()
    )
    chat, events = converse(model)
    go_on(chat, events, long)
    assert types(go_on(chat, events, long))[-1] == "thread.item.done"
    whole, half = model.inputs[2:4]
    assert whole[:2] == [said("Hi"), answered("One.")]
    assert half == [said(long)]
    assert go_on(chat, events, "Again")[-1] == {
        **ERROR,
        "message": ContextTooLong().message,
        "allow_retry": False,
    }
    assert len(model.bodies) == 6


def test_a_single_turn_that_is_too_long_is_not_tried_again() -> None:
    """There is nothing that could be left out."""
    model = RoundsModel(ContextTooLong())
    _, events = converse(model)
    assert events[-1]["message"] == ContextTooLong().message
    assert len(model.bodies) == 1


def test_a_context_that_proves_too_long_in_mid_answer_is_not_tried_again() -> None:
    """What the user has read already would come twice."""
    writer = StreamWriter("half")
    writer.message(Text(["Half an "]), open_end=True)
    model = RoundsModel(answer("One."), writer.fail("context_length_exceeded", "too long"))
    chat, events = converse(model)
    assert go_on(chat, events)[-1]["message"] == ContextTooLong().message
    assert len(model.bodies) == 2


def test_only_the_newest_turns_that_fit_are_sent() -> None:
    """A long thread costs what the author allows."""
    model = RoundsModel(*(answer(f"Answer {number}.") for number in range(4)))
    chat, events = converse(model, model="gpt-of-this-test", history_tokens=35)
    for number in range(1, 4):
        go_on(chat, events, f"Question {number}")
    assert model.inputs[3][0] == said("Question 1")
    assert model.inputs[3][-1] == said("Question 3")


def test_what_the_api_reports_corrects_how_much_is_sent() -> None:
    """The stand-in reports 42 tokens for some 500: four times as much fits afterwards."""
    model = RoundsModel(*(answer("Yes.") for _ in range(3)))
    chat, events = converse(model, model="gpt-of-that-test", history_tokens=600)
    for _ in range(2):
        go_on(chat, events, "word " * 400)
    assert [len(entries) for entries in model.inputs] == [1, 3, 5]


def options(model: str | None = None, tool_choice: str | None = None) -> Json:
    return {
        **({"model": model} if model else {}),
        **({"tool_choice": {"id": tool_choice}} if tool_choice else {}),
    }


@pytest.mark.parametrize(
    ("picked", "field"),
    [
        (options(model="gpt-5.2-pro"), "params.input.inference_options.model"),
        (options(tool_choice="shell"), "params.input.inference_options.tool_choice.id"),
    ],
    ids=["model", "tool"],
)
@pytest.mark.parametrize("kind", ["threads.create", "threads.add_user_message"])
def test_what_is_not_offered_cannot_be_picked(picked: Json, field: str, kind: str) -> None:
    """The error names the field, and nothing is stored."""
    chat = Chat(assistant=Tooled(echo(), models={"fast": "gpt-5-mini"}), model=RoundsModel(answer("Hi.")))
    thread_id = chat.create()
    before = chat.items(thread_id)
    params = {"input": message_input(inference_options=picked)}
    events = chat.stream(kind, params if kind == "threads.create" else {**params, "thread_id": thread_id})
    assert types(events) == ["error"]
    assert events[0]["message"].startswith(f"{field}: ")
    assert chat.items(thread_id) == before
    assert len(chat.ask("threads.list", {})["data"]) == 1


def test_a_picked_model_answers_its_message_and_no_other() -> None:
    """The page's id stands for the author's model; the next message is answered by the default again."""
    model = RoundsModel(answer(call("echo", "call_1", text="a")), answer("One."), answer("Two."))
    chat = Chat(assistant=Tooled(echo(), models={"fast": "gpt-5-mini"}), model=model)
    events = chat.stream("threads.create", {"input": message_input(inference_options=options(model="fast"))})
    go_on(chat, events)
    assert [body["model"] for body in model.bodies] == ["gpt-5-mini", "gpt-5-mini", "gpt-5.2"]


@pytest.mark.parametrize(
    ("picked", "choice"),
    [
        ("echo", {"type": "function", "name": "echo"}),
        ("get_cart", {"type": "function", "name": "get_cart"}),
        ("web_search", {"type": "web_search"}),
        ("crm", {"type": "mcp", "server_label": "crm"}),
    ],
)
def test_a_picked_tool_is_demanded_once(picked: str, choice: Json) -> None:
    """The model must use it first, and may answer then."""
    model = RoundsModel(answer(call("echo", "call_1", text="a")), answer("Done."))
    chat = Chat(assistant=Tooled(echo(), get_cart, web_search(), CRM), model=model)
    chat.stream("threads.create", {"input": message_input(inference_options=options(tool_choice=picked))})
    assert [body.get("tool_choice") for body in model.bodies] == [choice, None]


def test_a_picked_tool_of_the_page_is_not_demanded_again_once_it_has_answered() -> None:
    """The turn that goes on is the same turn."""
    model = RoundsModel(answer(call("get_cart", "call_1", limit=1)), answer("Tea."))
    chat = Chat(assistant=Tooled(get_cart), model=model)
    events = chat.stream("threads.create", {"input": message_input(inference_options=options(tool_choice="get_cart"))})
    chat.stream("threads.add_client_tool_output", {"thread_id": events[0]["thread"]["id"], "result": "tea"})
    assert [body.get("tool_choice") for body in model.bodies] == [{"type": "function", "name": "get_cart"}, None]


def test_two_tools_of_one_name_are_an_authors_mistake() -> None:
    """A call would not tell which one is meant."""
    _, events = converse(RoundsModel(), echo(), echo())
    assert types(events) == ["error"]


def test_a_reader_that_leaves_ends_the_tools_that_run() -> None:
    """Nothing goes on behind the turn's back: on Lambda it would wake in another user's request."""
    ended: list[str] = []

    @tool
    async def work(context: ToolContext) -> str:
        """Works."""
        try:
            await context.emit(context.progress("Working"))
            await asyncio.Event().wait()
        finally:
            ended.append("work")
        return "never"

    async def leave() -> None:
        chat = Chat(assistant=Tooled(work), model=RoundsModel(answer(call("work", "call_1"))))
        async with closing(await chat.events("threads.create", {"input": message_input()})) as events:
            async for event in events:
                if event.type == "progress_update":
                    break
        assert ended == ["work"]

    run(leave())


def test_attachments_are_parts_where_they_can_be_resolved() -> None:
    """A file that is gone is told by its name."""
    files = [FileAttachment(id=f"atc_{name}", name=f"{name}.pdf", mime_type="application/pdf") for name in "ab"]

    class Resolving(Files):
        async def for_model(self, items: Sequence[ThreadItem]) -> dict[str, Json]:
            return {"atc_a": {"type": "input_file", "file_id": "file_1"}}

    class WithFiles(Tooled):
        async def respond(
            self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
        ) -> AsyncIterator[ThreadStreamEvent]:
            assert message is not None
            await chat.store.save_items("alice", thread.id, [message.model_copy(update={"attachments": files})])
            context._files = Resolving("alice")
            async for event in super().respond(thread, message, context):
                yield event

    model = RoundsModel(answer("Read."))
    chat = Chat(assistant=WithFiles(), model=model)
    chat.create("Read these")
    (entry,) = model.inputs[0]
    assert entry["content"] == [
        {"type": "input_text", "text": "Read these"},
        {"type": "input_file", "file_id": "file_1"},
        {"type": "input_text", "text": "[b.pdf]"},
    ]


def test_a_picture_is_shown_to_the_model_where_it_can_be() -> None:
    """A picture in a data URL is a part of the input; a drawing that the API would refuse is named only."""

    def with_image(url: str) -> Callable[[], list[Json]]:
        class Drawing(Tooled):
            async def respond(
                self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
            ) -> AsyncIterator[ThreadStreamEvent]:
                yield context.image(url)
                async for event in super().respond(thread, message, context):
                    yield event

        model = RoundsModel(answer("Nice."))
        Chat(assistant=Drawing(), model=model).create()
        return lambda: model.inputs[0][1]["content"][1:]

    png = "data:image/png;base64,iVBORw0KGgo="
    assert with_image(png)() == [{"type": "input_image", "image_url": png, "detail": "auto"}]
    assert with_image("data:image/svg+xml;base64,PHN2Zz4=")() == [{"type": "input_text", "text": "[generated image]"}]

"""The built-in client against a scripted backend: what a healthy one cannot be brought to do."""

import threading
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.pages import write
from tests.e2e.support.scripted_backend import Answer, Break, ScriptedBackend, Stream
from tests.e2e.support.wire import (
    added,
    answer,
    assistant_message,
    created,
    delta,
    done,
    error,
    item,
    opening,
    stream_options,
    thread,
    titled,
    user_message,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Plain = Callable[..., Page]
ATTACK: Final = '<img src=x onerror="window.hacked = true">'


def messages(page: Page) -> Locator:
    return page.locator(".items .item")


def test_text_shows_while_the_stream_is_open(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """What has arrived is on the page before the rest has been sent, and the user's message before any of it."""
    first = [added(item("msg_2", "assistant_message", content=[])), delta("msg_2", "Once upon")]
    last = [delta("msg_2", " a time"), done(assistant_message("msg_2", "Once upon a time"))]
    backend.answer("threads.create", Stream([*opening("a story"), *first, gate, *last]))
    page = plain()
    write(page, "a story")
    expect(messages(page).nth(0)).to_have_text("a story")
    expect(messages(page).nth(1)).to_have_text("Once upon")
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    gate.set()
    expect(messages(page).nth(1).locator(".body")).to_have_text("Once upon a time")
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")


def test_requests_are_those_of_the_real_client(plain: Plain, backend: ScriptedBackend) -> None:
    """`accept` asks for a stream on streaming requests only, one frame id holds for a mount, the locale is sent."""
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    page = plain()
    write(page, "hi")
    expect(messages(page)).to_have_count(2)
    expect(page.locator(".events li[data-kind='response'][data-type='threads.list']")).to_have_count(1)
    streaming, listing = backend.requests("threads.create")[0], backend.requests("threads.list")[0]
    assert streaming.headers["accept"] == "text/event-stream"
    assert "text/event-stream" not in listing.headers["accept"]
    assert streaming.headers["accept-language"] == "en-GB"
    assert streaming.headers["chatkit-frame-instance-id"] == listing.headers["chatkit-frame-instance-id"]
    assert listing.body["params"] == {"limit": 9999, "order": "desc"}
    assert streaming.body["params"]["input"] == {
        "content": [{"type": "input_text", "text": "hi"}],
        "attachments": [],
        "quoted_text": None,
        "inference_options": {},
    }


def test_a_thread_is_walked_by_the_last_object_held(plain: Plain, backend: ScriptedBackend) -> None:
    """A thread opens with its first items; the rest is asked for after the last item held, whatever the page's cursor."""
    first = {"data": [user_message("msg_1", "one")], "has_more": True, "after": "opaque"}
    backend.answer("threads.get_by_id", Answer(thread() | {"items": first}))
    backend.answer(
        "items.list",
        Answer({"data": [assistant_message("msg_2", "two")], "has_more": True, "after": "opaque"}),
        Answer({"data": [user_message("msg_3", "three")], "has_more": False}),
    )
    backend.answer(
        "threads.list",
        Answer({"data": [thread("thr_1", title="First")], "has_more": True, "after": "opaque"}),
        Answer({"data": [thread("thr_0", title="Second")], "has_more": False}),
    )
    page = plain("#thread=thr_1")
    expect(messages(page)).to_have_count(3)
    expect(page.locator(".threads .title")).to_have_text(["First", "Second"])
    walked = [request.body["params"] for request in backend.requests("items.list")]
    assert walked == [
        {"thread_id": "thr_1", "limit": 9999, "order": "asc", "after": "msg_1"},
        {"thread_id": "thr_1", "limit": 9999, "order": "asc", "after": "msg_2"},
    ]
    assert [request.body["params"].get("after") for request in backend.requests("threads.list")] == [None, "thr_1"]


def test_an_empty_page_with_more_behind_it_is_named(plain: Plain, backend: ScriptedBackend) -> None:
    """A page that would make ChatKit ask for ever is reported, and asked for once."""
    backend.answer("threads.list", Answer({"data": [], "has_more": True}))
    page = plain()
    expect(page.locator(".threads .note")).to_contain_text("an empty page")
    assert len(backend.requests("threads.list")) == 1


def test_a_list_that_comes_late_takes_nothing_back(
    plain: Plain, backend: ScriptedBackend, gate: threading.Event
) -> None:
    """A list that was read before a thread had its title leaves the title; before a thread was deleted, leaves it away."""
    seen_early = [thread("thr_2"), thread(), thread("thr_0", title="Older")]
    backend.answer("threads.list", Answer({"data": seen_early, "has_more": False}, after=gate))
    backend.answer("threads.create", Stream([created(thread("thr_2")), titled(thread("thr_2", title="To be deleted"))]))
    backend.answer("threads.create", Stream([created(), titled(thread(title="A story"))]))
    page = plain()
    titles = page.locator(".threads .title")
    write(page, "first")
    expect(titles).to_have_text(["To be deleted"])
    page.get_by_role("button", name="Delete To be deleted").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(titles).to_have_count(0)
    write(page, "second")
    expect(titles).to_have_text(["A story"])
    gate.set()
    expect(titles).to_have_text(["A story", "Older"])


def test_an_error_offers_a_retry_where_the_backend_allows_it(plain: Plain, backend: ScriptedBackend) -> None:
    """Retry answers the stored message again; what the failed answer had left is dropped."""
    partial = done(assistant_message("msg_2", "Half an"))
    backend.answer("threads.create", Stream([*opening("hi"), partial, error("The model is busy.", allow_retry=True)]))
    backend.answer("threads.retry_after_item", Stream([stream_options(), *answer("msg_3", "A whole answer")]))
    page = plain()
    write(page, "hi")
    expect(page.get_by_role("alert")).to_contain_text("The model is busy.")
    page.get_by_role("button", name="Retry").click()
    expect(messages(page).locator(".body")).to_have_text(["hi", "A whole answer"])
    expect(page.get_by_role("alert")).to_have_count(0)
    assert backend.requests("threads.retry_after_item")[0].body["params"] == {"thread_id": "thr_1", "item_id": "msg_1"}


def test_an_error_without_retry_offers_none(plain: Plain, backend: ScriptedBackend) -> None:
    """An error that no retry helps is shown without a button."""
    backend.answer("threads.create", Stream([*opening("hi"), error("This is not possible.")]))
    page = plain()
    write(page, "hi")
    expect(page.get_by_role("alert")).to_have_text("This is not possible.")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_a_broken_connection_offers_a_retry(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """When the connection breaks, what had arrived stays, and Retry is there."""
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "So far"), gate, Break]))
    page = plain()
    write(page, "hi")
    expect(messages(page)).to_have_count(2)
    gate.set()
    expect(page.get_by_role("alert")).to_contain_text("connection")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(messages(page).locator(".body")).to_have_text(["hi", "So far"])


def test_a_message_that_was_never_accepted_is_sent_again(plain: Plain, backend: ScriptedBackend) -> None:
    """Retry after a 503 sends the same message, as nothing of it had been kept."""
    backend.answer(
        "threads.create",
        Answer({"message": "Not now."}, status=503),
        Stream([*opening("hi"), *answer("msg_2", "hello")]),
    )
    page = plain()
    write(page, "hi")
    expect(page.get_by_role("alert")).to_contain_text("Not now.")
    page.get_by_role("button", name="Retry").click()
    expect(messages(page).locator(".body")).to_have_text(["hi", "hello"])
    first, second = backend.requests("threads.create")
    assert first.body == second.body


def test_a_refused_message_goes_back_to_the_composer(plain: Plain, backend: ScriptedBackend) -> None:
    """After a refusal that no retry helps, the user has the text back, and the reason."""
    backend.answer("threads.create", Answer({"message": "The message is too long."}, status=413))
    page = plain()
    write(page, "very long")
    expect(page.get_by_role("alert")).to_have_text("The message is too long.")
    expect(page.get_by_label("Message", exact=True)).to_have_value("very long")


def test_stop_ends_the_stream_and_keeps_the_text(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Stop shows where the backend allows it, aborts the request, and leaves what has arrived."""
    frames = [added(item("msg_2", "assistant_message", content=[])), delta("msg_2", "Once upon")]
    backend.answer("threads.create", Stream([*opening("hi", allow_cancel=True), *frames, gate]))
    page = plain()
    write(page, "hi")
    expect(messages(page).nth(1)).to_have_text("Once upon")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/chatkit")):
        page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    expect(messages(page).nth(1).locator(".body")).to_have_text("Once upon")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_stop_reaches_the_backend(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Stop posts one `threads.stop` for the open thread; answers that end by themselves, and a reload, post none."""
    first = Stream([*opening("hi", allow_cancel=True), *answer("msg_2", "hello")])
    backend.answer("threads.create", first)
    backend.answer("threads.add_user_message", Stream([stream_options(allow_cancel=True), gate]))
    page = plain()
    write(page, "hi")
    expect(messages(page)).to_have_count(2)
    write(page, "go on")
    with page.expect_response(lambda response: "threads.stop" in (response.request.post_data or "")):
        page.get_by_role("button", name="Stop").click()
    page.reload()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    (stop,) = backend.requests("threads.stop")
    assert stop.body["params"] == {"thread_id": "thr_1"}
    assert stop.headers["authorization"] == "Bearer token-1"


def test_an_answer_grows_on_after_a_reload(own_page: Page, backend: ScriptedBackend) -> None:
    """A thread whose turn runs shows the text so far, grows every few seconds without a click, and is asked for no more
    once its turn is over; what has not changed is not drawn anew."""
    question = user_message("msg_1", "a story")
    running = {"chatkit-turn": "running"}
    texts = ["Once", "Once upon", "Once upon a time"]
    threads = [thread(items=[question, assistant_message("msg_2", text)]) for text in texts]
    may_answer = [threading.Event() for _ in texts[1:]]  # however long the test takes: no update overtakes it
    backend.answer("threads.get_by_id", Answer(threads[0], headers=running))
    backend.answer("threads.get_by_id", Answer(threads[1], headers=running, after=may_answer[0]))
    backend.answer("threads.get_by_id", Answer(threads[2], after=may_answer[1]))
    own_page.clock.install()
    own_page.goto(f"{backend.url}/?client=plain#thread=thr_1")
    drawn = messages(own_page).locator(".body")
    expect(drawn).to_have_text(["a story", texts[0]])
    own_page.evaluate("document.querySelector('.items .bubble').dataset.kept = 'yes'")
    for text, go in zip(texts[1:], may_answer, strict=True):
        own_page.clock.fast_forward(5500)
        go.set()
        expect(drawn).to_have_text(["a story", text])
    expect(own_page.locator(".items [data-kept]")).to_have_count(1)
    own_page.clock.fast_forward(600_000)
    expect(own_page.get_by_role("button", name="Send")).to_be_enabled()
    assert len(backend.requests("threads.get_by_id")) == 3
    assert backend.requests("threads.stop") == []


def test_an_update_does_not_overtake_a_message(own_page: Page, backend: ScriptedBackend, gate: threading.Event) -> None:
    """What was read of a thread before the user wrote into it does not take away what they wrote."""
    running = {"chatkit-turn": "running"}
    old = thread(items=[user_message("msg_1", "one")])
    backend.answer("threads.get_by_id", Answer(old, headers=running))
    backend.answer(
        "items.list", Answer({"data": [], "has_more": False}), Answer({"data": [], "has_more": False}, after=gate)
    )
    backend.answer("threads.get_by_id", Answer(old, headers=running))
    asked = [done(user_message("msg_2", "two")), stream_options(), *answer("msg_3", "hello")]
    backend.answer("threads.add_user_message", Stream(asked))
    own_page.clock.install()
    own_page.goto(f"{backend.url}/?client=plain#thread=thr_1")
    drawn = messages(own_page).locator(".body")
    expect(drawn).to_have_text(["one"])
    own_page.clock.fast_forward(5500)
    expect(own_page.locator(".events li[data-kind='request'][data-type='items.list']")).to_have_count(2)
    write(own_page, "two")
    expect(drawn).to_have_text(["one", "two", "hello"])
    gate.set()
    expect(own_page.locator(".events li[data-kind='response'][data-type='items.list']")).to_have_count(2)
    expect(drawn).to_have_text(["one", "two", "hello"])


def test_stop_does_not_show_unless_it_is_allowed(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Without `allow_cancel` there is no stop button while the answer streams."""
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello"), gate]))
    page = plain()
    write(page, "hi")
    expect(messages(page).nth(1)).to_have_text("hello")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_progress_and_notices_are_shown(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """A progress line shows while it lasts; a notice is Markdown with its title."""
    progress = {"type": "progress_update", "text": "Reading the manual"}
    notice = {
        "type": "notice",
        "level": "warning",
        "title": "Soon full",
        "message": "See [the plans](https://example.com/).",
    }
    backend.answer("threads.create", Stream([*opening("hi"), progress, notice, gate, *answer("msg_2", "hello")]))
    page = plain()
    write(page, "hi")
    expect(page.locator(".progress")).to_have_text("Reading the manual")
    expect(page.locator(".notice.warning")).to_have_text("Soon fullSee the plans.")
    expect(page.get_by_role("link", name="the plans")).to_have_attribute("href", "https://example.com/")
    gate.set()
    expect(page.locator(".progress")).to_have_count(0)


def test_unknown_items_are_shown_as_json(plain: Plain, backend: ScriptedBackend) -> None:
    """An item that the client has no renderer for is a card with its type, and its JSON inside."""
    backend.answer("threads.create", Stream([*opening("hi"), done(item("x_1", "hologram", depth=3))]))
    page = plain()
    write(page, "hi")
    card = page.locator("details.card")
    card.get_by_text("hologram", exact=True).click()
    expect(card.locator("pre")).to_contain_text('"depth": 3')


def test_markup_in_messages_is_text(plain: Plain, backend: ScriptedBackend) -> None:
    """Markup in a message, an answer, a title, an error and an event is shown as it was written, and runs nothing."""
    titled = created(thread(title=ATTACK))
    stream = [titled, done(user_message("msg_1", ATTACK)), *answer("msg_2", ATTACK), error(ATTACK)]
    backend.answer("threads.create", Stream(stream))
    page = plain()
    write(page, ATTACK)
    expect(messages(page).locator(".body")).to_have_text([ATTACK, ATTACK])
    expect(page.get_by_role("alert")).to_have_text(ATTACK)
    expect(page.locator(".threads .title")).to_have_text(ATTACK)
    page.locator(".events li[data-type='thread.created'] summary").click()
    expect(page.locator(".events pre")).to_contain_text("<img src=x")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_feedback_is_sent_and_shown(plain: Plain, backend: ScriptedBackend) -> None:
    """A thumb sends the answer's id, and stays pressed."""
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    backend.answer("items.feedback", Answer({}))
    page = plain()
    write(page, "hi")
    page.get_by_role("button", name="Good answer").click()
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")
    params = backend.requests("items.feedback")[0].body["params"]
    assert params == {"thread_id": "thr_1", "item_ids": ["msg_2"], "kind": "positive"}


def test_an_answer_can_be_made_again(plain: Plain, backend: ScriptedBackend) -> None:
    """From an earlier answer, the user message before it is answered again, and what followed goes."""
    items = [
        user_message("msg_1", "one"),
        assistant_message("msg_2", "first"),
        user_message("msg_3", "two"),
        assistant_message("msg_4", "second"),
    ]
    backend.answer("threads.get_by_id", Answer(thread(items=items)))
    backend.answer("threads.retry_after_item", Stream([stream_options(), *answer("msg_5", "better")]))
    page = plain("#thread=thr_1")
    messages(page).nth(1).get_by_role("button", name="Answer again").click()
    expect(messages(page).locator(".body")).to_have_text(["one", "better"])
    assert backend.requests("threads.retry_after_item")[0].body["params"]["item_id"] == "msg_1"


def test_a_refused_retry_leaves_the_answer(plain: Plain, backend: ScriptedBackend) -> None:
    """The old answer goes only when the backend has begun another."""
    items = [user_message("msg_1", "one"), assistant_message("msg_2", "first")]
    backend.answer("threads.get_by_id", Answer(thread(items=items)))
    backend.answer("threads.retry_after_item", Stream([error("This message cannot be answered again.")]))
    page = plain("#thread=thr_1")
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_role("alert")).to_have_text("This message cannot be answered again.")
    expect(messages(page).locator(".body")).to_have_text(["one", "first"])


def test_refused_feedback_is_not_shown_as_given(plain: Plain, backend: ScriptedBackend) -> None:
    """A thumb that the backend does not take is not pressed, and the reason is shown."""
    backend.answer("threads.get_by_id", Answer(thread(items=[assistant_message("msg_2", "first")])))
    backend.answer("items.feedback", Answer({"message": "There is no such item."}, status=404))
    page = plain("#thread=thr_1")
    page.get_by_role("button", name="Bad answer").click()
    expect(page.get_by_role("alert")).to_have_text("There is no such item.")
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")


def test_a_thread_that_does_not_exist_becomes_a_new_one(plain: Plain, backend: ScriptedBackend) -> None:
    """A 404 leads to a new thread, says why, and clears the address."""
    backend.answer(
        "threads.get_by_id", Answer({"code": "not_found", "message": "There is no such thread."}, status=404)
    )
    page = plain("#thread=thr_404")
    expect(page.get_by_role("alert")).to_have_text("There is no such thread.")
    expect(page.get_by_role("heading", name="What can I help with?")).to_be_visible()
    assert "thr_404" not in page.url


def test_a_locked_thread_takes_no_message(plain: Plain, backend: ScriptedBackend) -> None:
    """The composer of a locked thread is closed and gives the reason."""
    backend.answer("threads.get_by_id", Answer(thread(status={"type": "locked", "reason": "Under review."})))
    page = plain("#thread=thr_1")
    expect(page.get_by_label("Message", exact=True)).to_be_disabled()
    expect(page.locator(".composer .note")).to_have_text("This thread is locked: Under review.")


def test_leaving_a_thread_leaves_its_stream(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """A stream does not go on in the thread that the user has gone to, and is not stopped; the way back leads to the thread
    as it is stored."""
    late = done(assistant_message("msg_3", "too late"))
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello"), gate, late]))
    backend.answer("threads.get_by_id", Answer(thread(items=[user_message("msg_1", "hi")])))
    page = plain()
    write(page, "hi")
    expect(messages(page)).to_have_count(2)
    page.get_by_role("button", name="New thread").click()
    expect(messages(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    gate.set()
    page.go_back()
    expect(messages(page).locator(".body")).to_have_text(["hi"])
    assert backend.requests("threads.stop") == []


def test_shift_enter_begins_a_line(plain: Plain, backend: ScriptedBackend) -> None:
    """Shift+Enter writes a line break, and Enter sends both lines."""
    backend.answer("threads.create", Stream(opening("one\ntwo")))
    page = plain()
    box = page.get_by_label("Message", exact=True)
    box.fill("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    box.press("Enter")
    expect(messages(page)).to_have_count(1)
    assert backend.requests("threads.create")[0].body["params"]["input"]["content"][0]["text"] == "one\ntwo"


def test_the_event_panel_keeps_a_thousand_rows(plain: Plain, backend: ScriptedBackend) -> None:
    """A long stream does not fill the page: the oldest rows go, and the panel says how many."""
    deltas = [delta("msg_2", "x") for _ in range(1200)]
    frames = [*opening("hi"), added(item("msg_2", "assistant_message", content=[])), *deltas]
    backend.answer("threads.create", Stream([*frames, done(assistant_message("msg_2", "x" * 1200))]))
    page = plain()
    write(page, "hi")
    expect(page.locator(".events li[data-type='thread.item.done']")).to_have_count(1)
    expect(page.locator(".events li")).to_have_count(1000)
    expect(page.locator(".events .dropped")).to_contain_text("are not kept")
    page.get_by_label("text deltas").uncheck()
    expect(page.locator(".events li[data-update$='text_delta']:visible")).to_have_count(0)
    expect(page.locator(".events li[data-type='thread.item.done']")).to_be_visible()


def test_a_backend_that_refuses_the_user_is_quoted(plain: Plain, backend: ScriptedBackend) -> None:
    """When every token is refused, the reason is shown where the threads would be."""
    refusal = Answer({"code": "unauthenticated", "message": "The client token is not valid."}, status=401)
    backend.answer("threads.list", refusal, refusal)
    page = plain()
    expect(page.locator(".threads .note")).to_have_text("The client token is not valid.")
    assert backend.tokens_given == 2

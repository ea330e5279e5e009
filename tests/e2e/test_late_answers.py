"""Answers that come late, or in another order than they were asked for: on the built-in client's page they undo nothing."""

import threading
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support.pages import write
from tests.e2e.support.scripted_backend import WAIT_SECONDS, Answer, ScriptedBackend, Stream
from tests.e2e.support.wire import answer, assistant_message, opening, thread, user_message

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Plain = Callable[..., Page]
FETCH: Final = "() => void document.querySelector('.plain-client').fetchUpdates()"
"""What `chatkit-aws.js` does while a turn of another page runs."""
QUESTION: Final = user_message("msg_1", "one")
ANSWERED: Final = [QUESTION, assistant_message("msg_2", "two")]


def rename(page: Page, old: str, new: str) -> None:
    page.get_by_role("button", name=f"Rename {old}").click()
    page.get_by_label("New title").fill(new)
    page.get_by_label("New title").press("Enter")


def responses(page: Page, kind: str, count: int) -> None:
    """Waits for so many answers of a kind."""
    expect(page.locator(f".events li[data-kind='response'][data-type='{kind}']")).to_have_count(count)


def test_what_was_read_before_a_thread_was_renamed_is_read_again(
    plain: Plain, backend: ScriptedBackend, gate: threading.Event
) -> None:
    """The title stays, and what another page's turn has said meanwhile is shown."""
    held = Answer(thread(title="Before", items=[QUESTION]), after=gate)
    backend.answer(
        "threads.get_by_id",
        Answer(thread(title="Before", items=[QUESTION])),
        held,
        Answer(thread(title="After", items=ANSWERED)),
    )
    backend.answer("threads.list", Answer({"data": [thread(title="Before")], "has_more": False}))
    backend.answer("threads.update", Answer(thread(title="After")))
    page = plain("#thread=thr_1")
    items, titles = page.locator(".items .item"), page.locator(".threads .title")
    expect(items).to_have_count(1)
    page.evaluate(FETCH)
    assert held.reached.wait(WAIT_SECONDS)
    rename(page, "Before", "After")
    expect(titles).to_have_text(["After"])
    gate.set()
    expect(items).to_have_count(2)
    expect(titles).to_have_text(["After"])


def test_of_two_readings_the_newer_stays(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Also where the older one comes last."""
    held = Answer(thread(items=[QUESTION]), after=gate)
    backend.answer("threads.get_by_id", Answer(thread(items=[QUESTION])), held, Answer(thread(items=ANSWERED)))
    page = plain("#thread=thr_1")
    items = page.locator(".items .item")
    expect(items).to_have_count(1)
    page.evaluate(FETCH)
    assert held.reached.wait(WAIT_SECONDS)
    page.evaluate(FETCH)
    expect(items).to_have_count(2)
    gate.set()
    responses(page, "items.list", 3)
    expect(items).to_have_count(2)


def test_titles_are_given_in_their_order(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """The one that was given last is sent when the one before is stored."""
    held = Answer(thread(title="Second"), after=gate)
    backend.answer("threads.list", Answer({"data": [thread(title="First")], "has_more": False}))
    backend.answer("threads.get_by_id", Answer(thread(title="First")))
    backend.answer("threads.update", held, Answer(thread(title="Third")))
    page = plain("#thread=thr_1")
    rename(page, "First", "Second")
    assert held.reached.wait(WAIT_SECONDS)
    rename(page, "First", "Third")
    gate.set()
    responses(page, "threads.update", 2)
    expect(page.locator(".threads .title")).to_have_text(["Third"])
    assert [request.body["params"]["title"] for request in backend.requests("threads.update")] == ["Second", "Third"]


def test_feedback_is_given_in_its_order(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Who thinks better of it at once has the last word."""
    held = Answer(after=gate)
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    backend.answer("items.feedback", held, Answer())
    page = plain()
    write(page, "hi")
    good, bad = (page.get_by_role("button", name=f"{kind} answer") for kind in ("Good", "Bad"))
    good.click()
    assert held.reached.wait(WAIT_SECONDS)
    bad.click()
    gate.set()
    responses(page, "items.feedback", 2)
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(good).to_have_attribute("aria-pressed", "false")
    assert [request.body["params"]["kind"] for request in backend.requests("items.feedback")] == [
        "positive",
        "negative",
    ]

"""Each word of the demo assistant, in a browser with the real local stack, and again after a reload."""

import json
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.pages import CONNECT, finished, items, requests, threads, write

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.xdist_group("e2e")]

Open = Callable[..., Page]

WRITE: Final = f"""async ([user, text]) => {{
  {CONNECT}
  const thread_id = new URLSearchParams(location.hash.slice(1)).get("thread");
  const events = [];
  const params = {{ thread_id, input: messageInput(text) }};
  for await (const event of protocol.stream("threads.add_user_message", params)) events.push(event);
  return {{ events, items: (await protocol.openThread(thread_id)).items }};
}}"""
"""Writes to the open thread, past the composer: what the backend sends, and what the thread holds then."""


def show(page: Page, word: str, count: int) -> None:
    """Asks for what the word names, and waits until so many items stand there."""
    write(page, f"Show me: {word}")
    finished(page, count)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def no_failure(page: Page) -> None:
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_widget_streams_and_its_buttons_change_it(visitors: Open) -> None:
    """The first widget's text grows; the second counts by a streamed action, and by one that is answered at once."""
    page = visitors("widget")
    show(page, "widget", 3)
    expect(items(page).nth(1)).to_contain_text("only what is new is sent, not the widget again.")
    deltas = page.locator(".events li[data-update='widget.streaming_text.value_delta']")
    assert deltas.count() > 1

    counter = items(page).nth(2)
    number = counter.locator(".w-text").first
    expect(number).to_have_text("0")
    button(page, "Add one").focus()
    for expected in ("1", "2"):
        page.keyboard.press("Enter")  # the focus stays on the button, though the widget is another one
        expect(number).to_have_text(expected)
    expect(requests(page, "threads.custom_action")).to_have_count(2)

    button(page, "Back to 0").click()
    expect(number).to_have_text("0")
    expect(counter).to_contain_text("It stood at 2.")
    expect(requests(page, "threads.sync_custom_action")).to_have_count(1)
    no_failure(page)

    page.reload()
    finished(page, 3)
    expect(number).to_have_text("0")
    expect(items(page).nth(1).locator("strong")).to_have_text("inside a widget")
    button(page, "Add one").click()
    expect(number).to_have_text("1")


def test_a_tool_of_the_page_is_run_and_answered(visitors: Open) -> None:
    """The page runs the tool when the stream has ended, and the assistant goes on with what it gave back."""
    page = visitors("tool")
    show(page, "tool", 3)
    expect(items(page).nth(2)).to_contain_text("chatkit-lambda playground")
    expect(requests(page, "threads.add_client_tool_output")).to_have_count(1)

    page.reload()
    finished(page, 3)
    call = items(page).nth(1)
    expect(call.locator("summary")).to_contain_text("was run by this page")
    call.locator("summary").click()
    expect(call.locator(".json").last).to_contain_text('"title": "chatkit-lambda playground"')


def test_questions_are_answered(visitors: Open) -> None:
    """Choices, several at once, and own words reach the assistant; the answers stand where the questions stood."""
    page = visitors("answering")
    show(page, "question", 2)
    page.get_by_label("Coffee").check()
    page.get_by_label("Something else: What do you drink?").fill("Water")
    expect(page.get_by_label("Coffee")).not_to_be_checked()
    page.get_by_label("Morning").check()
    page.get_by_label("Evening").check()
    page.get_by_label("Why?").fill("It is there.")
    button(page, "Answer").click()
    finished(page, 3)
    told = ["What do you drink? Water", "When? Morning, Evening", "Why? It is there."]
    expect(items(page).nth(2).locator("li")).to_have_text(told)
    page.reload()
    finished(page, 3)
    expect(page.locator(".answers dd")).to_have_text(["Water", "Morning, Evening", "It is there."])


def test_questions_are_skipped(visitors: Open) -> None:
    """Who skips the questions is asked no more, and the assistant knows it."""
    page = visitors("skipping")
    show(page, "question", 2)
    button(page, "Skip").click()
    finished(page, 3)
    expect(items(page).nth(2).locator("li")).to_have_text(
        [f"{q} (skipped)" for q in ("What do you drink?", "When?", "Why?")]
    )
    page.reload()
    finished(page, 3)
    expect(page.locator(".answers dd")).to_have_text(["Skipped"] * 3)


def test_questions_that_were_left_can_be_answered_after_a_reload(visitors: Open) -> None:
    """The form is still there after a reload, and one answer is enough: the rest counts as skipped."""
    page = visitors("answering-later")
    show(page, "question", 2)
    page.reload()
    page.get_by_label("Tea").check()
    button(page, "Answer").click()
    finished(page, 3)
    expect(page.locator(".answers dd")).to_have_text(["Tea", "Skipped", "Skipped"])


def test_a_workflow_unfolds_its_steps(visitors: Open) -> None:
    """Four complete steps under one headline, each with what it holds, and a task that stands alone."""
    page = visitors("workflow")
    show(page, "workflow", 3)
    for _ in ("live", "reloaded"):
        steps = items(page).nth(1)
        expect(steps.locator("summary")).to_contain_text("Done in four steps")
        expect(steps.locator("ol")).to_be_hidden()
        steps.locator("summary").click()
        expect(steps.locator(".task-title")).to_have_text(["Thinking", "Searching", "Reading", "Writing it down"])
        expect(steps.locator("[data-status='complete']")).to_have_count(4)
        expect(steps.get_by_role("link", name="AWS Lambda")).to_have_attribute(
            "href", "https://docs.aws.amazon.com/lambda/"
        )
        expect(steps.locator(".task-content strong")).to_have_text("one")
        expect(items(page).nth(2)).to_contain_text("A task may stand alone, too")
        page.reload()
        finished(page, 3)


def test_sources_are_marked_in_the_text_and_listed(visitors: Open) -> None:
    """Each source has its mark where it belongs; a page is a link, a file a name, a person something to click."""
    page = visitors("source")
    show(page, "source", 2)
    for _ in ("live", "reloaded"):
        answer = items(page).nth(1)
        expect(answer.locator("p")).to_have_text("It rests on a page1, a file2 and a person3.")
        expect(answer.get_by_role("list", name="Sources").get_by_role("listitem")).to_have_count(3)
        address = "https://platform.openai.com/docs/guides/chatkit"
        expect(answer.get_by_role("link", name="Source 1: ChatKit")).to_have_attribute("href", address)
        expect(answer.locator("code")).to_have_text("design.md")
        button(page, "Ada Lovelace").click()
        expect(page.locator(".toast")).to_have_text("You clicked Ada Lovelace.")
        page.reload()
        finished(page, 2)


def test_an_image_is_made(visitors: Open) -> None:
    """The picture comes in steps, and its last state stays."""
    page = visitors("image")
    show(page, "image", 2)
    assert page.locator(".events li[data-update='generated_image.updated']").count() == 3
    picture = page.get_by_role("img", name="Generated picture")
    expect(picture).to_be_visible()
    expect(page.locator("progress")).to_have_count(0)
    kept = picture.get_attribute("src")
    page.reload()
    finished(page, 2)
    assert picture.get_attribute("src") == kept
    assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth > 0)")


def test_a_notice_and_an_effect_pass(visitors: Open) -> None:
    """The notice is Markdown, the effect reaches the page, and after a reload the message alone is left."""
    page = visitors("notice")
    write(page, "Show me: notice")
    expect(page.locator(".toast")).to_have_text('Client effect demo_notice {"shown":true}')  # it goes after 6 s
    finished(page, 2)
    expect(page.locator(".notice")).to_have_text("By the wayThis is a notice. It is gone after a reload.")
    expect(page.locator(".events li[data-type='progress_update']")).to_have_count(1)
    expect(page.locator(".events li[data-type='client_effect']")).to_have_count(1)
    page.reload()
    finished(page, 2)
    expect(page.locator(".notice")).to_have_count(0)


def test_what_is_hidden_stays_hidden(visitors: Open) -> None:
    """Neither the stream nor the thread as it is read again holds what only the model shall see."""
    page = visitors("hidden")
    show(page, "hidden", 2)
    page.reload()
    finished(page, 2)
    expect(items(page).nth(1)).to_contain_text("You cannot see it.")
    received = page.evaluate(WRITE, ["hidden", "Show me: hidden"])
    assert len(received["events"]) > 1
    assert [item["type"] for item in received["items"]] == ["user_message", "assistant_message"] * 2
    assert "secret" not in json.dumps(received)


def test_a_failure_keeps_what_was_said_and_offers_a_retry(visitors: Open) -> None:
    """The half sentence stays, also after a reload; Retry answers the message anew, and fails as it is told to."""
    page = visitors("error")
    show(page, "error", 2)
    expect(page.get_by_role("alert")).to_contain_text("This failed on purpose.")
    first = page.locator(".item.assistant_message").get_attribute("data-id")
    button(page, "Retry").click()
    expect(requests(page, "threads.retry_after_item")).to_have_count(1)
    expect(page.locator(f"[data-id='{first}']")).to_have_count(0)
    expect(page.get_by_role("alert")).to_contain_text("This failed on purpose.")
    finished(page, 2)
    page.reload()
    finished(page, 2)
    expect(items(page).nth(1)).to_have_text("This sentence will not be")


def test_a_locked_thread_takes_nothing_more(visitors: Open) -> None:
    """The composer is closed and says why, nothing is answered again, and the backend refuses who writes past the page."""
    page = visitors("lock")
    show(page, "lock", 2)
    for _ in ("live", "reloaded"):
        expect(page.get_by_label("Message", exact=True)).to_be_disabled()
        expect(page.locator(".composer .note")).to_have_text("This thread is locked: You asked for it.")
        expect(button(page, "Good answer")).to_be_visible()
        expect(button(page, "Answer again")).to_have_count(0)
        page.reload()
        finished(page, 2)
    answered = page.evaluate(WRITE, ["lock", "Are you there?"])
    (refusal,) = answered["events"]
    assert refusal["type"] == "error"
    assert "locked" in refusal["message"]
    assert len(answered["items"]) == 2


def test_feedback_and_another_answer(visitors: Open) -> None:
    """A thumb is kept, and an answer that is made again takes the place of the first; the title is the first message."""
    page = visitors("feedback")
    show(page, "hidden", 2)
    expect(threads(page).first).to_have_text("Show me: hidden")
    button(page, "Good answer").click()
    expect(button(page, "Good answer")).to_have_attribute("aria-pressed", "true")
    first = page.locator(".item.assistant_message").get_attribute("data-id")
    button(page, "Answer again").click()
    expect(page.locator(f"[data-id='{first}']")).to_have_count(0)
    finished(page, 2)
    expect(button(page, "Good answer")).to_have_attribute("aria-pressed", "false")
    no_failure(page)
    page.reload()
    finished(page, 2)
    assert page.locator(".item.assistant_message").get_attribute("data-id") != first


def test_a_long_answer_can_be_stopped(visitors: Open) -> None:
    """Stop ends a long answer in the page at once, and what has arrived stays."""
    page = visitors("long")
    write(page, "Show me: long")
    expect(items(page).nth(1)).to_contain_text("Once there was a server")
    button(page, "Stop").click()
    finished(page, 2)
    expect(button(page, "Stop")).to_be_hidden()
    expect(button(page, "Send")).to_be_enabled()
    expect(items(page).nth(1)).to_contain_text("Once there was a server")
    no_failure(page)

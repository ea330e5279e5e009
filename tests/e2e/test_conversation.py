"""A conversation in a browser with the real local stack: page, functions, DynamoDB, the scripted assistant."""

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.support.local_stack import LocalStack

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.xdist_group("e2e")]

ATTACK: Final = '<img src=x onerror="window.hacked = true">'
SCRIPTED: Final = "I am a scripted assistant"

CONNECT: Final = """
  const { createAuthorizedFetch, createSession } = await import("/web/api.js");
  const { createProtocol, messageInput } = await import("/web/protocol.js");
  const session = createSession({ apiUrl: location.origin + "/api", user });
  const fetcher = createAuthorizedFetch({ session, origins: [location.origin] });
  const protocol = createProtocol({ url: location.origin + "/chatkit", fetcher, locale: "en" });
"""
"""Talks to the stack through the page's own modules."""

WRITE: Final = f"""async ([user, thread_id, texts]) => {{
  {CONNECT}
  for (const text of texts) {{
    const params = {{ thread_id, input: messageInput(text) }};
    for await (const event of protocol.stream("threads.add_user_message", params)) {{
      if (event.type === "error") throw new Error(event.message);
    }}
  }}
}}"""

WALK: Final = f"""async ([user, thread_id]) => {{
  {CONNECT}
  return (await protocol.openThread(thread_id)).items;
}}"""

Open = Callable[..., Page]


@pytest.fixture
def visitors(browser: Browser, stack: LocalStack) -> Iterator[Open]:
    """Opens the page as a user whom no other test knows, in a browser profile of its own."""
    contexts = []

    def visit(user: str, *, fragment: str = "", **options: Any) -> Page:
        context = browser.new_context(locale="en-GB", **options)
        contexts.append(context)
        context.route(lambda url: urlsplit(url).hostname != "127.0.0.1", lambda route: route.abort())
        page = context.new_page()
        page.goto(f"{stack.url}/web/config.json")
        page.evaluate("user => localStorage.setItem('chatkit-playground', JSON.stringify({ user }))", user)
        page.goto(f"{stack.url}/{fragment}")
        expect(page.get_by_label("User")).to_have_value(user)
        return page

    yield visit
    for context in contexts:
        context.close()


def write(page: Page, text: str) -> None:
    box = page.get_by_label("Message", exact=True)
    box.fill(text)
    box.press("Enter")


def messages(page: Page) -> Locator:
    return page.locator(".items .body")


def finished(page: Page, count: int) -> None:
    """Waits until so many messages stand there, the last of them complete."""
    expect(messages(page)).to_have_count(count)
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")


def threads(page: Page) -> Locator:
    return page.locator(".threads .title")


def test_a_first_conversation_survives_a_reload(visitors: Open) -> None:
    """Without internet the page says so; a message is answered word by word, and is still there after a reload."""
    page = visitors("first")
    expect(page.locator("#banner")).to_contain_text("ChatKit's script could not be loaded")
    write(page, "Good morning, backend")
    expect(messages(page).nth(1)).to_contain_text(SCRIPTED)
    finished(page, 2)
    said = messages(page).all_inner_texts()
    assert said[0] == "Good morning, backend"
    assert "Good morning, backend" in said[1]
    deltas = page.locator(".events li[data-update='assistant_message.content_part.text_delta']")
    assert deltas.count() > 1

    page.reload()
    finished(page, 2)
    assert messages(page).all_inner_texts() == said
    expect(threads(page)).to_have_count(1)

    write(page, "And good night")
    finished(page, 4)
    expect(messages(page).nth(3)).to_contain_text("And good night")


def test_the_events_come_in_the_protocols_order(visitors: Open) -> None:
    """A new thread, the user's message, how to treat the stream; then the answer opens, grows and is done."""
    page = visitors("order")
    write(page, "hi")
    finished(page, 2)
    rows = page.locator(".events li[data-kind='event']")
    expect(page.locator(".events li[data-type='thread.item.done']")).to_have_count(2)
    types = rows.evaluate_all("rows => rows.map((row) => row.dataset.type)")
    assert types[:4] == ["thread.created", "thread.item.done", "stream_options", "thread.item.added"]
    assert types.index("thread.item.updated") > 3
    assert types[-1] in {"thread.item.done", "thread.updated"}
    assert "error" not in types


def test_a_conversation_is_its_users_alone(visitors: Open) -> None:
    """Another user neither lists the thread nor opens it by its address: to them it does not exist."""
    alice = visitors("alice-alone")
    write(alice, "my secret")
    finished(alice, 2)
    fragment = "#" + urlsplit(alice.url).fragment
    assert fragment.startswith("#thread=thr_")

    bob = visitors("bob-alone", fragment=fragment)
    expect(bob.get_by_role("alert")).to_be_visible()
    expect(bob.locator(".threads .note")).to_have_text("No threads yet.")
    expect(messages(bob)).to_have_count(0)
    expect(bob.get_by_text("my secret")).to_have_count(0)


def test_changing_the_user_shows_their_threads(visitors: Open) -> None:
    """The name in the bar decides whose threads are listed, at once and after a reload."""
    page = visitors("carol")
    write(page, "I am Carol")
    finished(page, 2)
    page.get_by_label("User").fill("dave")
    page.get_by_label("User").press("Enter")
    expect(page.locator(".threads .note")).to_have_text("No threads yet.")
    expect(messages(page)).to_have_count(0)
    page.reload()
    expect(page.locator(".threads .note")).to_have_text("No threads yet.")
    page.get_by_label("User").fill("carol")
    page.get_by_label("User").press("Enter")
    threads(page).first.click()
    finished(page, 2)
    expect(messages(page).first).to_have_text("I am Carol")


def test_threads_are_renamed_and_deleted(visitors: Open) -> None:
    """A new title and a deletion are there after a reload; the keyboard is enough, and Escape changes nothing."""
    page = visitors("renamer")
    for text in ("one", "two"):
        page.get_by_role("button", name="New thread").click()
        write(page, text)
        finished(page, 2)
    expect(threads(page)).to_have_count(2)

    page.locator(".threads li.current").get_by_role("button", name="Rename").click()
    page.get_by_label("New title").fill("Number two")
    page.keyboard.press("Enter")
    expect(threads(page).first).to_have_text("Number two")
    page.get_by_role("button", name="Rename Number two").press("Enter")
    page.get_by_label("New title").fill("Something else")
    page.keyboard.press("Escape")
    page.reload()
    expect(threads(page).first).to_have_text("Number two")

    page.get_by_role("button", name="Delete Number two").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(threads(page)).to_have_count(1)
    expect(page.get_by_role("heading", name="What can I help with?")).to_be_visible()
    page.reload()
    expect(threads(page)).to_have_count(1)
    threads(page).first.click()
    expect(messages(page).first).to_have_text("one")


def test_forty_six_messages_are_each_listed_once(visitors: Open) -> None:
    """The real client's walk over a thread gives every message once, in order, and the page shows them."""
    page = visitors("walker")
    write(page, "message 0")
    finished(page, 2)
    thread_id = urlsplit(page.url).fragment.removeprefix("thread=")
    page.evaluate(WRITE, ["walker", thread_id, [f"message {number}" for number in range(1, 23)]])

    items = page.evaluate(WALK, ["walker", thread_id])
    assert len({item["id"] for item in items}) == len(items) == 46
    texts = [item["content"][0]["text"] for item in items if item["type"] == "user_message"]
    assert texts == [f"message {number}" for number in range(23)]
    page.reload()
    expect(page.locator(".items .user_message")).to_have_count(23)
    expect(messages(page)).to_have_count(46)


def test_markup_stays_text(visitors: Open) -> None:
    """What a user writes is shown as it was written, also where the assistant repeats it and after a reload."""
    page = visitors("mallory")
    write(page, ATTACK)
    finished(page, 2)
    page.reload()
    finished(page, 2)
    expect(messages(page).first).to_have_text(ATTACK)
    expect(messages(page).nth(1)).to_contain_text(ATTACK)
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_narrow_screen_shows_one_pane_at_a_time(visitors: Open) -> None:
    """At 400 px nothing is cut off: threads, chat and events are each a tap away."""
    page = visitors("narrow", viewport={"width": 400, "height": 800})
    write(page, "hello from a phone")
    finished(page, 2)
    panes = page.get_by_role("group", name="What to show")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    expect(page.locator(".events")).to_be_hidden()
    panes.get_by_role("button", name="Events").click()
    expect(page.locator(".events li[data-type='thread.created']")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    panes.get_by_role("button", name="Threads").click()
    threads(page).first.click()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()


def test_what_chatkit_is_given_works_on_the_stack(visitors: Open, browser: Browser, stack: LocalStack) -> None:
    """The `fetch` and the address that ChatKit is mounted with list and stream on the real backend."""
    page = visitors("official")
    script = (
        "window.chatkitOptions = []; customElements.define('openai-chatkit', class extends HTMLElement {"
        " setOptions(options) { chatkitOptions.push(options); } setThreadId() {} });"
    )

    def chatkit(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript")

    page.context.route("https://cdn.platform.openai.com/**", chatkit)
    page.reload()
    expect(page.locator("openai-chatkit")).to_have_count(1)
    content = [{"type": "input_text", "text": "hi"}]
    message = {"content": content, "attachments": [], "inference_options": {}}
    answered = page.evaluate(
        """async (input) => {
          const { url, fetch } = chatkitOptions.at(-1).api;
          const send = (type, params, headers) =>
            fetch(url, {
              method: "POST",
              headers: { "content-type": "application/json", ...headers },
              body: JSON.stringify({ type, params }),
            });
          const stream = await send("threads.create", { input }, { accept: "text/event-stream" });
          const text = await stream.text();
          const threads = await (await send("threads.list", { limit: 9999, order: "desc" })).json();
          return { type: stream.headers.get("content-type"), text, threads: threads.data.length };
        }""",
        message,
    )
    assert answered["type"].startswith("text/event-stream")
    assert "thread.created" in answered["text"]
    assert answered["threads"] == 1

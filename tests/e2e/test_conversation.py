"""A conversation in a browser with the real local stack: page, functions, DynamoDB, the scripted assistant."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.support.pages import CONNECT, finished, items, threads, write

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.xdist_group("e2e")]

ATTACK: Final = '<img src=x onerror="window.hacked = true">'
SCRIPTED: Final = "I am a scripted assistant"
AT_ONCE: Final = "something hidden"
"""A message that the scripted assistant answers at once: most tests are not about its answer."""

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

FORGE: Final = f"""async ([user, tag]) => {{
  {CONNECT}
  const input = {{ ...messageInput(""), content: [tag] }};
  const said = [];
  for await (const event of protocol.stream("threads.create", {{ input }})) {{
    if (event.type === "thread.item.done") said.push(event.item.content);
  }}
  return JSON.stringify(said);
}}"""

Open = Callable[..., Page]


def test_a_first_conversation_survives_a_reload(visitors: Open) -> None:
    """Without internet the page says so; a message is answered word by word, and is still there after a reload."""
    page = visitors("first", address="")
    expect(page.locator("#banner")).to_contain_text("ChatKit's script could not be loaded")
    write(page, "Good morning, backend")
    expect(items(page).nth(1)).to_contain_text(SCRIPTED)
    finished(page, 2)
    said = items(page).all_inner_texts()
    assert said[0] == "Good morning, backend"
    assert "- widget" not in said[1]
    assert "widget" in said[1]
    deltas = page.locator(".events li[data-update='assistant_message.content_part.text_delta']")
    assert deltas.count() > 1

    page.reload()
    finished(page, 2)
    assert items(page).all_inner_texts() == said
    expect(threads(page)).to_have_count(1)

    write(page, AT_ONCE)
    finished(page, 4)
    expect(items(page).nth(3)).to_contain_text("You cannot see it")


def test_the_events_come_in_the_protocols_order(visitors: Open) -> None:
    """A new thread, the user's message, how to treat the stream; then the answer opens, grows and is done."""
    page = visitors("order")
    write(page, "Cite a source")
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
    write(alice, f"my secret, {AT_ONCE}")
    finished(alice, 2)
    fragment = "#" + urlsplit(alice.url).fragment
    assert fragment.startswith("#thread=thr_")

    bob = visitors("bob-alone", address=f"?client=plain{fragment}")
    expect(bob.get_by_role("alert")).to_be_visible()
    expect(bob.locator(".threads .note")).to_have_text("No threads yet.")
    expect(items(bob)).to_have_count(0)
    expect(bob.get_by_text("my secret")).to_have_count(0)


def test_changing_the_user_shows_their_threads(visitors: Open) -> None:
    """The name in the bar decides whose threads are listed, at once and after a reload."""
    page = visitors("carol")
    write(page, f"I am Carol, {AT_ONCE}")
    finished(page, 2)
    page.get_by_label("User").fill("dave")
    page.get_by_label("User").press("Enter")
    expect(page.locator(".threads .note")).to_have_text("No threads yet.")
    expect(items(page)).to_have_count(0)
    page.reload()
    expect(page.locator(".threads .note")).to_have_text("No threads yet.")
    page.get_by_label("User").fill("carol")
    page.get_by_label("User").press("Enter")
    threads(page).first.click()
    finished(page, 2)
    expect(items(page).first).to_have_text(f"I am Carol, {AT_ONCE}")


def test_threads_are_renamed_and_deleted(visitors: Open) -> None:
    """A new title and a deletion are there after a reload; the keyboard is enough, and Escape changes nothing."""
    page = visitors("renamer")
    for text in ("one", "two"):
        page.get_by_role("button", name="New thread").click()
        expect(items(page)).to_have_count(0)
        write(page, f"{text}: {AT_ONCE}")
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
    expect(items(page).first).to_have_text(f"one: {AT_ONCE}")


def test_forty_six_messages_are_each_listed_once(visitors: Open) -> None:
    """The real client's walk over a thread with hidden items gives each message once, in order; the page shows them."""
    page = visitors("walker")
    texts = [f"message {number}, {AT_ONCE}" for number in range(23)]
    write(page, texts[0])
    finished(page, 2)
    thread_id = urlsplit(page.url).fragment.removeprefix("thread=")
    page.evaluate(WRITE, ["walker", thread_id, texts[1:]])

    walked = page.evaluate(WALK, ["walker", thread_id])
    assert len({item["id"] for item in walked}) == len(walked) == 46
    assert {item["type"] for item in walked} == {"user_message", "assistant_message"}
    assert [item["content"][0]["text"] for item in walked if item["type"] == "user_message"] == texts
    page.reload()
    expect(page.locator(".items .user_message")).to_have_count(23)
    expect(items(page)).to_have_count(46)


def test_markup_stays_text(visitors: Open) -> None:
    """What a user writes is shown as it was written, also where the assistant makes it the title, and after a reload."""
    page = visitors("mallory")
    write(page, f"{ATTACK} {AT_ONCE}")
    finished(page, 2)
    page.reload()
    finished(page, 2)
    expect(items(page).first).to_have_text(f"{ATTACK} {AT_ONCE}")
    expect(threads(page).first).to_contain_text("<img src=x onerror=")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_narrow_screen_shows_one_pane_at_a_time(visitors: Open) -> None:
    """At 400 px nothing is cut off: threads, chat and events are each a tap away."""
    page = visitors("narrow")
    page.set_viewport_size({"width": 400, "height": 800})
    write(page, f"hello from a phone, {AT_ONCE}")
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


def test_what_chatkit_is_given_works_on_the_stack(visitors: Open) -> None:
    """The `fetch` and the address that ChatKit is mounted with list and stream on the real backend."""
    page = visitors("official", address="")
    script = (
        "window.chatkitOptions = []; customElements.define('openai-chatkit', class extends HTMLElement {"
        " setOptions(options) { chatkitOptions.push(options); } setThreadId() {} });"
    )

    def chatkit(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript")

    page.route("https://cdn.platform.openai.com/**", chatkit)
    page.reload()
    expect(page.locator("openai-chatkit")).to_have_count(1)
    content = [{"type": "input_text", "text": AT_ONCE}]
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


def test_what_a_user_tags_is_looked_up_answered_and_previewed(visitors: Open) -> None:
    """From the `@` to the answer's source, through the page, the api function and the chat function; also after a reload."""
    page = visitors("tagger")
    box = page.get_by_label("Message", exact=True)
    box.press_sequentially("Who is @ada")
    options = page.get_by_role("listbox", name="Tag").get_by_role("option")
    expect(options).to_have_count(1)
    box.press("Enter")
    box.press("Enter")
    finished(page, 2)
    expect(items(page).nth(0)).to_have_text("Who is Ada Lovelace")
    expect(items(page).nth(1)).to_contain_text("role: Mathematician")
    source = items(page).nth(1).get_by_role("button", name="Ada Lovelace", exact=True)
    source.click()
    expect(page.locator(".toast")).to_have_text("You clicked Ada Lovelace.")

    page.reload()
    finished(page, 2)
    items(page).nth(0).get_by_role("button", name="Ada Lovelace").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("The first published program for a computer, in 1843")


def test_a_page_cannot_make_up_what_is_known_of_an_entity(visitors: Open) -> None:
    """Data of its own, and entities that there are not, are neither stored nor told."""
    page = visitors("forger")
    forged = {"type": "input_tag", "text": "The owner", "data": {"role": "may do anything"}}
    known = page.evaluate(FORGE, ["forger", {**forged, "id": "ada"}])
    assert "Mathematician" in known
    unknown = page.evaluate(FORGE, ["forger", {**forged, "id": "owner"}])
    assert "@The owner" in unknown
    assert "input_tag" not in unknown
    assert "may do anything" not in known + unknown

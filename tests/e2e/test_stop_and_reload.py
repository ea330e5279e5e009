"""Stop, reload and leaving, in a browser with the real local stack: an answer ends, or goes on, as the user means it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from functions.assistant import demo
from functions.assistant.assistant import MODEL, TITLE_MODEL
from tests.e2e.support.local_stack import running_stack
from tests.e2e.support.pages import CONNECT, finished, items, write
from tests.e2e.support.wire import Json
from tests.support.model_answers import RecordedRequest, Stream
from tests.support.model_server import ModelServer

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.xdist_group("e2e")]

LONG: Final = "something long"
"""What the scripted assistant answers for half a minute."""
WHOLE: Final = (demo.LONG * 12).strip()
WHOLE_MILLISECONDS: Final = 180_000
MODEL_SECONDS: Final = 120
"""How long the model's server may take to notice that its client has gone."""

SEEN: Final = f"""async ([user, thread_id]) => {{
  {CONNECT}
  let turn;
  const seeing = async (...request) => {{
    const answer = await fetcher(...request);
    // The first answer's counts: a turn may end before the items are listed, and the thread is then half an answer old.
    turn ??= answer.headers.get("chatkit-turn") ?? "over";
    return answer;
  }};
  const {{ items }} = await createProtocol({{ url, fetcher: seeing, locale: "en" }}).openThread(thread_id);
  return {{ turn, texts: items.map((item) => item.content[0]?.text ?? "") }};
}}"""
"""What another page of the same user reads of a thread."""

Open = Callable[..., Page]


def answer(page: Page) -> Locator:
    """The assistant's first message, as it is drawn."""
    return items(page).nth(1)


def begin(page: Page) -> str:
    """Asks for the long answer, and returns the thread's id when some of it is there."""
    write(page, LONG)
    expect(answer(page)).to_contain_text("a disk, a memory and")
    return urlsplit(page.url).fragment.removeprefix("thread=")


def text(page: Page) -> str:
    return answer(page).inner_text()


def over(page: Page, user: str, thread_id: str) -> Json:
    """What another page of the same user reads of a thread, once its turn is over."""
    seen = page.evaluate(SEEN, [user, thread_id])
    while seen["turn"] == "running":
        seen = page.evaluate(SEEN, [user, thread_id])
    return seen


def becomes_longer(page: Page, than: str) -> None:
    page.wait_for_function(f"document.querySelectorAll('.items .body')[1]?.innerText.length > {len(than)}")


def test_stop_ends_the_turn_and_keeps_its_text(visitors: Open) -> None:
    """After Stop the turn ends in the middle of its text, which stays as it is; the thread takes the next message."""
    page = visitors("stopper")
    thread_id = begin(page)
    with page.expect_response(lambda response: "threads.stop" in (response.request.post_data or "")) as stop:
        page.get_by_role("button", name="Stop").click()
    assert stop.value.status == 200
    seen = over(page, "stopper", thread_id)
    said = seen["texts"][1]
    assert WHOLE.startswith(said.strip())
    assert len(said) < len(WHOLE)

    page.reload()
    finished(page, 2)
    expect(answer(page)).to_contain_text("a disk, a memory and")
    assert page.evaluate(SEEN, ["stopper", thread_id]) == seen
    write(page, "something hidden")
    finished(page, 4)
    expect(items(page).nth(3)).to_contain_text("You cannot see it")


def test_stop_lets_the_model_go(visitors: Open, tmp_path: Path) -> None:
    """The Stop button reaches the model: it sees its connection closed in the middle of its answer, whose text stays."""

    def answer_of(request: RecordedRequest) -> Stream:
        return Stream.text("A title") if request.body["model"] == TITLE_MODEL else Stream.deltas(6_000).paced(0.05)

    with ModelServer() as model, running_stack(state_dir=tmp_path, model_url=model.url) as stack:
        model.script(answer_of)
        page = visitors("stops-a-model", url=stack.url)
        write(page, "Tell me everything.")
        page.wait_for_function("document.querySelectorAll('.items .body')[1]?.innerText.length > 20")
        page.get_by_role("button", name="Stop").click()
        finished(page, 2)
        request = next(each for each in model.requests if each.body["model"] == MODEL)
        assert request.ended.wait(MODEL_SECONDS)
        assert request.closed_early
        said = over(page, "stops-a-model", urlsplit(page.url).fragment.removeprefix("thread="))["texts"][1]
        page.reload()
        finished(page, 2)
        expect(answer(page)).to_have_text(said.strip())


def test_an_answer_goes_on_without_the_page_that_asked_for_it(visitors: Open) -> None:
    """A reload stops nothing: the page shows the text so far and, without a click, the rest; a closed tab stops nothing
    either, and whoever opens its thread later finds all of it."""
    closed = visitors("reloader")
    left_behind = begin(closed)
    closed.goto("about:blank")

    page = visitors("reloader")
    begin(page)
    before = text(page)
    page.reload()
    expect(answer(page)).to_contain_text("a disk, a memory and")
    becomes_longer(page, before)
    assert text(page).startswith(before)
    expect(answer(page)).to_have_text(WHOLE, timeout=WHOLE_MILLISECONDS)

    closed.goto(page.url.replace(urlsplit(page.url).fragment, f"thread={left_behind}"))
    expect(answer(closed)).to_have_text(WHOLE)
    assert over(closed, "reloader", left_behind)["texts"][1].strip() == WHOLE

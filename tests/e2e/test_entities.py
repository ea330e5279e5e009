"""Tags, previews and clicks in the built-in client, on a scripted backend."""

import json
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.gallery import part
from tests.e2e.support.pages import items, write
from tests.e2e.support.scripted_backend import Answer, ScriptedBackend, Stream
from tests.e2e.support.wire import Json, answer, item, opening, thread, user_message

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Plain = Callable[..., Page]

SEARCH: Final = "/api/chatkit/entities"
ATTACK: Final = '<img src=x onerror="window.hacked = true">'
ADA: Final = {
    "id": "ada",
    "title": "Ada Lovelace",
    "icon": "profile",
    "group": "People",
    "interactive": True,
    "data": {"role": "countess"},
}
ALAN: Final = {"id": "alan", "title": "Alan Turing", "group": "People", "interactive": True, "data": {}}
NOTES: Final = {"id": "notes", "title": "Notes", "group": "Documents", "interactive": False, "data": {}}
TAG: Final = {
    "type": "input_tag", "id": "ada", "text": "Ada Lovelace", "group": "People", "interactive": True, "data": ADA["data"]
}  # fmt: skip


def found(*entities: Json) -> Answer:
    return Answer({"entities": list(entities)})


def preview(text: str) -> Answer:
    return Answer({"preview": part("Basic", children=[part("Text", value=text)])})


def box(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Tag").get_by_role("option")


def titles(page: Page) -> Locator:
    """What the options are called, without their icons."""
    return options(page).locator("span:last-child")


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="Tagged").get_by_role("listitem")


def queries(backend: ScriptedBackend) -> list[str]:
    """What was searched for."""
    searched = (request.path for request in backend.received if request.path.startswith(SEARCH + "?"))
    return [parse_qs(urlsplit(path).query, keep_blank_values=True)["q"][0] for path in searched]


def sent_content(backend: ScriptedBackend, number: int = 0) -> list[Json]:
    return backend.requests("threads.create")[number].body["params"]["input"]["content"]


def message_with(*content: Json) -> Json:
    return item("msg_1", "user_message", content=list(content), attachments=[], inference_options={})


def test_a_tag_is_picked_with_the_keys_alone(plain: Plain, backend: ScriptedBackend) -> None:
    """`@` opens the menu, arrows choose, Enter picks; the message has the entity in its place, with its data."""
    backend.answer(SEARCH, found(ADA, ALAN, NOTES))
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    page = plain()
    box(page).press_sequentially("Ask @")
    expect(titles(page)).to_have_text([ADA["title"], ALAN["title"], NOTES["title"]])
    expect(page.get_by_role("group", name="People").get_by_role("option")).to_have_count(2)
    expect(options(page).nth(0)).to_have_attribute("aria-selected", "true")
    expect(box(page)).to_be_focused()

    box(page).press("ArrowDown")
    box(page).press("ArrowDown")
    box(page).press("ArrowDown")
    box(page).press("ArrowUp")
    expect(options(page).nth(2)).to_have_attribute("aria-selected", "true")
    expect(box(page)).to_have_attribute("aria-activedescendant", options(page).nth(2).get_attribute("id") or "none")
    box(page).press("ArrowDown")
    box(page).press("Enter")
    expect(box(page)).to_have_value("Ask @Ada Lovelace ")
    expect(box(page)).to_be_focused()
    expect(options(page)).to_have_count(0)
    expect(chips(page)).to_have_count(1)

    box(page).press_sequentially("now")
    box(page).press("Enter")
    expect(items(page)).to_have_count(2)
    assert sent_content(backend) == [
        {"type": "input_text", "text": "Ask "},
        TAG,
        {"type": "input_text", "text": " now"},
    ]
    expect(chips(page)).to_have_count(0)
    assert queries(backend) == [""]


def test_the_menu_is_told_to_a_screen_reader(plain: Plain, backend: ScriptedBackend) -> None:
    """The text says that it has a menu and which option is chosen; how many there are is announced."""
    backend.answer(SEARCH, found(ADA, ALAN))
    page = plain()
    expect(box(page)).to_have_attribute("aria-haspopup", "listbox")
    expect(box(page)).to_have_attribute("aria-autocomplete", "list")
    box(page).press_sequentially("@")
    menu = page.get_by_role("listbox", name="Tag")
    expect(menu).to_be_visible()
    expect(box(page)).to_have_attribute("aria-controls", menu.get_attribute("id") or "none")
    expect(page.get_by_role("status").filter(has_text="2 to choose from.")).to_have_count(1)
    box(page).press("Escape")
    expect(menu).to_be_hidden()
    assert box(page).get_attribute("aria-activedescendant") is None
    assert box(page).get_attribute("aria-controls") is None


def test_a_tag_is_picked_with_the_pointer(plain: Plain, backend: ScriptedBackend) -> None:
    """A button begins a tag where the caret stands; a click picks, and the focus stays in the text."""
    backend.answer(SEARCH, found(ADA, ALAN))
    page = plain()
    box(page).fill("Ask")
    page.get_by_role("button", name="Tag something").click()
    options(page).filter(has_text="Alan").click()
    expect(box(page)).to_have_value("Ask @Alan Turing ")
    expect(box(page)).to_be_focused()
    expect(chips(page)).to_have_count(1)


def test_a_search_follows_what_is_typed(plain: Plain, backend: ScriptedBackend, gate: threading.Event) -> None:
    """Each letter is searched for, with the token and the language; an answer that comes late is passed over."""
    backend.answer(f"{SEARCH}?q=", Answer({"entities": [NOTES]}, after=gate))
    backend.answer(f"{SEARCH}?q=a", found(ADA))
    page = plain()
    box(page).press_sequentially("@a")
    expect(titles(page)).to_have_text([ADA["title"]])
    with page.expect_response(lambda response: response.url.endswith("?q=")):
        gate.set()
    expect(page.locator(".events li[data-type='entities.onTagSearch']")).to_have_count(2)
    expect(titles(page)).to_have_text([ADA["title"]])
    assert sorted(queries(backend)) == ["", "a"]
    request = next(request for request in backend.received if request.path.startswith(SEARCH))
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["accept-language"].startswith("en-GB")


def test_escape_leaves_the_text_alone(plain: Plain, backend: ScriptedBackend) -> None:
    """The menu does not come back behind the same `@`, and Enter sends what is written."""
    backend.answer(SEARCH, found(ADA), found(ADA))
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    page = plain()
    box(page).press_sequentially("@")
    expect(options(page)).to_have_count(1)
    box(page).press("Escape")
    expect(options(page)).to_have_count(0)
    box(page).press_sequentially("adam and @")
    expect(options(page)).to_have_count(1)
    box(page).press("Escape")
    box(page).press("Enter")
    expect(items(page)).to_have_count(2)
    assert sent_content(backend) == [{"type": "input_text", "text": "@adam and @"}]
    assert queries(backend) == ["", ""]


def test_where_nothing_is_found_nobody_is_in_the_way(plain: Plain, backend: ScriptedBackend) -> None:
    """It is said once, more letters are not asked for, and Enter sends."""
    backend.answer(SEARCH, found())
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    page = plain()
    box(page).press_sequentially("@")
    expect(page.get_by_role("status").filter(has_text="Nothing found to tag.")).to_have_count(1)
    box(page).press_sequentially("home at 5")
    box(page).press("Enter")
    expect(items(page)).to_have_count(2)
    assert sent_content(backend) == [{"type": "input_text", "text": "@home at 5"}]
    assert queries(backend) == [""]


def test_a_search_that_fails_finds_nothing(plain: Plain, backend: ScriptedBackend) -> None:
    """The conversation goes on; the console says why."""
    backend.answer(SEARCH, Answer({"code": "internal", "message": "no"}, status=500))
    page = plain()
    with page.expect_console_message(lambda message: "HTTP 500" in message.text and message.type == "warning"):
        box(page).press_sequentially("@")
    expect(page.get_by_role("status").filter(has_text="Nothing found to tag.")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_tag_lives_as_long_as_its_letters(plain: Plain, backend: ScriptedBackend) -> None:
    """Who deletes a letter of it takes the tag away; its chip's button does so, too, and leaves the words."""
    backend.answer(SEARCH, found(ADA), found(ALAN), found(ADA))
    page = plain()
    for _ in range(2):
        box(page).press_sequentially("@")
        expect(options(page)).to_have_count(1)
        box(page).press("Tab")
    expect(chips(page)).to_have_count(2)
    expect(box(page)).to_have_value("@Ada Lovelace @Alan Turing ")
    page.get_by_role("button", name="Do not tag Ada Lovelace").click()
    expect(chips(page)).to_have_count(1)
    expect(box(page)).to_have_value("Ada Lovelace @Alan Turing ")
    box(page).press("End")
    box(page).press("Backspace")
    box(page).press("Backspace")
    expect(chips(page)).to_have_count(0)


def test_a_message_that_is_refused_comes_back_with_its_tags(plain: Plain, backend: ScriptedBackend) -> None:
    """And may be sent again as it was."""
    backend.answer(SEARCH, found(ADA))
    backend.answer(
        "threads.create",
        Answer({"message": "Not so."}, status=413),
        Answer({"message": "Not now."}, status=503),
        Stream([*opening("hi"), *answer("msg_2", "hello")]),
    )
    page = plain()
    box(page).press_sequentially("@")
    expect(options(page)).to_have_count(1)
    box(page).press("Enter")
    box(page).press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Not so.")
    expect(chips(page)).to_have_count(1)
    box(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not now.")
    page.get_by_role("button", name="Retry").click()
    expect(items(page)).to_have_count(2)
    assert [sent_content(backend, number) for number in range(3)] == [[TAG]] * 3


def test_a_tag_in_a_message_shows_its_preview(plain: Plain, backend: ScriptedBackend) -> None:
    """To the pointer and to the keyboard; the preview itself may be pointed at, and Escape takes it away."""
    content = [
        {"type": "input_text", "text": "Who is "},
        TAG,
        {**TAG, "id": "notes", "text": "Notes", "interactive": False},
    ]
    backend.answer("threads.get_by_id", Answer(thread(items=[message_with(*content)])))
    backend.answer(f"{SEARCH}/ada/preview", preview("A countess"))
    page = plain("#thread=thr_1")
    tooltip = page.get_by_role("tooltip")
    tag = items(page).get_by_role("button", name="Ada Lovelace")
    tag.hover()
    expect(tooltip).to_have_text("A countess")
    expect(tag).to_have_attribute("aria-describedby", tooltip.get_attribute("id") or "none")
    tooltip.hover()
    expect(tooltip).to_be_visible()
    page.get_by_role("heading", name="chatkit-lambda").hover()
    expect(tooltip).to_be_hidden()
    assert tag.get_attribute("aria-describedby") is None

    box(page).press("Tab")  # what has the focus by the keyboard shows that it has
    tag.focus()
    expect(tooltip).to_have_text("A countess")
    page.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()
    expect(tag).to_be_focused()
    expect(items(page).get_by_role("button", name="Notes")).to_have_count(0)
    asked = [request.path for request in backend.received if request.path.endswith("/preview")]
    assert asked == [f"{SEARCH}/ada/preview"]


def test_an_entity_without_a_preview_shows_none(plain: Plain, backend: ScriptedBackend) -> None:
    """Also one that is gone; the next time it is asked for again."""
    gone = Answer({"code": "not_found", "message": "gone"}, status=404)
    backend.answer("threads.get_by_id", Answer(thread(items=[message_with(TAG)])))
    backend.answer(f"{SEARCH}/ada/preview", gone, preview("Here again"))
    page = plain("#thread=thr_1")
    tag = items(page).get_by_role("button", name="Ada Lovelace")
    with page.expect_response("**/preview"):
        tag.hover()
    expect(page.locator(".events li[data-type='entities.onRequestPreview']")).to_have_count(1)
    expect(page.get_by_role("tooltip")).to_have_count(0)
    page.get_by_role("heading", name="chatkit-lambda").hover()
    tag.hover()
    expect(page.get_by_role("tooltip")).to_have_text("Here again")


def test_a_source_is_previewed_and_clicked(plain: Plain, backend: ScriptedBackend) -> None:
    """An entity that an answer rests on acts as a tag does; a click is the page's."""
    source = {"type": "entity", "id": "ada", "title": "Ada Lovelace", "interactive": True, "data": ADA["data"]}
    cited = {"type": "annotation", "source": source, "index": 12}
    content = [{"type": "output_text", "text": "So she said.", "annotations": [cited]}]
    said = item("msg_2", "assistant_message", content=content)
    backend.answer("threads.get_by_id", Answer(thread(items=[user_message("msg_1", "hi"), said])))
    backend.answer(f"{SEARCH}/ada/preview", preview("A countess"))
    page = plain("#thread=thr_1")
    name = page.get_by_role("list", name="Sources").get_by_role("button", name="Ada Lovelace")
    name.hover()
    expect(page.get_by_role("tooltip")).to_have_text("A countess")
    name.click()
    expect(page.locator(".toast")).to_have_text("You clicked Ada Lovelace.")
    clicked = page.locator(".events li[data-type='entities.onClick']")
    clicked.locator("summary").click()
    assert json.loads(clicked.locator("pre").inner_text())["data"] == ADA["data"]


def test_markup_in_an_entity_is_text(plain: Plain, backend: ScriptedBackend) -> None:
    """Titles, headings and previews are shown as they are written, and run nothing."""
    evil = {**ADA, "title": ATTACK, "group": ATTACK}
    backend.answer(SEARCH, found(evil))
    backend.answer(f"{SEARCH}/ada/preview", preview(ATTACK))
    page = plain()
    box(page).press_sequentially("@")
    expect(page.get_by_role("group", name=ATTACK)).to_be_visible()
    box(page).press("Enter")
    chip = chips(page).get_by_role("button", name=ATTACK, exact=True)
    chip.hover()
    expect(page.get_by_role("tooltip")).to_have_text(ATTACK)
    assert page.evaluate("window.hacked") is None


def test_a_plain_message_is_what_it_was(plain: Plain, backend: ScriptedBackend) -> None:
    """An e-mail address opens no menu and asks nobody."""
    backend.answer("threads.create", Stream([*opening("hi"), *answer("msg_2", "hello")]))
    page = plain()
    box(page).press_sequentially("Write to ada@example.com")
    box(page).press("Enter")
    expect(items(page)).to_have_count(2)
    write(page, "and then")
    assert sent_content(backend) == [{"type": "input_text", "text": "Write to ada@example.com"}]
    assert queries(backend) == []

"""Widgets in the built-in client: every component, what forms add to actions, and what a control shows meanwhile."""

import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support import gallery
from tests.e2e.support.gallery import action, part
from tests.e2e.support.scripted_backend import Answer, ScriptedBackend, Stream
from tests.e2e.support.wire import Json, done, item, stream_options, thread

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Open = Callable[..., Page]

MERGE: Final = """async ([payload, values]) => {
  const { payloadWith } = await import("/web/widgets/forms.js");
  return payloadWith(payload, values);
}"""


@pytest.fixture
def widget(plain: Callable[[str], Page], backend: ScriptedBackend) -> Open:
    """Opens a thread that holds these widgets."""

    def open_page(*widgets: Json, **thread_fields: Any) -> Page:
        items = [item(f"wid_{number}", "widget", widget=given) for number, given in enumerate(widgets)]
        backend.answer("threads.get_by_id", Answer(thread(items=items, **thread_fields)))
        page = plain("#thread=thr_1")
        expect(page.locator(".widget-root")).to_have_count(len(widgets))
        return page

    return open_page


def answered(page: Page) -> None:
    """Waits for the first event of the first stream: its request has arrived then."""
    expect(page.locator(".events li[data-type='stream_options']")).to_have_count(1)


def sent(backend: ScriptedBackend, kind: str = "threads.custom_action") -> Any:
    """The parameters of the only request of this type."""
    (request,) = backend.requests(kind)
    return request.body["params"]


def test_every_component_is_drawn(widget: Open) -> None:
    """Each component that there is has a renderer; the one that does not exist is the only one shown as JSON."""
    page = widget(gallery.TEXTS, gallery.FORM, gallery.CARD_FORM, gallery.LIST, gallery.CHART, gallery.BASIC)
    expect(page.locator("details.card > summary")).to_have_text(["Hologram"])
    expect(page.get_by_role("heading", name="All the words")).to_be_visible()
    expect(page.get_by_text("Plain, italic and struck out")).to_have_css("font-style", "italic")
    cut = page.get_by_text("A very long line")
    assert cut.evaluate("(node) => node.clientHeight < 2 * parseFloat(getComputedStyle(node).lineHeight)")
    expect(page.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.com/")
    expect(page.locator(".w-badge")).to_have_count(18)
    expect(page.get_by_role("img", name="A red square")).to_have_css("width", "40px")
    expect(page.get_by_text("Within a transition")).to_be_visible()
    expect(page.get_by_label("What is to be done?")).to_be_visible()
    expect(page.locator("input[type=date]")).to_have_value("2026-01-02")
    expect(page.locator("input[type=date]")).to_have_attribute("min", "2026-01-01")
    expect(page.get_by_label("Small")).to_be_checked()
    expect(page.get_by_label("It is urgent")).to_be_checked()
    expect(page.locator(".w-chart th")).to_have_text(["January", "feb"])
    widths = page.locator(".w-chart .fill").evaluate_all("(bars) => bars.map((bar) => bar.offsetWidth)")
    assert widths[1] > widths[2] > widths[0] > widths[3] > 0
    expect(page.get_by_text("no frame")).to_be_visible()


def test_a_broken_component_does_not_take_the_others_along(widget: Open) -> None:
    """What lacks its properties, and what is no component at all, is shown as JSON beside what can be drawn."""
    broken = part("Card", children=[part("Chart"), part("Select", name="x"), 7, None, part("Text", value="still here")])
    page = widget(broken)
    expect(page.get_by_text("still here")).to_be_visible()
    expect(page.locator("details.card > summary")).to_have_text(["Chart", "Select", "no component", "no component"])


def test_markup_and_foreign_styles_are_text(widget: Open) -> None:
    """Markup in any text of a widget is shown as it was written, and no property calls another host."""
    attack = '<img src=x onerror="window.hacked = true">'
    styled = {
        "background": "url(https://evil.example/1.png)",
        "radius": "url(x)",
        "width": "url(https://evil.example/2)",
    }
    page = widget(
        part(
            "Card",
            background="linear-gradient(url(https://evil.example/3.png), red)",
            children=[
                part("Title", value=attack),
                part("Badge", label=attack),
                part("Button", label=attack),
                part("Icon", name=attack),
                part("Markdown", value=f"{attack} [x](javascript:alert(1))"),
                part("Box", children=[part("Text", value=attack)], **styled),
                part("Image", src="javascript:alert(1)", alt=attack),
                part("Image", src="http://example.com/x.png"),
            ],
        )
    )
    expect(page.get_by_role("heading", name=attack)).to_be_visible()
    assert page.locator("img").count() == 0
    assert page.locator(".widget-root a").count() == 0
    assert page.evaluate("window.hacked") is None
    assert "evil.example" not in page.locator(".widget-root").evaluate("(node) => node.outerHTML")


def test_only_pictures_of_the_allowed_hosts_are_shown(widget: Open, backend: ScriptedBackend) -> None:
    """A thread's list of hosts decides, subdomains included, as soon as it changes; data needs no host."""
    hosts = ("example.com", "cdn.example.com", "notexample.com")
    images = [part("Image", src=f"https://{host}/x.png", alt=host) for host in hosts]
    page = widget(
        part("Card", children=[*images, part("Image", src=gallery.PIXEL, alt="data")]),
        allowed_image_domains=["example.com"],
    )
    shown = page.locator(".widget-root img")
    expect(shown).to_have_count(3)
    assert [image.get_attribute("alt") for image in shown.all()] == ["example.com", "cdn.example.com", "data"]
    expect(page.get_by_text("notexample.com (not shown: notexample.com)")).to_be_visible()

    updated = {"type": "thread.updated", "thread": thread(allowed_image_domains=[])}
    backend.answer("threads.add_user_message", Stream([stream_options(), updated]))
    page.get_by_label("Message", exact=True).fill("hi")
    page.keyboard.press("Enter")
    expect(shown).to_have_count(1)


def test_a_form_adds_its_fields_to_the_payload(widget: Open, backend: ScriptedBackend) -> None:
    """Fields arrive by their names, dots nest, and a key that the payload has already keeps its own value."""
    page = widget(gallery.FORM)
    backend.answer("threads.custom_action", Stream([stream_options()]))
    page.get_by_role("button", name="Save").click()
    assert backend.requests("threads.custom_action") == []  # the title is required
    page.get_by_label("What is to be done?").fill("Tidy up")
    page.locator(".widget-root select").select_option("later")
    page.get_by_label("Large").check()
    page.get_by_label("It is urgent").uncheck()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save").click()
    answered(page)
    assert sent(backend) == {
        "thread_id": "thr_1",
        "item_id": "wid_0",
        "action": {
            "type": "todo.save",
            "payload": {
                "id": 7,
                "todo": {"state": "open", "title": "Tidy up", "notes": "As soon as possible"},
                "who": "Alice",
                "when": "later",
                "day": "2026-01-02",
                "size": "l",
                "urgent": False,
            },
        },
    }


@pytest.mark.parametrize(
    ("payload", "values", "merged"),
    [
        (None, [], None),
        (None, [["a", "1"]], {"a": "1"}),
        ({"a": 0}, [["a", "1"], ["b", True]], {"a": 0, "b": True}),
        ({"a": {"b": 0}}, [["a.b", "1"], ["a.c", "2"]], {"a": {"b": 0, "c": "2"}}),
        ({"a": "text"}, [["a.b", "1"]], {"a": "text"}),
        ("text", [["a", "1"]], "text"),
        ([1], [["a", "1"]], [1]),
        ({}, [["constructor.x", "1"]], {"constructor": {"x": "1"}}),
    ],
)
def test_a_payload_and_a_form(modules: Page, payload: Any, values: list[Any], merged: Any) -> None:
    """The payload's own keys win at any depth; one that is no object stays as it is."""
    assert modules.evaluate(MERGE, [payload, values]) == merged


def test_a_name_cannot_reach_behind_an_object(modules: Page) -> None:
    """A field called `__proto__` is a key like any other, and changes no other object."""
    script = """async () => {
      const { payloadWith } = await import("/web/widgets/forms.js");
      const merged = payloadWith({}, [["__proto__.polluted", "yes"]]);
      return [JSON.stringify(merged), ({}).polluted === undefined];
    }"""
    assert modules.evaluate(script) == ['{"__proto__":{"polluted":"yes"}}', True]


def test_a_card_as_a_form(widget: Open, backend: ScriptedBackend) -> None:
    """`confirm` sends the card's fields and makes the card wait; `cancel` without a stream is answered by one item."""
    page = widget(gallery.CARD_FORM)
    gate = threading.Event()
    backend.answer("threads.custom_action", Stream([stream_options(), gate]))
    root = page.locator(".widget-root")
    page.get_by_role("button", name="Send it").click()
    expect(root).to_have_js_property("inert", True)
    gate.set()
    expect(root).to_have_js_property("inert", False)
    assert sent(backend)["action"] == {"type": "mail.send", "payload": {"draft": 1, "subject": "Hello"}}

    gone = item("wid_0", "widget", widget=part("Card", children=[part("Text", value="Discarded")]))
    backend.answer("threads.sync_custom_action", Answer({"updated_item": gone}))
    page.get_by_role("button", name="Discard").click()
    expect(root).to_have_text("Discarded")


def test_a_button_works_once_until_it_is_answered(widget: Open, backend: ScriptedBackend) -> None:
    """A button shows that it works, and a second click sends nothing; a refusal gives it back and is shown."""
    page = widget(part("Card", children=[part("Button", label="Go", onClickAction=action("go"))]))
    gate = threading.Event()
    refusal = {"type": "error", "code": "custom", "message": "Not like this.", "allow_retry": False}
    backend.answer("threads.custom_action", Stream([stream_options(), gate, refusal]))
    go = page.get_by_role("button", name="Go", exact=True)
    go.dblclick()
    expect(go).to_have_attribute("aria-busy", "true")
    gate.set()
    expect(page.get_by_role("alert")).to_have_text("Not like this.")
    expect(go).not_to_have_attribute("aria-busy", "true")
    assert len(backend.requests("threads.custom_action")) == 1


def test_an_action_waits_for_the_stream_that_runs(widget: Open, backend: ScriptedBackend) -> None:
    """A thread answers one thing at a time: the second button's action leaves when the first one is answered."""
    buttons = [part("Button", label=name, onClickAction=action(name)) for name in ("first", "second")]
    page = widget(part("Card", children=buttons))
    gate = threading.Event()
    backend.answer("threads.custom_action", Stream([stream_options(), gate]), Stream([stream_options()]))
    page.get_by_role("button", name="first").click()
    page.get_by_role("button", name="second").click()
    expect(page.get_by_role("button", name="second")).to_have_attribute("aria-busy", "true")
    answered(page)
    assert [request.body["params"]["action"]["type"] for request in backend.requests("threads.custom_action")] == [
        "first"
    ]
    gate.set()
    expect(page.locator(".events li[data-kind='request'][data-type='threads.custom_action']")).to_have_count(2)


def test_an_action_for_the_page_stays_in_the_page(widget: Open, backend: ScriptedBackend) -> None:
    """A `client` action is a line among the events and a message, and the backend hears nothing."""
    page = widget(gallery.FORM)
    page.get_by_role("button", name="Help").click()
    expect(page.locator(".toast")).to_contain_text("help.open")
    row = page.locator(".events li[data-type='widgets.onAction']")
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text('"item_id": "wid_0"')
    assert backend.requests("threads.custom_action") == []


def test_a_control_outside_a_form_sends_its_own_value(widget: Open, backend: ScriptedBackend) -> None:
    """What is chosen goes along under the control's name, as there is no form to collect it."""
    page = widget(
        part("Card", children=[part("Select", name="when", options=gallery.OPTIONS, onChangeAction=action("pick"))])
    )
    backend.answer("threads.custom_action", Stream([stream_options()]))
    page.locator(".widget-root select").select_option("today")
    answered(page)
    assert sent(backend)["action"] == {"type": "pick", "payload": {"when": "today"}}


def test_a_list_shows_more_and_its_rows_are_buttons(widget: Open, backend: ScriptedBackend) -> None:
    """Rows beyond the limit come when they are asked for, and a row is operated by the keyboard, too."""
    page = widget(gallery.LIST)
    backend.answer("threads.custom_action", Stream([stream_options()]))
    expect(page.get_by_role("listitem").filter(has_text="Row")).to_have_count(2)
    page.get_by_role("button", name="Show 1 more").click()
    page.get_by_role("button", name="Row 3").focus()
    page.keyboard.press("Enter")
    answered(page)
    assert sent(backend)["action"]["payload"] == {"number": 3}


def test_a_widget_that_was_replaced_is_drawn_anew(widget: Open, backend: ScriptedBackend) -> None:
    """The answer to an action takes the widget's place, and a new item comes behind it."""
    page = widget(part("Card", children=[part("Button", label="Next", onClickAction=action("next"))]))
    replaced = {
        "type": "thread.item.replaced",
        "item": item("wid_0", "widget", widget=part("Card", children=[part("Text", value="Second state")])),
    }
    follows = done(item("wid_9", "widget", widget=part("Basic", children=part("Text", value="A new one"))))
    backend.answer("threads.custom_action", Stream([stream_options(), replaced, follows]))
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".widget-root")).to_have_text(["Second state", "A new one"])

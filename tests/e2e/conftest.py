"""A browser, a page that must not fail in silence, and the two backends: the scripted one and the real local stack."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.support.api_world import World
from tests.e2e.support.bucket import Bucket, running_bucket
from tests.e2e.support.local_stack import LocalStack, running_stack
from tests.e2e.support.scripted_backend import ScriptedBackend, scripted_backend
from tests.e2e.support.tabs import TIMEOUT, Tabs
from tests.support.browser import launched_chromium

CHATKIT_SCRIPT: Final = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with launched_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def _tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    """The scripted backend, with an empty script."""
    with scripted_backend() as backend:
        yield backend


@pytest.fixture
def page(_tabs: Tabs, backend: ScriptedBackend) -> Iterator[Page]:
    """An empty tab; an exception that nobody catches in its page fails the test. It is left before its backend ends."""
    with _tabs.tab() as page:
        yield page


@pytest.fixture
def own_page(browser: Browser, backend: ScriptedBackend) -> Iterator[Page]:
    """As `page`, for a test that changes its tab for good."""
    with Tabs(browser).tab() as page:
        yield page
    page.context.close()


@pytest.fixture(scope="session")
def _files() -> Iterator[str]:
    """The address of a server that is asked for files only."""
    with scripted_backend() as backend:
        yield backend.url


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """The storage of the scripted backend: empty, and healthy."""
    with running_bucket() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def modules(browser: Browser, _files: str) -> Iterator[Page]:
    """A page that can import the modules of `web/`, and that runs none of them by itself. The pure ones' tests share it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{_files}/web/config.json")
    yield page
    context.close()


@pytest.fixture(scope="session")
def _clocked(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1)  # what is paused stays so, in every document that this tab opens
    yield page
    context.close()


@pytest.fixture
def world(_clocked: Page, _files: str) -> Iterator[World]:
    """The world around `web/chatkit-aws.js`; a promise whose rejection nobody handles fails the test."""
    _clocked.goto(f"{_files}/web/config.json")
    world = World(_clocked)
    world.create()
    yield world
    assert world.value("world.unhandled") == []


@pytest.fixture
def plain(page: Page, backend: ScriptedBackend) -> Callable[[str], Page]:
    """Opens the built-in client on the scripted backend, once the script is written; takes a `#thread=...`, or nothing."""

    def open_page(fragment: str = "") -> Page:
        page.goto(f"{backend.url}/?client=plain{fragment}")
        return page

    return open_page


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a stream back until it is set; always set in the end, so that no server thread is left waiting."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def script(page: Page) -> Callable[[Callable[[Route], None]], None]:
    """Decides what a request for OpenAI's ChatKit script gets."""

    def decide(handler: Callable[[Route], None]) -> None:
        page.route(CHATKIT_SCRIPT, handler)

    return decide


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The local stack as `make dev` starts it, without an OpenAI key: the scripted assistant answers."""
    with running_stack(state_dir=tmp_path_factory.mktemp("state")) as stack:
        yield stack


@pytest.fixture
def visitors(_tabs: Tabs, stack: LocalStack) -> Iterator[Callable[..., Page]]:
    """Opens the page as a user whom no other test knows, each visitor in a tab of their own.

    An exception that nobody catches in one of the pages fails the test.
    """
    with ExitStack() as open_tabs:

        def visit(user: str, *, address: str = "?client=plain", url: str = stack.url) -> Page:
            page = open_tabs.enter_context(_tabs.tab())
            page.goto(f"{url}/web/config.json")
            page.evaluate("user => localStorage.setItem('chatkit-playground', JSON.stringify({ user }))", user)
            page.goto(f"{url}/{address}")
            expect(page.get_by_label("User")).to_have_value(user)
            return page

        yield visit

"""A browser, a page that must not fail in silence, and the two backends: the scripted one and the real local stack."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

from tests.e2e.support.local_stack import LocalStack, running_stack
from tests.e2e.support.scripted_backend import ScriptedBackend, scripted_backend
from tests.support.browser import launched_chromium

CHATKIT_SCRIPT: Final = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"

TIMEOUT: Final = 15_000
"""How long the browser is waited for, in ms."""

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with launched_chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of this test alone."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; an exception that nobody catches in it fails the test."""
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    assert failures == []


@pytest.fixture(scope="session")
def _scripted() -> Iterator[ScriptedBackend]:
    with scripted_backend() as backend:
        yield backend


@pytest.fixture
def backend(_scripted: ScriptedBackend) -> ScriptedBackend:
    """The scripted backend, with an empty script."""
    _scripted.reset()
    return _scripted


@pytest.fixture(scope="session")
def modules(browser: Browser, _scripted: ScriptedBackend) -> Iterator[Page]:
    """A page that can import the modules of `web/`, and that runs none of them by itself. The pure ones' tests share it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{_scripted.url}/web/config.json")
    yield page
    context.close()


@pytest.fixture(scope="session")
def _plain_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(TIMEOUT)
    yield context.new_page()
    context.close()


@pytest.fixture
def plain(_plain_page: Page, backend: ScriptedBackend) -> Iterator[Callable[[str], Page]]:
    """Opens the built-in client on the scripted backend, once the script is written; takes a `#thread=...`, or nothing.

    The tests share one tab, which saves most of a page's loading time: it is left empty. An exception that nobody catches
    in the page fails the test.
    """
    page = _plain_page
    failures: list[str] = []

    def fail(error: Error) -> None:
        failures.append(str(error))

    def open_page(fragment: str = "") -> Page:
        page.goto(f"{backend.url}/?client=plain{fragment}")
        return page

    page.on("pageerror", fail)
    yield open_page
    page.evaluate("localStorage.clear()")
    page.goto("about:blank")
    page.remove_listener("pageerror", fail)
    assert failures == []


@pytest.fixture
def script(context: BrowserContext) -> Callable[[Callable[[Route], None]], None]:
    """Decides what a request for OpenAI's ChatKit script gets."""

    def decide(handler: Callable[[Route], None]) -> None:
        context.route(CHATKIT_SCRIPT, handler)

    return decide


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The local stack as `make dev` starts it, without an OpenAI key: the scripted assistant answers."""
    with running_stack(state_dir=tmp_path_factory.mktemp("state")) as stack:
        yield stack


@pytest.fixture
def visitors(browser: Browser, stack: LocalStack) -> Iterator[Callable[..., Page]]:
    """Opens the page as a user whom no other test knows, in a browser profile of its own.

    An exception that nobody catches in one of the pages fails the test.
    """
    contexts: list[BrowserContext] = []
    failures: list[str] = []

    def visit(user: str, *, address: str = "?client=plain", **options: Any) -> Page:
        preferences = {"name": "chatkit-playground", "value": json.dumps({"user": user})}
        storage: Any = {"cookies": [], "origins": [{"origin": stack.url, "localStorage": [preferences]}]}
        context = browser.new_context(locale="en-GB", storage_state=storage, **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(f"{stack.url}/{address}")
        expect(page.get_by_label("User")).to_have_value(user)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert failures == []

"""A browser, a page that must not fail in silence, and the two backends: the scripted one and the real local stack."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

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
    """A browser profile of this test alone, which reaches 127.0.0.1 and nothing else."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(TIMEOUT)
    context.route(lambda url: not url.startswith("http://127.0.0.1:"), lambda route: route.abort())
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


@pytest.fixture
def plain(page: Page, backend: ScriptedBackend) -> Callable[[str], Page]:
    """Opens the built-in client on the scripted backend, once the script is written; takes a `#thread=...`, or nothing."""

    def open_page(fragment: str = "") -> Page:
        page.goto(f"{backend.url}/?client=plain{fragment}")
        return page

    return open_page


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

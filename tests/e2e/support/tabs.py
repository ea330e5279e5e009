"""Tabs that are used again: a new browser profile costs Chromium two seconds of CPU, a used one is cleaned at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, Page

TIMEOUT: Final = 60_000
"""How long the browser is waited for, in ms."""

VIEWPORT: Final[Any] = {"width": 1280, "height": 720}


class Tabs:
    """Tabs of one browser, each in a profile of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[Page] = []

    @contextmanager
    def tab(self) -> Iterator[Page]:
        """An empty tab without a past, until the block ends.

        Raises `AssertionError` at the end where an exception was caught by nobody in the page.
        """
        page = self._free.pop() if self._free else self._new()
        failures: list[str] = []

        def fail(error: Exception) -> None:
            failures.append(str(error))

        page.on("pageerror", fail)
        try:
            yield page
        finally:
            _clean(page)
            page.remove_listener("pageerror", fail)
            self._free.append(page)
        assert failures == []

    def _new(self) -> Page:
        context = self._browser.new_context(locale="en-GB", viewport=VIEWPORT)
        context.set_default_timeout(TIMEOUT)
        return context.new_page()


def _clean(page: Page) -> None:
    """Nothing of a test stays: neither what the page has stored nor how the test has changed its tab."""
    if page.url.startswith("http"):
        page.evaluate("localStorage.clear()")
    page.goto("about:blank")
    page.unroute_all()
    page.emulate_media(color_scheme="null")
    page.set_viewport_size(VIEWPORT)

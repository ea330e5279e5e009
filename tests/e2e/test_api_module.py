"""`web/api.js` in the browser: client tokens of the local stack, and how a refusal is read."""

from typing import Any, Final

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

START: Final = """async ([status, answer]) => {
  const { startSession } = await import("/web/api.js");
  const { fetch } = window;
  let sent;
  window.fetch = async (url, { method, headers, body }) => {
    sent = { url, method, headers, body };
    return new Response(answer, { status });
  };
  try {
    const result = await startSession({ apiUrl: "https://api.example/api", user: "Zoë" })
      .catch((error) => `${error.name} ${error.status}: ${error.message}`);
    return { sent, result };
  } finally {
    window.fetch = fetch;
  }
}"""


def start(page: Page, status: int, answer: str) -> Any:
    return page.evaluate(START, [status, answer])


def test_a_session_is_started_for_the_user(modules: Page) -> None:
    """The token route is asked with the user's name, and its `client_secret` is the token."""
    outcome = start(modules, 200, '{"client_secret": "secret", "expires_at": 1}')
    assert outcome["result"] == "secret"
    assert outcome["sent"] == {
        "url": "https://api.example/api/chatkit/start",
        "method": "POST",
        "headers": {"content-type": "application/json"},
        "body": '{"user":"Zoë"}',
    }


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ('{"message": "No such user."}', "No such user."),
        ('{"error": 1}', "The backend answered HTTP 403."),
        ("<html>", "The backend answered HTTP 403."),
        ("null", "The backend answered HTTP 403."),
    ],
)
def test_a_refusal_is_quoted(modules: Page, answer: str, message: str) -> None:
    """The reason that the backend gives is the error's message; without one, its status is."""
    assert start(modules, 403, answer)["result"] == f"ApiError 403: {message}"

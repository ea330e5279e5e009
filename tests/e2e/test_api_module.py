"""`web/api.js` in the browser: the client token, and where it goes."""

import json
from typing import Any, Final

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

RUN: Final = """async ([code, options]) => {
  const { createSession, createAuthorizedFetch } = await import("/web/api.js");
  const calls = [];
  let given = 0;
  let clock = 0;
  const fetcher = async (input, init) => {
    const request = new Request(input, init);
    const authorization = request.headers.get("authorization");
    calls.push({ url: request.url, authorization, body: await request.text(), type: request.headers.get("content-type") });
    if (request.url === "https://api.example/chatkit/start") {
      given += 1;
      if (options.refuses) return Response.json({ message: "No such user." }, { status: 403 });
      return Response.json({ client_secret: `token-${given}`, expires_at: clock / 1000 + 600 });
    }
    return new Response("", { status: options.denied.includes(authorization) ? 401 : 200 });
  };
  const session = createSession({ apiUrl: "https://api.example", user: "alice", fetcher, now: () => clock });
  const call = createAuthorizedFetch({ session, origins: ["https://chat.example", "https://api.example"], fetcher });
  const advance = (seconds) => { clock += seconds * 1000; };
  const result = await new Function("call", "session", "advance", `return (async () => { ${code} })()`)(
    call, session, advance,
  ).catch((error) => `${error.name} ${error.status}: ${error.message}`);
  return { calls, result };
}"""

CHAT: Final = "https://chat.example/chatkit"
START: Final = "https://api.example/chatkit/start"


def run(
    page: Page, code: str, *, denied: tuple[str, ...] = (), refuses: bool = False
) -> tuple[list[dict[str, Any]], Any]:
    outcome = page.evaluate(RUN, [code, {"denied": [f"Bearer {token}" for token in denied], "refuses": refuses}])
    return outcome["calls"], outcome["result"]


def test_the_token_is_fetched_once_for_parallel_calls(modules: Page) -> None:
    """Calls that wait for the first token share one request for it, which names the user."""
    calls, _ = run(modules, f"await Promise.all([call('{CHAT}'), call('{CHAT}'), call('{CHAT}')]);")
    assert [call["url"] for call in calls] == [START, CHAT, CHAT, CHAT]
    assert json.loads(calls[0]["body"]) == {"user": "alice"}
    assert calls[0]["authorization"] is None
    assert {call["authorization"] for call in calls[1:]} == {"Bearer token-1"}


def test_no_other_origin_gets_the_token(modules: Page) -> None:
    """A presigned upload goes out as it came, without an Authorization header and without a token being fetched."""
    upload = "https://bucket.s3.eu-west-1.example/key?X-Amz-Signature=abc"
    calls, _ = run(
        modules,
        f"await call('{upload}', {{ method: 'PUT', body: 'bytes', headers: {{ 'content-type': 'image/png' }} }});"
        f"await call(new Request('{upload}'));",
    )
    assert [call["url"] for call in calls] == [upload, upload]
    assert [call["authorization"] for call in calls] == [None, None]
    assert calls[0]["body"] == "bytes"
    assert calls[0]["type"] == "image/png"


def test_a_token_is_renewed_before_it_expires(modules: Page) -> None:
    """With less than 30 s to go the next call brings a new token along."""
    calls, _ = run(
        modules, f"await call('{CHAT}'); advance(569); await call('{CHAT}'); advance(2); await call('{CHAT}');"
    )
    assert [call["authorization"] for call in calls if call["url"] == CHAT] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


@pytest.mark.parametrize("as_request", [False, True])
def test_a_refused_token_is_renewed_and_the_request_repeated_once(modules: Page, as_request: bool) -> None:
    """After a 401 the same request goes out once more, with its body and headers and a new token."""
    init = "{ method: 'POST', body: '{\"a\":1}', headers: { 'content-type': 'application/json' } }"
    target = f"new Request('{CHAT}', {init})" if as_request else f"'{CHAT}', {init}"
    calls, result = run(modules, f"return (await call({target})).status;", denied=("token-1",))
    assert result == 200
    sent = [call for call in calls if call["url"] == CHAT]
    assert [call["authorization"] for call in sent] == ["Bearer token-1", "Bearer token-2"]
    assert [call["body"] for call in sent] == ['{"a":1}', '{"a":1}']
    assert [call["type"] for call in sent] == ["application/json", "application/json"]


def test_a_second_401_is_handed_on(modules: Page) -> None:
    """A backend that refuses every token is asked twice and no more."""
    calls, result = run(modules, f"return (await call('{CHAT}')).status;", denied=("token-1", "token-2"))
    assert result == 401
    assert [call["url"] for call in calls] == [START, CHAT, START, CHAT]


def test_a_backend_that_gives_no_token_is_quoted(modules: Page) -> None:
    """The reason that the backend gives for refusing a token is the error's message."""
    _, result = run(modules, f"await call('{CHAT}');", refuses=True)
    assert result == "ApiError 403: No such user."

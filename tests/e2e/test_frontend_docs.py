"""What docs/frontend.md shows is what works: its page with a stand-in for ChatKit, its token route against a server."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.support.api_world import World
from tests.e2e.support.scripted_backend import Answer, Received, ScriptedBackend

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

PROJECT: Final = Path(__file__).parents[2]
STAND_IN: Final = Path(__file__).parent / "support" / "chatkit_stand_in.js"
ADDRESS: Final = re.compile(r'"https://abc123\.([\w-]+)\.[^"]*"')
PATHS: Final = {"lambda-url": "chatkit", "execute-api": "api"}


def guide() -> str:
    return (PROJECT / "docs" / "frontend.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    """The page's only block of code in this language."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", guide(), flags=re.DOTALL | re.MULTILINE)
    return code


def test_the_page_of_the_guide_works(page: Page, backend: ScriptedBackend) -> None:
    """Copied with its addresses changed, it lists the threads with a token, runs its tool, and opens its thread again."""
    html = ADDRESS.sub(lambda found: f'"{backend.url}/{PATHS[found[1]]}"', shown("html"))
    assert html != shown("html")

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(backend.url)
        if path == "/page":
            route.fulfill(body=html, content_type="text/html")
        elif path == "/chatkit-aws.js":
            route.fulfill(path=PROJECT / "web" / "chatkit-aws.js", content_type="text/javascript")
        elif path == "/chatkit-token":
            route.fulfill(body="token-of-the-guide")
        else:
            route.fallback()

    page.route(f"{backend.url}/*", serve)
    page.route("**/chatkit.js", lambda route: route.fulfill(path=STAND_IN, content_type="text/javascript"))
    with page.expect_response("**/chatkit"):
        page.goto(f"{backend.url}/page")
    chatkit = page.locator("openai-chatkit")
    expect(chatkit).to_be_visible()
    assert backend.requests("threads.list")[0].headers["authorization"] == "Bearer token-of-the-guide"
    run = "({ options }, name) => options.onClientTool({ name, params: {} })"
    assert chatkit.evaluate(run, "get_page_title") == {"title": ""}
    assert "error" in chatkit.evaluate(run, "unknown")
    attachments = chatkit.evaluate("({ options }) => options.composer.attachments")
    config = json.loads((PROJECT / "web" / "config.json").read_text(encoding="utf-8"))["attachments"]
    assert attachments.keys() == config.keys()
    for part in ("maxSize", "accept"):
        assert attachments.pop(part).items() <= config.pop(part).items()
    assert attachments == config

    backend.answer("/api/chatkit/entities", Answer({"entities": [{"id": "ada", "title": "Ada"}]}))
    searched = chatkit.evaluate("({ options }) => options.entities.onTagSearch('ad')")
    assert searched == [{"id": "ada", "title": "Ada"}]
    assert backend.received[-1].path == "/api/chatkit/entities?q=ad"
    assert backend.received[-1].headers["authorization"] == "Bearer token-of-the-guide"

    assert chatkit.evaluate("({ options }) => options.initialThread") is None
    chatkit.evaluate("(chatkit) => chatkit.setThreadId('thr_1')")
    page.reload()
    page.wait_for_function("document.querySelector('openai-chatkit').options?.initialThread === 'thr_1'")


def test_the_token_route_of_the_guide_works(backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its function names the user in a request that is signed for API Gateway, and returns the token."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    names: dict[str, Any] = {}
    code = ADDRESS.sub(f'"{backend.url}/api/chatkit/start"', shown("python"))
    exec(compile(code, "docs/frontend.md", "exec"), names)
    assert names["client_token"]("alice") == "token-1"
    (request,) = backend.received
    assert isinstance(request, Received)
    assert request.body == {"user": "alice"}
    signature = request.headers["authorization"]
    assert re.match(r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/execute-api/aws4_request, ", signature)


def test_react_is_shown_the_same_options() -> None:
    """Both ways of the guide make the API, and take attachments, in the same words."""
    for part in (r"createChatKitApi\(\{.*?^ *\}\);$", r"composer: \{.*?^    \},$"):
        pattern = re.compile(part, flags=re.DOTALL | re.MULTILINE)
        in_page, in_react = (pattern.search(shown(language)) for language in ("html", "jsx"))
        assert in_page is not None
        assert in_react is not None
        normal = [re.sub(r" // .*|\s+", "", found.group()) for found in (in_page, in_react)]
        assert normal[0] == normal[1]


def test_the_upload_address_of_the_guide_is_a_route_that_takes_the_token(world: World) -> None:
    """What the section on attachments names for `uploadStrategy` is what the API helper takes, and authorizes."""
    (found,) = re.findall(r'`(\{ type: "direct", uploadUrl: .*? \})`', guide())
    strategy = found.replace("ApiUrl", '"https://rest.example/prod/api"')
    world.create(f"{{ uploadStrategy: {strategy} }}")
    world.run("await world.api.fetch('https://rest.example/prod/api/chatkit/upload', { method: 'POST', body: '' });")
    assert [request["authorization"] for request in world.sent] == ["Bearer token-1"]


def test_every_option_of_the_helper_is_in_the_guide() -> None:
    """The guide's table of options names those that `createChatKitApi` knows, and no other."""
    source = (PROJECT / "web" / "chatkit-aws.js").read_text(encoding="utf-8")
    (table,) = re.findall(r"^const OPTIONS = \{\n(.*?)^\};$", source, flags=re.DOTALL | re.MULTILINE)
    known = re.findall(r"^  (\w+):", table, flags=re.MULTILINE)
    rows = r"^\| option of `createChatKitApi` \| \|\n\| --- \| --- \|\n((?:\|.*\n)+)"
    (documented,) = re.findall(rows, guide(), flags=re.MULTILINE)
    assert sorted(known) == sorted(re.findall(r"^\| `(\w+)`", documented, flags=re.MULTILINE))

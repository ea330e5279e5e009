"""The page with OpenAI's client, whose script a stand-in takes the place of."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.support.scripted_backend import WEB, Answer, ScriptedBackend, Stream
from tests.e2e.support.wire import answer, assistant_message, opening, stream_options, thread

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

STAND_IN: Final = Path(__file__).parent / "support" / "chatkit_stand_in.js"
UNAVAILABLE: Final = "ChatKit's script could not be loaded"

OPTIONS: Final[dict[str, set[str]]] = {
    "": {
        "api", "locale", "theme", "frameTitle", "initialThread", "onClientTool", "header", "history", "startScreen",
        "threadItemActions", "composer", "disclaimer", "entities", "commands", "widgets", "thread",
    },
    "api": {"url", "fetch", "domainKey", "uploadStrategy"},
    "theme": {"colorScheme", "typography", "radius", "density", "color"},
    "header": {"enabled", "title", "leftAction", "rightAction"},
    "entities": {"onTagSearch", "showComposerMenu", "onClick", "onRequestPreview"},
    "widgets": {"onAction"},
    "history": {"enabled", "showDelete", "showRename"},
    "startScreen": {"greeting", "prompts"},
    "threadItemActions": {"feedback", "retry"},
    "composer": {"placeholder", "attachments", "tools", "models", "dictation"},
    "composer.attachments": {"enabled", "maxSize", "maxCount", "accept"},
    "thread": {"autoScroll"},
}  # fmt: skip
"""The options and their parts by the types of `@openai/chatkit` 1.9.0. ChatKit refuses a set that holds any other."""

Script = Callable[[Callable[[Route], None]], None]


@pytest.fixture
def chatkit(page: Page, backend: ScriptedBackend, script: Script) -> Page:
    script(lambda route: route.fulfill(path=STAND_IN, content_type="text/javascript"))
    return page


def mounted(page: Page, *, times: int = 1) -> None:
    """Waits until the element that the page has now, its `times`-th, has its options and the answers to its first requests.

    Only the element itself knows: a response may still belong to the one before, or to the page before a reload.
    """
    is_so = "times => window.chatkitOptions?.length === times && document.querySelector('openai-chatkit')?.isReady"
    page.wait_for_function(is_so, arg=times)


def options(page: Page) -> Any:
    """The options that the element was given last, without functions."""
    return page.evaluate("JSON.parse(JSON.stringify(chatkitOptions.at(-1)))")


def test_chatkit_is_mounted_on_this_backend(chatkit: Page, backend: ScriptedBackend) -> None:
    """ChatKit is given this backend's address, history, retry and feedback, start prompts, and no unknown option."""
    chatkit.goto(backend.url)
    mounted(chatkit)
    expect(chatkit.locator("openai-chatkit")).to_be_visible()
    expect(chatkit.locator("#banner")).to_be_hidden()
    given = options(chatkit)
    assert given["api"]["url"] == f"{backend.url}/chatkit"
    assert given["api"]["domainKey"] != ""
    assert chatkit.evaluate("typeof chatkitOptions.at(-1).api.fetch") == "function"
    assert given["history"] == {"enabled": True, "showDelete": True, "showRename": True}
    assert given["threadItemActions"] == {"feedback": True, "retry": True}
    assert all(set(prompt) == {"label", "prompt"} for prompt in given["startScreen"]["prompts"])
    assert given["initialThread"] is None
    assert "locale" not in given
    for part, names in OPTIONS.items():
        held = given
        for step in part.split(".") if part else ():
            held = held[step]
        assert set(held) <= names


def test_files_go_to_the_bucket_unless_the_user_chooses_otherwise(chatkit: Page, backend: ScriptedBackend) -> None:
    """ChatKit is told what may be attached and how it goes up: in two phases, or directly to the api function, for which
    no file may be larger than a Lambda request."""
    chatkit.goto(backend.url)
    expect(chatkit.locator("openai-chatkit")).to_be_visible()
    config = json.loads((WEB / "config.json").read_text(encoding="utf-8"))
    assert options(chatkit)["composer"]["attachments"] == config["attachments"]
    assert options(chatkit)["api"]["uploadStrategy"] == {"type": "two_phase"}

    mounted = chatkit.evaluate("chatkitOptions.length")
    chatkit.get_by_label("Uploads").select_option("direct")
    chatkit.wait_for_function("(mounted) => chatkitOptions.length > mounted", arg=mounted)
    upload_url = f"{backend.url}/api/chatkit/upload"
    assert options(chatkit)["api"]["uploadStrategy"] == {"type": "direct", "uploadUrl": upload_url}
    given = options(chatkit)["composer"]["attachments"]
    assert given["accept"] == config["attachments"]["accept"]
    assert set(given["maxSize"]) == {"*", *config["attachments"]["maxSize"]}
    assert set(given["maxSize"].values()) == {4_500_000}


def test_a_direct_upload_carries_the_users_token(chatkit: Page, backend: ScriptedBackend) -> None:
    """The form that ChatKit posts to the upload address reaches the api function with the token."""
    backend.answer("/api/chatkit/upload", Answer({"id": "atc_1"}))
    chatkit.goto(backend.url)
    expect(chatkit.locator("openai-chatkit")).to_be_visible()
    chatkit.get_by_label("Uploads").select_option("direct")
    chatkit.wait_for_function("chatkitOptions.at(-1)?.api.uploadStrategy.type === 'direct'")
    uploaded = chatkit.evaluate(
        """async () => {
          const { fetch, uploadStrategy } = chatkitOptions.at(-1).api;
          const body = new FormData();
          body.append("file", new File(["bytes"], "a.txt", { type: "text/plain" }));
          return (await fetch(uploadStrategy.uploadUrl, { method: "POST", body })).json();
        }"""
    )
    assert uploaded == {"id": "atc_1"}
    (upload,) = (request for request in backend.received if request.path == "/api/chatkit/upload")
    assert upload.headers["authorization"].startswith("Bearer token-")
    assert b"\r\n\r\nbytes\r\n" in upload.content


def test_its_requests_carry_the_users_token(chatkit: Page, backend: ScriptedBackend) -> None:
    """What ChatKit sends through `api.fetch` reaches the backend with the token and with ChatKit's own headers."""
    chatkit.goto(backend.url)
    mounted(chatkit)
    start = next(request for request in backend.received if request.path == "/api/chatkit/start")
    assert start.body == {"user": "alice"}
    request = backend.requests("threads.list")[0]
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["chatkit-frame-instance-id"] == "stand-in"
    assert request.headers["content-type"] == "application/json"


def test_an_upload_to_another_origin_carries_no_token(chatkit: Page, backend: ScriptedBackend) -> None:
    """A presigned PUT through the same `api.fetch` has no Authorization header."""
    chatkit.goto(backend.url)
    mounted(chatkit)
    seen: list[dict[str, str]] = []

    def bucket(route: Route) -> None:
        seen.append(route.request.all_headers())
        route.fulfill(status=200, headers={"access-control-allow-origin": "*"})

    chatkit.route("https://bucket.example/**", bucket)
    chatkit.evaluate("chatkitOptions.at(-1).api.fetch('https://bucket.example/key', { method: 'PUT', body: 'bytes' })")
    assert len(seen) == 1
    assert "authorization" not in seen[0]


def test_a_token_is_renewed_on_401(chatkit: Page, backend: ScriptedBackend) -> None:
    """A refused token is replaced without ChatKit noticing, and the new one is kept."""
    backend.answer("threads.list", Answer({"code": "unauthenticated", "message": "expired"}, status=401))
    chatkit.goto(backend.url)
    mounted(chatkit)
    assert [request.headers["authorization"] for request in backend.requests("threads.list")] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    status = chatkit.evaluate(
        "document.querySelector('openai-chatkit').send('threads.get_by_id', { thread_id: 'x' }).then((r) => r.status)"
    )
    assert status == 200
    assert backend.requests("threads.get_by_id")[0].headers["authorization"] == "Bearer token-2"


def test_its_stop_reaches_the_backend(chatkit: Page, backend: ScriptedBackend, gate: threading.Event) -> None:
    """The Stop button posts `threads.stop`, with the user's token; the natural end of the next answer posts none."""
    backend.answer(
        "threads.create", Stream([*opening("hi"), gate]), Stream([*opening("hi"), *answer("msg_2", "hello")])
    )
    chatkit.goto(backend.url)
    mounted(chatkit)
    stand_in = chatkit.locator("openai-chatkit")
    stand_in.evaluate("(chatkit) => void chatkit.ask('threads.create', {}).catch(() => {})")
    chatkit.wait_for_function("document.querySelector('openai-chatkit').text.includes('stream_options')")
    with chatkit.expect_response(lambda response: "threads.stop" in (response.request.post_data or "")):
        stand_in.evaluate("(chatkit) => chatkit.stop()")
    (stop,) = backend.requests("threads.stop")
    assert stop.body["params"] == {"thread_id": "thr_1"}
    assert stop.headers["authorization"] == "Bearer token-1"

    stand_in.evaluate("(chatkit) => chatkit.ask('threads.create', {})")
    assert len(backend.requests("threads.stop")) == 1


def test_a_reload_stops_nothing_and_the_answer_grows_on(
    own_page: Page, backend: ScriptedBackend, gate: threading.Event
) -> None:
    """A reload in mid-answer posts no stop; ChatKit is asked for updates until the backend says that the turn is over."""
    own_page.route("**/chatkit.js", lambda route: route.fulfill(path=STAND_IN, content_type="text/javascript"))
    running = {"chatkit-turn": "running"}
    backend.answer("threads.add_user_message", Stream([stream_options(), gate]))
    backend.answer("threads.get_by_id", Answer(thread()))
    own_page.goto(f"{backend.url}/#thread=thr_1")
    mounted(own_page)
    stand_in = own_page.locator("openai-chatkit")
    stand_in.evaluate(
        "(chatkit) => void chatkit.ask('threads.add_user_message', { thread_id: 'thr_1' }).catch(() => {})"
    )
    own_page.wait_for_function("document.querySelector('openai-chatkit').text !== ''")

    texts = ["Once", "Once upon", "Once upon a time"]
    may_answer = [threading.Event() for _ in texts]  # however long the test takes: no update overtakes it
    for text, go in zip(texts, may_answer, strict=True):
        headers = {} if text is texts[-1] else running
        backend.answer(
            "threads.get_by_id", Answer(thread(items=[assistant_message("msg_2", text)]), headers=headers, after=go)
        )
    own_page.clock.install()
    own_page.reload()
    for text, go in zip(texts, may_answer, strict=True):
        go.set()
        shown = f"document.querySelector('openai-chatkit')?.items?.at(0)?.content[0].text === '{text}'"
        own_page.wait_for_function(shown)
        own_page.clock.fast_forward(5500)
    own_page.clock.fast_forward(600_000)
    assert stand_in.evaluate("(chatkit) => chatkit.updates") == len(texts)
    assert backend.requests("threads.stop") == []


def test_user_and_locale_mount_it_anew(chatkit: Page, backend: ScriptedBackend) -> None:
    """Another user gets another token and no thread of the first; a locale is handed on; both survive a reload."""
    chatkit.goto(f"{backend.url}/#thread=thr_1")
    mounted(chatkit)
    assert options(chatkit)["initialThread"] == "thr_1"

    chatkit.get_by_label("Locale").select_option("fr-FR")
    mounted(chatkit, times=2)
    assert options(chatkit)["locale"] == "fr-FR"
    assert options(chatkit)["initialThread"] == "thr_1"

    chatkit.get_by_label("User").fill("bob")
    chatkit.get_by_label("User").press("Enter")
    mounted(chatkit, times=3)
    assert options(chatkit)["initialThread"] is None
    expect(chatkit.locator("openai-chatkit")).to_have_count(1)

    chatkit.reload()
    mounted(chatkit)
    starts = [request.body["user"] for request in backend.received if request.path == "/api/chatkit/start"]
    assert starts == ["alice", "alice", "bob", "bob"]
    assert options(chatkit)["locale"] == "fr-FR"


def test_the_open_thread_is_kept_in_the_address(chatkit: Page, backend: ScriptedBackend) -> None:
    """The thread that ChatKit opens is in the address, so that a reload opens it again."""
    chatkit.goto(backend.url)
    mounted(chatkit)
    chatkit.evaluate("document.querySelector('openai-chatkit').setThreadId('thr_9')")
    expect(chatkit).to_have_url(f"{backend.url}/#thread=thr_9")
    chatkit.reload()
    mounted(chatkit)
    assert options(chatkit)["initialThread"] == "thr_9"


def test_the_colours_follow_the_system(chatkit: Page, backend: ScriptedBackend) -> None:
    """ChatKit is told of the system's colour scheme, and of its change."""
    chatkit.emulate_media(color_scheme="dark")
    chatkit.goto(backend.url)
    mounted(chatkit)
    assert options(chatkit)["theme"] == {"colorScheme": "dark"}
    chatkit.emulate_media(color_scheme="light")
    chatkit.wait_for_function("chatkitOptions.length === 2")
    assert options(chatkit)["theme"] == {"colorScheme": "light"}


def test_tools_of_the_page_are_chatkits_too(chatkit: Page, backend: ScriptedBackend) -> None:
    """`onClientTool` runs the same tools as the built-in client, and hands on the error of one that fails."""
    chatkit.goto(backend.url)
    mounted(chatkit)
    run = "(name) => chatkitOptions.at(-1).onClientTool({ name, params: {} })"
    assert chatkit.evaluate(run, "get_page_title") == {"title": "chatkit-lambda playground"}
    assert chatkit.evaluate(run, "nothing") == {"error": "This page has no tool nothing."}


def test_what_is_for_the_page_reaches_the_page(own_page: Page, backend: ScriptedBackend) -> None:
    """A widget's `client` action, a click on an entity and a client effect each say what was asked of the page."""
    own_page.route("**/chatkit.js", lambda route: route.fulfill(path=STAND_IN, content_type="text/javascript"))
    own_page.clock.install(time=0)
    own_page.clock.pause_at(1)  # what is shown for a few seconds only is there until it has been looked at
    own_page.goto(backend.url)
    mounted(own_page)
    own_page.evaluate(
        """async () => {
          const { widgets, entities } = chatkitOptions.at(-1);
          await widgets.onAction({ type: "help.open" }, { id: "wid_1", widget: { type: "Card", children: [] } });
          entities.onClick({ id: "ada", title: "Ada Lovelace" });
          const detail = { name: "confetti", data: { pieces: 3 } };
          document.querySelector("openai-chatkit").dispatchEvent(new CustomEvent("chatkit.effect", { detail }));
        }"""
    )
    expect(own_page.locator(".toast")).to_have_text(
        [
            "The action help.open is for this page, not for the assistant.",
            "You clicked Ada Lovelace.",
            'Client effect confetti {"pieces":3}',
        ]
    )


def test_entities_are_searched_and_previewed(chatkit: Page, backend: ScriptedBackend) -> None:
    """ChatKit's `@` asks the assistant's directory in the chosen language, with the user's token; it has a button, too."""
    backend.answer("/api/chatkit/entities", Answer({"entities": [{"id": "ada", "title": "Ada"}]}))
    backend.answer("/api/chatkit/entities/ada/preview", Answer({"preview": {"type": "Basic", "children": []}}))
    chatkit.goto(backend.url)
    mounted(chatkit)
    chatkit.get_by_label("Locale").select_option("fr-FR")
    mounted(chatkit, times=2)
    assert options(chatkit)["entities"] == {"showComposerMenu": True}
    found = chatkit.evaluate("chatkitOptions.at(-1).entities.onTagSearch('ad')")
    assert found == [{"id": "ada", "title": "Ada"}]
    preview = chatkit.evaluate("chatkitOptions.at(-1).entities.onRequestPreview({ id: 'ada', title: 'Ada' })")
    assert preview == {"preview": {"type": "Basic", "children": []}}
    search, shown = (request for request in backend.received if "/entities" in request.path)
    assert (search.path, shown.path) == ("/api/chatkit/entities?q=ad", "/api/chatkit/entities/ada/preview")
    for request in (search, shown):
        assert request.headers["authorization"].startswith("Bearer token-")
        assert request.headers["accept-language"] == "fr-FR"


def test_without_the_script_the_page_says_so_and_chats_on(page: Page, backend: ScriptedBackend, script: Script) -> None:
    """Where OpenAI cannot be reached, one sentence says so and the built-in client takes over."""
    script(lambda route: route.abort())
    page.goto(backend.url)
    expect(page.locator("#banner")).to_contain_text(UNAVAILABLE)
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Use ChatKit")).to_be_visible()


def test_a_script_that_does_not_come_is_given_up_after_four_seconds(own_page: Page, backend: ScriptedBackend) -> None:
    """A request for the script that hangs keeps nobody waiting for longer than 4 s."""
    waiting: list[Route] = []
    own_page.route("**/chatkit.js", lambda route: waiting.append(route))
    own_page.clock.install(time=0)
    own_page.clock.pause_at(1)
    own_page.goto(backend.url)
    expect(own_page.locator("#banner")).to_have_text("Loading ChatKit…")
    own_page.clock.fast_forward(4000)
    expect(own_page.locator("#banner")).to_contain_text(UNAVAILABLE)
    for route in waiting:
        route.abort()


def test_the_client_can_be_chosen(chatkit: Page, backend: ScriptedBackend) -> None:
    """A link leads to the built-in client, which does not ask for the script, and back."""
    chatkit.goto(f"{backend.url}/#thread=thr_1")
    chatkit.get_by_role("link", name="Use the built-in client").click()
    expect(chatkit).to_have_url(f"{backend.url}/?client=plain#thread=thr_1")
    expect(chatkit.get_by_label("Message", exact=True)).to_be_visible()
    expect(chatkit.locator("#banner")).to_be_hidden()
    assert chatkit.evaluate("customElements.get('openai-chatkit') === undefined")
    chatkit.get_by_role("link", name="Use ChatKit").click()
    expect(chatkit.locator("openai-chatkit")).to_be_visible()


def test_hosted_mode_is_given_client_secrets_and_no_backend(chatkit: Page, backend: ScriptedBackend) -> None:
    """With `?client=hosted` ChatKit talks to OpenAI: it is given what asks for client secrets, and nothing of ours."""
    backend.answer("/api/chatkit/refresh", Answer({"client_secret": "renewed"}), Answer({}, status=401))
    chatkit.goto(f"{backend.url}/?client=hosted")
    mounted(chatkit)
    assert chatkit.evaluate("Object.keys(chatkitOptions.at(-1).api)") == ["getClientSecret"]
    assert chatkit.evaluate("Object.keys(chatkitOptions.at(-1).entities)") == ["onClick"]
    ask = "(current) => chatkitOptions.at(-1).api.getClientSecret(current)"
    assert chatkit.evaluate(ask, None) == "token-1"
    assert chatkit.evaluate(ask, "token-1") == "renewed"
    assert chatkit.evaluate(ask, "renewed") == "token-2"
    asked = [(request.path, request.body) for request in backend.received if request.path.startswith("/api/")]
    assert asked == [
        ("/api/chatkit/start", {"user": "alice"}),
        ("/api/chatkit/refresh", {"currentClientSecret": "token-1"}),
        ("/api/chatkit/refresh", {"currentClientSecret": "renewed"}),
        ("/api/chatkit/start", {"user": "alice"}),
    ]
    assert not [request for request in backend.received if request.path == "/chatkit"]

"""`web/chatkit-aws.js` in the browser: its options, the client token and where it goes, the page's tools."""

from typing import Final

import pytest

from tests.e2e.support.api_world import World

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

DENY: Final = (
    "world.reply = ({{ authorization }}) => new Response('', {{ status: {}.includes(authorization) ? 401 : 200 }});"
)


ADDRESS: Final = "an http(s) address, absolute or relative to the page"
STRATEGY: Final = f'{{ type: "two_phase" }}, or {{ type: "direct", uploadUrl }} with {ADDRESS}'


def authorizations(world: World) -> list[str | None]:
    return [request["authorization"] for request in world.sent]


def test_it_gives_chatkits_api_option_and_nothing_more(world: World) -> None:
    """ChatKit refuses an option that it does not know: there are its four, with uploads in two phases by default."""
    assert world.value("Object.keys(world.api).sort()") == ["domainKey", "fetch", "uploadStrategy", "url"]
    assert world.value("world.api.uploadStrategy") == {"type": "two_phase"}
    assert world.value("world.api.domainKey") == "key"
    world.create("{ uploadStrategy: { type: 'direct', uploadUrl: '/upload' } }")
    assert world.value("world.api.uploadStrategy") == {"type": "direct", "uploadUrl": "/upload"}


def test_the_default_fetch_is_the_pages(world: World) -> None:
    """Without `fetch` among the options the page's own is called, as it is at that moment."""
    world.create("{ fetch: undefined, url: '/chatkit' }")
    world.run(
        "const own = window.fetch; window.fetch = async (url, init) => { world.seen = init.headers.get('authorization');"
        " return new Response(''); }; try { await world.post('threads.list'); } finally { window.fetch = own; }"
    )
    assert world.value("world.seen") == "Bearer token-1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{ getTokn: () => '' }", "createChatKitApi has no option getTokn"),
        ("{ headers: {} }", "createChatKitApi has no option headers"),
        ("{ getToken: 'token' }", "createChatKitApi: getToken must be a function"),
        ("{ getToken: undefined }", "createChatKitApi: getToken must be a function"),
        ("{ domainKey: '' }", "createChatKitApi: domainKey must be a text"),
        ("{ element: document.body }", "createChatKitApi: element must be a function"),
        ("{ fetch: 'fetch' }", "createChatKitApi: fetch must be a function"),
        (
            "{ refreshUrl: 'ftp://x/refresh' }",
            "createChatKitApi: refreshUrl must be an http(s) address, absolute or relative to the page",
        ),
        *(
            (f"{{ url: {url} }}", f"createChatKitApi: url must be {ADDRESS}")
            for url in (
                "undefined",
                "''",
                "'localhost:8787/chatkit'",
                "'https://'",
                "'ftp://x/chatkit'",
                "new URL('https://x/')",
            )
        ),
        ("{ apiUrl: '' }", f"createChatKitApi: apiUrl must be {ADDRESS}"),
        *(
            (f"{{ uploadStrategy: {strategy} }}", f"createChatKitApi: uploadStrategy must be {STRATEGY}")
            for strategy in (
                "null",
                "'direct'",
                "{}",
                "{ type: 'three_phase' }",
                "{ type: 'direct' }",
                "{ type: 'direct', uploadUrl: '' }",
                "{ type: 'direct', uploadUrl: 'ftp://x/upload' }",
            )
        ),
    ],
)
def test_a_wrong_option_is_named(world: World, options: str, message: str) -> None:
    """An option that is unknown, missing or of the wrong kind is an error that names it."""
    said = world.run(
        f"""
        const {{ createChatKitApi }} = await import("/web/chatkit-aws.js");
        try {{
          createChatKitApi({{ url: "/chatkit", domainKey: "key", getToken: () => "token", ...{options} }});
        }} catch (error) {{
          return `${{error.name}}: ${{error.message}}`;
        }}
        """
    )
    assert said == f"TypeError: {message}"


def test_it_can_be_made_where_there_is_no_page(world: World) -> None:
    """A server that renders the page, like a worker, has neither `window` nor `document`: making the option works there."""
    made = world.run(
        """
        const code = `
          import { createChatKitApi } from "${location.origin}/web/chatkit-aws.js";
          postMessage(createChatKitApi({ url: "/chatkit", domainKey: "k", getToken: () => "t" }).url);
        `;
        const source = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
        const worker = new Worker(source, { type: "module" });
        const made = await new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        });
        worker.terminate();
        return made;
        """
    )
    assert made == "/chatkit"


def test_parallel_requests_share_one_token(world: World) -> None:
    """Requests that wait for the first token ask for it once, and each carries it beside its own headers."""
    world.run("await Promise.all([1, 2, 3].map(() => world.post('threads.list', { limit: 1 })));")
    assert world.value("world.given") == ["token-1"]
    assert authorizations(world) == ["Bearer token-1"] * 3
    request = world.sent[0]
    assert request["headers"]["chatkit-frame-instance-id"] == "frame"
    assert request["headers"]["content-type"] == "application/json"
    assert request["text"] == '{"type":"threads.list","params":{"limit":1}}'


@pytest.mark.parametrize("wrap", ["{}", "new URL({})", "new Request({}, {{ method: 'PUT', body: 'bytes' }})"])
def test_no_other_origin_gets_the_token(world: World, wrap: str) -> None:
    """A presigned upload goes out as it came: no Authorization header, and no token is asked for."""
    target = wrap.format("'https://bucket.s3.eu-west-1.example/key?X-Amz-Signature=abc'")
    world.run(
        f"await world.api.fetch({target}, {{ method: 'PUT', body: 'bytes', headers: {{ 'content-type': 'image/png' }} }});"
    )
    (request,) = world.sent
    assert request["authorization"] is None
    assert request["method"] == "PUT"
    assert request["text"] == "bytes"
    assert request["headers"]["content-type"] == "image/png"
    assert world.value("world.given") == []


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example/chatkit",
        "https://api.example:8443/chatkit",
        "https://api.example.evil.example/chatkit",
        "https://evil.example/?https://api.example/chatkit",
        "data:text/plain,https://api.example",
    ],
)
def test_an_origin_is_scheme_host_and_port(world: World, address: str) -> None:
    """An address that merely resembles the API's gets no token."""
    world.create("{ url: 'https://api.example/chatkit' }")
    world.run(f"await world.api.fetch('{address}');")
    assert authorizations(world) == [None]
    world.run("await world.api.fetch('https://api.example/other');")
    assert authorizations(world) == [None, "Bearer token-1"]


def test_a_direct_upload_carries_the_token(world: World) -> None:
    """A form for `uploadUrl` takes the token along, and once more after a 401; that origin's other addresses get none."""
    world.create("{ uploadStrategy: { type: 'direct', uploadUrl: 'https://api.example/api/chatkit/upload' } }")
    world.run(DENY.format("['Bearer token-1']"))
    world.run(
        """
        const body = new FormData();
        body.append("file", new File(["bytes"], "a.txt", { type: "text/plain" }));
        await world.api.fetch("https://api.example/api/chatkit/upload", { method: "POST", body });
        for (const path of ["/", "/api/chatkit/upload/more", "/api/chatkit/upload?to=elsewhere"]) {
          await world.api.fetch(`https://api.example${path}`);
        }
        """
    )
    assert authorizations(world) == ["Bearer token-1", "Bearer token-2", None, None, None]
    for request in world.sent[:2]:
        assert request["headers"]["content-type"].startswith("multipart/form-data; boundary=")
        assert 'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n' in request["text"]


def test_an_upload_in_two_phases_carries_no_token_to_an_upload_url(world: World) -> None:
    """An `uploadUrl` counts with `direct` alone."""
    world.create("{ uploadStrategy: { type: 'two_phase', uploadUrl: 'https://api.example/upload' } }")
    world.run("await world.api.fetch('https://api.example/upload');")
    assert authorizations(world) == [None]


def test_what_the_page_asks_of_the_api_function_carries_the_token(world: World) -> None:
    """With `apiUrl`, its origin gets the token as the chat function's does, and no other."""
    world.create("{ apiUrl: 'https://rest.example/prod/api' }")
    world.run(
        """
        for (const host of ["rest.example", "rest.example.evil.example", "bucket.example"]) {
          await world.api.fetch(`https://${host}/prod/api/chatkit/attachments/atc_1`);
        }
        await world.post("threads.list");
        """
    )
    assert authorizations(world) == ["Bearer token-1", None, None, "Bearer token-1"]


def test_a_token_is_renewed_before_it_expires(world: World) -> None:
    """With less than a minute to go by the token's `exp`, the next request brings a new one along."""
    world.run("world.getToken = () => world.jwt({ sub: 'Zoë', exp: Date.now() / 1000 + 600 });")
    world.run("await world.post('threads.list');")
    world.wait(539_000)
    world.run("await world.post('threads.list');")
    world.wait(2_000)
    world.run("await world.post('threads.list');")
    first, second, third = authorizations(world)
    assert first == second != third


def test_a_short_token_is_used_for_half_its_life(world: World) -> None:
    """A token that is good for less than two minutes is not renewed with every request."""
    world.run("world.getToken = () => world.jwt({ exp: Date.now() / 1000 + 60 });")
    world.run("await world.post('threads.list');")
    world.wait(29_000)
    world.run("await world.post('threads.list');")
    world.wait(2_000)
    world.run("await world.post('threads.list');")
    first, second, third = authorizations(world)
    assert first == second != third


@pytest.mark.parametrize(
    "token",
    [
        "world.jwt({ exp: Date.now() / 1000 - 3600 })",
        "'opaque'",
        "'a.b.c'",
        "world.jwt({ sub: 'alice' })",
        "world.jwt({ exp: 'soon' })",
    ],
)
def test_a_token_that_tells_no_use_by_is_used_until_it_is_refused(world: World, token: str) -> None:
    """A page whose clock is wrong, and a token without a readable end, do not ask for a token with every request."""
    world.run(f"world.getToken = () => {token};")
    world.run("await world.post('threads.list');")
    world.wait(3_600_000)
    world.run("await world.post('threads.list');")
    assert world.value("world.given.length") == 1


@pytest.mark.parametrize("as_request", [False, True])
def test_a_refused_token_is_renewed_and_the_request_repeated_once(world: World, as_request: bool) -> None:
    """After a 401 the same request goes out once more, with its body and headers; `getToken` hears what was refused."""
    world.run(DENY.format("['Bearer token-1']"))
    world.run(
        """
        const { getToken } = world;
        world.used = [];
        world.getToken = (used) => {
          world.used.push(used);
          return getToken();
        };
        """
    )
    init = "{ method: 'POST', body: '{\"a\":1}', headers: { 'content-type': 'application/json' } }"
    target = f"new Request(world.api.url, {init})" if as_request else f"world.api.url, {init}"
    assert world.run(f"return (await world.api.fetch({target})).status;") == 200
    assert authorizations(world) == ["Bearer token-1", "Bearer token-2"]
    assert [request["text"] for request in world.sent] == ['{"a":1}'] * 2
    assert {request["headers"]["content-type"] for request in world.sent} == {"application/json"}
    assert world.value("world.used") == [None, "token-1"]


def test_parallel_refusals_share_one_renewal(world: World) -> None:
    """Requests that are refused together, and one whose refusal comes when the renewal is over, use the one new token."""
    world.run(
        """
        let late;
        const wait = new Promise((resolve) => (late = resolve));
        world.reply = async ({ authorization, params }) => {
          if (authorization !== "Bearer token-1") return new Response("");
          if (params.late) await wait;
          return new Response("", { status: 401 });
        };
        const slow = world.post("threads.list", { late: true });
        await Promise.all([world.post("threads.list"), world.post("threads.list")]);
        late();
        await slow;
        """
    )
    assert world.value("world.given") == ["token-1", "token-2"]
    assert sorted(map(str, authorizations(world))) == ["Bearer token-1"] * 3 + ["Bearer token-2"] * 3


def test_a_second_401_is_handed_on(world: World) -> None:
    """A backend that refuses every token is asked twice for each of ChatKit's requests, and no more."""
    world.run("world.reply = () => Response.json({ message: 'no' }, { status: 401 });")
    assert world.run("return (await (await world.post('threads.list')).json()).message;") == "no"
    assert len(world.sent) == 2
    assert world.run("return (await world.post('threads.list')).status;") == 401
    assert len(world.sent) == 4


def test_a_stream_is_renewed_like_any_request(world: World) -> None:
    """A streaming request that was refused with 401 streams with the new token."""
    world.run(
        "world.c = world.connection(); world.reply = (request) => request.authorization === 'Bearer token-1'"
        " ? new Response('', { status: 401 }) : world.c.answer(request);"
        "world.t = world.chat('threads.add_user_message', { thread_id: 'thr_1' });"
        "await world.settle(); world.c.event({ type: 'stream_options' }); world.c.end();"
    )
    assert world.value("[world.t.status, world.t.outcome]") == [200, "end"]
    assert authorizations(world) == ["Bearer token-1", "Bearer token-2"]


REFRESHING: Final = """
world.refreshed = 0;
const chat = world.reply;
world.reply = (request) => {
  if (!request.url.endsWith("/api/chatkit/refresh")) return chat(request);
  world.refreshed += 1;
  return world.onRefresh();
};
world.onRefresh = () => Response.json({ client_secret: `refreshed-${world.refreshed}`, expires_at: 0 });
"""


def test_a_token_is_renewed_by_the_backend_first(world: World) -> None:
    """With `refreshUrl` the page's own server is asked for the first token alone; the next comes for the one before."""
    world.create("{ refreshUrl: '/api/chatkit/refresh' }")
    world.run(DENY.format("['Bearer token-1', 'Bearer refreshed-1']"))
    world.run(REFRESHING)
    world.run("await world.post('threads.list');")
    first, refresh, second = world.sent[:3]
    assert (first["authorization"], second["authorization"]) == ("Bearer token-1", "Bearer refreshed-1")
    assert refresh["text"] == '{"currentClientSecret":"token-1"}'
    assert refresh["headers"]["content-type"] == "application/json"
    assert refresh["authorization"] is None
    world.run("await world.post('threads.list');")
    assert world.sent[-2]["text"] == '{"currentClientSecret":"refreshed-1"}'
    assert world.value("world.given") == ["token-1"]


@pytest.mark.parametrize(
    "answer",
    [
        "Response.json({ code: 'unauthenticated' }, { status: 401 })",
        "new Response('', { status: 503 })",
        "new Response('<html>')",
        "Response.json({})",
        "Promise.reject(new TypeError('network'))",
    ],
)
def test_where_a_session_is_over_the_page_is_asked_again(world: World, answer: str) -> None:
    """A token that the backend does not renew, for whatever reason, is asked for as the first was."""
    world.create("{ refreshUrl: '/api/chatkit/refresh' }")
    world.run(DENY.format("['Bearer token-1']"))
    world.run(REFRESHING)
    world.run(f"world.onRefresh = () => {answer};")
    assert world.run("return (await world.post('threads.list')).status;") == 200
    assert authorizations(world) == ["Bearer token-1", None, "Bearer token-2"]
    assert world.value("[world.given, world.refreshed]") == [["token-1", "token-2"], 1]


def test_without_the_address_nothing_is_refreshed(world: World) -> None:
    """A page that renews by its own server alone goes on to."""
    world.run(DENY.format("['Bearer token-1']"))
    world.run("await world.post('threads.list');")
    assert len(world.sent) == 2
    assert world.value("world.given") == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("get_token", "error"),
    [
        ("() => { throw new Error('signed out'); }", "Error: signed out"),
        ("() => Promise.reject(new Error('no route'))", "Error: no route"),
        ("() => ''", "TypeError: getToken gave no token"),
        ("() => ({ client_secret: 'x' })", "TypeError: getToken gave no token"),
    ],
)
@pytest.mark.parametrize("streams", ["false", "true"])
def test_a_token_route_that_fails_is_the_requests_error(world: World, get_token: str, error: str, streams: str) -> None:
    """ChatKit hears why there is no token, nothing is sent without one, and the next request asks again."""
    world.run(f"world.working = world.getToken; world.getToken = {get_token};")
    said = f"await world.post('threads.create', {{}}, {{ streams: {streams} }}).catch(String)"
    assert world.run(f"return {said};") == error
    assert world.sent == []
    world.run(f"world.getToken = world.working; {said};")
    assert len(world.sent) == 1
    assert world.value("world.unhandled") == []


def test_a_token_route_that_hangs_is_given_up(world: World) -> None:
    """After 30 s without a token the request fails; the next one asks again."""
    world.run("world.working = world.getToken; world.getToken = () => new Promise(() => {});")
    world.run("world.post('threads.list').catch((error) => (world.failure = error.name));")
    assert world.value("world.deadlines.map(({ ms }) => ms)") == [30_000]
    world.run("world.deadlines[0].pass();")
    assert world.value("world.failure") == "TimeoutError"
    world.run("world.getToken = world.working; await world.post('threads.list');")
    assert len(world.sent) == 1


def test_a_tool_that_throws_gives_its_message_as_the_result(world: World) -> None:
    """Whatever a handler throws reaches the assistant as `{"error": ...}`; what it returns passes as it is."""
    assert world.run(
        """
        const { withErrorResults } = world;
        const results = [];
        for (const handler of [
          ({ name, params }) => ({ name, params }),
          async () => ({ later: true }),
          () => { throw new Error("No such map."); },
          async () => { throw new RangeError(); },
          () => Promise.reject("just words"),
          () => {},
        ]) results.push(await withErrorResults(handler)({ name: "tool", params: { a: 1 } }));
        return results;
        """
    ) == [
        {"name": "tool", "params": {"a": 1}},
        {"later": True},
        {"error": "No such map."},
        {"error": "RangeError"},
        {"error": "just words"},
        {},
    ]

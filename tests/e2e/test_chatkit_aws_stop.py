"""`web/chatkit-aws.js` in the browser: which aborts are a Stop, and how the backend hears of it."""

from typing import Final

import pytest

from tests.e2e.support.api_world import World

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

CONNECT: Final = """
  world.c = world.connection();
  world.reply = (request) => request.type === "threads.stop" ? Response.json({}) : world.c.answer(request);
"""
SEND: Final = f"""
  {CONNECT}
  world.t = world.chat("threads.add_user_message", {{ thread_id: "thr_1", input: {{}} }});
"""
"""Sends a message; the answer comes through `world.c`, and `world.t` is how ChatKit sees it."""

CREATE: Final = SEND.replace("threads.add_user_message", "threads.create").replace('thread_id: "thr_1", ', "")
BEGIN: Final = (
    'await world.settle(); world.c.event({ type: "stream_options", stream_options: {} }); await world.settle();'
)
CREATED: Final = (
    'await world.settle(); world.c.event({ type: "thread.created", thread: { id: "thr_9" } }); await world.settle();'
)
STOP: Final = "world.t.stop();"


def stopped(world: World) -> list[str]:
    """The threads that the backend was told to stop."""
    return [request["params"]["thread_id"] for request in world.stops]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_passes_unchanged_and_its_natural_end_is_no_stop(world: World, size: int) -> None:
    """Whatever the cuts, ChatKit reads the very bytes; the abort that follows its last one stops nothing."""
    text = ': hello\n\ndata: {"type":"thread.created","thread":{"id":"thr_9"}}\n\ndata: {"text":"Zoë 🙂"}\r\n\r\n'
    world.run(CREATE)
    world.run(
        f"const bytes = new TextEncoder().encode({text!r}); const chunks = [];"
        f"for (let at = 0; at < bytes.length; at += {size}) chunks.push(bytes.slice(at, at + {size}));"
        "const { write } = world.c; const encode = TextEncoder.prototype.encode;"
        "TextEncoder.prototype.encode = (chunk) => chunk;"
        "for (const chunk of chunks) write(chunk); TextEncoder.prototype.encode = encode; world.c.end();"
        "await world.t.done;"
    )
    assert world.value("[world.t.outcome, world.t.text]") == ["end", text]
    assert [request["type"] for request in world.sent] == ["threads.create"]


def test_a_stream_is_read_no_faster_than_chatkit_reads(world: World) -> None:
    """What ChatKit has not asked for stays in the connection."""
    world.run(
        "world.pulls = 0; world.reply = () => new Response(new ReadableStream({ pull(controller) {"
        " world.pulls += 1; controller.enqueue(new Uint8Array([58, 10])); } }, { highWaterMark: 0 }));"
        "const answer = await world.post('threads.create', {}, { streams: true });"
        "world.r = answer.body.getReader(); await world.settle(); await world.r.read();"
    )
    assert world.value("world.pulls") == 1
    world.run("await world.r.read();")
    assert world.value("world.pulls") == 2


def test_stop_posts_one_stop_and_lets_the_stream_go(world: World) -> None:
    """The page sees its abort, the backend one `threads.stop` with the token that outlives the page, the connection ends."""
    world.run(SEND + BEGIN + STOP)
    assert world.value("world.t.outcome") == "AbortError"
    assert world.value("world.c.isCut") is True
    (stop,) = world.stops
    assert stop["text"] == '{"type":"threads.stop","params":{"thread_id":"thr_1"}}'
    assert stop["url"] == world.value("world.api.url")
    assert (stop["method"], stop["keepalive"], stop["authorization"]) == ("POST", True, "Bearer token-1")
    assert stop["headers"]["content-type"] == "application/json"
    world.wait(60_000)
    assert stopped(world) == ["thr_1"]


@pytest.mark.parametrize("head", [True, False])
def test_a_stop_before_the_first_event_waits_for_it(world: World, head: bool) -> None:
    """The page sees its abort at once; the stop leaves when the turn has begun, which no keep-alive comment says."""
    world.run(CONNECT)
    if not head:
        world.run(
            "const { reply } = world; const held = new Promise((resolve) => (world.go = resolve));"
            "world.reply = async (request) => { if (request.type !== 'threads.stop') await held; return reply(request); };"
        )
    world.run("world.t = world.chat('threads.add_user_message', { thread_id: 'thr_1' });")
    world.run("await world.settle();" + STOP)
    assert world.value("world.t.outcome") == "AbortError"
    if not head:
        assert world.value("world.c.isCut") is False
        world.run("world.go();")
    world.run("world.c.write(': keep-alive\\n\\n');")
    assert stopped(world) == []
    assert world.value("world.c.isCut") is False
    world.run(BEGIN)
    assert stopped(world) == ["thr_1"]
    assert world.value("world.c.isCut") is True


def test_a_new_thread_is_stopped_by_the_id_that_its_stream_tells(world: World) -> None:
    """A stop of `threads.create` names the thread of `thread.created`."""
    world.run(CREATE + CREATED + STOP)
    assert stopped(world) == ["thr_9"]
    assert world.value("world.t.outcome") == "AbortError"


def test_a_new_thread_is_stopped_before_it_is_known(world: World) -> None:
    """A stop that comes before `thread.created` waits for it, in however many pieces it comes."""
    world.run(CREATE + "await world.settle();" + STOP)
    assert world.value("world.t.outcome") == "AbortError"
    world.run('world.c.write(\'data: {"type":"thread.created",\'); await world.settle();')
    world.run('world.c.write(\'"thread":{"id":"thr_9"}}\'); await world.settle();')
    assert stopped(world) == []
    world.run("world.c.write('\\n\\n');")
    assert stopped(world) == ["thr_9"]
    assert world.value("world.c.isCut") is True


@pytest.mark.parametrize("end", ["world.c.end();", "world.c.break();"])
def test_a_stream_that_ends_before_its_turn_began_is_not_stopped(world: World, end: str) -> None:
    """A refused `threads.create` has no thread: after its end there is nothing to stop."""
    world.run(CREATE + "await world.settle();" + STOP)
    world.run("world.c.event({ type: 'error', code: 'custom', message: 'no' });" + end)
    assert world.stops == []


@pytest.mark.parametrize(
    "reply",
    [
        "Response.json({}, { status: 503 })",
        "Promise.reject(new TypeError('Failed to fetch'))",
        "world.c.break() ?? world.c.answer(request)",
    ],
)
def test_a_failure_is_no_stop(world: World, reply: str) -> None:
    """ChatKit is handed what went wrong; an abort after it stops nothing."""
    world.run(
        f"world.c = world.connection(); world.reply = (request) => {reply};"
        "world.t = world.chat('threads.add_user_message', { thread_id: 'thr_1' }); await world.t.done;"
    )
    assert world.value("world.t.status ?? world.t.outcome") in {503, 200, "TypeError"}
    assert world.value("world.signals[0].aborted") is False  # else the refusal could not be read
    world.run(STOP)
    assert len(world.sent) == 1


def test_a_stop_before_the_request_has_left_sends_nothing(world: World) -> None:
    """While the token is fetched there is no turn: the page sees its abort, and no request follows."""
    world.run(
        "world.getToken = () => new Promise((resolve) => (world.give = resolve));"
        + SEND
        + "await world.settle();"
        + STOP
    )
    assert world.value("world.t.outcome") == "AbortError"
    world.run("world.give('late');")
    assert world.sent == []


def test_a_request_that_was_aborted_before_is_not_sent(world: World) -> None:
    """A signal that has fired already sends nothing, whatever the request."""
    assert world.run(
        "const signal = AbortSignal.abort(); const names = [];"
        "for (const streams of [true, false]) {"
        "  await world.post('threads.create', {}, { streams, signal }).catch(({ name }) => names.push(name)); }"
        "return names;"
    ) == ["AbortError", "AbortError"]
    assert world.sent == []


@pytest.mark.parametrize("events", ["beforeunload pagehide", "pagehide", "beforeunload"])
def test_leaving_the_page_is_no_stop(world: World, events: str) -> None:
    """An abort after `beforeunload` or `pagehide` ends the request, and the turn goes on."""
    world.run(SEND + BEGIN)
    world.run(f"for (const name of '{events}'.split(' ')) dispatchEvent(new Event(name));" + STOP)
    assert world.value("world.t.outcome") == "AbortError"
    assert world.value("world.c.isCut") is True
    assert world.stops == []


def test_a_page_that_stays_can_be_stopped(world: World) -> None:
    """A `beforeunload` that came to nothing, as a download's, and a page that comes back do not take Stop away."""
    world.run(SEND + BEGIN + "dispatchEvent(new Event('beforeunload'));")
    world.wait(1001)
    world.run(STOP)
    assert stopped(world) == ["thr_1"]
    world.run(SEND + BEGIN + "for (const name of ['pagehide', 'pageshow']) dispatchEvent(new Event(name));" + STOP)
    assert stopped(world) == ["thr_1", "thr_1"]


def test_an_element_that_is_taken_away_is_no_stop(world: World) -> None:
    """A page that removes its chat, as a route of an app does, lets the turn go on."""
    world.run(SEND + BEGIN + "world.element.isConnected = false;" + STOP)
    assert world.value("world.c.isCut") is True
    assert world.stops == []


def test_a_reader_that_leaves_without_an_abort_is_no_stop(world: World) -> None:
    """Cancelling the body lets the connection go and stops nothing; an abort that still follows is the Stop button's."""
    world.run(
        CONNECT + "world.abort = new AbortController(); const answer = await world.post('threads.add_user_message',"
        " { thread_id: 'thr_1' }, { streams: true, signal: world.abort.signal });"
        "world.body = answer.body; world.c.event({ type: 'stream_options' });"
        "world.r = world.body.getReader(); await world.r.read(); await world.r.cancel();"
    )
    assert world.value("world.c.isCut") is True
    assert world.stops == []
    world.run("world.abort.abort();")
    assert stopped(world) == ["thr_1"]


def test_a_stop_that_fails_is_tried_again(world: World) -> None:
    """Network, time-out, 5xx and 429 are each followed by another attempt, four in all; the page sees nothing of it."""
    world.run(
        SEND
        + BEGIN
        + "const failures = [() => Promise.reject(new TypeError('Failed to fetch')), () => new Promise(() => {}),"
        " () => Response.json({}, { status: 429 }), () => Response.json({}, { status: 503 })];"
        "world.reply = () => failures.shift()();" + STOP
    )
    assert len(world.stops) == 1
    world.wait(499)
    assert len(world.stops) == 1
    world.wait(1)
    assert len(world.stops) == 2
    world.run("world.deadlines.at(-1).pass();")
    world.wait(2000)
    assert len(world.stops) == 3
    world.wait(5000)
    assert len(world.stops) == 4
    world.wait(600_000)
    assert len(world.stops) == 4


@pytest.mark.parametrize("status", [200, 400, 404, 413])
def test_an_answered_stop_is_not_repeated(world: World, status: int) -> None:
    """A stop that was taken, or refused for good, is not sent again."""
    world.run(SEND + BEGIN + f"world.reply = () => Response.json({{}}, {{ status: {status} }});" + STOP)
    world.wait(600_000)
    assert len(world.stops) == 1


def test_a_message_waits_for_the_stop_before_it(world: World) -> None:
    """A thread's next message leaves when the stop has been answered, which could meet the new turn; others do not wait."""
    world.run(
        SEND + BEGIN + "world.reply = (request) => request.type === 'threads.stop' ?"
        " new Promise((resolve) => (world.answer = () => resolve(Response.json({})))) : world.c.answer(request);" + STOP
    )
    world.run(
        "world.c = world.connection(); world.next = world.chat('threads.add_user_message', { thread_id: 'thr_1' });"
    )
    assert [request["type"] for request in world.sent] == ["threads.add_user_message", "threads.stop"]
    world.run("world.other = world.chat('threads.add_user_message', { thread_id: 'thr_2' });")
    assert world.sent[-1]["params"] == {"thread_id": "thr_2"}
    world.run("world.c = world.connection(); world.answer();")
    assert world.sent[-1]["params"] == {"thread_id": "thr_1"}
    world.run(BEGIN + "world.c.end();")
    assert world.value("world.next.outcome") == "end"


def test_a_message_ends_the_attempts_of_the_stop_before_it(world: World) -> None:
    """A stop whose first attempt failed is not repeated into the turn of a newer message, which ends the older by itself."""
    world.run(SEND + BEGIN + "world.reply = () => Response.json({}, { status: 503 });" + STOP)
    world.run(SEND.replace("world.c = ", "world.c = world.d = "))
    assert [request["type"] for request in world.sent] == [
        "threads.add_user_message",
        "threads.stop",
        "threads.add_user_message",
    ]
    world.wait(600_000)
    assert len(world.stops) == 1


def test_a_stop_leaves_other_streams_alone(world: World) -> None:
    """Of two streams that run, the one that is stopped is named, and the other reads on."""
    world.run(SEND + BEGIN + "world.first = { t: world.t, c: world.c };" + CREATE + CREATED + "world.first.t.stop();")
    assert stopped(world) == ["thr_1"]
    world.run("world.c.end();")
    assert world.value("[world.first.t.outcome, world.t.outcome]") == ["AbortError", "end"]
    assert stopped(world) == ["thr_1"]


def test_other_requests_are_aborted_as_they_are(world: World) -> None:
    """A request that does not stream is cut by its signal, and stops nothing."""
    world.run(
        "const controller = new AbortController(); world.reply = () => new Promise(() => {});"
        "world.post('threads.list', {}, { signal: controller.signal }).catch(({ name }) => (world.name = name));"
        "await world.settle(); controller.abort();"
    )
    assert world.value("world.name") == "AbortError"
    assert len(world.sent) == 1

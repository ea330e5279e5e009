"""`web/chatkit-aws.js` in the browser: an answer that another page began goes on growing in this one."""

from typing import Final

import pytest

from tests.e2e.support.api_world import World

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

THREADS: Final = """
  world.runs = new Set(["thr_1"]);
  world.reply = ({ params }) => Response.json({}, {
    headers: world.runs.has(params.thread_id) ? { "chatkit-turn": "running" } : {},
  });
  world.read = async (thread_id) => {
    await world.post("threads.get_by_id", { thread_id });
    await world.post("items.list", { thread_id, limit: 9999, order: "asc" });
  };
  world.onFetchUpdates = () => world.read("thr_1");
"""
"""A backend with one thread whose turn runs, and an element that reads it whenever it is asked to fetch updates."""

OPEN: Final = THREADS + "await world.read('thr_1');"
"""The page has been reloaded in that thread."""

ASK: Final = """
  const { reply } = world;
  world.c = world.connection();
  world.reply = (request) => request.type === "threads.add_user_message" ? world.c.answer(request) : reply(request);
  world.t = world.chat("threads.add_user_message", { thread_id: "thr_1" });
  await world.settle();
  world.c.event({ type: "stream_options" });
  await world.settle();
"""
"""The user writes into that thread: the answer comes through `world.c`."""

HIDE: Final = (
    "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
    "document.dispatchEvent(new Event('visibilitychange'));"
)

EVERY: Final = 5250
"""The pause between an answer and the next call, in ms: ChatKit keeps what it has read for 5 s."""


def test_updates_are_fetched_until_the_turn_is_over(world: World) -> None:
    """As often as ChatKit's memory of 5 s lets it matter, and no more after the answer that has brought the end."""
    world.run(OPEN)
    world.wait(EVERY - 1)
    assert world.calls == 0
    world.wait(1)
    assert world.calls == 1
    for calls in (2, 3, 4):
        world.wait(EVERY)
        assert world.calls == calls
    world.run("world.runs.clear();")
    world.wait(EVERY)
    assert world.calls == 5
    world.wait(600_000)
    assert world.calls == 5
    assert len(world.sent) == 12


def test_a_thread_without_a_turn_is_left_alone(world: World) -> None:
    """An answer without the header, or with another value, calls nothing."""
    world.run(THREADS + "world.runs.clear(); await world.read('thr_1');")
    world.wait(600_000)
    world.run(
        "world.reply = () => Response.json({}, { headers: { 'chatkit-turn': 'over' } }); await world.read('thr_1');"
    )
    world.wait(600_000)
    assert world.calls == 0


def test_the_items_alone_can_say_that_a_turn_runs_but_not_that_it_is_over(world: World) -> None:
    """`items.list` comes second: the thread that was read before it may have held half an answer."""
    world.run(
        f"""
        {THREADS}
        const {{ reply }} = world;
        world.reply = (request) => request.type === "items.list" ? Response.json({{}}) : reply(request);
        await world.read("thr_1");
        """
    )
    world.wait(EVERY)
    assert world.calls == 1
    world.run("world.runs.clear();")
    world.wait(EVERY)
    world.wait(600_000)
    assert world.calls == 2

    world.run(
        "const headers = { 'chatkit-turn': 'running' };"
        "world.reply = ({ type }) => Response.json({}, type === 'items.list' ? { headers } : {});"
    )
    world.run("await world.read('thr_1');")
    world.wait(EVERY)
    assert world.calls == 3


def test_a_call_that_sent_nothing_is_repeated_each_second(world: World) -> None:
    """After a hover over the history ChatKit keeps a thread for 30 s: the first call that it heeds is not missed."""
    world.run(OPEN + "world.onFetchUpdates = () => {};")
    world.wait(EVERY)
    world.wait(24_000)
    assert world.calls == 25
    world.run("world.onFetchUpdates = () => world.read('thr_1');")
    world.wait(1000)
    assert world.calls == 26
    assert len(world.sent) == 4
    world.wait(EVERY - 1)
    assert world.calls == 26
    world.wait(1)
    assert world.calls == 27


def test_an_element_that_never_sends_anything_is_given_up(world: World) -> None:
    """Where nothing is sent for longer than ChatKit keeps a thread, nobody looks at it: the calls end."""
    world.run(OPEN + "world.onFetchUpdates = () => {};")
    world.wait(3_600_000)
    assert world.calls == 40
    world.run("await world.read('thr_1'); world.onFetchUpdates = () => world.read('thr_1');")
    world.wait(EVERY)
    assert world.calls == 41


def test_a_slow_answer_is_waited_for(world: World) -> None:
    """While an update is on its way, no other is asked for."""
    world.run(
        f"""
        {OPEN}
        const {{ reply }} = world;
        world.reply = (request) => new Promise((resolve) => (world.answer = () => resolve(reply(request))));
        """
    )
    world.wait(EVERY)
    world.wait(60_000)
    assert world.calls == 1
    world.run("world.answer();")
    world.run("world.answer();")
    world.wait(EVERY)
    assert world.calls == 2


@pytest.mark.parametrize("event", ["chatkit.thread.change", "chatkit.thread.load.start"])
def test_another_thread_ends_it(world: World, event: str) -> None:
    """When another thread is open, the one before is not asked for; on the way back it is, even without a new reading."""
    world.run(OPEN + f"world.threadIs('thr_2', '{event}');")
    world.wait(600_000)
    assert world.calls == 0
    world.run(f"world.threadIs('thr_1', '{event}');")
    world.wait(1000)
    assert world.calls == 1


def test_a_new_thread_ends_it(world: World) -> None:
    """In a new thread, which has no id yet, nothing is asked for."""
    world.run(OPEN + "world.threadIs(null);")
    world.wait(600_000)
    assert world.calls == 0


def test_a_thread_that_is_read_ahead_changes_nothing(world: World) -> None:
    """A hover over the history reads a thread that is not open: it neither ends nor delays the calls for the open one."""
    world.run(OPEN)
    world.wait(3000)
    world.run("await world.post('threads.get_by_id', { thread_id: 'thr_2' });")
    world.wait(EVERY - 3000)
    assert world.calls == 1


def test_a_turn_that_was_seen_ahead_is_followed_when_its_thread_opens(world: World) -> None:
    """A running thread that was read ahead is not asked for before it is opened, and then without another reading."""
    world.run(THREADS + "world.runs = new Set(['thr_2']); await world.read('thr_1');")
    world.run("await world.post('threads.get_by_id', { thread_id: 'thr_2' });")
    world.wait(600_000)
    assert world.calls == 0
    world.run("world.threadIs('thr_2');")
    world.wait(1000)
    assert world.calls == 1


def test_the_thread_that_is_open_already_changes_nothing(world: World) -> None:
    """An element that tells of its thread again, as when it has loaded it anew, is not called the sooner for it."""
    world.run(OPEN)
    world.wait(EVERY - 1)
    world.run("world.threadIs('thr_1'); world.threadIs('thr_1', 'chatkit.thread.load.start');")
    assert world.calls == 0
    world.wait(1)
    assert world.calls == 1


def test_a_stream_of_the_pages_own_pauses_it(world: World) -> None:
    """While a stream runs the element would wait: the calls go on at its end, and bring what the older turn has stored."""
    world.run(OPEN)
    world.run(ASK)
    world.wait(600_000)
    world.run("await world.read('thr_1');")
    world.wait(600_000)
    assert world.calls == 0
    world.run("world.runs.clear(); world.c.end(); await world.t.done;")
    world.wait(1000)
    assert world.calls == 1
    world.wait(600_000)
    assert world.calls == 1


@pytest.mark.parametrize(
    "end",
    [
        "world.t.stop();",
        "world.c.break();",
        "world.c.end();",
        "world.r?.cancel();",
        "dispatchEvent(new Event('pagehide')); world.t.stop();",
    ],
)
def test_however_a_stream_ends_the_calls_go_on(world: World, end: str) -> None:
    """A stream that was stopped, broken, ended or left counts no longer, and once only."""
    world.run(OPEN)
    world.run(ASK)
    if "world.r" in end:
        world.run(
            "world.c.end(); await world.t.done; world.c = world.connection(); const answer = await world.post("
            "'threads.add_user_message', { thread_id: 'thr_1' }, { streams: true }); world.r = answer.body;"
        )
    world.run(end)
    world.wait(1000)
    assert world.calls == 1


@pytest.mark.parametrize(
    "failure", ["Promise.reject(new TypeError('Failed to fetch'))", "Response.json({}, { status: 503 })"]
)
def test_a_stream_that_never_began_ends_its_pause(world: World, failure: str) -> None:
    """A message that was not sent, or that was refused, lets the calls go on."""
    world.run(
        f"""
        {OPEN}
        const {{ reply }} = world;
        world.reply = (request) => request.type === "threads.add_user_message" ? {failure} : reply(request);
        world.t = world.chat("threads.add_user_message", {{ thread_id: "thr_1" }});
        await world.t.done;
        """
    )
    world.wait(1000)
    assert world.calls == 1


def test_a_thread_that_the_page_itself_created_is_the_open_one(world: World) -> None:
    """A thread of another tab that was read before is not asked for once a new thread has begun."""
    world.run(OPEN)
    world.run(
        "world.c = world.connection(); world.reply = world.c.answer; world.t = world.chat('threads.create');"
        "await world.settle(); world.c.event({ type: 'thread.created', thread: { id: 'thr_9' } }); world.c.end();"
    )
    world.wait(600_000)
    assert world.calls == 0


def test_a_stream_that_begins_late_does_not_open_its_thread_again(world: World) -> None:
    """A user who has gone to another thread before the first event came stays there."""
    world.run(
        f"""
        {THREADS}
        const {{ reply }} = world;
        world.c = world.connection();
        world.reply = (request) => request.type === "threads.add_user_message" ? world.c.answer(request) : reply(request);
        world.t = world.chat("threads.add_user_message", {{ thread_id: "thr_2" }});
        """
    )
    world.run("world.threadIs('thr_1'); await world.read('thr_1');")
    world.run("world.c.event({ type: 'stream_options' }); world.c.end();")
    world.wait(EVERY)
    assert world.calls == 1


def test_a_hidden_page_asks_for_nothing(world: World) -> None:
    """Calls pause while the page is hidden, and go on as soon as it shows."""
    world.run(OPEN + HIDE % "true")
    world.wait(600_000)
    assert world.calls == 0
    world.run(HIDE % "false")
    world.wait(1)
    assert world.calls == 1
    world.wait(EVERY)
    assert world.calls == 2


@pytest.mark.parametrize(
    "failure",
    [
        "Promise.reject(new TypeError('Failed to fetch'))",
        "Response.json({}, { status: 500 })",
        "Response.json({}, { status: 429 })",
    ],
)
def test_failures_slow_it_down(world: World, failure: str) -> None:
    """Each failure in a row doubles the pause, up to a minute; the first answer brings the usual pace back."""
    world.run(
        f"""
        {OPEN}
        world.working = world.reply;
        world.reply = () => {failure};
        world.onFetchUpdates = () => world.post("threads.get_by_id", {{ thread_id: "thr_1" }}).catch(() => {{}});
        """
    )
    world.wait(EVERY)
    assert world.calls == 1
    calls = 1
    for pause in (10_500, 21_000, 42_000, 60_000, 60_000):
        world.wait(pause - 1)
        assert world.calls == calls
        world.wait(1)
        calls += 1
        assert world.calls == calls
    world.run("world.reply = world.working;")
    world.wait(60_000)
    assert world.calls == calls + 1
    world.wait(EVERY)
    assert world.calls == calls + 2


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_thread_that_is_refused_is_left_alone(world: World, status: int) -> None:
    """A thread that was deleted, or that the user may no longer read, is not asked for again."""
    world.run(OPEN + f"world.reply = () => Response.json({{}}, {{ status: {status} }});")
    world.wait(600_000)
    assert world.calls == 1


@pytest.mark.parametrize(
    "failure", ["() => { throw new Error('not ready'); }", "() => Promise.reject(new Error('busy'))"]
)
def test_an_element_that_refuses_is_asked_again(world: World, failure: str) -> None:
    """What `fetchUpdates` throws reaches nobody, and the next call comes."""
    world.run(OPEN + f"world.onFetchUpdates = {failure};")
    world.wait(EVERY)
    world.wait(1000)
    assert world.calls == 2


def test_an_element_that_has_gone_is_not_called(world: World) -> None:
    """With another element in its place, which reads its own thread, the old one is forgotten."""
    world.run(
        f"""
        {OPEN}
        world.old = world.element;
        world.element = new EventTarget();
        world.fresh = 0;
        world.element.fetchUpdates = () => void (world.fresh += 1);
        """
    )
    world.wait(EVERY)
    assert world.value("[world.calls, world.fresh]") == [0, 0]
    world.run(
        """
        world.runs.add("thr_2");
        await world.read("thr_2");
        world.old.dispatchEvent(new CustomEvent("chatkit.thread.change", { detail: { threadId: null } }));
        """
    )
    world.wait(EVERY)
    assert world.value("[world.calls, world.fresh]") == [0, 1]


def test_the_element_is_the_pages_own_by_default(world: World) -> None:
    """Without the option, `<openai-chatkit>` of the page is called; a page without one has nothing to call."""
    world.create("{ element: undefined }")
    world.run(OPEN)
    world.wait(600_000)
    world.run(
        """
        const element = document.createElement("openai-chatkit");
        element.fetchUpdates = () => void (world.calls += 1);
        document.body.append(element);
        await world.read("thr_1");
        """
    )
    world.wait(EVERY)
    assert world.calls == 1

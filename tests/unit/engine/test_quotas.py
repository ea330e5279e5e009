"""Limits, as requests meet them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.engine.assistant import AssistantContext
from functions.engine.quotas import HOLD
from functions.errors import InternalError, LimitReached, SessionEnded, Unavailable
from functions.limits import NO_LIMITS, Amounts, Counter, Holder, Limits
from functions.metrics import Metrics
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.store.counters import Counted, Hold
from tests.support import virtual_time
from tests.support.assistants import CannedModel, ScriptedAssistant
from tests.support.chat import Chat, Json, message_input, types
from tests.support.memory_counters import MemoryCounters
from tests.support.memory_store import MemoryStore
from tests.support.streams import text_stream
from tests.support.turn_world import Slow

NOON = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)
MINUTE, DAY, TOKENS = Counter.MESSAGES_PER_MINUTE, Counter.MESSAGES_PER_DAY, Counter.TOKENS_PER_DAY
RUNNING, THREADS = Counter.RUNNING_TURNS, Counter.THREADS
ALICE = Holder("user", "alice")
FRAME = "5b8e6a52-3f4e-4f6c-9d8e-2f4f4d9e0c11"


def now() -> datetime:
    return NOON + timedelta(seconds=asyncio.get_running_loop().time())


def limited(
    assistant: Any = None, *, tenant: Amounts | None = None, anonymous: Amounts | None = None, **user: int
) -> Chat:
    """A chat whose users have limits, on a clock that is the event loop's."""
    store = MemoryStore(count_threads=True)
    chat = Chat(store=store, assistant=ScriptedAssistant(assistant) if assistant else None)
    chat.counters = store.counters
    chat.limits = Limits(
        user={Counter(name): limit for name, limit in user.items()}, anonymous=anonymous or {}, tenant=tenant or {}
    )
    chat.now = now
    return chat


async def create(chat: Chat, text: str = "Hi", **how: Any) -> list[Json]:
    return await chat.astream("threads.create", {"input": message_input(text)}, **how)


async def used(chat: Chat, holder: Holder = ALICE) -> Mapping[Counter, int]:
    assert chat.counters
    return await chat.counters.read(holder, at=now())


async def refusal(chat: Chat, kind: str = "threads.create", params: Json | None = None, **how: Any) -> LimitReached:
    """How a request is refused, after a look that nothing was written or counted, and no assistant asked."""
    before = await used(chat), await stored(chat)
    with pytest.raises(LimitReached) as caught:
        await chat.astream(kind, params or {"input": message_input()}, **how)
    assert (await used(chat), await stored(chat)) == before
    return caught.value


async def stored(chat: Chat) -> str:
    """All that alice has."""
    page = await chat.store.list_threads("alice", after=None, limit=100, order="asc")
    items = [
        await chat.store.list_items("alice", thread.id, after=None, limit=100, order="asc", hidden=True)
        for thread in page.data
    ]
    return "".join(each.model_dump_json() for each in [page, *items])


async def answer(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    async for event in context.answer(model="gpt-5.2", instructions="i"):
        yield event


def test_a_message_beyond_the_limit_is_refused_before_anything_is_done() -> None:
    """The error tells how long to wait, in the user's language; then the next one is let through."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=2)
        thread_id = (await create(chat))[0]["thread"]["id"]
        again = {"thread_id": thread_id, "input": message_input()}
        await chat.astream("threads.add_user_message", again)
        reached = await refusal(chat, "threads.add_user_message", again)
        assert (reached.status, reached.retry_after) == (429, 30)
        assert reached.message == "You have reached a limit. Please try again in 30 s."
        assert (
            reached.message_in(["de"])
            == "Sie haben eine Grenze erreicht. Bitte versuchen Sie es in 30 Sek. noch einmal."
        )
        await asyncio.sleep(30)
        await chat.astream("threads.add_user_message", again)
        assert await used(chat) == {MINUTE: 1}

    virtual_time.run(scenario())


@pytest.mark.parametrize(
    ("limit", "retry_after", "told"),
    [(DAY, 43_170, "12 h"), (MINUTE, 30, "30 s")],
)
def test_the_time_is_told_in_its_own_unit(limit: Counter, retry_after: int, told: str) -> None:
    """Hours until the day is over, seconds until the minute is."""

    async def scenario() -> None:
        chat = limited(messages_per_day=1) if limit == DAY else limited(messages_per_minute=1)
        await create(chat)
        reached = await refusal(chat)
        assert reached.retry_after == retry_after
        assert told in reached.message

    virtual_time.run(scenario())


@pytest.mark.parametrize(
    ("seconds", "told"), [(1, "1 s"), (60, "60 s"), (61, "2 min"), (3_600, "60 min"), (3_601, "2 h"), (86_400, "24 h")]
)
def test_a_wait_is_rounded_up(seconds: int, told: str) -> None:
    """Who comes when the message says is not refused for being early."""
    assert LimitReached.for_now(seconds).message == f"You have reached a limit. Please try again in {told}."


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("threads.create", {"input": message_input()}),
        ("threads.retry_after_item", {"thread_id": "t", "item_id": "i"}),
        ("threads.custom_action", {"thread_id": "t", "action": {"type": "a"}}),
        ("threads.sync_custom_action", {"thread_id": "t", "action": {"type": "a"}}),
        ("threads.add_client_tool_output", {"thread_id": "t", "result": 1}),
        ("threads.add_structured_input", {"thread_id": "t", "item_id": "i", "input": {}}),
        ("input.transcribe", {"audio_base64": "AAAA", "mime_type": "audio/webm"}),
    ],
)
def test_all_that_may_ask_a_model_is_limited(kind: str, params: Json) -> None:
    """A message is whatever begins an answer, or is heard."""

    async def scenario() -> None:
        chat = limited(messages_per_day=1)
        await create(chat)
        with pytest.raises(LimitReached):
            await chat._process(kind, params)

    virtual_time.run(scenario())


def test_reading_is_not_limited() -> None:
    """Who may write no more still reads, and deletes."""

    async def scenario() -> None:
        chat = limited(messages_per_day=1)
        thread_id = (await create(chat))[0]["thread"]["id"]
        await refusal(chat)
        assert len((await chat.aask("threads.list", {}))["data"]) == 1
        assert await chat.aask("threads.delete", {"thread_id": thread_id}) == {}

    virtual_time.run(scenario())


def test_what_begins_no_turn_is_not_counted() -> None:
    """A request that is refused for another reason, or fails, gives back what was counted."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=5, running_turns=5, threads=5)
        missing = {"thread_id": "thr_" + "0" * 26, "input": message_input()}
        for kind, params, how in (
            ("threads.add_user_message", missing, {}),
            ("threads.create", {"input": message_input()}, {"agent_type": "nobody"}),
            ("threads.create", {"input": message_input(attachments=["atc_1"])}, {}),
        ):
            assert types(await chat.astream(kind, params, **how)) == ["error"]
            assert await used(chat) == {}

    virtual_time.run(scenario())


def test_a_repeat_is_counted_once() -> None:
    """The same request again follows the turn that it has begun, also where the limit is reached by now."""

    async def scenario() -> None:
        chat = limited(Slow(10), messages_per_minute=1, running_turns=3)
        first = asyncio.create_task(create(chat, frame_id=FRAME))
        await asyncio.sleep(2)
        repeated = await create(chat, frame_id=FRAME)
        assert repeated[0] == (await first)[0]
        assert types(repeated)[-1] == "thread.item.done"
        chat = limited(Slow(10), messages_per_minute=9, running_turns=3)
        first = asyncio.create_task(create(chat, frame_id=FRAME))
        await asyncio.sleep(2)
        repeating = asyncio.create_task(create(chat, frame_id=FRAME))
        await asyncio.sleep(2)
        assert await used(chat) == {MINUTE: 1, RUNNING: 1}
        await asyncio.gather(first, repeating)
        assert await used(chat) == {MINUTE: 1}

    virtual_time.run(scenario())


def test_tokens_are_counted_when_the_answer_has_ended() -> None:
    """The answer that passes the limit is given whole; the next one is refused until the day is over."""

    async def scenario() -> None:
        chat = limited(answer, tokens_per_day=200)
        *events, last = text_stream("Hello")
        usage = {"input_tokens": 100, "output_tokens": 20}
        chat.model = CannedModel([*events, {**last, "response": {**last["response"], "usage": usage}}])
        for total in (120, 240):
            assert types(await create(chat))[-1] != "error"
            assert await used(chat) == {TOKENS: total}
        assert (await refusal(chat)).retry_after == 43_170

    virtual_time.run(scenario())


def test_so_many_answers_are_written_at_once() -> None:
    """A further one is an error that the user can retry, as no time frees the place; an answer that ends does."""

    async def scenario() -> None:
        chat = limited(Slow(10), running_turns=2)
        running = [asyncio.create_task(create(chat)) for _ in range(2)]
        await asyncio.sleep(5)
        reached = await refusal(chat)
        assert (reached.retry_after, reached.allow_retry) == (None, True)
        assert reached.message.startswith("Too many answers")
        await asyncio.gather(*running)
        assert await used(chat) == {}
        assert types(await create(chat))[-1] != "error"

    virtual_time.run(scenario())


def test_the_place_of_a_killed_function_is_free_after_a_minute() -> None:
    """Nobody gives it up, and a long answer that lives keeps its own."""

    async def scenario() -> None:
        chat = limited(Slow(200), running_turns=2)
        lives = asyncio.create_task(create(chat))
        assert chat.counters
        await chat.counters.count(ALICE, {}, {}, at=now(), hold=Hold("killed", now() + HOLD))
        await asyncio.sleep(50)
        await refusal(chat)
        await asyncio.sleep(11)
        further = asyncio.create_task(create(chat))
        await asyncio.sleep(1)
        assert await used(chat) == {RUNNING: 2}
        await asyncio.sleep(100)
        await refusal(chat)
        further.cancel()
        await asyncio.wait({further})
        assert await used(chat) == {RUNNING: 1}
        await lives
        assert await used(chat) == {}

    virtual_time.run(scenario())


def test_a_reader_who_leaves_gives_up_the_place() -> None:
    """However a stream is closed, its place is free."""

    async def scenario() -> None:
        chat = limited(Slow(10), running_turns=1)
        events = await chat.events("threads.create", {"input": message_input()})
        await anext(events)
        assert await used(chat) == {RUNNING: 1}
        await events.aclose()  # pyright: ignore[reportAttributeAccessIssue] - an async generator
        assert await used(chat) == {}

    virtual_time.run(scenario())


def test_so_many_threads_may_be_there() -> None:
    """One more is an error that says what to do; a deleted one makes room once what it has left is gone."""

    async def scenario() -> None:
        chat = limited(threads=2)
        thread_id = (await create(chat))[0]["thread"]["id"]
        await create(chat)
        reached = await refusal(chat)
        assert (reached.retry_after, reached.allow_retry) == (None, False)
        assert reached.message == "No more conversations can be kept. Delete one to begin another."
        await chat.astream("threads.add_user_message", {"thread_id": thread_id, "input": message_input()})
        await chat.aask("threads.delete", {"thread_id": thread_id})
        await chat.store.delete_contents("alice", thread_id)
        await create(chat)
        assert await used(chat) == {THREADS: 2}

    virtual_time.run(scenario())


def test_a_tenant_has_limits_of_its_own() -> None:
    """All its users together; who is refused by the tenant's has not used their own, and other tenants go on."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=5, tenant={MINUTE: 2, RUNNING: 9, THREADS: 9})
        acme = Holder("tenant", "acme")
        await create(chat, user="alice", tenant="acme")
        await create(chat, user="bob", tenant="acme")
        with pytest.raises(LimitReached):
            await create(chat, user="carol", tenant="acme")
        assert await used(chat, Holder("user", "acme\x1fcarol")) == {}
        assert await used(chat, acme) == {MINUTE: 2, THREADS: 2}
        await create(chat, user="alice", tenant="other")
        await create(chat, user="alice")
        assert await used(chat) == {MINUTE: 1, THREADS: 1}

    virtual_time.run(scenario())


def test_an_anonymous_user_has_tighter_limits() -> None:
    """Their own, not those of users who are known."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=9, anonymous={MINUTE: 1})
        await create(chat, is_anonymous=True)
        await refusal(chat, is_anonymous=True)
        await create(chat)

    virtual_time.run(scenario())


def test_where_nothing_is_limited_nothing_is_counted() -> None:
    """No write, and no place."""

    async def scenario() -> None:
        chat = limited(Slow(3))
        running = asyncio.create_task(create(chat, tenant="acme"))
        await asyncio.sleep(1)
        assert await used(chat) == {}
        assert await used(chat, Holder("tenant", "acme")) == {}
        await running

    virtual_time.run(scenario())


def test_of_any_number_at_once_the_limit_begins_a_thread() -> None:
    """A hundred of a thousand requests at the same time, and no other leaves anything behind."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=100)

        async def try_it() -> int:
            try:
                events = await create(chat)
            except LimitReached:
                return 0
            assert types(events)[0] == "thread.created"
            return 1

        assert sum(await asyncio.gather(*(try_it() for _ in range(1_000)))) == 100
        page = await chat.store.list_threads("alice", after=None, limit=100, order="asc")
        assert (len(page.data), page.has_more) == (100, False)

    virtual_time.run(scenario())


def test_an_operator_sees_that_a_limit_was_reached(caplog: pytest.LogCaptureFixture) -> None:
    """A line of the log and a metric name the limit and whose it is, and not who it was."""

    async def scenario() -> list[Json]:
        lines: list[str] = []
        chat = limited(messages_per_minute=1, tenant={DAY: 1})
        chat.metrics = Metrics(stage="test", write=lines.append)
        await create(chat, tenant="acme")
        await chat.counters.add(Holder("tenant", "acme"), {DAY: -1}, at=now())  # type: ignore[union-attr]
        with pytest.raises(LimitReached):
            await create(chat, tenant="acme")
        return [json.loads(line) for line in lines if "LimitReached" in line]

    with caplog.at_level(logging.WARNING, logger="functions"):
        (metric,) = virtual_time.run(scenario())
    expected = {"stage": "test", "limit": "messages_per_minute", "of": "user", "LimitReached": 1}
    assert expected.items() <= metric.items()
    (record,) = [each for each in caplog.records if each.getMessage() == "a limit was reached"]
    assert {"limit": "messages_per_minute", "of": "user", "request_id": "req-1"}.items() <= record.__dict__.items()
    assert "alice" not in f"{metric} {record.__dict__}"


class Failing(MemoryCounters):
    """Counters of which one call fails."""

    def __init__(self, call: str, error: Exception) -> None:
        super().__init__()
        self._call = call
        self._error = error

    def _fail(self, call: str) -> None:
        if call == self._call:
            raise self._error

    async def count(self, *args: Any, **kwargs: Any) -> Counted:
        self._fail("count")
        return await super().count(*args, **kwargs)

    async def end(self, *args: Any, **kwargs: Any) -> None:
        self._fail("end")
        await super().end(*args, **kwargs)

    async def renew(self, *args: Any, **kwargs: Any) -> None:
        self._fail("renew")
        await super().renew(*args, **kwargs)

    async def take_back(self, *args: Any, **kwargs: Any) -> None:
        self._fail("take_back")
        await super().take_back(*args, **kwargs)


@pytest.mark.parametrize("error", [Unavailable("down"), InternalError("broken")])
def test_what_cannot_be_counted_is_not_answered(error: Exception) -> None:
    """A database that is down would not store the message either: nothing is let through uncounted."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=1)
        chat.counters = Failing("count", error)
        with pytest.raises(type(error)):
            await create(chat)
        assert (await chat.store.list_threads("alice", after=None, limit=100, order="asc")).data == []

    virtual_time.run(scenario())


@pytest.mark.parametrize("call", ["end", "renew", "take_back"])
def test_an_answer_does_not_fail_for_a_count(call: str, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written behind or beside an answer is the operator's to see; a lost place is free after a minute."""

    async def scenario() -> None:
        chat = limited(Slow(30), running_turns=5)
        chat.counters = Failing(call, Unavailable("down"))
        assert types(await create(chat))[-1] == "thread.item.done"
        missing = {"thread_id": "thr_" + "0" * 26, "input": message_input()}
        assert types(await chat.astream("threads.add_user_message", missing)) == ["error"]

    with caplog.at_level(logging.WARNING, logger="functions"):
        virtual_time.run(scenario())
    assert any(record.__dict__.get("error") == "Unavailable" for record in caplog.records)


def test_a_session_that_was_ended_is_refused_while_it_is_counted() -> None:
    """By the error itself, which is a 401, and not in the stream; nothing stays counted, and nothing is written."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=2)
        await create(chat, session="here")
        before = await used(chat), await stored(chat)
        await chat.store.end_session("alice", "gone", until=NOON)
        for _ in range(3):
            with pytest.raises(SessionEnded):
                await create(chat, session="gone")
        assert (await used(chat), await stored(chat)) == before
        await create(chat, session="here")
        # Beyond the limit, too, that the session is over is what is said.
        with pytest.raises(SessionEnded):
            await create(chat, session="gone")
        with pytest.raises(LimitReached):
            await create(chat, session="here")

    virtual_time.run(scenario())


def test_a_repeat_beyond_the_limit_is_not_told_to_who_has_signed_out() -> None:
    """What the same request has begun before is for who is still there."""

    async def scenario() -> None:
        chat = limited(messages_per_minute=1)
        first = await create(chat, session="one", frame_id=FRAME)
        assert first
        await chat.store.end_session("alice", "one", until=NOON)
        with pytest.raises(SessionEnded):
            await create(chat, session="one", frame_id=FRAME)

    virtual_time.run(scenario())


def test_what_is_counted_is_checked_no_second_time() -> None:
    """The turn's own write asks nothing of the session: that was asked while the request was counted."""

    class Asking(MemoryStore):
        asked: list[str]

        async def create_thread(self, user: str, thread: Any, items: Any, *, turn: Any = None, **more: Any) -> None:
            self.asked.append(f"turn of {turn.session!r}")
            await super().create_thread(user, thread, items, turn=turn, **more)

        async def is_session_ended(self, user: str, session_id: str) -> bool:
            self.asked.append(f"read of {session_id!r}")
            return await super().is_session_ended(user, session_id)

    async def scenario() -> None:
        for is_limited, expected in ((True, ["read of 'one'", "turn of ''"]), (False, ["turn of 'one'"])):
            chat = limited(messages_per_minute=9)
            store = Asking(count_threads=True)
            store.asked = []
            chat.store, chat.counters = store, store.counters
            if not is_limited:
                chat.limits = NO_LIMITS
            await create(chat, session="one")
            assert store.asked == expected

    virtual_time.run(scenario())

"""Random histories of a user's threads, in virtual time: messages, repeats, stops, readings, deletions, faults and kills."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.errors import ChatKitLambdaError
from tests.support import faulty_store as faults
from tests.support import virtual_time
from tests.support.chat import Chat, Json, message_input, types
from tests.support.faulty_store import Fault, FaultyStore
from tests.support.mortal_store import Killed, MortalStore
from tests.support.performer import Performer
from tests.support.turn_aftermath import check_what_is_left, left_open
from tests.support.turn_world import Client, Slow, World

FAULTS: list[Fault] = [
    faults.throttled,
    faults.answer_lost,
    faults.broken,
    faults.hung,
    faults.done_late,
    faults.slow,
    faults.stale,
]
DEEDS = ["talk", "long", "widget", "workflow", "title", "tool", "fail"]
PAUSES = st.sampled_from([0.0, 0.3, 1.0, 2.5, 6.0])
WHICH = st.integers(0, 3)


@dataclass(frozen=True)
class Send:
    """A message: to a new thread, or to one that there is."""

    deed: str
    thread: int | None
    fault: int | None
    """What happens to the store for the function that answers, and at which of its calls."""
    at: int


@dataclass(frozen=True)
class Do:
    """Something else, to a thread or a function that there is."""

    what: str
    which: int


Step: TypeAlias = tuple[float, Send | Do]
STEPS = st.lists(
    st.tuples(
        PAUSES,
        st.builds(
            Send,
            deed=st.sampled_from(DEEDS),
            thread=st.none() | WHICH,
            fault=st.none() | st.none() | st.integers(0, len(FAULTS) - 1),
            at=st.integers(0, 8),
        )
        | st.builds(Do, what=st.sampled_from(["repeat", "repeat", "stop", "read", "kill", "delete"]), which=WHICH),
    ),
    min_size=1,
    max_size=9,
)


@dataclass
class Sent:
    """A request that was sent, and the function that serves it."""

    kind: str
    params: Json
    client: Client
    process: MortalStore
    is_killed: bool = False


class History:
    """Plays steps."""

    def __init__(self) -> None:
        self.world = World(Slow())
        self.assistant = Performer()
        self.sent: list[Sent] = []

    async def play(self, steps: Sequence[Step]) -> None:
        for pause, step in steps:
            await asyncio.sleep(pause)
            threads = await self.world.thread_ids()
            match step:
                case Send():
                    self.send(step, threads)
                case Do(what="repeat" | "kill") if self.sent:
                    getattr(self, step.what)(self.sent[step.which % len(self.sent)])
                case Do(what="stop" | "read" | "delete") if threads:
                    await self.ask(step.what, threads[step.which % len(threads)])
                case _:
                    pass

    def send(self, step: Send, threads: Sequence[str]) -> None:
        params: Json = {"input": message_input(f"{step.deed}:{len(self.sent)}")}
        kind = "threads.create"
        if step.thread is not None and threads:
            kind = "threads.add_user_message"
            params["thread_id"] = threads[step.thread % len(threads)]
        fault = None if step.fault is None else FAULTS[step.fault]
        self.post(kind, params, FaultyStore(self.world.memory, fault, at=step.at))

    def post(self, kind: str, params: Json, store: FaultyStore) -> None:
        process = MortalStore(cast("Any", store))
        client = Client(self.chat(process), kind, params, frame_id="a frame")
        self.sent.append(Sent(kind, params, client, process))

    def chat(self, process: MortalStore) -> Chat:
        return self.world.invocation(process, assistant=self.assistant)

    def repeat(self, sent: Sent) -> None:
        self.post(sent.kind, sent.params, FaultyStore(self.world.memory))

    def kill(self, sent: Sent) -> None:
        sent.process.kill()
        sent.is_killed = True

    async def ask(self, what: str, thread_id: str) -> None:
        kind = {"stop": "threads.stop", "read": "threads.get_by_id", "delete": "threads.delete"}[what]
        with suppress(ChatKitLambdaError, Killed):
            await self.world.invocation().aask(kind, {"thread_id": thread_id})

    def check_streams(self) -> None:
        """Each that was not killed has ended with an error, or with nothing left open."""
        for sent in self.sent:
            told = types(sent.client.events)
            assert sent.is_killed or told[-1:] == ["error"] or (told and not left_open(sent.client)), told


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_whatever_happens_what_was_seen_is_there_and_every_thread_goes_on(steps: list[Step]) -> None:
    """Streams end in order, what was told as done is stored once, nothing is pending, and a new message is answered."""

    async def main() -> None:
        history = History()
        await history.play(steps)
        await asyncio.gather(*(sent.client.task for sent in history.sent))
        history.check_streams()
        await check_what_is_left(history.world, history.assistant, [sent.client for sent in history.sent])

    virtual_time.run(main())

"""The same conversations with the official server and with ours, over the same assistant: the same answers, but for what
`differences.py` lists.
"""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_socket import disable_socket

from functions.protocol.requests import CHATKIT_REQ
from functions.runtime.loop import run
from tests.oracle import differences
from tests.oracle.differences import DIFFERENCES, Difference
from tests.oracle.running import hold
from tests.oracle.script import Change, Hide, Say
from tests.oracle.sequences import CONVERSATIONS
from tests.oracle.side import Conversation, Step
from tests.oracle.steps import (
    CALL,
    FAULT,
    HALF,
    OK,
    QUESTIONS,
    WIDGET,
    act,
    add,
    answer,
    card,
    create,
    delete,
    feedback,
    items,
    output,
    read,
    rename,
    retry,
    threads,
)
from tests.support.widgets import UNHURRIED

PROTOCOL_PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"

pytestmark = pytest.mark.filterwarnings("ignore:Direct usage of named widget classes:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """Neither server needs the network; unix sockets stay, as asyncio wakes its own loop through one."""
    disable_socket(allow_unix_socket=True)


@cache
def held(conversation: str, *, helped: bool) -> tuple[list[Difference], int]:
    """A conversation of the list, held once."""
    return run(hold(next(one for one in CONVERSATIONS if one.name == conversation), helped=helped))


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("helped", [False, True], ids=["events", "helpers"])
def test_both_servers_answer_the_same(conversation: Conversation, helped: bool) -> None:
    """Streams, JSON, what the assistant sees and what is stored are equal after every request."""
    _, requests = held(conversation.name, helped=helped)
    assert requests == len(conversation.steps), "the stores differ before the end: what follows is not compared"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one.name)
def test_each_listed_difference_still_occurs(difference: Difference) -> None:
    """A difference that is gone must go from the list, and from docs/protocol.md."""
    assert any(difference in _shown_by(one) for one in CONVERSATIONS)


def test_every_type_of_request_is_made() -> None:
    """All sixteen, or as many as there are by now, but for those that the official server does not know."""
    ours = {
        one["properties"]["type"]["const"] for one in CHATKIT_REQ.json_schema()["$defs"].values() if _is_request(one)
    }
    made = {step.kind for conversation in CONVERSATIONS for step in conversation.steps}
    assert ours - made <= {"attachments.get_preview", "threads.stop"}
    assert len(made & ours) == 16


def test_conversations_have_names_of_their_own() -> None:
    """A failure names one conversation."""
    assert len({one.name for one in CONVERSATIONS}) == len(CONVERSATIONS)


@pytest.mark.skipif(not PROTOCOL_PAGE.exists(), reason="docs/protocol.md is not there")
def test_the_protocols_page_quotes_the_differences() -> None:
    """Whoever moves over from the official server finds every one of them."""
    assert differences.table() in PROTOCOL_PAGE.read_text()


def _shown_by(conversation: Conversation) -> list[Difference]:
    try:
        return held(conversation.name, helped=False)[0]
    except AssertionError:
        return []  # the first test says what is wrong with it


def _is_request(schema: dict) -> bool:
    return "params" in schema["properties"] and "const" in schema["properties"].get("type", {})


# --- conversations that nobody thought of ---

SCRIPTS = st.lists(
    st.sampled_from(
        [
            OK,
            OK,
            Say(("a", "b")),
            WIDGET,
            QUESTIONS,
            CALL,
            Hide("note"),
            Change({"title": "Cats"}),
            Change({"metadata": {"n": 1}}),
            HALF,
            FAULT,
        ]
    ),
    max_size=3,
)
THREADS = st.sampled_from(["$t1", "$t1", "$t1", "$t2", "nonsense"])
ITEMS = st.sampled_from(["$u1", "$u2", "$u3", "$m", "$w", "$q", "$c", "nonsense"])
LOCK = Change({"status": {"type": "locked"}})


def _pages(thread: str, limit: int | None, order: str, after: str | None) -> Step:
    return items(thread, limit=limit, order=order, after=after)


STEPS = st.one_of(
    st.builds(lambda script: create(*script), SCRIPTS),
    st.builds(lambda script, thread: add(*script, thread=thread), SCRIPTS, THREADS),
    st.builds(lambda script: add(*script), SCRIPTS),
    st.builds(lambda script, thread: output({"n": 1}, *script, thread=thread), SCRIPTS, THREADS),
    st.builds(lambda script, item: answer(*script, item=item, answers={"one": {"values": ["a"]}}), SCRIPTS, ITEMS),
    st.builds(lambda script: answer(*script, status="skipped"), SCRIPTS),
    st.builds(lambda script, item, thread: retry(item, *script, thread=thread), SCRIPTS, ITEMS, THREADS),
    st.builds(lambda script, item: act(*script, item=item), SCRIPTS, ITEMS | st.none()),
    st.builds(lambda item: act(item=item, sync=True), ITEMS | st.none()),
    st.builds(read, THREADS),
    st.builds(
        _pages,
        THREADS,
        st.sampled_from([None, 0, 1, 2, 5, 9999]),
        st.sampled_from(["asc", "desc"]),
        ITEMS | st.none(),
    ),
    st.builds(
        lambda limit, order, after: threads(limit=limit, order=order, after=after),
        st.sampled_from([None, 1, 2]),
        st.sampled_from(["asc", "desc"]),
        st.sampled_from([None, "$t1", "$t2"]),
    ),
    st.builds(rename, st.sampled_from(["Dogs", ""]), THREADS),
    st.builds(delete, THREADS),
    st.builds(lambda item, kind: feedback(item, kind=kind), ITEMS, st.sampled_from(["positive", "negative"])),
    st.just(add(LOCK, OK)),
    st.just(act(OK, item="$w", payload=card("1"))),
)


@settings(UNHURRIED, max_examples=400)
@given(script=SCRIPTS, steps=st.lists(STEPS, min_size=1, max_size=8), helped=st.booleans())
def test_both_servers_answer_the_same_in_any_conversation(script: list, steps: list[Step], helped: bool) -> None:
    """As far as the stores are the same: whatever order requests come in, nothing but the listed differences is seen."""
    conversation = Conversation("any", (create(*script), *steps))
    assert run(hold(conversation, helped=helped))[1] >= 1

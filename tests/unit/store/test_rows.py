"""Rows and what they stand for."""

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import InternalError, InvalidRequest, NotFound
from functions.protocol.items import (
    AssistantMessageItem,
    ClientToolCallItem,
    EndOfTurnItem,
    HiddenContextItem,
    SDKHiddenContextItem,
    ThreadItem,
    UserMessageItem,
    WidgetItem,
)
from functions.protocol.messages import AssistantMessageContent, InferenceOptions, UserMessageTextContent
from functions.protocol.threads import ActiveStatus, ClosedStatus, LockedStatus, ThreadMetadata
from functions.store import rows
from functions.store.rows import ITEM_BYTES, THREAD_BYTES, TRANSACTION_BYTES, Packed
from tests.support.threads import assistant_message, hidden_context, new_thread, user_message

THREAD = "thr_" + "0" * 26
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(text, json_values, max_size=4)
moments = st.datetimes(timezones=st.just(UTC))
common = {"id": st.just("msg_" + "1" * 26), "thread_id": st.just(THREAD), "created_at": moments}
items = st.one_of(
    st.builds(
        UserMessageItem,
        **common,
        content=st.lists(st.builds(UserMessageTextContent, text=text, type=st.just("input_text")), max_size=2),
        attachments=st.just([]),
        quoted_text=st.none() | text,
        inference_options=st.just(InferenceOptions()),
        type=st.just("user_message"),
    ),
    st.builds(
        AssistantMessageItem,
        **common,
        content=st.lists(st.builds(AssistantMessageContent, text=text, annotations=st.just([])), max_size=2),
        type=st.just("assistant_message"),
    ),
    st.builds(ClientToolCallItem, **common, call_id=text, name=text, arguments=json_objects, output=json_values),
    st.builds(WidgetItem, **common, widget=json_objects, copy_text=st.none() | text),
    st.builds(HiddenContextItem, **common, content=json_values),
    st.builds(SDKHiddenContextItem, **common, content=text),
    st.builds(EndOfTurnItem, **common),
)
statuses = st.builds(ActiveStatus) | st.builds(LockedStatus, reason=st.none() | text) | st.builds(ClosedStatus)
threads = st.builds(
    ThreadMetadata,
    id=st.just(THREAD),
    title=st.none() | text,
    created_at=moments,
    status=statuses,
    allowed_image_domains=st.none() | st.lists(text, max_size=2),
    metadata=json_objects,
)


def pack(*stored: ThreadItem) -> list[Packed]:
    """The items' rows; S3 objects are named as their items."""
    return rows.pack_items("alice", THREAD, stored, object_key=lambda item_id: f"there/{item_id}")


def read(packed: Packed) -> ThreadItem:
    """The item of a row, with its object."""
    assert rows.pointer(packed.row) == packed.pointer
    return rows.read_item(packed.row, packed.body if packed.pointer else None)


@settings(deadline=None)
@given(item=items)
def test_any_item_comes_back(item: ThreadItem) -> None:
    """Whatever an item holds, null or text of any script, is read as it was stored, and hidden items are marked."""
    [packed] = pack(item)
    assert read(packed) == item
    assert (rows.HIDDEN in packed.row) == (item.type in {"hidden_context_item", "sdk_hidden_context"})


@settings(deadline=None)
@given(thread=threads)
def test_any_thread_comes_back(thread: ThreadMetadata) -> None:
    """Whatever a thread holds is read as it was stored; its status can be tested without reading the document."""
    row = rows.thread_row("alice", thread)
    assert rows.read_thread(row) == thread
    assert rows.status(row) == thread.status.type


@settings(deadline=None, max_examples=25)
@given(sizes=st.lists(st.sampled_from([10, 299_000, 301_000, 500_000, 1_000_000]), max_size=25), dense=st.booleans())
def test_no_limit_of_dynamodb_is_passed(sizes: list[int], dense: bool) -> None:
    """Whatever the sizes of a call's items: each row stays below 400 KB, all together below 4 MB, and each comes back."""
    source = random.Random(len(sizes))
    texts = [source.randbytes(size // 2).hex() if dense else "x" * size for size in sizes]
    stored = [user_message(THREAD, text) for text in texts]
    packed = pack(*stored)
    weights = [sum(len(name) + _weight(value) for name, value in one.row.items()) for one in packed]
    assert max(weights, default=0) < 400 * 1024
    assert sum(weights) < TRANSACTION_BYTES + 25 * 1024 < 4 * 1024 * 1024
    assert [read(one) for one in packed] == stored
    for one, item in zip(packed, stored, strict=True):
        assert abs(rows.size(one.row) - len(item.model_dump_json(exclude_none=True))) < 10


def _weight(value: Any) -> int:
    [content] = value.values()
    return len(content.encode() if isinstance(content, str) else content)


def test_small_items_are_plain_text_in_their_row() -> None:
    """What has room in a row is neither compressed nor elsewhere, so that an operator can read it."""
    [packed] = pack(user_message(THREAD, "Hello"))
    assert "Hello" in packed.row["doc"].get("S", "")
    assert packed.pointer is None


def test_a_time_of_another_zone_is_stored_in_utc() -> None:
    """Nothing but UTC is stored, and the instant stays."""
    late = NOON.astimezone(timezone(timedelta(hours=-9)))
    [packed] = pack(user_message(THREAD).model_copy(update={"created_at": late}))
    assert '"2026-03-01T12:00:00Z"' in packed.row["doc"].get("S", "")
    row = rows.thread_row("alice", new_thread().model_copy(update={"created_at": late}))
    assert rows.read_thread(row).created_at.isoformat() == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("content", [object(), "\ud800", {"a": ["\udfff"]}])
def test_what_is_no_json_is_a_fault_of_the_author(content: Any) -> None:
    """An item or metadata that cannot be JSON is refused before anything is written."""
    with pytest.raises(InternalError, match="no JSON"):
        pack(hidden_context(THREAD, content))
    with pytest.raises(InternalError, match="no JSON"):
        rows.thread_row("alice", new_thread(metadata={"a": content}))


def test_what_is_too_large_is_refused() -> None:
    """Items over 8 MB and threads over 250 KB are refused, and the error does not quote them."""
    with pytest.raises(InternalError, match="8,000,000") as caught:
        pack(assistant_message(THREAD, "x" * ITEM_BYTES))
    assert "xxx" not in str(caught.value)
    with pytest.raises(InternalError, match="250,000"):
        rows.thread_row("alice", new_thread(metadata={"a": "x" * THREAD_BYTES}))


def test_ids_of_others_are_refused() -> None:
    """Only ids with a position can be stored; an item cannot lie in a thread whose id has none."""
    with pytest.raises(InternalError):
        rows.thread_row("alice", new_thread().model_copy(update={"id": "thread_1"}))
    with pytest.raises(InternalError):
        pack(user_message(THREAD).model_copy(update={"id": "item_1"}))
    with pytest.raises(NotFound):
        rows.pack_items("alice", "thread_1", [], object_key=str)
    with pytest.raises(NotFound):
        rows.feedback_rows("alice", "thread_1", [], "positive")
    with pytest.raises(InvalidRequest, match=r"params\.item_ids\.1"):
        rows.feedback_rows("alice", THREAD, ["msg_" + "1" * 26, "item_1"], "positive")


def _damaged(row: rows.Row, **changes: Any) -> rows.Row:
    changed: dict[str, Any] = {**row, **changes}
    return {name: value for name, value in changed.items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [{"v": {"N": "2"}}, {"v": None}, {"doc": None}, {"doc": {"S": "{"}}, {"doc": {"S": "{}"}}, {"doc": {"N": "1"}}],
    ids=str,
)
def test_a_damaged_row_names_itself_but_not_its_content(changes: dict[str, Any]) -> None:
    """A row of another version or with a broken document is an error that names its sort key and quotes nothing."""
    [packed] = pack(user_message(THREAD, "dear diary"))
    for broken, reader in (
        (_damaged(packed.row, **changes), rows.read_item),
        (_damaged(rows.thread_row("alice", new_thread(title="dear diary")), **changes), rows.read_thread),
    ):
        with pytest.raises(InternalError, match=broken["sk"].get("S")) as caught:
            reader(broken)
        assert "diary" not in str(caught.value)
        assert caught.value.__suppress_context__
    feedback = rows.feedback_rows("alice", THREAD, ["msg_" + "1" * 26], "positive")[0]
    assert rows.read_feedback(feedback) == ("msg_" + "1" * 26, "positive")
    for change in ({"v": {"N": "2"}}, {"item": None}, {"feedback": {"S": "neutral"}}):
        with pytest.raises(InternalError):
            rows.read_feedback(_damaged(feedback, **change))


def test_a_compressed_row_or_object_that_changed_is_not_believed() -> None:
    """Compressed bytes that are cut, and an object whose digest is another's, are errors."""
    [compressed] = pack(user_message(THREAD, "x" * 500_000))
    cut = compressed.row["zip"].get("B", b"")[:-10]
    with pytest.raises(InternalError, match="damaged"):
        rows.read_item(_damaged(compressed.row, zip={"B": cut}))
    [outside] = pack(user_message(THREAD, random.Random(1).randbytes(500_000).hex()))
    assert outside.pointer
    assert outside.pointer.key.startswith("there/msg_")
    with pytest.raises(InternalError, match="damaged"):
        rows.read_item(outside.row, outside.body + b"x")

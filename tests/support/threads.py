"""Threads and items to store, with ids and times as the engine makes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from functions.ids import IdFactory
from functions.protocol.items import (
    AssistantMessageItem,
    HiddenContextItem,
    SDKHiddenContextItem,
    ThreadItem,
    UserMessageItem,
)
from functions.protocol.messages import AssistantMessageContent, InferenceOptions, UserMessageTextContent
from functions.protocol.threads import ActiveStatus, ThreadMetadata, ThreadStatus
from functions.store.base import Turn

NEW_IDS = IdFactory()


def new_user() -> str:
    """A user that no other test has; the characters are ones that a careless key design would trip over."""
    return f"user#{NEW_IDS.new('thread')}/é:☃"


def new_thread(
    *, title: str | None = None, status: ThreadStatus | None = None, metadata: dict[str, Any] | None = None
) -> ThreadMetadata:
    """A thread, later than every one before."""
    return ThreadMetadata(
        id=NEW_IDS.new("thread"),
        created_at=datetime.now(UTC),
        title=title,
        status=status or ActiveStatus(),
        metadata=metadata or {},
    )


def user_message(thread_id: str, text: str = "Hello") -> UserMessageItem:
    """A message of the user, later than every item before."""
    return UserMessageItem(
        id=NEW_IDS.new("message"),
        thread_id=thread_id,
        created_at=datetime.now(UTC),
        content=[UserMessageTextContent(text=text)],
        inference_options=InferenceOptions(),
    )


def assistant_message(thread_id: str, text: str = "Hello to you") -> AssistantMessageItem:
    """An answer, later than every item before."""
    return AssistantMessageItem(
        id=NEW_IDS.new("message"),
        thread_id=thread_id,
        created_at=datetime.now(UTC),
        content=[AssistantMessageContent(text=text)],
    )


def hidden_context(thread_id: str, content: Any = "The user stopped the answer.") -> HiddenContextItem:
    """A hidden item, later than every item before."""
    return HiddenContextItem(
        id=NEW_IDS.new("sdk_hidden_context"), thread_id=thread_id, created_at=datetime.now(UTC), content=content
    )


def sdk_hidden_context(thread_id: str) -> SDKHiddenContextItem:
    """The other kind of hidden item, later than every item before."""
    return SDKHiddenContextItem(
        id=NEW_IDS.new("sdk_hidden_context"), thread_id=thread_id, created_at=datetime.now(UTC), content="A note."
    )


def new_turn(*items: ThreadItem, request_key: str = "", lease: timedelta = timedelta(seconds=10)) -> Turn:
    """A turn with a lease from now on."""
    return Turn(id=NEW_IDS.new("turn"), lease_until=datetime.now(UTC) + lease, request_key=request_key, items=items)

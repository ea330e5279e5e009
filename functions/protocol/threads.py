"""Threads."""

from typing import Annotated, Any, Literal

from pydantic import Field

from functions.protocol.base import Page, Timestamp, WireModel
from functions.protocol.items import ThreadItem


class ActiveStatus(WireModel):
    """The thread takes messages."""

    type: Literal["active"] = Field(default="active", frozen=True)


class LockedStatus(WireModel):
    """The thread takes no messages for now."""

    type: Literal["locked"] = Field(default="locked", frozen=True)
    reason: str | None = None


class ClosedStatus(WireModel):
    """The thread takes no messages any more."""

    type: Literal["closed"] = Field(default="closed", frozen=True)
    reason: str | None = None


ThreadStatus = Annotated[ActiveStatus | LockedStatus | ClosedStatus, Field(discriminator="type")]


class ThreadMetadata(WireModel):
    """A thread without its items."""

    title: str | None = None
    id: str
    created_at: Timestamp
    status: ThreadStatus = Field(default_factory=ActiveStatus)
    allowed_image_domains: list[str] | None = None
    """The hosts whose images the client shows in this thread; None shows those of every host."""
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The assistant's own; stored, and never sent to a client."""


class Thread(ThreadMetadata):
    """A thread as the client sees it, with a page of its items."""

    items: Page[ThreadItem]


def to_client(thread: ThreadMetadata, items: Page[ThreadItem] | None = None) -> Thread:
    """What the client sees of a thread: never its metadata. `items` must hold no hidden item."""
    return Thread(
        id=thread.id,
        title=thread.title,
        created_at=thread.created_at,
        status=thread.status,
        allowed_image_domains=thread.allowed_image_domains,
        items=items or Page[ThreadItem](),
    )

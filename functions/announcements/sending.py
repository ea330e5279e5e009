"""What the functions tell with: put together when a bus is configured, and then still made no sooner than it is needed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.announcements.base import Announcer, Bus
from functions.announcements.events import attachment_uploaded, limit_reached
from functions.announcements.outbox import LOCAL_SECONDS, SECONDS, Outbox
from functions.errors import LimitReached
from functions.ids import IdFactory
from functions.runtime.afterwards import after_each_invocation
from functions.settings import Settings

if TYPE_CHECKING:
    from functions.announcements.eventbridge import PutsEvents
    from functions.store.attachments import StoredAttachment


def outbox_of(settings: Settings, *, client: "Callable[[], PutsEvents]") -> Outbox:
    """An outbox for the EventBridge bus of the settings, which is emptied behind each of this process's answers from now on.

    `client` makes boto3's, when there is something to send for the first time. Raises `ValueError` where no bus is set.
    """
    bus = settings.event_bus_name
    if bus is None:
        raise ValueError("no bus is set")

    async def event_bridge() -> Bus:
        from functions.announcements.eventbridge import EventBridge  # with the first events, behind an answer

        # It reads files, and takes as long as a request.
        made = await asyncio.to_thread(client)
        return EventBridge(client=made, bus=bus, stage=settings.stage)

    seconds = LOCAL_SECONDS if settings.is_local else SECONDS
    outbox = Outbox(bus=event_bridge, has_content=settings.event_content, seconds=seconds)
    after_each_invocation(outbox.send)
    return outbox


def tells_refused(announcer: Announcer | None) -> Callable[[LimitReached, str], None] | None:
    """Tells of limits that an owner has reached; None without an announcer."""
    if announcer is None:
        return None
    ids = IdFactory()

    def tell(error: LimitReached, owner: str) -> None:
        announcer.tell(limit_reached(error, owner, event_id=ids.new("event"), time=datetime.now(UTC)))

    return tell


def tells_uploaded(announcer: Announcer | None) -> "Callable[[StoredAttachment], None] | None":
    """Tells of attachments that are taken; None without an announcer."""
    if announcer is None:
        return None

    def tell(stored: "StoredAttachment") -> None:
        announcer.tell(
            attachment_uploaded(
                stored.owner,
                stored.id,
                time=datetime.now(UTC),
                mime_type=stored.mime_type,
                size=stored.size,
                name=stored.name if announcer.has_content else None,
            )
        )

    return tell

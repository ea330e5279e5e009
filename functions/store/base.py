"""The port to where threads live. One contract suite (`tests/contracts`) runs on every adapter.

The user is an argument of each call and part of each key: what belongs to another user is not found. Positions
(`after`) are ids, also those of hidden or deleted objects, and of objects that never were: the next page is whatever
lies behind that place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from functions import ids
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.requests import FeedbackKind
from functions.protocol.threads import ThreadMetadata

MAX_PAGE: Final = 100
"""The most objects in one page, whatever the client asks for (it asks for 9999)."""

PAGE_BYTES: Final = 4_000_000
"""About how many bytes of documents make a page full before it has `limit` objects."""
MAX_ITEMS: Final = 25
"""The most items in one call that stores them, and the most unfinished ones that a turn keeps."""
MAX_REQUEST_KEY: Final = 256
"""The most characters of a turn's request key. They are ASCII, so that it fits into a key of the database."""

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn that runs on a thread; at most one. A `ValueError` where a field is beyond what its comment says."""

    id: str
    """Made by `functions.ids`, of the kind `turn`: it is what tells one turn from another."""
    lease_until: datetime
    """Aware. Past it nobody works on the turn any more; the store compares it with no clock."""
    request_key: str
    """What a repeated request is recognised by, up to `MAX_REQUEST_KEY` ASCII characters; empty for none."""
    items: tuple[ThreadItem, ...] = ()
    """The unfinished items as of the last checkpoint, up to `MAX_ITEMS`."""
    stop_requested: bool = False
    version: int = 0
    """How often the turn has been written under its id since it began: one who closes another's turn passes it on."""
    session: str = ""
    """The session whose token it is begun with: the turn does not begin where that was ended. Empty for none, and in every
    turn that was read, as it is not stored."""

    def __post_init__(self) -> None:
        if ids.position(self.id) is None:
            raise ValueError("a turn's id is one of ours")
        if self.lease_until.utcoffset() is None:
            raise ValueError("a lease is aware of its time zone")
        if len(self.request_key) > MAX_REQUEST_KEY or len(self.items) > MAX_ITEMS:
            raise ValueError(f"more than {MAX_REQUEST_KEY} characters, or than {MAX_ITEMS} items")
        if not self.request_key.isascii():
            raise ValueError("a request key has ASCII characters only")


class TurnRunning(Exception):
    """The row of another turn is there, its lease run out or not; nothing was written."""

    def __init__(self, turn: Turn) -> None:
        """`turn`: as the row was when it was met."""
        super().__init__(turn.id)
        self.turn = turn


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRequest:
    """What a request that was sent before has begun, and has not brought to an end of its own."""

    thread_id: str
    turn_id: str
    closed_at: datetime | None = None
    """When somebody else has closed its turn; None while it runs, or until it is closed. Aware, UTC."""


class RequestRepeated(Exception):
    """A request with this key has begun a turn before, which may still run; nothing was written."""

    def __init__(self, started: StartedRequest) -> None:
        super().__init__(started.turn_id)
        self.started = started


class TurnGone(Exception):
    """The turn has ended: its row, or its thread, is not there, or the row is another turn's. Nothing was written."""


class Store(Protocol):
    """Threads and their items.

    Every call raises `Unavailable` where the database cannot be reached or is overloaded (whether a write was done is
    then unknown), `InternalError` where it refuses the call or what it holds is damaged, and `InvalidRequest` for a user
    id that is empty or over 385 characters. A thread or item whose id is none of ours is not found. Times are read back
    in UTC. A list of items or a `limit` beyond its bounds is a `ValueError`.

    **A turn is one row**, beside its thread's items. It begins with the write that begins the work (`create_thread`,
    `add_items`, `begin_turn`), which is refused while another turn's row is there. While the turn runs, whoever owns it
    renews the row (`checkpoint`) and passes `turn_id` to what else it writes: so one that was given up for dead, and was
    not, writes nothing over what came after it (`TurnGone`). The row goes with `end_turn`, or with the thread. The
    owner's own writes to the row (`checkpoint`, and `save_items` with `unfinished`) come one after the other.

    **A request that is repeated** is known by its turn's `request_key`: the write that begins a turn with one remembers it
    beside the user's threads, and raises `RequestRepeated`, before all else, where it is remembered already. The owner's
    `end_turn` forgets it: after that the same request is a new one. Where somebody else ends the turn, it is remembered
    on, with the time (`closed_at`), until `forget_request`; the database drops it a day after the lease that its turn
    began with. A key costs two write units more at a turn's begin, and two at its end, but no request more.

    **A session that was ended** begins no turn: the same writes raise `SessionEnded`, before all else, where the turn names
    one (`Turn.session`). What begins no turn asks `is_session_ended`.

    **A thread may have a time**, if the store is made with one: it begins anew when the thread is created, saved, or takes a
    message or a turn. A thread past its time counts as deleted, with its turn. Who has deleted a thread, or the time, is
    no matter: what it leaves, which no user sees any more, goes by `delete_contents`.

    **A thread may be counted** (`functions.store.counters`), by whoever creates it, if the store is made so: then
    `delete_contents` takes it from its user's and their tenant's threads, exactly once, however it went. It costs two
    write units more at the thread's creation.

    After `Unavailable` a turn is begun once more by the same call with the same turn: where the first write was done, it
    returns as the first would have, though items and metadata may have changed since; but where somebody else has closed
    the turn by then, and it has a request key, this raises `RequestRepeated`.
    """

    async def create_thread(
        self,
        user: str,
        thread: ThreadMetadata,
        items: Sequence[ThreadItem],
        *,
        turn: Turn | None = None,
        attachments: Sequence[str] = (),
    ) -> None:
        """Stores a new thread, its first items (0 to `MAX_ITEMS`) and a turn on it, all or nothing, in one transaction.

        `attachments` (up to `MAX_ATTACHMENTS` ids of the user's, each of them uploaded, and none in a message of another
        thread) become the thread's: raises `NotFound` where one cannot, and then nothing is written.

        Raises `InternalError` where the thread exists already: ids are made by us, and never twice.
        """
        ...

    async def add_items(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        *,
        turn: Turn | None = None,
        attachments: Sequence[str] = (),
    ) -> ThreadMetadata:
        """Stores new items (0 to `MAX_ITEMS`) and begins a turn, all or nothing, if the thread exists and is active.

        `attachments` as in `create_thread`, after all other reasons not to write.

        Returns the thread. Takes the time of one round trip. Raises the first that applies, and then nothing is written:
        `NotFound`; `ThreadUnavailable` for a locked or closed thread; `TurnRunning` where another turn's row is there
        and `turn` is given; `InternalError` where one of the items exists already.
        """
        ...

    async def begin_turn(
        self, user: str, thread_id: str, turn: Turn, *, items: Sequence[ThreadItem] = ()
    ) -> ThreadMetadata:
        """As `add_items`, but the items (0 to `MAX_ITEMS`) are stored or replaced."""
        ...

    async def checkpoint(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        lease_until: datetime,
        items: Sequence[ThreadItem] | None,
    ) -> bool:
        """Renews a turn's lease and its unfinished items (0 to `MAX_ITEMS`; None leaves them as they are).

        Returns whether a stop was asked for. Raises `TurnGone`; a naive `lease_until` is a `ValueError`.

        Costs one write unit for each begun 1,024 bytes of the row, as it was or as it is, whichever is more: also where
        only the lease is renewed. The row is the items' JSON, compressed from 1,000 bytes on (prose to less than half),
        and some 250 bytes more. Beyond 350,000 compressed bytes it lies in S3: one PUT, one DELETE and one write unit.
        What shares a transaction with the row (a turn's begin and end, all that takes `turn_id`) costs two units for each
        begun 1,024 bytes of it. So a text that is checkpointed each time it has grown by a tenth costs in all about
        eleven times what its last checkpoint costs, however long it is; one that is checkpointed each second costs half
        as many times that as it takes seconds.
        """
        ...

    async def end_turn(
        self,
        user: str,
        thread_id: str,
        turn_id: str,
        *,
        items: Sequence[ThreadItem] = (),
        version: int | None = None,
        request_key: str = "",
        closed_at: datetime | None = None,
    ) -> None:
        """Stores or replaces the turn's last items (0 to `MAX_ITEMS`) and ends it, all or nothing, in one transaction.

        Raises `TurnGone`. After `Unavailable` the turn may have ended: then the same call raises `TurnGone`, too, and
        `load_turn` tells what there is; it was this call if the items are there.

        Who ends a turn that is not its own passes the `version` that it read. Where the owner has written since (it lives
        after all, and may have finished an item of which `items` holds an older state), this raises `TurnRunning`.

        `request_key` is the turn's, if it has one: its request is forgotten, or, with `closed_at` (aware; for who ends
        another's turn), remembered as closed then. A request that is not remembered, or began another turn meanwhile, is
        left alone.
        """
        ...

    async def is_stop_requested(self, user: str, thread_id: str, turn_id: str) -> bool:
        """Whether a stop was asked for. Raises `TurnGone`.

        Costs one read unit for each begun 4,096 bytes of the turn's row, and writes nothing.
        """
        ...

    async def find_request(self, user: str, request_key: str) -> StartedRequest | None:
        """What a request with this key has begun; None where none is remembered."""
        ...

    async def forget_request(self, user: str, request_key: str, turn_id: str) -> None:
        """Forgets a request, if it began this turn: the same request is a new one from now on."""
        ...

    async def request_stop(self, user: str, thread_id: str) -> bool:
        """Asks the turn that runs on the thread to stop, again and again if need be: its next checkpoint hears of it.

        Returns whether there is a turn's row. Raises `NotFound` where the thread is gone.
        """
        ...

    async def load_turn(self, user: str, thread_id: str) -> Turn | None:
        """The turn whose row is there, its lease run out or not; None where there is none, nor perhaps a thread.

        As `list_items`, it does not tell whether the thread exists.
        """
        ...

    async def load_thread(self, user: str, thread_id: str) -> ThreadMetadata:
        """The thread. Raises `NotFound`."""
        ...

    async def save_thread(self, user: str, thread: ThreadMetadata, *, turn_id: str | None = None) -> None:
        """Replaces a thread's metadata. Raises `NotFound` where it is gone: a deleted thread never comes back.

        With `turn_id` it raises `TurnGone` instead, also where that turn has ended.
        """
        ...

    async def delete_thread(self, user: str, thread_id: str) -> None:
        """Deletes a thread and the turn that runs on it, for good. Raises `NotFound`.

        What is in it is left to `delete_contents`; nothing comes into it any more.
        """
        ...

    async def delete_contents(self, user: str, thread_id: str) -> bool:
        """Deletes everything that a thread has left: items, turn, feedback. Does nothing where the thread is there.

        Returns whether the thread was gone. One that broke off is finished by calling again, any number of times. Takes
        time in proportion to what there is. Raises `NotFound` for a thread id that is none of ours.
        """
        ...

    async def list_threads(self, user: str, *, after: str | None, limit: int, order: Order) -> Page[ThreadMetadata]:
        """A page of at most `limit` (1 to `MAX_PAGE`) threads in the order of their creation.

        `has_more` is exact. Raises `InvalidRequest` where `after` is no id of ours.
        """
        ...

    async def list_items(
        self, user: str, thread_id: str, *, after: str | None, limit: int, order: Order, hidden: bool = False
    ) -> Page[ThreadItem]:
        """A page of at most `limit` (1 to `MAX_PAGE`) items; hidden ones are left out unless `hidden`.

        The page is filled over hidden items: it is shorter than `limit` only where there is no more, or where its items
        have passed `PAGE_BYTES` together; it is empty only where there is none. `has_more` is exact. Items of a thread
        that never was are an empty page, and of one that is gone perhaps what it has left: whether a thread exists,
        `load_thread` says. Raises `InvalidRequest` where `after` is no id of ours.
        """
        ...

    async def load_item(self, user: str, thread_id: str, item_id: str) -> ThreadItem:
        """One item. Raises `NotFound`. As `list_items`, it does not tell whether the thread exists."""
        ...

    async def save_items(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        *,
        turn_id: str | None = None,
        unfinished: Sequence[ThreadItem] | None = None,
    ) -> None:
        """Stores or replaces items (1 to `MAX_ITEMS`), all or nothing. Raises `NotFound` where the thread is gone.

        With `turn_id` it raises `TurnGone` instead, also where that turn has ended. With `unfinished` too (0 to
        `MAX_ITEMS`), these replace the checkpoint in the same transaction: so an item that is finished, and stored here,
        is never in the checkpoint as it was before. `unfinished` without `turn_id` is a `ValueError`.
        """
        ...

    async def save_feedback(self, user: str, thread_id: str, item_ids: Sequence[str], kind: FeedbackKind) -> None:
        """Remembers what the user thinks of some items (any number); the last word counts.

        Raises `NotFound` where the thread is gone, `InvalidRequest` for an item id that is none of ours.
        """
        ...

    async def load_feedback(self, user: str, thread_id: str) -> dict[str, FeedbackKind]:
        """What the user thinks of a thread's items, by item id. Raises `NotFound` where the thread is gone."""
        ...

    async def delete_items(
        self, user: str, thread_id: str, item_ids: Sequence[str], *, turn_id: str | None = None
    ) -> None:
        """Deletes items with the feedback on them; those that are gone already are passed over.

        With `turn_id` it raises `TurnGone` where that turn has ended.
        """
        ...

    async def end_session(self, user: str, session_id: str, *, until: datetime) -> None:
        """Ends a session, for good. It is remembered until then, when its last token has expired anyway; aware."""
        ...

    async def is_session_ended(self, user: str, session_id: str) -> bool:
        """Whether it was ended."""
        ...

"""The writes on DynamoDB with which a thread or a turn begins.

The thread, the turn, its request and the new items are written by one transaction, or nothing is.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from functions.errors import InternalError, SessionEnded, ThreadUnavailable
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ThreadMetadata
from functions.store import attachment_rows, keys, request_rows, rows, sessions, turn_actions, turn_rows
from functions.store import transactions as tx
from functions.store.attachments import MAX_ATTACHMENTS
from functions.store.base import RequestRepeated, Turn, TurnRunning
from functions.store.reader import Reader
from functions.store.rows import Packed, Row
from functions.store.thread_actions import ThreadActions
from functions.store.turns import Turns
from functions.store.writer import Writer

if TYPE_CHECKING:
    from functions.store.transactions import Action

_THREAD: Final = 0
_TURN: Final = 1
_REQUEST: Final = 2
"""Where in the transaction the actions on the rows of the thread, the turn and its request are, as far as there are any."""


class Beginnings:
    """What `functions.store.base.Store` promises of `create_thread`, `add_items` and `begin_turn`."""

    def __init__(
        self,
        *,
        table: str,
        reader: Reader,
        writer: Writer,
        threads: ThreadActions,
        turns: Turns,
        count_threads: bool,
    ) -> None:
        """See `DynamoDBStore`."""
        self._count_threads = count_threads
        self._table = table
        self._reader = reader
        self._writer = writer
        self._threads = threads
        self._turns = turns

    async def create(
        self,
        user: str,
        thread: ThreadMetadata,
        items: Sequence[ThreadItem],
        turn: Turn | None,
        attachments: Sequence[str] = (),
    ) -> None:
        """See `Store.create_thread`. One round trip."""
        created = self._threads.create(user, thread)
        beginning = self._writer.turn(user, thread.id, turn) if turn else None
        packed = self._writer.items(user, thread.id, items, beside=beginning)
        actions = [
            created,
            *self._begin(user, thread.id, turn, beginning),
            *(tx.put_new(self._table, item.row) for item in packed),
        ]
        if self._count_threads:
            actions.append(tx.put_new(self._table, rows.new_row(keys.counted(user, thread.id))))
        used = self._use(user, thread.id, attachments)
        try:
            await self._writer.commit([*actions, *used], packed, beginning)
        except tx.ConditionsFailed as failure:
            _refuse_ended(actions, failure)
            _refuse_repeat(turn, failure)
            if not _is_begun(turn, actions, failure):
                _refuse_attachments(actions, failure)
                raise InternalError(f"{thread.id}, or an item of it, exists already") from None

    async def add(
        self,
        user: str,
        thread_id: str,
        items: Sequence[ThreadItem],
        turn: Turn | None,
        *,
        put: "Callable[[str, Row], Action]",
        attachments: Sequence[str] = (),
    ) -> ThreadMetadata:
        """See `Store.add_items`. `put` is what is done with the items: `transactions.put_new` or `put`."""
        where = keys.thread(user, thread_id)
        beginning = self._writer.turn(user, thread_id, turn) if turn else None
        packed = self._writer.items(user, thread_id, items, beside=beginning)
        actions = [
            self._threads.use(where),
            *self._begin(user, thread_id, turn, beginning),
            *(put(self._table, item.row) for item in packed),
        ]
        used = self._use(user, thread_id, attachments)
        written, row = await asyncio.gather(
            self._writer.commit([*actions, *used], packed, beginning),
            self._reader.get(where),
            return_exceptions=True,
        )
        # The transaction's word comes first: the read may lie before or behind another's write.
        if isinstance(written, tx.ConditionsFailed):
            await self._refuse(user, thread_id, turn, actions, written)
        elif isinstance(written, BaseException):
            raise written
        if isinstance(row, BaseException):
            raise row
        if row is None:
            raise keys.thread_not_found()
        return rows.read_thread(row)

    def _begin(self, user: str, thread_id: str, turn: Turn | None, beginning: Packed | None) -> "list[Action]":
        if turn is None or beginning is None:
            return []
        actions = [turn_actions.begin(self._table, beginning.row)]
        if where := keys.request(user, turn.request_key):
            actions.append(request_rows.begin(self._table, where, thread_id, turn))
        if turn.session:
            actions.append(sessions.goes_on(self._table, keys.session(user, turn.session)))
        return actions

    def _use(self, user: str, thread_id: str, attachments: Sequence[str]) -> "list[Action]":
        """Last in the transaction: whose conditions fail is told by where they stand."""
        if len(attachments) > MAX_ATTACHMENTS:
            raise ValueError(f"more than {MAX_ATTACHMENTS} attachments")
        return [action for one in attachments for action in attachment_rows.use(self._table, user, thread_id, one)]

    async def _refuse(
        self,
        user: str,
        thread_id: str,
        turn: Turn | None,
        actions: "Sequence[Action]",
        failure: tx.ConditionsFailed,
    ) -> None:
        """Raises why `add` wrote nothing, unless the reason is that it has been done before."""
        _refuse_ended(actions, failure)
        _refuse_repeat(turn, failure)
        thread = failure.failed.get(_THREAD, {})
        if not self._threads.lives(thread):
            raise keys.thread_not_found()
        if _is_begun(turn, actions, failure):
            return
        if thread:
            raise ThreadUnavailable.of(rows.status(thread))
        there = failure.failed.get(_TURN)
        if turn and there and turn_rows.turn_id(there) != turn.id:
            raise TurnRunning(await self._turns.met(user, thread_id, there))
        _refuse_attachments(actions, failure)
        raise InternalError(f"an item of {thread_id} exists already")


def _refuse_ended(actions: "Sequence[Action]", failure: tx.ConditionsFailed) -> None:
    """Raises `SessionEnded` where that is so: whatever else is wrong is none of the caller's business any more."""
    if any("ConditionCheck" in actions[index] for index in failure.failed if index < len(actions)):
        raise SessionEnded from None


def _refuse_repeat(turn: Turn | None, failure: tx.ConditionsFailed) -> None:
    """Raises `RequestRepeated` where the same request has begun another turn, or this one, which was closed."""
    there = failure.failed.get(_REQUEST) if turn and turn.request_key else None
    if there:
        raise RequestRepeated(request_rows.read(there)) from None


def _refuse_attachments(actions: "Sequence[Action]", failure: tx.ConditionsFailed) -> None:
    """Raises `NotFound` where nothing but attachments stands in the way: `actions` are those before theirs."""
    if all(index >= len(actions) for index in failure.failed):
        raise keys.attachment_not_found() from None


def _is_begun(turn: Turn | None, actions: "Sequence[Action]", failure: tx.ConditionsFailed) -> bool:
    """Whether the same actions have been performed before: the turn's row is there, and so is all that had to be new."""
    there = failure.failed.get(_TURN)
    if turn is None or there is None or turn_rows.turn_id(there) != turn.id:
        return False
    new = {
        index for index, action in enumerate(actions) if action.get("Put", {}).get("ConditionExpression") == tx.ABSENT
    }
    return new <= set(failure.failed)

"""Requests with a token of a session that was ended: nothing is written for them, and nothing told.

The chat function checks a token by its signature alone, which a sign-out does not change. So that a user waits for nothing,
the session is checked where it costs no further round trip:

| request | checked |
| --- | --- |
| begins a turn, and is counted for its user's limits | at the same time as it is counted |
| begins a turn, and nothing is limited | as a condition of the transaction by which it begins (`Turn.session`) |
| begins none, as it failed or is a repeat | before that is told |
| reads | at the same time |
| anything else | first |

The condition is not asked for besides: DynamoDB cancels transactions that meet at one row, and so those of one session
would be in each other's way.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from functions.engine.results import RequestContext
from functions.errors import SessionEnded
from functions.store.base import Store

T = TypeVar("T")


class SessionCheck:
    """Of one request's session. Without one, nothing is asked."""

    def __init__(self, store: Store, context: RequestContext) -> None:
        self._store = store
        self._user = context.owner
        self._session = context.session

    async def first(self) -> None:
        """Raises `SessionEnded` where that is so."""
        if self._session and await self._store.is_session_ended(self._user, self._session):
            raise SessionEnded

    async def beside(self, reading: Awaitable[T]) -> T:
        """What is read at the same time. Raises `SessionEnded`, and then whatever the reading has raised is not told."""
        if not self._session:
            return await reading
        checked, read = await asyncio.gather(self.first(), reading, return_exceptions=True)
        if isinstance(checked, BaseException):
            raise checked
        if isinstance(read, BaseException):
            raise read
        return read

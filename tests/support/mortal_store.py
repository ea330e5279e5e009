"""A store as a process sees it that is killed: from then on it writes nothing, and none of its code gets any further."""

from collections.abc import Awaitable, Callable
from typing import Any

from functions.store.base import Store


class Killed(BaseException):
    """Nothing catches it: as a kill, it ends whatever is on its way, but for what the interpreter itself unwinds."""


class MortalStore:
    """The given store, until `kill`. A `Store`, as far as its calls go."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_dead = False
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        """Called with each call's name, before it."""
        self.after: Callable[[str], None] = lambda _: None
        """Called with each call's name, when it is done."""

    def kill(self) -> None:
        """From now on every call raises `Killed`."""
        self._is_dead = True

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.before(name)
            if self._is_dead:
                raise Killed
            self.calls.append(name)
            result = await method(*args, **kwargs)
            self.after(name)
            if self._is_dead:
                raise Killed
            return result

        return call

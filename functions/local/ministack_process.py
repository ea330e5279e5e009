"""The process in which ministack runs: `python -m functions.local.ministack_process FD`, started by `ministack.py`.

It serves ministack's own application on the listening socket FD, journals database writes, and ends in an orderly way
on SIGTERM, or when its standard input closes: that is, also when whoever started it was killed.
"""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

from hypercorn.config import Config

from functions.local.journal import Journal, Write, is_write

_OK: Final = 200
_GRACE_SECONDS: Final = 1.0
"""How long open requests may still take when it ends."""

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Handler = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]


class JournalledApp:
    """ministack's ASGI application, with its database writes journalled."""

    def __init__(self, *, journal: Journal, snapshot: Path) -> None:
        """`snapshot` is where ministack saves its database when it ends."""
        # Without type information, and only ever in this process.
        self._app: Any = importlib.import_module("ministack.app").app
        self._database: Any = importlib.import_module("ministack.services.dynamodb")
        self._scope: Any = importlib.import_module("ministack.core.responses")
        self._handle: _Handler = self._database.handle_request
        self._journal = journal
        self._snapshot = snapshot

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serves one ASGI scope."""
        await self._app(scope, receive, self._lifespan_send(send) if scope["type"] == "lifespan" else send)

    def _lifespan_send(self, send: _Send) -> _Send:
        async def watched(message: _Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._recover()
                self._database.handle_request = self._handle_and_journal
            elif message["type"] == "lifespan.shutdown.complete" and self._journal.is_saved_in(self._snapshot):
                self._journal.remove()
            await send(message)

        return watched

    async def _recover(self) -> None:
        if self._journal.is_saved_in(self._snapshot):
            self._journal.remove()
            return
        for write in self._journal.writes():
            self._scope.set_request_account_id(write.account)
            self._scope.set_request_region(write.region)
            await self._handle("POST", "/", {"x-amz-target": write.target}, write.body.encode(), {})

    async def _handle_and_journal(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        # ministack's handler never gives way to another request, so the journal has the order of the writes.
        answer = await self._handle(method, path, headers, body, query)
        target = headers.get("x-amz-target", "")
        if answer[0] == _OK and is_write(target):
            self._journal.append(
                Write(
                    account=self._scope.get_account_id(),
                    region=self._scope.get_region(),
                    target=target,
                    body=body.decode(),
                )
            )
        return answer


async def _until_told_to_end() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            told.set()

    loop.add_reader(sys.stdin.fileno(), read)
    await told.wait()


async def _main(file_descriptor: int) -> None:
    persistence: Any = importlib.import_module("ministack.core.persistence")
    config = Config()
    config.bind = [f"fd://{file_descriptor}"]
    config.graceful_timeout = _GRACE_SECONDS
    config.loglevel = "WARNING"
    app: Any = importlib.import_module("ministack.app").app
    if persistence.PERSIST_STATE:
        directory = Path(persistence.STATE_DIR)
        app = JournalledApp(journal=Journal(directory / "journal.jsonl"), snapshot=directory / "dynamodb.json")
    serve: Any = importlib.import_module("hypercorn.asyncio").serve
    await serve(app, config, shutdown_trigger=_until_told_to_end, mode="asgi")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))

"""The local stack, in the test's own event loop, with a stand-in model: ministack, both functions, one HTTP address.

The chat function's processes are those of `chatkit-lambda serve`, or copies of a snapshot where many are to be killed.
"""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from functions.local import front_end
from functions.local.backend import Backend, backend
from functions.local.function import Function
from functions.local.samples import HANDLERS
from functions.local.server import Server
from functions.local.settings import LocalSettings
from functions.local.terminal import Terminal
from tests.support.forked_function import ROOT, ForkedFunction, forked_function
from tests.support.model_server import ModelServer
from tests.support.page import Page

ORIGIN: Final = "https://shop.example.com"
"""The page's: another than the API's."""
PATIENCE: Final = 120.0
"""Seconds of silence after which a test gives up."""


@dataclass(frozen=True, slots=True)
class TurnStack:
    """A running stack."""

    url: str
    ground: Backend
    model: ModelServer
    chat: Function
    http: httpx2.AsyncClient
    _signing_in: asyncio.Lock

    async def page(self, user: str | None = None) -> Page:
        """A page that has just been loaded; of a new user where none is named."""
        async with self._signing_in:  # one process of the api function is enough
            response = await self.http.post("/api/chatkit/start", json={"user": user or f"user-{uuid.uuid4()}"})
        response.raise_for_status()
        return Page(self.http, token=response.json()["client_secret"], origin=ORIGIN)

    @property
    def forked(self) -> ForkedFunction:
        """The chat function, if its processes are copies."""
        assert isinstance(self.chat, ForkedFunction)
        return self.chat


@asynccontextmanager
async def turn_stack(
    folder: Path, *, forked: bool = False, handler: str = HANDLERS["chat"], seconds: float = 900, **environment: str
) -> AsyncIterator[TurnStack]:
    """A stack that is ready, ended with all that it has started.

    Logs go to files in `folder`. `handler`, `seconds` (its time limit) and `environment` are the chat function's.
    """
    async with AsyncExitStack() as ending:
        model = ending.enter_context(ModelServer())
        base = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
        settings = LocalSettings(openai_api_key="sk-stand-in", openai_base_url=model.url, inherited=base)
        said = ending.enter_context((folder / "stack.log").open("w"))
        terminal = Terminal(out=said, err=said)
        ground = await ending.enter_async_context(backend(settings, state=None, origins=(ORIGIN,), terminal=terminal))
        await ground.prepare()

        def log(name: str) -> Any:
            return lambda line: terminal.log(name, line)

        # Nothing here speaks TLS, and this machine's list of authorities costs a process some 50 ms.
        variables = {**ground.environment, "SSL_CERT_DIR": str(folder), **environment}
        options: dict[str, Any] = {"base_environment": base, "timeout": seconds, "concurrency": 100, "task_root": ROOT}
        if forked:
            making = forked_function("chat", handler, variables, log=folder / "chat.log", **options)
            chat: Function = await ending.enter_async_context(making)
        else:
            chat = Function("chat", handler, variables, log=log("chat"), **options)
            ending.push_async_callback(chat.close)
        api = Function("api", HANDLERS["api"], ground.environment, base_environment=base, log=log("api"))
        ending.push_async_callback(api.close)
        listener = socket.create_server(("127.0.0.1", 0))
        server = Server(front_end.create(chat=chat, api=api))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        ending.push_async_callback(server.end, serving)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # uvicorn closes a connection that is idle for a while: at the very moment, perhaps, in which it is used again.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        http = httpx2.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False)
        yield TurnStack(url, ground, model, chat, await ending.enter_async_context(http), asyncio.Lock())

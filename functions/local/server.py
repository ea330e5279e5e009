"""The HTTP server in front of the functions."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_LAST_SECONDS: Final = 1
"""How long answers that are on their way may still take when the server ends."""

_log: Final = logging.getLogger("uvicorn.error")


class Server(uvicorn.Server):
    """uvicorn, which leaves signals to whoever runs it."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # An address is that of the connection, as on AWS: what a header says of it is anybody's.
                proxy_headers=False,
                timeout_graceful_shutdown=_LAST_SECONDS,
            )
        )
        _log.addFilter(_is_no_broken_response)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield

    async def end(self, serving: "asyncio.Task[None]") -> None:
        """Ends the server, which `serving` runs, and with it what is still being answered."""
        _log.setLevel(logging.CRITICAL)
        try:
            self.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)
        finally:
            _log.setLevel(logging.NOTSET)


def _is_no_broken_response(record: logging.LogRecord) -> bool:
    """Keeps quiet about responses that were broken off on purpose: the log of the function that failed tells why."""
    return "without completing response" not in record.getMessage()

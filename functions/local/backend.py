"""What the functions stand on: ministack with the resources in it, and the environment that leads there."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from functions.errors import SettingError
from functions.local import resources
from functions.local.ministack import Ministack
from functions.local.settings import LocalNames, LocalSettings
from functions.local.terminal import Terminal
from functions.settings import LOCAL_STAGE, Names

_SAVING_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class StateDir:
    """A directory that belongs to one stack; made by `locked`."""

    path: Path
    lock: int
    """The descriptor of its lock, which a child process may hold on to."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A running ministack."""

    ministack: Ministack
    environment: Mapping[str, str]
    """A function's own variables, beside what any process on this machine needs (`LocalSettings.inherited`)."""
    _settings: LocalSettings
    _origins: tuple[str, ...]

    async def prepare(self) -> None:
        """Makes the resources that are missing; functions may start meanwhile, and answer afterwards."""
        await asyncio.to_thread(
            resources.create,
            self.connect(),
            origins=self._origins,
            model_key=self._settings.model_key,
            api_key=self._settings.api_key,
        )

    async def end(self) -> None:
        """Ends ministack, which saves its state: without the model's key."""
        try:
            if self.ministack.is_running and self._settings.model_key is not None:
                await asyncio.to_thread(resources.remove_model_key, self.connect())
        finally:
            await self.ministack.stop()

    def connect(self) -> resources.Clients:
        """Clients of it."""
        return resources.Clients.connect(endpoint=self.ministack.endpoint, credentials=self.ministack.credentials)


@asynccontextmanager
async def backend(
    settings: LocalSettings, *, state: StateDir | None, origins: tuple[str, ...], terminal: Terminal
) -> AsyncGenerator[Backend]:
    """Starts ministack, and ends it on leaving. Without `state`, nothing is kept.

    `origins` are the pages that may call. Raises `MinistackFailed`.
    """
    with terminal.step("ministack (DynamoDB, S3, Secrets Manager)"):
        ministack = await Ministack.start(
            state_dir=state.path if state else None,
            holding=(state.lock,) if state else (),
            inherited=settings.inherited,
            log=lambda line: terminal.log("ministack", line),
        )
    running = Backend(ministack, _environment(settings, ministack, origins), settings, origins)
    try:
        yield running
    finally:
        await running.end()


@contextmanager
def locked(state_dir: Path) -> Generator[StateDir]:
    """Keeps a second stack off `state_dir`. Raises `SettingError` where one is at work there already.

    The ministack of a stack that was killed still saves what it has: that is waited for.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state_dir / "lock").open("a+")
    except OSError as error:
        raise SettingError(LocalNames.STATE_DIR, f"{state_dir} cannot be written to ({error.strerror})") from error
    with lock:
        deadline = time.monotonic() + _SAVING_SECONDS
        while not _is_taken(lock):
            if _is_alive(_owner(lock)) or time.monotonic() > deadline:
                raise SettingError(LocalNames.STATE_DIR, f"{state_dir} is in use by another local stack")
            time.sleep(_PAUSE_SECONDS)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield StateDir(state_dir, lock.fileno())


def _is_taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(lock: TextIO) -> int:
    """Whose stack it is; this process stands for one that has not said so yet."""
    lock.seek(0)
    text = lock.read()
    return int(text) if text.isdigit() else os.getpid()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _environment(settings: LocalSettings, ministack: Ministack, origins: tuple[str, ...]) -> dict[str, str]:
    environment = {
        **ministack.environment(),
        Names.STAGE: LOCAL_STAGE,
        Names.TABLE_NAME: resources.TABLE,
        Names.BUCKET_NAME: resources.BUCKET,
        Names.TOKEN_SECRET_ID: resources.TOKEN_SECRET,
        Names.ALLOWED_ORIGINS: ",".join(origins),
        Names.IDENTITY: "local",
        **settings.identity,
        Names.LOG_LEVEL: settings.log_level,
    }
    if settings.model_key is not None:
        environment[Names.OPENAI_SECRET_ID] = resources.OPENAI_SECRET
    if "api_key" in environment[Names.IDENTITY].split(","):
        environment[Names.API_KEYS_SECRET_ID] = resources.API_KEYS_SECRET
    if settings.retention_days is not None:
        environment[Names.RETENTION_DAYS] = settings.retention_days
    if settings.limits is not None:
        environment[Names.LIMITS] = settings.limits
    if settings.openai_base_url is not None:
        environment[Names.OPENAI_BASE_URL] = settings.openai_base_url
    return environment

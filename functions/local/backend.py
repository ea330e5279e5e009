"""What the functions stand on: ministack with the resources in it, and the environment that leads there."""

import asyncio
import fcntl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from functions.errors import SettingError
from functions.local import resources
from functions.local.ministack import Ministack
from functions.local.settings import LocalNames, LocalSettings
from functions.local.terminal import Terminal
from functions.settings import LOCAL_STAGE, Names


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
            resources.create, self._connect(), origins=self._origins, model_key=self._settings.model_key
        )

    async def end(self) -> None:
        """Ends ministack, which saves its state: without the model's key."""
        try:
            if self.ministack.is_running and self._settings.model_key is not None:
                await asyncio.to_thread(resources.remove_model_key, self._connect())
        finally:
            await self.ministack.stop()

    def _connect(self) -> resources.Clients:
        return resources.Clients.connect(endpoint=self.ministack.endpoint, credentials=self.ministack.credentials)


@asynccontextmanager
async def backend(
    settings: LocalSettings, *, state_dir: Path | None, origins: tuple[str, ...], terminal: Terminal
) -> AsyncGenerator[Backend]:
    """Starts ministack, and ends it on leaving. Without `state_dir`, nothing is kept.

    `origins` are the pages that may call. Raises `MinistackFailed`.
    """
    with terminal.step("ministack (DynamoDB, S3, Secrets Manager)"):
        ministack = await Ministack.start(
            state_dir=state_dir,
            inherited=settings.inherited,
            log=lambda line: terminal.log("ministack", line),
        )
    running = Backend(ministack, _environment(settings, ministack, origins), settings, origins)
    try:
        yield running
    finally:
        await running.end()


@contextmanager
def locked(state_dir: Path) -> Generator[None]:
    """Keeps a second stack off `state_dir`. Raises `SettingError` where one is at work there already."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state_dir / "lock").open("w")
    except OSError as error:
        raise SettingError(LocalNames.STATE_DIR, f"{state_dir} cannot be written to ({error.strerror})") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingError(LocalNames.STATE_DIR, f"{state_dir} is in use by another local stack") from error
        yield


def _environment(settings: LocalSettings, ministack: Ministack, origins: tuple[str, ...]) -> dict[str, str]:
    environment = {
        **ministack.environment(),
        Names.STAGE: LOCAL_STAGE,
        Names.TABLE_NAME: resources.TABLE,
        Names.BUCKET_NAME: resources.BUCKET,
        Names.TOKEN_SECRET_ID: resources.TOKEN_SECRET,
        Names.ALLOWED_ORIGINS: ",".join(origins),
        Names.IDENTITY: "local",
        Names.LOG_LEVEL: settings.log_level,
    }
    if settings.model_key is not None:
        environment[Names.OPENAI_SECRET_ID] = resources.OPENAI_SECRET
    if settings.openai_base_url is not None:
        environment[Names.OPENAI_BASE_URL] = settings.openai_base_url
    return environment

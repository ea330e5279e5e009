"""`chatkit-lambda user`: exports, or erases, all that is kept of one user, on a deployed stage or in the local stack.

A deployed stage is reached with the caller's own AWS credentials.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar, cast

import boto3
from botocore.exceptions import BotoCoreError

from functions.assistant.attachments import ATTACHMENTS
from functions.attachments.base import ModelFiles
from functions.attachments.s3_images import S3Images
from functions.attachments.s3_objects import S3Objects
from functions.attachments.uploads import Uploads
from functions.aws_clients import AWS_CONFIG, S3_CONFIG
from functions.engine.deletions import Deletions
from functions.errors import ChatKitLambdaError, InvalidRequest
from functions.identity.base import checked_tenant, checked_user, owner
from functions.ids import IdFactory
from functions.local import resources
from functions.local.backend import backend, locked
from functions.local.erasure import Erasure, Found, Ground
from functions.local.export import Export, writing
from functions.local.owner_objects import OwnerObjects
from functions.local.owner_rows import OwnerRows
from functions.local.settings import LocalSettings
from functions.local.terminal import Terminal
from functions.store.dynamodb import DynamoDBStore
from functions.store.dynamodb_attachments import DynamoDBAttachments
from functions.store.large_items import LargeItems
from functions.store.sessions import EndedSessions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_LOCAL_ORIGIN: Final = "http://127.0.0.1:{port}"


class UserCommandError(ChatKitLambdaError):
    """What was asked for cannot be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage keeps its data."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    table: str
    bucket: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data it is. Raises `UserCommandError` where nobody can be called so."""

    user: str
    tenant: str | None = None

    def __post_init__(self) -> None:
        try:
            checked_user(self.user, field="--user")
            if self.tenant is not None:
                checked_tenant(self.tenant, field="--tenant")
        except InvalidRequest as error:
            raise UserCommandError(str(error)) from error

    @property
    def owner(self) -> str:
        """What every key of theirs holds."""
        return owner(self.user, self.tenant)

    def __str__(self) -> str:
        return self.user if self.tenant is None else f"{self.user} of {self.tenant}"


Stage = Callable[[], Any]
"""Gives an asynchronous context manager with a `Place`."""


def deployed(table: str, bucket: str) -> Stage:
    """A stage in the account and region of the caller's environment or profile."""

    @asynccontextmanager
    async def connected() -> AsyncGenerator[Place]:
        try:
            make: Any = cast("Any", boto3).client
            dynamodb, s3 = make("dynamodb", config=AWS_CONFIG), make("s3", config=S3_CONFIG)
        except BotoCoreError as error:
            raise UserCommandError(str(error)) from error
        try:
            yield Place(dynamodb, s3, table, bucket)
        finally:
            dynamodb.close()
            s3.close()

    return connected


def local(settings: LocalSettings, terminal: Terminal) -> Stage:
    """The local stack that keeps its data in `settings.state_dir`, while none is running there."""

    @asynccontextmanager
    async def started() -> AsyncGenerator[Place]:
        origins = (_LOCAL_ORIGIN.format(port=settings.port),)
        with locked(settings.state_dir) as state:
            async with backend(settings, state=state, origins=origins, terminal=terminal) as ground:
                await ground.prepare()
                clients = ground.connect()
                try:
                    yield Place(clients.dynamodb, clients.s3, resources.TABLE, resources.BUCKET)
                finally:
                    clients.close()

    return started


def export(person: Person, stage: Stage, *, out: Path, say: Callable[[str], None]) -> None:
    """Writes everything to `out`: a ZIP file, where it is called so, else a new folder. Raises `ChatKitLambdaError`."""

    async def run(place: Place) -> dict[str, int]:
        ground = ground_of(place)
        exporting = Export(rows=ground.rows, objects=ground.objects, store=ground.store, owner=person.owner)
        about = {"user": person.user, "tenant": person.tenant, "table": place.table, "bucket": place.bucket}
        with writing(out) as archive:
            return await exporting.write(archive, about, now=datetime.now(UTC))

    counts = _on(stage, run)
    say(
        f"{out} holds all that is kept of {person}: " + ", ".join(f"{number} {name}" for name, number in counts.items())
    )


def erase(
    person: Person,
    stage: Stage,
    *,
    settings: LocalSettings,
    is_sure: bool,
    answers: TextIO,
    say: Callable[[str], None],
) -> None:
    """Deletes everything, once the user's id was typed, unless `is_sure`. Raises `ChatKitLambdaError`."""

    async def run(place: Place) -> Found | None:
        erasure = Erasure(ground_of(place, files=_model_files(settings)), person.owner)
        found = await erasure.look()
        say(f"{place.table} and {place.bucket} hold of {person}: {found.counted}, and what counts and lists them")
        if not is_sure:
            say(f"All of it will be gone, and nobody can bring it back. Type {person.user} to go on:")
            if answers.readline().rstrip("\r\n") != person.user:
                return None
        return await erasure.run(say)

    removed = _on(stage, run)
    if removed is None:
        raise UserCommandError("nothing was removed: that was not the user's id")
    say(f"removed: {removed}")


def _on(stage: Stage, run: Callable[[Place], Awaitable[T]]) -> T:
    async def entered() -> T:
        async with stage() as place:
            return await run(place)

    return asyncio.run(entered())


def ground_of(place: Place, *, files: ModelFiles | None = None) -> Ground:
    """What an export or an erasure works on. `files` deletes copies at OpenAI."""
    large_items = LargeItems(client=lambda: place.s3, bucket=place.bucket)
    store = DynamoDBStore(client=place.dynamodb, table=place.table, large_items=large_items)
    attachments = Uploads(
        records=DynamoDBAttachments(client=place.dynamodb, table=place.table),
        objects=S3Objects(client=lambda: place.s3, bucket=place.bucket),
        limits=ATTACHMENTS,
        ids=IdFactory(),
        now=lambda: datetime.now(UTC),
    )
    images = S3Images(client=lambda: place.s3, bucket=place.bucket)
    return Ground(
        rows=OwnerRows(client=place.dynamodb, table=place.table),
        objects=OwnerObjects(client=place.s3, bucket=place.bucket),
        store=store,
        sessions=EndedSessions(client=place.dynamodb, table=place.table),
        attachments=attachments,
        deletions=Deletions(store=store, images=images, attachments=attachments),
        files=files,
    )


def _model_files(settings: LocalSettings) -> ModelFiles | None:
    key = settings.model_key
    if key is None:
        return None
    from functions.model.openai_client import OpenAIClient
    from functions.model.openai_files import OpenAIFiles

    return OpenAIFiles(client=OpenAIClient(api_key=lambda: key, base_url=settings.openai_base_url))

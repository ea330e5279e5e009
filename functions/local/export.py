"""`chatkit-lambda user export`: everything that is kept of one owner, as files that a person can read.

`README` below is what stands beside the data. It is written to a folder, or into a ZIP file, which appears when it is whole.
"""

import json
import os
import re
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from functions.attachments.bucket import IMAGES_PREFIX
from functions.attachments.objects import file_key, upload_key
from functions.errors import ChatKitLambdaError, NotFound
from functions.local.owner_objects import OwnerObjects
from functions.local.owner_rows import OwnerRows
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ThreadMetadata
from functions.store.attachments import StoredAttachment
from functions.store.base import MAX_PAGE, Store

README: Final = """\
What is kept of one user by chatkit-lambda, as of the time in export.json.

export.json               whose data this is, when it was read, and how much there is
threads.jsonl             the conversations, one on a line, the oldest first; `metadata` is what the assistant keeps of one
threads/ID/items.jsonl    what a conversation consists of, in its order: messages, tool calls, widgets, and also what the
                          assistant was told and the page does not show (`hidden_context_item`, `sdk_hidden_context`)
threads/ID/feedback.jsonl what the user thought of items
threads/ID/turn.json      an answer that was being written when this was read, as far as it had come
threads/ID/pictures/      pictures that were made; `chatkit-image:NAME` in an item is the picture NAME
attachments.jsonl         files that were uploaded; `file` is where each lies here, if its bytes were there
attachments/              those files
counters.json             how much was used, as it is counted for limits
sessions.jsonl            sessions of which tokens may still be good
requests.jsonl            requests that are remembered (by a digest), so that a repeat is not answered twice

A file that ends in .jsonl has a JSON object on each line. Times are in UTC (ISO 8601).
"""

_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,10}")
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


class ExportError(ChatKitLambdaError):
    """The export could not be written; the message says why. Nothing of it is left."""


class Archive(Protocol):
    """What an export is written to."""

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Adds a file of this name, with `/` between folders, which holds `lines` one behind the other."""
        with self.adding(name) as add:
            for line in lines:
                add(line)

    def adding(self, name: str) -> AbstractContextManager[Callable[[bytes], object]]:
        """Adds a file, which grows by what is given to the function; one at a time, and no other meanwhile."""
        ...


class Export:
    """Of one owner. Nothing stops meanwhile: what changes while it is read may be in it or not.

    Of conversations no more is held in memory than a page of the store's, and of files one.
    """

    def __init__(self, *, rows: OwnerRows, objects: OwnerObjects, store: Store, owner: str) -> None:
        self._rows = rows
        self._objects = objects
        self._store = store
        self._owner = owner

    async def write(self, archive: Archive, about: Mapping[str, Any], *, now: datetime) -> dict[str, int]:
        """Writes everything; `about` stands in `export.json`. Returns how much there is. Raises as `Store` does."""
        archive.write("README.txt", [README.encode()])
        thread_ids: list[str] = []
        with archive.adding("threads.jsonl") as add:
            async for thread in self._threads():
                add(_line(thread))
                thread_ids.append(thread.id)
        counts = {"threads": len(thread_ids), "items": 0, "feedback": 0, "pictures": 0}
        for thread_id in thread_ids:
            for name, number in (await self._write_thread(archive, thread_id)).items():
                counts[name] += number
        counts |= await self._write_attachments(archive)
        sessions = [
            {"id": one.id, "until": one.until.isoformat(), "is_ended": one.is_ended}
            for one in await self._rows.sessions(self._owner)
        ]
        requests = await self._rows.requests(self._owner)
        archive.write("counters.json", [_json(await self._rows.counts(self._owner))])
        archive.write("sessions.jsonl", map(_json, sessions))
        archive.write("requests.jsonl", map(_json, requests))
        counts |= {"sessions": len(sessions), "requests": len(requests)}
        archive.write("export.json", [_json({**about, "read_at": now.astimezone(UTC).isoformat(), "counts": counts})])
        return counts

    async def _write_thread(self, archive: Archive, thread_id: str) -> dict[str, int]:
        folder = f"threads/{thread_id}"
        items = 0
        with archive.adding(f"{folder}/items.jsonl") as add:
            async for item in self._items(thread_id):
                add(_line(item))
                items += 1
        feedback: Mapping[str, str] = {}
        with suppress(NotFound):  # deleted meanwhile
            feedback = await self._store.load_feedback(self._owner, thread_id)
        if feedback:
            lines = ({"item_id": item_id, "kind": kind} for item_id, kind in feedback.items())
            archive.write(f"{folder}/feedback.jsonl", map(_json, lines))
        turn = await self._store.load_turn(self._owner, thread_id)
        if turn is not None:
            unfinished = [json.loads(_line(item)) for item in turn.items]
            archive.write(f"{folder}/turn.json", [_json({"id": turn.id, "unfinished_items": unfinished})])
        pictures = 0
        for name in await self._objects.names(self._owner, (IMAGES_PREFIX,), below=f"{thread_id}/"):
            data = await self._objects.read(name)
            if data is not None:
                archive.write(f"{folder}/pictures/{PurePosixPath(name).name}", [data])
                pictures += 1
        return {"items": items, "feedback": len(feedback), "pictures": pictures}

    async def _write_attachments(self, archive: Archive) -> dict[str, int]:
        attachments = await self._rows.attachments(self._owner)
        lines: list[bytes] = []
        files = 0
        for stored in attachments:
            data = await self._objects.read(file_key(stored.place)) or await self._objects.read(
                upload_key(stored.place)
            )
            file = None if data is None else f"attachments/{stored.id}{_extension(stored)}"
            if data is not None and file is not None:
                archive.write(file, [data])
                files += 1
            lines.append(_json({**_attachment(stored), "file": file}))
        archive.write("attachments.jsonl", lines)
        return {"attachments": len(attachments), "files": files}

    async def _threads(self) -> AsyncIterator[ThreadMetadata]:
        after: str | None = None
        while True:
            page = await self._store.list_threads(self._owner, after=after, limit=MAX_PAGE, order="asc")
            for thread in page.data:
                yield thread
            if not page.has_more:
                return
            after = page.after

    async def _items(self, thread_id: str) -> AsyncIterator[ThreadItem]:
        after: str | None = None
        while True:
            page = await self._store.list_items(
                self._owner, thread_id, after=after, limit=MAX_PAGE, order="asc", hidden=True
            )
            for item in page.data:
                yield item
            if not page.has_more:
                return
            after = page.after


class FolderArchive(Archive):
    """An `Archive` that is a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def adding(self, name: str) -> Generator[Callable[[bytes], object]]:
        """See `Archive`."""
        path = self._folder / name
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with open(path, "xb", opener=_private) as file:
            yield file.write


class ZipArchive(Archive):
    """An `Archive` that is a ZIP file."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    @contextmanager
    def adding(self, name: str) -> Generator[Callable[[bytes], object]]:
        """See `Archive`."""
        with self._file.open(name, "w", force_zip64=True) as file:
            yield file.write


@contextmanager
def writing(out: Path) -> Generator[Archive]:
    """An archive that stands at `out` once it is whole: a ZIP file where the name ends in `.zip`, else a new folder.

    Nobody but the caller's own account may read it. Raises `ExportError`.
    """
    part = out.with_name(f"{out.name}.part")
    try:
        if out.exists():
            raise ExportError(f"{out} is there already")
        _remove(part)
        if out.suffix == ".zip":
            with (
                open(part, "xb", opener=_private) as file,
                zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                yield ZipArchive(archive)
        else:
            part.mkdir(mode=_PRIVATE_FOLDER)
            yield FolderArchive(part)
        part.rename(out)
    except OSError as error:
        raise ExportError(f"{out} cannot be written ({error.strerror or type(error).__name__})") from error
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    """What an export that broke off has left."""
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, _PRIVATE_FILE)


def _attachment(stored: StoredAttachment) -> dict[str, Any]:
    described = asdict(stored)
    del described["owner"]
    return {**described, "created_at": stored.created_at.isoformat()}


def _extension(stored: StoredAttachment) -> str:
    """That of the file's own name, where it is a plain one: no other part of a user's name becomes one on this disk."""
    suffix = PurePosixPath(stored.name).suffix
    return suffix if _EXTENSION.fullmatch(suffix) else ""


def _line(model: ThreadMetadata | ThreadItem) -> bytes:
    return model.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"

"""How an export comes to its archive: page by page, however long a conversation is."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from functions.local.export import Export
from functions.local.owner_objects import OwnerObjects
from functions.local.owner_rows import OwnerRows
from functions.protocol.base import Page
from functions.protocol.items import ThreadItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.store.base import Store
from tests.support.threads import assistant_message, new_thread

PAGES = 3


class Journal:
    """A store with one long thread, and an archive: what was read and written, in this order."""

    def __init__(self) -> None:
        self.thread = new_thread()
        self.notes: list[str] = []
        self.read = 0

    async def list_threads(self, *_: Any, **__: Any) -> Page[ThreadMetadata]:
        return Page[ThreadMetadata](data=[self.thread])

    async def list_items(self, *_: Any, **__: Any) -> Page[ThreadItem]:
        self.read += 1
        self.notes.append("page")
        has_more = self.read < PAGES
        return Page[ThreadItem](
            data=[assistant_message(self.thread.id)], has_more=has_more, after="more" if has_more else None
        )

    async def load_feedback(self, *_: Any) -> dict[str, str]:
        return {}

    async def load_turn(self, *_: Any) -> None:
        return None

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        with self.adding(name) as add:
            for line in lines:
                add(line)

    @contextmanager
    def adding(self, name: str) -> Iterator[Callable[[bytes], object]]:
        yield lambda _: self.notes.append("line") if name.endswith("items.jsonl") else None


class Nothing:
    """Rows and objects of which there are none."""

    async def none(self, *_: Any, **__: Any) -> list[Any]:
        return []

    names = attachments = sessions = requests = counts = none


def test_a_long_conversation_is_written_as_it_is_read() -> None:
    """No more of it than a page is held in memory."""
    journal, nothing = Journal(), Nothing()
    exporting = Export(
        rows=cast("OwnerRows", nothing),
        objects=cast("OwnerObjects", nothing),
        store=cast("Store", journal),
        owner="alice",
    )
    counts = run(exporting.write(journal, {}, now=datetime.now(UTC)))
    assert counts["items"] == PAGES
    assert journal.notes == ["page", "line"] * PAGES

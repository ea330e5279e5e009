"""What keeps a conversation when the machine is switched off: a journal of database writes.

ministack keeps DynamoDB in memory and saves it when it is ended in an orderly way, so killing it would lose everything
since it was started. Therefore each write that it has accepted is appended here as it was sent, before it is answered.
After a start that follows such an end, the journal is replayed on top of what was saved last; ministack's own saving
makes it superfluous.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

_READING: Final = ("BatchGet", "Describe", "Get", "List", "Query", "Scan", "TransactGet")
"""How the names of operations begin that change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write, as the database was asked for it."""

    account: str
    region: str
    target: str
    """The operation with its prefix, such as `DynamoDB_20120810.PutItem`."""
    body: str


def is_write(target: str) -> bool:
    """Whether an operation may change the database."""
    operation = target.rpartition(".")[2]
    return bool(operation) and not operation.startswith(_READING)


class Journal:
    """An append-only file of writes; used by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def append(self, write: Write) -> None:
        """Adds a write; when this returns, it outlives the process (though not a power cut)."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            if os.fstat(self._file).st_size:
                # A process that was killed in the middle of a line: what follows must not be joined to it.
                os.write(self._file, b"\n")
        line = json.dumps([write.account, write.region, write.target, write.body])
        os.write(self._file, line.encode() + b"\n")

    def writes(self) -> Iterator[Write]:
        """All writes in order; a line that was cut off is passed over."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                write = _parsed(line)
                if write is not None:
                    yield write

    def is_saved_in(self, snapshot: Path) -> bool:
        """Whether ministack's saved state is no older than the last write, and so holds all of them."""
        if not self._path.exists():
            return True
        return snapshot.exists() and snapshot.stat().st_mtime_ns >= self._path.stat().st_mtime_ns

    def remove(self) -> None:
        """Forgets all writes."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._path.unlink(missing_ok=True)


def _parsed(line: str) -> Write | None:
    try:
        values: Any = json.loads(line)
        account, region, target, body = cast("list[str]", values)
    except (ValueError, TypeError):
        return None
    return Write(account=account, region=region, target=target, body=body)

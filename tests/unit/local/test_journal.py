"""The journal of database writes."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.local.journal import Journal, Write, is_write

WRITE = Write(account="0", region="r", target="DynamoDB_20120810.PutItem", body="{}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "TransactWriteItems", "BatchWriteItem", "CreateTable"])
def test_writes(operation: str) -> None:
    """What may change the database is a write."""
    assert is_write(f"DynamoDB_20120810.{operation}")


@pytest.mark.parametrize("operation", ["GetItem", "Query", "BatchGetItem", "TransactGetItems", "DescribeTable", ""])
def test_reads(operation: str) -> None:
    """What changes nothing is none."""
    assert not is_write(f"DynamoDB_20120810.{operation}")


@given(bodies=st.lists(st.text(max_size=50), max_size=5))
def test_writes_come_back_in_order(tmp_path_factory: pytest.TempPathFactory, bodies: list[str]) -> None:
    """Whatever their bodies hold, another process reads the writes as they were appended."""
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    writes = [Write(account="0", region="r", target="t", body=body) for body in bodies]

    journal = Journal(path)
    for write in writes:
        journal.append(write)

    assert list(Journal(path).writes()) == writes


def test_a_line_that_was_cut_off(path: Path) -> None:
    """A write that was not finished is passed over, and does not spoil the next one."""
    Journal(path).append(WRITE)
    with path.open("ab") as file:
        file.write(b'["0", "r", "DynamoDB')

    Journal(path).append(WRITE)

    assert list(Journal(path).writes()) == [WRITE, WRITE]


def test_it_is_readable_by_its_owner_alone(path: Path) -> None:
    """Conversations are nobody else's business."""
    Journal(path).append(WRITE)

    assert path.stat().st_mode & 0o077 == 0


def test_what_was_saved_later_holds_it(path: Path, tmp_path: Path) -> None:
    """A snapshot makes the journal superfluous if, and only if, it is no older."""
    snapshot = tmp_path / "dynamodb.json"
    journal = Journal(path)
    assert journal.is_saved_in(snapshot)
    journal.append(WRITE)
    assert not journal.is_saved_in(snapshot)

    snapshot.write_text("{}")
    os.utime(path, ns=(1_000, 1_000))
    os.utime(snapshot, ns=(999, 999))
    assert not journal.is_saved_in(snapshot)
    os.utime(snapshot, ns=(1_000, 1_000))
    assert journal.is_saved_in(snapshot)


def test_it_can_be_removed_and_begun_again(path: Path) -> None:
    """After its removal nothing is left of it, and it takes writes as before."""
    journal = Journal(path)
    journal.append(WRITE)
    journal.remove()
    assert list(journal.writes()) == []

    journal.append(WRITE)
    assert list(journal.writes()) == [WRITE]

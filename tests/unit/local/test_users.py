"""`chatkit-lambda user`: what it asks, what it says, what it refuses."""

import io
import json
import re
import zipfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.identity.base import owner
from functions.local import cli, users
from functions.local.export import ExportError, writing
from functions.local.settings import LocalSettings
from functions.local.users import Person, Place, UserCommandError, ground_of
from functions.runtime.loop import run
from functions.store import table
from tests.support.threads import new_thread, user_message

TABLE, BUCKET = "table", "bucket"
KEYS: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Ground:
    """A stage on moto, and what a command has said."""

    def __init__(self) -> None:
        self.place = Place(boto3.client("dynamodb", **KEYS), boto3.client("s3", **KEYS), TABLE, BUCKET)
        self.place.dynamodb.create_table(**table.definition(TABLE))
        self.place.s3.create_bucket(Bucket=BUCKET)
        self.said: list[str] = []

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[Place]:
        yield self.place

    def add_thread(self, person: Person) -> None:
        thread = new_thread()
        run(ground_of(self.place).store.create_thread(person.owner, thread, [user_message(thread.id)]))

    def threads(self, person: Person) -> int:
        return len(run(ground_of(self.place).rows.threads(person.owner)))

    def erase(self, person: Person, *, is_sure: bool = False, answers: str = "") -> None:
        settings = LocalSettings.from_environ({})
        typed = io.StringIO(answers)
        users.erase(person, self.stage, settings=settings, is_sure=is_sure, answers=typed, say=self.said.append)


@pytest.fixture
def ground() -> Iterator[Ground]:
    with mock_aws():
        yield Ground()


ALICE = Person("alice", "acme")


def test_an_export_says_where_it_is_and_how_much(ground: Ground, tmp_path: Path) -> None:
    """And whose it is, in the file and on the terminal."""
    ground.add_thread(ALICE)
    users.export(ALICE, ground.stage, out=tmp_path / "a.zip", say=ground.said.append)
    (line,) = ground.said
    assert line.startswith(f"{tmp_path}/a.zip holds all that is kept of alice of acme: 1 threads, 1 items")
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        about = json.loads(file.read("export.json"))
    assert {"user": "alice", "tenant": "acme", "table": TABLE, "bucket": BUCKET}.items() <= about.items()


def test_an_erasure_asks_for_the_users_id(ground: Ground) -> None:
    """It shows before how much there is; anything else typed, or nothing, removes nothing."""
    ground.add_thread(ALICE)
    for typed in ("", "yes\n", "acme\n", "Alice\n"):
        with pytest.raises(UserCommandError, match="nothing was removed"):
            ground.erase(ALICE, answers=typed)
    assert ground.threads(ALICE) == 1
    ground.said.clear()
    ground.erase(ALICE, answers="alice\n")
    shown, question, removed = ground.said
    assert shown == (
        "table and bucket hold of alice of acme: 1 threads, 0 attachments, 0 objects, 0 copies at OpenAI, 0 sessions, "
        "and what counts and lists them"
    )
    assert question.endswith("Type alice to go on:")
    assert removed.startswith("removed: 1 threads, ")
    assert ground.threads(ALICE) == 0


def test_an_erasure_need_not_ask(ground: Ground) -> None:
    """With --yes; and only of this user, in this tenant."""
    others = [Person("alice"), Person("alice", "other"), Person("acme", "alice"), Person("bob", "acme")]
    for person in (ALICE, *others):
        ground.add_thread(person)
    ground.erase(ALICE, is_sure=True)
    assert [ground.threads(person) for person in (ALICE, *others)] == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("user", "tenant", "problem"),
    [("", None, "--user"), ("a\nb", None, "--user"), ("a" * 257, None, "--user"), ("a", " ", "--tenant")],
)
def test_what_no_user_is_called_is_refused(user: str, tenant: str | None, problem: str) -> None:
    """As where tokens are given out: nobody's rows lie there."""
    with pytest.raises(UserCommandError, match=problem):
        Person(user, tenant)
    assert Person("a", "b").owner == owner("a", "b")


def test_a_table_that_is_not_there(ground: Ground, tmp_path: Path) -> None:
    """The export fails with AWS's code, and leaves no file."""
    ground.place.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        users.export(ALICE, ground.stage, out=tmp_path / "a.zip", say=ground.said.append)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.zip", "a"])
def test_an_export_appears_when_it_is_whole(tmp_path: Path, name: str) -> None:
    """One that broke off leaves nothing, and what another has left is in nobody's way; nothing is overwritten."""
    out = tmp_path / name
    with pytest.raises(ZeroDivisionError), writing(out) as archive:
        archive.write("x/y", [b"1"])
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / f"{name}.part").write_text("left by a process that was killed")
    with writing(out) as archive:
        assert not out.exists()
        archive.write("x/y", [b"1", b"2"])
    assert list(tmp_path.iterdir()) == [out]
    with pytest.raises(ExportError, match="is there already"), writing(out):
        pytest.fail("overwritten")
    missing = tmp_path / "none" / name
    with pytest.raises(ExportError, match=f"{re.escape(str(missing))} cannot be written"), writing(missing):
        pytest.fail("written")


@pytest.mark.parametrize(
    "arguments", [[], ["--table", "t"], ["--bucket", "b"], ["--local", "--table", "t", "--bucket", "b"]]
)
@pytest.mark.parametrize("action", ["export", "erase"])
def test_a_stage_must_be_named(action: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Table and bucket together, or the local stack: never a guess."""
    assert cli.main(["user", action, "--user", "alice", *arguments]) == 1
    said = capsys.readouterr()
    assert said.err == "chatkit-lambda: name --table and --bucket of a deployed stage, or --local\n"
    assert said.out == ""


def test_without_a_region_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, no traceback."""

    class NoRegion:
        def client(self, *_: Any, **__: Any) -> Any:
            from botocore.exceptions import NoRegionError

            raise NoRegionError

    monkeypatch.setattr(users, "boto3", NoRegion())
    assert cli.main(["user", "export", "--user", "alice", "--table", "t", "--bucket", "b"]) == 1
    assert capsys.readouterr().err == "chatkit-lambda: You must specify a region.\n"


@pytest.mark.parametrize("arguments", [["user"], ["user", "export"], ["user", "erase"]])
def test_help_shows_examples(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of both, whichever is asked."""
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert "user erase --user alice --table TABLE --bucket BUCKET" in shown
    assert "docs/operations.md" in shown

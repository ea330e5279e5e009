"""`docs/events.md` lists every event, and what lies beside it is what it says."""

import json
import re
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from functions.announcements import outbox
from functions.announcements.base import VERSION, EventName
from functions.announcements.entries import SOURCE
from functions.announcements.events import CONTENT_BYTES
from functions.engine.telling import ABANDONED, THREAD_DELETED
from infra.constructs.events import bus_name
from tests.support.announced import FORMS, NAMES, check, schema

PAGE = (FORMS.parent / "events.md").read_text("utf-8")
COMMON = ("version", "id", "time", "stage", "tenant", "user")


def test_the_page_lists_every_event_and_no_other() -> None:
    """In the order of the code."""
    assert (
        tuple(re.findall(r"^\| `([a-z.]+)` \|", PAGE.partition("## What is promised")[0], flags=re.MULTILINE)) == NAMES
    )
    assert get_args(EventName) == NAMES


def test_there_is_a_schema_and_an_example_of_each_and_nothing_else() -> None:
    """Linked from the page."""
    files = {f"{name}.{kind}.json" for name in NAMES for kind in ("schema", "example")}
    assert {path.name for path in FORMS.iterdir()} == files
    assert set(re.findall(r"\(events/([^)]+)\)", PAGE)) == files


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_what_the_page_says(name: str) -> None:
    """It is one, has the fields that all have, and those of the table; it lets unknown fields pass."""
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["title"] == name
    assert found["properties"]["version"] == {**found["properties"]["version"], "const": VERSION}
    assert tuple(found["required"])[: len(COMMON)] == COMMON
    own = set(found["properties"]) - set(COMMON)
    (row,) = re.findall(rf"^\| `{re.escape(name)}` \|[^|]*\|([^|]*)\|", PAGE, flags=re.MULTILINE)
    values = {"completed", "stopped", "positive", "negative", "user", "tenant"}
    told = set(re.findall(r"`([a-z_]+)`", row)) - values
    if name == "turn.failed":
        told |= {"thread_id", "turn_id", "request_id", "usage", "timings"}
    assert told == own - {"content"}
    assert set(found["required"]) == set(COMMON) | told
    assert "additionalProperties" not in json.dumps(found)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_an_event(name: str) -> None:
    """As EventBridge hands it over."""
    event = json.loads((FORMS / f"{name}.example.json").read_text("utf-8"))
    assert set(event) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert (event["detail-type"], event["source"]) == (name, SOURCE)
    check(name, event["detail"])


def test_the_page_has_the_codes_own_values() -> None:
    """The time for sending, the size of texts, two reasons, the bus's name."""
    assert f"Sending has {outbox.SECONDS:.0f} seconds" in PAGE
    assert f"cut at {CONTENT_BYTES:,} bytes" in PAGE
    assert f"`{ABANDONED}`" in PAGE
    assert f"`{THREAD_DELETED}`" in PAGE
    assert f"`{bus_name('STAGE')}`" in PAGE

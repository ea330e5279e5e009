"""What hidden items keep of a model's doings."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from functions.model import kept


class Weather(BaseModel):
    sky: str
    at: datetime


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, "null"),
        ({"ä": [1, 2.5, True]}, '{"ä":[1,2.5,true]}'),
        (Weather(sky="clear", at=datetime(2026, 11, 22, tzinfo=UTC)), '{"sky":"clear","at":"2026-11-22T00:00:00Z"}'),
        ([Point(1)], '[{"x":1}]'),
    ],
    ids=str,
)
def test_an_output_is_text_or_json(value: Any, text: str) -> None:
    """Whatever pydantic can write may be a tool's output."""
    assert kept.output_text(value) == text


def test_what_is_no_json_is_no_output() -> None:
    """The tool is at fault, and who runs it tells the model so."""
    with pytest.raises(ValueError, match="object"):
        kept.output_text(object())


@pytest.mark.parametrize("text", ["a" * 100_000, "ä" * 50_000, "水" * 33_333, "\ud800" * 100])
def test_an_output_within_the_limit_is_whole(text: str) -> None:
    """The limit is in bytes of UTF-8."""
    assert kept.shortened(text) == text


@given(st.sampled_from(["a", "ä", "水", "🐟", "\ud800"]), st.integers(0, 3))
def test_a_longer_output_is_cut_between_characters_and_says_so(character: str, before: int) -> None:
    """The model knows that there was more, and reads no half character."""
    text = "-" * before + character * 110_000
    cut, _, word = kept.shortened(text).rpartition("\n")
    assert text.encode(errors="replace").decode().startswith(cut)
    assert kept.OUTPUT_BYTES - 4 < len(cut.encode()) <= kept.OUTPUT_BYTES
    assert word == f"[Cut here: these are 100,000 bytes of {len(text.encode(errors='replace')):,}.]"


def test_an_mcp_servers_output_is_cut_as_well() -> None:
    """Other people's servers answer at any length."""
    item = {"type": "mcp_call", "id": "mcp_1", "output": "x" * 200_000, "error": None}
    content = kept.mcp_call(item)
    assert len(content["item"]["output"]) < 101_000
    assert kept.mcp_call({**item, "output": None})["item"]["output"] is None


CONTENTS = {
    "function_call": kept.function_call(call_id="call_1", name="buy", arguments="{}", output="bought"),
    "reasoning": kept.reasoning([{"type": "reasoning"}]),
    "mcp_approval": kept.mcp_approval([{"id": "mcpr_1"}]),
    "mcp_call": kept.mcp_call({"id": "mcp_1"}),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_what_is_kept_is_known_again(kind: str) -> None:
    """A hidden item of ours is told from an author's."""
    assert kept.kind_of(CONTENTS[kind]) == kind


@pytest.mark.parametrize(
    "content",
    ["function_call", None, 1, ["kind"], {}, {"kind": "cart"}, {"kind": "function_call", "call_id": 1}],
    ids=str,
)
def test_an_authors_own_content_is_none_of_it(content: Any) -> None:
    """An author may hide anything."""
    assert kept.kind_of(content) is None

"""`web/tags.js` in the browser: what of a text is a tag. Pure."""

from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.e2e.support.wire import Json

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

CALL: Final = """async ([name, values]) => (await import("/web/tags.js"))[name](...values)"""

ADA: Final = {"id": "ada", "title": "Ada", "group": "People", "interactive": True, "data": {"role": "countess"}}
LOVELACE: Final = {"id": "lovelace", "title": "Ada Lovelace"}


def call(page: Page, name: str, *values: Any) -> Any:
    return page.evaluate(CALL, [name, values])


def text(value: str) -> Json:
    return {"type": "input_text", "text": value}


ADA_TAG: Final = {
    "type": "input_tag", "id": "ada", "text": "Ada", "group": "People", "interactive": True, "data": {"role": "countess"}
}  # fmt: skip
LOVELACE_TAG: Final = {"type": "input_tag", "id": "lovelace", "text": "Ada Lovelace", "interactive": False, "data": {}}


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("", [text("")]),
        ("no tags", [text("no tags")]),
        ("@Ada", [ADA_TAG]),
        ("ask @Ada, please", [text("ask "), ADA_TAG, text(", please")]),
        ("@Ada@Ada", [ADA_TAG, ADA_TAG]),
        ("@Ada Lovelace and @Ada", [LOVELACE_TAG, text(" and "), ADA_TAG]),
        ("@Adam is @ada", [text("@Adam is @ada")]),
        ("@Ada's", [ADA_TAG, text("'s")]),
        ("@Adaé", [text("@Adaé")]),
        ("@", [text("@")]),
        ("@@Ada\n@", [text("@"), ADA_TAG, text("\n@")]),
    ],
)
def test_a_text_with_tags_is_a_message(modules: Page, written: str, parts: list[Json]) -> None:
    """The longest title counts, as it is written; nothing of the text is lost."""
    assert call(modules, "contentOf", written, [ADA, LOVELACE]) == parts
    assert "".join(f"@{part['text']}" if part["type"] == "input_tag" else part["text"] for part in parts) == written


def test_of_two_with_one_title_the_last_counts(modules: Page) -> None:
    """The text cannot tell them apart, so it means the one that was picked last."""
    other = {**ADA, "id": "other"}
    assert call(modules, "contentOf", "@Ada", [ADA, other])[0]["id"] == "other"
    assert call(modules, "taggedIn", "@Ada", [ADA, other]) == [other]


@pytest.mark.parametrize(
    ("before", "tagging"),
    [
        ("@", {"start": 0, "query": ""}),
        ("ask @ad", {"start": 4, "query": "ad"}),
        ("ask @ada lov", {"start": 4, "query": "ada lov"}),
        ("(@ad", {"start": 1, "query": "ad"}),
        ("問@あ", {"start": 1, "query": "あ"}),
        ("@a @b", {"start": 3, "query": "b"}),
        ("no", None),
        ("ask @ ", None),
        ("mail ada@example", None),
        ("first.last+x@", None),
        ("@ad\nnext", None),
        ("@Ada", None),
        ("@Ada and", None),
        ("@Adam", {"start": 0, "query": "Adam"}),
        ("@" + "a" * 60, {"start": 0, "query": "a" * 60}),
        ("@" + "a" * 61, None),
    ],
)
def test_what_is_being_tagged(modules: Page, before: str, tagging: Json | None) -> None:
    """What stands between an `@` and the caret: in an e-mail address or behind a complete tag it is nothing."""
    assert call(modules, "taggingAt", before, len(before), [ADA]) == tagging
    assert call(modules, "taggingAt", f"{before} and more", len(before), [ADA]) == tagging


def test_a_tag_that_is_taken_away_leaves_its_words(modules: Page) -> None:
    """The other tags stay."""
    written = "@Ada Lovelace, @Ada and @Ada"
    assert call(modules, "withoutTag", written, [ADA, LOVELACE], ADA) == "@Ada Lovelace, Ada and Ada"


def test_a_tag_of_a_message_is_an_entity(modules: Page) -> None:
    """As ChatKit hands it to `onClick` and `onRequestPreview`."""
    assert call(modules, "entityOf", ADA_TAG) == ADA
    bare = {"type": "input_tag", "id": "a", "text": "A"}
    assert call(modules, "entityOf", bare) == {"id": "a", "title": "A", "interactive": False, "data": {}}

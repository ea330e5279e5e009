"""The example directory: people and documents."""

import pytest

from functions.assistant.directory import ENTITIES, Directory
from functions.engine.entities import preview, search
from functions.engine.results import RequestContext
from functions.runtime.loop import run

ALICE = RequestContext(user="alice")


def found(query: str, context: RequestContext = ALICE) -> list[str]:
    return [entity.id for entity in run(search(Directory(), query, context))]


def test_nothing_typed_yet_shows_everything() -> None:
    """Right behind the `@`, the user sees what there is, people first."""
    assert found("") == list(ENTITIES)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("ada", ["ada"]),
        ("LOVE", ["ada"]),
        ("lov ada", ["ada"]),
        ("comput", ["numbers", "compiling"]),
        ("on", ["notes", "numbers"]),
        ("da", []),
        ("zzz", []),
    ],
)
def test_words_are_found_by_their_beginnings(query: str, ids: list[str]) -> None:
    """In any order, in either case."""
    assert found(query) == ids


@pytest.mark.parametrize(
    ("locales", "groups"),
    [
        ((), {"People", "Documents"}),
        (("de-CH",), {"Personen", "Dokumente"}),
        (("fr",), {"Personnes", "Documents"}),
        (("ja",), {"People", "Documents"}),
    ],
)
def test_the_headings_are_in_the_users_language(locales: tuple[str, ...], groups: set[str]) -> None:
    """Where the example has it; else in English."""
    shown = run(search(Directory(), "", RequestContext(user="alice", locales=locales)))
    assert {entity.group for entity in shown} == groups


def test_each_entity_has_a_preview_that_clients_draw() -> None:
    """Its title, and what the tag does not say."""
    for entity in ENTITIES.values():
        shown = run(preview(Directory(), entity.id, ALICE))
        assert shown is not None
        assert entity.title in str(shown)
        assert any(fact in str(shown) for fact in entity.data.values())

"""Entities as authors write them."""

import pytest
from pydantic import ValidationError

from functions.protocol.entities import ENTITY_ID_CHARACTERS, Entity, is_entity_id


@pytest.mark.parametrize(
    "entity_id",
    ["ada", "42", "_", "person:ada", "ada+x@example.com", "2024-01.v2~a", "a!$&'()*,;=b", "a" * ENTITY_ID_CHARACTERS],
)
def test_an_id_that_fits_into_an_address(entity_id: str) -> None:
    """These ids may stand in a path as they are."""
    assert Entity(id=entity_id, title="A").id == entity_id
    assert is_entity_id(entity_id)


@pytest.mark.parametrize(
    "entity_id",
    [
        "",
        ".",
        "..",
        "-a",
        "a/b",
        "a\\b",
        "a%b",
        "a b",
        "a?b",
        "a#b",
        "a\n",
        "ä",
        "a\x00",
        "a" * (ENTITY_ID_CHARACTERS + 1),
    ],
)
def test_an_id_that_does_not(entity_id: str) -> None:
    """What a browser or a gateway would change on the way is no id."""
    with pytest.raises(ValidationError) as refusal:
        Entity(id=entity_id, title="A")
    assert [error["loc"] for error in refusal.value.errors()] == [("id",)]
    assert not is_entity_id(entity_id)


@pytest.mark.parametrize("fields", [{"title": ""}, {"data": {"a": 5}}, {"icon": "no such icon"}, {"group": 5}])
def test_a_wrong_field_is_named(fields: dict[str, object]) -> None:
    """ChatKit takes texts alone as an entity's data, and icons that it has."""
    with pytest.raises(ValidationError) as refusal:
        Entity.model_validate({"id": "a", "title": "A", **fields})
    assert {error["loc"][0] for error in refusal.value.errors()} == set(fields)

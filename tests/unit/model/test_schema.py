"""Signatures as strict schemas, and the arguments that models give for them."""

import json
from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel, Field, TypeAdapter

from functions.model.schema import BadArguments, Parameters, check_signature

Json = dict[str, Any]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Walk(BaseModel):
    kind: Literal["walk"]
    metres: int = 100


class Ride(BaseModel):
    kind: Literal["ride"]
    line: str
    stops: list[str] = Field(default_factory=list)
    then: "Ride | None" = None


def only(function: Callable[..., object]) -> Json:
    """The schema of a function's one parameter."""
    (schema,) = Parameters.of(function).schema["properties"].values()
    return schema


def test_an_empty_signature_is_an_object_that_allows_nothing() -> None:
    """Strict mode wants even that to be said."""

    async def nothing() -> None: ...

    assert Parameters.of(nothing).schema == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    assert Parameters.of(nothing).read("") == {}


def test_every_parameter_is_required_and_what_may_be_left_out_may_be_null() -> None:
    """Strict mode knows no optional property."""

    async def find(
        city: Annotated[str, Field(description="Where")],
        days: int = 3,
        note: str | None = None,
        colour: Colour = Colour.RED,
    ) -> None: ...

    parameters = Parameters.of(find)
    assert parameters.schema == {
        "$defs": {"Colour": {"enum": ["red", "blue"], "type": "string"}},
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where"},
            "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "colour": {"anyOf": [{"$ref": "#/$defs/Colour"}, {"type": "null"}]},
        },
        "required": ["city", "days", "note", "colour"],
        "additionalProperties": False,
    }
    assert parameters.read('{"city": "Bern", "days": null, "note": null, "colour": null}') == {
        "city": "Bern",
        "note": None,
    }
    assert parameters.read('{"city": "Bern", "days": 2, "note": "x", "colour": "blue"}') == {
        "city": "Bern",
        "days": 2,
        "note": "x",
        "colour": Colour.BLUE,
    }


def test_models_within_models_are_strict_and_their_nulls_are_defaults() -> None:
    """What holds for parameters holds for the fields of pydantic models, in lists, unions and recursion."""

    async def go(
        trip: Annotated[list[Annotated[Walk | Ride, Field(discriminator="kind")]], Field(max_length=9)],
    ) -> None: ...

    parameters = Parameters.of(go)
    ride = parameters.schema["$defs"]["Ride"]
    assert ride["required"] == ["kind", "line", "stops", "then"]
    assert ride["properties"]["then"] == {"anyOf": [{"$ref": "#/$defs/Ride"}, {"type": "null"}]}
    assert parameters.schema["properties"]["trip"] == {
        "type": "array",
        "maxItems": 9,
        "items": {"anyOf": [{"$ref": "#/$defs/Walk"}, {"$ref": "#/$defs/Ride"}]},
    }
    inner = {"kind": "ride", "line": "3", "stops": None, "then": None}
    given = [{"kind": "walk", "metres": None}, {"kind": "ride", "line": "9", "stops": ["a"], "then": inner}]
    assert parameters.read(json.dumps({"trip": given})) == {
        "trip": [Walk(kind="walk"), Ride(kind="ride", line="9", stops=["a"], then=Ride(kind="ride", line="3"))]
    }


def test_a_description_beside_a_reference_is_said_of_a_copy() -> None:
    """The API refuses a reference that does not stand alone."""

    async def walk(how: Annotated[Walk, Field(description="The way")]) -> None: ...

    schema = only(walk)
    assert schema["description"] == "The way"
    assert "$ref" not in schema
    assert schema["additionalProperties"] is False


def test_what_strict_mode_does_not_know_is_checked_here_alone() -> None:
    """Lengths and odd formats are not said, and hold all the same."""

    async def name(
        text: Annotated[str, Field(min_length=2, max_length=3)],
        path: Annotated[str, Field(json_schema_extra={"format": "path"})],
    ) -> None: ...

    parameters = Parameters.of(name)
    assert parameters.schema["properties"] == {"text": {"type": "string"}, "path": {"type": "string"}}
    with pytest.raises(BadArguments, match="text: String should have at least 2 characters"):
        parameters.read('{"text": "a", "path": "/"}')


def test_what_strict_mode_knows_is_said() -> None:
    """Dates, patterns and bounds hold the model itself."""

    async def book(
        day: date, code: Annotated[str, Field(pattern="^[A-Z]+$")], seats: Annotated[int, Field(ge=1)]
    ) -> None: ...

    parameters = Parameters.of(book)
    assert parameters.schema["properties"] == {
        "day": {"type": "string", "format": "date"},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "seats": {"type": "integer", "minimum": 1},
    }
    assert parameters.read('{"day": "2026-11-22", "code": "A", "seats": 1}')["day"] == date(2026, 11, 22)


def test_a_parameter_may_have_any_name() -> None:
    """pydantic keeps some names to itself; a function does not know that."""

    async def odd(json: int, schema: str, model_config: bool, _private: int = 1) -> None: ...

    parameters = Parameters.of(odd)
    assert list(parameters.schema["properties"]) == ["json", "schema", "model_config", "_private"]
    given = {"json": 1, "schema": "a", "model_config": True, "_private": 2}
    assert parameters.read(json.dumps(given)) == given


@pytest.mark.parametrize(
    "annotation", [Any, object, dict[str, int], tuple[int, str], list[Any], dict[str, Any]], ids=str
)
def test_what_has_no_strict_schema_is_refused(annotation: Any) -> None:
    """The author is told at once, and not by the API's refusal in the middle of a chat."""

    async def loose(value: Any) -> None: ...

    loose.__annotations__["value"] = annotation
    with pytest.raises(TypeError, match="loose"):
        Parameters.of(loose)


def test_a_type_that_pydantic_does_not_know_is_refused() -> None:
    """A parameter must be JSON."""

    class Own: ...

    async def strange(value: Own) -> None: ...

    with pytest.raises(TypeError, match="strange"):
        Parameters.of(strange)


def test_a_parameter_needs_a_type_and_a_name() -> None:
    """The signature is all that the model is told."""

    async def untyped(value) -> None: ...
    async def starred(*values: int) -> None: ...
    async def positional(value: int, /) -> None: ...

    for function in (untyped, starred, positional):
        with pytest.raises(TypeError, match=function.__name__):
            check_signature(function)
    check_signature(untyped, skip=1)


def test_no_more_than_five_problems_are_told() -> None:
    """A model that gets everything wrong needs no list of all."""

    async def many(a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> None: ...

    with pytest.raises(BadArguments) as caught:
        Parameters.of(many).read("{}")
    assert str(caught.value).count("Field required") == 5
    assert str(caught.value).endswith("; and 2 more")


def test_openais_own_conversion_agrees() -> None:
    """Where every field is required, our schema is the one that the official client would send, but for its titles."""

    class Place(BaseModel):
        city: str
        colour: Colour
        way: Walk | None

    async def visit(city: str, colour: Colour, way: Walk | None) -> None: ...

    official = to_strict_json_schema(TypeAdapter(Place))
    assert _plain(Parameters.of(visit).schema) == _plain(official)


def _plain(schema: Any) -> Any:
    """A schema without titles, defaults and nullability."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("anyOf", [{}])[-1] == {"type": "null"}:
        return _plain(schema["anyOf"][0])
    return {key: _plain(value) for key, value in schema.items() if key not in ("title", "default")}

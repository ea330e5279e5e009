"""A function's signature as a JSON schema in OpenAI's strict mode, and what a model gives for it as arguments.

Strict mode (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas) holds a model to the schema, and
demands for it that every object names all of its properties, requires each and allows no other. So a parameter that may
be left out is one that may be null: a model that gives null for it has left it out, and its default holds.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic_core import from_json

Schema = dict[str, Any]

PROBLEMS: Final = 5
"""How many faults of its arguments a model is told at once."""

_DROPPED: Final = frozenset(
    {"title", "default", "discriminator", "examples", "minLength", "maxLength", "uniqueItems", "deprecated"}
)
"""What pydantic writes, and strict mode does not know. The values are checked all the same, when the arguments come."""
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)  # fmt: skip
"""The formats of a string that strict mode knows."""
_REFUSED: Final = ("prefixItems", "patternProperties", "allOf", "not", "if")
"""What strict mode refuses, and what no other keyword can stand for."""


class BadArguments(Exception):
    """What a model gave does not fit the parameters. The text is for the model to read."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A function's parameters."""

    schema: Schema
    """In strict mode."""
    _loose: Schema
    _model: type[BaseModel]
    _names: Mapping[str, str]
    """pydantic's field → the parameter, whose name could be one that pydantic keeps to itself, such as `json`."""

    @classmethod
    def of(cls, function: Callable[..., object], *, skip: int = 0) -> "Parameters":
        """Those of a function, without its first `skip`. Raises `TypeError` for what strict mode cannot hold."""
        hints = get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {}
        names: dict[str, str] = {}
        for index, parameter in enumerate(list(inspect.signature(function).parameters.values())[skip:]):
            default: Any = ... if parameter.default is inspect.Parameter.empty else parameter.default
            names[f"p{index}"] = parameter.name
            fields[f"p{index}"] = (hints[parameter.name], Field(default, alias=parameter.name))
        try:
            model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
            loose = model.model_json_schema()
        except PydanticUserError as error:
            raise TypeError(f"{function.__name__}: {error.message}") from error
        definitions = cast("dict[str, Schema]", loose.get("$defs", {}))
        schema = _strict(loose, definitions, function.__name__)
        schema.pop("description", None)
        return cls(schema, loose, model, names)

    def read(self, arguments: str) -> dict[str, Any]:
        """The values by parameter, those that were left out not among them. Raises `BadArguments`."""
        given = self.given(arguments)
        try:
            values = self._model.model_validate(given)
        except ValidationError as error:
            raise BadArguments(_told(error)) from error
        return {self._names[field]: getattr(values, field) for field in values.model_fields_set}

    def given(self, arguments: str) -> dict[str, Any]:
        """The JSON object that a model gave, without the nulls that stand for what is left out. Raises `BadArguments`."""
        try:
            data: Any = from_json(arguments or "{}", allow_inf_nan=False)
        except ValueError as error:
            raise BadArguments("The arguments are not valid JSON.") from error
        if not isinstance(data, dict):
            raise BadArguments("The arguments must be a JSON object.")
        definitions = cast("dict[str, Schema]", self._loose.get("$defs", {}))
        return cast("dict[str, Any]", _without_absent(data, self._loose, definitions))


def check_signature(function: Callable[..., object], *, skip: int = 0) -> None:
    """Raises `TypeError` for a parameter, but for the first `skip`, that has no type or cannot be given by its name."""
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__name__}: {parameter.name} cannot be given by its name")
        if parameter.annotation is inspect.Parameter.empty:
            raise TypeError(f"{function.__name__}: {parameter.name} needs a type")


def _strict(schema: Schema, definitions: Mapping[str, Schema], place: str) -> Schema:
    """The schema as strict mode wants it. Raises `TypeError` where it cannot be had."""
    for keyword in _REFUSED:
        if keyword in schema:
            raise TypeError(f"{place}: OpenAI's strict mode has no {keyword}")
    if "$ref" in schema:
        if len(schema) == 1:
            return schema
        # A reference must stand alone: what is said beside it is said of a copy.
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return _strict({**target, **{key: schema[key] for key in schema if key != "$ref"}}, definitions, place)
    result = {
        key: value for key, value in schema.items() if key not in _DROPPED and (key != "format" or value in _FORMATS)
    }
    if "$defs" in result:
        result["$defs"] = {name: _strict(one, definitions, name) for name, one in result["$defs"].items()}
    if variants := cast("Sequence[Schema]", result.pop("oneOf", ()) or result.pop("anyOf", ())):
        result["anyOf"] = [_strict(variant, definitions, place) for variant in variants]
    elif result.get("type") == "object":
        _strict_object(schema, result, definitions, place)
    elif result.get("type") == "array":
        result["items"] = _strict(schema.get("items", {}), definitions, f"{place}[]")
    elif not result.keys() & {"type", "enum", "const"}:
        raise TypeError(f"{place}: OpenAI's strict mode needs a type; Any has none")
    return result


def _strict_object(schema: Schema, result: Schema, definitions: Mapping[str, Schema], place: str) -> None:
    if schema.get("additionalProperties", False) is not False:
        raise TypeError(f"{place}: OpenAI's strict mode has no objects with keys of any name: use a pydantic model")
    properties = cast("dict[str, Schema]", schema.get("properties", {}))
    required = set(cast("Sequence[str]", schema.get("required", ())))
    result["properties"] = {
        name: _strict(one if name in required else _nullable(one), definitions, f"{place}.{name}")
        for name, one in properties.items()
    }
    result["required"] = list(properties)
    result["additionalProperties"] = False


def _nullable(schema: Schema) -> Schema:
    if _takes_null(schema):
        return schema
    description = {key: schema[key] for key in ("description",) if key in schema}
    inner = {key: value for key, value in schema.items() if key not in ("description", "default")}
    return {"anyOf": [inner, {"type": "null"}], **description}


def _takes_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or any(map(_takes_null, schema.get("anyOf", ())))


def _without_absent(data: Any, schema: Schema, definitions: Mapping[str, Schema]) -> Any:
    """The data without the nulls of properties that need not be given, and that cannot be null otherwise."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    variants = cast("Sequence[Schema]", schema.get("anyOf") or schema.get("oneOf") or ())
    for variant in variants:
        resolved = definitions[variant["$ref"].rpartition("/")[2]] if "$ref" in variant else variant
        if _may_be(data, resolved):
            return _without_absent(data, resolved, definitions)
    if isinstance(data, list):
        items = cast("Schema", schema.get("items", {}))
        return [_without_absent(one, items, definitions) for one in cast("list[Any]", data)]
    if not isinstance(data, dict):
        return data
    properties = cast("dict[str, Schema]", schema.get("properties", {}))
    required = cast("Sequence[str]", schema.get("required", ()))
    return {
        name: _without_absent(value, properties.get(name, {}), definitions)
        for name, value in cast("dict[str, Any]", data).items()
        if value is not None or name in required or name not in properties or _takes_null(properties[name])
    }


def _may_be(data: Any, schema: Schema) -> bool:
    """Whether the data can be meant for this variant of a union."""
    if isinstance(data, list):
        return schema.get("type") == "array"
    if not isinstance(data, dict) or schema.get("type") != "object":
        return False
    given = cast("dict[str, Any]", data)
    properties = cast("dict[str, Schema]", schema.get("properties", {}))
    constant = all(given.get(name) == one["const"] for name, one in properties.items() if "const" in one)
    return constant and given.keys() <= properties.keys()


def _told(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    problems = [f"{'.'.join(map(str, one['loc'])) or 'the arguments'}: {one['msg']}" for one in found[:PROBLEMS]]
    more = [f"and {len(found) - PROBLEMS} more"] if len(found) > PROBLEMS else []
    return "The arguments are wrong. " + "; ".join([*problems, *more])

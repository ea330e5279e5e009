"""A body for every request type, with every field filled, made from the types themselves."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from functions.protocol.requests import NonStreamingReq, StreamingReq

Json: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]

REQUESTS: tuple[type[BaseModel], ...] = (*get_args(StreamingReq), *get_args(NonStreamingReq))


def kind_of(request: type[BaseModel]) -> str:
    """The `type` of a request."""
    (kind,) = get_args(request.model_fields["type"].annotation)
    return kind


@dataclass(frozen=True)
class Node:
    """A place in a body: what stands there, and whether it may be left out."""

    path: Path
    shape: Any
    is_required: bool

    @property
    def field(self) -> str:
        """The path as an error names it."""
        return ".".join(map(str, self.path))


def body_of(request: type[BaseModel]) -> dict[str, Json]:
    """A right body with every field of the type and all that is in it."""
    return _example(request)


def nodes_of(request: type[BaseModel]) -> list[Node]:
    """Every place in `body_of(request)` that has a type, the root left out."""
    return [node for node in _nodes(request, (), is_required=True) if node.path]


def wrong_for(shape: Any) -> Json:
    """A value that is wrong for a shape. Raises `LookupError` where everything is right."""
    origin = get_origin(shape)
    if shape is Any:
        raise LookupError
    if origin is Literal:
        return "no such word"
    if origin is list:
        return {"no": "list"}
    return "nothing of the sort" if shape in {int, bool} else 5


def _plain(annotation: Any) -> Any:
    """Without `Annotated` and `| None`; of several members of a union all are kept."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        members = tuple(member for member in get_args(annotation) if member is not types.NoneType)
        return _plain(members[0]) if len(members) == 1 else Union[members]  # noqa: UP007 - made at run time
    return annotation


def _members(shape: Any) -> tuple[Any, ...]:
    return get_args(shape) if get_origin(shape) in {Union, types.UnionType} else (shape,)


def _example(annotation: Any) -> Json:
    shape = _plain(annotation)
    origin = get_origin(shape)
    if origin is Literal:
        return get_args(shape)[0]
    if origin is list:
        return [_example(member) for member in _members(_plain(get_args(shape)[0]))]
    if origin is dict:
        return {"key": _example(get_args(shape)[1])}
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return {name: _example(field.annotation) for name, field in shape.model_fields.items()}
    return {str: "text", int: 1, bool: True, Any: {"free": [1, None]}}[shape]


def _nodes(annotation: Any, path: Path, *, is_required: bool) -> Iterator[Node]:
    shape = _plain(annotation)
    origin = get_origin(shape)
    yield Node(path, shape, is_required)
    if origin is list:
        for index, member in enumerate(_members(_plain(get_args(shape)[0]))):
            yield from _nodes(member, (*path, index), is_required=False)
    elif origin is dict and get_args(shape)[1] is not Any:
        yield from _nodes(get_args(shape)[1], (*path, "key"), is_required=False)
    elif isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, field in shape.model_fields.items():
            # A union is told apart by `type`, so that this may not be left out, whatever its default.
            yield from _nodes(field.annotation, (*path, name), is_required=field.is_required() or name == "type")


def at(body: Json, path: Path) -> Json:
    """What stands at a path."""
    for step in path:
        body = body[step]
    return body

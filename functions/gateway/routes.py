"""What a route of the api function is: a method, a path, and what answers. Knows nothing of Powertools."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from pydantic_core import from_json

from functions.errors import BodyTooLarge, Forbidden, InvalidRequest, Unauthenticated
from functions.gateway.request import Request
from functions.identity.base import CHAT, Caller, TokenVerifier

JSON_BYTES: Final = 10_000
"""The largest JSON body of the api function's routes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer."""

    content: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def body(self) -> str:
        """The content as JSON."""
        return json.dumps(self.content)


@dataclass(frozen=True, slots=True)
class Route:
    """One route."""

    method: str
    path: str
    """As Powertools' resolver has it: `/api/chatkit/entities/<entity_id>`."""
    answer: Callable[..., Answer]
    """Is given the `Request`, and the path's parameters by name. Raises `RequestError`."""


class RouteGroup(Protocol):
    """Routes that belong together."""

    def routes(self) -> Iterable[Route]:
        """All of them."""
        ...


def caller_of(request: Request, tokens: TokenVerifier, *, scope: str = CHAT) -> Caller:
    """Who calls, by the client token of `Authorization: Bearer ...`.

    Raises `Unauthenticated`, and `Forbidden` where the token does not allow `scope`. Whether the token's session was ended
    is not asked.
    """
    token = request.bearer_token()
    if token is None:
        raise Unauthenticated("A client token is needed: Authorization: Bearer ...")
    caller = tokens.verify(token)
    if scope not in caller.scopes:
        raise Forbidden("The client token does not allow this.")
    return caller


def json_object(request: Request, *, limit: int = JSON_BYTES) -> dict[str, Any]:
    """The body's JSON object. Raises `BodyTooLarge` beyond `limit` bytes, and `InvalidRequest`."""
    if len(request.body) > limit:
        raise BodyTooLarge(limit)
    try:
        body: Any = from_json(request.body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest("", "the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise InvalidRequest("", "the body must be a JSON object")
    return cast("dict[str, Any]", body)

"""`GET /api/chatkit/entities?q=...` and `GET /api/chatkit/entities/{id}/preview`: what users may tag, and more of it.

The answers are made for ChatKit's callbacks: `{"entities": [...]}` holds what `onTagSearch` gives, `{"preview": ...}` is
what `onRequestPreview` gives (the types of `@openai/chatkit` 1.9.0). `X-Agent-Type` picks the assistant, as in a chat.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from functions.engine.assistant import Assistant, picked
from functions.engine.entities import preview, search
from functions.engine.results import RequestContext
from functions.gateway.request import Request
from functions.gateway.routes import Answer, Route, caller_of
from functions.identity.base import TokenVerifier
from functions.runtime.loop import run
from functions.translations import parse_accept_language


class EntityRoutes:
    """A `RouteGroup`."""

    def __init__(self, *, assistants: Mapping[str, Assistant], tokens: TokenVerifier) -> None:
        """`assistants` by agent type, one of them `default`: each may have a directory of its own."""
        self._assistants = assistants
        self._tokens = tokens

    def routes(self) -> Iterable[Route]:
        """See `RouteGroup`."""
        yield Route("GET", "/api/chatkit/entities", self._search)
        yield Route("GET", "/api/chatkit/entities/<entity_id>/preview", self._preview)

    def _search(self, request: Request) -> Answer:
        context = self._context(request)
        # A lone surrogate has no UTF-8, which a directory's database would ask for.
        query = request.query.get("q", "").encode(errors="replace").decode()
        found = run(search(picked(self._assistants, context).entities, query, context))
        return Answer({"entities": [entity.model_dump(exclude_none=True) for entity in found]})

    def _preview(self, request: Request, *, entity_id: str) -> Answer:
        context = self._context(request)
        # Of what a client has encoded, a REST API decodes some, and a Function URL nothing; an id holds no `%` itself.
        widget = run(preview(picked(self._assistants, context).entities, unquote(entity_id), context))
        return Answer({"preview": widget})

    def _context(self, request: Request) -> RequestContext:
        caller = caller_of(request, self._tokens)
        return RequestContext(
            user=caller.user,
            tenant=caller.tenant,
            request_id=request.request_id,
            locales=tuple(parse_accept_language(request.headers.get("accept-language", ""))),
            agent_type=request.headers.get("x-agent-type") or None,
        )

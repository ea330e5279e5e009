"""`POST /api/chatkit/start`: a trusted identity, `{"user"}`, is exchanged for `{"client_secret", "expires_at"}`.

One of the two routes of ChatKit's own guide (https://platform.openai.com/docs/guides/chatkit).
"""

from collections.abc import Iterable

from functions.errors import Forbidden
from functions.gateway.request import Request
from functions.gateway.routes import Answer, Route, json_object
from functions.identity.base import TokenIssuer, checked_user
from functions.settings import Identity


class Sessions:
    """A `RouteGroup`."""

    def __init__(self, *, tokens: TokenIssuer, identity: Identity) -> None:
        """`identity`: `local` believes the caller; `iam` believes a caller whose signature API Gateway has checked."""
        self._tokens = tokens
        self._identity = identity

    def routes(self) -> Iterable[Route]:
        """See `RouteGroup`."""
        yield Route("POST", "/api/chatkit/start", self._start)

    def _start(self, request: Request) -> Answer:
        if self._identity == "iam" and request.caller_arn is None:
            raise Forbidden("This route is for callers with an AWS signature.")
        token = self._tokens.issue(checked_user(json_object(request).get("user")))
        return Answer({"client_secret": token.client_secret, "expires_at": token.expires_at})

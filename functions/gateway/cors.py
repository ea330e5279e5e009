"""Cross-origin calls: which pages may call, and what a browser is told (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Sequence
from typing import Final

from functions.gateway.request import Request

FRAME_HEADER: Final = "chatkit-frame-instance-id"
"""ChatKit.js's own: the same for all requests of one mounted component."""
TURN_HEADER: Final = "chatkit-turn"
"""Ours, `running` on the answer to `threads.get_by_id` and `items.list` while the thread is being answered: who calls
`fetchUpdates()` again will see more. `web/chatkit-aws.js` does."""

ALLOWED_HEADERS: Final = (
    "accept-language",
    "authorization",
    FRAME_HEADER,
    "content-type",
    "x-agent-type",
)
"""`chatkit-frame-instance-id` and `content-type` are ChatKit.js's own; the integrator adds `authorization`."""
EXPOSED_HEADERS: Final = (TURN_HEADER, "retry-after")
"""What a page may read of an answer's head, beside what any page may."""
ALLOWED_METHODS: Final = ("GET", "POST", "OPTIONS")
MAX_AGE: Final = 7200
"""Seconds for which a preflight is remembered: the most that Chromium takes."""

_ALLOW_ORIGIN: Final = "access-control-allow-origin"


class Cors:
    """The CORS headers for a list of exact origins, or for every origin where the list is `*`."""

    def __init__(self, origins: Sequence[str], *, credentials: bool = False) -> None:
        """`credentials`: whether pages of listed origins may send cookies, and keep those that are set."""
        self._credentials = credentials
        self._any = "*" in origins
        self._origins = frozenset(origins)

    def headers(self, request: Request) -> dict[str, str]:
        """What each answer to this request carries: nothing that allows an origin that is not listed."""
        headers = self._origin(request)
        if _ALLOW_ORIGIN in headers:
            headers["access-control-expose-headers"] = ", ".join(EXPOSED_HEADERS)
        return headers

    def preflight_headers(self, request: Request) -> dict[str, str]:
        """What a preflight is answered with, on a 200 (a streamed answer has a body, which a 204 must not)."""
        headers = self._origin(request)
        if _ALLOW_ORIGIN in headers:
            headers["access-control-allow-methods"] = ", ".join(ALLOWED_METHODS)
            headers["access-control-allow-headers"] = ", ".join(ALLOWED_HEADERS)
            headers["access-control-max-age"] = str(MAX_AGE)
        return headers

    def _origin(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin", "")
        if self._any:
            return {_ALLOW_ORIGIN: "*"}
        if origin in self._origins:
            credentials = {"access-control-allow-credentials": "true"} if self._credentials else {}
            return {_ALLOW_ORIGIN: origin, "vary": "Origin", **credentials}
        return {"vary": "Origin"}

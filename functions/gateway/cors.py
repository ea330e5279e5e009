"""Cross-origin calls: which pages may call, and what a browser is told (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Sequence
from typing import Final

from functions.gateway.request import Request

ALLOWED_HEADERS: Final = (
    "accept-language",
    "authorization",
    "chatkit-frame-instance-id",
    "content-type",
    "x-agent-type",
)
"""`chatkit-frame-instance-id` and `content-type` are ChatKit.js's own; the integrator adds `authorization`."""
EXPOSED_HEADERS: Final = ("chatkit-turn",)
"""What a page may read of an answer's head: whether a turn is running (`functions.gateway.chat_endpoint`)."""
ALLOWED_METHODS: Final = ("GET", "POST", "OPTIONS")
MAX_AGE: Final = 7200
"""Seconds for which a preflight is remembered: the most that Chromium takes."""


class Cors:
    """The CORS headers for a list of exact origins, or for every origin where the list is `*`."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origins)

    def headers(self, request: Request) -> dict[str, str]:
        """What each answer to this request carries: nothing that allows an origin that is not listed."""
        origin = request.headers.get("origin", "")
        exposed = {"access-control-expose-headers": ", ".join(EXPOSED_HEADERS)}
        if self._any:
            return {"access-control-allow-origin": "*", **exposed}
        if origin in self._origins:
            return {"access-control-allow-origin": origin, "vary": "Origin", **exposed}
        return {"vary": "Origin"}

    def preflight_headers(self, request: Request) -> dict[str, str]:
        """What a preflight is answered with, on a 200 (a streamed answer has a body, which a 204 must not)."""
        headers = self.headers(request)
        headers.pop("access-control-expose-headers", None)  # it says nothing in a preflight's answer
        if "access-control-allow-origin" in headers:
            headers["access-control-allow-methods"] = ", ".join(ALLOWED_METHODS)
            headers["access-control-allow-headers"] = ", ".join(ALLOWED_HEADERS)
            headers["access-control-max-age"] = str(MAX_AGE)
        return headers

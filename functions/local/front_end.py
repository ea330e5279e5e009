"""The local stack's one address: the page, and the functions behind `/chatkit` and `/api/...`."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from functions.local.lambda_endpoint import (
    FUNCTION_URL,
    REST_API,
    REST_ROOT,
    Invokable,
    LambdaEndpoint,
    Receive,
    Scope,
    Send,
)
from functions.local.rotation import RotationFailed

WEB: Final = Path(__file__).parents[2] / "web"
CHAT_PATH: Final = "/chatkit"
ROTATION_PATH: Final = "/local/rotate-key"
"""Of the local stack alone."""

_OWN_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_CONFLICT: Final = 409
_UNSUPPORTED_TYPE: Final = 415
_MISDIRECTED: Final = 421
_FRESH: Final = {"cache-control": "no-cache"}
"""Files are asked for anew at every load, so that an edited page is the page that is seen."""


def create(
    *,
    chat: Invokable,
    api: Invokable,
    rotate_key: Callable[[], Awaitable[str]] | None = None,
    web: Path = WEB,
    allowed_hosts: Sequence[str] = (),
) -> ASGIApp:
    """The ASGI application. `allowed_hosts` are host names beside this machine's own; `*` means any.

    `rotate_key` gives the new key's name, and raises `RotationFailed`.
    """
    routes: list[BaseRoute] = [
        Route("/", _index(web), methods=["GET"]),
        Mount("/web", _Files(directory=web)),
        Route(CHAT_PATH, LambdaEndpoint(chat, FUNCTION_URL)),
        Route(REST_ROOT + "/{proxy:path}", LambdaEndpoint(api, REST_API)),
    ]
    if rotate_key is not None:
        routes.append(Route(ROTATION_PATH, _rotation(rotate_key), methods=["POST"]))
    return HostGuard(Starlette(routes=routes), allowed_hosts=allowed_hosts)


class HostGuard:
    """Answers only those who call this machine by a name of its own.

    A foreign page could otherwise reach the stack by a name that it had pointed at 127.0.0.1 (DNS rebinding), and would
    then be of the same origin.
    """

    def __init__(self, app: ASGIApp, *, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._any = "*" in allowed_hosts
        self._hosts = _OWN_HOSTS | set(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI scope."""
        if scope["type"] == "http" and not self._any and _host(scope) not in self._hosts:
            refusal = PlainTextResponse(
                "This local stack answers under 127.0.0.1 and localhost; set ALLOWED_HOSTS to add a name.\n",
                status_code=_MISDIRECTED,
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_FRESH)
        return response


def _index(web: Path) -> Callable[[Request], Awaitable[Response]]:
    async def index(_request: Request) -> Response:
        return FileResponse(web / "index.html", headers=_FRESH)

    return index


def _rotation(rotate_key: Callable[[], Awaitable[str]]) -> Callable[[Request], Awaitable[Response]]:
    async def rotate(request: Request) -> Response:
        # A page from elsewhere can post no JSON without a preflight, which nobody answers here.
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"message": "send JSON"}, status_code=_UNSUPPORTED_TYPE)
        try:
            return JSONResponse({"kid": await rotate_key()})
        except RotationFailed as error:
            return JSONResponse({"message": str(error)}, status_code=_CONFLICT)

    return rotate


def _host(scope: Scope) -> str:
    headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
    host = next((value for name, value in headers if name == b"host"), b"").decode("latin-1").lower()
    name, _, port = host.rpartition(":")
    return name if port.isdigit() and name else host

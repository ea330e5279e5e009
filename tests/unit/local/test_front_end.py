"""The local stack's one address."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.local.front_end import create
from functions.local.invocation import Invocation
from functions.local.rotation import RotationFailed
from tests.support.asgi import Answer, call

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Named:
    """A function that answers with its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        assert event
        return Invocation(streaming=False, result=b'{"statusCode": 200, "body": "%s"}' % self._name.encode())


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "index.html").write_text("<p>page")
    (folder / "api.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def get(web: Path, path: str, *, method: str = "GET", host: str = "localhost", allowed: Any = ()) -> Answer:
    app = create(chat=Named("chat"), api=Named("api"), web=web, allowed_hosts=allowed)
    return await call(app, method, path, headers=[("host", host)])


async def test_the_page_and_its_files(web: Path) -> None:
    """They are served as they are on disk, and asked for anew at every load."""
    page, script = await get(web, "/"), await get(web, "/web/api.js")

    assert (page.body, script.body) == (b"<p>page", b"export {}")
    for answer in (page, script):
        assert ("cache-control", "no-cache") in answer.headers


@pytest.mark.parametrize("path", ["/web/../secret.txt", "/web/%2e%2e/secret.txt", "/web//etc/passwd", "/secret.txt"])
async def test_nothing_else_on_the_disk(web: Path, path: str) -> None:
    """No path leads out of the page's folder."""
    assert (await get(web, path)).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
async def test_the_functions(web: Path, method: str) -> None:
    """Each has its address, for every method."""
    assert (await get(web, "/chatkit", method=method)).body == b"chat"
    assert (await get(web, "/api/chatkit/start", method=method)).body == b"api"


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787"])
async def test_this_machines_own_names(web: Path, host: str) -> None:
    """Under each of them the stack answers."""
    assert (await get(web, "/", host=host)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/chatkit", "/api/health"])
async def test_a_foreign_name(web: Path, host: str, path: str) -> None:
    """A name that somebody else has pointed at this machine is refused, unless it was allowed."""
    assert (await get(web, path, host=host)).status == 421
    assert (await get(web, path, host="tunnel.example", allowed=["tunnel.example"])).status == 200
    assert (await get(web, path, host=host, allowed=["*"])).status == 200


async def rotate(web: Path, *, method: str = "POST", fails: bool = False, **header: str) -> tuple[Answer, list[str]]:
    """What the address of the rotation answers, and which keys were made."""
    made: list[str] = []

    async def rotate_key() -> str:
        if fails:
            raise RotationFailed("createSecret failed (InternalError)")
        made.append("4e5d")
        return "4e5d"

    app = create(chat=Named("chat"), api=Named("api"), rotate_key=rotate_key, web=web)
    headers = [("host", "localhost"), *((name.replace("_", "-"), value) for name, value in header.items())]
    return await call(app, method, "/local/rotate-key", headers=headers), made


async def test_the_key_is_rotated_on_demand(web: Path) -> None:
    """The new key's name is the answer."""
    answer, made = await rotate(web, content_type="application/json")
    assert (answer.status, answer.body) == (200, b'{"kid":"4e5d"}')
    assert made == ["4e5d"]


async def test_a_rotation_that_failed(web: Path) -> None:
    """Why is the answer."""
    answer, _ = await rotate(web, fails=True, content_type="application/json")
    assert (answer.status, answer.body) == (409, b'{"message":"createSecret failed (InternalError)"}')


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_no_foreign_page_rotates_the_key(web: Path, content_type: str) -> None:
    """What a browser sends for any page, without asking first, is refused; and nothing answers when it asks."""
    answer, made = await rotate(web, content_type=content_type, origin="https://evil.example")
    assert answer.status == 415
    asked, _ = await rotate(
        web, method="OPTIONS", origin="https://evil.example", access_control_request_headers="content-type"
    )
    assert asked.status == 405
    assert not [name for name, _ in asked.headers if name.startswith("access-control")]
    assert made == []

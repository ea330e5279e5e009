"""Every kind of identity on the local stack, over HTTP: the real functions, a real identity provider, real cookies."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from functions.identity.anonymous import COOKIE
from functions.identity.api_keys import new_key
from functions.identity.tokens import TOKEN_CHARACTERS
from tests.support.answered import answered
from tests.support.identity_provider import CLIENT, Provider
from tests.support.loopback_http import send, served
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-identities")]

START, REFRESH, LOGOUT = (f"/api/chatkit/{name}" for name in ("start", "refresh", "logout"))
KEY = new_key()


@dataclass
class World:
    """A stack that trusts three kinds of identity, and the provider of one."""

    stack: Stack
    provider: Provider

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON."""
        data = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.stack.url + path, data=data, headers=named, method="POST")
        answer = answered(request)
        return answer.status, answer.headers, answer.json

    def threads(self, token: str) -> int:
        """The status of a request with a client token."""
        body = {"type": "threads.list", "params": {}}
        return self.post("/chatkit", body, authorization=f"Bearer {token}", content_type="application/json")[0]

    def identity_token(self, **claims: Any) -> str:
        return self.provider.token(self.provider.claims(now=time.time(), org_id="acme", **claims))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The provider first, as the stack is told where it is."""
    provider = Provider()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        document = provider.documents().get(f"{provider.issuer}{handler.path}")
        send(handler, json.dumps(document).encode(), 404 if document is None else 200)

    with served(answer) as address:
        provider.issuer = address
        environment = {
            "IDENTITY": "oidc,api_key,anonymous",
            "OIDC_ISSUER": address,
            "OIDC_AUDIENCE": CLIENT,
            "OIDC_TENANT_CLAIM": "org_id",
            "LOCAL_API_KEY": KEY,
        }
        with running_stack(tmp_path_factory.mktemp("state"), **environment) as stack:
            yield World(stack, provider)


def test_an_identity_token_is_exchanged(world: World) -> None:
    """The user and tenant of the token, whatever the body names; the session ends with the token."""
    token = world.identity_token(exp=int(time.time()) + 300)
    status, _, answer = world.post(START, {"user": "mallory"}, authorization=f"Bearer {token}")
    assert status == 200
    assert answer["expires_at"] <= time.time() + 300
    assert world.threads(answer["client_secret"]) == 200
    assert world.post(REFRESH, {"currentClientSecret": answer["client_secret"]})[0] == 200
    assert world.threads(token) == 401


@pytest.mark.parametrize("claims", [{"aud": "other"}, {"exp": 1}, {"iss": "https://evil.test"}, {"org_id": None}])
def test_a_wrong_identity_token_is_refused(world: World, claims: dict[str, Any]) -> None:
    """And its sender is not taken for an anonymous visitor either."""
    token = world.provider.token(world.provider.claims(now=time.time(), **{"org_id": "acme", **claims}))
    status, headers, answer = world.post(START, authorization=f"Bearer {token}")
    assert (status, answer["code"]) == (401, "unauthenticated")
    assert "set-cookie" not in headers


def test_a_server_with_a_key_speaks_for_a_user(world: World) -> None:
    """By the same route; a wrong key opens nothing."""
    status, _, answer = world.post(START, {"user": "bob", "tenant": "acme"}, authorization=f"Bearer {KEY}")
    assert status == 200
    assert world.threads(answer["client_secret"]) == 200
    assert world.post(START, {"user": "bob"}, authorization=f"Bearer {new_key()}")[0] == 401
    assert world.post(START, {"user": "bob"}, authorization=f"Bearer {KEY[:-1]}")[0] == 401
    assert world.post(START, {}, authorization=f"Bearer {KEY}")[0] == 400


def test_a_visitor_comes_back_by_a_cookie(world: World) -> None:
    """Without any proof a visitor is anonymous: the same one with the cookie, until they sign out."""
    origin = world.stack.url
    status, headers, answer = world.post(START, origin=origin)
    assert status == 200
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-credentials"] == "true"
    cookie = headers["set-cookie"].partition(";")[0]
    assert cookie.startswith(f"{COOKIE}=")
    message = {"content": [{"type": "input_text", "text": "Hi"}], "attachments": [], "inference_options": {}}
    body = {"type": "threads.create", "params": {"input": message}}
    world.stack.post("/chatkit", body, token=answer["client_secret"], accept="text/event-stream")

    def history(token: str) -> int:
        listed = world.stack.post("/chatkit", {"type": "threads.list", "params": {}}, token=token)
        return len(json.loads(listed)["data"])

    again = world.post(START, origin=origin, cookie=f"other=1; {cookie}")[2]["client_secret"]
    assert history(again) == 1
    assert history(world.post(START, origin=origin)[2]["client_secret"]) == 0
    upload = {"type": "attachments.create", "params": {"name": "a.txt", "size": 1, "mime_type": "text/plain"}}
    assert world.post("/chatkit", upload, authorization=f"Bearer {again}")[0] == 403
    status, headers, _ = world.post(LOGOUT, {"currentClientSecret": again}, origin=origin, cookie=cookie)
    assert status == 200
    assert "Max-Age=0" in headers["set-cookie"]
    assert world.threads(again) == 401


def test_another_page_learns_nothing(world: World) -> None:
    """A page that is not listed is refused, and may not read that."""
    status, headers, _ = world.post(START, origin="https://evil.test")
    assert status == 403
    assert "set-cookie" not in headers
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_nobody_names_themselves(world: World) -> None:
    """Where `local` is not among them, a name in the body is nobody's."""
    status, headers, answer = world.post(START, {"user": "alice"}, origin=world.stack.url)
    assert status == 200
    assert len(answer["client_secret"]) < TOKEN_CHARACTERS
    assert COOKIE in headers["set-cookie"]

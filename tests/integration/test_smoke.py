"""The smoke test over real HTTP: on the local stack, and on servers that are broken in ways that deployments are."""

import io
import itertools
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from functions.local.smoke import Target, smoke
from functions.local.smoke_calls import SmokeFailed
from tests.integration.test_cli import run
from tests.support.loopback_http import send, served
from tests.support.stack import running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-stack")]


def test_the_local_stack_streams(tmp_path: Path) -> None:
    """A token, an answer that streams, the thread read back and deleted: all in order, and nothing left."""
    with running_stack(tmp_path) as stack:
        urls = ("--url", f"{stack.url}/chatkit", "--api-url", f"{stack.url}/api")
        done = run("smoke", *urls, "--origin", stack.url)
        with_token = run("smoke", "--url", f"{stack.url}/chatkit", TOKEN=stack.token("smoke-test"))
        kept_out = run("smoke", *urls, "--origin", "https://other.example")
        wrong = run("smoke", "--url", f"{stack.url}/chatkit", TOKEN="none")
        threads = json.loads(stack.chat("threads.list", user="smoke-test"))["data"]

    assert done.returncode == 0, done.stderr
    assert [line[:2] for line in done.stdout.splitlines()] == ["ok"] * 6
    assert "it streams" in done.stdout
    assert with_token.returncode == 0, with_token.stderr
    assert "not listed in allowed_origins" in kept_out.stderr
    assert "the token is refused (401" in wrong.stderr
    assert [kept_out.returncode, wrong.returncode, threads] == [1, 1, []]


class Deployment:
    """A deployment that answers well, but for what a test replaces."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, str | None]] = []
        """Each request's path, body and authorization."""
        self.text = ["one", ", ", "two", ", ", "three", ", ", "four"]
        self.kept: str | None = None
        """What was kept of the answer; None: all of it."""
        self.replaced: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        """By the request's type, or by its path where it is none of ChatKit's."""

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        body: dict[str, Any] = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        self.asked.append((handler.path, body, handler.headers["authorization"]))
        kind = body.get("type", handler.path)
        if kind in self.replaced:
            self.replaced[kind](handler)
        elif kind == "threads.create":
            events = [{"type": "thread.created", "thread": {"id": "thr_1"}}, *map(self.delta, self.text)]
            frames = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
            send(handler, frames, headers={"content-type": "text/event-stream"})
        elif kind == "threads.get_by_id":
            text = "".join(self.text) if self.kept is None else self.kept
            item = {"type": "assistant_message", "content": [{"text": text}]}
            self.json(handler, {"items": {"data": [{"type": "user_message"}, item]}})
        elif kind.startswith("/api"):
            self.json(handler, {"client_secret": f"token{len(self.asked)}"})
        else:
            self.json(handler, {})

    @staticmethod
    def delta(text: str) -> dict[str, Any]:
        update = {"type": "assistant_message.content_part.text_delta", "delta": text}
        return {"type": "thread.item.updated", "update": update}

    @staticmethod
    def json(handler: BaseHTTPRequestHandler, content: Any, status: int = 200, **headers: str) -> None:
        send(handler, json.dumps(content).encode(), status, headers=headers)

    def smoke(self, *, proof: str | None = None, clock: Callable[[], float] = lambda: 0.0) -> None:
        """Smokes it, by a clock that stands still: an answer in one piece is no fault where it took no time."""
        with served(self) as url:
            smoke(Target(url=f"{url}/chatkit", api_url=f"{url}/api", proof=proof), out=io.StringIO(), clock=clock)

    def asked_for(self) -> list[str]:
        return [body.get("type", path) for path, body, _ in self.asked]


def test_each_token_is_the_one_that_was_given_last() -> None:
    """`start` has the proof, `refresh` what `start` gave, and ChatKit's requests what `refresh` gave."""
    deployment = Deployment()
    deployment.smoke(proof="pr00f")
    assert [authorization for *_, authorization in deployment.asked] == ["Bearer pr00f", None] + ["Bearer token2"] * 3
    assert deployment.asked[1][1] == {"currentClientSecret": "token1"}
    assert deployment.asked_for()[2:] == ["threads.create", "threads.get_by_id", "threads.delete"]


def test_where_api_gateway_wants_a_signature_the_call_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked without a proof, and refused, it asks again with this machine's AWS credentials."""
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    deployment = Deployment()

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        if "authorization" in handler.headers:
            Deployment.json(handler, {"client_secret": "signed"})
        else:
            Deployment.json(handler, {"message": "Missing Authentication Token"}, 403)

    deployment.replaced["/api/chatkit/start"] = refuse
    deployment.smoke()
    signature = deployment.asked[1][2]
    assert signature is not None
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=key/")
    assert "/eu-west-1/execute-api/aws4_request" in signature


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"data: {}\n\n", headers={"content-type": "text/event-stream", "content-length": "500"})
    handler.close_connection = True


BROKEN: dict[str, tuple[str, Callable[[BaseHTTPRequestHandler], None], str]] = {
    "start fails": ("/api/chatkit/start", lambda h: Deployment.json(h, {"message": "x"}, 500), "asking for a token"),
    "refresh fails": ("/api/chatkit/refresh", lambda h: Deployment.json(h, {}, 401), "renewing the token"),
    "no token": ("/api/chatkit/start", lambda h: Deployment.json(h, {}), "gives no client_secret"),
    "a page": (
        "threads.create",
        lambda h: send(h, b"<html>", headers={"content-type": "text/html"}),
        "no stream of events",
    ),
    "forbidden": ("threads.create", lambda h: Deployment.json(h, {"Message": "Forbidden"}, 403), "403, Forbidden"),
    "crashed": ("threads.create", lambda h: send(h, b"Internal Server Error", 502), "HTTP 502"),
    "cut off": ("threads.create", cut_off, "broke its answer off"),
    "no answer": ("threads.create", lambda h: h.connection.close(), "closed the connection"),
    "not deleted": ("threads.delete", lambda h: Deployment.json(h, {"message": "x"}, 503), "threads.delete"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_said(name: str) -> None:
    """Each fault ends the test with a sentence of its own."""
    kind, answer, says = BROKEN[name]
    deployment = Deployment()
    deployment.replaced[kind] = answer
    with pytest.raises(SmokeFailed, match=says):
        deployment.smoke()


def test_what_was_not_kept_is_said_and_deleted() -> None:
    """An answer that was streamed, and is not what is read back, fails; the thread is not left behind."""
    deployment = Deployment()
    deployment.kept = "one, two"
    with pytest.raises(SmokeFailed, match="8 characters of the answer were kept, and 21 were streamed"):
        deployment.smoke()
    assert deployment.asked_for()[-1] == "threads.delete"


def test_an_answer_that_is_held_back_fails() -> None:
    """Where nothing arrives until all is written, the conversation is held to its end, and the test fails."""
    deployment = Deployment()

    with pytest.raises(SmokeFailed, match="did not stream"):
        # Each look at the clock is a second later, and the whole answer is one piece.
        deployment.smoke(clock=itertools.count().__next__)
    assert deployment.asked_for()[-1] == "threads.delete"

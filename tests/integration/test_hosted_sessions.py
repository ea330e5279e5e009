"""Sessions of OpenAI's hosted ChatKit: by OpenAI's own client, against a server that records what it is asked."""

import json
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from functions.errors import ModelError
from functions.model.hosted_sessions import OpenAIHostedSessions
from functions.model.openai_client import OpenAIClient
from functions.model.retries import Retries
from functions.runtime.loop import run
from tests.support.loopback_http import send, served
from tests.support.stack import running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("hosted-sessions")]


@dataclass
class OpenAI:
    """What was asked, and what is answered."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    """Method, path, headers (names in lower case) and JSON."""
    answer: Callable[[int], tuple[int, Any]] = lambda number: (200, session(number))


def session(number: int, **more: Any) -> dict[str, Any]:
    """A session as OpenAI answers it."""
    return {
        "id": f"cksess_{number}",
        "object": "chatkit.session",
        "client_secret": f"ek_{number}",
        "expires_at": 4_000_000_000,
        "status": "active",
        "user": "alice",
        "max_requests_per_1_minute": 10,
        **more,
    }


@pytest.fixture
def openai() -> Iterator[OpenAI]:
    """A stand-in for the API."""
    stand_in = OpenAI()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        stand_in.asked.append((handler.command, handler.path, headers, json.loads(body) if body else None))
        status, content = stand_in.answer(len(stand_in.asked))
        send(handler, json.dumps(content).encode(), status, headers={"content-type": "application/json"})

    with served(answer) as url:
        stand_in.url = url
        yield stand_in


def sessions(openai: OpenAI, *, version: str | None = None) -> tuple[OpenAIHostedSessions, OpenAIClient]:
    async def at_once(_: float) -> None:
        pass

    client = OpenAIClient(api_key=lambda: "sk-test", base_url=f"{openai.url}/v1", retries=Retries(), sleep=at_once)
    return OpenAIHostedSessions(client=client, workflow_id="wf_1", version=version, requests_per_minute=7), client


def test_a_session_is_made_as_the_api_has_it(openai: OpenAI) -> None:
    """With user, workflow, state variables, expiry and rate limit, and the header of the beta."""
    hosted, client = sessions(openai, version="3")
    made = run(hosted.create("alice", seconds=600, state={"plan": "pro"}))
    run(client.close())
    assert (made.id, made.client_secret, made.expires_at) == ("cksess_1", "ek_1", 4_000_000_000)
    ((method, path, headers, body),) = openai.asked
    assert (method, path) == ("POST", "/v1/chatkit/sessions")
    assert headers["openai-beta"] == "chatkit_beta=v1"
    assert headers["authorization"] == "Bearer sk-test"
    assert body == {
        "user": "alice",
        "workflow": {"id": "wf_1", "version": "3", "state_variables": {"plan": "pro"}},
        "expires_after": {"anchor": "created_at", "seconds": 600},
        "rate_limits": {"max_requests_per_1_minute": 7},
    }


def test_a_session_is_cancelled(openai: OpenAI) -> None:
    """By its id."""
    hosted, client = sessions(openai)
    run(hosted.cancel("cksess_9"))
    run(client.close())
    assert openai.asked[0][:2] == ("POST", "/v1/chatkit/sessions/cksess_9/cancel")
    assert openai.asked[0][2]["openai-beta"] == "chatkit_beta=v1"


@pytest.mark.parametrize(
    "content",
    [
        {},
        session(1, client_secret=None),
        session(1, client_secret=""),
        session(1, id=5),
        session(1, expires_at="soon"),
        session(1, expires_at=True),
    ],
)
def test_an_answer_without_a_session_is_a_failure(openai: OpenAI, content: Any) -> None:
    """What is not what it should be is not handed on."""
    openai.answer = lambda _: (200, content)
    hosted, client = sessions(openai)
    with pytest.raises(ModelError):
        run(hosted.create("alice", seconds=600, state={}))
    run(client.close())


def test_a_failure_that_passes_is_tried_again(openai: OpenAI) -> None:
    """As with answers: one 500 is nothing that a page notices; a refusal is told at once."""
    openai.answer = lambda number: (500, {}) if number == 1 else (200, session(number))
    hosted, client = sessions(openai)
    assert run(hosted.create("alice", seconds=600, state={})).id == "cksess_2"
    openai.asked.clear()
    openai.answer = lambda _: (404, {"error": {"message": "No such workflow", "type": "invalid_request_error"}})
    with pytest.raises(ModelError):
        run(hosted.create("alice", seconds=600, state={}))
    assert len(openai.asked) == 1
    run(client.close())


def test_the_local_stack_hands_out_hosted_sessions(openai: OpenAI, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the same routes as its own tokens, from the start to the sign-out."""
    variables = {
        "HOSTED_WORKFLOW_ID": "wf_local",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": f"{openai.url}/v1",
    }
    with running_stack(tmp_path_factory.mktemp("state"), **variables) as stack:
        body = {"user": "alice", "tenant": "acme", "state_variables": {"plan": "pro"}}
        first = json.loads(stack.post("/api/chatkit/start", body))
        assert first == {"client_secret": "ek_1", "expires_at": 4_000_000_000}
        second = json.loads(stack.post("/api/chatkit/refresh", {"currentClientSecret": "ek_1"}))
        assert second["client_secret"] == "ek_2"
        assert stack.post("/api/chatkit/logout", {"currentClientSecret": "ek_2"}) == b"{}"
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            stack.post("/api/chatkit/refresh", {"currentClientSecret": "ek_1"})
        refused.value.close()
    paths = [path for _, path, _, _ in openai.asked]
    assert paths == ["/v1/chatkit/sessions"] * 2 + ["/v1/chatkit/sessions/cksess_2/cancel"]
    for _, _, _, asked in openai.asked[:2]:
        assert asked["user"] == "acme:alice"
        assert asked["workflow"] == {"id": "wf_local", "state_variables": {"plan": "pro", "tenant": "acme"}}

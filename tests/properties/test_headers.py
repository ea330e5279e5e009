"""The head of every answer of the two functions that face the web, whatever they are sent."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.errors import InternalError, InvalidRequest, Unavailable
from functions.gateway.api_routes import ApiRoutes
from functions.gateway.chat_endpoint import ChatEndpoint
from functions.gateway.cors import Cors
from functions.gateway.sessions import Sessions
from functions.identity.keys import OneKey, SigningKey
from functions.identity.named_users import LocalIdentities
from functions.identity.tokens import ClientTokens
from functions.runtime.drive import close
from functions.translations import Text
from tests.properties.test_gateway import FIELDS, JSON
from tests.support.http_events import FORMATS
from tests.support.memory_store import MemoryStore

APP = "https://app.example.com"
TOKENS = ClientTokens(keys=OneKey(SigningKey(kid="1", key="k" * 32)))
TOKEN = TOKENS.issue("alice").client_secret

ORIGINS = st.sampled_from(
    (
        APP,
        APP + "/",
        APP.upper(),
        "http://app.example.com",
        f"{APP}.evil.example",
        "https://evil.example",
        "null",
        "*",
        "",
    )
)
CALLS = st.builds(
    lambda build, method, path, origin, accept, token, body: build(
        method,
        path,
        headers={"Origin": origin, "Accept": accept, "Authorization": f"Bearer {token}"},
        body=body,
    ),
    st.sampled_from(FORMATS),
    st.sampled_from(("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW", "")),
    st.sampled_from(("/chatkit", "/api/chatkit/start", "/api/health", "/api/nothing", "/", "/api//", "/%00", "/../x"))
    | st.text(),
    ORIGINS,
    st.sampled_from(("text/event-stream", "*/*", "")),
    st.sampled_from((TOKEN, "x", "")),
    st.sampled_from(('{"user": "alice"}', "{", "[" * 50_000, '{"type": "threads.list"}', "x" * 1_100_000)) | st.text(),
)


class Fickle:
    """Answers, or fails in one of the ways in which an engine may."""

    async def process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
        failures = (InvalidRequest("x", "is wrong"), Unavailable(Text.INTERNAL), InternalError("ours"), KeyError("x"))
        if len(body) % 5 < len(failures):
            raise failures[len(body) % 5]
        return NonStreamingResult(b"{}")


def head_of_chat(event: Any) -> Mapping[str, str]:
    """What the chat function's answer begins with."""

    async def answer() -> Mapping[str, str]:
        chat = ChatEndpoint(processor=Fickle(), tokens=TOKENS, cors=Cors((APP,)), deadline_margin=1.0)
        response = await chat.handle_event(event)
        await close(response)
        return response.headers

    return asyncio.run(answer())


def head_of_api(event: Any) -> Mapping[str, str]:
    """What the api function's answer begins with."""
    routes = ApiRoutes(Sessions(tokens=TOKENS, identities=[LocalIdentities()], ended=MemoryStore()), cors=Cors((APP,)))
    return routes.handle(event)["headers"]


@pytest.mark.parametrize("head_of", [head_of_chat, head_of_api])
@given(event=CALLS | JSON | FIELDS)
def test_every_answer_is_guarded(head_of: Any, event: Any) -> None:
    """No answer is kept by a cache, read as what it does not say it is, or tells what server has made it."""
    headers = head_of(event)
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert not {"server", "x-powered-by", "via"} & set(headers)
    assert all(name == name.lower() for name in headers)


@pytest.mark.parametrize("head_of", [head_of_chat, head_of_api])
@given(event=CALLS)
def test_no_page_but_those_that_are_named_reads_an_answer(head_of: Any, event: Any) -> None:
    """An origin is compared letter by letter: no other spelling of it, no suffix, no `null`, no wildcard."""
    headers = head_of(event)
    origin = event["headers"]["Origin"]
    assert headers.get("access-control-allow-origin") == (APP if origin == APP else None)
    assert headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in headers

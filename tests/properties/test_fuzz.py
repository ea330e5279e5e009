"""The three surfaces that strangers reach, under anything: `/chatkit`, the api function's routes, and events as such.

No answer is a 500, each is what its own description says, and nothing is raised.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import jsonschema_rs
import pytest
import schemathesis
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.assistant.demo import DemoAssistant
from functions.attachments.limits import AttachmentLimits
from functions.attachments.uploads import Uploads
from functions.engine.engine import Engine
from functions.engine.quotas import Quotas
from functions.gateway.api_routes import ApiRoutes
from functions.gateway.chat_endpoint import ChatEndpoint
from functions.gateway.cors import Cors
from functions.gateway.entity_routes import EntityRoutes
from functions.gateway.sessions import Sessions
from functions.gateway.upload_routes import UploadRoutes
from functions.identity.keys import OneKey, SigningKey
from functions.identity.named_users import LocalIdentities
from functions.identity.tokens import ClientTokens
from functions.ids import IdFactory
from functions.limits import NO_LIMITS
from functions.runtime.loop import run
from tests.properties.test_gateway import ANY_TEXT, FIELDS, JSON
from tests.properties.test_parsing import corrupted
from tests.support.assistants import CannedModel
from tests.support.chat import message_input
from tests.support.http_events import FORMATS, Build
from tests.support.memory_objects import MemoryObjects
from tests.support.memory_store import MemoryStore
from tests.support.multipart import CONTENT_TYPE, Part, multipart
from tests.support.request_bodies import REQUESTS, body_of

DOCS: Final = Path(__file__).parents[2] / "docs"
DESCRIPTION: Final[dict[str, Any]] = yaml.safe_load((DOCS / "api.yaml").read_text("utf-8"))
SCHEMA: Final = schemathesis.openapi.from_dict(DESCRIPTION)
OPERATIONS: Final = [
    SCHEMA[path][method.upper()] for path, of_path in DESCRIPTION["paths"].items() for method in of_path
]
TOKENS: Final = ClientTokens(keys=OneKey(SigningKey(kid="1", key="k" * 32)))
TOKEN: Final = TOKENS.issue("alice").client_secret

some = settings(max_examples=80)


async def _no_sleep(_seconds: float) -> None:
    """An upload that never comes is waited for no longer than it takes to look."""
    await asyncio.sleep(0.05)


class Backend:
    """Both functions on one store in memory."""

    def __init__(self) -> None:
        store, assistants = MemoryStore(), {"default": DemoAssistant(pause=0)}
        attachments = Uploads(
            records=store.attachments,
            objects=MemoryObjects(),
            limits=AttachmentLimits(),
            ids=IdFactory(),
            now=lambda: datetime.now(UTC),
            files=lambda: None,
            sleep=_no_sleep,
        )
        engine = Engine(
            store=store, assistants=assistants, model=CannedModel(), ids=IdFactory(), attachments=attachments
        )
        self.chat = ChatEndpoint(processor=engine, tokens=TOKENS, cors=Cors(("*",)), deadline_margin=10.0)
        self.api = ApiRoutes(
            Sessions(tokens=TOKENS, identities=[LocalIdentities()], ended=store),
            EntityRoutes(assistants=assistants, tokens=TOKENS),
            UploadRoutes(
                tokens=TOKENS,
                attachments=attachments,
                quotas=Quotas(counters=None, limits=NO_LIMITS, ids=IdFactory(), now=lambda: datetime.now(UTC)),
            ),
            cors=Cors(("*",)),
        )

    def ask(self, event: Any) -> tuple[int, bytes]:
        """What the chat function answers, read to its end."""

        async def read() -> tuple[int, bytes]:
            response = await self.chat.handle_event(event, seconds_left=60)
            if isinstance(response.body, AsyncIterator):
                return response.status, b"".join([chunk async for chunk in response.body])
            return response.status, b"".join(response.body)

        return run(read())


@pytest.fixture(scope="module")
def backend() -> Backend:
    """One for all examples: what one of them leaves is there for the next."""
    return Backend()


def event_of(build: Build, content: bytes, **headers: str) -> Any:
    """A POST to `/chatkit`, by Alice."""
    return build(
        headers={"authorization": f"Bearer {TOKEN}", **headers}, body=base64.b64encode(content).decode(), is_base64=True
    )


def check_chat(status: int, told: bytes) -> None:
    """A refusal in JSON, JSON, or events that tell of no fault of ours."""
    assert status in {200, 400, 401, 403, 404, 405, 409, 413, 422, 429}, (status, told)
    for frame in told.split(b"\n\n"):
        if frame.startswith(b"data: "):
            assert json.loads(frame[6:]).get("code") != "stream.error", told


@some
@given(
    build=st.sampled_from(FORMATS),
    content=st.binary(max_size=200)
    | corrupted().map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from(REQUESTS).map(lambda request: json.dumps(body_of(request)).encode()),
    accept=st.sampled_from(["text/event-stream", "*/*"]),
)
def test_bodies_of_the_chat_function(backend: Backend, build: Build, content: bytes, accept: str) -> None:
    """Whatever a body is, it is answered as a request or refused."""
    check_chat(*backend.ask(event_of(build, content, accept=accept)))


@some
@given(
    build=st.sampled_from(FORMATS),
    kind=st.sampled_from(["add_user_message", "retry_after_item", "custom_action", "add_structured_input", "update"]),
    item=st.integers(0, 3),
    fuzz=JSON,
)
def test_requests_about_a_thread_that_is_there(backend: Backend, build: Build, kind: str, item: int, fuzz: Any) -> None:
    """Behind the parser, too: right ids, and anything in the rest."""
    create = {"type": "threads.create", "params": {"input": message_input("question widget")}}
    _, told = backend.ask(event_of(build, json.dumps(create).encode(), accept="text/event-stream"))
    events = [json.loads(frame[6:]) for frame in told.split(b"\n\n") if frame.startswith(b"data: ")]
    items = [event["item"]["id"] for event in events if event["type"] == "thread.item.done"]
    params = {
        "thread_id": events[0]["thread"]["id"],
        "item_id": items[item % len(items)],
        "title": fuzz,
        "action": {"type": "counter.add", "payload": fuzz},
        "input": fuzz if kind == "add_structured_input" else message_input("long", quoted_text=fuzz),
    }
    content = json.dumps({"type": f"threads.{kind}", "params": params, "metadata": fuzz}).encode()
    check_chat(*backend.ask(event_of(build, content, accept="text/event-stream")))


@some
@given(event=JSON | FIELDS)
def test_events_as_such(backend: Backend, event: Any) -> None:
    """Whatever invokes the functions, they answer, and it is no fault."""
    status, told = backend.ask(event)
    assert status < 500, told
    result = backend.api.handle(event)
    assert result["statusCode"] < 500, result


@some
@given(
    build=st.sampled_from(FORMATS),
    method=st.sampled_from(["GET", "POST", "OPTIONS", "PUT", "", "\0"]) | ANY_TEXT,
    path=ANY_TEXT | st.sampled_from([*DESCRIPTION["paths"], "/api/chatkit/attachments/%00", "/api//chatkit/start"]),
    query=st.text(max_size=20),
    content=st.binary(max_size=200),
    headers=st.dictionaries(
        st.sampled_from(["authorization", "content-type", "cookie", "origin", "accept-language", "x-agent-type"]),
        ANY_TEXT | st.sampled_from([f"Bearer {TOKEN}", CONTENT_TYPE, "application/json"]),
    ),
)
def test_raw_requests(
    backend: Backend, build: Build, method: str, path: str, query: str, content: bytes, headers: dict[str, str]
) -> None:
    """Any method, path, query, headers and bytes."""
    event = build(method, path, headers=headers, query=query, body=base64.b64encode(content).decode(), is_base64=True)
    assert backend.ask(event)[0] < 500
    result = backend.api.handle(event)
    assert result["statusCode"] < 500, result


def test_the_description_has_every_route(backend: Backend) -> None:
    """`docs/api.yaml` and what is registered are the same."""
    registered = {(route.method, route.path.replace("<", "{").replace(">", "}")) for route in backend.api.routes}
    described = {(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods}
    assert registered == described


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_what_the_description_says(backend: Backend, operation: Any) -> None:
    """What the description allows is answered as it says; what it does not is refused, and neither is a fault."""

    @settings(max_examples=25)
    @given(
        case=st.one_of(
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        )
        if _is_given(operation)
        else operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE),
        build=st.sampled_from(FORMATS),
        signed=st.booleans(),
    )
    def sent(case: Any, build: Build, signed: bool) -> None:
        result = backend.api.handle(_event(case, build, signed=signed))
        told = json.loads(result["body"])
        assert result["statusCode"] < 500, result
        schema = operation.definition.raw["responses"]
        name = str(result["statusCode"]) if str(result["statusCode"]) in schema else "default"
        if name in schema:
            _check(told, _resolved(schema[name])["content"]["application/json"]["schema"])

    sent()


def _is_given(operation: Any) -> bool:
    return bool(operation.body) or bool(list(operation.iter_parameters()))


def _event(case: Any, build: Build, *, signed: bool) -> Any:
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    headers = {str(name): str(value) for name, value in (case.headers or {}).items()}
    if signed:
        headers["authorization"] = f"Bearer {TOKEN}"
    query = urlencode({name: str(value) for name, value in (case.query or {}).items()})
    if case.media_type == "multipart/form-data":
        headers["content-type"] = CONTENT_TYPE
        data = json.dumps(case.body, default=str).encode()
        content = multipart(Part(name="file", file_name="a.txt", media_type="text/plain", data=data))
    else:
        content = json.dumps(case.body, default=str).encode() if case.media_type else b""
    return build(
        case.method.upper(), path, headers=headers, query=query, body=base64.b64encode(content).decode(), is_base64=True
    )


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = DESCRIPTION
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def _check(told: Any, schema: dict[str, Any]) -> None:
    assert jsonschema_rs.validator_for(schema).is_valid(told), told

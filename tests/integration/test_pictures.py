"""A picture all the way: the recorded stream by HTTP, the functions' own wiring, S3, and a browser's GET of its URL."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.local import resources
from functions.local.ministack import Credentials
from functions.protocol.base import to_wire
from functions.settings import Settings
from functions.wiring import Wiring
from tests.support.chat import Json, message_input
from tests.support.ministack import Ministack
from tests.support.ministack import ministack as ministack  # the fixture
from tests.support.model_answers import Stream
from tests.support.model_server import ModelServer
from tests.support.output_items import PNG, completed, image, message

pytestmark = pytest.mark.integration

ORIGIN = "http://localhost:8787"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.script(
            Stream.of([json.dumps(event) for event in (*image(0, "AAAA"), *message(1, "Here"), completed())])
        )
        yield running


@pytest.fixture
def wiring(ministack: Ministack, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """A function's parts, as the local stack starts it: its AWS is ministack, its OpenAI the stand-in."""
    credentials = Credentials(access_key=ministack.key, secret_key=ministack.key)
    clients = resources.Clients.connect(endpoint=ministack.endpoint, credentials=credentials)
    resources.create(clients, origins=(ORIGIN,), model_key="sk-test")
    for name, value in {
        "AWS_ENDPOINT_URL": ministack.endpoint,
        "AWS_ACCESS_KEY_ID": ministack.key,
        "AWS_SECRET_ACCESS_KEY": ministack.key,
        "AWS_REGION": ministack.region,
        "AWS_DEFAULT_REGION": ministack.region,
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings(
        stage="local",
        table_name=resources.TABLE,
        bucket_name=resources.BUCKET,
        token_secret_id=resources.TOKEN_SECRET,
        openai_secret_id=resources.OPENAI_SECRET,
        openai_base_url=server.url,
        allowed_origins=(ORIGIN,),
        identity=("local",),
    )
    wiring = Wiring(settings)
    yield wiring
    for client in (clients.dynamodb, clients.s3, clients.secrets_manager, wiring._s3):
        client.close()


async def _send(wiring: Wiring, kind: str, params: Json) -> Any:
    body = json.dumps({"type": kind, "params": params}).encode()
    result = await wiring._engine.process(body, RequestContext(user="alice", request_id="req-1"))
    if isinstance(result, StreamingResult):
        return [json.loads(to_wire(event)) async for event in result.events]
    assert isinstance(result, NonStreamingResult)
    return json.loads(result.json)


def _got(url: str) -> tuple[bytes, str, str]:
    request = urllib.request.Request(url, headers={"Origin": ORIGIN})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(), answer.headers["content-type"], answer.headers["access-control-allow-origin"]


def _pictures(items: list[Json]) -> list[str]:
    return [item["image"]["url"] for item in items if item["type"] == "generated_image"]


def test_a_picture_is_drawn_from_its_url_by_a_page(wiring: Wiring, server: ModelServer) -> None:
    """Sent, read again and given to the model: each time the same bytes, and in no item."""

    async def converse() -> tuple[list[str], list[Json]]:
        try:
            return await conversation()
        finally:
            assert wiring._openai is not None
            await wiring._openai.close()

    async def conversation() -> tuple[list[str], list[Json]]:
        events = await _send(wiring, "threads.create", {"input": message_input("A frog")})
        thread = events[0]["thread"]["id"]
        sent = _pictures([event["item"] for event in events if event["type"] == "thread.item.done"])
        opened = (await _send(wiring, "threads.get_by_id", {"thread_id": thread}))["items"]["data"]
        await _send(wiring, "threads.add_user_message", {"thread_id": thread, "input": message_input("Greener")})
        (asked,) = (one.body["input"] for one in server.requests if "Greener" in json.dumps(one.body["input"]))
        return [*sent, *_pictures(opened)], asked

    urls, model_input = asyncio.run(converse())
    assert len(urls) == 2
    for url in urls:
        assert urlsplit(url).path.startswith(f"/{resources.BUCKET}/images/")
        data, media_type, origin = _got(url)
        assert (data[:4], media_type, origin) == (b"\x89PNG", "image/png", ORIGIN)
    shown = [part for entry in model_input for part in entry.get("content", []) if part["type"] == "input_image"]
    assert [part["image_url"] for part in shown] == [f"data:image/png;base64,{PNG}"]

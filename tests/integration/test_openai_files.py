"""Copies of files against a real HTTP server that answers, and misbehaves, as the Files API may."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import cast

import pytest

from functions.errors import ModelError
from functions.model.openai_client import OpenAIClient
from functions.model.openai_files import OpenAIFiles
from functions.model.retries import Retries
from functions.runtime.loop import run
from functions.translations import Text
from tests.support.model_answers import Body, HttpError
from tests.support.model_server import ModelServer, refused_url

pytestmark = pytest.mark.integration

MADE = Body(json.dumps({"id": "file-abc", "object": "file"}).encode(), "application/json")
NAME = "Über 'uns'.pdf"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.script(MADE)
        yield running


@contextmanager
def files(url: str, *, retries: int = 0) -> Iterator[OpenAIFiles]:
    client = OpenAIClient(api_key=lambda: "sk-test", base_url=url, retries=Retries(most=retries, first_pause=0.001))
    try:
        yield OpenAIFiles(client=client, seconds=5)
    finally:
        run(client.close())


def test_a_file_is_uploaded_with_its_name_and_type(server: ModelServer) -> None:
    """Multipart, with the purpose that the API wants of a model's input; its id comes back."""
    with files(server.url) as api:
        assert run(api.upload(NAME, b"%PDF-1.7", "application/pdf")) == "file-abc"
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/files")
    form = message_from_bytes(f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode() + request.content)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in cast("list[Message]", form.get_payload())
    }
    assert parts["purpose"].get_payload() == "user_data"
    assert parts["file"].get_payload(decode=True) == b"%PDF-1.7"
    assert parts["file"].get_content_type() == "application/pdf"


def test_a_failure_that_may_pass_is_tried_again(server: ModelServer) -> None:
    """As with every call to OpenAI."""
    server.script(HttpError.server_error(), MADE)
    with files(server.url, retries=1) as api:
        assert run(api.upload(NAME, b"x", "application/pdf")) == "file-abc"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer", [Body(b"{}", "application/json"), Body(b'{"id": 1}', "application/json"), Body(b"[]", "application/json")]
)
def test_an_answer_without_an_id_is_unreadable(server: ModelServer, answer: Body) -> None:
    """What the API never says is not taken for a success."""
    server.script(answer)
    with files(server.url) as api, pytest.raises(ModelError) as caught:
        run(api.upload(NAME, b"x", "application/pdf"))
    assert caught.value.reason == Text.MODEL_UNREADABLE.value


def test_a_file_is_deleted(server: ModelServer) -> None:
    """By its id, whatever that holds; one that is gone already is passed over."""
    with files(server.url) as api:
        run(api.delete("file-abc"))
        server.script(HttpError(404, "invalid_request_error", None, "No such file."))
        run(api.delete("../x"))
    assert [(each.method, each.path) for each in server.requests] == [
        ("DELETE", "/v1/files/file-abc"),
        ("DELETE", "/v1/files/..%2Fx"),
    ]


def test_what_cannot_be_reached_is_told() -> None:
    """Who asked for it hears of it."""
    with refused_url() as url, files(url) as api:
        for call in (api.upload(NAME, b"x", "application/pdf"), api.delete("file-abc")):
            with pytest.raises(ModelError):
                run(call)
